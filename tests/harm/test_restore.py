"""A restore is killed at every call that gives a file its name, takes one away or syncs: the old, or the new, is there."""

from __future__ import annotations

import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from backup_house import NOW, SITE, WEEK, asked, keep, make_village, snapshot

from edge.core.values import Moment
from edge.shell import putting
from edge.shell.backup import Sources, back_up
from edge.shell.restore import Where, restore
from edge.shell.state_dir import held

pytestmark = pytest.mark.slow
LATER = Moment(NOW.wall + WEEK, 50.0, "boot-2", True)
CALLS = ("rename", "replace", "link", "unlink", "rmdir", "mkdir", "fsync", "chmod")


def counting(stop_at: int) -> Counter[str]:
    """Count the calls of this process from now on; it is killed before the one with that number."""
    seen: Counter[str] = Counter()

    def wrapped(name: str) -> Callable[..., object]:
        call = getattr(os, name)

        def count(*args: object, **options: object) -> object:
            seen[name] += 1
            if seen.total() == stop_at:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **options)

        return count

    for name in CALLS:
        setattr(os, name, wrapped(name))
    return seen


def forked(backup: Path, where: Where, stop_at: int = 0) -> int:
    """Restore in a process that may be killed; how it ended, or how many calls it made if it was not to be killed."""
    read, write = os.pipe()
    if not (pid := os.fork()):
        code = 1
        try:
            seen = counting(stop_at)
            restore(backup, where, LATER, force=True)
            os.write(write, str(seen.total()).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(write)
    told = os.read(read, 100)
    os.close(read)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return int(told) if told and not stop_at else code


class Card:
    """A village that is one week on from its backup."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "card"
        self.village: Sources = make_village(self.folder)
        self.backup = folder / "made.tar.gz"
        back_up(self.backup, self.village, NOW)
        keep(self.village.state, {"life": 4, "energy_kwh": 7.0}, rev=9)
        self.village.config.write_text(SITE + "# newer\n", "utf-8")
        self.village.also[0].write_text("newer\n")
        self.where = Where(self.village.state, self.village.config)
        self._kept = folder / "kept"
        shutil.copytree(self.folder, self._kept)
        self.before = self.seen()

    def reset(self) -> None:
        """As it was."""
        shutil.rmtree(self.folder)
        shutil.copytree(self._kept, self.folder)

    def seen(self) -> dict[str, tuple[int, bytes | None]]:
        """All but what was only made ready, and the empty files that SQLite makes to read."""
        found = {}
        for name, what in snapshot(self.folder).items():
            path = Path(name)
            ready = putting.NEW in path.parts or path.name.startswith(f"{putting.FILE}.")
            if not ready and not name.endswith("-shm") and (what[1] or not name.endswith("-wal")):
                found[name] = what
        return found

    def is_new(self) -> None:
        """Everything is the backup's, and what was there lies aside."""
        state, config, passwords = self.village.state, self.village.config, self.village.also[0]
        assert asked(state / "journal.db", "SELECT rev FROM programs") == [(5,)]
        assert asked(state / "history.db", "SELECT count(*) FROM rows") == [(300,)]
        assert asked(state / "before-restore-1/journal.db", "SELECT rev FROM programs") == [(9,)]
        assert (config.read_text(), passwords.read_text()) == (SITE, "head:$7$101$x\n")
        assert (config.parent / "before-restore-1/site.yaml").read_text() == SITE + "# newer\n"
        assert (passwords.parent / "before-restore-1/passwords").read_text() == "newer\n"
        assert not list(self.folder.rglob(putting.NEW)) + list(self.folder.rglob(f"{putting.FILE}*"))
        assert not list(self.folder.rglob("before-restore-2"))


@pytest.fixture
def card(tmp_path: Path) -> Card:
    return Card(tmp_path)


def test_killed_at_every_call_it_leaves_the_old_or_a_second_run_makes_the_new(card: Card) -> None:
    calls = forked(card.backup, card.where)
    card.is_new()
    assert calls > 40
    decided = 0
    for n in range(1, calls + 1):
        card.reset()
        assert forked(card.backup, card.where, stop_at=n) == -signal.SIGKILL, n
        if (card.village.state / putting.FILE).exists():
            decided += 1
            if n % 2:
                os.close(held(card.village.state))  # what the controller does at its start
            else:
                restore(card.backup, card.where, LATER)
        elif not decided:
            assert card.seen() == card.before, n
            restore(card.backup, card.where, LATER, force=True)
        card.is_new()
    assert 15 < decided < calls
