"""Faults in real time: village-sim's own world and ports, and the controller that drives its lines."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

from edge.shell.clock import Clock
from edge.shell.files import replace_file
from edge.shell.simulated_card import FILE as CARD
from simulator.fault_broker import BrokerRelay
from simulator.fault_stage import VillageStage
from simulator.faults import Change, FaultError
from simulator.slaves import SlavePort
from simulator.village import Village

BROKER = "broker"  # the file that says where the way to the broker begins
UNTRUSTED, OFFSET = "clock-untrusted", "clock-offset"  # as edge.shell.clock.SimulatedClock looks for them
LEFT = (UNTRUSTED, OFFSET, CARD)  # what a controller would find of a village-sim that has gone


class LiveStage(VillageStage):
    """The village of one village-sim. `later` is called as asyncio's `loop.call_later` is."""

    time = "live"

    def __init__(
        self, village: Village, clock: Clock, ports: Mapping[str, SlavePort], hands: Hands,
        later: Callable[[float, Callable[[], None]], object],
    ) -> None:
        super().__init__(village, clock)
        self._ports = ports
        self._later = later
        self.broker = hands.broker
        self.clock = hands.clock
        self.card = hands.card
        self.process = hands.process

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Call `action` after so many seconds."""
        self._later(seconds, action)

    def bus(self, change: Change) -> None:
        """What is wrong on each line, and which adapters are there. Raises FaultError when a pty cannot be had."""
        super().bus(change)
        for name, port in self._ports.items():
            port.serve(self.village.slaves(name))
            try:
                port.unplug() if self.village.wires[name].trouble.gone else port.plug()
            except OSError as error:
                raise FaultError(f"port {name}: {error.strerror}; look at the run directory") from None


class Hands:
    """What village-sim can do to what is not its own.

    It stops and kills the processes that drive its lines, `holders`, and lets reads of a line hang for those in `hung`;
    tells them through files in its run directory what is wrong with their clock and their card; and troubles the way
    to the broker if that leads through it, over `relay`.
    """

    def __init__(
        self, directory: Path, holders: Callable[[], set[int]], hung: set[int], relay: BrokerRelay | None
    ) -> None:
        self._directory = directory
        self._relay = relay
        self._holders = holders
        self._hung = hung
        self._frozen: set[int] = set()
        self._jumped_s = 0.0
        self._clean()

    def broker(self, change: Change) -> None:
        """Trouble the way to it."""
        if self._relay is None:
            way = f"village-edge run with --mqtt $(cat {self._directory / BROKER})"
            self._refuse(change, "broker", f"start village-sim with --broker HOST:PORT, and {way}")
        try:
            self._relay.suffer(change)
        except OSError as error:
            raise FaultError(f"port {self._relay.port}: {error.strerror}; stop what took it") from None

    def clock(self, change: Change) -> None:
        """Set the wall clock that the controller sees, or take away who vouches for it; it looks within a second."""
        if change.begun is not None and change.begun.kind.name == "clock-jump":
            self._jumped_s += change.begun.number("by")
        wrong_s = sum(fault.number("by") for fault in change.standing if fault.kind.name == "clock-wrong")
        self._write(OFFSET, str(self._jumped_s + wrong_s))
        self._write(UNTRUSTED, "" if change.has("clock-untrusted") else None)

    def card(self, change: Change) -> None:
        """Let every commit of the journal fail or wait; read-only before full before slow."""
        slow_s = max((f.number("by") for f in change.standing if f.kind.name == "card-slow"), default=0.0)
        word = "read-only" if change.has("card-read-only") else "full" if change.has("card-full") else f"slow {slow_s}"
        self._write(CARD, word if change.standing else None)

    def process(self, change: Change) -> None:
        """Kill the controller, whose supervisor starts it again; or let it or its core stand still until taken back."""
        holders = self._holders()
        if change.begun is not None and not holders:
            raise FaultError("no controller drives a line here; start village-edge run with --sim")
        if change.begun is not None and change.begun.kind.name == "process-killed":
            _send(holders, signal.SIGKILL)
            self._frozen -= holders
        if change.begun is not None and change.begun.kind.name == "process-frozen":
            _send(holders, signal.SIGSTOP)
            self._frozen |= holders
        elif not change.has("process-frozen"):
            self._thaw()
        if change.begun is not None and change.begun.kind.name == "core-hung":
            self._hung |= holders
        elif not change.has("core-hung"):
            self._hung.clear()

    def release(self) -> None:
        """Let everything that was stopped go on, with a good clock and a good card."""
        self._clean()
        self._hung.clear()
        self._thaw()

    def _clean(self) -> None:
        for name in LEFT:
            (self._directory / name).unlink(missing_ok=True)

    def _write(self, name: str, text: str | None) -> None:
        path = self._directory / name
        try:
            path.unlink(missing_ok=True) if text is None else replace_file(path, text.encode())
        except OSError as error:
            raise FaultError(f"{path}: {error.strerror}; make room in the run directory") from None

    def _thaw(self) -> None:
        _send(self._frozen & self._holders(), signal.SIGCONT)
        self._frozen.clear()

    def _refuse(self, change: Change, what: str, remedy: str) -> NoReturn:
        fault = change.begun or change.ended
        assert fault is not None
        raise FaultError(f"{fault.kind.name}: the {what} is not village-sim's; {remedy}")


def _send(pids: set[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:  # it has ended by itself
            continue
        except PermissionError as error:
            raise FaultError(f"process {pid} is another user's; run village-sim as the controller's user") from error
