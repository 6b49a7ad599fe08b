"""Safe mode: what runs when the controller has ended again and again. It answers, switches off, and keeps lights lit.

It imports the standard library, paho and what decides without the world: neither drivers nor the controller that cannot
stay up. Lines and boards are touched by processes of their own (safe_mode_hands.py).
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from edge.core.events import Publish
from edge.core.topics import ID, Decoder, Topics
from edge.core.values import Moment
from edge.shell import safe_file
from edge.shell.clock import Clock, SimulatedClock, SystemClock
from edge.shell.mqtt import MqttLink
from edge.shell.mqtt_client import Broker, client_id, password_in
from edge.shell.notify import Notifier
from edge.shell.runner import Inbox, ThreadRunner, Worker
from edge.shell.safe_mode_hands import Child, Hands
from edge.shell.safe_mode_room import Room, Told
from edge.shell.safe_mode_told import outputs_of
from edge.shell.starts import Safe, Starts, why
from edge.shell.state_dir import lock
from edge.typed import Address

log = logging.getLogger(__name__)
STATUS = "safe mode: normal operation ended again and again ({why}); it is tried again after {minutes} min"
LAST_STEP_S = 1.0  # an order under way is not waited for any longer
NOBODY: Mapping[str, Any] = {
    "site": {"id": "unknown", "name": "", "latitude": 0, "longitude": 0, "timezone": None}, "devices": [],
    "tariff": None,
}


@dataclass(frozen=True, slots=True)
class Options:
    """What `run` was asked for, as edge.shell.app.Options has it."""

    state: Path
    sim: Path | None = None
    mqtt: Address | None = None
    protocol: str | None = None


class Pause:
    """A worker that ends safe mode once normal operation is to be tried again."""

    name = "pause"

    def __init__(self, safe: Safe, ended: threading.Event) -> None:
        self.over = False
        self._safe = safe
        self._ended = ended

    def on_wake(self, wake: object) -> None:
        """Nobody wakes it."""

    def step(self, moment: Moment) -> float | None:
        """Look whether it is time."""
        if moment.mono < self._safe.until:
            return self._safe.until
        self.over = True
        self._ended.set()
        return None


class SafeMode:
    """The workers and the link, not yet started."""

    def __init__(self, options: Options, alarm: Mapping[str, Any]) -> None:
        """`alarm`: the data of its alarm. Raises edge.shell.safe_file.NoSafeFile where there is nothing to go by,
        edge.shell.state_dir.StateUnusable."""
        content = safe_file.content(options.state / safe_file.FILE)
        self._lock = lock(options.state)
        self._clock: Clock = SystemClock() if options.sim is None else SimulatedClock(options.sim)
        self._notifier = Notifier.from_environment(self._clock.mono)
        self._alarm = alarm
        self._inbox: Inbox[Told] = Inbox()
        entries = content["outputs"]
        self._hands = Hands(_units(entries), lambda: Child(_command(options)), self._inbox.put, self._clock.mono)
        self._link: MqttLink | None = None
        broker = _broker(content, options)
        try:
            room = self._room(_village(content), entries)
        except (KeyError, TypeError, ValueError, AttributeError):
            room, broker = self._room(NOBODY, entries), None
        self._workers: list[Worker] = [room, self._hands]
        if broker is None:
            log.error("safe.json, of an older version, names no broker: safe mode drives lights, and answers nobody")
        else:
            names = Topics(content["village"]["site"]["id"])
            self._link = MqttLink(broker, names, Decoder(names, room.targets), self._inbox.put, self._clock)

    def run(self, safe: Safe, ended: threading.Event) -> bool:
        """Do it until `ended` is set; whether that was because the pause is over."""
        pause = Pause(safe, ended)
        runner = ThreadRunner([*self._workers, pause], self._clock)
        runner.start()
        if self._link is not None:
            self._link.start()
        self._notifier.status(STATUS.format(**self._alarm))
        self._notifier.ready()
        ended.wait()
        self._notifier.stopping()
        if self._link is not None:
            self._link.stop()
        runner.stop(LAST_STEP_S)
        self._hands.end()
        os.close(self._lock)
        return pause.over

    def _room(self, village: Mapping[str, Any], entries: list[Any]) -> Room:
        return Room(
            village, outputs_of(entries), self._alarm, version("village-edge"), self._clock, self._inbox,
            self._hands.inbox.put, self._publish, self._notifier.alive,
        )  # fmt: skip

    def _publish(self, message: Publish) -> None:
        if self._link is not None:
            self._link.publish(message)


def run(options: Options, starts: Starts, safe: Safe, ended: threading.Event) -> int:
    """Stand in for normal operation until `ended` is set, or the pause is over: 0. Raises as SafeMode does."""
    alarm = why(starts.record)
    mode = SafeMode(options, alarm)
    log.error("safe mode: no programs, no watering; %s", alarm["why"])
    if mode.run(safe, ended):
        log.warning("safe mode ends: normal operation is tried again")
        starts.try_again()
    else:
        starts.forget()
    return 0


def _command(options: Options) -> list[str]:
    more = [] if options.sim is None else ["--sim", str(options.sim)]
    return [sys.executable, "-m", "edge", "safe", "--orders", "--state", str(options.state), *more]


def _units(entries: list[Any]) -> dict[str, str]:
    """By output, what its driver shares with others."""
    by_name = {entry["output"]: entry for entry in entries if isinstance(entry, dict) and "output" in entry}
    return {
        output.name: f"port/{by_name[output.name]['port']}" if "port" in by_name[output.name] else output.name
        for output in outputs_of(entries)
    }


def _village(content: Mapping[str, Any]) -> dict[str, Any]:
    """The village that the file tells of. Raises an exception where it tells of none, or of one that cannot be."""
    village = content["village"]
    site, devices = village["site"], village["devices"]
    if not all(ID.fullmatch(each["id"]) for each in (site, *devices)):
        raise ValueError(site)
    if not all(isinstance(d["levels"], list) for d in devices if d["kind"] == "light"):
        raise ValueError(devices)
    return {"site": site, "devices": devices, "tariff": village["tariff"]}


def _broker(content: Mapping[str, Any], options: Options) -> Broker | None:
    try:
        told = content["broker"]
        host, port = (told["host"], told["port"]) if options.mqtt is None else (options.mqtt.host, options.mqtt.port)
        secret = told["password_file"]
        password = password_in(None if secret is None else Path(secret))
        name = client_id(content["village"]["site"]["id"], password)
        return Broker(str(host), int(port), options.protocol or str(told["protocol"]), name, told["user"], password)
    except (KeyError, TypeError, ValueError):
        return None
