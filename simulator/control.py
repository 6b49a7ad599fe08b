"""Faults from outside: a Unix datagram socket in the run directory, and the end of it that asks.

Messages are JSON objects, each answered by one:

    {"fault": "relay-welded", "on": "light/main-road/b", "for": "10m"}    {"ok": true, "id": "f1"}
    {"clear": "f1"}, {"clear": "all"}                                     {"ok": true, "faults": {"f1": "relay-welded"}}
    {"list": true}                                                        {"ok": true, "faults": {"f1": "relay-welded"}}

A fault that only happens has no id (null); `clear` is answered with what it took back, `list` with what stands. What
cannot be done is answered with {"ok": false, "error": "…"}.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from simulator.faults import FaultError, Faults, read

SOCKET = "control.sock"
ANSWER_S = 5.0
LARGEST = 65536  # bytes of one datagram


def obey(faults: Faults, data: bytes) -> dict[str, Any]:
    """Do what one message asks; the answer. Never raises for what the message says."""
    try:
        message = json.loads(data)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict) or not message.keys() & {"fault", "clear", "list"}:
        return {"ok": False, "error": 'send a JSON object with "fault", "clear" or "list"'}
    try:
        if "fault" in message:
            return {"ok": True, "id": faults.inject(read(message))}
        if message.get("clear") == "all":
            return {"ok": True, "faults": {key: str(fault) for key, fault in faults.clear_all().items()}}
        if "clear" in message:
            key = str(message["clear"])
            return {"ok": True, "faults": {key: str(faults.clear(key))}}
    except FaultError as error:
        return {"ok": False, "error": str(error)}
    return {"ok": True, "faults": {key: str(fault) for key, fault in faults.standing().items()}}


class ControlServer:
    """Takes faults from DIRECTORY/control.sock, in `loop`, until closed. Raises OSError when it cannot be made."""

    def __init__(self, directory: Path, faults: Faults, loop: asyncio.AbstractEventLoop) -> None:
        self._faults = faults
        self._loop = loop
        self._path = directory / SOCKET
        self._path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind(str(self._path))
        loop.add_reader(self._socket, self._serve)

    def close(self) -> None:
        """Stop serving; must be called in the loop's thread."""
        self._loop.remove_reader(self._socket)
        self._socket.close()
        self._path.unlink(missing_ok=True)

    def _serve(self) -> None:
        with suppress(BlockingIOError):
            while True:
                data, address = self._socket.recvfrom(LARGEST)
                answer = json.dumps(obey(self._faults, data)).encode()
                if address:
                    with suppress(OSError):  # whoever asked has gone
                        self._socket.sendto(answer, address)


def ask(directory: Path, message: Mapping[str, object]) -> dict[str, Any]:
    """Send a message to the village-sim in `directory`; its answer's fields. Raises FaultError with the remedy."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.settimeout(ANSWER_S)
        s.bind("")  # an address without a file, given by Linux
        try:
            s.connect(str(directory / SOCKET))
            s.send(json.dumps(message).encode())
            answer: dict[str, Any] = json.loads(s.recv(LARGEST))
        except TimeoutError:
            raise FaultError(f"village-sim in {directory} does not answer; is it stopped, or busy?") from None
        except OSError as error:
            hint = f"start it with `village-sim --config FILE --run {directory}`"
            raise FaultError(f"no village-sim runs in {directory} ({error.strerror or error}); {hint}") from None
    if not answer.get("ok"):
        raise FaultError(str(answer.get("error")))
    return answer
