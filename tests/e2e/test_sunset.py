"""The sun sets while the broker is away: the same workers on a manual clock, with a real broker and real MQTT."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from e2e_house import CONFIG, ROOT, Listener
from support import Mosquitto, until
from villages import Line, when

from edge.shell.app import Shell, catalogue, compose
from edge.shell.clock import ManualClock
from edge.shell.mqtt import PATIENCE_S
from edge.shell.mqtt_client import Broker
from edge.shell.runner import StepRunner
from edge.shell.safe_file import safe_entries
from edge.shell.site_file import load

pytestmark = pytest.mark.slow


class Street:
    """nguyen-ly on a manual clock, its lines in memory, its link real."""

    def __init__(self, port: int, journal: Path) -> None:
        site = load(CONFIG, catalogue())
        self.clock = ManualClock(when("2026-11-21T16:30:00+07:00"))
        self.lines = {entry["output"]: Line(self.clock) for entry in safe_entries(site)}
        broker = Broker("127.0.0.1", port, "5", "village-edge-nguyen-ly")
        self.shell: Shell = compose(site, catalogue(), self.clock, journal, broker, self.lines, {}, {}, {})
        self.shell.core.start()
        self.runner = StepRunner(self.shell.workers, self.clock)
        self.shell.link.start()

    def settle(self) -> bool:
        """Take what has come over the real link. Always true, for use in conditions."""
        self.runner.settle()
        return True

    def advance(self, seconds: float) -> None:
        """Let time pass, but never as long as the broker may keep silent before it has acknowledged what it was sent: it
        lives in real time."""
        waiting = self.shell.link._unanswered
        while seconds > 0:
            until(lambda: waiting.ended_silence() or not waiting._waiting or not self.shell.link.up, 5, "acknowledgements")
            step = min(seconds, PATIENCE_S / 2)
            self.runner.advance(step)
            seconds -= step

    def lit(self) -> str:
        return "".join(n[-1] for n, line in self.lines.items() if n.startswith("light/main-road/") and line.read())


@pytest.fixture
def village(mosquitto: Mosquitto, tmp_path: Path) -> Iterator[Street]:
    s = Street(mosquitto.port, tmp_path / "journal.db")
    yield s
    s.shell.link.stop()
    s.shell.store.close(s.clock.now())


def test_the_street_lights_at_sunset_and_the_override_ends_with_no_broker(
    village: Street, mosquitto: Mosquitto, listen: Callable[[], Listener]
) -> None:
    ear = listen()
    until(lambda: village.settle() and ear.last.get(f"{ROOT}/status") == b"online", 5, "online")

    def said(command: str) -> Callable[[], bool]:
        return lambda: village.settle() and ear.state().get("command") == command

    ear.say("light/main-road/set/head", {"action": "on", "level": 33, "for_s": 600, "id": "c-1"})
    until(said("c-1"), 5, "the override")
    assert (ear.state()["reason"], ear.state()["by"], ear.state()["until"]) == (
        "override", "head", "2026-11-21T09:40:00.000Z"
    )
    assert village.lit() == "a"
    ear.say("light/main-road/set/head", "AUTO")
    until(lambda: village.settle() and ear.state()["reason"] == "program", 5, "the program")
    assert village.lit() == ""
    village.advance(60)  # the lamps of circuit a cool
    ear.say("light/main-road/set/head", {"action": "on", "level": 33, "for_s": 1200, "id": "c-2"})
    until(said("c-2"), 5, "the second override")

    mosquitto.kill()
    until(lambda: not village.shell.link.up, 5, "the link to be seen gone")
    village.advance(1200)
    assert village.clock.now().wall == when("2026-11-21T16:51:00+07:00")
    assert village.lit() == ""  # the override has ended, the sun is still up
    village.advance(900)
    assert village.lit() == ""
    village.advance(90)  # 17:07:30; sunset is at 17:16:45, and the program begins 10 minutes before
    assert village.lit() == "abc"
    village.advance(when("2026-11-21T22:30:00+07:00") - village.clock.now().wall)
    assert village.lit() == "a"

    mosquitto.start()
    again = listen()
    until(lambda: village.settle() and again.last.get(f"{ROOT}/status") == b"online", 5, "online again")
    assert again.last.keys() >= {
        f"{ROOT}/{leaf}" for leaf in (
            "status", "time", "about", "light/main-road/state", "light/main-road/value", "light/main-road/value/level",
            "light/culture-house/state",
        )
    }
    assert (again.state()["level"], again.state()["reason"]) == (33, "program")
    assert again.json("time") == {"now": "2026-11-21T15:30:00.000Z", "trusted": True, "source": "simulated"}
