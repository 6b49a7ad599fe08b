"""Puts a backup back: checks all of it first, lays it ready beside what it replaces, then puts it there, or nothing."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from edge.core.values import Moment
from edge.shell import archive
from edge.shell.archive import BackupError, Entry, Manifest, Progress, Reader, quiet
from edge.shell.files import private, sync_folder
from edge.shell.putting import Plan, new_of, ours, remove_new, steps, there
from edge.shell.restored import renew
from edge.shell.state_dir import lock

SPARE = 16 << 20  # bytes that stay free on the card
SIDE_FILES = ("-wal", "-shm", ".aid", ".head")  # what is beside a database and true of it alone


@dataclass(frozen=True, slots=True)
class Where:
    """Where a backup is put: the state directory and the configuration file, None where they came from; and what stands
    for the root of the rest."""

    state: Path | None = None
    config: Path | None = None
    root: Path = Path("/")


class _Place(NamedTuple):
    state: Path
    config: Path
    root: Path
    fresh: dict[str, Path]  # folders that were not there, by their name in the backup


@dataclass(slots=True)
class Restored:
    """What came of it: where what was there before lies now, and what a person should know."""

    manifest: Manifest
    asides: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def verify(file: Path, folder: Path, progress: Progress = quiet) -> Manifest:
    """Read a whole backup and check all of it; `folder` is where its databases are unpacked for that, each in its turn.
    Raises BackupError and OSError."""
    with closing(Reader(file)) as reader:
        _known(reader.manifest)
        for member, content in reader.members(progress):
            name = PurePosixPath(member.name).name
            copy = folder / name if name in archive.DATABASES else Path(os.devnull)
            with copy.open("wb") as out:
                out.writelines(content)
            if name in archive.DATABASES:
                _sound(member.name, copy)
                copy.unlink()
        return reader.manifest


def restore(
    file: Path, where: Where, moment: Moment, *, force: bool = False, progress: Progress = quiet
) -> Restored:
    """Put everything in place. `force`: also in the place of what is there.

    Raises BackupError and StateUnusable; then nothing has changed, or a plan is left that the next call carries out.
    """
    with closing(Reader(file)) as reader:
        manifest = reader.manifest
        _known(manifest)
        place = _place_of(manifest, where)
        made = _missing(place.state)
        handle = lock(place.state)
        try:
            restored = _restore(reader, place, moment, force, progress)
            made = None
        except (OSError, sqlite3.Error) as error:
            raise BackupError(_told(error)) from None
        finally:
            os.close(handle)
            if made is not None:
                _remove_empty(place.state, made)
    return restored


def _place_of(manifest: Manifest, where: Where) -> _Place:
    state = (where.state or Path(manifest.state)).resolve()
    config = (where.config or Path(manifest.config)).absolute()
    fresh = {name: path for name, path in (("state", state), ("config", config.parent)) if _is_fresh(path)}
    return _Place(state, config, where.root.absolute(), fresh)


def _restore(reader: Reader, where: _Place, moment: Moment, force: bool, progress: Progress) -> Restored:
    manifest, mark = reader.manifest, f"{reader.manifest.made_at} {reader.manifest.members[0].sha256}"
    if (left := Plan.found(where.state)) is not None:
        left.carry_out()
        if left.backup == mark:
            return Restored(manifest, left.asides(), ["a restore that was cut short is done to its end now"])
    units = _units(manifest, where)
    olds = [path for path in [*units.values(), *_leaving(where.state, units)] if there(path)]
    if olds and not force:
        told = ", ".join(map(str, olds[:4])) + (" and more" if len(olds) > 4 else "")
        raise BackupError(f"{told} stand there already: with --force they are kept aside, and these put in their place")
    _room(manifest, where)
    with _ready(units.values()) as notes:
        _unpack(reader, units, where.fresh, notes, progress)
        journal = new_of(where.state / "journal.db")
        replaced = where.state / "journal.db"
        notes.extend(renew(journal, manifest.made_at, moment, replaced if replaced.exists() else None))
        _sync(journal)
        for folder in sorted({new_of(target).parent for target in units.values()}):
            for inside, _, _ in os.walk(folder):
                sync_folder(Path(inside))
        plan = Plan(where.state, mark, steps(units.values(), _leaving(where.state, units)))
        plan.write()
    plan.carry_out()
    return Restored(manifest, plan.asides(), notes)


def _known(manifest: Manifest) -> None:
    for name, schema in manifest.schemas.items():
        if name in archive.DATABASES and schema > (newest := archive.newest_schema(name)):
            raise BackupError(
                f"its {name} has the schema {schema}, this version knows {newest}: install village-edge"
                f" {manifest.version} or newer first"
            )


def _units(manifest: Manifest, where: _Place) -> dict[str, Path]:
    """What is put in place by a rename each, by its name in the backup: the files of the state directory, what lies
    directly in the configuration's folder, and each of the further paths."""
    found: dict[str, Path] = {}
    further = {f"also{path}": where.root / path.lstrip("/") for path in manifest.also}
    names = [entry.name for entry in [*manifest.members, *manifest.folders]]
    for path in map(PurePosixPath, names):
        if path.parts[0] == "also":
            unit = next((name for name in (str(path), *map(str, path.parents)) if name in further), None)
            if unit is not None:
                found[unit] = further[unit]
        elif len(path.parts) > 1:
            unit = "/".join(path.parts[:2])
            is_config = unit == f"config/{Path(manifest.config).name}"
            folder = where.state if path.parts[0] == "state" else where.config.parent
            found[unit] = where.config if is_config else folder / path.parts[1]
    # A database's folder is the controller's own: what it can finish by itself comes first.
    ordered = sorted(found.items(), key=lambda item: not item[0].startswith("state/"))
    if len(set(found.values())) < len(found):
        raise BackupError(f"{where.config} and another file of the backup would be one: give it another name")
    return dict(ordered)


def _leaving(state: Path, units: dict[str, Path]) -> list[Path]:
    """What must not stay beside the new databases."""
    sides = [state / f"{name}{side}" for name in archive.DATABASES for side in SIDE_FILES]
    olds = [state / name for name in archive.STATE_FILES if f"state/{name}" not in units]
    return [path for path in [*sides, *olds] if there(path)]


def _room(manifest: Manifest, where: _Place) -> None:
    """Raises BackupError where the backup does not fit beside what is there."""
    needed: dict[int, tuple[int, Path]] = {}
    tops = {"state": where.state, "config": where.config.parent, "also": where.root}
    for member in manifest.members:
        path = _existing(tops[member.name.partition("/")[0]])
        device = path.stat().st_dev
        needed[device] = (needed.get(device, (0, path))[0] + member.size, path)
    for size, path in needed.values():
        free = shutil.disk_usage(path).free
        if size + SPARE > free:
            raise BackupError(f"{size >> 20} MiB go to {path}, where {free >> 20} MiB are free: make room first")


@contextmanager
def _ready(targets: Collection[Path]) -> Iterator[list[str]]:
    """Folders beside the targets in which everything is made ready; gone again if that fails."""
    made = [(target.parent, top) for target in targets if (top := _missing(target.parent)) is not None]
    remove_new(targets)  # by one that was killed
    try:
        for target in targets:
            target.parent.mkdir(parents=True, exist_ok=True)
            new_of(target).parent.mkdir(mode=0o700, exist_ok=True)
        yield []
    except BaseException:
        remove_new(targets)
        for folder, top in made:
            _remove_empty(folder, top)
        raise


def _unpack(
    reader: Reader, units: dict[str, Path], fresh: dict[str, Path], notes: list[str], progress: Progress
) -> None:
    """Everything into its place beside its target, each file checked, with its mode and its owner."""
    manifest = reader.manifest
    strangers: set[str] = set()
    folders = [(entry, path) for entry in manifest.folders if (path := _place(entry.name, units)) is not None]
    for _, path in folders:
        path.mkdir(mode=0o700, parents=True)
    for member, content in reader.members(progress):
        path = _place(member.name, units)
        if path is None:
            raise BackupError(f"{member.name} belongs nowhere: take another backup")
        with private(path) as out:
            out.writelines(content)
            out.flush()
            os.fsync(out.fileno())
        if PurePosixPath(member.name).name in archive.DATABASES and member.name.startswith("state/"):
            _sound(member.name, path)
        _own(path, member, strangers)
    folders += [(entry, fresh[entry.name]) for entry in manifest.folders if entry.name in fresh]
    for entry, path in reversed(folders):
        _own(path, entry, strangers)
    if strangers:
        notes.append(f"this machine knows no {', '.join(sorted(strangers))}: what was theirs is now root's")


def _place(name: str, units: dict[str, Path]) -> Path | None:
    """Where a member is made ready; None for the folders that units lie in."""
    for parent in (name, *map(str, PurePosixPath(name).parents)):
        if parent in units:
            return new_of(units[parent]) / name[len(parent) + 1 :]
    return None


def _sound(name: str, copy: Path) -> None:
    if (why := archive.flaw(copy)) is not None:
        raise BackupError(f"{name} is no whole database ({why}): take another backup")


def _own(path: Path, entry: Entry, strangers: set[str]) -> None:
    if os.geteuid() == 0:
        uid = gid = -1
        try:
            uid = int(entry.user) if entry.user.isdecimal() else pwd.getpwnam(entry.user).pw_uid
        except KeyError:
            strangers.add(f"user {entry.user}")
        try:
            gid = int(entry.group) if entry.group.isdecimal() else grp.getgrnam(entry.group).gr_gid
        except KeyError:
            strangers.add(f"group {entry.group}")
        os.chown(path, uid, gid)
    path.chmod(entry.mode & 0o1777)  # no program in a backup runs as another user


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _existing(path: Path) -> Path:
    return path if path.exists() else _existing(path.parent)


def _is_fresh(folder: Path) -> bool:
    """Whether there is nothing there but what a restore that was killed may have made."""
    return not folder.exists() or all(ours(path.name) for path in folder.iterdir())


def _missing(folder: Path) -> Path | None:
    """The topmost folder that has to be made for `folder`; None: it is there."""
    missing = None
    while not folder.exists():
        missing, folder = folder, folder.parent
    return missing


def _remove_empty(folder: Path, top: Path) -> None:
    """Take away the folders from `folder` up to `top`, as far as they are empty."""
    while folder == top or top in folder.parents:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent


def _told(error: OSError | sqlite3.Error) -> str:
    if isinstance(error, sqlite3.Error):
        return f"the journal of the backup cannot be made ready ({error}): nothing was changed"
    return f"{error.filename or ''}: {error.strerror or error}: run as root, and see that there is room".lstrip(": ")
