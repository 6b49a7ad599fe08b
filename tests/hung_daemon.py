"""`village-edge` whose core hangs in an endless loop for as long as the file HANG is there; its other threads go on."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from edge.cli import main
from edge.core.controller import Controller

HANG = Path(os.environ["HANG"])


def hanging(handle: Any) -> Any:
    """`Controller.handle` that does not come back while the file is there."""

    def called(self: Controller, event: object, moment: object) -> Any:
        while HANG.exists():
            pass
        return handle(self, event, moment)

    return called


if __name__ == "__main__":
    Controller.handle = hanging(Controller.handle)  # type: ignore[method-assign]
    sys.exit(main(sys.argv[1:]))
