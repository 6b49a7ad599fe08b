"""The state directory: one process at a time works with it, and what a restore left half-done there is done first."""

from __future__ import annotations

import fcntl
import logging
import os
from pathlib import Path

from edge.shell.putting import Plan

log = logging.getLogger(__name__)


class StateUnusable(Exception):
    """The state directory cannot be had, or another process works with it."""


def lock(state: Path) -> int:
    """A handle on the directory, which is made if new; until it is closed nobody else gets one. Raises
    StateUnusable."""
    try:
        state.mkdir(parents=True, exist_ok=True)
        handle = os.open(state, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise StateUnusable(f"--state {state}: {error.strerror}: give a directory that can be written") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        text = f"another controller works with {state}: stop it first, or give --state another directory"
        raise StateUnusable(text) from None
    return handle


def held(state: Path) -> int:
    """The same for the controller: a restore that was cut short is done to its end, as far as this user may."""
    handle = lock(state)
    if (plan := Plan.found(state)) is not None:
        log.warning("a restore into %s was cut short: it is done to its end now", state)
        try:
            plan.carry_out()
        except OSError as error:
            log.error("%s; stop the controller and run the same `village-edge restore` again as root", error)
    return handle
