"""Kills at every call that stores, sends or drives a line: where the calls are, and villages that die at them."""

from __future__ import annotations

import mmap
import random
import struct
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from e2e_house import Listener
from harm_house import EVERY, HarmHouse, Pins, compiled
from support import Mosquitto

KINDS = (
    "journal write", "journal sync", "rename, unlink", "send to broker", "GPIO exchange", "history write", "history sync",
    "send to server",
)  # as kill_shim.c has them  # fmt: skip
SERVER = KINDS[7]
PHASES = ("first start", "start after a kill", "session")
UP_AGAIN_S = 5.0


@dataclass(frozen=True)
class Site:
    """The `n`-th call of a kind since the beginning of a phase."""

    phase: str
    kind: str
    n: int


class Counts:
    """The numbers shared with kill_shim.c."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.write_bytes(bytes(16 * len(KINDS)))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)

    def now(self) -> dict[str, int]:
        """How many calls of each kind there were."""
        return dict(zip(KINDS, struct.unpack_from(f"{len(KINDS)}Q", self._map), strict=True))

    def arm(self, kind: str, ahead: int) -> None:
        """Die at the `ahead`-th call of `kind` from now."""
        struct.pack_into("Q", self._map, 8 * (len(KINDS) + KINDS.index(kind)), self.now()[kind] + ahead)

    def disarm(self) -> None:
        struct.pack_into(f"{len(KINDS)}Q", self._map, 8 * len(KINDS), *[0] * len(KINDS))


class Killable(Protocol):
    """A village that is killed over and over."""

    house: HarmHouse

    def trial(self, site: Site) -> None:
        """Die at that site, be brought up again if that is to be, and be judged."""


class Mortal:
    """A village that dies; its lines, its broker and its listener live on."""

    def __init__(self, house: HarmHouse, counts: Counts, ear: Listener) -> None:
        self.house = house
        self.counts = counts
        self.ear = ear
        self.plays_safe = True  # False plants a supervisor that does not run `village-edge safe`
        self.recoveries: list[tuple[float, Site]] = []
        self._pins = Pins(house)
        self._serial = 0


@contextmanager
def doomed(arrange: Callable[[HarmHouse], None], server_port: int = 0) -> Iterator[tuple[HarmHouse, Counts, Listener]]:
    """A village, a broker and a listener of its own, and a daemon that can be made to die at a call.

    `arrange` may write into the configuration; `server_port`: of the server that is sent the history (0: none).
    """
    with TemporaryDirectory(prefix="edge-") as name, ExitStack() as stack:
        folder = Path(name)
        broker = Mosquitto(folder)
        broker.start()
        stack.callback(broker.stop)
        house = HarmHouse(folder, broker.port, calm=True)
        arrange(house)
        stack.callback(house.end)
        house.start_sim()
        ear = Listener(broker.port)
        stack.callback(ear.close)
        counts = Counts(folder / "counts")
        house.environment = {
            "LD_PRELOAD": str(compiled("kill_shim", folder)), "HARM_COUNTS": str(counts.path), "HARM_STATE": str(house.state),
            "HARM_PORT": str(broker.port), "HARM_SERVER": str(server_port),
        }  # fmt: skip
        yield house, counts, ear


def kill_at_each(villages: Sequence[Killable], chosen: Iterable[Site]) -> None:
    """Kill at all of these sites in their order, each in the next village that is free; the first that fails ends it."""
    left = deque(chosen)
    with ThreadPoolExecutor(len(villages)) as lanes:
        for lane in [lanes.submit(_kill, village, left) for village in villages]:
            lane.result()


def _kill(village: Killable, left: deque[Site]) -> None:
    """Take sites until none is left, or another lane has failed and emptied them."""
    while True:
        try:
            site = left.popleft()
        except IndexError:
            return
        if EVERY:
            print(f"{len(left):4} left, now {site.phase}, {site.kind} {site.n}", flush=True)
        try:
            village.trial(site)
        except BaseException as error:
            left.clear()
            said = village.house.log.read_text("utf-8", "replace")[-2000:]
            raise AssertionError(f"killed at {site}: {error!r}\n{said}") from error


def sites(counted: dict[str, dict[str, int]]) -> list[Site]:
    """Every call of each phase."""
    return [Site(p, k, n + 1) for p, kinds in counted.items() for k, calls in kinds.items() for n in range(calls)]


def sample(every: list[Site], size: int, seed: int) -> list[Site]:
    """`size` of them, as many of each phase and kind as its share, but none left out; in a mixed order."""
    dice = random.Random(seed)
    groups: dict[tuple[str, str], list[Site]] = {}
    for site in every:
        groups.setdefault((site.phase, site.kind), []).append(site)
    chosen = [dice.choice(group) for group in groups.values()]
    rest = [site for site in every if site not in chosen]
    chosen += dice.sample(rest, min(max(size - len(chosen), 0), len(rest)))
    dice.shuffle(chosen)
    return chosen


def table(counted: dict[str, dict[str, int]], died: list[tuple[float, Site]]) -> Iterator[str]:
    """Sites and kills per phase and kind, and the slowest recoveries."""
    hit = Counter((s.phase, s.kind) for _, s in died)
    shown = [kind for kind in KINDS if any(kinds.get(kind) for kinds in counted.values())]
    yield f"{'':18}" + "".join(f"{kind:>18}" for kind in shown)
    for phase, kinds in counted.items():
        yield f"{phase:18}" + "".join(f"{hit[phase, kind]:>11} of {kinds[kind]:>3}" for kind in shown)
    slowest = sorted(died, key=lambda d: d[0])[-3:]
    yield "up again, slowest: " + ", ".join(f"{s:.2f} s ({site.phase}, {site.kind} {site.n})" for s, site in reversed(slowest))
