"""Carries `village-edge simulate` out: lets the days pass, shows how far it is, and tells what came of it."""

from __future__ import annotations

import argparse
import datetime as dt
import logging
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack
from types import FrameType
from typing import Self
from zoneinfo import ZoneInfo

from edge.core.site import Site
from edge.shell.app import catalogue
from edge.shell.clock import SystemClock
from edge.shell.site_file import load
from simulator import scenarios
from simulator.fast import Fast
from simulator.report import DAY_S, Sampler, report, summary
from simulator.report_page import page
from simulator.scenarios import Scenario
from simulator.simulate import DEFAULT_DAYS, FIRST_DAY

SLICE_S = 3600.0
SHOW_EVERY_S = 0.1
BAR_WIDTH = 24


def play(args: argparse.Namespace) -> int:
    """Carry out the command; its exit code. Raises ConfigError, OSError."""
    if args.scenario is not None and args.start is not None:
        print("--start: a scenario says itself when it begins; leave out one of the two", file=sys.stderr)
        return 2
    if args.state is not None and (args.state / "journal.db").exists():
        print(f"--state {args.state} has a journal already: name a new directory", file=sys.stderr)
        return 1
    logging.getLogger("edge").setLevel(logging.ERROR)  # what the controller warns of is seen in its alarms
    story = None if args.scenario is None else scenarios.load(args.scenario)
    site = load(args.config, catalogue()) if story is None else scenarios.site_of(story, args.config)
    start = _noon(args.start or FIRST_DAY, site) if story is None else scenarios.starts(story, site)
    poll_s = args.poll or (0.0 if story is None else story.poll_s)
    with ExitStack() as stack:
        if args.state is not None:
            args.state.mkdir(parents=True, exist_ok=True)
        drawn = stack.enter_context(args.report.open("w", encoding="utf-8")) if args.report else None
        trace = stack.enter_context(args.trace.open("w", encoding="utf-8")) if args.trace else None
        fast = Fast(site, catalogue(), start, args.seed, poll_s=poll_s, state=args.state, trace=trace)
        stack.callback(fast.close)
        sampler = Sampler(fast)
        code = _play(sampler, story, args.days)
        found = report(fast, sampler, args.seed)
        print(summary(found))
        if drawn is not None:
            drawn.write(page(found))
    return code


def _play(sampler: Sampler, story: Scenario | None, days: int | None) -> int:
    """Let it happen; the exit code."""
    lasts_s = 0.0 if story is None else story.lasts_s
    least = DEFAULT_DAYS if days is None and story is None else days or 0
    seconds = max(least * DAY_S, lasts_s)
    with _Progress(sampler, seconds) as progress:
        try:
            seen = None if story is None else scenarios.run(story, sampler.fast, progress.advance)
            progress.advance(seconds - lasts_s)
        except KeyboardInterrupt:
            return 130
    if seen is not None:
        print(f"{seen}\n")
    return 0 if seen is None or seen.ok else 1


class _Progress:
    """Lets time pass in slices, shows how far it is, and ends with KeyboardInterrupt between two of them."""

    def __init__(self, sampler: Sampler, seconds: float) -> None:
        self._sampler = sampler
        self._bar = _Bar(seconds / DAY_S, SystemClock().mono) if sys.stderr.isatty() else None
        self._asked_to_stop = False

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGINT, self._stop)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)
        if self._bar is not None:
            self._bar.end()

    def advance(self, seconds: float) -> None:
        """Let so many seconds pass. Raises KeyboardInterrupt."""
        left = seconds
        while left > 0:
            self._sampler.advance(min(left, SLICE_S))
            left -= SLICE_S
            if self._bar is not None:
                self._bar.show(self._sampler.fast.time.mono() / DAY_S)
            if self._asked_to_stop:
                raise KeyboardInterrupt

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._asked_to_stop = True


class _Bar:
    """How far it is, on a terminal."""

    def __init__(self, days: float, mono: Callable[[], float]) -> None:
        self._days = days
        self._mono = mono
        self._began = self._shown = mono()

    def show(self, done: float) -> None:
        """`done` days have passed."""
        now = self._mono()
        if now - self._shown < SHOW_EVERY_S:
            return
        self._shown = now
        speed = done / (now - self._began)
        filled = round(BAR_WIDTH * done / self._days)
        bar = "█" * filled + "░" * (BAR_WIDTH - filled)
        left = (self._days - done) / speed
        sys.stderr.write(f"\r{bar} {done:.1f} of {self._days:.4g} days, {speed:.1f} a second, {left:.0f} s left \x1b[K")
        sys.stderr.flush()

    def end(self) -> None:
        """Leave the line as it was."""
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


def _noon(day: dt.date, site: Site) -> float:
    return dt.datetime.combine(day, dt.time(12), ZoneInfo(site.site.timezone)).timestamp()
