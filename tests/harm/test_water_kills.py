"""The daemon dies at any call that stores, sends or drives a line while it waters: safe closes, and it goes on.

A seeded sample by default; `make kills` takes every site.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from harm_house import EVERY
from harm_kills import UP_AGAIN_S, doomed, kill_at_each, sample, sites, table
from harm_water import PLOT_1, PUMP, Garden, quick

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200 if EVERY else 300)]
OFTEN = ("journal write", "journal sync", "send to broker", "GPIO exchange")  # calls of every watering
SAMPLE, SEED, LANES = 4, 20261126, 2


@contextmanager
def watered_garden() -> Iterator[Garden]:
    with doomed(quick) as made:
        yield Garden(*made)


def test_killed_at_any_call_while_it_waters_all_is_off_at_once_and_goes_on_within_5_s(capsys: pytest.CaptureFixture[str]) -> None:
    with ExitStack() as stack:
        gardens = [stack.enter_context(watered_garden()) for _ in range(LANES)]
        counted = gardens[0].count()
        assert all(counted["watering"][kind] for kind in OFTEN), counted
        every = sites(counted)
        chosen = every if EVERY else sample([site for site in every if site.kind in OFTEN], SAMPLE, SEED)
        kill_at_each(gardens, chosen)
    recoveries = [r for garden in gardens for r in garden.recoveries]
    with capsys.disabled():
        print("", *table(counted, recoveries), sep="\n")
        print(f"zones that went on after a kill: {sum(g.went_on for g in gardens)}")
    assert len(recoveries) == len(chosen)
    assert max(recoveries, key=lambda r: r[0])[0] <= UP_AGAIN_S


def test_planted_a_supervisor_that_does_not_run_safe_is_seen() -> None:
    with watered_garden() as garden:
        garden.start()
        garden.plays_safe = False
        with pytest.raises(AssertionError, match=rf"left on: \[{PUMP}, {PLOT_1}"):
            garden.order_and_kill("plot-1")
