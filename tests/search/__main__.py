"""The seeded search by hand, from the repository's root: python -m tests.search --seed 7, or --days 365."""

from __future__ import annotations

import argparse
import logging
import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from search.field_search import FIELDS, twin  # after the path
from search.search import LIGHTS_KIND, Kind, run, shrink


def main() -> int:
    """One seed, or seed after seed until so many days or seconds are over; 1 at the first that does not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.search", description=__doc__)
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument("--first", type=int, default=1, help="the seed to begin with")
    parser.add_argument("--days", type=int, default=200, help="village-days of all seeds together")
    parser.add_argument("--each", type=float, default=4, help="village-days of one seed")
    parser.add_argument("--within", type=float, default=float("inf"), help="begin no seed after so many seconds")
    parser.add_argument("--fields", action="store_true", help="villages with fields: valves, pumps, switches")
    parser.add_argument("--twins", action="store_true", help="two villages with fields whose clocks differ (I12)")
    parser.add_argument("--no-shrink", action="store_true", help="tell the actions as they were drawn")
    parser.add_argument("--traceback", action="store_true", help="where it was seen")
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)
    counts: Counter[str] = Counter()
    kind: Kind[Any] = FIELDS if args.fields else LIGHTS_KIND
    began = time.monotonic()
    seeds = range(args.first, args.first + 1_000_000) if args.seed is None else [args.seed]
    for seed in seeds:
        finding = twin(seed, args.each, counts) if args.twins else run(seed, args.each, counts, kind)
        if finding is not None:
            print(f"after {time.monotonic() - began:.1f} s: seed {seed}: {finding.invariant}: {finding.seen}", flush=True)
            if not args.no_shrink and not args.twins:
                finding = shrink(finding, kind=kind)
            print(finding)
            if args.traceback and not args.twins:
                replay_loud(kind, seed, finding.done)
            return 1
        if args.twins:
            counts["hours"] += int(24 * args.each)
        if counts["hours"] >= 24 * args.days or time.monotonic() - began > args.within:
            break
    print(", ".join(f"{name}: {n}" for name, n in sorted(counts.items())))
    print(f"{time.monotonic() - began:.1f} s")
    return 0


def replay_loud(kind: Kind[Any], seed: int, done: list[list[object]]) -> None:
    """Where in the code it was seen."""
    trial = kind.make(seed)
    try:
        for action in done:
            kind.act(trial, action)
    except Exception:
        traceback.print_exc()


if __name__ == "__main__":
    sys.exit(main())
