"""Putting many files in the place of others, all or none of them: what is to be done is written down first.

Everything new lies ready beside what it replaces. From then on, whoever is killed leaves a list, and the next one who
finds it does the rest; what stood there before lies aside.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.shell.files import replace_file, sync_folder

FILE = "restore.json"  # in the state directory
NEW = ".restore-new"  # a folder beside what is replaced
ASIDE = "before-restore-"  # likewise, and a number


@dataclass(frozen=True, slots=True)
class Step:
    """`new` comes to stand at `target`, which is kept at `aside` if it is there; without `new` it only leaves."""

    new: Path | None
    target: Path
    aside: Path

    def carry_out(self) -> None:
        """Do it, or what is left of it. Raises OSError."""
        if self.new is not None and not there(self.new):
            return
        if there(self.target) and not there(self.aside):
            self.aside.parent.mkdir(mode=0o700, exist_ok=True)
            if self.new is None or not _linked(self.target, self.aside):
                self.target.rename(self.aside)
        if self.new is not None:
            self.new.replace(self.target)


@dataclass(frozen=True, slots=True)
class Plan:
    """Every step of one restore; `backup` says of which."""

    state: Path
    backup: str
    steps: Sequence[Step]

    @classmethod
    def found(cls, state: Path) -> Plan | None:
        """The one that somebody left there half-done."""
        try:
            kept = json.loads((state / FILE).read_bytes())
        except FileNotFoundError:
            return None
        paths = [(new and Path(new), Path(target), Path(aside)) for new, target, aside in kept["steps"]]
        return cls(state, kept["backup"], [Step(*step) for step in paths])

    def write(self) -> None:
        """From here on it is decided. Raises OSError."""
        for left in self.state.glob(f"{FILE}.*"):  # by one that was killed
            left.unlink()
        steps = [[None if s.new is None else str(s.new), str(s.target), str(s.aside)] for s in self.steps]
        replace_file(self.state / FILE, json.dumps({"backup": self.backup, "steps": steps}, indent=1).encode())

    def carry_out(self) -> None:
        """Do every step that is not done yet, in order, and forget the plan. Raises OSError."""
        for step in self.steps:
            try:
                step.carry_out()
            except OSError as error:
                raise OSError(f"{step.target} cannot be put in its place: {error.strerror}") from error
        for folder in sorted({step.target.parent for step in self.steps}):
            sync_folder(folder)
        remove_new(step.target for step in self.steps)
        (self.state / FILE).unlink()
        sync_folder(self.state)

    def asides(self) -> list[Path]:
        """The folders in which lies what was there before."""
        return sorted({step.aside.parent for step in self.steps if step.aside.parent.is_dir()})


def steps(targets: Iterable[Path], leaving: Iterable[Path]) -> list[Step]:
    """What is to be done so that every target comes from its `new_of`, and `leaving` goes first."""
    wanted = [(None, path) for path in leaving] + [(new_of(path), path) for path in targets]
    n = 1
    while any(there(path.parent / f"{ASIDE}{n}") for _, path in wanted):
        n += 1
    return [Step(new, path, path.parent / f"{ASIDE}{n}" / path.name) for new, path in wanted]


def new_of(target: Path) -> Path:
    """Where that which shall stand at `target` is made ready."""
    return target.parent / NEW / target.name


def remove_new(targets: Iterable[Path]) -> None:
    """Take away what was made ready beside these and is not needed."""
    for folder in {target.parent / NEW for target in targets}:
        shutil.rmtree(folder, ignore_errors=True)


def there(path: Path) -> bool:
    """Whether something of that name is there. Raises OSError where that cannot be known."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    return True


def ours(name: str) -> bool:
    """Whether a file or folder of that name is one that is made here."""
    return name == NEW or name.startswith(ASIDE)


def _linked(target: Path, aside: Path) -> bool:
    """A file gets a second name, so that it is never gone in between; False where that cannot be."""
    if not stat.S_ISREG(target.lstat().st_mode):
        return False
    with contextlib.suppress(OSError):
        os.link(target, aside)
        return True
    return False
