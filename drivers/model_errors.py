"""Where a model file is wrong, and what to write instead: every error at once, with its line."""

from __future__ import annotations

import difflib
import io
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from drivers.model import BoardModel, Link, Model, Path, Span, TimedOn, Variant
from drivers.quantities import Quantity

DEEPEST = 20
NO_SUCH_KEY = "there is no such key"
_LISTS = ("forbidden", "also_answers", "variants")
_TABLES = ("quantities", "factors")
_HARMLESS: dict[str, Any] = {
    "title": "-", "source": "-", "kind": "meter", "function": 3, "max_registers": 125, "timeout_s": 1.0,
    "worst_latency_s": 60.0, "turnaround_s": 0.0, "coils": 1,
    "link": {"baudrates": [9600], "parities": ["none"], "stopbits": [1]},
    "quantities": {"nothing": {"address": 0, "type": "uint16", "unit": "", "limits": [0, 1]}},
}  # what stands in for a key that is wrong, while what contradicts each other is looked for  # fmt: skip
_BOUNDS = {
    "greater_than": ("gt", "more than"), "greater_than_equal": ("ge", "at least"), "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}  # fmt: skip
_BRACKET = re.compile(r"[{}\[\]]")


class Problem(NamedTuple):
    """One error: `line` and `column` count from 1, `text` says what is wrong and, after a semicolon, what to do."""

    line: int
    column: int
    path: str
    text: str


class ModelError(ValueError):
    """A model file cannot be used; `problems` holds every reason, in the order of the file."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        super().__init__(file, problems)
        self.file = file
        self.problems = problems

    def __str__(self) -> str:
        """Every problem on a line of its own: `FILE:LINE:COL: key.path: what is wrong; what to write instead`."""
        return "\n".join(
            f"{self.file}:{p.line}:{p.column}: {p.path + ': ' if p.path else ''}{p.text}" for p in self.problems
        )


def read(text: str, name: str, file: str) -> Model | BoardModel:
    """The model that `text`, the content of `file`, describes under `name`. Raises ModelError only."""
    written = _tree(text, file)
    parsed = {**_plain(written), "name": name}
    kind: type[Model | BoardModel] = BoardModel if parsed.get("kind") == "board" else Model
    try:
        return kind.model_validate(parsed)
    except ValidationError as error:
        found = dict.fromkeys([*_told(error, kind), *_contradictions(parsed, error, kind)])
        problems = [
            Problem(*_place(written, path, told.startswith(NO_SUCH_KEY)), ".".join(map(str, path)), told)
            for path, told in found
        ]
        raise ModelError(file, sorted(problems)) from None


def _tree(text: str, file: str) -> CommentedMap:
    if len(_BRACKET.findall(text)) > 10_000 or max(map(len, re.findall(r"[{\[]+", text)), default=0) > DEEPEST:
        raise ModelError(file, [Problem(1, 1, "", "this is nested too deep; write it as the files beside it are")])
    try:
        tree = YAML(typ="rt", pure=True).load(io.StringIO(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        why = f"this is not YAML ({error.problem or error.context}); correct the line, or the one before it"
        raise ModelError(file, [Problem(line, column, "", why)]) from None
    except (YAMLError, ValueError, TypeError, AttributeError, RecursionError, ArithmeticError) as error:
        why = f"this is not YAML ({str(error).splitlines()[0] if str(error) else type(error).__name__}); correct it"
        raise ModelError(file, [Problem(1, 1, "", why)]) from None
    if not isinstance(tree, CommentedMap):
        raise ModelError(file, [Problem(1, 1, "", "there are no keys; begin with title: and the device's name")])
    return tree


def _plain(value: Any, depth: int = 0) -> Any:
    """Mappings and lists without their places; keys as text, so that each can be told."""
    if depth > DEEPEST:
        return None
    if isinstance(value, Mapping):
        return {str(key): _plain(inside, depth + 1) for key, inside in value.items()}
    if isinstance(value, list):
        return [_plain(inside, depth + 1) for inside in value]
    return value


def _told(error: ValidationError, kind: type[BaseModel]) -> Iterator[tuple[Path, str]]:
    for found in error.errors(include_url=False):
        path, context = found["loc"], found.get("ctx", {})
        match found["type"]:
            case "flaws":
                yield from context["found"]
            case "flaw":
                yield (*path, context["key"]), context["why"]
            case "missing":
                yield path, "this key is missing; write it"
            case "extra_forbidden":
                yield path, _no_such_key(path, kind)
            case "literal_error":
                yield path, f"this cannot stand here; write {str(context['expected']).replace(chr(39), '')}"
            case "too_short":
                yield path, "nothing stands here; write at least one"
            case bound if bound in _BOUNDS:
                key, words = _BOUNDS[bound]
                yield path, f"this is out of range; write {words} {context[key]:g}"
            case "model_type" | "dict_type":
                yield path, "this is no block; write keys with values, as in the files beside it"
            case "tuple_type":
                yield path, "this is no list; write [ ] around it"
            case what:
                number = what.startswith(("int", "float", "finite"))
                text = found["msg"].lower()
                yield path, "this is no such number; write one" if number else f"{text}; correct it"


def _no_such_key(path: Path, kind: type[BaseModel]) -> str:
    match path[:-1]:
        case ("quantities" | "factors", _):
            known: type[BaseModel] = Quantity
        case ("link",):
            known = Link
        case ("variants", _):
            known = Variant
        case ("also_answers", _):
            known = Span
        case ("timed_on",):
            known = TimedOn
        case _:
            known = kind
    names = [name for name in known.model_fields if name != "name"]
    near = difflib.get_close_matches(str(path[-1]), names, 1)
    return f"{NO_SUCH_KEY}; {f'write {near[0]}' if near else 'write one of ' + ', '.join(names)}"


def _contradictions(
    parsed: dict[str, Any], error: ValidationError, kind: type[Model | BoardModel]
) -> Iterator[tuple[Path, str]]:
    """What contradicts each other in the rest of a file of which some is wrong by itself."""
    rest = {key: dict(value) if key in _TABLES and isinstance(value, dict) else value for key, value in parsed.items()}
    dropped: set[str] = set()
    for found in error.errors(include_url=False):
        path = found["loc"]
        if not path:
            return  # nothing was wrong by itself
        table = rest.get(str(path[0]))
        if path[0] in _TABLES and len(path) > 1 and isinstance(table, dict):
            table.pop(str(path[1]), None)
            dropped.add(str(path[1]))
        else:
            rest.pop(str(path[0]), None)
            dropped.add(str(path[0]))
    if not rest.get("quantities"):
        rest.pop("quantities", None)
    stand_in = {key: value for key, value in _HARMLESS.items() if key in kind.model_fields and key not in rest}
    try:
        kind.model_validate(stand_in | rest)
    except ValidationError as more:
        for path, text in _told(more, kind):
            refers = {"times", "addresses"} & {str(part) for part in path}
            if not (dropped and refers) and str(path[0]) not in stand_in:
                yield path, text


def _place(tree: CommentedMap, path: Path, on_key: bool) -> tuple[int, int]:
    """Where a person should look: the value if it is there and short, else its key, else the block that lacks it."""
    node: Any = tree
    line, column = 0, 0
    for part in path:
        if isinstance(node, CommentedMap):
            key = next((key for key in node if str(key) == str(part)), None)
            if key is None:
                break
            long = isinstance(node[key], CommentedMap | CommentedSeq) or (on_key and part == path[-1])
            line, column = node.lc.key(key) if long else node.lc.value(key)
            node = node[key]
        elif isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node):
            line, column = node.lc.item(part)
            node = node[part]
        else:
            break
    return line + 1, column + 1
