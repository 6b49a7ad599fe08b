"""users.json and broker.json as people edit them: every error at once, and nothing lost."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from access_bench import GuardedBroker, village_config

from edge.access.people import Person, Registry, read, written
from edge.shell.site_file import ConfigError, Problem

Capsys = pytest.CaptureFixture[str]
HASH = "$7$101$" + "A" * 16 + "$" + "A" * 86 + "=="
HEAD = Person(name="Bác Tư", role="head", sites=["nguyen-ly"], made_at="2026-11-26T07:00:00.000Z", hash=HASH)


@pytest.fixture
def broker(tmp_path: Path, capsys: Capsys) -> GuardedBroker:
    """A cabinet's directory with one head; mosquitto does not run."""
    found = GuardedBroker(tmp_path / "cabinet")
    found.set_up("--config", str(village_config(tmp_path / "village")))
    found.pair(capsys, "--name", "Bác Tư", "--role", "head")
    return found


def told(error: ConfigError) -> list[tuple[str, int, str]]:
    return [(problem.path, problem.line, problem.message) for problem in error.problems]


def test_every_error_of_a_hand_edited_registry_is_told_at_once(broker: GuardedBroker, capsys: Capsys) -> None:
    users = broker.dir / "users.json"
    users.write_text(
        """{
 "users": {
  "Bác-Tư": {"name": "Bác Tư", "role": "head", "sites": ["nguyen-ly"], "made_at": "2026-11-26", "hash": null},
  "co-lan": {"name": "Cô Lan", "role": "boss", "sites": [], "made_at": "2026-11-26", "hash": "secret"},
  "anh-minh": {"name": " ", "sites": ["Nguyên Lý"], "made_at": 2026, "hash": null, "phone": "x"}
 },
 "formerly": {}
}
""",
        "utf-8",
    )
    before = {path: path.read_bytes() for path in broker.dir.iterdir()}
    for command in (["pair", "--name", "X", "--role", "head", "--page", "http://v.test"], ["unpair", "co-lan"], ["pair", "--list"]):
        capsys.readouterr()
        assert broker.run(*command) == 1
        said = capsys.readouterr().err.splitlines()
        assert all(line.startswith(f"{users}:") and "; " in line for line in said)
        places = [(int(line.split(":")[1]), line.split(": ")[1]) for line in said]
        assert places == [
            (3, "users.Bác-Tư"), (4, "users.co-lan.role"), (4, "users.co-lan.sites"), (4, "users.co-lan.hash"),
            (5, "users.anh-minh.role"), (5, "users.anh-minh.name"), (5, "users.anh-minh.sites[0]"),
            (5, "users.anh-minh.made_at"), (5, "users.anh-minh.phone"), (7, "formerly"),
        ]  # fmt: skip
    assert {path: path.read_bytes() for path in broker.dir.iterdir()} == before


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("", 1, "empty"), ("{", 1, "brackets"), ("[]", 1, "keys must"), ('{"users": {"a": 1, "a": 2}}', 1, "twice"),
        ('{"users": null}', 1, "no value"), ("\x00", 1, "U+0000"), ('{\n"users": {}\n"former": {}}', 3, "not closed"),
    ],
)  # fmt: skip
def test_what_is_no_registry_at_all_is_told_with_its_place(tmp_path: Path, text: str, line: int, word: str) -> None:
    path = tmp_path / "users.json"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as caught:
        read(Registry, path, "write {}")
    assert any(problem.line == line and word in problem.message for problem in caught.value.problems), caught.value


def test_a_district_of_two_thousand_users_is_read_and_its_errors_are_told(tmp_path: Path) -> None:
    path = tmp_path / "users.json"
    registry = Registry(users={f"user-{n}": HEAD for n in range(2000)})
    path.write_bytes(written(registry))
    began = time.process_time()
    assert read(Registry, path, "") == registry
    assert time.process_time() - began < 2
    data = json.loads(path.read_text())
    data["users"]["user-7"]["role"] = "boss"
    path.write_text(json.dumps(data))
    with pytest.raises(ConfigError) as caught:
        read(Registry, path, "")
    assert [problem.path for problem in caught.value.problems] == ["users.user-7.role"]
    path.write_text(json.dumps(data)[:-1])
    with pytest.raises(ConfigError) as caught:
        read(Registry, path, "")
    assert isinstance(caught.value.problems[0], Problem)
    assert "no JSON" in caught.value.problems[0].message


def test_a_directory_without_a_broker_is_told(tmp_path: Path, capsys: Capsys) -> None:
    broker = GuardedBroker(tmp_path / "none")
    for command in (["pair", "--name", "X", "--role", "head"], ["unpair", "x"], ["pair", "--list"], ["unpair"]):
        assert broker.run(*command) == 1
        assert "village-edge broker" in capsys.readouterr().err
    assert not broker.dir.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--role", "head"], "--name"), (["--name", "Bác Tư"], "--role"), (["--name", "🙂", "--role", "head"], "--user"),
        (["--name", " ", "--role", "head"], "1 to 64 characters"), (["--name", "a\nb", "--role", "head"], "one line"),
        (["--name", "x" * 65, "--role", "head"], "1 to 64"), (["--name", "X", "--role", "head", "--user", "bac-tu"], "is taken"),
        (["--name", "X", "--role", "head", "--user", "controller"], "is taken"), (["--again", "bac-tuu"], "did you mean bac-tu?"),
        (["--again", "controller"], "no phone"), (["--again", "bac-tu", "--role", "viewer"], "give it alone"),
        (["--name", "X", "--instead-of", "controller"], "no phone"), (["--name", "X", "--instead-of", "nobody-here"], "nobody"),
        (["--name", "X", "--role", "head", "--site", "tan-binh"], "nguyen-ly alone"),
        (["--name", "X", "--role", "head", "--page", "javascript:alert(1)"], "no page's address"),
        (["--name", "X", "--role", "head", "--page", "http://v.test/#user=x"], "no page's address"),
        (["--name", "X", "--role", "head", "--remote", "/nowhere/district.json"], "give the district's card"),
    ],
)  # fmt: skip
def test_what_cannot_be_paired_is_told_and_changes_nothing(
    broker: GuardedBroker, capsys: Capsys, arguments: list[str], words: str
) -> None:
    before = {path: path.read_bytes() for path in broker.dir.iterdir()}
    capsys.readouterr()
    assert broker.run("pair", *arguments) == 1
    said = capsys.readouterr()
    assert words in said.err
    assert "token" not in said.out
    assert {path: path.read_bytes() for path in broker.dir.iterdir()} == before


def test_two_people_of_one_name_are_two_users(broker: GuardedBroker, capsys: Capsys) -> None:
    assert broker.pair(capsys, "--name", "Bác  Tư", "--role", "viewer").user == "bac-tu-2"
    assert broker.pair(capsys, "--name", "Bac Tu", "--role", "viewer", "--user", "em-bac-tu").user == "em-bac-tu"
    assert broker.run("unpair") == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        "user", "controller", "bac-tu", "bac-tu-2", "em-bac-tu"
    ]  # fmt: skip


def test_the_controller_is_not_put_out(broker: GuardedBroker, capsys: Capsys) -> None:
    assert broker.run("unpair", "controller") == 1
    assert "mqtt.password_file" in capsys.readouterr().err


def test_who_is_put_out_is_in_no_file_that_mosquitto_reads(broker: GuardedBroker, capsys: Capsys) -> None:
    broker.pair(capsys, "--name", "Cô Lan", "--role", "viewer")
    assert broker.run("unpair", "bac-tu") == 0
    for file in ("passwords", "access"):
        text = (broker.dir / file).read_text()
        assert "co-lan" in text
        assert "bac-tu" not in text
