"""YAML 1.2 text -> nodes that know their line and column, within bounds that no configuration needs to pass.

The nodes are built from the parser's events, without recursion, so that depth and size are bounded while reading. Only
the core schema's scalars are known: true, false, null, numbers; `on`, `yes` and `18:00` are text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

DEEPEST = 20
MOST_NODES = 20_000

_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, bool | float | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
    ".inf": float("inf"), "+.inf": float("inf"), "-.inf": float("-inf"), ".nan": float("nan"), ".NaN": float("nan"),
}  # fmt: skip
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff\ud800-\udfff\ufffe\uffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_TOO_DEEP = f"this is nested more than {DEEPEST} levels deep; take levels out, no village needs so many"
_TOO_MANY = f"there are more than {MOST_NODES} values; take some out, no village needs so many"
_BAD_ESCAPE = "an escape with a backslash names no character here; write the character itself"
_REMEDIES = {
    "'\\t'": "a tab cannot indent a line; use spaces",
    "cannot start any token": "a value cannot begin with this character; put the value in quotes",
    "mapping values are not allowed": "there is a colon where no key can be; check the line's indentation, or put a "
    "text with a colon in quotes",
    "sequence entries are not allowed": "a list cannot begin on its key's line; put each - on a line of its own",
    "expected ',' or ']'": "a list is not closed; add the missing comma or ]",
    "expected ',' or '}'": "a block in braces is not closed; add the missing comma or }",
    "end of stream": "quotes are not closed; add the missing quote",
    "could not find expected ':'": "a key has no colon; write key: value",
    "unknown escape": "a backslash in double quotes means something else; use single quotes",
    "<scalar>": "text stands after a closed value; put the whole value in quotes (a quote inside single quotes is "
    "written twice)",
}  # a piece of the parser's words -> what to do


class Fault(NamedTuple):
    """An error of the YAML itself, with its remedy; `line` and `column` count from 1."""

    line: int
    column: int
    text: str
    path: tuple[str | int, ...] = ()


@dataclass(frozen=True, slots=True)
class Key:
    """Where a key stands."""

    line: int
    column: int


@dataclass(slots=True)
class Node:
    """A value and where it begins. Mappings keep their keys as written, each with its place.

    `size` counts the nodes in it, itself included, and `height` the levels; both see through aliases.
    """

    line: int
    column: int
    value: str | int | float | bool | dict[str, tuple[Key, Node]] | list[Node] | None
    size: int = 1
    height: int = 0


class _Stop(Exception):
    """Reading cannot go on; carries the last fault."""


@dataclass(slots=True)
class _Open:
    """A collection being read."""

    node: Node
    anchor: str | None
    key: tuple[str, Key] | None = None
    skip: bool = False  # the next value belongs to a key that was refused


@dataclass(slots=True)
class _Builder:
    faults: list[Fault] = field(default_factory=list)
    root: Node | None = None
    documents: int = 0
    open: list[_Open] = field(default_factory=list)
    anchors: dict[str, Node] = field(default_factory=dict)
    nodes: int = 0
    last: tuple[int, int] = (1, 1)  # where the event begins that was taken last

    def take(self, event: Event) -> None:
        line, column = self.last = event.start_mark.line + 1, event.start_mark.column + 1
        match event:
            case ScalarEvent():
                if _SURROGATE.search(event.value):
                    self._stop(line, column, _BAD_ESCAPE)
                self._refuse_tag(event, line, column)
                self._place(Node(line, column, _scalar(event)), event.anchor, event)
            case MappingStartEvent() | SequenceStartEvent():
                self._refuse_tag(event, line, column)
                if len(self.open) >= DEEPEST:
                    self._stop(line, column, _TOO_DEEP)
                start: dict[str, tuple[Key, Node]] | list[Node] = {} if isinstance(event, MappingStartEvent) else []
                self.open.append(_Open(Node(line, column, start), event.anchor))
            case MappingEndEvent() | SequenceEndEvent():
                done = self.open.pop()
                self._place(done.node, done.anchor, event)
            case AliasEvent():
                self._place(self._anchored(event, line, column), None, event)
            case DocumentStartEvent():
                self.documents += 1
                if self.documents > 1:
                    self._stop(line, column, "a second document begins here; keep one, without --- between")

    def _stop(self, line: int, column: int, text: str) -> None:
        self.faults.append(Fault(line, column, text, self._path()))
        raise _Stop

    def _path(self) -> tuple[str | int, ...]:
        path: list[str | int] = []
        for level in self.open:
            if isinstance(level.node.value, list):
                path.append(len(level.node.value))
            elif level.key:
                path.append(level.key[0])
        return tuple(path)

    def _refuse_tag(self, event: Any, line: int, column: int) -> None:
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            text = f"the tag {tag} is not read here; remove it, and put text that looks like a number in quotes"
            self.faults.append(Fault(line, column, text, self._path()))

    def _anchored(self, event: Any, line: int, column: int) -> Node:
        if any(level.anchor == event.anchor for level in self.open):
            self._stop(line, column, f"*{event.anchor} would contain itself; write the values out")
        if event.anchor not in self.anchors:
            self._stop(line, column, f"no &{event.anchor} stands before this; write the value out")
        return self.anchors[event.anchor]

    def _place(self, node: Node, anchor: str | None, event: Event) -> None:
        """Put a finished node where it belongs."""
        if anchor is not None:
            self.anchors[anchor] = node
        self.nodes += node.size if isinstance(event, AliasEvent) else 1
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if len(self.open) + node.height > DEEPEST:
            self._stop(line, column, _TOO_DEEP)
        if self.nodes > MOST_NODES:
            self._stop(line, column, _TOO_MANY)
        if not self.open:
            self.root = node
            return
        level = self.open[-1]
        level.node.size += node.size
        level.node.height = max(level.node.height, node.height + 1)
        if isinstance(level.node.value, list):
            level.node.value.append(node)
        elif level.skip:
            level.skip = False
        elif level.key is None:
            self._name(level, node, event, line, column)
        elif isinstance(level.node.value, dict):
            name, key = level.key
            level.node.value[name] = (key, node)
            level.key = None

    def _name(self, level: _Open, node: Node, event: Event, line: int, column: int) -> None:
        """Take a key; one that is no text, a merge, or there already is a fault, and its value is passed over."""
        text = event.value if isinstance(event, ScalarEvent) else node.value
        known = level.node.value
        if not isinstance(text, str | int | float | bool) or not isinstance(known, dict):
            line, column = (node.line, node.column) if not isinstance(event, AliasEvent) else (line, column)
            reason = "a key must be plain text; write key: value"
        elif text == "<<":
            reason = "<< is not read here; write the keys out"
        elif str(text) in known:
            first = known[str(text)][0]
            reason = f"the key stands twice, here and in line {first.line}; remove one of the two"
        else:
            level.key = str(text), Key(line, column)
            return
        name = (text,) if isinstance(text, str) else ()
        self.faults.append(Fault(line, column, reason, (*self._path(), *name)))
        level.skip = True


def _scalar(event: Any) -> str | int | float | bool | None:
    text: str = event.value
    if event.style is not None:  # in quotes or a block
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text) and len(text) <= 300:
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def parse(
    text: str, beginning: str = "begin with site: as config/nguyen-ly.yaml does"
) -> tuple[Node | None, list[Fault]]:
    """The document in `text` and its faults; no node when the text could not be read to its end.

    `beginning`: what to do about an empty one.
    """
    if odd := _CONTROL.search(text):
        line, column = text.count("\n", 0, odd.start()) + 1, odd.start() - text.rfind("\n", 0, odd.start())
        reason = f"the character U+{ord(odd[0]):04X} cannot be seen and is not allowed; remove it, and save as UTF-8"
        return None, [Fault(line, column, reason)]
    builder = _Builder()
    try:
        for event in _events(text):
            builder.take(event)
    except _Stop:
        return None, builder.faults
    except (ValueError, OverflowError):  # the parser's chr() of an escape beyond Unicode
        return None, [*builder.faults, Fault(*builder.last, _BAD_ESCAPE)]
    except YAMLError as error:
        return None, [*builder.faults, _fault(error, text)]
    if builder.root is None or builder.root.value is None:
        return None, [Fault(1, 1, f"the file is empty; {beginning}")]
    return builder.root, builder.faults


def _events(text: str) -> Iterator[Event]:
    yield from YAML(typ="safe", pure=True).parse(text)


def _fault(error: YAMLError, text: str) -> Fault:
    if not isinstance(error, MarkedYAMLError):
        return Fault(1, 1, f"this is not YAML ({str(error).splitlines()[0]}); compare with config/nguyen-ly.yaml")
    mark = error.problem_mark or error.context_mark
    problem = str(error.problem or error.context or "unreadable")
    last = text.count("\n") + 1
    line = min(mark.line + 1, last) if mark else 1
    column = mark.column + 1 if mark else 1
    unknown = f"this is not YAML ({problem}); check indentation, quotes and brackets of this line and the one above"
    remedy = next((text for sign, text in _REMEDIES.items() if sign in problem), unknown)
    opened = error.context_mark
    if opened and mark and opened.line != mark.line:
        remedy += f" (begun in line {opened.line + 1})"
    return Fault(line, column, remedy)


def plain(node: Node) -> object:
    """The value of a node without its places."""
    match node.value:
        case dict():
            return {name: plain(below) for name, (_, below) in node.value.items()}
        case list():
            return [plain(below) for below in node.value]
        case _:
            return node.value
