"""The daemon dies at any call that stores, sends or drives a line while it waters: safe closes, and it goes on.

A seeded sample by default; `make kills` takes every site.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from e2e_house import Listener
from harm_house import EVERY, HarmHouse, compiled
from harm_kills import UP_AGAIN_S, Counts, Site, sample, sites, table
from harm_water import PLOT_1, PUMP, Garden, quick
from support import Mosquitto

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200 if EVERY else 300)]
OFTEN = ("journal write", "journal sync", "send to broker", "GPIO exchange")  # calls of every watering
SAMPLE, SEED, LANES = 4, 20261126, 2


@contextmanager
def watered_garden() -> Iterator[Garden]:
    """A village, a broker and a listener of its own, and a daemon that can be made to die at a call."""
    with TemporaryDirectory(prefix="edge-") as name, ExitStack() as stack:
        folder = Path(name)
        broker = Mosquitto(folder)
        broker.start()
        stack.callback(broker.stop)
        house = HarmHouse(folder, broker.port, calm=True)
        quick(house)
        stack.callback(house.end)
        house.start_sim()
        ear = Listener(broker.port)
        stack.callback(ear.close)
        counts = Counts(folder / "counts")
        house.environment = {
            "LD_PRELOAD": str(compiled("kill_shim", folder)), "HARM_COUNTS": str(counts.path),
            "HARM_STATE": str(house.state), "HARM_PORT": str(broker.port),
        }  # fmt: skip
        yield Garden(house, counts, ear)


def kill_at_each(garden: Garden, left: deque[Site]) -> None:
    """Take sites until none is left, or another lane has failed and emptied them."""
    while left:
        try:
            site = left.popleft()
        except IndexError:
            return
        if EVERY:
            print(f"{len(left):4} left, now {site.phase}, {site.kind} {site.n}", flush=True)
        try:
            garden.trial(site)
        except BaseException as error:
            left.clear()
            raise AssertionError(f"killed at {site}: {error!r}") from error


def test_killed_at_any_call_while_it_waters_all_is_off_at_once_and_goes_on_within_5_s(capsys: pytest.CaptureFixture[str]) -> None:
    with ExitStack() as stack, ThreadPoolExecutor(LANES) as lanes:
        gardens = [stack.enter_context(watered_garden()) for _ in range(LANES)]
        counted = gardens[0].count()
        assert all(counted["watering"][kind] for kind in OFTEN), counted
        every = sites(counted)
        chosen = every if EVERY else sample([site for site in every if site.kind in OFTEN], SAMPLE, SEED)
        left = deque(chosen)
        for lane in [lanes.submit(kill_at_each, garden, left) for garden in gardens]:
            lane.result()
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
