"""What YAML files do to people: words that turn into other things, keys twice, tabs, aliases, files that are no text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edge.core.values import ModelInfo
from edge.shell.site_file import LARGEST, ConfigError, Problem, load, parse_site
from edge.shell.yaml_nodes import MOST_NODES, parse, plain

Find = Callable[[str], list[Problem]]


def value(text: str) -> object:
    root, faults = parse(f"key: {text}\n")
    assert root is not None
    assert faults == []
    [found] = plain(root).values()  # type: ignore[attr-defined]
    return found


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("on", "on"), ("off", "off"), ("yes", "yes"), ("no", "no"), ("y", "y"), ("18:00", "18:00"),
        ("22:30:00", "22:30:00"), ("3.1.1", "3.1.1"), ("0x1f", "0x1f"), ("1_000", "1_000"), ("2026-11-21", "2026-11-21"),
        ("010", 10), ("1e3", 1000.0), (".5", 0.5), ("true", True), ("False", False), ("~", None), ("", None),
        ("'5'", "5"), ('"true"', "true"), ("5", 5), ("-0.5", -0.5), ("9" * 400, float("inf")), ("Đèn ngõ", "Đèn ngõ"),
    ],
)  # fmt: skip
def test_plain_words_mean_what_yaml_1_2_says(text: str, meant: object) -> None:
    found = value(text)
    assert found == meant
    assert type(found) is type(meant)


def test_keys_stay_as_they_are_written() -> None:
    root, _ = parse("on: 1\n18:00: 2\n1: 3\ntrue: 4\n1.50: 5\n")
    assert root is not None
    assert plain(root) == {"on": 1, "18:00": 2, "1": 3, "true": 4, "1.50": 5}


BROKEN = [
    ("a tab for indentation", "site:\n\tid: x\n", 2, 1, "a tab cannot indent a line; use spaces"),
    ("a colon in a value", "site:\n  name: a: b\n", 2, 10, "put a text with a colon in quotes"),
    ("a list not closed", "site:\n  of: [a, b\nports: {}\n", 3, 6, "add the missing comma or ] (begun in line 2)"),
    ("braces not closed", "ports: {bus: 1\n", 2, 1, "add the missing comma or }"),
    ("quotes not closed", 'site: "abc\n', 2, 1, "quotes are not closed; add the missing quote"),
    ("an apostrophe", "site: 'it's'\n", 1, 11, "is written twice"),
    ("a reserved character", "site: @x\n", 1, 7, "put the value in quotes"),
    ("a list on the key's line", "site: - x\n", 1, 7, "put each - on a line of its own"),
    ("an unknown escape", 'site: "\\q"\n', 1, 9, "use single quotes"),
    ("an escape beyond Unicode", 'a: 1\nsite: "\\UFFFFFFFF"\n', 2, 1, "write the character itself"),
    ("an escape to half a character", 'site: "\\ud800"\n', 1, 7, "write the character itself"),
    ("an unknown anchor", "site: *x\n", 1, 7, "no &x stands before this; write the value out"),
    ("an alias in itself", "site: &x [*x]\n", 1, 11, "*x would contain itself; write the values out"),
    ("a second document", "site: 1\n---\nsite: 2\n", 2, 1, "a second document begins here; keep one"),
    ("a control character", "site: 1\nname: a\x07b\n", 2, 8, "U+0007 cannot be seen"),
    ("nothing but a comment", "# soon\n", 1, 1, "the file is empty; begin with site:"),
    ("too deep", "site: " + "[" * 5000, 1, 26, "more than 20 levels deep"),
    ("too deep through aliases", "a: &a " + "[" * 12 + "]" * 12 + "\nb: " + "[" * 12 + "*a" + "]" * 12, 2, 16, "20 levels"),
]


@pytest.mark.parametrize(("text", "line", "column", "said"), [case[1:] for case in BROKEN], ids=[c[0] for c in BROKEN])
def test_what_is_no_yaml_is_shown_where_it_breaks(problems: Find, text: str, line: int, column: int, said: str) -> None:
    [found] = problems(text)
    assert (found.line, found.column) == (line, column)
    assert said in found.message
    assert "; " in found.message


@pytest.mark.slow
def test_a_file_of_too_many_values_is_refused(problems: Find) -> None:
    [found] = problems("site: [" + "1," * MOST_NODES + "1]")
    assert (found.line, found.column) == (1, len("site: [") + 2 * (MOST_NODES - 1) + 1)
    assert "more than 20000 values; take some out" in found.message


def test_a_bomb_of_aliases_is_refused_before_it_grows(problems: Find) -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [{f'*a{i - 1}, ' * 9}x]\n" for i in range(1, 12))
    [found] = problems(bomb)
    assert "more than 20000 values" in found.message
    assert found.line < 7


def test_every_key_that_stands_twice_is_shown(problems: Find, village: str) -> None:
    text = village.replace("max_on: 2h,", "max_on: 2h, max_on: 3h,")+ "valves: {}\nsensors: {}\n"
    assert [(found.line, found.column, found.path, found.message) for found in problems(text)] == [
        (21, 51, "pumps.p1.max_on", "the key stands twice, here and in line 21; remove one of the two"),
        (35, 1, "valves", "the key stands twice, here and in line 22; remove one of the two"),
        (36, 1, "sensors", "the key stands twice, here and in line 26; remove one of the two"),
    ]


def test_anchors_are_read_and_merges_are_refused(problems: Find, village: str) -> None:
    aliased = village.replace("[{at: sunset, level: 100}]", "&all [{at: sunset, level: 100}]").replace(
        "cool:", "copy: {kind: light, steps: *all}\n  cool:"
    )
    assert problems(aliased) == []
    [merged] = problems(village.replace("{gpio: 25}", "{<<: {gpio: 25}, gpio: 26}"))
    assert (merged.line, merged.column, merged.message) == (23, 29, "<< is not read here; write the keys out")


def test_an_error_behind_an_alias_is_shown_where_the_value_stands(problems: Find, village: str) -> None:
    text = village.replace("[{at: sunset, level: 100}]", "&all [{at: dusk, level: 100}]").replace(
        "cool:", "copy: {kind: light, steps: *all}\n  cool:"
    )
    assert {(found.line, found.column) for found in problems(text)} == {(32, 52)}
    assert {found.path for found in problems(text)} == {
        "programs.night.calendar[0].steps[0].at",
        "programs.copy.steps[0].at",
    }


def test_tags_and_keys_that_are_no_text_are_refused(problems: Find, village: str) -> None:
    [tag] = problems(village.replace("gpio: 25", "gpio: !!int 25"))
    assert (tag.line, tag.path) == (23, "valves.v1.output.gpio")
    assert "the tag !!int is not read here; remove it" in tag.message
    [key] = problems(village.replace("{gpio: 25}", "{gpio: 25, [a]: 1}"))
    assert (key.line, key.column, key.message) == (23, 39, "a key must be plain text; write key: value")


def told(path: Path, catalogue: dict[str, ModelInfo]) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path, catalogue)
    return str(caught.value)


def test_files_that_cannot_be_read_say_so_with_a_remedy(tmp_path: Path, catalogue: dict[str, ModelInfo]) -> None:
    file = tmp_path / "v.yaml"
    assert told(file, catalogue).startswith(f"{file}:1:1: there is no such file; give the path")
    assert "this is a folder; give the file in it" in told(tmp_path, catalogue)
    assert "the file cannot be read" in told(tmp_path / ("x" * 300), catalogue)
    file.write_bytes(b"site: {name: T\xe2n}\n")
    assert told(file, catalogue) == f"{file}:1:15: this is not UTF-8 text; save the file with the encoding UTF-8"
    file.write_text("a: 1\n# T\xe2n B\xecnh\n", "latin-1")
    assert told(file, catalogue).startswith(f"{file}:2:4: this is not UTF-8")
    file.write_text("site: 1\n", "utf-16")
    assert "save the file with the encoding UTF-8" in told(file, catalogue)
    file.write_bytes(b"#" * (LARGEST + 1))
    assert f"larger than {LARGEST // 1024} KiB" in told(file, catalogue)


def test_a_file_of_somebody_else_says_what_to_do(
    tmp_path: Path, catalogue: dict[str, ModelInfo], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # root, whom tests may run as, is refused nothing
    assert "the file may not be read; run as its owner" in told(tmp_path / "v.yaml", catalogue)


def test_a_byte_order_mark_and_windows_lines_do_no_harm(
    tmp_path: Path, catalogue: dict[str, ModelInfo], village: str
) -> None:
    file = tmp_path / "v.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + village.replace("\n", "\r\n").encode())
    assert load(file, catalogue) == parse_site(village, "v.yaml", catalogue)
