"""What `village-edge broker` writes, keeps, refuses and says; mosquitto does not run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from access_bench import District, GuardedBroker, village_config

Capsys = pytest.CaptureFixture[str]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return village_config(tmp_path / "village")


@pytest.fixture
def district(tmp_path: Path) -> Iterator[District]:
    """With Nguyên Lý bridged to it."""
    found = District(tmp_path)
    found.join("nguyen-ly", village_config(tmp_path / "nguyen-ly"))
    yield found
    found.stop()


def users(broker: GuardedBroker) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = json.loads((broker.dir / "users.json").read_text())["users"]
    return found


def test_options_that_were_given_once_are_kept(tmp_path: Path, config: Path, capsys: Capsys) -> None:
    broker = GuardedBroker(tmp_path / "cabinet")
    broker.set_up("--config", str(config), "--page", "http://tu-dien.local:8080/")
    written = (broker.dir / "mosquitto.conf").read_text()
    assert f"listener {broker.port} 127.0.0.1\n" in written
    assert "allow_anonymous false\n" in written
    assert broker.run("broker", "--config", str(config)) == 0
    assert (broker.dir / "mosquitto.conf").read_text() == written
    capsys.readouterr()
    assert broker.run("broker", "--config", str(config), "--listen", "127.0.0.1:1884") == 0
    out = capsys.readouterr().out
    assert f"-listener {broker.port} 127.0.0.1\n" in out
    assert "+listener 1884 127.0.0.1\n" in out
    assert "sudo systemctl restart mosquitto" in out
    assert broker.run("pair", "--name", "Bác Tư", "--role", "head") == 0
    assert "It opens http://tu-dien.local:8080 and" in capsys.readouterr().out


def test_a_plain_listener_on_a_network_is_marked(tmp_path: Path, config: Path) -> None:
    broker = GuardedBroker(tmp_path / "cabinet")
    assert broker.run("broker", "--config", str(config), "--listen", "0.0.0.0:1883") == 0
    assert "WITHOUT TLS" in (broker.dir / "mosquitto.conf").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--listen", "1883"], "HOST:PORT"), (["--listen", "127.0.0.1:70000"], "HOST:PORT"), (["--listen", "a b:1"], "HOST:PORT"),
        (["--page", "den.example.vn"], "no page's address"), (["--tls-listen", "0.0.0.0:8883"], "--cert FILE and --key FILE"),
        (["--cert", "/nowhere.pem"], "--tls-listen"), (["--pid-file", "run/pid"], "no path here"),
        (["--tls-listen", "0.0.0.0:8883", "--cert", "/nowhere.pem", "--key", "/nowhere.key"], "is not there"),
        (["--address", "x:1"], "--district"), (["--bridge", "/nowhere.json"], "no such file"),
        (["--config", "/nowhere.yaml"], "no such file"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_and_nothing_is_written(
    tmp_path: Path, config: Path, capsys: Capsys, arguments: list[str], words: str
) -> None:
    broker = GuardedBroker(tmp_path / "cabinet")
    assert broker.run("broker", "--config", str(config), *arguments) == 1
    assert words in capsys.readouterr().err
    assert not (broker.dir / "users.json").exists()


@pytest.mark.parametrize("section", ["  user: controller\n", "  password_file: secrets/controller    # relative to this file's folder\n"])
def test_a_configuration_without_the_controllers_login_is_told(
    tmp_path: Path, config: Path, capsys: Capsys, section: str
) -> None:
    text = config.read_text("utf-8")
    assert section in text
    bare = text.replace("  password_file: secrets/controller    # relative to this file's folder\n", "").replace(section, "")
    config.write_text(bare, "utf-8")
    assert GuardedBroker(tmp_path / "cabinet").run("broker", "--config", str(config)) == 1
    assert "password_file: secrets/controller" in capsys.readouterr().err


def test_a_cabinet_and_a_district_do_not_become_each_other(district: District, tmp_path: Path, capsys: Capsys) -> None:
    cabinet = district.cabinets["nguyen-ly"]
    other = village_config(tmp_path / "tan-binh", "tan-binh")
    assert cabinet.run("broker", "--config", str(other)) == 1
    assert "is the broker of nguyen-ly" in capsys.readouterr().err
    assert cabinet.run("broker", "--district", "X", "--page", "http://x", "--address", "x:1") == 1
    assert "leave --district out" in capsys.readouterr().err
    assert district.broker.run("broker", "--config", str(other)) == 1
    assert "say --district" in capsys.readouterr().err
    assert district.broker.run("broker", "--district", "--bridge", str(district.card)) == 1
    assert "joins none" in capsys.readouterr().err


def test_a_district_says_everything_that_it_lacks(tmp_path: Path, capsys: Capsys) -> None:
    assert GuardedBroker(tmp_path / "district").run("broker", "--district") == 1
    said = capsys.readouterr().err
    assert all(option in said for option in ("--district", "--page", "--address"))


def test_the_card_has_no_secret_and_the_bridge_is_written_from_it(district: District, capsys: Capsys) -> None:
    card = json.loads(district.card.read_text())
    assert card == {
        "district": "Huyện Thiệu Hóa", "page": "https://den.example.vn", "broker": f"127.0.0.1:{district.broker.port}",
        "tls": False, "ca": None,
    }  # fmt: skip
    cabinet = district.cabinets["nguyen-ly"]
    written = (cabinet.dir / "mosquitto.conf").read_text()
    secret = (cabinet.dir / "bridge-secret").read_text().strip()
    assert f"remote_password {secret}\n" in written
    assert secret not in (cabinet.dir / "nguyen-ly.json").read_text()
    entry = (cabinet.dir / "nguyen-ly.json").read_bytes()
    capsys.readouterr()
    cabinet.set_up("--config", str(district.folder / "nguyen-ly" / "site.yaml"))
    assert "nothing has changed" in capsys.readouterr().out
    assert (cabinet.dir / "nguyen-ly.json").read_bytes() == entry
    cabinet.set_up("--config", str(district.folder / "nguyen-ly" / "site.yaml"), "--no-bridge")
    out = capsys.readouterr().out
    assert "-connection district" in out
    assert secret not in out
    assert "remote_password" not in (cabinet.dir / "mosquitto.conf").read_text()


def test_over_the_bridge_commands_come_as_far_ones_and_go_up_from_nowhere(district: District) -> None:
    written = (district.cabinets["nguyen-ly"].dir / "mosquitto.conf").read_text()
    bridged = [line for line in written.splitlines() if line.startswith("topic ")]
    kinds = ("light", "valve", "pump", "switch", "meter", "sensor")
    orders = {f'topic village/nguyen-ly/{kind}/+/{leaf}/+ in 1 far/ ""' for kind in kinds for leaf in ("set", "lockout")}
    assert {line for line in bridged if " in " in line} == {*orders, "topic village/nguyen-ly/ask/+/+ in 1"}
    up = [line for line in bridged if " out " in line]
    assert len(up) == len(bridged) - len(orders) - 1
    assert not [line for line in up if "/set/" in line or "/lockout/" in line or "/ask/" in line]


def remote(district: District, tmp_path: Path, *words: str) -> Path:
    """What a village's `pair --remote` writes for its district."""
    cabinet = district.cabinets["nguyen-ly"]
    before = set(tmp_path.glob("*.json"))
    where = ["--remote", str(district.card), "--png", str(tmp_path / "qr.png")]
    assert cabinet.run("pair", *words, *where) == 0
    (found,) = set(tmp_path.glob("*.json")) - before
    return found


def test_a_far_phone_enters_at_the_district_alone(district: District, tmp_path: Path, capsys: Capsys) -> None:
    path = remote(district, tmp_path, "--name", "Bác Tư", "--role", "head")
    out = capsys.readouterr().out
    assert "It opens https://den.example.vn and" in out
    entry = json.loads(path.read_text())
    assert (entry["user"], entry["role"], entry["site"]) == ("bac-tu-nguyen-ly", "head", "nguyen-ly")
    assert path.stat().st_mode & 0o777 == 0o600
    cabinet = district.cabinets["nguyen-ly"]
    assert users(cabinet)["bac-tu-nguyen-ly"]["hash"] is None
    assert "bac-tu-nguyen-ly" not in (cabinet.dir / "passwords").read_text()
    code = out.partition("check code ")[2][:9]
    assert district.broker.run("broker", "--district", "--accept", str(path)) == 0
    assert f"check code {code}" in capsys.readouterr().out
    assert users(district.broker)["bac-tu-nguyen-ly"]["hash"] == entry["hash"]
    assert district.broker.run("broker", "--district", "--accept", str(path)) == 0
    assert "nothing has changed" in capsys.readouterr().out


def test_a_far_phone_is_renewed_handed_over_and_put_out(district: District, tmp_path: Path, capsys: Capsys) -> None:
    cabinet = district.cabinets["nguyen-ly"]
    first = remote(district, tmp_path, "--name", "Bác Tư", "--role", "head")
    district.accept(first)
    old = users(district.broker)["bac-tu-nguyen-ly"]["hash"]
    first.unlink()
    assert cabinet.run("pair", "--again", "bac-tu-nguyen-ly", "--png", str(tmp_path / "qr.png")) == 0  # the card is known
    assert "It opens https://den.example.vn and" in capsys.readouterr().out
    district.accept(first)
    assert users(district.broker)["bac-tu-nguyen-ly"]["hash"] not in (None, old)
    district.accept(remote(district, tmp_path, "--name", "Cô Lan", "--instead-of", "bac-tu-nguyen-ly"))
    assert set(users(district.broker)) == {"nguyen-ly", "co-lan-nguyen-ly"}
    assert "topic deny far/village/nguyen-ly/light/+/set/bac-tu-nguyen-ly\n" in (cabinet.dir / "access").read_text()
    assert cabinet.run("unpair", "co-lan-nguyen-ly", "--out", str(tmp_path)) == 0
    district.accept(tmp_path / "co-lan-nguyen-ly.json")
    assert set(users(district.broker)) == {"nguyen-ly"}


def test_whether_a_phone_enters_here_or_at_the_district_is_kept(district: District, tmp_path: Path, capsys: Capsys) -> None:
    cabinet = district.cabinets["nguyen-ly"]
    here = cabinet.pair(capsys, "--name", "Bác Tư", "--role", "head")
    assert cabinet.run("pair", "--again", here.user, "--remote", str(district.card)) == 1
    assert "leave --remote out" in capsys.readouterr().err
    remote(district, tmp_path, "--name", "Bác Tư", "--role", "head")
    cabinet.set_up("--config", str(district.folder / "nguyen-ly" / "site.yaml"), "--no-bridge")
    assert cabinet.run("pair", "--again", "bac-tu-nguyen-ly") == 1
    assert "give its card with --remote" in capsys.readouterr().err
    new = cabinet.pair(capsys, "--name", "Cô Lan", "--instead-of", "bac-tu-nguyen-ly", "--png", str(tmp_path / "qr.png"))
    assert new.user == "co-lan"  # who entered at the district is out there too, once this is taken in
    assert json.loads((tmp_path / "bac-tu-nguyen-ly.json").read_text())["hash"] is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"site": "tan-binh"}, "is no village of this district yet"), ({"role": "controller"}, "not possible here"),
        ({"role": "bridge", "user": "co-lan-district"}, "of * here"), ({"role": "bridge"}, "has its village's id"), ({"user": "nguyen-ly"}, "is bridge here, not head"),
        ({"hash": "x"}, "no hash of a token"), ({"user": "co-lan-district"}, "of * here"),
        ({"instead_of": "co-lan-district"}, "not of nguyen-ly alone"), ({"sites": ["*"]}, "unknown key"),
    ],
)  # fmt: skip
def test_a_village_lets_nobody_in_beyond_itself(
    district: District, tmp_path: Path, capsys: Capsys, change: dict[str, object], words: str
) -> None:
    """The file comes from a village, over a messenger: it is believed as far as that village goes."""
    assert district.broker.pair(capsys, "--name", "Cô Lan", "--role", "technician", "--every-site").user == "co-lan-district"
    path = remote(district, tmp_path, "--name", "Bác Tư", "--role", "head")
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    before = {file: file.read_bytes() for file in district.broker.dir.iterdir()}
    capsys.readouterr()
    assert district.broker.run("broker", "--district", "--accept", str(path)) == 1
    assert words in capsys.readouterr().err
    assert {file: file.read_bytes() for file in district.broker.dir.iterdir()} == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--role", "head"], "--site nguyen-ly, or --every-site"), (["--role", "head", "--site", "tan-binh"], "no such village"),
        (["--role", "head", "--site", "nguyen-ly", "--remote", "CARD"], "leave --remote out"),
    ],
)  # fmt: skip
def test_what_a_district_cannot_pair_is_told(district: District, capsys: Capsys, arguments: list[str], words: str) -> None:
    words_given = [str(district.card) if word == "CARD" else word for word in arguments]
    assert district.broker.run("pair", "--name", "X", *words_given) == 1
    assert words in capsys.readouterr().err


def test_a_district_pairs_for_one_village_some_or_all(district: District, capsys: Capsys) -> None:
    one = district.broker.pair(capsys, "--name", "Bác Tư", "--role", "head", "--site", "nguyen-ly")
    every = district.broker.pair(capsys, "--name", "Phòng Kinh tế", "--role", "district", "--every-site")
    assert (one.user, every.user) == ("bac-tu-nguyen-ly", "phong-kinh-te-district")
    assert users(district.broker)[every.user]["sites"] == ["*"]
    assert district.broker.run("unpair", "nguyen-ly") == 0
    assert "nguyen-ly (Thôn Nguyên Lý, bridge) is out." in capsys.readouterr().out
