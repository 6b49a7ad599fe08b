"""How the exchanges on the serial ports go: counted by each port's worker, told to whoever asks."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from edge.core import topics
from edge.shell.clock import Clock

HOUR_S = 3600.0
GOOD = "good"  # as drivers/modbus.py has it
GONE = "gone"
FAULTS = ("no_answer", "checksum", "other")
Note = Callable[[int, str, float], None]


class Tally(NamedTuple):
    """Exchanges with one device by their outcome; of the good ones how long they took together, and the slowest (s)."""

    good: int = 0
    no_answer: int = 0
    checksum: int = 0
    other: int = 0
    took_s: float = 0.0
    slowest_s: float = 0.0

    def and_one(self, outcome: str, took_s: float) -> Tally:
        """With one exchange more. An outcome without a name of its own is another error."""
        if outcome == GOOD:
            return self._replace(
                good=self.good + 1, took_s=self.took_s + took_s, slowest_s=max(self.slowest_s, took_s)
            )
        name = outcome if outcome in FAULTS else "other"
        return self._replace(**{name: getattr(self, name) + 1})

    def told(self) -> dict[str, object]:
        """As in the answer to the request `bus`."""
        faults = {name: getattr(self, name) for name in FAULTS}
        return {
            "exchanges": self.good + sum(faults.values()), "good": self.good, **faults,
            "mean_ms": round(self.took_s / self.good * 1000, 1) if self.good else None,
            "slowest_ms": round(self.slowest_s * 1000, 1) if self.good else None,
        }


@dataclass(frozen=True, slots=True)
class Device:
    """One device's exchanges: of all the time, of the hour `number` (from 0, since the start), and of the one before.

    Never changed, only replaced: two threads look at it.
    """

    total: Tally = field(default_factory=Tally)
    number: int = 0
    hour: Tally = field(default_factory=Tally)
    before: Tally = field(default_factory=Tally)

    def at(self, number: int) -> Device:
        """As it is in the hour `number`, which is not earlier."""
        if number <= self.number:
            return self
        return Device(self.total, number, Tally(), self.hour if number == self.number + 1 else Tally())

    def and_one(self, number: int, outcome: str, took_s: float) -> Device:
        """With one exchange more, in the hour `number`."""
        now = self.at(number)
        return replace(now, total=now.total.and_one(outcome, took_s), hour=now.hour.and_one(outcome, took_s))


class PortFigures:
    """The exchanges on one port. `note` belongs to the thread that asks there, `told` to any other."""

    def __init__(self, name: str, names: Mapping[int, str], mono: Callable[[], float], since: float) -> None:
        """`names`: the devices that are asked, by their address; `mono`: the line's clock, which counts the hours from
        `since` on (monotonic s)."""
        self._name = name
        self._names = dict(names)
        self._mono = mono
        self._since = since
        self._devices = dict.fromkeys(self._names, Device())
        self._gone = False

    def note(self, address: int, outcome: str, took_s: float) -> None:
        """An exchange is over; one on a port that is not there was none."""
        self._gone = outcome == GONE
        if not self._gone:
            device = self._devices.get(address, Device())
            self._devices[address] = device.and_one(self._hour(self._mono()), outcome, took_s)

    def told(self, number: int) -> dict[str, object]:
        """As in the answer to the request `bus`, in the hour `number`."""
        devices = [self._told(address, number) for address in sorted(self._names)]
        return {"port": self._name, "gone": self._gone, "devices": devices}

    def _told(self, address: int, number: int) -> dict[str, object]:
        device = self._devices[address].at(number)
        hour = device.before.told() if number else None
        return {"device": self._names[address], "address": address, **device.total.told(), "hour": hour}

    def _hour(self, mono: float) -> int:
        return max(math.floor((mono - self._since) / HOUR_S), 0)


class BusFigures:
    """All ports of a controller. Hours are counted from its start, by the clock that nobody sets."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since = clock.mono()
        self._ports: list[PortFigures] = []

    def of(self, name: str, names: Mapping[int, str], mono: Callable[[], float]) -> Note:
        """Who is to be told of the exchanges on a port; see PortFigures."""
        port = PortFigures(name, names, mono, self._since)
        self._ports.append(port)
        return port.note

    def answer(self) -> dict[str, object]:
        """The answer to the request `bus`, without its id."""
        moment = self._clock.now()
        number = math.floor((moment.mono - self._since) / HOUR_S)
        begun = moment.wall_at(self._since)
        hour = None
        if number > 0:
            ends = begun + number * HOUR_S
            hour = {"from": topics.rfc3339(ends - HOUR_S), "to": topics.rfc3339(ends)}
        ports = [port.told(number) for port in self._ports]
        return {"ok": True, "since": topics.rfc3339(begun), "hour": hour, "ports": ports}
