"""The process or the power dies right after any one thing that it does: each write of a line, each handing over to the
journal, each commit, each message. Whatever died when, the field has its water once, and nothing stays open."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from farms import FarmBench, farm

pytestmark = pytest.mark.slow
PROGRAM = {
    "kind": "irrigation", "start": "05:00", "zones": [{"plot-1": "40s"}, {"plot-2": "30s"}], "resume": "within 2h",
}
PLANNED_S = {"plot-1": 40.0, "plot-2": 30.0}
CHECKPOINT_S, LAG_S, ROUNDING_S = 15.0, 3.0, 0.2
STRIDE = 2  # both ways of dying share the places


class Died(BaseException):
    """Nothing of the process goes on."""


class Mortal(FarmBench):
    """Dies after the `dies_after`th thing that it does."""

    def __init__(self, *more: Any, dies_after: float = float("inf"), **named: Any) -> None:
        self.done = 0
        self.dies_after = float("inf")
        super().__init__(*more, **named)
        for line in self.lines.values():
            line.write = self._counted(type(line).write.__get__(line))  # type: ignore[method-assign]
        self.store.put = self._counted(self.store.put)  # type: ignore[method-assign]
        self.store._commit = self._counted(self.store._commit)  # type: ignore[method-assign]
        self.radio.publish = self._counted(self.radio.publish)  # type: ignore[method-assign]
        self.dies_after = dies_after

    def _counted(self, act: Callable[..., None]) -> Callable[..., None]:
        def acted(*what: Any, **named: Any) -> None:
            act(*what, **named)
            self.done += 1
            if self.done >= self.dies_after:
                raise Died

        return acted


def lives(folder: Path, dies_after: float, *, power: bool) -> tuple[bool, Mortal]:
    """Begin a minute before the run, die at that place, begin anew and let an hour pass; whether it died."""
    journal = folder / f"journal-{dies_after}-{power}.db"
    b = Mortal(farm({"morning": PROGRAM}), at="2026-11-21T04:59:50+07:00", journal=journal, dies_after=dies_after)
    try:
        b.advance(300)
    except Died:
        pass
    else:
        return False, b
    assert b.store._db is not None
    b.store._db.close()  # without what was not committed
    b.dies_after = float("inf")
    clock, lines = b.clock, b.lines
    for name in sorted(lines):  # pumps stand before valves, as `safe` has them; without power all fall at once
        lines[name].writes.append((clock.mono(), False))
    if power:
        clock.reboot("boot-2", 20)
    after = Mortal(b.site, journal=journal, clock=clock, lines=lines)
    after.advance(1800)
    return True, after


def judge(b: Mortal) -> None:
    for plot, planned in PLANNED_S.items():
        openings = b.spans(f"valve/{plot}")
        assert all(end is not None for _, end in openings), f"{plot} is still open"
        watered = sum((end or 0.0) - start for start, end in openings)
        most = planned + CHECKPOINT_S + LAG_S * len(openings) + ROUNDING_S
        assert planned - ROUNDING_S <= watered <= most, f"{plot} had {watered:.1f} s in {openings}"
    valves = [span for plot in PLANNED_S for span in b.spans(f"valve/{plot}")]
    for start, end in b.spans("pump/pump-1"):
        assert end is not None
        assert any(opened <= start and (closed or 0.0) >= end for opened, closed in valves), "the pump without a valve"
    assert [(run["id"], run["outcome"]) for run in b.rows("runs")] == [("morning:2026-11-21:0", "done")]
    assert not b.open()


@pytest.mark.parametrize("power", [False, True], ids=["process", "power"])
def test_whatever_it_did_last_the_water_comes_once_and_nothing_stays_open(tmp_path: Path, power: bool) -> None:
    deaths = 0
    for place in count(1 + power, STRIDE):
        died, b = lives(tmp_path, place, power=power)
        judge(b)
        b.dies_after = float("inf")
        b.store.close(b.clock.now())
        if not died:
            break
        deaths += 1
    assert deaths >= 50
