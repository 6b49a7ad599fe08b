"""Random lives of villages with fields, as search.py has them for lights; and I12 by twins, whose clocks differ."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

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
    {"fault": "input-stuck", "on": "input/hand", "active": True, "for": "20m"},
    {"fault": "leak", "on": "input/flow", "l_min": 6, "for": "10m"}, {"fault": "burst", "on": "valve/v1", "for": "1h"},
    {"fault": "well-dry", "on": "pump/p1", "for": "20m"}, {"fault": "valve-stuck", "on": "valve/v1", "open": False, "for": "1h"},
    {"fault": "valve-stuck", "on": "valve/v2", "open": True, "for": "10m"}, {"fault": "pump-stuck", "on": "pump/p1", "for": "10m"},
    {"fault": "probe-stale", "on": "sensor/soil"}, {"fault": "flow-meter-dead", "on": "input/flow"},
    {"fault": "rain-stuck", "on": "input/rain", "falling": True, "for": "1h"}, {"fault": "float-stuck", "on": "input/tank", "full": False, "for": "20m"},
    {"fault": "board-unpowered", "on": "board/board", "for": "90s"}, {"fault": "board-restarted", "on": "board/board"},
)  # fmt: skip
PLACES = ("about to write", "has written", "about to commit", "has committed", "has put")
CLOCKLESS = (
    "card-slow", "adapter-gone", "broker-away", "slave-dead", "core-hung", "leak", "burst", "well-dry", "valve-stuck", "pump-stuck",
    "flow-meter-dead", "float-stuck", "board-unpowered", "board-restarted",
)


def actions(seed: int, *, by_clock: bool = True) -> Iterator[Action]:
    """What happens in the village of this seed, without end."""
    draw = random.Random(f"{seed}/field-actions")
    while True:
        kind = draw.choices(
            ("send", "fault", "reboot", "kill", "jump", "mend", "lock", "ask", "quiet", "burst", "doom", "run", "dark boot"),
            (34, 12, 2, 3, 4, 14, 4, 3, 3, 3, 6, 12, 2) if by_clock else (34, 10, 0, 3, 30, 0, 2, 2, 0, 3, 0, 0, 0),
        )[0]
        if kind == "run":
            yield from _run(draw)
            continue
        if kind == "dark boot":
            yield from _dark_boot(draw)
            continue
        if kind == "burst":
            target = draw.choice(TARGETS)
            for _ in range(draw.randint(2, 7)):
                yield _command(draw, target, by_clock=by_clock)
                yield ["wait", draw.choice([0.0, 0.5, 3.0, 11.0])]
        else:
            yield _one(draw, kind, by_clock=by_clock)
        yield _time(draw)


def _run(draw: random.Random) -> Iterator[Action]:
    """A program's occurrence comes, and something happens in the middle of it."""
    yield ["due", draw.choice([0, 0, 0, 1, 2]), draw.choice([-1.0, 0.0, 1.0, 1.0, 30.0, 90.0])]
    for _ in range(draw.randint(0, 3)):
        yield ["wait", draw.choice([0.5, 7.0, 15.0, 40.0, 100.0])]
        match draw.choice(("reboot", "kill", "jump", "doom", "fault", "send", "back")):
            case "back":
                yield ["jump_to", draw.randrange(4), draw.choice([-3600.0, -30.0, -1.0, 0.0, 1.0, 59.0, 61.0, 1800.0])]
            case "reboot":
                yield ["fault", {"fault": "pi-rebooted", "down": draw.choice(["1s", "40s", "10m"])}]
            case kind:
                yield _one(draw, kind, by_clock=True)
    yield ["wait", draw.choice([60.0, 300.0, 1200.0])]


def _dark_boot(draw: random.Random) -> Iterator[Action]:
    """The Pi boots and nobody knows the time; later somebody does."""
    yield ["fault", {"fault": "clock-untrusted"}]
    yield ["fault", {"fault": "pi-rebooted", "down": draw.choice(["1s", "10m", "2h"])}]
    yield ["fault", {"fault": "clock-jump", "by": draw.choice(["-1d", "-40s", "-30d"])}]
    yield _command(draw, draw.choice(TARGETS), by_clock=True)
    yield ["wait", draw.choice([20.0, 600.0])]
    yield ["quiet"]


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
        case "doom":
            return ["doom", draw.choice(PLACES), draw.choice([1, 1, 2, 3, 5, 8])]
        case "lock":
            return ["lock", draw.choice(TARGETS), draw.random() < 0.35]
        case "ask":
            if draw.random() < 0.6 or not by_clock:
                return ["ask", "stop-water", {}]
            return ["ask", "rain-delay", draw.choice([{"for_s": 7200}, {}])]
    return ["quiet"]


def _command(draw: random.Random, target: str, *, by_clock: bool) -> Action:
    kind = target.partition("/")[0]
    how = draw.choices(("plain", "retained", "far", "twice"), (83, 6, 6, 5) if by_clock else (1, 0, 0, 0))[0]
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
            spec["for_s"] = draw.choice([1, 5, 30, 60, 65.5, 65.5, 300, 300, 1200, 3600])
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
    return ["wait", round(draw.uniform(130.0, 2400.0), 1)]


def act(trial: FieldTrial, action: Action) -> None:
    """Do it."""
    trial.act(action)


FIELDS: Kind[FieldTrial] = Kind(FieldTrial, actions, act)


def twin(seed: int, days: float, counts: Counter[str] | None = None) -> Finding | None:
    """I12: two villages in which nothing goes by the time of day live alike, but that the clock of one is set now and
    then; what their outputs did in monotonic time is the same. In every second pair a program has begun to water."""
    counts = Counter() if counts is None else counts
    done: list[Action] = []
    pair: list[FieldTrial] = []
    try:
        single = seed % 2 == 0
        pair = [FieldTrial(seed, by_clock=False, single=single) for _ in range(2)]
        own = _begin(pair, done) if single else None
        plan = actions(seed, by_clock=False)
        end = pair[0].seconds + (RUN_S if single else days * DAY_S)
        while pair[0].seconds < end:
            for action in _for_twins(next(plan)):
                _both(pair, action, done, own)
                counts["twin steps"] += 1
                _alike(*pair)
        for trial in pair:
            trial.close()
        counts.update({f"twins' {name}": n for name, n in pair[0].counts.items()})
        counts["twins' jumps"] += pair[1].counts["jumps"]
    except Exception as error:  # a crash of what is under test is a finding like any other
        return Finding(seed, done, *named(error))
    finally:
        for trial in pair:
            trial.house.ear = None
    return None


RUN_S = 2 * 3600.0  # a run of a program is over by then
_BY_THE_CLOCK = ("quiet", "aim", "mend", "doom")


def _begin(pair: list[FieldTrial], done: list[Action]) -> float:
    """Let time pass until the only program waters; when (Unix s) that was due."""
    wall = pair[0].house.clock.now().wall
    due = min(pair[0].dues(wall, 2 * DAY_S))
    done.append(["wait", due - wall + 2.0])
    for trial in pair:
        trial.act(done[-1])
    return due


def _for_twins(action: Action) -> list[Action]:
    """What both may do: deadlines are aimed at by those who know the clock, and what the wall clock says of a stop is
    all that another boot knows of it."""
    if action[0] == "aim":
        return [["wait", 30.0 + float(action[2])]]
    if action[0] == "fault" and action[1]["fault"] == "pi-rebooted":
        return [["kill", 1]]
    return [["wait", 61.0]] if action[0] in _BY_THE_CLOCK else [action]


def _both(pair: list[FieldTrial], action: Action, done: list[Action], own: float | None) -> None:
    """`own`: when the only occurrence that may begin was due; None where there is no program."""
    jump = action[0] == "fault" and action[1]["fault"] == "clock-jump"
    if jump and own is not None and _meets_another(pair[1], str(action[1]["by"]), own):
        return
    done.append(action)
    for trial in pair[1:] if jump else pair:
        trial.act(action)


def _meets_another(trial: FieldTrial, by: str, own: float) -> bool:
    """Whether a clock set so would come to another occurrence before this one's run is over, or has just passed one
    that may begin late."""
    seconds = float(by[1:-1]) * {"s": 1, "h": 3600, "d": DAY_S}[by[-1]] * (-1 if by[0] == "-" else 1)
    wall = trial.house.clock.now().wall + seconds
    return any(abs(due - own) > 1.0 for due in trial.dues(wall - 4 * 3600.0, 4 * 3600.0 + RUN_S))


def _alike(one: FieldTrial, other: FieldTrial) -> None:
    first, second = ([(round(c.at, 3), c.name, c.level) for c in trial.house.changes] for trial in (one, other))
    if first != second:
        n = next((i for i, pair in enumerate(zip(first, second, strict=False)) if pair[0] != pair[1]), min(len(first), len(second)))
        raise Violation("I12", f"with another clock the outputs did {second[n : n + 3]} in place of {first[n : n + 3]}")
