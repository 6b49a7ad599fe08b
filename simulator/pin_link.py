"""The daemon's side of the socket to `village-sim`: exchanges that are acknowledged, and the edges it is sent.

simulator/pin_server.py is the other side and describes the messages.
"""

from __future__ import annotations

import errno
import itertools
import json
import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from edge.shell.clock import SystemClock

ACKNOWLEDGE_S = 0.5
WATCH_S = 0.5
HUNG_S = 0.1  # between two questions to a line that hangs
_serials = itertools.count()


class Endpoint:
    """A datagram socket with an address of its own beside the simulator's; opened when first needed."""

    def __init__(self, directory: Path) -> None:
        self.server = str(directory / "pins.sock")
        self._address = directory / f"client-{os.getpid()}-{next(_serials)}.sock"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self.socket.bind(str(self._address))
        except OSError as e:
            self.socket.close()
            raise OSError(e.errno, f"no simulator in {directory}: start `village-sim --run {directory}` ({e})") from e

    def send(self, message: dict[str, Any]) -> None:
        """Send one message. Raises OSError at once when nobody listens."""
        try:
            self.socket.sendto(json.dumps(message).encode(), self.server)
        except OSError as e:
            raise OSError(e.errno, f"the simulator is gone ({e.strerror}): start village-sim again") from e

    def wake(self) -> None:
        """Let whoever waits for a message in another thread receive an empty one."""
        with suppress(OSError):
            self.socket.sendto(b"", str(self._address))

    def close(self) -> None:
        """Close the socket and take its address out of the directory."""
        self.socket.close()
        with suppress(OSError):
            self._address.unlink()


class Link:
    """Exchanges with the simulator, one at a time."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._endpoint: Endpoint | None = None
        self._lock = threading.Lock()
        self._seq = 0
        self.clock = SystemClock()

    def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        """Send `message` and return its acknowledgement.

        A line that hangs keeps its caller until it hangs no more; other threads' exchanges go on meanwhile.
        Raises OSError: ECONNREFUSED or ENOENT at once when the simulator is gone, TimeoutError after 0.5 s of silence.
        """
        while (answer := self._ask_once(message)).get("hangs"):
            threading.Event().wait(HUNG_S)
        return answer

    def _ask_once(self, message: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            if self._endpoint is None:
                self._endpoint = Endpoint(self._directory)
            self._seq += 1
            self._endpoint.send({**message, "pid": os.getpid(), "seq": self._seq})
            return self._answer(self._endpoint, self._seq)

    def _answer(self, endpoint: Endpoint, seq: int) -> dict[str, Any]:
        deadline = self.clock.mono() + ACKNOWLEDGE_S
        while (left := deadline - self.clock.mono()) > 0:
            endpoint.socket.settimeout(left)
            try:
                answer: dict[str, Any] = json.loads(endpoint.socket.recv(4096))
            except TimeoutError:
                break
            if answer.get("seq") == seq:  # an older one is the late answer to an exchange that was given up
                return answer
        raise TimeoutError(errno.ETIMEDOUT, f"the simulator did not answer within {ACKNOWLEDGE_S} s")

    def close(self) -> None:
        """Close the socket; a later exchange opens another."""
        with self._lock:
            if self._endpoint is not None:
                self._endpoint.close()
                self._endpoint = None


class Watcher:
    """Hands input edges to those who wait for them, in a thread of its own.

    It asks for the watched levels again every half second, so an edge lost to a restart of the simulator is late, not
    missed.
    """

    def __init__(self, directory: Path) -> None:
        self._endpoint = Endpoint(directory)
        self._listeners: dict[int, Callable[[bool, float], None]] = {}
        self._thread = threading.Thread(target=self._run, name="village-edges", daemon=True)
        self._endpoint.socket.settimeout(WATCH_S)
        self._thread.start()

    def watch(self, number: int, listener: Callable[[bool, float], None]) -> None:
        """Tell `listener` the line's level and since when (monotonic s) at every edge, and again now and then."""
        self._listeners[number] = listener
        with suppress(OSError):  # asked again by the thread
            self._endpoint.send({"watch": [number]})

    def forget(self, number: int) -> None:
        """Tell nobody of the line's edges."""
        self._listeners.pop(number, None)

    def _run(self) -> None:
        while True:
            try:
                data = self._endpoint.socket.recv(4096)
            except TimeoutError:
                with suppress(OSError):
                    self._endpoint.send({"watch": list(self._listeners)})
                continue
            if not data:
                return  # woken to end
            message = json.loads(data)
            listener = self._listeners.get(message.get("edge"))
            if listener is not None:
                listener(bool(message["level"]), float(message["at"]))

    def close(self) -> None:
        """End the thread and the socket."""
        self._endpoint.wake()
        self._thread.join(2 * WATCH_S)
        self._endpoint.close()
