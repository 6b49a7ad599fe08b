"""The wall clock jumps under the running controller, and is wrong when it starts. The machine's clock is never touched."""

from __future__ import annotations

import json
import signal

import pytest
from e2e_house import Listener
from harm_clock import READING, RIGHT_S, Village
from harm_house import CULTURE_HOUSE, EVERY, OFF, ON, rss_kib, start_and_hear
from support import until

pytestmark = pytest.mark.slow
GROWTH_KIB = 3072


def test_jumps_while_it_runs(village: Village, ear: Listener, capsys: pytest.CaptureFixture[str]) -> None:
    wall = village.wall
    wall.move_to(0, 12)
    start_and_hear(village.house, ear)
    village.becomes_right("at the start")
    until(lambda: READING in ear.last, 10, "a reading")
    pid = village.house.pid()
    memory = rss_kib(pid)
    seen = []
    for days, hour, minute in ((-30, 20, 0), (-30, 2, 0), (60, 12, 0), (60, 20, 0), (0, 12, 0), (0, 22, 29)):
        wall.move_to(days, hour, minute)
        seen.append(village.becomes_right(f"at {hour}:{minute:02} {days:+} days from now"))
    for minutes in (2, -2, 2, -2):  # over a step of the program, 22:30, and back
        wall.move(60 * minutes)
        seen.append(village.becomes_right(f"after {minutes:+} min"))
    wall.move_to(-30, 12)
    used = [village.is_calm("after -30 days")]
    wall.move_to(60, 12)
    used.append(village.is_calm("after +60 days"))
    grown = rss_kib(pid) - memory
    with capsys.disabled():
        print(f"\nlevels after the jumps {seen}; memory {grown:+} KiB, processor {max(used):.1%}")
    assert {0, 33, 100} <= set(seen)
    assert grown <= GROWTH_KIB
    assert village.house.pid() == pid
    assert village.house.alive()
    assert "Traceback" not in village.house.log.read_text()


def test_an_override_lasts_its_time_whatever_the_clock_does(village: Village, ear: Listener) -> None:
    wall, lasts = village.wall, 6.0
    wall.move_to(0, 12)
    start_and_hear(village.house, ear)
    ear.ask({"action": "on", "for_s": lasts}, to="light/culture-house")
    for seconds in (120.0, -240.0, 60 * 86400.0, -90 * 86400.0, 30 * 86400.0):
        wall.move(seconds)
        until(lambda: abs(at(ear) - wall.now()) < 3, 3, "the jump to be seen")
        assert ear.state("culture-house")["reason"] == "override"
    until(lambda: ear.state("culture-house")["reason"] == "program", lasts + 2, "the override to end")
    lines = [e for e in village.house.pins() if e["pin"] == CULTURE_HOUSE]
    on, off = (next(e["mono"] for e in lines if e["level"] == level and e["changed"]) for level in (ON, OFF))
    assert abs(off - on - lasts) < 1.0


def at(ear: Listener) -> float:
    """The time of the last reading, as the daemon's clock has it: it follows a jump."""
    import datetime as dt

    return dt.datetime.fromisoformat(json.loads(ear.last[READING])["at"]).timestamp() if READING in ear.last else 0.0


@pytest.mark.parametrize(("days", "hour"), [(-30, 20), (60, 2)] if EVERY else [(-30, 20)])
def test_wrong_when_it_starts(village: Village, ear: Listener, days: int, hour: int) -> None:
    village.wall.move_to(0, 12)
    start_and_hear(village.house, ear)
    assert village.lit() == ""
    village.house.kill()
    village.wall.move_to(days, hour)
    start_and_hear(village.house, ear)
    assert village.becomes_right(f"started {days:+} days from now") > 0
    village.is_calm("after that start")


def test_a_clock_that_nobody_vouches_for_and_that_is_certainly_wrong_leaves_no_street_dark(
    village: Village, ear: Listener
) -> None:
    village.wall.move_to(0, 12)
    start_and_hear(village.house, ear)
    until(lambda: ear.state()["level"] == 0, 2, "the day")
    village.house.kill()
    doubt = village.house.sim / "clock-untrusted"
    doubt.touch()
    village.wall.move_to(-30, 12)
    start_and_hear(village.house, ear)
    until(lambda: ear.state()["level"] == 100 and village.lit(), RIGHT_S, "light, since the hour is not known")
    doubt.unlink()
    until(village.is_right, RIGHT_S + 1, "the program, now that the time is known")


def test_planted_a_street_that_keeps_the_old_hour_is_seen(village: Village, ear: Listener) -> None:
    village.wall.move_to(0, 12)
    start_and_hear(village.house, ear)
    village.becomes_right("at the start")
    village.house.send(signal.SIGSTOP)  # it takes no note of the new hour
    village.wall.move_to(0, 20)
    with pytest.raises(AssertionError, match="the street to be right"):
        village.becomes_right("after the jump")
