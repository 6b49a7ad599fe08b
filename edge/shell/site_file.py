"""A configuration file -> the village, or every error in it at once with key path, line and column."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from edge.core.programs import read_in_place
from edge.core.site import Site
from edge.core.site_checks import Flaw, spelled
from edge.core.site_reading import read
from edge.core.values import ModelInfo
from edge.shell.files import config_dir
from edge.shell.yaml_nodes import Fault, Node, parse, plain

LARGEST = 256 * 1024  # bytes; a village of a thousand devices has about 100 KiB


class Problem(NamedTuple):
    """One error. `path` is the key path, empty for the file as a whole; `line` and `column` count from 1.

    `message` says what is wrong and, after a semicolon, what to write instead.
    """

    path: str
    line: int
    column: int
    message: str


class ConfigError(Exception):
    """The configuration cannot be used; `problems` holds every reason, in the order of the file."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        super().__init__(file, problems)
        self.file = file
        self.problems = problems

    def __str__(self) -> str:
        """Every problem on a line of its own: `FILE:LINE:COL: key.path: what is wrong; what to write instead`."""
        return "\n".join(
            f"{self.file}:{found.line}:{found.column}: {found.path + ': ' if found.path else ''}{found.message}"
            for found in self.problems
        )


def load(path: Path | str, catalogue: Mapping[str, ModelInfo], *, any_tariff: bool = False) -> Site:
    """The village in the file at `path`; `catalogue` holds the device models by name. `any_tariff`: it may name tariffs
    that have no file. Raises ConfigError only."""
    remedy = "give the path of the village's configuration, such as config/nguyen-ly.yaml"
    text = text_of(Path(path), remedy)
    return parse_site(text, str(path), catalogue, None if any_tariff else tariff_paths(path).keys())


def parse_site(
    text: str, name: str, catalogue: Mapping[str, ModelInfo], tariffs: Collection[str] | None = None
) -> Site:
    """The village in `text`, which came from the file `name`; `tariffs` as of site_reading.read. Raises ConfigError."""
    root, faults = parse(text)
    site, flaws = (None, []) if root is None else read(plain(root), catalogue, tariffs)
    if site is None or faults or flaws:
        raise ConfigError(name, problems_of(root, faults, flaws))
    return site


def tariff_paths(config: Path | str | None) -> dict[str, Path]:
    """The file of each tariff by its id: those that come with the program, and in their place the village's own, in the
    folder tariffs/ beside its configuration `config`."""
    folders = [config_dir() / "tariffs"]
    if config is not None:
        folders.append(Path(config).absolute().parent / "tariffs")
    found: dict[str, Path] = {}
    for folder in folders:
        try:
            found |= {path.stem: path for path in sorted(folder.glob("*.yaml"))}
        except OSError:
            continue  # its tariffs are missed where they are named
    return found


def load_program(path: Path, program: str, site: Site, catalogue: Mapping[str, ModelInfo]) -> object:
    """The program in the file at `path`, as plain data, good for the village `site` under the id `program`.

    Raises ConfigError.
    """
    root, faults = parse(text_of(path, "give the path of a file with a program"), "begin with kind: light")
    body = None if root is None else plain(root)
    flaws = [] if root is None else read_in_place(body, program, site, catalogue)[1]
    if root is None or faults or flaws:
        raise ConfigError(str(path), problems_of(root, faults, flaws))
    return body


def problems_of(root: Node | None, faults: list[Fault], flaws: list[Flaw]) -> list[Problem]:
    """What is wrong with a file of these nodes, in the order of the file."""
    problems = [Problem(spelled(fault.path), fault.line, fault.column, fault.text) for fault in faults]
    if root is not None:
        problems += [Problem(spelled(f.path), *_position(root, f.path, f.on_key), f.text) for f in flaws]
    return sorted(set(problems), key=lambda found: (found.line, found.column, found))


def line_of(path: Path, key: Sequence[str]) -> int:
    """The line of a configuration where a key stands, or where it belongs. Raises ConfigError."""
    root, _ = parse(text_of(path, "give the path of the village's configuration"))
    return 1 if root is None else _position(root, tuple(key), on_key=True)[0]


def password_file(site: Site, config: Path | str) -> Path | None:
    """Where the broker's password lies: a relative path is meant from the folder of the configuration file."""
    named = site.mqtt.password_file
    return None if named is None else Path(config).absolute().parent / named


def token_file(site: Site, config: Path | str) -> Path | None:
    """Where the InfluxDB's token lies, likewise."""
    named = None if site.influx is None else site.influx.token_file
    return None if named is None else Path(config).absolute().parent / named


def text_of(path: Path, remedy: str) -> str:
    """The text in the file; `remedy` says what to do if there is none. Raises ConfigError."""
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except FileNotFoundError:
        reason = f"there is no such file; {remedy}"
    except IsADirectoryError:
        reason = "this is a folder; give the file in it"
    except PermissionError:
        reason = "the file may not be read; run as its owner, or give this user the right with chmod or chgrp"
    except (OSError, ValueError) as error:
        reason = f"the file cannot be read ({error}); check the path and the card it lies on"
    else:
        return _decoded(raw, str(path))
    raise ConfigError(str(path), [Problem("", 1, 1, reason)])


def _decoded(raw: bytes, name: str) -> str:
    if len(raw) > LARGEST:
        reason = f"the file is larger than {LARGEST // 1024} KiB; this is no village's configuration, give another file"
        raise ConfigError(name, [Problem("", 1, 1, reason)])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8", "replace")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        reason = "this is not UTF-8 text; save the file with the encoding UTF-8"
        raise ConfigError(name, [Problem("", line, column, reason)]) from None


def _position(root: Node, path: tuple[str | int, ...], on_key: bool) -> tuple[int, int]:
    """Where a person should look: the value if it is there and short, else its key, else the block that lacks it."""
    node, place = root, (root.line, root.column)
    for part in path:
        inside = node.value
        if isinstance(inside, dict) and part in inside:
            key, node = inside[str(part)]
            place = key.line, key.column
        elif isinstance(inside, list) and isinstance(part, int) and part < len(inside):
            node = inside[part]
            place = node.line, node.column
        else:
            return place
    if on_key or node.value is None or isinstance(node.value, dict | list):
        return place
    return node.line, node.column
