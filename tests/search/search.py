"""Random programs of actions, run until something does not hold, and then cut down to the few that matter."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from search.account import Action, Violation
from search.almanac import DAY_S
from search.trial import Trial

from simulator.fault_kinds import CIRCUIT, DOOR, FAST, FEEDBACK, HAND, INPUT, KINDS, METER, PHOTOCELL, PORT

LIGHTS, METERS = ("road", "lanes", "hall"), ("cabinet", "house")
USERS = ("head", "deputy")
BEYOND = (-1.0, -0.02, 0.0, 0.02, 1.0)
JUMPS = ("+1s", "-1s", "+40s", "-40s", "+2m", "-2m", "+7h", "-7h", "+1d", "-1d", "+30d", "-30d", "+3650d", "-3650d")
GARBAGE = (
    "", "on", " ON", "ON ", "101", "-1", "1e999", "NaN", "{", "[]", "null", '"ON"', '{"action": "on", "level": NaN}',
    '{"action": "on", "action": "off"}', '{"action": "on", "level": 1e999}', '{"action": "on", "level": true}',
    '{"action": "on", "level": "5"}', '{"action": "on", "level": 101}', '{"action": "on", "for_s": 0}', '{"action": "open"}',
    '{"action": "on", "for_s": 60, "until": "2027-01-01T00:00:00Z"}', '{"action": "auto", "for_s": 60}', '{"level": 5}',
    '{"action": "on", "colour": "red"}', '{"action": "on", "volume_l": 5}', '{"action": "off", "level": 50}',
    '{"action": "on", "id": ""}', '{"action": "on", "id": 5}', '{"action": "on", "until": "tomorrow"}',
    '{"action": "off", "id": "two words"}', "[" * 2000, " " * 5000, '{"action": "on", "expires_at": 5}', "\ud7ff",
)
NO_LOCKOUTS = (
    "ON", "true", '{"locked": 1}', '{"locked": "true"}', '{"locked": null}', "{}", '{"lock": true}', '{"locked": true, "note": 5}',
    '{"locked": true, "note": "a\\nb"}', json.dumps({"locked": True, "note": "x" * 201}), '{"locked": true, "circuit": 1}',
    '{"locked": true, "circuit": "../a"}', '{"locked": true, "circuit": ""}', '{"locked": true, "locked": false}',
    '{"locked": false, "for_s": 60}', '{"locked": true, "expires_at": "soon"}', '{"locked": true, "id": "two words"}',
)
PLACES_OF_GARBAGE = (
    "light/road/set/head", "light/road/lockout/tech", "light/nowhere/lockout/tech", "light/road/lockout/TECH", "valve/v/lockout/tech",
    "light/nowhere/set/head", "light/road/set/HEAD", "Light/road/set/head", "valve/v/set/head",
)
LONGEST_TRIAL_S = 40 * DAY_S
# Mistakes of whoever wires a village: `doctor` finds them before it runs, and what a wrong model shows nobody can foresee.
MISWIRED = {"slave-moved", "slave-as", "slave-baud", "slave-scaled", "slave-twins", "slave-dlt645", "slave-swapped"}
# What these brokers do not take nobody can hear: tests/simulator/test_telemetry_fast.py and others judge them.
CHOOSY = {"broker-denies", "broker-limits"}
_THERE = {CIRCUIT, DOOR, FEEDBACK, HAND, INPUT, METER, PHOTOCELL, PORT}  # what there is in the villages; some have not all
FAULTS = tuple(
    name for name, kind in KINDS.items()
    if FAST in kind.times and (not kind.on or _THERE & set(kind.on)) and name not in MISWIRED | CHOOSY
)
_OWN = ("process-killed", "pi-rebooted", "clock-jump", "hand-on")  # these have actions of their own
_SPARE = (*(name for name in FAULTS if name not in _OWN), "feedback-missing", "feedback-missing", "input-stuck")  # these two not every village can have


def actions(seed: int) -> Iterator[Action]:
    """What happens in the village of this seed, without end."""
    draw = random.Random(f"{seed}/actions")
    first = 7 * seed % len(_SPARE)
    spare = [*_SPARE[first:], *_SPARE[:first]]  # every kind has its turn within a few seeds
    while True:
        kind = draw.choices(
            (
                "send", "fault", "reboot", "kill", "jump", "garbage", "mend", "ack", "line", "dark boot", "quiet", "burst", "lock",
                "work", "hand", "switch", "nights",
            ),
            (32, 28, 5, 6, 9, 8, 12, 3, 5, 2, 1.5, 3, 8, 7, 2.5, 7, 5),
        )[0]
        if kind == "burst":
            light = draw.choice(LIGHTS)
            for _ in range(draw.randint(2, 9)):
                yield _command(draw, light)
                yield ["wait", draw.choice([0.0, 0.0, 0.5, 3.0, 11.0])]
        elif kind == "dark boot":
            yield from _dark_boot(draw)
        elif kind == "work":
            yield from _work(draw)
        elif kind == "hand":
            yield from _hand(draw)
        elif kind == "nights":
            yield from _nights(draw)
        else:
            if kind == "fault" and not spare:
                spare = list(_SPARE)
                draw.shuffle(spare)
            yield _one(draw, kind, spare)
        for _ in range(draw.choice([1, 1, 1, 1, 2])):
            yield _time(draw)




def _one(draw: random.Random, kind: str, spare: list[str]) -> Action:
    match kind:
        case "send":
            return _command(draw, draw.choice(LIGHTS))
        case "fault":
            return ["fault", _fault(draw, spare.pop())]
        case "reboot":
            return ["fault", {"fault": "pi-rebooted", "down": draw.choice(["1s", "1s", "40s", "90s", "2h"])}]
        case "kill":
            return ["kill", draw.choice([0, 0, 1, 3, 30])]
        case "jump":
            return ["fault", {"fault": "clock-jump", "by": draw.choice(JUMPS)}]
        case "garbage":
            where = draw.choice(PLACES_OF_GARBAGE)
            own = {PLACES_OF_GARBAGE[0]: GARBAGE, PLACES_OF_GARBAGE[1]: NO_LOCKOUTS}
            payload = draw.choice(own.get(where, ("ON", "AUTO", "50", "?", '{"locked": true}')))
            return ["garbage", where, payload, draw.random() < 0.2]
        case "lock":
            return _lockout(draw, draw.choice(LIGHTS), draw.random() < 0.4)
        case "switch":
            return ["switch", draw.random() < 0.4]
        case "mend" | "ack":
            return [kind, draw.randrange(10)]
        case "line":
            which = draw.randrange(10)
            return ["line_lost", which] if draw.random() < 0.6 else ["line_taken", which, draw.choice([1.0, 5.0, 120.0])]
    return ["quiet"]


def _dark_boot(draw: random.Random) -> Iterator[Action]:
    """The power was away, and nobody knows what time it is."""
    yield ["fault", {"fault": "clock-untrusted"}]
    yield ["wait", draw.choice([0.0, 100.0, 4000.0])]
    yield ["fault", {"fault": "pi-rebooted", "down": "40s"}]
    yield ["fault", {"fault": "clock-jump", "by": draw.choice(["-40s", "-2m", "-7h", "-30d", "+7h", "+30d"])}]


def _work(draw: random.Random) -> Iterator[Action]:
    """Somebody locks a light, or one of its circuits, and releases it when the work is done; things happen meanwhile."""
    light = draw.choice(LIGHTS)
    lock = _lockout(draw, light, True)
    if draw.random() < 0.5:
        yield ["send", light, draw.choice(USERS), {"action": "on", "level": draw.choice([33, 50, 67, 100]), "for_s": 7200}, "plain"]
        yield ["wait", draw.choice([0.0, 5.0, 30.0])]
    yield lock
    for _ in range(draw.randint(1, 5)):
        kind = draw.choices(("send", "kill", "reboot", "switch", "line", "jump"), (8, 4, 3, 1, 3, 1))[0]
        yield _command(draw, light) if kind == "send" else _one(draw, kind, [])
        yield _time(draw)
    if draw.random() < 0.3:
        yield ["line_lost", f"{light}/{lock[3].get('circuit', 'a')}"]
        yield ["wait", 4000.0]
        yield ["kill", 0]
        yield ["wait", 30.0]
    fields = {"locked": False} | ({"circuit": lock[3]["circuit"]} if "circuit" in lock[3] else {})
    yield ["lock", light, lock[2], fields, "plain"]


def _hand(draw: random.Random) -> Iterator[Action]:
    """The switch is turned and somebody says OFF, in either order, and the clock may be set in between."""
    off = ["send", draw.choice(LIGHTS), draw.choice(USERS), {"action": "off", "for_s": draw.choice([600, 7200, 86400])}, "plain"]
    for action in draw.sample([["switch", True], off], 2):
        yield action
        yield ["wait", draw.choice([0.5, 30.0, 3600.0])]
        if draw.random() < 0.5:
            yield _one(draw, draw.choice(["jump", "kill"]), [])
    yield _time(draw)
    yield ["switch", False]


def _nights(draw: random.Random) -> Iterator[Action]:
    """At some level over noon, and some time later at another: which circuits burn changes by nights and by nothing else."""
    light = draw.choice(LIGHTS)
    for _ in range(draw.randint(2, 4)):
        level = draw.choice([0, 25, 33, 50, 67, 75, 100])
        yield ["send", light, draw.choice(USERS), {"action": "on", "level": level, "for_s": draw.choice([50000, 86400])}, "plain"]
        yield ["wait", draw.choice([30.0, 3600.0, 20000.0, 43200.0])]
        if draw.random() < 0.6:
            yield ["kill", draw.choice([0, 3])]
            yield ["send", light, "head", {"action": "on", "level": draw.choice([33, 50, 67, 75]), "for_s": 7200}, "plain"]
            yield ["wait", draw.choice([1.0, 30.0])]


def _lockout(draw: random.Random, light: str, locked: bool) -> Action:
    fields: dict[str, object] = {"locked": locked}
    if draw.random() < 0.55:
        fields["circuit"] = draw.choice("aaabbbccdx")
    if draw.random() < 0.5:
        fields["note"] = draw.choice(["", "thay bóng", "cầu chì 2"])
    if draw.random() < 0.4:
        fields["id"] = f"c-{draw.randrange(6)}" if draw.random() < 0.6 else f"n-{draw.randrange(1_000_000)}"
    how = draw.choices(("plain", "retained", "far"), (86, 6, 8))[0]
    if draw.random() < (0.8 if how == "far" else 0.15):
        fields["expires_in"] = draw.choice([-3600, -1, 0.5, 10, 3600])
    return ["lock", light, draw.choice(("tech", "head")), fields, how]


def _time(draw: random.Random) -> Action:
    kind = draw.random()
    if kind < 0.6:
        return ["aim", draw.choice([0, 0, 0, 0, 1, 1, 2, 3]), draw.choice(BEYOND)]
    if kind < 0.8:
        return ["wait", round(draw.uniform(0.01, 130.0), 3)]
    return ["wait", round(draw.uniform(130.0, 4800.0), 1)]


def _command(draw: random.Random, light: str) -> Action:
    how = draw.choices(("plain", "retained", "far"), (86, 6, 8))[0]
    user = draw.choice(USERS)
    if draw.random() < 0.2 and how != "far":
        return ["send", light, user, {"plain": draw.choice(["ON", "OFF", "OFF", "AUTO", "0", "1", "17", "50", "100"])}, how]
    action = draw.choices(("on", "off", "auto"), (60, 25, 15))[0]
    fields: dict[str, object] = {"action": action}
    if action == "on" and draw.random() < 0.8:
        fields["level"] = draw.choice([0, 0.4, 1, 12.5, 16.5, 25, 33, 50, 62.5, 67, 75, 99, 100, round(draw.uniform(0, 100), 1)])
    if action != "auto":
        bound = draw.random()
        if bound < 0.45:
            fields["for_s"] = draw.choice([1, 5, 15, 60, 65.5, 600, 7200, 86400])
        elif bound < 0.7:
            fields["until_in"] = draw.choice([-5, 2, 15, 300, 3600, 30000, 400 * DAY_S])
    if draw.random() < 0.6:
        fields["id"] = f"c-{draw.randrange(6)}" if draw.random() < 0.6 else f"n-{draw.randrange(1_000_000)}"
    if draw.random() < (0.8 if how == "far" else 0.2):
        fields["expires_in"] = draw.choice([-3600, -1, 0.5, 10, 3600])
    return ["send", light, user, fields, how]


def _fault(draw: random.Random, name: str) -> dict[str, object]:
    kind = KINDS[name]
    fields: dict[str, object] = {"fault": name}
    if kind.on:
        group = draw.choice([on for on in kind.on if on in _THERE])
        fields["on"] = _target(draw, group)
    values: dict[str, list[object]] = {
        "slave-late": ["0.1s", "0.4s", "0.7s", "1.5s", "20s", "poll + 0.1", "poll + 0.3"], "broker-slow": ["0.2s", "3s", "20s"],
        "card-slow": ["20s", "2m"], "clock-wrong": list(JUMPS),
    }
    if name in values:
        fields["by"] = draw.choice(values[name])
    if name in ("adapter-gone", "card-slow", "broker-away", "broker-refusing"):
        fields["for"] = draw.choice(["20s", "10m", "1h"])  # they keep a worker busy
    if name == "illegal-tap":
        fields["watts"] = draw.choice([50, 800, 20000])
    if name == "slave-noisy":
        fields["share"] = draw.choice([0.1, 0.5, 1])
    if name == "meter-replaced":
        fields["start"] = draw.choice([0.0, 0.2, 800.0, 100000.0])
    if name == "input-stuck":
        fields["active"] = draw.random() < 0.5
    if name == "mains-cut":
        fields["backup"] = draw.random() < 0.5
    return fields


def _target(draw: random.Random, group: str) -> str:
    """Something of this group, most often something that most villages have."""
    match group:
        case _ if group == PORT:
            return "port/bus"
        case _ if group == METER:
            return f"meter/{draw.choice(METERS)}"
        case _ if group in (CIRCUIT, FEEDBACK):
            return f"light/{draw.choice(('road', 'road', 'road', 'road', 'road', 'lanes'))}/{draw.choice('aaaaaaab')}"
    names = {HAND: ["switch"], DOOR: ["door"], PHOTOCELL: ["cell"], INPUT: ["switch", "switch", "door", "cell", "mains"]}
    return f"input/{draw.choice(names[group])}"


@dataclass(frozen=True, slots=True)
class Finding:
    """What went wrong in the village of `seed`, after which actions."""

    seed: int
    done: list[Action]
    invariant: str
    seen: str

    def __str__(self) -> str:
        lines = [f"seed {self.seed}: {self.invariant}: {self.seen}", f"after {len(self.done)} actions:"]
        return "\n".join([*lines, *(f"  {json.dumps(action)}" for action in self.done)])


T = TypeVar("T", bound="Lives")


class Lives(Protocol):
    """One village that lives: a Trial, or what is like it."""

    counts: Counter[str]

    @property
    def seconds(self) -> float:
        """How long it has lived."""

    def close(self) -> None:
        """Let go of files."""


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """A kind of villages: how the one of a seed is made (and to where its trace is written, if that is told), what
    happens in it, and how an action is done."""

    make: Callable[..., T]
    actions: Callable[[int], Iterator[Action]]
    act: Callable[[T, Action], None]


def run(seed: int, days: float, counts: Counter[str] | None = None, kind: Kind[Any] | None = None) -> Finding | None:
    """Let the village of `seed` live for so many days; what did not hold. `counts` is added to."""
    kind = kind or LIGHTS_KIND
    done: list[Action] = []
    plan = kind.actions(seed)
    finding = trial = None
    try:
        trial = kind.make(seed)
        while trial.seconds < days * DAY_S:
            done.append(next(plan))
            kind.act(trial, done[-1])
        done.append(["quiet"])
        kind.act(trial, done[-1])
    except Exception as error:  # a crash of what is under test is a finding like any other
        finding = Finding(seed, done, *named(error))
    if trial is not None:
        trial.close()
        if counts is not None:
            counts.update(trial.counts)
            counts["hours"] += int(trial.seconds // 3600)
    return finding


def replay(seed: int, chosen: list[Action], kind: Kind[Any] | None = None) -> Finding | None:
    """Do these actions in the village of `seed`; what did not hold."""
    kind = kind or LIGHTS_KIND
    done: list[Action] = []
    trial = None
    try:
        trial = kind.make(seed)
        for action in chosen:
            done.append(action)
            kind.act(trial, action)
            if trial.seconds > LONGEST_TRIAL_S:
                return None
    except Exception as error:  # as in run
        return Finding(seed, done, *named(error))
    finally:
        if trial is not None:
            trial.close()
    return None


def shrink(finding: Finding, tries: int = 150, kind: Kind[Any] | None = None) -> Finding:
    """The same invariant hurt by fewer actions, as far as so many tries lead."""
    best, size = finding, max(len(finding.done) // 2, 1)
    while tries > 0:
        start, shorter = 0, False
        while start < len(best.done) and tries > 0:
            tries -= 1
            found = replay(best.seed, best.done[:start] + best.done[start + size :], kind)
            if found is not None and found.invariant == best.invariant and len(found.done) < len(best.done):
                best, shorter = found, True
            else:
                start += size
        if size == 1 and not shorter:
            break
        size = max(size // 2, 1)
    return best


def act(trial: Trial, action: Action) -> None:
    """Lights and circuits that this village has not are passed over, so that actions fit any village."""
    if action[0] == "line_lost" and isinstance(action[1], str) and action[1] not in trial.lines():
        return
    if action[0] in ("send", "lock") and action[1] not in trial.lights:
        return
    if action[0] == "fault" and not trial.has(**action[1]):
        return
    trial.act(action)


def named(error: Exception) -> tuple[str, str]:
    """Which invariant, and what was seen."""
    if isinstance(error, Violation):
        return error.invariant, str(error).partition(": ")[2]
    return f"crash {type(error).__name__}", str(error)


LIGHTS_KIND: Kind[Trial] = Kind(Trial, actions, act)
