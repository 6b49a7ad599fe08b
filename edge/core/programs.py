"""The programs in force: the configuration file's, and those that people have put in their place since.

The file seeds them, each with rev 1. A program that was put is the journal's until it equals the file's again. The rev
of a program grows with each change, also with one that is found in the file at a start, and is never used again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from edge.core import topics
from edge.core.events import Effect, Persist
from edge.core.program_words import plain
from edge.core.site import ClimateProgram, IrrigationProgram, LightProgram, Program, Site
from edge.core.site_checks import Flaw, Path, spelled
from edge.core.site_reading import read_program
from edge.core.values import ModelInfo, Moment, Row

MOST_PROGRAMS = 100  # with those that are put beside the file's
MOST_FLAWS = 100  # told at once: more come of no person's mistakes
MOST_CHANGES = 20  # told in the audit
THE_FILE = ""  # in the journal, the user whose program is the file's


@dataclass(frozen=True, slots=True)
class InForce:
    """One program, and `body`: it in the words of the file. `user` put it at `at` (Unix s); both None: the file did."""

    program: Program
    body: Mapping[str, object]
    rev: int
    user: str | None = None
    at: float | None = None


@dataclass(frozen=True, slots=True)
class Put:
    """What came of a put: the program's `rev` and the one before, 0 if there was none.

    `changed`: key path -> value before and after, in the words of the file; None where there is none. `effects` keep
    it; there are none if it changed nothing.
    """

    program: Program
    rev: int
    before: int
    changed: Mapping[str, object] = field(default_factory=dict)
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """A put without effect: a code of topics.CODES, a text with the remedy, and what else helps."""

    code: str
    text: str
    more: Mapping[str, object] = field(default_factory=dict)


def read_in_place(
    body: object, name: str, site: Site, catalogue: Mapping[str, ModelInfo]
) -> tuple[Program | None, list[Flaw]]:
    """The program in `body` as the file of `site` may have it under `name`; or None and every flaw."""
    other = site.programs.get(name)
    if other is not None and (wrong := _of_another_kind(body, name, other)):
        return None, wrong
    return read_program(body, name, site, catalogue)


def _of_another_kind(body: object, name: str, present: Program) -> list[Flaw]:
    """Who follows a program by its name, and what was kept of it, need one of the same kind."""
    kind = body.get("kind") if isinstance(body, Mapping) else None
    if kind == present.kind or kind not in ("light", "irrigation", "climate"):
        return []
    return [Flaw(("kind",), f"{name} is a program of kind {present.kind}; choose another id")]


class Programs:
    """The programs in force, by id: the file's in its order, then those that are only in the journal.

    `light`, `irrigation` and `climate` give one mapping each, always the same one, which follows every put.
    """

    def __init__(self, site: Site, catalogue: Mapping[str, ModelInfo], kept: Mapping[str, Row], used: int = 0) -> None:
        """`kept`: the journal's rows. One that cannot stand gives way to the file's; `unreadable` says why.

        `used`: no rev up to it is given to anything new.
        """
        self.unreadable: dict[str, str] = {}
        self._site = site
        self._catalogue = catalogue
        self._used = used
        self._file = site.programs
        self._revs = {name: _rev(row) for name, row in kept.items()}  # the last of each id that ever was
        self._unkept: list[str] = []  # the file's whose row in the journal says something else
        self._in_force: dict[str, InForce] = {}
        self._light: dict[str, LightProgram] = {}
        self._irrigation: dict[str, IrrigationProgram] = {}
        self._climate: dict[str, ClimateProgram] = {}
        for name in [*self._file, *(name for name in kept if name not in self._file)]:
            found = self._found(name, kept.get(name))
            if found is not None:
                self._set(name, found)

    def start(self, moment: Moment) -> list[Effect]:
        """Keep the file's programs, so that a change of the file is known as one at the next start."""
        return [self._persist(name, moment) for name in self._unkept]

    def light(self) -> dict[str, LightProgram]:
        """The light programs, by id."""
        return self._light

    def irrigation(self) -> dict[str, IrrigationProgram]:
        """The irrigation programs, by id."""
        return self._irrigation

    def climate(self) -> dict[str, ClimateProgram]:
        """The climate programs, by id."""
        return self._climate

    def about(self) -> list[dict[str, object]]:
        """The `programs` of `<root>/about`."""
        return [{"id": name, "kind": f.program.kind, "rev": f.rev} for name, f in self._in_force.items()]

    def listed(self) -> list[dict[str, object]]:
        """Each program in the words of the file, with its rev and who put it when."""
        return [
            {
                "program": name, "rev": found.rev, "by": found.user,
                "at": None if found.at is None else topics.rfc3339(found.at), "body": found.body,
            }
            for name, found in self._in_force.items()
        ]

    def put(self, name: str, body: object, rev: int, user: str, moment: Moment) -> Put | Refused:
        """Put `body`, in the words of the file, in the place of the program that was read at `rev`; 0: a new one."""
        present = self._in_force.get(name)
        if (refused := self._stale(name, present, rev)) is not None:
            return refused
        if present is not None and (wrong := _of_another_kind(body, name, present.program)):
            return _bad(wrong)
        program, flaws = self._read(name, body)
        if program is None:
            return _bad(flaws)
        if present is not None and program == present.program:
            return Put(program, present.rev, present.rev)
        before = {} if present is None else plain(present.program)
        now = self._next(self._revs.get(name, 0))
        is_the_files = program == self._file.get(name)
        by, at = (None, None) if is_the_files else (user, moment.wall)
        self._set(name, InForce(program, body if isinstance(body, Mapping) else {}, now, by, at))
        self.unreadable.pop(name, None)
        return Put(program, now, rev, _changes(before, plain(program)), (self._persist(name, moment, tell=True),))

    def _set(self, name: str, found: InForce) -> None:
        self._in_force[name] = found
        self._revs[name] = found.rev
        match found.program:
            case LightProgram() as light:
                self._light[name] = light
            case IrrigationProgram() as irrigation:
                self._irrigation[name] = irrigation
            case ClimateProgram() as climate:
                self._climate[name] = climate

    def _stale(self, name: str, present: InForce | None, rev: int) -> Refused | None:
        if present is None:
            if rev:
                return Refused("unknown-program", f"there is no program {name}; to make it, put it with rev 0")
            if len(self._in_force) >= MOST_PROGRAMS:
                flaw = Flaw((), f"there are {MOST_PROGRAMS} programs already; put this in the place of one of them")
                return _bad([flaw])
            return None
        if rev == present.rev:
            return None
        whose = f", put by {present.user}" if present.user else ""
        text = f"{name} has rev {present.rev}{whose}, not {rev}: read it again, and change that"
        return Refused("conflict", text, {"rev": present.rev})

    def _found(self, name: str, row: Row | None) -> InForce | None:
        """What is in force under an id at a start."""
        files = self._file.get(name)
        if row is None:
            return None if files is None else self._the_files(name, files, self._next(0))
        program, body, flaws = self._kept(name, row)
        new = self._next(_rev(row))
        if row["user"] == THE_FILE:
            if files is None:
                return None
            return InForce(files, body, _rev(row)) if program == files else self._the_files(name, files, new)
        if files is not None and _of_another_kind(body, name, files):
            return self._the_files(name, files, new)  # whoever made it one of another kind wanted that
        if program is None:
            # The row stays as it is: whoever can read it, or mends what it lacks, has it back.
            self.unreadable[name] = "; ".join(f"{spelled(('programs', name, *f.path))}: {f.text}" for f in flaws[:3])
            self._revs[name] = new
            return None if files is None else InForce(files, plain(files), new)
        if program == files:
            return self._the_files(name, files, _rev(row))
        return InForce(program, body, _rev(row), str(row["user"]), float(row["at"] or 0))

    def _next(self, rev: int) -> int:
        return max(rev, self._used) + 1

    def _the_files(self, name: str, program: Program, rev: int) -> InForce:
        self._unkept.append(name)
        return InForce(program, plain(program), rev)

    def _kept(self, name: str, row: Row) -> tuple[Program | None, dict[str, object], list[Flaw]]:
        try:
            body = json.loads(str(row["body"]))
        except (ValueError, RecursionError):
            return None, {}, [Flaw((), "this is not JSON any more; put the program again")]
        program, flaws = self._read(name, body)
        return program, body, flaws

    def _read(self, name: str, body: object) -> tuple[Program | None, list[Flaw]]:
        return read_in_place(body, name, self._site, self._catalogue)

    def _persist(self, name: str, moment: Moment, tell: bool = False) -> Persist:
        found = self._in_force[name]
        row: Row = {
            "rev": found.rev, "body": topics.encode(found.body).decode(), "user": found.user or THE_FILE,
            "at": moment.wall,
        }
        return Persist(("programs", name), row, tell)


def _rev(row: Row) -> int:
    return int(row["rev"] or 0)


def _bad(flaws: list[Flaw]) -> Refused:
    told = [{"path": spelled(flaw.path), "text": flaw.text} for flaw in flaws[:MOST_FLAWS]]
    more = f", of which {MOST_FLAWS} are told here" if len(flaws) > MOST_FLAWS else ""
    first = f"{told[0]['path']}: {told[0]['text']}".removeprefix(": ")
    text = first if len(flaws) == 1 else f"{len(flaws)} errors{more}; the first is {first}"
    return Refused("bad-program", text, {"flaws": told})


def _changes(before: object, after: object) -> dict[str, object]:
    """Every value that differs, by its key path, as [before, after]; the first of them if there are many."""
    old, new = dict(_leaves(before)), dict(_leaves(after))
    paths = [path for path in {**old, **new} if old.get(path) != new.get(path)]
    found: dict[str, object] = {spelled(path): [old.get(path), new.get(path)] for path in paths[:MOST_CHANGES]}
    return found | ({"more": len(paths) - MOST_CHANGES} if len(paths) > MOST_CHANGES else {})


def _leaves(value: object, path: Path = ()) -> Iterator[tuple[Path, object]]:
    if isinstance(value, Mapping):
        for key, inside in value.items():
            yield from _leaves(inside, (*path, key))
    elif isinstance(value, list):
        for i, inside in enumerate(value):
            yield from _leaves(inside, (*path, i))
    else:
        yield path, value
