"""Turns off what was on for a pulse when the process that pulsed it dies without a word: killed, or out of memory.

On Raspberry Pi's kernels a line stays as it was driven when its process dies. So a child waits beside it, told before
each ON what is about to be on (a line of JSON: entries of safe.json), and after it that nothing is. If its input ends
while something is on, it drives that off as `village-edge safe` does.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from edge.shell import safe

READY = "ready"
END_S = 5.0


class Guard:
    """The child, as its parent has it."""

    def __init__(self, entries: Sequence[Mapping[str, Any]], sim: Path | None) -> None:
        """`entries`: of every output, as safe_file.safe_entries has them. Returns once it watches. Raises OSError."""
        self._entries = {str(entry["output"]): {**entry, "safe": "off"} for entry in entries}
        self._child = subprocess.Popen(  # noqa: S603 - it is our own
            [sys.executable, "-m", __name__, *([] if sim is None else [str(sim)])], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, start_new_session=True,  # Ctrl-C and a lost terminal do not reach it
        )
        assert self._child.stdout is not None
        if self._child.stdout.readline().strip() != READY:
            self.close()
            raise OSError("the guard, which turns outputs off if this is killed, does not start")

    def on(self, outputs: Sequence[str]) -> None:
        """These are or will be on, in the order in which they are to go off; none: nothing is. Raises OSError."""
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps([self._entries[name] for name in outputs]) + "\n")
        self._child.stdin.flush()

    def close(self) -> None:
        """Let it end; it turns off what it was told of last."""
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(END_S)


def watch(sim: Path | None) -> None:
    """The child's own part."""
    print(READY, flush=True)
    on: list[Any] = []
    with suppress(ValueError):  # the last line was cut short: what stood before it counts
        for line in sys.stdin:
            on = json.loads(line)
    for _ in safe.drive(on, sim):
        pass


if __name__ == "__main__":
    watch(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
