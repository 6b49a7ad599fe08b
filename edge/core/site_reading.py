"""Plain data -> Site, with every error at once in words that name the remedy.

What cannot be read is cut out and the rest is checked all the same, so that nobody mends a file one error at a time.
"""

from __future__ import annotations

import copy
import difflib
from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from edge.core.site import ClimateProgram, Program, Site
from edge.core.site_base import Block
from edge.core.site_checks import UNREAD, Flaw, Path, cross_checks, nearest
from edge.core.site_terms import Wrong, read_id, shown
from edge.core.values import ModelInfo

_BLOCKS = ("site", "mqtt", "limits", "history", "influx", "heartbeat")
_SECTIONS = tuple(n for n in Site.model_fields if n not in _BLOCKS)
_STAND_IN = {
    "id": "unread", "name": "unread", "latitude": 0, "longitude": 0, "timezone": "UTC", "language": "en",
}  # fmt: skip
_EXAMPLES = {
    "site": "site: {id: nguyen-ly, name: Thôn Nguyên Lý, latitude: 19.87, longitude: 105.68, "
    "timezone: Asia/Ho_Chi_Minh, language: vi}",
    "id": "id: nguyen-ly", "name": "name: Đường trục thôn", "latitude": "latitude: 19.87",
    "longitude": "longitude: 105.68", "timezone": "timezone: Asia/Ho_Chi_Minh", "language": "language: vi",
    "device": "device: /dev/serial/by-path/platform-usb-0:1.2:1.0", "baudrate": "baudrate: 9600",
    "parity": "parity: none", "model": "model: sdm630", "port": "port: rs485", "address": "address: 1",
    "circuits": "circuits: {a: {output: {gpio: 17}, lamps: 8, lamp_w: 60}}", "output": "output: {gpio: 17}",
    "gpio": "gpio: 17", "board": "board: cabinet-board", "coil": "coil: 0", "lamps": "lamps: 8", "lamp_w": "lamp_w: 60",
    "of": "of: [main-road]", "pulses_per_l": "pulses_per_l: 7.5",
    "pulses_per_kwh": "pulses_per_kwh: 1000", "low_is": "low_is: empty", "max_on": "max_on: 60m",
    "daily_max": "daily_max: 2h", "default": "default: 20m", "kind": "kind: light",
    "steps": "steps: [{at: sunset, level: 100}, {at: sunrise, level: 0}]", "at": "at: sunset", "level": "level: 100",
    "within": "within: 45m", "zones": "zones: [{plot-1: 20m}]", "soil_below": "soil_below: 25",
    "soil_above": "soil_above: 35",
    "target": "target: greenhouse-fan", "sensor": "sensor: air-1", "quantity": "quantity: temperature_c",
    "when": "when: {sensor: air-1, quantity: temperature_c, on_above: 33, off_below: 30}",
    "currency": "currency: VND",
    "prices": "prices: [{since: 2025-05-10, price: 2226}]", "vat": "vat: [{since: 2025-05-10, percent: 8}]",
    "since": "since: 2025-05-10", "price": "price: 2226", "percent": "percent: 8",
}  # fmt: skip
_B = TypeVar("_B", bound=Block)


def read(
    data: object, catalogue: Mapping[str, ModelInfo], tariffs: Collection[str] | None = None
) -> tuple[Site | None, list[Flaw]]:
    """The village in `data` (as YAML or JSON gives it), or None and every flaw, each with the path of its key.

    The path of a missing key ends in that key, that of an unknown key in the unknown one. `tariffs`: the ids that a
    meter's tariff may have; None: any.
    """
    blocks: dict[int, type[Block]] = {}
    known = _names(data) | ({} if tariffs is None else {"tariffs": list(tariffs)})
    try:
        site = Site.model_validate(data, context={"blocks": blocks})
    except ValidationError as error:
        flaws = _flaws(error, data, blocks)
        if isinstance(data, Mapping):
            partial, moved = _readable(data, flaws)
            crossed = cross_checks(partial, catalogue, known)
            flaws += [flaw._replace(path=_path(_original(flaw.path, moved), data)) for flaw in crossed]
        return None, flaws
    flaws = [flaw._replace(path=_path(flaw.path, data)) for flaw in cross_checks(site, catalogue, known)]
    return (None if flaws else site), flaws


def read_block(form: type[_B], data: object) -> tuple[_B | None, list[Flaw]]:
    """The block of that form in `data`, by itself; or None and every flaw."""
    blocks: dict[int, type[Block]] = {}
    try:
        return form.model_validate(data, context={"blocks": blocks}), []
    except ValidationError as error:
        return None, _flaws(error, data, blocks)


def read_program(
    data: object, name: str, site: Site, catalogue: Mapping[str, ModelInfo]
) -> tuple[Program | None, list[Flaw]]:
    """The program in `data`, read and checked as if the file of `site` had it under `name`; or None and every flaw.

    The paths of the flaws begin within the program.
    """
    blocks: dict[int, type[Block]] = {}
    try:
        program: Program = _PROGRAM.validate_python(data, context={"blocks": blocks})
    except ValidationError as error:
        return None, _flaws(error, data, blocks)
    whole = site.model_copy(update={"programs": {**site.programs, name: program}})
    crossed = cross_checks(whole, catalogue, {section: list(getattr(whole, section)) for section in _SECTIONS})
    flaws = [flaw._replace(path=_path(flaw.path[2:], data)) for flaw in crossed if flaw.path[:2] == ("programs", name)]
    flaws += _followers(name, program, site)
    return (None if flaws else program), flaws


_PROGRAM: TypeAdapter[Any] = TypeAdapter(Program)


def _followers(name: str, program: Program, site: Site) -> list[Flaw]:
    """Who follows a program by its name must be able to follow the new one; in the file that is the follower's flaw."""
    if not isinstance(program, ClimateProgram) or program.target not in site.switches:
        return []
    following = [key for key, switch in site.switches.items() if switch.program == name and key != program.target]
    return [Flaw(("target",), f"switches.{key} follows this program; write target: {key}") for key in following]


def _names(data: object) -> dict[str, list[str]]:
    """The names in each section, also of a section whose own name is misspelt: that error is enough."""
    names: dict[str, list[str]] = {}
    for key, entries in data.items() if isinstance(data, Mapping) else ():
        section = next(iter([key] if key in _SECTIONS else difflib.get_close_matches(str(key), _SECTIONS, 1)), None)
        if section and isinstance(entries, Mapping):
            names.setdefault(section, []).extend(map(str, entries))
    return names


def _flaws(error: ValidationError, data: object, blocks: Mapping[int, type[Block]]) -> list[Flaw]:
    found: list[Flaw] = []
    for detail in error.errors(include_url=False):
        path = _path(detail["loc"], data) + _TELLING.get(detail["type"], ())
        cause = detail.get("ctx", {}).get("error")
        if detail["loc"] and detail["loc"][-1] == "[key]":
            found.append(Flaw(path, _key_text(path[-1]), on_key=True))
        elif isinstance(cause, Wrong):
            found += [Flaw(path + below, _empty_or(detail["input"], text)) for below, text in cause.flaws]
        elif detail["type"] == "extra_forbidden":
            model = blocks.get(id(_at(data, path[:-1])))
            known = model.model_fields if model else ()
            found.append(Flaw(path, f'unknown key "{path[-1]}"; {nearest(str(path[-1]), known)}', on_key=True))
        else:
            found.append(Flaw(path, _empty_or(detail["input"], _text(detail, path))))
    return found


_TELLING: dict[str, Path] = {"input_role": ("role",), "program_kind": ("kind",)}  # the key that a union goes by


def _path(loc: tuple[int | str, ...], data: object) -> Path:
    """A pydantic location without what is no key of the file: `<tag>` of a union, `[key]`, and the index of what stands
    without a list around it."""
    path: Path = ()
    for part in loc:
        present = _has(data, part)
        alone = isinstance(part, int) and data is not None and not isinstance(data, list)
        if present or not (alone or (isinstance(part, str) and part[:1] in ("<", "["))):
            path += (part,)
            data = data[part] if present else None  # type: ignore[index]
    return path


def _at(data: object, path: Path) -> object:
    for part in path:
        data = data[part] if _has(data, part) else None  # type: ignore[index]
    return data


def _has(holder: object, part: str | int) -> bool:
    if isinstance(holder, list):
        return isinstance(part, int) and part < len(holder)
    return isinstance(holder, Mapping) and part in holder


def _key_text(key: object) -> str:
    try:
        read_id(key)
    except Wrong as wrong:
        return str(wrong)
    return f"{shown(key)} cannot be a key here; write an id"


def _empty_or(value: object, text: str) -> str:
    """An empty value is the commonest slip (a key whose lines are all comments), and gets one text everywhere."""
    return f"has no value; fill it in or remove the key ({text.partition('; ')[2] or text})" if value is None else text


def _text(detail: Any, path: Path) -> str:
    value, ctx = detail["input"], detail.get("ctx", {})
    match detail["type"]:
        case "missing":
            key = str(path[-1])
            return f'the key "{key}" is missing; add {_EXAMPLES.get(key, f"{key}: ...")}'
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"{shown(value)} stands where keys must; write a block of `key: value` lines"
        case "list_type":
            return f"{shown(value)} stands where a list must; write [one, two] or lines beginning with -"
        case "literal_error":
            words = ctx["expected"].replace("'", "").replace(" or ", ", ")
            return f"{shown(value)} is not possible here; write one of: {words}"
        case "input_role" | "program_kind" if isinstance(value, Mapping) and path[-1] in value:
            return f"{shown(value[path[-1]])} is not possible here; {str(detail['msg']).partition('; ')[2]}"
        case "bool_type" | "bool_parsing":
            return f"{shown(value)} is neither true nor false; write true or false, without quotes"
        case "too_short":
            return f"there are none; write at least {ctx['min_length']}"
        case "too_long":
            return f"there are too many; write at most {ctx['max_length']}"
        case _:
            return str(detail["msg"])


_Moved = dict[Path, list[int]]


def _readable(data: Mapping[str, object], flaws: list[Flaw]) -> tuple[Site, _Moved]:
    """The village without what cannot be read, and where its lists' items stood before others were cut out."""
    rest: Any = copy.deepcopy(dict(data))
    moved: _Moved = {}
    flaws = [flaw for flaw in flaws if flaw.on_key or not _neutral(rest, flaw.path)]
    for _ in range(_ROUNDS):
        for path in sorted({flaw.path for flaw in flaws}, key=_order, reverse=True):
            _cut(rest, path, moved)
        if not isinstance(rest.get("site"), Mapping) or len(rest["site"]) < len(_STAND_IN):
            rest["site"] = dict(_STAND_IN)
        try:
            return Site.model_validate(rest), moved
        except ValidationError as error:
            flaws = _flaws(error, rest, {})
    return Site.model_validate({"site": _STAND_IN}), {}


_ROUNDS = 30  # a block that lacks a key is cut in the next round, so the form's depth bounds them


_LIMITS: dict[str, object] = {"max_on": "1d", "daily_max": "1d", "default": "1d", "min_on": "0s"}
_RHYTHM: dict[str, object] = {"poll": "1s", "record": "1d", "stale": "1d"}
_ABOVE: dict[str, object] = {"on_above": 1, "off_below": 0}
_BELOW: dict[str, object] = {"on_below": 0, "off_above": 1}
_SOIL: dict[str, object] = {"soil_below": 10, "soil_above": 20}
_EVERY: dict[str, object] = {"every": "1d", "starting": "2026-01-01"}
_PIECES: dict[str, object] = {"cycle": "1m", "soak": "1m"}
_NEUTRAL: dict[str, dict[str, object]] = {
    "name": {"name": "unread"}, "lamps": {"lamps": 1}, "lamp_w": {"lamp_w": 1}, "pulses_per_l": {"pulses_per_l": 1},
    "pulses_per_kwh": {"pulses_per_kwh": 1}, "rated_kw": {"rated_kw": 1}, "rated_w": {"rated_w": 0.1},
    "low_is": {"low_is": "empty"}, "start": {"start": "00:00"}, "finish_before": {"finish_before": "00:00"},
    "window": {"window": "00:00..12:00"}, "days": {"days": "mon"}, "month_days": {"month_days": "1"},
    "rain": {"rain": False, "rain_delay": "0s"}, "rain_delay": {"rain_delay": "0s"}, "resume": {"resume": "never"},
    "flow": {"flow": UNREAD}, "soil": {"soil": UNREAD},
    **dict.fromkeys(_LIMITS, _LIMITS), **dict.fromkeys(_RHYTHM, _RHYTHM), **dict.fromkeys(_ABOVE, _ABOVE),
    **dict.fromkeys(_BELOW, _BELOW), **dict.fromkeys(_SOIL, _SOIL), **dict.fromkeys(_EVERY, _EVERY),
    **dict.fromkeys(_PIECES, _PIECES),
}  # fmt: skip


def _neutral(rest: Any, path: Path) -> bool:
    """Put a harmless value in place of one that no cross-check looks at, so that its block can be checked all the same.

    Values that are compared with each other are replaced together.
    """
    holder = _at(rest, path[:-1])
    values = _NEUTRAL.get(str(path[-1])) if path else None
    if values is None or not isinstance(holder, dict):
        return False
    holder.update({key: value for key, value in values.items() if key in holder or key == path[-1]})
    return True


def _order(path: Path) -> tuple[tuple[bool, int, str], ...]:
    return tuple((isinstance(part, str), part if isinstance(part, int) else 0, str(part)) for part in path)


def _cut(rest: Any, path: Path, moved: _Moved) -> None:
    """Remove what stands at `path`; if nothing does (a missing key), the block that lacks it."""
    holder = rest
    for depth, part in enumerate(path):
        if not _has(holder, part):
            if depth:
                _cut(rest, path[:depth], moved)
            return
        if depth == len(path) - 1:
            if isinstance(holder, list) and isinstance(part, int):
                where = _original(path[:-1], moved)
                moved.setdefault(where, list(range(len(holder)))).pop(part)
            del holder[part]
            return
        holder = holder[part]


def _original(path: Path, moved: _Moved) -> Path:
    """Where `path` of the cut data stood in the whole."""
    found: Path = ()
    for part in path:
        found += (moved[found][part] if isinstance(part, int) and found in moved else part,)
    return found
