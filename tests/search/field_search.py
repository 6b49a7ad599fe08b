"""Random lives of villages with fields, as search.py has them for lights; and I12 by twins, whose clocks differ."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from functools import partial

from search.account import Action, Violation
from search.almanac import DAY_S
from search.field_trial import FieldTrial
from search.search import Finding, Kind, named

TARGETS = ("valve/v1", "valve/v1", "valve/v2", "valve/v2", "valve/v3", "valve/v4", "valve/v5", "pump/p1", "pump/p2", "switch/fan")
JUMPS = ("+1s", "-1s", "+40s", "-40s", "+7h", "-7h", "+1d", "-1d", "+30d", "-30d", "+365d", "-365d")
BEYOND = (-1.0, -0.02, 0.0, 0.02, 1.0)
FAULTS: tuple[dict[str, object], ...] = (
    {"fault": "core-hung", "for": "20s"}, {"fault": "core-hung", "for": "3s"}, {"fault": "process-frozen", "for": "60s"},
    {"fault": "card-full"}, {"fault": "card-read-only"}, {"fault": "card-slow", "by": "20s"}, {"fault": "clock-untrusted"},
    {"fault": "adapter-gone", "on": "port/bus", "for": "40s"}, {"fault": "broker-away", "for": "10m"},
    {"fault": "slave-dead", "on": "sensor/soil"}, {"fault": "slave-dead", "on": "sensor/air"}, {"fault": "slave-dead", "on": "board/board"},
    {"fault": "input-stuck", "on": "input/tank", "active": True}, {"fault": "input-stuck", "on": "input/rain", "active": True},
    {"fault": "input-stuck", "on": "input/hand", "active": True},
)  # fmt: skip
CLOCKLESS = ("card-slow", "adapter-gone", "broker-away", "slave-dead", "core-hung")


def actions(seed: int, *, by_clock: bool = True) -> Iterator[Action]:
    """What happens in the village of this seed, without end."""
    draw = random.Random(f"{seed}/field-actions")
    while True:
        kind = draw.choices(
            ("send", "fault", "reboot", "kill", "jump", "mend", "lock", "ask", "quiet", "burst"), (40, 14, 4, 5, 7, 12, 6, 4, 2, 3)
        )[0]
        if kind == "burst":
            target = draw.choice(TARGETS)
            for _ in range(draw.randint(2, 7)):
                yield _command(draw, target, by_clock=by_clock)
                yield ["wait", draw.choice([0.0, 0.5, 3.0, 11.0])]
        else:
            yield _one(draw, kind, by_clock=by_clock)
        yield _time(draw)


def _one(draw: random.Random, kind: str, *, by_clock: bool) -> Action:
    match kind:
        case "send":
            return _command(draw, draw.choice(TARGETS), by_clock=by_clock)
        case "fault":
            chosen = draw.choice(FAULTS)
            if not by_clock and str(chosen["fault"]) not in CLOCKLESS:
                return ["wait", 1.0]
            return ["fault", dict(chosen)]
        case "reboot":
            return ["fault", {"fault": "pi-rebooted", "down": draw.choice(["1s", "40s", "10m", "2h"])}]
        case "kill":
            return ["kill", draw.choice([0, 0, 1, 3, 30])]
        case "jump":
            return ["fault", {"fault": "clock-jump", "by": draw.choice(JUMPS)}]
        case "mend":
            return ["mend", draw.randrange(10)]
        case "lock":
            return ["lock", draw.choice(TARGETS), draw.random() < 0.4]
        case "ask":
            if draw.random() < 0.6 or not by_clock:
                return ["ask", "stop-water", {}]
            return ["ask", "rain-delay", draw.choice([{"for_s": 7200}, {}])]
    return ["quiet"]


def _command(draw: random.Random, target: str, *, by_clock: bool) -> Action:
    kind = target.partition("/")[0]
    how = draw.choices(("plain", "retained", "far"), (88, 6, 6) if by_clock else (1, 0, 0))[0]
    user = draw.choice(("head", "deputy"))
    if kind == "valve":
        names = ("open", "close", "auto", "pause", "resume", "skip")
        action = draw.choices(names, (60, 20, 6, 5, 5, 4))[0]
    else:
        action = draw.choices(("on", "off", "auto"), (50, 35, 15))[0]
    spec: dict[str, object] = {"action": action}
    if action in ("open", "on"):
        bound = draw.random()
        if bound < 0.55:
            spec["for_s"] = draw.choice([1, 5, 30, 60, 65.5, 300, 1200, 3600, 7200])
        elif bound < 0.65 and by_clock:
            spec["until_in"] = draw.choice([-5, 2, 300, 3600])
        elif bound < 0.75 and kind == "valve":
            spec["volume_l"] = draw.choice([1, 20, 100])
    elif action == "off" and draw.random() < 0.3:
        spec["for_s"] = draw.choice([60, 3600])
    if draw.random() < 0.7:
        spec["id"] = f"n-{draw.randrange(10**9)}"
    if by_clock and draw.random() < (0.9 if how == "far" else 0.15):
        spec["expires_in"] = draw.choice([-3600, -1, 10, 3600])
    return ["send", target, user, spec, how]


def _time(draw: random.Random) -> Action:
    kind = draw.random()
    if kind < 0.6:
        return ["aim", draw.choice([0, 0, 0, 1, 1, 2, 3]), draw.choice(BEYOND)]
    if kind < 0.8:
        return ["wait", round(draw.uniform(0.01, 130.0), 3)]
    return ["wait", round(draw.uniform(130.0, 4800.0), 1)]


def act(trial: FieldTrial, action: Action) -> None:
    """Do it."""
    trial.act(action)


FIELDS: Kind[FieldTrial] = Kind(FieldTrial, actions, act)


def twin(seed: int, days: float, counts: Counter[str] | None = None) -> Finding | None:
    """I12: two villages in which nothing goes by the time of day live alike, but that the clock of one is set now and
    then; what their outputs did in monotonic time is the same."""
    done: list[Action] = []
    try:
        pair = [FieldTrial(seed, by_clock=False) for _ in range(2)]
        plan = actions(seed, by_clock=False)
        while pair[0].seconds < days * DAY_S:
            action = next(plan)
            if action[0] in ("quiet", "aim", "mend"):
                action = ["wait", 61.0 if action[0] != "aim" else 30.0 + float(action[2])]
            done.append(action)
            for trial, jumps in zip(pair, (False, True), strict=True):
                if action[0] != "fault" or action[1]["fault"] != "clock-jump" or jumps:
                    trial.act(action)
            if counts is not None:
                counts["twin steps"] += 1
            _alike(*pair)
        for trial in pair:
            trial.close()
    except Exception as error:  # a crash of what is under test is a finding like any other
        return Finding(seed, done, *named(error))
    return None


def _alike(one: FieldTrial, other: FieldTrial) -> None:
    first, second = ([(round(c.at, 3), c.name, c.level) for c in trial.house.changes] for trial in (one, other))
    if first != second:
        n = next((i for i, pair in enumerate(zip(first, second, strict=False)) if pair[0] != pair[1]), min(len(first), len(second)))
        raise Violation("I12", f"with another clock the outputs did {second[n : n + 3]} in place of {first[n : n + 3]}")


TWINS = partial(twin)
