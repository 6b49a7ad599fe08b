"""Faults in real time: village-sim's own world and ports, and the controller that drives its lines."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

from edge.shell.clock import Clock
from simulator.fault_broker import BrokerRelay
from simulator.fault_stage import VillageStage
from simulator.faults import Change, FaultError
from simulator.slaves import SlavePort
from simulator.village import Village

BROKER = "broker"  # the file that says where the way to the broker begins
UNTRUSTED = "clock-untrusted"  # as edge.shell.clock.SimulatedClock looks for it


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
            try:
                port.unplug() if self.village.wires[name].trouble.gone else port.plug()
            except OSError as error:
                raise FaultError(f"port {name}: {error.strerror}; look at the run directory") from None


class Hands:
    """What village-sim can do to what is not its own.

    It stops and kills the processes that drive its lines, `holders`; tells them through a file in its run directory
    that nobody vouches for the time; and troubles the way to the broker if that leads through it, over `relay`.
    """

    def __init__(self, directory: Path, holders: Callable[[], set[int]], relay: BrokerRelay | None) -> None:
        self._directory = directory
        self._relay = relay
        self._untrusted = directory / UNTRUSTED
        self._untrusted.unlink(missing_ok=True)
        self._holders = holders
        self._frozen: set[int] = set()

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
        """Take away who vouches for the time; the clock itself is the machine's."""
        changed = change.begun or change.ended
        if changed is not None and changed.kind.name != "clock-untrusted":
            self._refuse(change, "clock", "put it into a scenario and run village-edge simulate")
        if change.standing:
            self._untrusted.touch()
        else:
            self._untrusted.unlink(missing_ok=True)

    def card(self, change: Change) -> NoReturn:
        """Nothing: the card is the machine's."""
        self._refuse(change, "card", "put the controller's --state on a small tmpfs, and fill or remount that")

    def process(self, change: Change) -> None:
        """Kill the controller, whose supervisor starts it again; or stop it, and let it go on when taken back."""
        if change.begun is not None:
            holders = self._holders()
            if not holders:
                raise FaultError("no controller drives a line here; start village-edge run with --sim")
            frozen = change.begun.kind.name == "process-frozen"
            _send(holders, signal.SIGSTOP if frozen else signal.SIGKILL)
            self._frozen = self._frozen | holders if frozen else self._frozen - holders
        elif not change.has("process-frozen"):
            self._thaw()

    def release(self) -> None:
        """Let everything that was stopped go on, and the time be vouched for."""
        self._untrusted.unlink(missing_ok=True)
        self._thaw()

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
