"""What a village's readings cost the card: `python tests/bench/history.py [--days 30]`.

history-wear: megabytes a day that reach the block device for the example village, journal included: an hour of virtual
time on ext4 in a file, after so many that what is written ahead has come round, with telemetry and a second consumer
that acknowledge every row, and an hour in which two plots are watered, of which a day has WATERED_H. All that is dirty is
written once a virtual minute, as the kernel does in real time. Only root can mount it.
history-year: megabytes of history.db after a year of the village's rows, through the worker that writes them: so many
days of it (one day's rows again and again, the counters going on), and the rest in proportion. The floor of both is the
rows' own figures, packed.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from common import NGUYEN_LY, parser, say, told

sys.path.append(str(Path(__file__).parents[1]))
from harm_power import Disk

from edge.core.events import Persist, Record
from edge.core.irrigation import CHECKPOINT_S
from edge.core.packing import pack
from edge.core.values import Moment
from edge.shell.app import catalogue
from edge.shell.history import HistoryWorker
from edge.shell.history_file import connect_readonly
from edge.shell.site_file import load
from simulator.fast import Fast

START = 1_767_243_600.0 + 7 * 3600  # 2026-01-01 19:00 in Vietnam: lamps burn
DAY_S = 86400.0
COMES_ROUND_H = 9
WATERED_H = 2
COUNTERS = ("energy_kwh", "export_kwh", "total_kwh", "volume_l")


class Reserving:
    """A journal that has what is to be reserved at once."""

    def __init__(self) -> None:
        self._known = 0

    def put(self, *rows: Persist, tell: object = ()) -> None:
        assert rows[-1].row is not None
        self._known = int(rows[-1].row["reserved"] or 0)

    def reserved(self, name: str) -> int:
        return self._known


def a_day() -> list[Record]:
    """What the example village records in a day."""
    found: list[Record] = []
    fast = Fast(load(NGUYEN_LY, catalogue()), catalogue(), START, 1)
    assert fast.shell is not None
    fast.shell.keeping.record = found.append  # type: ignore[method-assign]
    fast.advance(DAY_S)
    fast.close()
    return found


def grown(day: list[Record], days: int, folder: Path) -> float:
    """Megabytes of history.db."""
    counted = growth(day)
    worker = HistoryWorker(folder / "history.db", Reserving(), lambda _: None)
    woken: list[bool] = []
    worker.on_wake(lambda: woken.append(True))
    now = Moment(START, 0.0, "b", True)
    again = worker.step(now)
    for n in range(days):
        for record in day:
            reading = record.reading
            more = {q: round(v + n * counted.get((reading.device, q), 0.0), 6) for q, v in reading.quantities.items()}
            now = Moment(reading.at + n * DAY_S, record.mono + n * DAY_S, "b", True)
            worker.record(replace(record, reading=replace(reading, quantities=more, at=now.wall), mono=now.mono))
            if woken or again is None or again <= now.mono:
                woken.clear()
                again = worker.step(now)
        if n % 30 == 29:
            say(f"{n + 1} days")
    worker.close(now)
    return (folder / "history.db").stat().st_size / 1e6


def growth(day: list[Record]) -> dict[tuple[str, str], float]:
    """How much each counter grows in the day."""
    first: dict[tuple[str, str], float] = {}
    last: dict[tuple[str, str], float] = {}
    for record in day:
        for quantity in COUNTERS:
            if quantity in record.reading.quantities:
                key = record.reading.device, quantity
                last[key] = record.reading.quantities[quantity]
                first.setdefault(key, last[key])
    return {key: last[key] - first[key] for key in last}


def wear(disk: Disk) -> float:
    """Megabytes a day on the block device."""
    fast = Fast(load(NGUYEN_LY, catalogue()), catalogue(), START, 1, state=disk.where)
    assert fast.shell is not None
    history = fast.shell.keeping.history
    assert history is not None
    history.register("influxdb")
    history.on_commit(acknowledging(history, "influxdb", disk.where / "history.db"))
    device = disk.where.stat().st_dev
    counted = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat")

    def hours(count: int) -> int:
        """Bytes written so far, after that many more hours."""
        for _ in range(count * 60):
            fast.advance(60)
            flush(disk.where)
        return 512 * int(counted.read_text("ascii").split()[6])

    before = hours(COMES_ROUND_H)
    dry = hours(1) - before
    for plot in ("plot-1", "plot-3"):
        fast.send(f"{fast.root}/valve/{plot}/set/head", {"action": "open", "for_s": 3590})
    watered = hours(1) - before - dry
    checkpoints = 2 * 3600 / CHECKPOINT_S
    say(f"an hour: {dry / 1e6:.2f} MB, while two plots are watered {watered / 1e6:.2f} MB, with {checkpoints:.0f} checkpoints")
    fast.close()
    return ((24 - WATERED_H) * dry + WATERED_H * watered) / 1e6


def acknowledging(history: HistoryWorker, consumer: str, path: Path) -> Callable[[], None]:
    """A consumer that has each row as soon as it is there."""
    had = 0

    def woken() -> None:
        nonlocal had
        db = connect_readonly(path)
        first, last = db.execute("SELECT min(sequence), max(sequence) FROM rows WHERE sequence > ?", (had,)).fetchone()
        db.close()
        if last is not None:
            history.acknowledge(consumer, [(first, last)])
            had = last

    return woken


def flush(folder: Path) -> None:
    """Have the kernel write what is dirty on that file system."""
    handle = os.open(folder, os.O_RDONLY)
    ctypes.CDLL(None).syncfs(handle)
    os.close(handle)


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--days", type=int, default=30)
    days = arguments.parse_args().days
    day = a_day()
    packed = sum(len(pack(list(record.reading.quantities.values()))) for record in day) / 1e6
    with TemporaryDirectory(prefix="history-") as folder:
        disk = Disk(Path(folder))
        why = disk.mount()
        if why is not None:
            say(f"history-wear cannot be measured: {why}")
        else:
            try:
                told("history-wear", wear(disk), "MB a day", packed, 1)
            finally:
                disk.unmount()
        told("history-year", 365 / days * grown(day, days, Path(folder)), "MB", 365 * packed, 1)


if __name__ == "__main__":
    main()
