"""Processes that a command starts, watches and takes with it when it ends."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

END_S = 10.0  # a process that was asked to end and has not by then is killed


class Child:
    """One process with a log of its own; it is told to end when this process dies, however that happens."""

    def __init__(self, name: str, command: list[str], log: Path, ended: Callable[[Child], None]) -> None:
        """Start it; `ended` is told when it ends, from a thread of its own."""
        self.name = name
        self.log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 - the command is the caller's own
                tied_to_us(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
                process_group=0,  # Ctrl-C reaches us alone, so that we end them in order
            )
        self._ended = ended
        threading.Thread(target=self._watch, name=f"watch-{name}", daemon=True).start()

    def _watch(self) -> None:
        self._process.wait()
        self._ended(self)

    def end(self) -> None:
        """Ask it to end, and see that it does."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def how_it_ended(self) -> str:
        """The exit status, in words."""
        code = self._process.returncode
        return f"ended with signal {-code}" if code is not None and code < 0 else f"ended with status {code}"

    def last_lines(self, count: int = 8) -> list[str]:
        """The end of its log."""
        return self.log.read_text("utf-8", "replace").splitlines()[-count:]


def tied_to_us(command: list[str], by: str = "TERM") -> list[str]:
    """The command, so started that the kernel ends it, `by` that signal, with the thread of ours that starts it;
    without util-linux, only as good as our own end."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", by, *command] if setpriv else command
