"""What keeps readings and passes them on: the history, who answers from it, and the sinks that are sent its rows.

A sink is one file of edge/shell/sinks with a function `make`, as `Make` has it.
"""

from __future__ import annotations

import pkgutil
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Protocol

from edge.core import gauges, topics
from edge.core.events import Answered, Ask, Event, HistoryChanged, Record, SinkChanged
from edge.core.site import Site
from edge.core.values import ModelInfo, Moment
from edge.shell import sinks
from edge.shell.answers import AnswersWorker
from edge.shell.bus_figures import BusFigures
from edge.shell.clock import Clock
from edge.shell.energy_reader import EnergyReader
from edge.shell.history import HistoryWorker, Journal
from edge.shell.mqtt_client import Broker
from edge.shell.rollups import jobs
from edge.shell.runner import Worker
from edge.shell.seams import Seams
from edge.shell.tariff_files import tariffs, wanted_by

FILE = "history.db"


@dataclass(frozen=True, slots=True)
class Files:
    """Where a sink finds what it works with. `configuration` None: in memory, as in tests."""

    history: Path
    journal: Path
    broker: Broker
    configuration: Path | None = None


class Make(Protocol):
    """`make` of a sink's module."""

    def __call__(
        self, site: Site, files: Files, history: HistoryWorker, clock: Clock, put: Callable[[Event], None], seams: Seams
    ) -> Worker | None:
        """The sink's worker, registered with the history; None if `site` has none. May have a `close()`, which is
        called once, after its last step, and must not block for more than a second; and a `replay(first, last)`, by
        which those rows go to it once more, from any thread: how many there are."""


class Keeping:
    """The workers of this side of the house, and the door through which the core hands them what it wants kept or
    answered. Without a history nothing is recorded, and questions are answered with `no-history`."""

    def __init__(
        self, history: HistoryWorker | None, answers: AnswersWorker | None, sinks: Sequence[Worker],
        put: Callable[[Event], None],
    ) -> None:
        self.history = history
        self.workers = [worker for worker in (history, answers, *sinks) if worker is not None]
        self._answers = answers
        self._put = put

    def record(self, record: Record) -> None:
        """Keep a reading."""
        if self.history is not None:
            self.history.record(record)

    def ask(self, ask: Ask) -> None:
        """Have a question answered by the files; Answered follows."""
        if self._answers is not None:
            self._answers.ask(ask)
            return
        text = "the history cannot be read: this controller keeps none"
        self._put(Answered(ask.request, {"ok": False, **topics.error("no-history", text)}))

    def close(self, moment: Moment) -> None:
        """Hang up and let go of the files: after the workers' last steps, the journal's among them."""
        for worker in self.workers:
            close = getattr(worker, "close", None)
            if close is not None and worker is not self.history:
                close()
        if self.history is not None:
            self.history.close(moment)


def keep(
    site: Site, models: Mapping[str, ModelInfo], files: Files | None, journal: Journal, clock: Clock,
    put: Callable[[Event], None], seams: Seams, figures: BusFigures,
) -> Keeping:
    """Compose it; `files` None: no history."""
    if files is None:
        return Keeping(None, None, [], put)
    fates = Fates(put)
    block = site.history
    history = HistoryWorker(
        files.history, journal, fates.of_history, block.commit, jobs(site, models), seams.before_commit, block.keep,
        block.max_mb * 1e6,
    )
    made = [make(site, files, history, clock, fates.of_sink, seams) for make in makers()]
    found = [worker for worker in made if worker is not None]
    replay = next((each for worker in found if (each := getattr(worker, "replay", None)) is not None), None)
    reader = EnergyReader(site, models, tariffs(files.configuration, wanted_by(site)))
    units = gauges.quantities(site, models)
    answers = AnswersWorker(files.history, files.journal, reader, units, put, figures.answer, replay)
    return Keeping(history, answers, found, put)


def makers() -> list[Make]:
    """`make` of every sink there is, by their files' names."""
    names = sorted(module.name for module in pkgutil.iter_modules(sinks.__path__))
    return [import_module(f"{sinks.__name__}.{name}").make for name in names]


class Fates:
    """How each sink fares, put together: the sink knows why nothing goes to it, the history what it did not take or
    never got. Counts only grow, so the larger one is the newer."""

    def __init__(self, put: Callable[[Event], None]) -> None:
        self._put = put
        self._known: dict[str, SinkChanged] = {}
        self._lock = threading.Lock()

    def of_history(self, event: HistoryChanged | SinkChanged) -> None:
        """From the history's thread."""
        if isinstance(event, SinkChanged):
            self._tell(event, of_sink=False)
        else:
            self._put(event)

    def of_sink(self, event: Event) -> None:
        """From a sink's thread."""
        if isinstance(event, SinkChanged):
            self._tell(event, of_sink=True)
        else:
            self._put(event)

    def _tell(self, event: SinkChanged, *, of_sink: bool) -> None:
        with self._lock:
            known = self._known.get(event.sink, SinkChanged(event.sink))
            told = replace(
                known, refused=event.refused if of_sink else known.refused, why=event.why or known.why,
                set_aside=max(known.set_aside, event.set_aside), dropped=max(known.dropped, event.dropped),
            )
            if told != known:
                self._known[event.sink] = told
                self._put(told)
