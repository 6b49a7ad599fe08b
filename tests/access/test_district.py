"""A district's broker with two villages bridged to it, all on real mosquittos; in one village the controller runs."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from access_bench import District, Login, Phone, village_config
from e2e_house import House
from support import until

pytestmark = pytest.mark.slow
MakePhone = Callable[..., Phone]
Capsys = pytest.CaptureFixture[str]
HERE, THERE = "village/nguyen-ly", "village/tan-binh"


def soon(seconds: float = 20) -> str:
    return (dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


@pytest.fixture
def house(district: District, folder: Path) -> Iterator[House]:
    """Nguyên Lý with its controller; Tân Bình without."""
    village_config(folder / "house")
    made = House(folder / "house", 0)
    cabinet = district.join("nguyen-ly", made.config)
    cabinet.start()
    made._broker_port = cabinet.port
    district.join("tan-binh", village_config(folder / "tan-binh", "tan-binh", "Thôn Tân Bình")).start()
    made.start_sim()
    made.start()
    yield made
    made.end()


@pytest.fixture
def far(district: District, house: House, capsys: Capsys) -> Login:
    """The village head's login at the district, made in his village's cabinet."""
    cabinet = district.cabinets["nguyen-ly"]
    out = district.folder / "handed-over"
    out.mkdir()
    login = cabinet.pair(
        capsys, "--name", "Bác Tư", "--role", "head", "--remote", str(district.card), "--png", str(out / "qr.png")
    )
    district.accept(out / f"{login.user}.json")
    return login


@pytest.fixture
def far_phone(district: District, far: Login, phone: MakePhone) -> Phone:
    """Logged in at the district; it has heard that the village is there and its controller online."""
    found: Phone = phone(district.broker, far, "village/+/#")
    until(lambda: last(found, f"{HERE}/status") == b"online" and last(found, f"{HERE}/link") == b"1", 20, "the village")
    return found


def last(listener: Phone, topic: str) -> bytes | None:
    return (listener.heard(topic) or [None])[-1]


def answer(far_phone: Phone, user: str, name: str, **fields: Any) -> dict[str, Any]:
    """Ask through the district, and wait for what comes back."""
    topic = f"{HERE}/reply/{user}/phone-1"
    before = len(far_phone.heard(topic))
    far_phone.say(f"{HERE}/ask/{user}/{name}", json.dumps({"id": f"r-{name}", "reply_to": topic, **fields}))
    until(lambda: len(far_phone.heard(topic)) > before, 20, f"an answer to {name}")
    found: dict[str, Any] = json.loads(far_phone.heard(topic)[before])
    return found


def result(far_phone: Phone, user: str, payload: dict[str, Any], to: str = "light/main-road") -> dict[str, Any]:
    """Command through the district, and wait for the device's next result."""
    before = len(far_phone.heard(f"{HERE}/{to}/result"))
    far_phone.say(f"{HERE}/{to}/set/{user}", json.dumps(payload))
    until(lambda: len(far_phone.heard(f"{HERE}/{to}/result")) > before, 20, f"a result for {payload}")
    found: dict[str, Any] = json.loads(far_phone.heard(f"{HERE}/{to}/result")[before])
    return found


def test_a_far_phone_switches_the_light_and_is_answered(house: House, far: Login, far_phone: Phone) -> None:
    told = result(far_phone, far.user, {"action": "on", "level": 33, "for_s": 600, "id": "c-1", "expires_at": soon()})
    assert (told["user"], told["outcome"]) == (far.user, "done")
    assert len(house.lit()) == 1
    state = json.loads(last(far_phone, f"{HERE}/light/main-road/state") or b"")
    assert (state["by"], state["observed"], state["observed_level"]) == (far.user, "ON", 33)
    assert result(far_phone, far.user, {"action": "on", "id": "c-2"})["error"]["code"] == "expiry-required"
    assert result(far_phone, far.user, {"action": "on", "expires_at": soon(-5)})["error"]["code"] == "expired"
    assert result(far_phone, far.user, {"action": "off"})["outcome"] == "done"
    assert house.lit() == ""
    asked = {"meter": "cabinet-1", "period": "day", "from": soon(-86400), "to": soon(0)}
    assert answer(far_phone, far.user, "energy", **asked)["ok"]
    assert answer(far_phone, far.user, "stop-water")["cancelled"] == []
    assert answer(far_phone, far.user, "alarms")["ok"]


def test_a_village_that_is_offline_is_told_at_the_district_and_carries_nothing_out_later(
    district: District, house: House, far: Login, far_phone: Phone, phone: MakePhone, capsys: Capsys
) -> None:
    cabinet = district.cabinets["nguyen-ly"]
    here = cabinet.pair(capsys, "--name", "Bác Tư", "--role", "head")
    operator = phone(district.broker, district.broker.pair(capsys, "--name", "Ủy ban", "--role", "viewer", "--every-site"), "#")
    house.kill("daemon")
    until(lambda: last(far_phone, f"{HERE}/status") == b"offline", 40, "the controller's will at the district")
    house.start()
    until(lambda: last(far_phone, f"{HERE}/status") == b"online", 20, "online again")
    until(lambda: last(operator, f"{THERE}/link") == b"1", 20, "the other village")
    district.wires["nguyen-ly"].cut()
    until(lambda: last(far_phone, f"{HERE}/link") == last(operator, f"{HERE}/link") == b"0", 20, "the bridge's will")
    assert last(operator, f"{THERE}/link") == b"1"
    late = phone(district.broker, far, "village/+/#")
    until(lambda: last(late, f"{HERE}/link") == b"0" and last(late, f"{HERE}/about") is not None, 20, "what is retained")
    for payload in ("ON", json.dumps({"action": "on", "id": "c-9", "expires_at": soon(600)})):
        far_phone.say(f"{HERE}/light/main-road/set/{far.user}", payload)
    far_phone.say(f"{HERE}/ask/{far.user}/stop-water", '{"id": "r-9"}')
    near = phone(cabinet, here, f"{HERE}/light/+/result")
    near.say(f"{HERE}/light/lanes/set/{here.user}", b"ON")  # on the village's Wi-Fi all goes on
    until(lambda: near.heard(f"{HERE}/light/lanes/result"), 20, "a result in the village")
    district.wires["nguyen-ly"].mend()
    until(lambda: last(far_phone, f"{HERE}/link") == b"1", 40, "the bridge again")
    told = result(far_phone, far.user, {"action": "off", "id": "c-10"})  # what was sent before would have come before
    assert (told["id"], told["outcome"]) == ("c-10", "done")
    assert far_phone.heard(f"{HERE}/reply/{far.user}/stop-water") == []
    assert near.heard(f"{HERE}/light/main-road/result") == [json.dumps(told, separators=(",", ":")).encode()]
    assert json.loads(last(far_phone, f"{HERE}/light/lanes/state") or b"")["by"] == here.user  # its present state came up
    assert house.lit() == ""


def test_nothing_bounces_and_what_is_over_is_over_at_the_district_too(
    district: District, folder: Path, phone: MakePhone, capsys: Capsys
) -> None:
    """A bridge and nobody behind it: the test speaks as the controller."""
    config = village_config(folder / "village")
    cabinet = district.join("nguyen-ly", config)
    cabinet.start()
    controller = Login("controller", (config.parent / "secrets" / "controller").read_text().strip())
    local = cabinet.pair(capsys, "--name", "Cô Lan", "--role", "technician")
    above = district.broker.pair(capsys, "--name", "Anh Minh", "--role", "technician", "--every-site")
    assert above.user == "anh-minh-district"
    speaker = phone(cabinet, controller, "village/#", "far/#")
    here, there = phone(cabinet, local, "#"), phone(district.broker, above, "#")
    until(lambda: last(there, f"{HERE}/link") == b"1", 20, "the bridge")
    alarm = f"{HERE}/alarm/mains-away:site:nguyen-ly"
    speaker.say(alarm, b'{"state": "raised"}', retain=True)
    for n in range(100):
        speaker.say(f"{HERE}/light/main-road/state", str(n), retain=True)
        there.say(f"{HERE}/light/main-road/set/{above.user}", str(n))
        here.say(f"{HERE}/light/main-road/set/{local.user}", str(n))
    there.say(f"{HERE}/ask/{above.user}/state", b"asked")
    there.say(f"{HERE}/light/main-road/lockout/{above.user}", b"locked")
    there.say(f"{HERE}/light/main-road/set/{above.user}", b"the last")
    until(lambda: last(speaker, f"far/{HERE}/light/main-road/set/{above.user}") == b"the last", 20, "the last down")
    speaker.say(alarm, b"", retain=True)
    speaker.say(f"{HERE}/audit", b"the last")
    until(lambda: last(there, f"{HERE}/audit") == b"the last", 20, "the last up")
    numbers = [str(n).encode() for n in range(100)]
    assert there.heard(f"{HERE}/light/main-road/state") == here.heard(f"{HERE}/light/main-road/state") == numbers
    assert speaker.heard(f"far/{HERE}/light/main-road/set/{above.user}") == [*numbers, b"the last"]
    assert there.heard(f"{HERE}/light/main-road/set/{above.user}") == [*numbers, b"the last"]
    assert speaker.heard(f"{HERE}/light/main-road/set/{local.user}") == numbers
    assert there.heard(f"{HERE}/light/main-road/set/{local.user}") == []
    assert speaker.heard(f"{HERE}/ask/{above.user}/state") == there.heard(f"{HERE}/ask/{above.user}/state") == [b"asked"]
    assert speaker.heard(f"far/{HERE}/light/main-road/lockout/{above.user}") == [b"locked"]
    assert [t for t, _, _ in here.messages if t.startswith("far/") or t.endswith("/link")] == []
    assert alarm not in {topic for topic, _, retained in phone(district.broker, above, "#").messages if retained}
    speaker.say(alarm, b'{"state": "raised"}', retain=True)
    until(lambda: last(there, alarm) == b'{"state": "raised"}', 20, "the alarm at the district")
    district.broker.stop()
    speaker.say(alarm, b"", retain=True)  # over while the link is away
    district.broker.start()
    again = phone(district.broker, above, "#")
    until(lambda: last(again, f"{HERE}/link") == b"1" and last(again, alarm) == b"", 40, "the end of the alarm")
    speaker.say(f"{HERE}/about", b"{}", retain=True)
    until(lambda: last(again, f"{HERE}/about") == b"{}", 20, "about")
    cabinet.stop()
    assert list(cabinet.data.iterdir()) == []  # the card is spared
    until(lambda: last(again, f"{HERE}/link") == b"0", 20, "the bridge's will")
    district.broker.stop()
    district.broker.start()
    after = phone(district.broker, above, "#")
    until(lambda: (last(after, f"{HERE}/link"), last(after, f"{HERE}/about")) == (b"0", b"{}"), 20, "a village that is known")


def test_who_is_put_out_in_the_village_is_not_heard_there_any_more(
    district: District, house: House, far: Login, far_phone: Phone, phone: MakePhone, capsys: Capsys, tmp_path: Path
) -> None:
    cabinet = district.cabinets["nguyen-ly"]
    told = result(far_phone, far.user, {"action": "on", "level": 33, "for_s": 600, "expires_at": soon()})
    assert told["outcome"] == "done"
    reloads = cabinet.reloads()
    assert cabinet.run("unpair", far.user, "--out", str(tmp_path)) == 0
    until(lambda: cabinet.reloads() > reloads, 20, "the cabinet's broker to read its list")
    assert not far_phone.out
    before = len(far_phone.heard(f"{HERE}/light/main-road/result"))
    far_phone.say(f"{HERE}/light/main-road/set/{far.user}", b"OFF")
    far_phone.say(f"{HERE}/ask/{far.user}/stop-water", b'{"id": "r-1"}')
    # Who comes after him over the same bridge is heard, so he has been passed over by then.
    other = district.broker.pair(capsys, "--name", "Cô Lan", "--role", "head", "--site", "nguyen-ly")
    assert result(phone(district.broker, other, f"{HERE}/#"), other.user, {"action": "off"}, "light/lanes")["outcome"] == "done"
    assert len(house.lit()) == 1
    assert len(far_phone.heard(f"{HERE}/light/main-road/result")) == before
    assert far_phone.heard(f"{HERE}/reply/{far.user}/stop-water") == []
    district.accept(tmp_path / f"{far.user}.json")
    until(lambda: far_phone.out, 60, "the phone to be thrown out")
    assert b"0" not in far_phone.heard(f"{HERE}/link")  # both brokers have read their lists anew, and the bridge stood
