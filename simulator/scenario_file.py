"""A scenario's YAML -> what happens when and what must be seen, or every error in it with line, column and remedy."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from edge.core.site import Place
from edge.core.site_checks import nearest, spelled
from edge.core.site_terms import At, Wrong, duration, read_at, shown, text
from edge.core.sun import sun_time
from edge.shell.site_file import ConfigError, Problem
from edge.shell.yaml_nodes import Node, parse, plain
from simulator.faults import Fault, FaultError, read

LARGEST = 64 * 1024  # bytes
LANGUAGES = ("en", "vi")
WITHIN_S = 2.0
_TIME = re.compile(r"(?:day ([1-9]\d{0,2}) )?\s*(\S.*)")
_TIME_REMEDY = 'write a time such as "19:00", sunset + 2m, or day 2 06:00 for the next morning'
_LASTS = duration("1m", "366d")
_WITHIN = duration("0s", "1h")
_LINE, _PARAGRAPH = text(120), text(2000)
_SUBJECTS = ("topic", "output", "lamps", "watts", "water", "litres")
_COMPARISONS = ("is", "not", "above", "below")

Scalar = str | int | float | bool | None


class ScenarioError(ConfigError):
    """The scenario cannot be used; `problems` holds every reason, in the order of the file."""


@dataclass(frozen=True, slots=True)
class Instant:
    """A time of day on a day of the scenario (1: the day it starts on); `text` is how it was written."""

    day: int
    at: At
    text: str

    def unix(self, start: dt.datetime, place: Place) -> float:
        """Unix seconds, in a scenario that starts at the local time `start`."""
        date = start.date() + dt.timedelta(days=self.day - 1)
        if self.at.anchor == "clock":
            midnight = dt.datetime.combine(date, dt.time(), ZoneInfo(place.timezone))
            return (midnight + dt.timedelta(seconds=self.at.offset_s)).timestamp()
        event = sun_time(self.at.anchor, place.latitude, place.longitude, date, place.timezone)
        return event + self.at.offset_s


@dataclass(frozen=True, slots=True)
class Send:
    """A command to the device `to` (`light/main-road`), as `user`: a word, a number or the fields of its JSON."""

    to: str
    payload: Scalar | Mapping[str, object]
    user: str


@dataclass(frozen=True, slots=True)
class Break:
    """A fault, under a name of the scenario's own if it is to be taken back by one."""

    fault: Fault
    name: str | None


@dataclass(frozen=True, slots=True)
class Mend:
    """A fault is taken back."""

    name: str


@dataclass(frozen=True, slots=True)
class When:
    """Something happens. `line` and `column` are where it stands in the file."""

    at: Instant
    do: Send | Break | Mend
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class See:
    """Something must be seen.

    `kind` topic, output, lamps, watts, water (l/min) or litres (since the start); `name` is the topic below the site's
    root, or the circuit, pump, switch or valve (`light/main-road/b`, `valve/plot-1`).
    `field`: the way into a topic's JSON; empty: its text. `tests`: comparisons (is, not, above, below) and their
    values, all of which must hold: `at` a time within `within_s`; or at some time after `start` (None: what happened
    last before) and `by` a time; or all the while from `start` to `end`.
    """

    kind: Literal["topic", "output", "lamps", "watts", "water", "litres"]
    name: str
    field: str
    tests: Mapping[str, Scalar]
    line: int
    column: int
    at: Instant | None = None
    within_s: float = WITHIN_S
    start: Instant | None = None
    by: Instant | None = None
    end: Instant | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """One story. `start` is local time without a zone; `config` is laid over the village's configuration."""

    file: str
    title: Mapping[str, str]
    text: Mapping[str, str]
    start: dt.datetime
    lasts_s: float
    poll_s: float
    config: Mapping[str, object]
    when: tuple[When, ...]
    see: tuple[See, ...]


def load(path: Path | str) -> Scenario:
    """The scenario in the file at `path`. Raises ScenarioError only."""
    name = str(path)
    try:
        with Path(path).open("rb") as file:
            raw = file.read(LARGEST + 1)
        if len(raw) > LARGEST:
            raise ScenarioError(name, [Problem("", 1, 1, "the file is larger than 64 KiB; this is no scenario")])
        return parse_scenario(raw.decode("utf-8-sig"), name)
    except OSError as error:
        reason = f"the file cannot be read ({error.strerror}); give the path of a scenario"
    except UnicodeDecodeError:
        reason = "this is not UTF-8 text; save the file with the encoding UTF-8"
    raise ScenarioError(name, [Problem("", 1, 1, reason)])


def parse_scenario(words: str, name: str) -> Scenario:
    """The scenario in `words`, which came from the file `name`. Raises ScenarioError."""
    root, faults = parse(words)
    problems = [Problem(spelled(fault.path), fault.line, fault.column, fault.text) for fault in faults]
    if root is None:
        raise ScenarioError(name, problems)
    reader = _Reader(problems)
    scenario = reader.scenario(root, name)
    if problems or scenario is None:
        raise ScenarioError(name, sorted(set(problems), key=lambda found: (found.line, found.column, found)))
    return scenario


@dataclass
class _Reader:
    """Reads nodes; what cannot be read becomes a problem and reads as None, so that all are found at once."""

    problems: list[Problem]
    names: set[str] = field(default_factory=set)

    def scenario(self, root: Node, file: str) -> Scenario | None:
        keys = self._block(root, "", ("title", "text", "start", "lasts", "when", "see"), ("poll", "config"))
        if keys is None:
            return None
        title = self._both(keys.get("title"), "title", _LINE.read)
        paragraph = self._both(keys.get("text"), "text", _paragraph)
        start = self._term(keys.get("start"), "start", _start)
        lasts = self._term(keys.get("lasts"), "lasts", _LASTS.read)
        poll = self._term(keys["poll"], "poll", _WITHIN.read) if "poll" in keys else 0.0
        config = self._term(keys["config"], "config", _overrides) if "config" in keys else {}
        when = [self._when(node, f"when[{n}]") for n, node in enumerate(self._list(keys.get("when"), "when"))]
        see = [self._see(node, f"see[{n}]") for n, node in enumerate(self._list(keys.get("see"), "see"))]
        if self.problems:
            return None
        if not see:
            self._wrong(keys["see"], "see", "a scenario that sees nothing shows nothing; add what must be seen")
        return Scenario(
            file, title, paragraph, start, lasts, poll, config, tuple(w for w in when if w), tuple(s for s in see if s)
        )  # fmt: skip

    def _when(self, node: Node, path: str) -> When | None:
        keys = self._block(node, path, ("at", "do"), ())
        if keys is None:
            return None
        at = self._term(keys.get("at"), f"{path}.at", _instant)
        do = self._do(keys["do"], f"{path}.do") if "do" in keys else None
        return None if at is None or do is None else When(at, do, node.line, node.column)

    def _do(self, node: Node, path: str) -> Send | Break | Mend | None:
        fields = plain(node)
        if not isinstance(fields, dict) or len(fields.keys() & {"send", "fault", "clear"}) != 1:
            self._wrong(node, path, "write one of: {send: DEVICE, payload: …}, {fault: NAME, …}, {clear: NAME}")
            return None
        if "send" in fields:
            keys = self._block(node, path, ("send", "payload"), ("as",))
            to = self._term(keys.get("send") if keys else None, f"{path}.send", _device)
            if keys is None or to is None or "payload" not in keys:
                return None
            return Send(to, fields["payload"], str(fields.get("as", "head")))
        if "clear" in fields:
            keys = self._block(node, path, ("clear",), ())
            if keys is not None and fields["clear"] not in self.names:
                reason = f"no fault above has the name {shown(fields['clear'])}; {nearest('', self.names)}"
                self._wrong(keys["clear"], f"{path}.clear", reason)
            return Mend(str(fields["clear"]))
        return self._break(node, path, fields)

    def _break(self, node: Node, path: str, fields: dict[str, object]) -> Break | None:
        name = fields.pop("name", None)
        if name is not None:
            self.names.add(str(name))
        try:
            fault = read(fields)
        except FaultError as error:
            where = node.value[error.key] if isinstance(node.value, dict) and error.key in node.value else None
            self._wrong(where[1] if where else node, f"{path}.{error.key}" if where else path, str(error))
            return None
        return Break(fault, None if name is None else str(name))

    def _see(self, node: Node, path: str) -> See | None:
        keys = self._block(node, path, (), ("at", "within", "by", "from", "to", "field", *_SUBJECTS, *_COMPARISONS))
        if keys is None:
            return None
        subject = [key for key in _SUBJECTS if key in keys]
        tests = {key: keys[key].value for key in _COMPARISONS if key in keys}
        form = {"at", "by", "from", "to", "within"} & keys.keys()
        if len(subject) != 1:
            self._wrong(node, path, f"say what is to be seen: one of {', '.join(_SUBJECTS)}")
        elif not tests:
            self._wrong(node, path, f"say how it is to be: {', '.join(_COMPARISONS)}")
        elif form not in ({"at"}, {"at", "within"}, {"by"}, {"by", "from"}, {"from", "to"}):
            self._wrong(node, path, "say when: at (and within), by (and from), or from and to")
        elif "field" in keys and subject[0] != "topic":
            self._wrong(keys["field"], f"{path}.field", "only a topic has fields; leave it out")
        else:
            return self._seen(node, path, keys, subject[0], tests)
        return None

    def _seen(self, node: Node, path: str, keys: dict[str, Node], kind: Any, tests: dict[str, Any]) -> See | None:
        before = len(self.problems)
        for key, value in tests.items():
            numeric = isinstance(value, int | float) and not isinstance(value, bool)
            if isinstance(value, dict | list) or (key in ("above", "below") and not numeric):
                self._wrong(keys[key], f"{path}.{key}", f"{shown(value)} cannot be compared so; write a number")
        name = self._term(keys[kind], f"{path}.{kind}", _NAMES[kind])
        times = {
            to: self._term(keys[key], f"{path}.{key}", _instant)
            for key, to in (("at", "at"), ("by", "by"), ("from", "start"), ("to", "end"))
            if key in keys
        }
        within = self._term(keys["within"], f"{path}.within", _WITHIN.read) if "within" in keys else WITHIN_S
        if len(self.problems) > before:
            return None
        way = str(keys["field"].value) if "field" in keys else ""
        return See(kind, name, way, tests, node.line, node.column, within_s=within, **times)

    # --- the parts that everything is made of ---

    def _block(
        self, node: Node, path: str, needed: tuple[str, ...], allowed: tuple[str, ...]
    ) -> dict[str, Node] | None:
        """The keys of a block, if it is one."""
        if not isinstance(node.value, dict):
            self._wrong(node, path, f"write a block of keys: {', '.join([*needed, *allowed])}")
            return None
        for key, (place, _) in node.value.items():
            if key not in (*needed, *allowed):
                where = f"{path}.{key}" if path else key
                reason = f'unknown key "{key}"; {nearest(key, [*needed, *allowed])}'
                self.problems.append(Problem(where, place.line, place.column, reason))
        for key in needed:
            if key not in node.value:
                self._wrong(node, f"{path}.{key}" if path else key, f"{key} is missing; add it")
        return {key: below for key, (_, below) in node.value.items()}

    def _list(self, node: Node | None, path: str) -> list[Node]:
        if node is None or isinstance(node.value, list):
            return [] if node is None else node.value  # type: ignore[return-value]
        self._wrong(node, path, "write a list, each entry after a dash")
        return []

    def _both(self, node: Node | None, path: str, reads: Callable[[object], object]) -> dict[str, str]:
        keys = self._block(node, path, LANGUAGES, ()) if node is not None else None
        return {key: self._term(keys.get(key), f"{path}.{key}", reads) for key in LANGUAGES} if keys else {}

    def _term(self, node: Node | None, path: str, reads: Callable[[object], object]) -> Any:
        """The value of a node, or None and a problem; None also where the node is missing, which was said before."""
        if node is None:
            return None
        try:
            return reads(plain(node))
        except Wrong as wrong:
            self._wrong(node, path, str(wrong))
            return None

    def _wrong(self, node: Node, path: str, reason: str) -> None:
        self.problems.append(Problem(path, node.line, node.column, reason))


def _paragraph(value: object) -> str:
    return str(_PARAGRAPH.read(" ".join(value.split()) if isinstance(value, str) else value))


def _overrides(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise Wrong(f"{shown(value)} is no configuration; write a block of keys, as in the village's")
    return value


def _start(value: object) -> dt.datetime:
    try:
        found = dt.datetime.strptime(str(value), "%Y-%m-%d %H:%M")  # noqa: DTZ007  # the village's zone comes later
    except ValueError:
        raise Wrong(f"{shown(value)} cannot be read; write a local time such as 2026-11-21 16:00") from None
    return found


def _instant(value: object) -> Instant:
    found = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise Wrong(f"{shown(value)} cannot be read; {_TIME_REMEDY}")
    try:
        return Instant(int(found[1] or 1), read_at(found[2]), str(value))
    except Wrong:
        raise Wrong(f"{shown(value)} cannot be read; {_TIME_REMEDY}") from None


def _device(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[a-z]+/[a-z0-9-]+", value):
        raise Wrong(f"{shown(value)} is no device; write its kind and id, such as light/main-road")
    return value


def _circuit(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"light/[a-z0-9-]+/[a-z0-9-]+", value):
        raise Wrong(f"{shown(value)} is no circuit; write the light's id and the circuit's, such as light/main-road/b")
    return value


def _output(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(r"(pump|valve|switch)/[a-z0-9-]+", value):
        return value
    return _circuit(value)


def _motor(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"(pump|switch)/[a-z0-9-]+", value):
        raise Wrong(f"{shown(value)} is no pump or switch; write its kind and id, such as pump/pump-1")
    return value


def _valve(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"valve/[a-z0-9-]+", value):
        raise Wrong(f"{shown(value)} is no valve; write its id, such as valve/plot-1")
    return value


def _topic(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[^/\s+#]+(/[^/\s+#]+)*", value) or value.startswith("village/"):
        raise Wrong(f"{shown(value)} is no topic; write what follows village/SITE/, such as light/main-road/state")
    return value


_NAMES: Mapping[str, Callable[[object], str]] = {
    "topic": _topic, "output": _output, "lamps": _circuit, "watts": _motor, "water": _valve, "litres": _valve,
}  # fmt: skip
