"""The registry of a broker's users, users.json, and what else the broker directory keeps in files that people may read.

A file with errors is refused with all of them at once, by line and column, and is never written over.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import Field

from edge.access.hashes import HASH
from edge.access.rights import PERSONS, ROLES
from edge.core.site_base import Block
from edge.core.site_checks import Flaw, spelled
from edge.core.site_reading import read_block
from edge.core.site_terms import Id, Name, Term, Wrong, read_id, shown, text
from edge.shell.site_file import LARGEST as LONG
from edge.shell.site_file import ConfigError, Problem, problems_of, text_of
from edge.shell.yaml_nodes import parse, plain

_B = TypeVar("_B", bound=Block)
EVERY = "*"  # in the place of a site: all of a district's


def _read_hash(value: object) -> str:
    if isinstance(value, str) and HASH.fullmatch(value):
        return value
    raise Wrong(f"{shown(value)} is no hash of a token; take the user out, and let him in again with village-edge pair")


def _read_site(value: object) -> str:
    return EVERY if value == EVERY else read_id(value)


Hash = Annotated[str, Term(_read_hash, {"type": "string"})]
Site = Annotated[str, Term(_read_site, {"type": "string"})]
Role = Literal["head", "technician", "viewer", "district", "controller", "bridge"]
Stamp = Annotated[str, text(32)]


class Person(Block):
    """One user of the broker. `hash` None: a phone of this village that enters at the district's broker, not here."""

    name: Name
    role: Role
    sites: Annotated[list[Site], Field(min_length=1)]
    made_at: Stamp
    hash: Hash | None

    @property
    def of(self) -> str:
        """Whose village's, for people."""
        return "every village" if self.sites == [EVERY] else ", ".join(self.sites)


class Former(Block):
    """One who was let in once; nobody else gets his id. `far`: he entered at the district's broker."""

    name: Name
    role: Role
    sites: Annotated[list[Site], Field(min_length=1)]
    made_at: Stamp
    gone_at: Stamp
    far: bool = False


class Registry(Block):
    """Everybody, by id."""

    users: dict[Id, Person] = Field(default_factory=dict)
    former: dict[Id, Former] = Field(default_factory=dict)

    def taken(self) -> set[str]:
        """The ids that nobody else may get."""
        return {*self.users, *self.former}


class Entry(Block):
    """A user on the way to the district's broker. It has no token; who holds it can let nobody in but by its hash."""

    user: Id
    name: Name
    role: Literal["head", "technician", "viewer", "bridge"]
    site: Id
    made_at: Stamp
    hash: Hash | None
    instead_of: Id | None = None


def read(form: type[_B], path: Path, remedy: str) -> _B:
    """The file at `path` in that form; `remedy`: what to do if there is none. Raises ConfigError with every error."""
    good, flaws = _read_at_once(form, path)
    if good is not None:
        return good
    if flaws and path.stat().st_size > LONG:
        raise ConfigError(str(path), [Problem(spelled(flaw.path), 1, 1, flaw.text) for flaw in flaws])
    root, faults = parse(text_of(path, remedy), remedy)
    found, flaws = (None, []) if root is None else read_block(form, plain(root))
    if found is None or faults or flaws:
        raise ConfigError(str(path), problems_of(root, faults, flaws))
    return found


def _read_at_once(form: type[_B], path: Path) -> tuple[_B | None, list[Flaw]]:
    """What is good JSON. All else is read anew, node by node, for its lines; a district's file is too long for that."""
    try:
        data = json.loads(path.read_text("utf-8"), object_pairs_hook=_each_once)
    except OSError:
        return None, []
    except (ValueError, RecursionError) as error:
        return None, [Flaw((), f"this is no JSON ({error}); mend it there")]
    return read_block(form, data)


def _each_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found


def written(block: Block) -> bytes:
    """The block as its file has it."""
    return (json.dumps(block.model_dump(), ensure_ascii=False, indent=1) + "\n").encode("utf-8")


assert set(ROLES) >= set(PERSONS)
