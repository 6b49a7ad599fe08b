"""The power goes while journal or history are written: a real file system that forgets what was not synced."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from harm_history import Kept
from harm_house import EVERY, need, need_root
from harm_power import HISTORY_WRITER, WATER_WRITER, Disk, Writer, kept_rows, kept_zones

from edge.core.ranges import Ranges

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


def checkpoints_in_cuts(disk: Disk, cuts: int, synchronous: str = "as it is") -> tuple[int, int]:
    """How many checkpoints were said to be stored over so many cuts, and in how many cuts a zone was then set back."""
    dice = random.Random(SEED)
    path = disk.where / "journal.db"
    said = 0
    set_back = 0
    with ExitStack() as stack:
        writer = Writer(synchronous, WATER_WRITER)
        stack.callback(writer.close)
        for _ in range(cuts):
            newest: dict[int, float] = {}
            for line in writer.write(path, dice.randint(3, 200)):
                zone, done_s = line.split()
                newest[int(zone)] = float(done_s)
                said += 1
            disk.cut()
            assert not list(disk.where.glob("*.corrupt-*"))
            kept = kept_zones(path)
            set_back += any(kept.get(zone, -1) < done_s for zone, done_s in newest.items())
    return said, set_back


def test_no_checkpoint_of_a_run_that_was_said_to_be_stored_is_lost_in_power_cuts(disk: Disk, capsys: pytest.CaptureFixture[str]) -> None:
    cuts = CUTS if EVERY else 15
    said, set_back = checkpoints_in_cuts(disk, cuts)
    with capsys.disabled():
        print(f"\n{cuts} power cuts over {said} checkpoints of a run: zones set back in {set_back} of them")
    assert said > 20 * cuts
    assert set_back == 0


def test_planted_checkpoints_that_are_not_synced_are_seen_to_be_lost(disk: Disk) -> None:
    assert checkpoints_in_cuts(disk, 5, "NORMAL")[1] >= 3


def history_in_cuts(disk: Disk, cuts: int, synchronous: str = "as it is") -> tuple[int, set[int], int]:
    """How many rows of a history were said to be stored over so many cuts, which were then missing, and how many of
    the sequences came to name another row."""
    dice = random.Random(SEED)
    said: set[int] = set()
    lost: set[int] = set()
    told: dict[int, int] = {}  # sequence -> the row that was said to be stored under it
    acknowledged = Ranges()
    reused = 0
    with ExitStack() as stack:
        writer = Writer(synchronous, HISTORY_WRITER)
        stack.callback(writer.close)
        for _ in range(cuts):
            lines = writer.write(disk.where, dice.randint(1, 300))
            said |= {int(line) for line in lines if not line.startswith("ack")}
            for line in lines:
                if line.startswith("ack"):
                    acknowledged.add(*map(int, line.split()[1:]))
            disk.cut()
            kept = Kept.copied(disk.where)
            numbers = {sequence: int(dict(row[2])["energy_kwh"]) for sequence, row in kept.rows.items()}
            lost |= said - set(numbers.values())
            reused += sum(numbers.get(s, n) != n for s, n in told.items())
            told |= {s: n for s, n in numbers.items() if n in said}
            assert not kept.rows or max(kept.rows) <= kept.reserved
            has = [s for s in kept.rows if s in kept.has["telemetry"]]
            assert all(s in acknowledged for s in has), "acknowledged without anybody's having said so"
    return len(said), lost, reused


def test_no_row_of_the_history_is_lost_and_no_sequence_is_given_twice_in_power_cuts(disk: Disk, capsys: pytest.CaptureFixture[str]) -> None:
    cuts = CUTS if EVERY else 20
    said, lost, reused = history_in_cuts(disk, cuts)
    with capsys.disabled():
        print(f"\n{cuts} power cuts: 0 corrupt, {len(lost)} of {said} stored rows of the history lost")
    assert said > 20 * cuts
    assert (lost, reused) == (set(), 0)


def test_planted_a_history_that_is_not_synced_is_seen_to_lose_rows(disk: Disk) -> None:
    said, lost, _ = history_in_cuts(disk, 5, "NORMAL")
    assert len(lost) > said / 10
