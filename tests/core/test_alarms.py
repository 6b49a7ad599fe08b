"""Alarms and the requests about them: held off, raised, cleared, acknowledged, kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from villages import Bench, street, village

from edge.core.alarm_kinds import KINDS
from edge.core.alarms import Past, texts
from edge.core.assembly import decoder
from edge.core.events import JournalChanged, LinkChanged, ReadingsTaken
from edge.core.values import Reading, Refusal

SILENT = "device-silent:meter:cabinet"
ROOT = "village/thon"


def alarm(b: Bench, name: str = SILENT) -> dict[str, Any]:
    return json.loads(b.radio.retained.get(f"{ROOT}/alarm/{name}") or b"{}")


def speak(b: Bench) -> None:
    reading = Reading("meter/cabinet", {"power_w": 1.0, "energy_kwh": b.clock.mono() / 1e6}, b.clock.now().wall)
    b.put(ReadingsTaken("meter/cabinet", reading))


def recover(b: Bench) -> None:
    """The meter answers again for 30 s."""
    for _ in range(3):
        speak(b)
        b.advance(10)


ask = Bench.ask


def test_a_silent_meter_raises_after_a_minute_and_clears_after_it_has_answered_for_30_s() -> None:
    b = Bench()
    speak(b)
    b.advance(59)
    assert alarm(b) == {}
    b.advance(1)
    raised = alarm(b)
    assert (raised["state"], raised["severity"], raised["kind"], raised["device"]) == (
        "raised", "warning", "device-silent", "meter/cabinet"
    )
    assert raised["text"] == {"vi": "Tủ không trả lời", "en": "Tủ does not answer"}
    assert raised["at"] == "2026-11-21T09:01:00.000Z"
    speak(b)
    b.advance(20)
    assert alarm(b)["state"] == "raised"
    speak(b)
    b.advance(10)
    assert alarm(b)["state"] == "cleared"
    assert alarm(b)["cleared_at"] == "2026-11-21T09:01:30.000Z"


def test_cleared_and_acknowledged_it_is_gone_in_either_order() -> None:
    for first in ("clear", "acknowledge"):
        b = Bench()
        b.advance(60)
        for what in (first, "acknowledge" if first == "clear" else "clear"):
            if what == "acknowledge":
                assert ask(b, "alarm-ack", alarm=SILENT)["ok"]
            else:
                recover(b)
        assert b.radio.retained[f"{ROOT}/alarm/{SILENT}"] == b""
        assert ask(b, "alarms")["alarms"] == []


def test_a_raised_alarm_outlasts_a_restart_and_says_who_knows_of_it(tmp_path: Path) -> None:
    b = Bench(journal=tmp_path / "journal.db")
    b.advance(60)
    ask(b, "alarm-ack", user="tho", alarm=SILENT)
    at = alarm(b)["at"]
    b.store.close(b.clock.now())
    again = Bench(journal=tmp_path / "journal.db", clock=b.clock)
    assert (alarm(again)["state"], alarm(again)["at"], alarm(again)["acknowledged_by"]) == ("raised", at, "tho")


def test_what_ends_while_the_link_is_down_is_taken_back_when_it_is_up(tmp_path: Path) -> None:
    b = Bench(journal=tmp_path / "journal.db")
    b.advance(60)
    ask(b, "alarm-ack", alarm=SILENT)
    b.put(LinkChanged(up=False))
    recover(b)
    assert b.radio.retained[f"{ROOT}/alarm/{SILENT}"] != b""
    assert ask(b, "alarms")["alarms"] == []
    b.store.close(b.clock.now())
    again = Bench(journal=tmp_path / "journal.db", clock=b.clock)
    assert again.radio.retained[f"{ROOT}/alarm/{SILENT}"] == b""


def test_the_alarm_of_a_device_that_was_taken_out_clears(tmp_path: Path) -> None:
    b = Bench(journal=tmp_path / "journal.db")
    b.advance(60)
    b.store.close(b.clock.now())
    lights = {"road": street(meter=None)}
    again = Bench(village(lights, meters={}), journal=tmp_path / "journal.db", clock=b.clock)
    again.advance(30)
    assert alarm(again)["state"] == "cleared"


def test_a_silent_meter_s_last_error_goes_with_its_alarm() -> None:
    b = Bench()
    b.put(ReadingsTaken("meter/cabinet", None, "no answer within 0.5 s"))
    b.advance(60)
    assert alarm(b)["data"] == {"why": "no answer within 0.5 s"}


def test_raised_anew_it_is_a_new_alarm_that_nobody_knows_of() -> None:
    b = Bench()
    b.advance(60)
    recover(b)
    assert alarm(b)["state"] == "cleared"
    b.advance(60)
    assert alarm(b)["state"] == "raised"
    assert alarm(b)["cleared_at"] is None
    assert alarm(b)["at"] > "2026-11-21T09:02"


def test_a_failing_journal_is_told_within_a_minute_and_cleared() -> None:
    b = Bench()
    name = "journal-failing:site:thon"
    b.put(JournalChanged("database or disk is full"))
    b.advance(10)
    assert alarm(b, name)["state"] == "raised"
    assert "full" in alarm(b, name)["text"]["vi"]
    b.put(JournalChanged(None))
    b.advance(10)
    assert alarm(b, name)["state"] == "cleared"


def test_a_moment_s_trouble_with_the_journal_is_not_worth_an_alarm() -> None:
    b = Bench()
    b.put(JournalChanged("locked"))
    b.advance(5)
    b.put(JournalChanged(None))
    b.advance(3600)
    assert not any(m.topic.startswith(f"{ROOT}/alarm/journal") for m in b.radio.messages)


def test_too_much_switching_raises_and_clears() -> None:
    b = Bench(village({"road": street(circuits=1)}, limits={"switching": {"burst": 4, "per": "60s"}}))
    for _ in range(4):
        b.send("ON")
        b.send("OFF")
    b.send("ON")
    assert alarm(b, "switching-capped:light:road")["state"] == "raised"
    b.advance(60 + 60)
    assert alarm(b, "switching-capped:light:road")["state"] == "cleared"


def test_an_unconfirmed_clock_is_an_alarm_after_two_minutes() -> None:
    b = Bench()
    b.clock.set_wall(b.clock.now().wall, trusted=False)
    b.advance(121)
    assert alarm(b, "clock-untrusted:site:thon")["state"] == "raised"
    b.clock.set_wall(b.clock.now().wall, trusted=True)
    b.advance(1)
    assert alarm(b, "clock-untrusted:site:thon")["state"] == "cleared"


def test_a_configuration_that_fell_back_is_an_alarm_until_a_start_with_a_good_one(tmp_path: Path) -> None:
    name = "configuration-fallback:site:thon"
    b = Bench(journal=tmp_path / "journal.db", fallback="site.yaml:3:1: lights: no such key")
    assert "no such key" in alarm(b, name)["text"]["en"]
    b.store.close(b.clock.now())
    again = Bench(journal=tmp_path / "journal.db", clock=b.clock)
    assert alarm(again, name)["state"] == "cleared"


SAFE_MODE = "safe-mode:site:thon"


def test_the_alarm_of_a_safe_mode_before_waits_to_be_acknowledged_once_normal_operation_is_back(tmp_path: Path) -> None:
    past = Past("safe-mode", "site/thon", 1795000000.0, {"why": "5 × it hung", "why_vi": "5 × bị treo", "minutes": 30})
    b = Bench(journal=tmp_path / "journal.db", past=past)
    told = alarm(b, SAFE_MODE)
    assert (told["state"], told["at"], told["acknowledged_by"]) == ("cleared", "2026-11-18T11:06:40.000Z", None)
    assert "5 × it hung" in told["text"]["en"]
    b.store.close(b.clock.now())
    again = Bench(journal=tmp_path / "journal.db", clock=b.clock)
    assert alarm(again, SAFE_MODE)["at"] == told["at"], "it outlasts another start"
    ask(again, "alarm-ack", alarm=SAFE_MODE)
    assert alarm(again, SAFE_MODE) == {}


def test_what_safe_mode_left_at_the_broker_is_taken_away() -> None:
    b = Bench()
    b.radio.retained[f"{ROOT}/alarm/{SAFE_MODE}"] = b'{"state":"raised"}'
    b.put(LinkChanged(up=False))
    b.put(LinkChanged(up=True))
    assert b.radio.retained[f"{ROOT}/alarm/{SAFE_MODE}"] == b""


def test_every_text_can_be_told_in_both_languages() -> None:
    for kind in KINDS.values():
        for text in (kind.vi, kind.en):
            assert text.format_map({"name": "N", "why": "W", "circuits": "a, b", "why_vi": "V", "rows": 3, "l_min": 4, "normal_l_min": 12, "minutes": 30})
        assert kind.severity in ("info", "warning", "critical")


def test_figures_are_told_as_people_write_them() -> None:
    said = texts(KINDS["flow-low"], {"name": "Th. 1", "l_min": 7.5, "normal_l_min": 12.0})
    assert said["en"].startswith("Th. 1 flows weakly: 7.5 l/min, normally 12:")
    assert said["vi"].startswith("Th. 1 chảy yếu: 7,5 l/phút, thường 12:")


def test_alarms_are_listed_oldest_first_and_an_unknown_one_is_refused_and_audited() -> None:
    b = Bench()
    b.put(JournalChanged("full"))
    b.advance(60)
    assert [a["alarm"] for a in ask(b, "alarms")["alarms"]] == ["journal-failing:site:thon", SILENT]
    refused = ask(b, "alarm-ack", alarm="lamps-out:light:road")
    assert (refused["id"], refused["ok"], refused["error"]["code"]) == ("r-1", False, "unknown-alarm")
    assert ask(b, "weather")["error"]["code"] == "unknown-request"
    assert ask(b, "alarm-ack", alarm=SILENT)["ok"]
    audit = [json.loads(m.payload) for m in b.radio.messages if m.topic == f"{ROOT}/audit"]
    assert [(a["user"], a["outcome"], a["request"]) for a in audit] == [("head", o, "alarm-ack") for o in ("rejected", "accepted")]
    assert (audit[0]["error"]["code"], audit[1]["alarm"]) == ("unknown-alarm", SILENT)


@pytest.mark.parametrize(
    "reply_to",
    [
        None, 7, f"{ROOT}/reply/other/phone", f"{ROOT}/reply/head", f"{ROOT}/reply/head/", f"{ROOT}/light/road/set/head",
        f"{ROOT}/reply/head/../x/", f"{ROOT}/reply/head/a/+", f"{ROOT}/reply/head/#", "village/other/reply/head/phone",
        f"{ROOT}/reply/head/" + "x" * 65, f"{ROOT}/reply/head/a\0b",
    ],
)
def test_an_answer_goes_nowhere_but_to_the_asker(reply_to: object) -> None:
    d = decoder(village())
    payload = json.dumps({"id": "r-1", "reply_to": reply_to}).encode()
    response = reply_to if isinstance(reply_to, str) else None
    for heard in (
        d.request(f"{ROOT}/ask/head/alarms", payload, False, None, None),
        d.request(f"{ROOT}/ask/head/alarms", b"{}", False, response, b"c"),
    ):
        assert isinstance(heard, Refusal)
        assert (heard.code, heard.reply_to, heard.id) == ("bad-reply-to", None, heard.id)


def test_a_bad_request_with_a_good_address_is_answered_there() -> None:
    d = decoder(village())
    to = f"{ROOT}/reply/head/phone"
    for payload, retained, code in ((b"nonsense", False, "bad-json"), (b"{}", True, "retained"), (b'{"id": 7}', False, "bad-value")):
        heard = d.request(f"{ROOT}/ask/head/alarms", payload, retained, to, b"c")
        assert isinstance(heard, Refusal)
        assert (heard.code, heard.reply_to, heard.correlation) == (code, to, b"c")
        assert (heard.clear is not None) == retained
