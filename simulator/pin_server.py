"""The world's end of the simulated lines: a Unix datagram socket, and the log of everything that drove a line.

Messages are JSON objects; `seq` comes back in the answer, `pid` says who asks:

    {"pin": 17, "level": 1, "claim": true, "pid": 4242, "seq": 5}   become an output at that level, in one step
    {"pin": 17, "level": 0, "pid": 4242, "seq": 6}                   drive it
    {"pin": 17, "release": true, "pid": 4242, "seq": 7}              become an input
    {"pin": 17, "read": true, "pid": 4242, "seq": 8}                 answered with `level` and `driven`
    {"watch": [6, 13]}                                               answered with an edge for each, and for each change

Answers: {"seq": 5}, {"seq": 8, "level": 0, "driven": true}, {"seq": 5, "error": "busy", "holder": 4100}, errors
`unclaimed` and `malformed`; {"seq": 8, "hangs": true} to a process whose reads hang, which asks again; and
{"edge": 6, "level": 0, "at": 1234.5} to those who watch: each edge with its monotonic time (s), in order. What a
socket has no room for waits until it has.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import socket
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any

from edge.shell.clock import Clock
from simulator.board import Board, Held, Unclaimed

# Linux takes 107 bytes of path for a socket; the longest name of one in the directory is a client's.
LONGEST_DIRECTORY = 107 - len("/client-4194304-999.sock")
AGAIN_S = 0.005
MOST_WAITING = 10_000  # edges to one that does not listen; the oldest go


class PinServer:
    """Serves a board on DIRECTORY/pins.sock and logs to DIRECTORY/pins.log, one line for each message but reads.

    Raises OSError when the socket cannot be made there, ValueError when the path is too long for one.
    """

    def __init__(self, directory: Path, board: Board, clock: Clock) -> None:
        if len(os.fsencode(directory)) > LONGEST_DIRECTORY:
            raise ValueError(
                f"{directory} is too long for sockets: its path has {len(os.fsencode(directory))} bytes, "
                f"{LONGEST_DIRECTORY} are possible; use a shorter one, such as /tmp/village"
            )
        self.hung: set[int] = set()  # processes whose reads do not return
        self._directory = directory
        self._board = board
        self._clock = clock
        self._watchers: dict[int, set[str]] = {}
        self._waiting: dict[str, deque[dict[str, Any]]] = {}  # edges by who is to be told
        self._processes: dict[int, int] = {}  # process id -> pidfd
        self._loop: asyncio.AbstractEventLoop | None = None
        self._path = directory / "pins.sock"
        self._path.unlink(missing_ok=True)
        self._sweep()
        self._log = (directory / "pins.log").open("a", encoding="ascii", buffering=1)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind(str(self._path))

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Serve from `loop`, in its thread, until closed."""
        self._loop = loop
        loop.add_reader(self._socket, self._serve)

    def close(self) -> None:
        """Stop serving; must be called in the loop's thread."""
        if self._loop is not None:
            self._loop.remove_reader(self._socket)
            for fd in self._processes.values():
                self._loop.remove_reader(fd)
            self._loop = None
        for fd in self._processes.values():
            os.close(fd)
        self._processes.clear()
        self._socket.close()
        self._path.unlink(missing_ok=True)
        self._log.close()

    def set_input(self, pin: int, level: int, at: float | None = None) -> None:
        """A contact opens or closes (0 or 1): the board learns it, then those who watch the line.

        `at`: when it did so (monotonic s); None: now.
        """
        if self._board.set_outside(pin, level):
            for address in list(self._watchers.get(pin, ())):
                self._tell_edge(pin, address, at)

    def _serve(self) -> None:
        with suppress(BlockingIOError):
            while True:
                data, address = self._socket.recvfrom(4096)
                try:
                    message = json.loads(data)
                    answer = self._handle(message, address)
                except (ValueError, KeyError, TypeError, AttributeError):
                    answer = {"error": "malformed"}
                if answer is not None and address:
                    self._send(answer, address)

    def _handle(self, message: dict[str, Any], address: str) -> dict[str, Any] | None:
        if "watch" in message:
            for pin in message["watch"]:
                self._watchers.setdefault(pin, set()).add(address)
                self._tell_edge(pin, address)
            return None
        pin, pid, seq = int(message["pin"]), int(message["pid"]), int(message["seq"])
        if message.get("read"):
            if pid in self.hung:
                return {"seq": seq, "hangs": True}
            return {"seq": seq, "level": self._board.level(pin), "driven": self._board.driven(pin)}
        return {"seq": seq, **self._drive(pin, pid, seq, message)}

    def _drive(self, pin: int, pid: int, seq: int, message: dict[str, Any]) -> dict[str, Any]:
        level, claim = None if message.get("release") else int(message["level"]), bool(message.get("claim"))
        if level not in {None, 0, 1}:
            raise ValueError(level)
        answer: dict[str, Any] = {}
        changed = False
        self._bury(self._board.holder(pin))
        try:
            if level is None:
                changed = self._board.release(pin, pid)
            elif claim:
                changed = self._board.claim(pin, level, pid)
            else:
                changed = self._board.write(pin, level, pid)
        except Held as e:
            answer = {"error": "busy", "holder": e.holder}
        except Unclaimed:
            answer = {"error": "unclaimed"}
        self._write_log(pin=pin, level=level, claim=claim, pid=pid, seq=seq, changed=changed, **answer)
        if claim and not answer:
            self._follow(pid)
        return answer

    def _follow(self, pid: int) -> None:
        """Notice when the process that has a line ends."""
        if pid in self._processes:
            return
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            self._gone(pid)
            return
        self._processes[pid] = fd
        if self._loop is not None:
            self._loop.add_reader(fd, self._gone, pid)

    def _bury(self, pid: int | None) -> None:
        """Take a holder that has ended off its lines now, should its end not have been noticed yet."""
        fd = self._processes.get(pid) if pid is not None else None
        if fd is not None and pid is not None:
            poll = select.poll()
            poll.register(fd, select.POLLIN)
            if poll.poll(0):
                self._gone(pid)

    def _gone(self, pid: int) -> None:
        fd = self._processes.pop(pid, None)
        if fd is not None:
            if self._loop is not None:
                self._loop.remove_reader(fd)
            os.close(fd)
        for pin, changed in self._board.gone(pid).items():
            if not self._board.driven(pin):
                self._write_log(pin=pin, level=None, claim=False, pid=pid, seq=None, changed=changed)
        for path in self._directory.glob(f"client-{pid}-*.sock"):
            path.unlink(missing_ok=True)

    def _sweep(self) -> None:
        """Remove the addresses of processes that ended without doing it."""
        for path in self._directory.glob("client-*-*.sock"):
            try:
                os.kill(int(path.name.split("-")[1]), 0)
            except (ProcessLookupError, ValueError):
                path.unlink(missing_ok=True)
            except PermissionError:
                continue

    def _tell_edge(self, pin: int, address: str, at: float | None = None) -> None:
        edge = {"edge": pin, "level": self._board.level(pin), "at": self._clock.mono() if at is None else at}
        waiting = self._waiting.get(address)
        if waiting is not None:
            waiting.append(edge)
        elif self._send(edge, address) is None:
            self._waiting[address] = deque([edge], MOST_WAITING)
            self._tell_later(address)

    def _tell_later(self, address: str) -> None:
        if self._loop is not None:
            self._loop.call_later(AGAIN_S, self._tell_waiting, address)

    def _tell_waiting(self, address: str) -> None:
        waiting = self._waiting.get(address)
        while waiting:
            sent = self._send(waiting[0], address)
            if sent is None:
                self._tell_later(address)
                return
            waiting.popleft()
        self._waiting.pop(address, None)

    def _send(self, message: dict[str, Any], address: str) -> bool | None:
        """Send without waiting; None when there is no room now, false when nobody is there: he then watches no more."""
        try:
            self._socket.sendto(json.dumps(message).encode(), address)
        except BlockingIOError:
            return None
        except OSError:
            for watchers in self._watchers.values():
                watchers.discard(address)
            self._waiting.pop(address, None)
            return False
        return True

    def _write_log(self, **entry: Any) -> None:
        moment = self._clock.now()
        self._log.write(json.dumps({"mono": round(moment.mono, 6), "wall": round(moment.wall, 6), **entry}) + "\n")
