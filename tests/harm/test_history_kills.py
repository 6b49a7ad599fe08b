"""The daemon dies at any call by which the history is stored or sent: what was told of it is on the disk, and in the end
everybody has every row.

Beside it stand a broker with somebody who hears all telemetry, and VictoriaMetrics. A seeded sample by default; `make
kills` takes every site.
"""

from __future__ import annotations

import random
import shutil
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from e2e_house import Listener
from harm_history import Account, Kept, Telemetry, missing, recorded_often, stored
from harm_house import EVERY, HarmHouse, start_and_hear
from harm_kills import KINDS, PHASES, Counts, Site, doomed, kill_at_each, sites, table
from influx_servers import Front, Keeper, VictoriaMetrics
from support import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200 if EVERY else 300)]
USED = tuple(kind for kind in KINDS if kind != "GPIO exchange")  # the lines have tests of their own
SAMPLE, SEED, LANES = 9, 20261126, 2
ENOUGH = 6  # rows: two rounds of the three meters


class Lane:
    """One village that is killed over and over; the broker, the server and those who listen live on."""

    def __init__(self, house: HarmHouse, counts: Counts, ear: Listener, telemetry: Telemetry) -> None:
        self.house = house
        self.counts = counts
        self.ear = ear
        self.telemetry = telemetry
        self.account = Account()
        self.died: list[tuple[float, Site]] = []

    def begin(self, phase: str) -> None:
        """Be where the phase begins."""
        self.counts.disarm()
        running = "daemon" in self.house._processes
        if phase == "session":
            if not running:
                start_and_hear(self.house, self.ear)
            return
        if running:
            self.house.kill()
        if phase == "first start":
            shutil.rmtree(self.house.state, ignore_errors=True)
            self.account = Account()
            self.telemetry.rows.clear()

    def count(self) -> dict[str, dict[str, int]]:
        """How many calls of each kind each phase makes until it has stored a few rounds of readings."""
        found = {}
        for phase in PHASES:
            self.begin(phase)
            before, rows = self.counts.now(), len(stored(self.house.state))
            if phase != "session":
                self.house.start()
            until(lambda: len(stored(self.house.state)) >= rows + ENOUGH, 20, f"rows: {self.house.log.read_text()[-800:]}")  # noqa: B023
            now = self.counts.now()
            found[phase] = {kind: now[kind] - before[kind] for kind in USED}
        return found

    def trial(self, site: Site) -> None:
        """Die at that site, and hold the files against what was ever told of them."""
        self.begin(site.phase)
        self.counts.arm(site.kind, site.n)
        if site.phase != "session":
            self.house.start()
        until(lambda: not self.house.alive(), 60, "the death that was ordered")
        self.counts.disarm()
        self.settle()
        self.died.append((0.0, site))

    def settle(self) -> Kept:
        """The daemon is dead: look at what it left."""
        self.house._processes.pop("daemon").wait(10)
        kept = Kept.copied(self.house.state)
        self.account.settle(kept)
        # What the broker has acknowledged is on its way to who listens, and there in a moment.
        until(lambda: not self._acknowledged_unsent(kept), 5, "what is acknowledged to be heard")
        assert not list(self.account.heard("telemetry", kept, dict(self.telemetry.rows)))
        assert self.telemetry.wrong == []
        return kept

    def _acknowledged_unsent(self, kept: Kept) -> list[str]:
        return [what for what in self.account.heard("telemetry", kept, dict(self.telemetry.rows)) if "never sent" in what]

    def drain(self, server: VictoriaMetrics) -> None:
        """Left alone, it sends everything that was ever stored to everybody."""
        start_and_hear(self.house, self.ear)
        rows = until(lambda: found if len(found := stored(self.house.state)) >= ENOUGH else {}, 10, "rows")
        until(lambda: rows.keys() <= self.telemetry.rows.keys(), 20, "the telemetry of every row")
        until(lambda: not missing(rows, server.points()[1]), 30, "every row to be on the server")
        self.house.send(signal.SIGKILL)
        self.settle()


@contextmanager
def laned(server: VictoriaMetrics | None = None, front: Front | None = None) -> Iterator[Lane]:
    """One that sends its history to `server`, whose calls count, or to `front`, whose do not."""
    to = server or front
    with (
        doomed(lambda house: recorded_often(house.config, to.url if to else None), server.port if server else 0) as made,
        closing(Telemetry(made[0]._broker_port)) as telemetry,
    ):
        yield Lane(*made, telemetry)


@pytest.fixture
def victoria(tmp_path: Path) -> Iterator[list[VictoriaMetrics]]:
    """One for each lane: two villages of the same name would be one."""
    servers = []
    for n in range(LANES):
        (tmp_path / str(n)).mkdir()
        servers.append(VictoriaMetrics(tmp_path / str(n)))
        servers[-1].start()
    yield servers
    for server in servers:
        server.stop()


def sampled(every: list[Site]) -> list[Site]:
    """One of each kind, and a few more."""
    dice = random.Random(SEED)
    chosen = [dice.choice([site for site in every if site.kind == kind]) for kind in USED]
    rest = [site for site in every if site not in chosen]
    return chosen + dice.sample(rest, SAMPLE - len(chosen))


def test_killed_at_any_site_nothing_that_was_told_is_gone_and_everybody_gets_all(
    victoria: list[VictoriaMetrics], capsys: pytest.CaptureFixture[str]
) -> None:
    with ExitStack() as stack:
        lanes = [stack.enter_context(laned(server)) for server in victoria]
        counted = lanes[0].count()
        lanes[0].house.kill()
        chosen = sites(counted) if EVERY else sampled(sites(counted))
        # First those that begin with an empty card, so that what is sent later adds up.
        kill_at_each(lanes, sorted(chosen, key=lambda site: PHASES.index(site.phase)))
        with ThreadPoolExecutor(LANES) as threads:
            for drained in [threads.submit(lane.drain, server) for lane, server in zip(lanes, victoria, strict=True)]:
                drained.result()
    with capsys.disabled():
        print("", *list(table(counted, [died for lane in lanes for died in lane.died]))[:-1], sep="\n")
        rows, again = (sum(len(lane.telemetry.rows) for lane in lanes), sum(lane.telemetry.again for lane in lanes))
        print(f"{rows} rows sent, {again} of them again; every one on the disk, at who listens and on the server")
    assert sum(len(lane.died) for lane in lanes) == len(chosen)
    assert all(len(lane.telemetry.rows) >= ENOUGH for lane in lanes)


FATES = ["hang", "507", "401", "garbage", "kept", "drip"]


def test_killed_while_the_server_refuses_hangs_or_is_full_everything_arrives_in_the_end() -> None:
    front = Front(Keeper())
    try:
        with laned(front=front) as lane:
            for fate in FATES if EVERY else FATES[:2]:
                front.fate = lambda fate=fate: fate
                before = len(front.requests)
                start_and_hear(lane.house, lane.ear)
                until(lambda: len(front.requests) > before, 15, f"a request that meets {fate}")  # noqa: B023
                kept = len(stored(lane.house.state))
                until(lambda: len(stored(lane.house.state)) >= kept + ENOUGH, 15, "rows meanwhile")  # noqa: B023
                lane.house.send(signal.SIGKILL)
                kept_rows = lane.settle()
                assert not [s for s in kept_rows.rows if s in kept_rows.has["influxdb"]], "acknowledged by a server that took nothing"
            front.fate = lambda: None
            start_and_hear(lane.house, lane.ear)
            rows = stored(lane.house.state)
            until(lambda: not missing(rows, front.behind.points()[1]), 20, "every row to be on the server")
            until(lambda: rows.keys() <= lane.telemetry.rows.keys(), 10, "the telemetry of every row")
    finally:
        front.close()


def test_planted_a_row_that_is_gone_changed_or_never_reserved_is_seen() -> None:
    row = (1000, "meter/m", (("energy_kwh", 1.0),), 0, 1)
    account = Account()
    account.settle(Kept(rows={1: row, 2: row}, reserved=100))
    with pytest.raises(AssertionError, match="are gone"):
        account.settle(Kept(rows={2: row}, reserved=100))
    with pytest.raises(AssertionError, match="other rows than before"):
        account.settle(Kept(rows={1: row, 2: (1001, *row[1:])}, reserved=100))
    with pytest.raises(AssertionError, match="not reserved"):
        account.settle(Kept(rows={1: row, 2: row, 101: row}, reserved=100))
    assert list(account.heard("telemetry", Kept(rows={1: row}), {2: row})) == [f"2 was sent and is not on the disk: {row}"]
