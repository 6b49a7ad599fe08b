"""Lights while nobody vouches for the clock: lit whenever it may be dark."""

from __future__ import annotations

from pathlib import Path

from villages import Bench, street, village, when

from edge.shell.clock import ManualClock


def doubtful(at: str, journal: Path | None = None, **more: object) -> Bench:
    return Bench(village({"road": street(circuits=1)}, **more), journal=journal, clock=ManualClock(when(at), trusted=False))


def test_by_day_the_program_stands_and_an_hour_before_sunset_it_is_lit() -> None:
    b = doubtful("2026-11-21T12:00:00+07:00")
    assert (b.on(), b.state()["reason"]) == ("", "program")
    b.advance_to("2026-11-21T16:10:00+07:00")
    assert b.on() == ""
    b.advance_to("2026-11-21T16:20:00+07:00")  # sunset 17:16
    assert (b.on(), b.state()["reason"], b.state()["level"]) == ("a", "default", 100)
    assert "not confirmed" in b.state()["detail"]
    b.advance_to("2026-11-22T07:00:00+07:00")  # sunrise 6:10
    assert b.on() == "a"
    b.advance_to("2026-11-22T07:15:00+07:00")
    assert b.on() == ""


def test_a_clock_behind_the_journal_is_wrong_and_the_street_is_lit_until_it_is_set(tmp_path: Path) -> None:
    b = Bench(village({"road": street(circuits=1)}), journal=tmp_path / "journal.db", at="2026-11-21T12:00:00+07:00")
    assert b.on() == ""
    b.store.close(b.clock.now())
    again = doubtful("2026-11-20T12:00:00+07:00", tmp_path / "journal.db")
    assert (again.on(), again.state()["reason"]) == ("a", "default")
    again.advance(7200)
    assert again.on() == "a"
    again.clock.set_wall(when("2026-11-21T14:10:00+07:00"), trusted=True)
    again.advance(1)
    assert (again.on(), again.state()["reason"]) == ("", "program")


def test_a_person_still_decides() -> None:
    b = doubtful("2026-11-21T20:00:00+07:00")
    assert b.on() == "a"
    assert b.send("OFF")["outcome"] == "done"
    assert b.on() == ""
    assert b.send({"action": "on", "for_s": 3600})["outcome"] == "done"
    b.advance(3599)
    assert b.state()["reason"] == "override"


def test_a_light_that_its_program_never_lights_stays_dark() -> None:
    never = {"kind": "light", "steps": [{"at": "22:00", "level": 0}]}
    b = doubtful("2026-11-21T20:00:00+07:00", programs={"street": never})
    assert b.on() == ""


def test_the_time_is_told_with_its_trust() -> None:
    b = doubtful("2026-11-21T20:00:00+07:00")
    assert b'"trusted":false' in b.radio.retained["village/thon/time"]
    b.clock.set_wall(b.clock.now().wall, trusted=True)
    b.advance(1)
    assert b'"trusted":true' in b.radio.retained["village/thon/time"]


def test_a_wrong_clock_that_has_passed_the_journals_time_is_looked_at_anew(tmp_path: Path) -> None:
    b = Bench(village({"road": street(circuits=1)}), journal=tmp_path / "journal.db", at="2026-11-21T12:00:00+07:00")
    b.store.close(b.clock.now())
    again = Bench(
        b.site, journal=tmp_path / "journal.db", clock=ManualClock(when("2026-11-21T11:50:00+07:00"), trusted=False),
        look_every_s=86400.0,
    )
    again.advance(599)
    assert (again.on(), again.state()["reason"]) == ("a", "default")
    again.advance(2)
    assert (again.on(), again.state()["reason"]) == ("", "program")
