"""What a meter counted in each hour, as it is kept; and how it is worked out from the rows of the hour."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping

from edge.core.counter import COUNTER
from edge.core.energy import Stand, Stretch, Terms, extend, stretch
from edge.shell.history_rows import Layout, Raw

POWER = "power_w"
_COLUMNS = (
    "readings", "first_at", "first_life", "first_kwh", "first_w", "last_at", "last_life", "last_kwh", "last_w", "kwh",
    "interpolated_kwh", "unmeasured_s",
)  # fmt: skip
_SELECT = f"SELECT hour, {', '.join(_COLUMNS)} FROM energy WHERE device = ? AND hour"  # noqa: S608 - constants
_INSERT = (
    f"INSERT OR REPLACE INTO energy (device, hour, {', '.join(_COLUMNS)}) "  # noqa: S608 - constants
    f"VALUES (?, ?{', ?' * len(_COLUMNS)})"
)


def worked_out(
    db: sqlite3.Connection, device: str, hour: int, rows: Iterable[Raw], of: Mapping[int, Layout], terms: Terms
) -> Stretch | None:
    """What the rows of an hour come to; `of`: the layouts of the meter. None if no counter was read.

    Where fewer are there than what is kept was worked out from, those that left the history still count.
    """
    kept = kept_from(db, device, hour, hour + 1).get(hour)
    stands = _stands(rows, of)
    if kept is not None and len(stands) < kept.readings:
        return extend(kept, stands, terms)
    return stretch(stands, terms)


def keep(db: sqlite3.Connection, device: str, hour: int, found: Stretch) -> None:
    """Keep it in place of what was kept of that hour."""
    a, b = found.first, found.last
    db.execute(_INSERT, (
        device, hour, found.readings, round(a.at * 1000), a.life, a.kwh, a.watts, round(b.at * 1000), b.life, b.kwh,
        b.watts, found.kwh, found.interpolated_kwh, found.unmeasured_s,
    ))  # fmt: skip


def kept_from(db: sqlite3.Connection, device: str, start: float, end: float) -> dict[int, Stretch]:
    """What is kept of the meter's hours that begin from `start` up to before `end` (Unix s), by when they begin."""
    return dict(map(_hour, db.execute(f"{_SELECT} >= ? AND hour < ? ORDER BY hour", (device, start, end))))


def kept_beside(db: sqlite3.Connection, device: str, start: float, end: float) -> dict[int, Stretch]:
    """Likewise of the last hour that begins before `start` and of the first from `end` on."""
    before = db.execute(f"{_SELECT} < ? ORDER BY hour DESC LIMIT 1", (device, start)).fetchall()
    after = db.execute(f"{_SELECT} >= ? ORDER BY hour LIMIT 1", (device, end)).fetchall()
    return dict(map(_hour, before + after))


def _stands(rows: Iterable[Raw], of: Mapping[int, Layout]) -> list[Stand]:
    where = {i: (layout.place(COUNTER), layout.place(POWER)) for i, layout in of.items()}
    found = []
    for raw in rows:
        counter, power = where[raw.layout]
        if counter is None:
            continue
        values = raw.values(of[raw.layout])
        if (kwh := values[counter]) is not None:
            found.append(Stand(raw.at / 1000, raw.life, kwh, None if power is None else values[power]))
    return found


def _hour(row: tuple[float, ...]) -> tuple[int, Stretch]:
    hour, n, a_at, a_life, a_kwh, a_w, b_at, b_life, b_kwh, b_w, kwh, interpolated, unmeasured = row
    first, last = Stand(a_at / 1000, int(a_life), a_kwh, a_w), Stand(b_at / 1000, int(b_life), b_kwh, b_w)
    return int(hour), Stretch(first, last, int(n), kwh, interpolated, unmeasured)
