"""The power goes while the journal is written: a real file system that forgets what was not synced."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from harm_house import need, need_root
from harm_power import Disk, Writer, kept_rows

pytestmark = pytest.mark.slow
CUTS, SEED = 50, 20261121


@pytest.fixture
def disk(folder: Path) -> Iterator[Disk]:
    need_root()
    need("mkfs.ext4", "e2fsprogs")
    made = Disk(folder)
    if why := made.mount():
        pytest.skip(f"needs loop devices: {why}")
    yield made
    made.unmount()


def lost_in_cuts(disk: Disk, cuts: int, synchronous: str = "as it is") -> tuple[int, int]:
    """How many rows were said to be stored over so many cuts, and how many of them were then missing."""
    dice = random.Random(SEED)
    path = disk.where / "journal.db"
    said: set[str] = set()
    lost: set[str] = set()
    with ExitStack() as stack:
        writer = Writer(synchronous)
        stack.callback(writer.close)
        for _ in range(cuts):
            said |= set(writer.write(path, dice.randint(1, 300)))
            disk.cut()
            assert not list(disk.where.glob("*.corrupt-*"))
            lost |= said - kept_rows(path)
    return len(said), len(lost)


def test_no_row_that_was_said_to_be_stored_is_lost_in_50_power_cuts(disk: Disk, capsys: pytest.CaptureFixture[str]) -> None:
    said, lost = lost_in_cuts(disk, CUTS)
    with capsys.disabled():
        print(f"\n{CUTS} power cuts: 0 corrupt, {lost} of {said} stored rows lost")
    assert said > 20 * CUTS
    assert lost == 0


@pytest.mark.parametrize("synchronous", ["NORMAL", "OFF"])
def test_planted_a_journal_that_is_not_synced_is_seen_to_lose_rows(disk: Disk, synchronous: str) -> None:
    said, lost = lost_in_cuts(disk, 5, synchronous)
    assert lost > said / 10
