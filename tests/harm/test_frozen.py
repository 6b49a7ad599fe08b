"""The controller is frozen for a while, or the broker accepts everything and never answers: the lights go by the hour."""

from __future__ import annotations

import signal

import pytest
from e2e_house import Listener
from harm_clock import RIGHT_S, Village
from harm_house import CULTURE_HOUSE, EVERY, OFF, ON, came_online, rss_kib, start_and_hear
from support import Mosquitto, until

pytestmark = pytest.mark.slow
KEEPALIVE_S = 15.0


def test_frozen_over_dusk_and_the_end_of_an_override(village: Village, ear: Listener) -> None:
    village.wall.move_to(0, 12)
    start_and_hear(village.house, ear)
    ear.ask({"action": "on", "for_s": 2}, to="light/culture-house")
    until(lambda: ear.state("culture-house")["observed"] == "ON", 2, "the override")
    village.house.send(signal.SIGSTOP)
    village.wall.move_to(0, 20)
    until(lambda: over(village, 3.0), 10, "the override to be over")
    assert village.pins.levels[CULTURE_HOUSE] == ON  # nobody was there to end it
    village.house.send(signal.SIGCONT)
    assert village.becomes_right("after it goes on") == 100
    until(lambda: ear.state("culture-house")["observed"] == "OFF", RIGHT_S, "the override to have ended")
    assert ear.ask("OFF")["outcome"] == "done"


def over(village: Village, seconds: float) -> bool:
    """Whether the relay of the culture house was moved so long ago."""
    import time

    village.pins.new()
    moved = [e["mono"] for e in village.house.pins() if e["pin"] == CULTURE_HOUSE and e["changed"]]
    return time.clock_gettime(time.CLOCK_BOOTTIME) - moved[-1] > seconds


@pytest.mark.parametrize("long", [False, True] if EVERY else [False])
def test_a_broker_that_never_answers(village: Village, ear: Listener, mosquitto: Mosquitto, long: bool) -> None:
    """`long`: until the link is given up, and new ones are accepted and not answered."""
    village.wall.move_to(0, 12)
    start_and_hear(village.house, ear)
    village.becomes_right("at noon")
    ear.ask({"action": "on", "for_s": 2}, to="light/culture-house")
    broker = mosquitto._process
    assert broker
    pid = village.house.pid()
    memory, since = rss_kib(pid), len(ear.messages)
    broker.send_signal(signal.SIGSTOP)
    heard = len(ear.messages)
    try:
        village.wall.move_to(0, 20)
        until(lambda: "a" in village.lit(), RIGHT_S, "the street to be lit at dusk")
        until(lambda: village.lit() and village.pins.levels[CULTURE_HOUSE] == OFF, 4, "the override to end")
        village.wall.move_to(0, 2)
        until(lambda: village.lit() == "a", RIGHT_S, "the night's level")
        if long:
            gone = "the broker is gone"
            until(lambda: gone in village.house.log.read_text(), 3 * KEEPALIVE_S, "the link to be given up")
            village.wall.move_to(0, 12)
            until(lambda: village.lit() == "", RIGHT_S, "the day")
        assert rss_kib(pid) - memory <= 3072
        assert len(ear.messages) <= heard + 1  # the broker was silent indeed
    finally:
        broker.send_signal(signal.SIGCONT)
    if long:
        until(lambda: came_online(ear, since), 30, "online again")
    village.becomes_right("after the broker answers again")
    until(lambda: ear.ask("OFF")["outcome"] == "done", 10, "a command to be done")
    assert village.house.pid() == pid
    assert village.house.alive()
