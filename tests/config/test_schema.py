"""The JSON Schema: current, accepting what is good, and refusing what an editor should underline."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.commands.schema import run, schema_text
from edge.shell.yaml_nodes import parse, plain

_TYPES: dict[str, Any] = {
    "object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool,
    "null": type(None),
}  # fmt: skip


class Checker:
    """As much of JSON Schema as the configuration's schema uses; any other keyword fails the test."""

    known = frozenset({
        "$schema", "$defs", "$ref", "title", "description", "examples", "default", "type", "properties", "required",
        "additionalProperties", "propertyNames", "patternProperties", "items", "enum", "const", "anyOf", "oneOf",
        "pattern", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "minProperties",
        "maxProperties",
    })  # fmt: skip

    def __init__(self, schema: dict[str, Any]) -> None:
        self.root = schema

    def accepts(self, data: object) -> bool:
        return not list(self.faults(self.root, data, ""))

    def faults(self, schema: Any, data: Any, at: str) -> Iterator[str]:
        if schema is True:
            return
        assert schema.keys() <= self.known, schema.keys() - self.known
        if "$ref" in schema:
            yield from self.faults(self.root["$defs"][schema["$ref"].removeprefix("#/$defs/")], data, at)
        if "type" in schema and not self.typed(schema["type"], data):
            yield f"{at}: no {schema['type']}"
            return
        if ("enum" in schema and data not in schema["enum"]) or ("const" in schema and data != schema["const"]):
            yield f"{at}: {data!r} is none of the words"
        if "anyOf" in schema and not any(not list(self.faults(one, data, at)) for one in schema["anyOf"]):
            yield f"{at}: none of anyOf"
        if "oneOf" in schema and sum(not list(self.faults(one, data, at)) for one in schema["oneOf"]) != 1:
            yield f"{at}: not one of oneOf"
        yield from self.bounds(schema, data, at)
        if isinstance(data, dict):
            yield from self.block(schema, data, at)
        if isinstance(data, list):
            for i, item in enumerate(data):
                yield from self.faults(schema.get("items", True), item, f"{at}[{i}]")

    def typed(self, kind: str, data: Any) -> bool:
        return isinstance(data, _TYPES[kind]) and isinstance(data, bool) == (kind == "boolean")

    def bounds(self, schema: dict[str, Any], data: Any, at: str) -> Iterator[str]:
        size = len(data) if isinstance(data, str | list | dict) else data
        suffix = {str: "Length", list: "Items", dict: "Properties"}.get(type(data), "imum")
        if f"min{suffix}" in schema and size < schema[f"min{suffix}"]:
            yield f"{at}: too little"
        if f"max{suffix}" in schema and size > schema[f"max{suffix}"]:
            yield f"{at}: too much"
        if "pattern" in schema and isinstance(data, str) and not re.search(schema["pattern"], data):
            yield f"{at}: {data!r} does not match"

    def block(self, schema: dict[str, Any], data: dict[str, Any], at: str) -> Iterator[str]:
        for key in schema.get("required", ()):
            if key not in data:
                yield f"{at}.{key}: missing"
        for key, value in data.items():
            yield from self.faults(schema.get("propertyNames", True), key, f"{at}.{key}")
            matched = [inner for pattern, inner in schema.get("patternProperties", {}).items() if re.search(pattern, key)]
            if key in schema.get("properties", {}):
                matched.append(schema["properties"][key])
            rest = schema.get("additionalProperties", True)
            if not matched and rest is False:
                yield f"{at}.{key}: unknown"
            for inner in matched or ([] if rest is False else [rest]):
                yield from self.faults(inner, value, f"{at}.{key}")


@pytest.fixture(scope="module")
def checker(example: Path) -> Checker:
    return Checker(json.loads((example.parent / "site.schema.json").read_text("utf-8")))


def read(text: str) -> object:
    root, faults = parse(text)
    assert root is not None
    assert faults == []
    return plain(root)


def test_the_schema_in_config_is_current(example: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = (example.parent / "site.schema.json").read_text("utf-8")
    assert kept == schema_text(), "write it anew: village-edge schema > config/site.schema.json"
    assert run(None) == 0  # type: ignore[arg-type]
    assert capsys.readouterr().out == kept


def test_the_example_names_the_schema_and_fits_it(example: Path, checker: Checker) -> None:
    text = example.read_text("utf-8")
    assert text.startswith("# yaml-language-server: $schema=site.schema.json\n")
    assert list(checker.faults(checker.root, read(text), "")) == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("poll: 10s", "poll: 10"), ("poll: 10s", "poll: 10 seconds"), ("gpio: 17", "gpio: 1"), ("gpio: 17", "gpio: '17'"),
        ("gpio: 17", "gpoi: 17"), ("sunset - 10m", "dusk"), ('"22:30"', '"24:30"'), ("level: 33", "level: 133"),
        ("level: 33", "level: true"), ("kind: light", "kind: lamp"), ("role: flow", "role: water"), ("  road:", "  Road 1:"),
        ("language: vi", "language: fr"), ("latitude: 21.35", "latitude: 70"), ("v1: 20m", "v1: 20"), ("1: 60", "13: 60"),
        ("sensors:", "sensor:"), ("sat,sun", "sat;sun"), (", low_is: empty", ""), ("address: 21", "address: 0"),
    ],
)  # fmt: skip
def test_the_schema_refuses_what_check_refuses(
    village: str, checker: Checker, problems: Callable[[str], list[object]], right: str, wrong: str
) -> None:
    assert checker.accepts(read(village))
    text = village.replace(right, wrong, 1)
    assert text != village
    assert not checker.accepts(read(text))
    assert problems(text)


def test_terms_tell_their_units(checker: Checker) -> None:
    kinds = checker.root["$defs"]
    assert "its unit" in kinds["Meter"]["properties"]["poll"]["description"]
    assert kinds["Meter"]["properties"]["poll"]["default"] == "10s"
    assert "sunrise or sunset" in kinds["Step"]["properties"]["at"]["description"]
    assert kinds["Circuit"]["properties"]["lamp_w"]["description"] == "W for one lamp"
