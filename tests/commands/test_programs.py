"""`village-edge programs` against a real broker and the core itself, which answers for a controller."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from fake_controller import FakeController, parsed
from support import Mosquitto, free_port
from villages import Bench

from edge.commands import programs
from edge.shell.app import catalogue
from edge.shell.site_file import load

Said = pytest.CaptureFixture[str]
CONFIG = Path(__file__).parents[2] / "config" / "nguyen-ly.yaml"
FEAST = {"kind": "light", "steps": [{"at": "sunset", "level": 100}]}


@pytest.fixture
def core(controller: FakeController) -> Bench:
    """The core of the example village, at whose desk the fake controller asks."""
    bench = Bench(load(CONFIG, catalogue()))

    def answer(_: FakeController, topic: str, request: dict[str, Any]) -> None:
        _, user, name = topic.split("/")
        to = request.pop("reply_to").removeprefix("village/nguyen-ly/")
        controller.say_later(to, bench.ask(name, user, **request))

    controller.answer = answer
    controller.say("about", json.loads(bench.radio.retained["village/nguyen-ly/about"]), retain=True)
    return bench


def typed(broker: Mosquitto, *words: str) -> int:
    where = ["--config", str(CONFIG), "--mqtt", f"127.0.0.1:{broker.port}", "--user", "tho"]
    return programs.run(parsed(programs, *where, *words))


def test_it_lists_kind_rev_who_changed_it_and_who_follows_it(mosquitto: Mosquitto, core: Bench, capsys: Said) -> None:
    core.ask("program-put", "head", program="evening-off", rev=1, body=FEAST)
    core.ask("program-put", "head", program="feast", rev=0, body=FEAST)
    assert typed(mosquitto) == 0
    out = capsys.readouterr().out.splitlines()
    plots = [f"valve/plot-{n}" for n in range(1, 5)]
    assert out[:5] == [
        "program              kind        rev  changed                                  used by",
        "street               light         1  as in the controller's configuration     light/main-road",
        "lanes                light         1  as in the controller's configuration     light/lanes",
        "evening-off          light         2  by head, 2026-11-21 16:00                light/culture-house",
        f"morning-water        irrigation    1  as in the controller's configuration     {', '.join(plots)}",
    ]
    assert out[5].startswith("cool                 climate       1  as in the controller's configuration     ")
    assert out[6:] == [
        "feast                light         1  by head, 2026-11-21 16:00                -",
        f"evening-off differs from {CONFIG}; see --diff evening-off",
        f"feast differs from {CONFIG}; see --diff feast",
    ]
    assert typed(mosquitto, "--json") == 0
    rows = {row["program"]: row for row in map(json.loads, capsys.readouterr().out.splitlines())}
    changed = [rows[name] for name in ("evening-off", "feast")]
    assert [(r["rev"], r["by"], r["differs"]) for r in changed] == [(2, "head", True), (1, "head", True)]
    assert rows["evening-off"]["body"] == FEAST
    assert rows["street"]["used_by"] == ["light/main-road"]
    assert not rows["morning-water"]["differs"]


def test_one_for_water_is_shown_as_the_file_has_it_and_put_again(
    mosquitto: Mosquitto, core: Bench, tmp_path: Path, capsys: Said
) -> None:
    path = tmp_path / "water.yaml"
    assert typed(mosquitto, "--show", "morning-water") == 0
    shown = capsys.readouterr().out
    assert "\nseason: {1: 60, 2: 70, 3: 80," in shown
    path.write_text(shown)
    assert typed(mosquitto, "--put", str(path), "morning-water") == 0
    assert capsys.readouterr().out == "morning-water is so already: rev 1\n"
    path.write_text(shown.replace("{plot-1: ", "{plot-9: "))
    assert typed(mosquitto, "--put", str(path), "morning-water") == 1
    assert '"plot-9" is not among the valves' in capsys.readouterr().err
    path.write_text(shown.replace("1: 60", "1: 65"))
    assert typed(mosquitto, "--put", str(path), "morning-water") == 0
    assert typed(mosquitto, "--diff", "morning-water") == 1
    assert "-season: {1: 60" in capsys.readouterr().out


def test_the_difference_is_told_in_the_words_of_the_file(mosquitto: Mosquitto, core: Bench, capsys: Said) -> None:
    assert typed(mosquitto, "--diff") == 0
    assert capsys.readouterr().out == f"every program: as in {CONFIG}\n"
    body = next(p for p in core.ask("programs")["programs"] if p["program"] == "street")["body"]
    changed = json.loads(json.dumps(body))
    changed["steps"][1] = {"at": " 22:30 ", "level": 67}
    core.ask("program-put", "head", program="street", rev=1, body=changed)
    core.ask("program-put", "head", program="feast", rev=0, body=FEAST)
    assert typed(mosquitto, "--diff") == 1
    out = capsys.readouterr().out
    assert '\n-  - {at: "22:30", level: 33}\n+  - {at: "22:30", level: 67}\n' in out
    assert f"--- {CONFIG}: programs.street\n+++ in force: street, rev 2, by head, 2026-11-21 16:00\n" in out
    assert f"--- {CONFIG}: no feast\n+++ in force: feast, rev 1, by head, 2026-11-21 16:00\n" in out
    assert typed(mosquitto, "--diff", "lanes") == 0
    assert capsys.readouterr().out == f"lanes: as in {CONFIG}\n"


def test_what_there_is_not_is_said_with_what_there_is(mosquitto: Mosquitto, core: Bench, capsys: Said) -> None:
    core.ask("program-put", "head", program="feast", rev=0, body=FEAST)
    for words, said in (
        (["--show", "moon"], "no program moon is in force; there are: street, lanes, evening-off, morning-water, cool, feast\n"),
        (["--diff", "moon"], "no program moon is in force; there are: street, lanes, evening-off, morning-water, cool, feast\n"),
        (["--reset", "feast"], f"{CONFIG} has no program feast to go back to; it has: street, lanes, evening-off, morning-water, cool\n"),
    ):
        assert typed(mosquitto, *words) == 1
        assert capsys.readouterr() == ("", said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1:1: the file is empty; begin with kind: light"),
        ("kind: climate\n", "1:7: kind: street is a program of kind light; choose another id"),
        ("kind: light\nsteps: [{at: 25:00, level: 3}]\n", '2:14: steps[0].at: "25:00" cannot be read'),
        ("kind: light\nkind: light\nsteps: [{at: sunset, level: 3}]\n", "2:1: kind: the key stands twice"),
        ("steps: [\n", "2:1: this is not YAML"),
    ],
)
def test_a_file_with_mistakes_is_not_sent(
    mosquitto: Mosquitto, controller: FakeController, tmp_path: Path, capsys: Said, text: str, said: str
) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(text)
    assert typed(mosquitto, "--put", str(path), "street") == 1
    assert said in capsys.readouterr().err
    assert controller.received == []


def test_a_file_or_an_id_that_cannot_be_is_said(mosquitto: Mosquitto, tmp_path: Path, capsys: Said) -> None:
    assert typed(mosquitto, "--put", str(tmp_path / "none.yaml"), "street") == 1
    assert "there is no such file; give the path of a file with a program" in capsys.readouterr().err
    assert typed(mosquitto, "--put", str(tmp_path / "none.yaml"), "Street") == 2
    assert "at most 32 small letters" in capsys.readouterr().err
    assert typed(mosquitto, "--show", "street", "--rev", "1") == 2
    assert "--rev and --save go with --put" in capsys.readouterr().err


def test_a_new_one_is_put_and_one_of_another_kind_is_refused(mosquitto: Mosquitto, core: Bench, tmp_path: Path, capsys: Said) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(json.dumps(FEAST))
    assert typed(mosquitto, "--put", str(path), "feast") == 0
    assert capsys.readouterr().out == "feast put: rev 1\n"
    assert typed(mosquitto, "--put", str(path), "cool") == 1
    assert "cool is a program of kind climate; choose another id" in capsys.readouterr().err


def test_what_was_is_kept_where_it_was_asked_to_be_and_nothing_is_put_if_it_cannot(
    mosquitto: Mosquitto, core: Bench, tmp_path: Path, capsys: Said
) -> None:
    path, save = tmp_path / "p.yaml", tmp_path / "was.yaml"
    path.write_text(json.dumps(FEAST))
    save.write_text("mine")
    for where, said in ((save, "this file exists; name a new one"), (tmp_path / "no" / "was.yaml", "No such file or directory")):
        assert typed(mosquitto, "--put", str(path), "street", "--save", str(where)) == 2
        assert said in capsys.readouterr().err
    assert save.read_text() == "mine"
    assert core.ask("programs")["programs"][0]["rev"] == 1
    save.unlink()
    assert typed(mosquitto, "--put", str(path), "street", "--rev", "7", "--save", str(save)) == 1
    assert "refused (conflict): street has rev 1, not 7" in capsys.readouterr().err
    assert typed(mosquitto, "--put", str(path), "street", "--save", str(save)) == 0
    assert typed(mosquitto, "--put", str(save), "street") == 0
    assert (core.ask("programs")["programs"][0]["rev"], core.ask("programs")["programs"][0]["by"]) == (3, None)


def test_a_full_card_is_told(mosquitto: Mosquitto, core: Bench, tmp_path: Path, capsys: Said) -> None:
    def full() -> None:
        raise sqlite3.OperationalError("database or disk is full")

    core.store._before_commit = full
    path = tmp_path / "p.yaml"
    path.write_text(json.dumps(FEAST))
    assert typed(mosquitto, "--put", str(path), "street") == 0
    assert "the memory card cannot be written: a restart would lose it" in capsys.readouterr().err


def test_the_refusal_of_another_version_is_told_flaw_by_flaw(
    mosquitto: Mosquitto, controller: FakeController, capsys: Said, tmp_path: Path
) -> None:
    def answer(_: FakeController, topic: str, request: dict[str, Any]) -> None:
        flaws = [{"path": "steps[0].at", "text": "no such word; write another"}]
        error = {"code": "bad-program", "message": "1 error", "flaws": flaws}
        more = {"ok": False, "error": error} if topic.endswith("put") else {"ok": True, "programs": []}
        controller.say_later(request["reply_to"].removeprefix("village/nguyen-ly/"), {"id": request["id"], **more})

    controller.answer = answer
    path = tmp_path / "p.yaml"
    path.write_text(json.dumps(FEAST))
    assert typed(mosquitto, "--put", str(path), "street") == 1
    assert capsys.readouterr().err == "refused (bad-program): 1 error\nsteps[0].at: no such word; write another\n"


def test_nobody_who_answers_is_told_from_nobody_there(mosquitto: Mosquitto, capsys: Said) -> None:
    assert typed(mosquitto, "--timeout", "0.3s") == 2
    assert "no controller of a site nguyen-ly is known to the broker" in capsys.readouterr().err
    controller = FakeController(mosquitto.port)
    assert typed(mosquitto, "--timeout", "0.3s") == 2
    assert "did not answer within 0.3 s: is it running, and may tho ask on this broker?" in capsys.readouterr().err
    controller.say("status", "offline", retain=True)
    assert typed(mosquitto) == 2
    assert "the controller of nguyen-ly is offline" in capsys.readouterr().err
    controller.leave()
    at = f"127.0.0.1:{free_port()}"
    assert typed(mosquitto, "--mqtt", at) == 2
    assert f"no broker answers at {at}" in capsys.readouterr().err


def test_a_put_that_nobody_answers_may_have_been_heard(
    mosquitto: Mosquitto, controller: FakeController, tmp_path: Path, capsys: Said
) -> None:
    def answer(_: FakeController, topic: str, request: dict[str, Any]) -> None:
        if topic.endswith("/programs"):
            to = request["reply_to"].removeprefix("village/nguyen-ly/")
            controller.say_later(to, {"id": request["id"], "ok": True, "programs": []})

    controller.answer = answer
    path, save = tmp_path / "p.yaml", tmp_path / "was.yaml"
    path.write_text(json.dumps(FEAST))
    assert typed(mosquitto, "--put", str(path), "feast", "--save", str(save), "--timeout", "0.3s") == 2
    assert "may tho ask on this broker?; look with --diff feast whether it is in force" in capsys.readouterr().err


def test_a_bad_configuration_is_told_as_check_does(tmp_path: Path, capsys: Said) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("site: {}\n")
    assert programs.run(parsed(programs, "--config", str(bad))) == 2
    assert f"{bad}:1:1: site.id: " in capsys.readouterr().err
