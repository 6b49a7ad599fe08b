"""The life of alarms that are open: held off, raised, cleared, acknowledged."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from edge.core import topics
from edge.core.alarm_kinds import HEARD_ANEW, KINDS, SAFE_MODE, Kind
from edge.core.events import Effect, Persist, Publish
from edge.core.values import Moment, Row

Condition = tuple[str, str, bool, dict[str, object]]  # alarm kind, device, whether it holds, data


@dataclass(frozen=True, slots=True)
class Alarm:
    """An open alarm. `at` and `cleared_at` are Unix times; one that is cleared waits only to be acknowledged."""

    kind: str
    device: str
    at: float
    data: Mapping[str, object] = field(default_factory=dict)
    cleared_at: float | None = None
    acknowledged_by: str | None = None


class Past(NamedTuple):
    """What another process raised, at a Unix time, and nobody else will tell any more."""

    kind: str
    device: str
    at: float
    data: Mapping[str, object]


@dataclass(slots=True)
class _Condition:
    holds: bool
    since: float  # monotonic s
    data: Mapping[str, object]


class Alarms:
    """What is wrong, by alarm id `<alarm kind>:<device kind>:<device id>`. Level-triggered: conditions may be stated
    again and again. `wake` is the monotonic time at which `step` has something to do."""

    def __init__(
        self, device_names: Mapping[str, str], names: topics.Topics, kept: Mapping[str, Row],
        seen: Mapping[str, int] | None = None,
    ) -> None:
        """`kept`: the journal's rows of open alarms. `seen`: what alarms that count stood at when they were last
        acknowledged, by their ids."""
        self.wake = float("-inf")
        self._device_names = device_names
        self._names = names
        self._open = {i: _from_row(row) for i, row in kept.items() if row["kind"] in KINDS}
        self._seen = dict(seen or {})
        self._conditions: dict[str, _Condition] = {}
        self._sent: dict[str, bytes] = {}
        self._ids: dict[tuple[str, str], str] = {}
        self._linked = False

    def start(self, moment: Moment) -> None:
        """A device that is in the configuration no more is wrong no more; and what the files and the links say of
        themselves, this process has not heard yet."""
        for alarm in self._open.values():
            if alarm.device not in self._device_names or alarm.kind in HEARD_ANEW:
                self.state(alarm.kind, alarm.device, False, moment)

    def was(self, past: Past, moment: Moment) -> list[Effect]:
        """What another process raised is over, and nobody has acknowledged it yet."""
        name = self._id(past.kind, past.device)
        alarm = Alarm(past.kind, past.device, past.at, dict(past.data), cleared_at=max(moment.wall, past.at))
        return self._keep(name, alarm)

    def state(
        self, kind: str, device: str, holds: bool, moment: Moment, data: Mapping[str, object] | None = None
    ) -> None:
        """The condition of the alarm `kind` about `device` (`<kind>/<id>`) holds, or does not."""
        name = self._ids.get((kind, device)) or self._id(kind, device)
        known = self._conditions.get(name)
        if known is None and not holds and name not in self._open:
            return
        if known is None or known.holds != holds:
            self._conditions[name] = _Condition(holds, moment.mono, data or {})
            self.wake = float("-inf")
        elif holds:
            known.data = data or {}

    def watch(self, conditions: Iterable[Condition], moment: Moment) -> None:
        """Each of these is as it says."""
        for kind, device, holds, data in conditions:
            self.state(kind, device, holds, moment, data)

    def count(self, kind: str, device: str, data: Mapping[str, object], moment: Moment) -> None:
        """How many `rows` of `data` the alarm `kind` has counted since the beginning. Its condition holds while that is
        more than when a person last acknowledged it: what they have seen is over, what comes after it is told anew."""
        rows = _rows(data)
        name = self._id(kind, device)
        self.state(kind, device, rows > self._seen.get(name, 0), moment, data)
        alarm = self._open.get(name)
        if alarm is not None and rows > max(_rows(alarm.data), self._seen.get(name, 0)):
            self.wake = float("-inf")

    def step(self, moment: Moment) -> list[Effect]:
        """Raise and clear what is due, and tell it."""
        effects: list[Effect] = []
        self.wake = float("inf")
        for name, condition in self._conditions.items():
            kind, device = _parts(name)
            alarm = self._open.get(name)
            raised = alarm is not None and alarm.cleared_at is None
            if condition.holds == raised:
                if alarm is not None and raised and _rows(condition.data) > _rows(alarm.data):
                    effects += self._keep(name, replace(alarm, data=dict(condition.data)))
                continue
            due = condition.since + (KINDS[kind].hold_s if condition.holds else KINDS[kind].clear_s)
            if moment.mono < due:
                self.wake = min(self.wake, due)
            elif condition.holds:
                effects += self._keep(name, Alarm(kind, device, moment.wall, dict(condition.data)))
            elif alarm is not None:
                effects += self._keep(name, replace(alarm, cleared_at=moment.wall))
        for name in self._open:
            effects += self._tell(name)
        return effects

    def acknowledge(self, name: str, user: str) -> list[Effect] | None:
        """`user` has seen it, and what it had counted; None if no such alarm is open."""
        alarm = self._open.get(name)
        if alarm is None or _is_over(alarm):
            return None
        rows = _rows(alarm.data)
        effects = self._keep(name, replace(alarm, acknowledged_by=user))
        if not rows:
            return effects
        self._seen[name] = rows
        self._conditions[name] = _Condition(False, float("-inf"), {})
        self.wake = float("-inf")
        return [*effects, Persist(("seen", name), {"count": rows})]

    def listed(self) -> list[dict[str, object]]:
        """The open alarms, oldest first, each with its id."""
        opened = sorted(
            ((name, alarm) for name, alarm in self._open.items() if not _is_over(alarm)), key=lambda item: item[1].at
        )
        return [{"alarm": name, **self._payload(alarm)} for name, alarm in opened]

    def link(self, up: bool) -> list[Effect]:
        """With a new link what was sent is forgotten, for the broker may have; and what ended unheard is taken back."""
        self._linked = up
        if not up:
            return []
        self._sent.clear()
        self.wake = float("-inf")
        over = [name for name, alarm in self._open.items() if _is_over(alarm)]
        return [*self._left_by_safe_mode(), *(effect for name in over for effect in self._remove(name))]

    def _left_by_safe_mode(self) -> list[Effect]:
        """The broker has kept the alarm of a safe mode that was before this process, and nobody else takes it away."""
        villages = [self._id(SAFE_MODE, device) for device in self._device_names if device.startswith("site/")]
        return [Publish(self._topic(name), b"", retain=True) for name in villages if name not in self._open]

    def _id(self, kind: str, device: str) -> str:
        return self._ids.setdefault((kind, device), f"{kind}:{device.replace('/', ':')}")

    def _keep(self, name: str, alarm: Alarm) -> list[Effect]:
        self._open[name] = alarm
        if _is_over(alarm) and self._linked:
            return self._remove(name)
        return [*self._tell(name), Persist(("alarms", name), _to_row(alarm))]

    def _remove(self, name: str) -> list[Effect]:
        """Only while the link is up: the broker would keep an alarm whose end it does not hear of."""
        del self._open[name]
        self._sent.pop(name, None)
        return [Publish(self._topic(name), b"", retain=True), Persist(("alarms", name), None)]

    def _tell(self, name: str) -> list[Effect]:
        payload = topics.encode(self._payload(self._open[name]))
        if self._sent.get(name) == payload:
            return []
        self._sent[name] = payload
        return [Publish(self._topic(name), payload, retain=True)]

    def _topic(self, name: str) -> str:
        return f"{self._names.root}/alarm/{name}"

    def _payload(self, alarm: Alarm) -> dict[str, object]:
        kind = KINDS[alarm.kind]
        name = self._device_names.get(alarm.device, alarm.device)
        unsaid = dict.fromkeys(("why", "why_vi", "circuits", "rows", "l_min", "normal_l_min", "minutes"), "?")
        words = {**unsaid, "name": name, **alarm.data}
        return {
            "state": "raised" if alarm.cleared_at is None else "cleared",
            "severity": kind.severity,
            "kind": alarm.kind,
            "device": alarm.device,
            "text": texts(kind, words),
            "data": alarm.data,
            "at": topics.rfc3339(alarm.at),
            "cleared_at": None if alarm.cleared_at is None else topics.rfc3339(alarm.cleared_at),
            "acknowledged_by": alarm.acknowledged_by,
        }


def texts(kind: Kind, words: Mapping[str, object]) -> dict[str, str]:
    """What the alarm says to people, by language: figures without needless digits, in Vietnamese with a comma."""
    en = {name: f"{word:g}" if isinstance(word, float) else word for name, word in words.items()}
    figures = {name for name, word in words.items() if isinstance(word, float)}
    vi = {name: str(word).replace(".", ",") if name in figures else word for name, word in en.items()}
    return {"vi": kind.vi.format_map(vi), "en": kind.en.format_map(en)}


def _is_over(alarm: Alarm) -> bool:
    return alarm.cleared_at is not None and alarm.acknowledged_by is not None


def _rows(data: Mapping[str, object]) -> int:
    """What an alarm that counts has counted; 0 for others."""
    rows = data.get("rows", 0)
    return rows if isinstance(rows, int) else 0


def _parts(name: str) -> tuple[str, str]:
    kind, device_kind, device_id = name.split(":")
    return kind, f"{device_kind}/{device_id}"


def _to_row(alarm: Alarm) -> Row:
    return {
        "kind": alarm.kind, "device": alarm.device, "at": alarm.at, "data": topics.encode(alarm.data).decode(),
        "cleared_at": alarm.cleared_at, "acknowledged_by": alarm.acknowledged_by,
    }


def _from_row(row: Row) -> Alarm:
    by, cleared = row["acknowledged_by"], row["cleared_at"]
    return Alarm(
        str(row["kind"]), str(row["device"]), float(row["at"] or 0), json.loads(str(row["data"])),
        None if cleared is None else float(cleared), None if by is None else str(by),
    )
