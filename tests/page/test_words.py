"""The catalogues: Vietnamese and English say the same things, all that is used is there, and nothing else is."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from page_house import PAGE

LANG = PAGE / "lang"
CATALOGUES = sorted(str(file.relative_to(LANG / "vi")) for file in (LANG / "vi").glob("*.json"))
LITERAL = re.compile(r"""(?<![\w.])(?:t|has)\(\s*["']([^"']+)["']""")
TEMPLATE = re.compile(r"(?<![\w.])(?:t|has)\(\s*`([^`]+)`")
COMPOSED = re.compile(r"`([a-z][\w.-]*(?:\$\{[^{}`]*\}[\w.-]*)+|\$\{[^{}`]*\}[\w.-]{3,})`")
ANY = re.compile(r"""["'`]([a-z][a-z0-9]*(?:[.-][A-Za-z0-9_-]+)*)["'`]""")
OTHERWISE = {"nights.day-of.15"}  # rằm has a name of its own in Vietnamese
NAMED = re.compile(r"\{(\w+)\}")


def read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text("utf-8"), object_pairs_hook=once)
    return found


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    assert len(keys) == len(set(keys)), f"a key stands twice: {sorted(k for k in keys if keys.count(k) > 1)}"
    return dict(pairs)


def texts(value: Any) -> list[str]:
    return list(value.values()) if isinstance(value, dict) else [value]


def modules() -> dict[str, str]:
    return {str(f.relative_to(PAGE)): f.read_text("utf-8") for folder in ("app", "views") for f in sorted((PAGE / folder).glob("*.js"))}


def every_key() -> set[str]:
    files = [LANG / "vi.json", *(LANG / "vi").glob("*.json")]
    return {key for file in files for key in read(file)}


@pytest.mark.parametrize("name", ["", *CATALOGUES])
def test_both_languages_have_the_same_keys_with_the_same_figures_in_them(name: str) -> None:
    vi, en = (read(LANG / language / name if name else LANG / f"{language}.json") for language in ("vi", "en"))
    assert vi.keys() == en.keys()
    for key in vi:
        wanted = {frozenset(NAMED.findall(text)) for text in texts(vi[key])}
        for text in texts(en[key]):
            given = set(NAMED.findall(text))
            assert key in OTHERWISE or any(given <= names for names in wanted), f"{key}: {text!r} has figures that {vi[key]!r} has not"
            assert text.strip() == text, f"{key}: {text!r}"
            assert text, key
        assert all(texts(vi[key])), key


def test_every_text_that_the_page_asks_for_is_there() -> None:
    known = every_key()
    missing = {f"{file}: {key}" for file, source in modules().items() for key in LITERAL.findall(source) if key not in known}
    for file, source in modules().items():
        for template in TEMPLATE.findall(source):
            shape = re.compile(re.sub(r"\\\$\\\{.*?\\\}", ".+", re.escape(template)) + "$")
            if not any(shape.match(key) for key in known):
                missing.add(f"{file}: `{template}`")
    assert not missing, sorted(missing)


def test_no_text_is_left_that_nobody_asks_for() -> None:
    sources = "\n".join(modules().values())
    shapes = [re.compile(re.sub(r"\\\$\\\{.*?\\\}", ".+", re.escape(found)) + "$") for found in COMPOSED.findall(sources)]
    plain = set(ANY.findall(sources))
    unused = {key for key in every_key() if key not in plain and not any(shape.match(key) for shape in shapes)}
    assert not unused, "\n".join(sorted(unused))


@pytest.mark.parametrize("language", ["vi", "en"])
def test_no_key_stands_in_two_catalogues(language: str) -> None:
    """All that are loaded share one table: the later one would win."""
    files = [LANG / f"{language}.json", *sorted((LANG / language).glob("*.json"))]
    keys = Counter(key for file in files for key in json.loads(file.read_text("utf-8")))
    assert len(files) > 5
    assert [key for key, count in keys.items() if count > 1] == []
