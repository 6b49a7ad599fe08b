"""The electrician's lockout: nothing but OFF and its release moves an output, over restarts and reboots too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from villages import Bench, street, village

LOCK = "village/thon/light/road/lockout/tech"


def lock(b: Bench, locked: bool = True, **more: Any) -> dict[str, Any]:
    return b.send({"locked": locked, "note": "thay bóng", **more}, topic=LOCK)


def test_a_lockout_says_who_and_why_and_nothing_moves_the_light() -> None:
    b = Bench()
    assert lock(b)["outcome"] == "done"
    state = b.state()
    assert (state["reason"], state["level"], state["by"]) == ("lockout", 0, "tech")
    assert "thay bóng" in state["detail"]
    refused = b.send("ON")
    assert (refused["outcome"], refused["error"]["code"]) == ("rejected", "locked")
    assert "tech" in refused["error"]["message"]
    b.advance_to("2026-11-21T20:00:00+07:00")
    assert b.on() == ""
    assert lock(b, locked=False)["outcome"] in ("done", "accepted")
    b.advance(30)
    assert b.on() == "abc"
    assert b.state()["reason"] == "program"


def test_what_burns_when_it_is_locked_burns_on_and_off_puts_it_out() -> None:
    b = Bench(at="2026-11-21T20:00:00+07:00")
    b.advance(30)
    lock(b)
    b.advance_to("2026-11-22T08:00:00+07:00")
    assert b.on() == "abc"
    assert b.state()["reason"] == "lockout"
    assert b.send("OFF")["outcome"] == "done"
    assert b.on() == ""
    assert b.state()["reason"] == "lockout"
    b.advance_to("2026-11-22T20:00:00+07:00")
    assert b.on() == ""


def test_one_circuit_locked_is_replaced_by_another_where_that_keeps_the_level() -> None:
    b = Bench()
    assert lock(b, circuit="a")["outcome"] == "done"
    assert b.send("33")["outcome"] == "done"
    assert b.on() == "b"
    assert b.state()["reason"] == "override"
    assert [c.get("locked") for c in b.state()["circuits"]] == [True, None, None]
    b.send("ON")
    b.advance(30)
    assert b.on() == "bc"
    assert b.state()["observed_level"] == 67


@pytest.mark.parametrize(("payload", "code"), [
    ('{"locked": 1}', "bad-value"), ('{"locked": true, "note": 5}', "bad-value"), ('{"lock": true}', "unknown-field"),
    ("ON", "bad-json"), ('{"locked": true, "circuit": "x"}', "bad-value"), ('{"locked": true, "circuit": "../a"}', "bad-value"),
    ('{"locked": true, "note": "' + "x" * 201 + '"}', "bad-value"),
    ('{"locked": true, "expires_at": "2020-01-01T00:00:00Z"}', "expired"),
])  # fmt: skip
def test_what_is_no_lockout_is_refused_with_its_code(payload: str, code: str) -> None:
    b = Bench()
    refused = b.send(payload, topic=LOCK)
    assert (refused["outcome"], refused["error"]["code"]) == ("rejected", code)
    assert b.state()["reason"] == "program"


def test_a_retained_lockout_has_no_effect() -> None:
    b = Bench()
    assert b.send('{"locked": true}', topic=LOCK, retained=True)["error"]["code"] == "retained"
    assert b.state()["reason"] == "program"


def restarted(b: Bench, journal: Path, **more: Any) -> Bench:
    b.store.close(b.clock.now())
    return Bench(b.site, journal=journal, clock=b.clock, **more)


def test_it_survives_a_restart_without_an_edge(tmp_path: Path) -> None:
    journal = tmp_path / "journal.db"
    b = Bench(at="2026-11-21T20:00:00+07:00", journal=journal)
    b.advance(30)
    lock(b)
    b = restarted(b, journal, lines=b.lines)
    assert b.on() == "abc"
    assert b.state()["reason"] == "lockout"
    assert all(line.writes[-1][1] for line in b.lines.values())


def test_after_the_power_was_away_nothing_is_switched_on_again_under_the_lockout(tmp_path: Path) -> None:
    journal = tmp_path / "journal.db"
    b = Bench(at="2026-11-21T20:00:00+07:00", journal=journal)
    b.advance(30)
    lock(b)
    b.clock.reboot("boot-2", 60)
    b = restarted(b, journal)
    b.advance(120)
    assert b.on() == ""
    assert (b.state()["reason"], b.state()["level"]) == ("lockout", 0)
    b = restarted(b, journal, lines=b.lines)
    assert b.on() == ""


def test_a_locked_line_that_falls_is_not_told_on_again_nor_at_the_next_start(tmp_path: Path) -> None:
    journal = tmp_path / "journal.db"
    b = Bench(village({"road": street(circuits=1)}), at="2026-11-21T20:00:00+07:00", journal=journal)
    lock(b)
    line = b.lines["light/road/a"]
    writes = len(line.writes)
    line.stuck = False
    b.advance(30)
    assert (b.state()["observed"], b.state()["reason"]) == ("OFF", "lockout")
    line.stuck = None
    b = restarted(b, journal, lines=b.lines)
    b.advance(30)
    assert not any(on for _, on in line.writes[writes:])
    lock(b, locked=False)
    assert b.on() == "a"
