"""The documents: links lead somewhere, commands are what the program takes, codes are those of the contract."""

from __future__ import annotations

import io
import re
import shlex
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from ruamel.yaml import YAML

import edge.cli
import edge.typed
from edge.core.alarm_kinds import KINDS
from edge.core.topics import CODES
from edge.shell.app import catalogue
from edge.shell.site_file import load
from simulator.cli import parser as sim_parser

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^ *```")
LINK = re.compile(r"""\]\(<?([^()\s>]+)>?\)|\b(?:src|href)="([^"]+)\"""")
PROMPT = re.compile(r"[$#] ")
CALL = re.compile(r"(?:runuser -u \S+ -- )?(?:\S*/)?(village-edge|village-sim)(?: (.*))?$")
INLINE = re.compile(r"`(village-edge|village-sim) ([^`]+)`")
PLACEHOLDERS = {"COMMAND"}
COMMANDS = [*edge.cli.COMMANDS, *(point.name for point in entry_points(group=edge.cli.OUTSIDE))]

page = pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))


def parted(page: Path) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """The page's lines outside of fenced blocks, and the blocks: language and lines."""
    prose: list[str] = []
    blocks: list[tuple[str, list[str]]] = []
    inside = False
    for line in page.read_text("utf-8").splitlines():
        if FENCE.match(line):
            inside = not inside
            if inside:
                blocks.append((line.strip().removeprefix("```"), []))
        elif inside:
            blocks[-1][1].append(line.strip())
        else:
            prose.append(line)
    assert not inside, f"{page}: a fenced block does not end"
    return prose, blocks


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors that GitHub gives the page's headings."""
    headings = [line.lstrip("#") for line in parted(page)[0] if re.match(r"#{1,6} ", line)]
    found = [re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings]
    counted: Counter[str] = Counter()
    names = []
    for name in found:
        names.append(f"{name}-{counted[name]}" if counted[name] else name)
        counted[name] += 1
    return frozenset(names)


def calls(page: Path) -> Iterator[tuple[str, list[str]]]:
    """Each line of a fenced block that calls one of our commands: the command and its arguments.

    What follows a prompt is typed; in a console block all else is printed.
    """
    for language, lines in parted(page)[1]:
        for line in lines:
            prompted = PROMPT.match(line)
            if language == "console" and not prompted:
                continue
            if call := CALL.match(line[2:] if prompted else line):
                words = shlex.split(call[2] or "")
                ends = [i for i, word in enumerate(words) if word in {">", "|", "&&", ";"}]
                yield call[1], words[: min(ends, default=len(words))]


def accepted(monkeypatch: pytest.MonkeyPatch, program: str, words: list[str]) -> bool:
    """Whether the program's own parser takes these arguments; nothing is run."""
    for name in COMMANDS:
        monkeypatch.setattr(edge.cli.command_module(name), "run", lambda _: 0)
    monkeypatch.setattr(edge.typed, "password", str)  # the file that a page names is not here
    try:
        if program == "village-sim":
            sim_parser().parse_args(words)
        else:
            edge.cli.main(words)
    except SystemExit as end:
        return end.code == 0
    return True


@page
def test_every_link_and_anchor_resolves(page: Path) -> None:
    for line in parted(page)[0]:
        for match in LINK.finditer(line):
            target = match[1] or match[2]
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            there = (page.parent / path).resolve() if path else page
            assert there.is_relative_to(ROOT), f"{target} leads out of the repository"
            assert there.exists(), f"{target} is not there"
            if anchor:
                assert anchor in anchors(there), f"{target}: no such heading; there are {sorted(anchors(there))}"


@page
def test_every_command_line_is_one_that_the_program_takes(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for program, words in calls(page):
        assert accepted(monkeypatch, program, words), shlex.join([program, *words])


@page
def test_every_command_in_the_text_exists_with_its_options(
    page: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for program, rest in INLINE.findall(" ".join(parted(page)[0])):
        words = rest.split()
        if words[0] in PLACEHOLDERS:
            continue
        command = [] if program == "village-sim" or words[0].startswith("-") else [words[0]]
        assert not command or command[0] in COMMANDS, f"{program} {rest}"
        assert accepted(monkeypatch, program, [*command, "--help"])
        known = set(re.findall(r"--[a-z][a-z-]*", capsys.readouterr().out))
        assert {word for word in words if word.startswith("--")} <= known, f"{program} {rest}"


def test_the_commands_are_found_in_the_pages() -> None:
    used = {words[0] for page in PAGES for program, words in calls(page) if program == "village-edge" and words}
    assert used >= {"send", "watch", "plan", "check", "run", "safe", "schema", "demo"}
    assert any(program == "village-sim" for page in PAGES for program, _ in calls(page))


def test_an_unknown_option_and_an_unknown_command_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert accepted(monkeypatch, "village-edge", ["plan", "--config", "FILE", "--days", "7"])
    assert not accepted(monkeypatch, "village-edge", ["plan", "--config", "FILE", "--weeks", "7"])
    assert not accepted(monkeypatch, "village-edge", ["doctor"])
    assert not accepted(monkeypatch, "village-sim", ["--config", "FILE"])


def section(title: str) -> str:
    """What the contract's page says under a heading of the third rank."""
    text = (ROOT / "docs" / "mqtt.md").read_text("utf-8")
    return re.split(r"^#+ ", text.split(f"\n### {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def test_the_contract_lists_every_refusal_code_and_no_other() -> None:
    listed = re.findall(r"^\| `([^`]+)` \|", section("Codes"), re.MULTILINE)
    assert len(listed) == len(set(listed))
    assert set(listed) == set(CODES)


def test_the_contract_lists_every_kind_of_alarm_as_it_is_and_no_other() -> None:
    table = section("Alarms").split("| kind | severity |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]

    def told(seconds: float) -> str:
        return f"{seconds:g} s" if seconds else "at once"

    assert rows == [
        [f"`{name}`", kind.severity, told(kind.hold_s), told(kind.clear_s), kind.vi, kind.en]
        for name, kind in KINDS.items()
    ]


@pytest.mark.parametrize("language", ["en", "vi"])
def test_the_page_of_alarms_explains_every_kind_under_its_text(language: str) -> None:
    page = (ROOT / "docs" / language / "alarms.md").read_text("utf-8")
    explained = re.findall(r"^### .*\n\n`([a-z-]+)`, `(info|warning|critical)`: (.*)", page, re.MULTILINE)
    texts = {name: kind.vi if language == "vi" else kind.en for name, kind in KINDS.items()}
    assert [(name, severity) for name, severity, _ in explained] == [(name, kind.severity) for name, kind in KINDS.items()]
    for name, _, words in explained:
        assert words.startswith(f"“{re.sub('{[a-z_]+}', '…', texts[name])}”"), name


@pytest.mark.parametrize("language", ["en", "vi"])
def test_the_page_on_installation_quotes_the_installer(language: str) -> None:
    """Its text block, and the messages in the table of what is wrong; `…` stands for what differs."""
    program = "".join(p.read_text("utf-8") for p in sorted((ROOT / "systemd").rglob("*.sh")))
    program = program.replace("$CONFIG", "/etc/village-edge")
    page = ROOT / "docs" / language / "installation.md"
    (steps,) = [block for kind, block in fenced(page) if kind == "text"]
    quoted = [line.strip().removeprefix("- ") for line in steps.splitlines()]
    wrong = page.read_text("utf-8").rsplit("\n## ", 1)[1]
    quoted += [said for said in re.findall(r"^\| `([^`]+)` \|", wrong, re.MULTILINE) if said != "ssh"]
    parts = [part.strip(" ,") for said in quoted for part in said.split("…")]
    assert len(quoted) >= 8
    assert [part for part in parts if len(part) > 4 and part not in program] == []


CONFIGURED = ("climate", "configuration", "influxdb", "irrigation", "lighting", "wiring")  # pages with parts of a configuration


@pytest.mark.parametrize("name", CONFIGURED)
@pytest.mark.parametrize("language", ["en", "vi"])
def test_every_part_of_a_configuration_is_one_that_check_takes(language: str, name: str, tmp_path: Path) -> None:
    blocks = [block for kind, block in fenced(ROOT / "docs" / language / f"{name}.md") if kind == "yaml"]
    assert blocks
    for n, block in enumerate(blocks):
        path = tmp_path / f"{n}.yaml"
        path.write_text(within_the_village(block), "utf-8")
        load(path, catalogue())  # raises ConfigError with every error
    assert_same_form(blocks, [block for kind, block in fenced(ROOT / "docs" / "en" / f"{name}.md") if kind == "yaml"])


def within_the_village(block: str) -> str:
    """A whole configuration as it is; else the example village with these parts in the place of its own."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 1000
    part = yaml.load(block) or {}
    if "site" in part:
        return block
    village = yaml.load((ROOT / "config" / "nguyen-ly.yaml").read_text("utf-8"))
    if "calendar" in part:
        village["programs"]["street"]["calendar"] = part.pop("calendar")
    for section, devices in part.items():
        village.setdefault(section, {}).update(devices)
    text = io.StringIO()
    yaml.dump(village, text)
    return text.getvalue()


def assert_same_form(blocks: list[str], english: list[str]) -> None:
    """Both languages have the same examples; remarks and what is told to people may differ."""
    def bare(block: str) -> str:
        return " ".join(re.sub(r"#.*", "", block).split())

    assert list(map(bare, blocks)) == list(map(bare, english))


@pytest.mark.parametrize("language", ["en", "vi"])
def test_the_wiring_on_the_page_on_irrigation_is_the_example_villages(language: str) -> None:
    (wiring,) = [block for _, block in fenced(ROOT / "docs" / language / "irrigation.md") if block.startswith("pumps:")]
    village = " ".join((ROOT / "config" / "nguyen-ly.yaml").read_text("utf-8").split())
    for line in " ".join(wiring.split()).replace("valves:", "\n").replace("pumps:", "\n").splitlines():
        assert line.strip() in village


def fenced(page: Path) -> list[tuple[str, str]]:
    """The page's fenced blocks as they are: language and text."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def test_every_page_for_users_is_there_in_both_languages() -> None:
    english = {p.name for p in (ROOT / "docs" / "en").glob("*.md")}
    vietnamese = {p.name for p in (ROOT / "docs" / "vi").glob("*.md")}
    assert english >= {
        "getting-started.md", "configuration.md", "lighting.md", "raspberry-pi.md", "simulator.md", "alarms.md"
    }
    assert vietnamese == english | {"mqtt.md"}  # its English pair is the whole contract, docs/mqtt.md
