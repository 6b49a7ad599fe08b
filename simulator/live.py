"""The simulated village in real time, beside daemons that are processes of their own."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TextIO

from edge.shell.clock import Clock
from simulator.control import ControlServer
from simulator.fault_broker import BrokerRelay
from simulator.fault_live import BROKER, Hands, LiveStage
from simulator.faults import Faults
from simulator.pin_server import PinServer
from simulator.pulse_player import PulsePlayer
from simulator.slaves import SlavePort
from simulator.village import Village

COILS = "coils.log"
NOTICE_S = 60.0


class Occupied(Exception):
    """Another simulator runs in that directory."""


@contextmanager
def occupy(directory: Path) -> Iterator[None]:
    """Make the run directory and keep it for this process. Raises Occupied, OSError."""
    directory.mkdir(parents=True, exist_ok=True)
    fd = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            raise Occupied(f"another village-sim runs in {directory}: stop it, or give --run another directory") from e
        yield
    finally:
        os.close(fd)


class Following:
    """Lets happen in the village what happens by itself. A machine that slept or was set is noticed within a minute."""

    def __init__(self, village: Village, loop: asyncio.AbstractEventLoop) -> None:
        self._village = village
        self._loop = loop
        self._timer = loop.call_later(0, self._follow)
        village.stirred = self._soon
        self._follow()

    def close(self) -> None:
        """Nothing happens by itself any more."""
        self._timer.cancel()

    def _soon(self) -> None:
        self._timer.cancel()
        self._timer = self._loop.call_later(0, self._follow)

    def _follow(self) -> None:
        wait_s = self._village.follow()
        self._timer.cancel()
        self._timer = self._loop.call_later(min(wait_s, NOTICE_S), self._follow)


async def serve(
    village: Village, ports: Iterable[str], directory: Path, clock: Clock, say: Callable[[str], None],
    broker: tuple[str, int] | None = None,
) -> None:
    """Serve lines, serial ports and faults in the run directory until SIGTERM or SIGINT, then take them away.

    With `broker`, a host and port, DIRECTORY/broker says where a way to it begins that faults can trouble. `say` is
    called with one line when all is there; it also stands in DIRECTORY/ready as long as it is true. Raises OSError when
    a socket or port cannot be made, ValueError when the directory's path is too long for sockets.
    """
    loop = asyncio.get_running_loop()
    end = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end.set)
    ready = directory / "ready"
    ready.unlink(missing_ok=True)
    with ExitStack() as stack:
        pins = PinServer(directory, village.board, clock)
        stack.callback(pins.close)
        pins.attach(loop)
        village.cabinet.put = pins.set_input
        stack.callback(Following(village, loop).close)
        stack.callback(PulsePlayer(village.pulsing, village.counters, clock, pins.set_input, loop.call_later).close)
        (directory / "ports").mkdir(exist_ok=True)
        if village.boards:
            coils = stack.enter_context((directory / COILS).open("a", encoding="ascii", buffering=1))
            village.moved = partial(_log_coil, coils, clock)
        plugged: dict[str, SlavePort] = {}
        for name in ports:
            plugged[name] = SlavePort(directory / "ports" / name, village.slaves(name), village.wires[name])
            stack.callback(plugged[name].close)
        links = [f"{name} -> {port.link}" for name, port in plugged.items()]
        relay = None
        (directory / BROKER).unlink(missing_ok=True)
        if broker is not None:
            relay = BrokerRelay(*broker)
            stack.callback(relay.close)
            stack.callback((directory / BROKER).unlink, missing_ok=True)
            (directory / BROKER).write_text(f"127.0.0.1:{relay.port}\n", "ascii")
            say(f"broker: 127.0.0.1:{relay.port} -> {broker[0]}:{broker[1]}")
        hands = Hands(directory, village.board.holders, pins.hung, relay)
        stack.callback(hands.release)
        stage = LiveStage(village, clock, plugged, hands, loop.call_later)
        stack.callback(ControlServer(directory, Faults(stage), loop).close)
        line = f"ready: pins {directory / 'pins.sock'}, ports {', '.join(links) or 'none'}"
        stack.callback(ready.unlink, missing_ok=True)
        ready.write_text(line + "\n", "utf-8")
        say(line)
        await end.wait()


def _log_coil(log: TextIO, clock: Clock, coil: str, on: bool) -> None:
    moment = clock.now()
    entry = {"mono": round(moment.mono, 6), "wall": round(moment.wall, 6), "coil": coil, "on": on}
    log.write(json.dumps(entry) + "\n")
