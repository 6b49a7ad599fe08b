"""Tariff files -> tariffs, or every error in them at once with line and column.

A tariff's id is the name of its file. Those in the folder tariffs/ beside the configuration stand in place of those
that come with the program. One with errors costs nothing but the money: energy is counted all the same.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection
from pathlib import Path

from edge.core.site import Site
from edge.core.site_terms import ID_PATTERN
from edge.core.tariffs import Tariff, read_tariff
from edge.shell.site_file import ConfigError, Problem, problems_of, tariff_paths, text_of
from edge.shell.yaml_nodes import parse, plain

log = logging.getLogger(__name__)


def load_tariff(path: Path) -> Tariff:
    """The tariff in the file at `path`. Raises ConfigError."""
    text = text_of(path, "give the path of a tariff")
    root, faults = parse(text, "begin with name: as config/tariffs/household.yaml does")
    tariff, flaws = (None, []) if root is None else read_tariff(plain(root))
    if tariff is None or faults or flaws:
        raise ConfigError(str(path), problems_of(root, faults, flaws))
    return tariff


def tariffs(config: Path | str | None, wanted: Collection[str]) -> dict[str, Tariff]:
    """Those of the tariffs `wanted` (ids) that there are, for the configuration file `config`; None: only those that
    come with the program. The log says what is wrong with the others."""
    paths = tariff_paths(config)
    found: dict[str, Tariff] = {}
    for name in wanted:
        if name not in paths:
            log.error("there is no tariff %s: what it would cost is not reckoned", name)
            continue
        try:
            found[name] = load_tariff(paths[name])
        except ConfigError as error:
            log.error("a tariff has errors, what it would cost is not reckoned:\n%s", error)
    return found


def wanted_by(site: Site) -> list[str]:
    """The ids of the tariffs that the meters name, each once, in the order of the file."""
    return list(dict.fromkeys(meter.tariff for meter in site.meters.values() if meter.tariff is not None))


def broken_tariffs(config: Path | str) -> list[ConfigError]:
    """What is wrong with any tariff file that the configuration file `config` could name, its own first."""
    found = [
        ConfigError(str(path), [Problem("", 1, 1, "no meter can name this file; rename it to an id and .yaml such as "
                                                  "our-price.yaml: a-z, 0-9 and -, at most 32 of them")])
        for path in sorted((Path(config).absolute().parent / "tariffs").glob("*.y*ml"))
        if path.suffix != ".yaml" or not re.fullmatch(ID_PATTERN, path.stem, re.ASCII)
    ]  # fmt: skip
    for path in reversed(tariff_paths(config).values()):
        try:
            load_tariff(path)
        except ConfigError as error:
            found.append(error)
    return found
