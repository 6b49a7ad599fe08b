"""Makes a backup: everything that makes this controller this village's, in one file, while the controller runs."""

from __future__ import annotations

import fcntl
import grp
import hashlib
import os
import pwd
import re
import shutil
import sqlite3
import stat
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from edge.core.values import Moment
from edge.shell import archive
from edge.shell.archive import BackupError, Entry, Manifest, Member, Progress, Reader, Source, quiet
from edge.shell.files import private, sync_folder
from edge.shell.history_file import connect_readonly
from edge.shell.putting import ours
from edge.shell.yaml_nodes import parse, plain
from edge.typed import ID

MOST_BYTES = 256 << 20  # of everything but the databases
PIECE = 256  # pages of a database that are copied at once: 1 MiB
PART = ".village-edge-backup"  # what is not done yet, beside the backup
DATED = "village-edge-{site}-{stamp}.tar.gz"
OUTSIDE = (("mqtt", "password_file"), ("influx", "token_file"))  # what a configuration names outside its folder


@dataclass(frozen=True, slots=True)
class Sources:
    """Where everything is: the state directory, the configuration, and further files or folders."""

    state: Path
    config: Path
    also: Sequence[Path] = ()


@dataclass(slots=True)
class _Found:
    """What goes into a backup, as it is found."""

    folders: list[Entry] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    plain_bytes: int = 0  # of everything but the databases

    def folder(self, name: str, path: Path) -> None:
        """This folder, without what is in it."""
        self.folders.append(_owned(name, path.stat()))

    def file(self, name: str, path: Path, like: Path | None = None) -> None:
        """The content of a file; `like`: the one whose mode and owner it gets."""
        digest, size = hashlib.sha256(), 0
        with path.open("rb") as file:
            while piece := file.read(archive.CHUNK):
                digest.update(piece)
                size += len(piece)
        about = _owned(name, (like or path).stat()).model_dump()
        self.members.append(Member(**about, size=size, sha256=digest.hexdigest()))
        self.sources.append(lambda: path.open("rb"))
        self.plain_bytes += size if like is None else 0
        if len(self.members) > archive.MOST_FILES or self.plain_bytes > MOST_BYTES:
            raise BackupError(
                f"{path} is too much: {len(self.members)} files of {self.plain_bytes >> 20} MiB beside the databases;"
                " is the configuration in a folder of its own?"
            )

    def tree(self, name: str, top: Path, skip: set[Path]) -> None:
        """A folder with all that is in it, but for what cannot be kept: sockets, devices, links to folders."""
        self.folder(name, top)
        for path in sorted(top.iterdir()):
            if ours(path.name) or path.name == PART or path.resolve() in skip:
                continue
            if path.is_dir() and not path.is_symlink():
                self.tree(f"{name}/{path.name}", path, skip)
            elif path.is_file():
                self.file(f"{name}/{path.name}", path)
            else:
                self.passed_over.append(str(path))


def back_up(
    file: Path, sources: Sources, moment: Moment, progress: Progress = quiet
) -> tuple[Manifest, list[str]]:
    """Write the backup `file`, read it once more, and put it in the place of one of that name.

    Returns what it holds, and what was passed over. Raises BackupError; then `file` is as it was.
    """
    if not sources.config.is_file():
        raise BackupError(f"{sources.config} is not there: name the village's configuration with --config")
    if not (sources.state / "journal.db").is_file():
        raise BackupError(f"there is no journal.db in {sources.state}: name the state directory with --state")
    try:
        with _part(file) as part:
            found = _Found()
            schemas = _state(found, sources.state, part, progress)
            also = _rest(found, sources, file)
            manifest = Manifest(
                product="village-edge", format=1, version=version("village-edge"), made_at=moment.wall,
                trusted=moment.trusted, site=site_of(sources.config), state=str(sources.state.resolve()),
                config=str(sources.config.absolute()), also=also, schemas=schemas, folders=found.folders,
                members=found.members,
            )  # fmt: skip
            new = part / "new"
            with private(new) as out:
                archive.write(out, manifest, found.sources, progress)
                out.flush()
                os.fsync(out.fileno())
            with closing(Reader(new)) as reader:
                for _, content in reader.members(progress):
                    for _ in content:
                        pass
            new.replace(file)
            sync_folder(file.parent)
    except (OSError, sqlite3.Error) as error:
        raise BackupError(_told(error, file)) from None
    return manifest, found.passed_over


def site_of(config: Path) -> str:
    """The village's id as the file has it, also where the file has errors; `village` where it has none."""
    place = _at(_read(config), "site", "id")
    return place if isinstance(place, str) and ID.fullmatch(place) else "village"


def dated(folder: Path, site: str, stamp: str) -> Path:
    """The name of a backup in `folder`; `stamp`: YYYYMMDDTHHMMSSZ."""
    return folder / DATED.format(site=site, stamp=stamp)


def thin_out(folder: Path, site: str, keep: int, newest: Path) -> list[Path]:
    """Remove the oldest dated backups of the village until `keep` (at least 1) are left; `newest` stays. Raises
    BackupError."""
    pattern = re.compile(re.escape(DATED.format(site=site, stamp="@")).replace("@", r"\d{8}T\d{6}Z"))
    others = sorted(p for p in folder.iterdir() if pattern.fullmatch(p.name) and p.is_file() and p != newest)
    gone = others[: max(len(others) - (keep - 1), 0)]
    try:
        for path in gone:
            path.unlink()
    except OSError as error:
        raise BackupError(f"{path} cannot be removed ({error.strerror}): remove it yourself") from None
    return gone


@contextmanager
def _part(file: Path) -> Iterator[Path]:
    """An empty folder beside the backup, for as long as it is made."""
    part = file.parent / PART
    part.mkdir(mode=0o700, exist_ok=True)
    handle = os.open(part, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BackupError(f"another backup is being made in {file.parent}: wait for it") from None
        for left in part.iterdir():  # by one that was killed
            left.unlink()
        yield part
        shutil.rmtree(part)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    finally:
        os.close(handle)


def _state(found: _Found, state: Path, part: Path, progress: Progress) -> dict[str, int]:
    """What the state directory has; the schemas of its databases."""
    schemas = {}
    found.folder("state", state)
    # The history first: the journal, copied later, so knows every sequence that it may hold.
    for name in reversed(archive.DATABASES):
        if (state / name).exists():
            schemas[name] = _copy(state / name, part / name, progress)
            found.file(f"state/{name}", part / name, like=state / name)
    for name in archive.STATE_FILES:
        if name not in archive.DATABASES and (state / name).is_file():
            found.file(f"state/{name}", state / name)
    return schemas


def _copy(database: Path, copy: Path, progress: Progress) -> int:
    """A whole copy of one moment, while others write to the database; its schema. Raises BackupError, sqlite3.Error."""
    with (
        closing(connect_readonly(database)) as db,
        closing(sqlite3.connect(copy)) as to,
    ):
        db.execute("BEGIN")  # one picture for all pieces: who writes meanwhile neither waits nor makes it begin again
        schema: int = db.execute("PRAGMA user_version").fetchone()[0]
        db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        db.backup(to, pages=PIECE, progress=lambda _, left, of: progress(database.name, of - left, of))
    if why := archive.flaw(copy):
        raise BackupError(f"{database} is damaged ({why}): start the controller, which saves what can be read")
    if not 1 <= schema <= archive.newest_schema(database.name):
        raise BackupError(f"{database} has the schema {schema}, which this version does not know: use the newer one")
    return schema


def _rest(found: _Found, sources: Sources, file: Path) -> list[str]:
    """The configuration's folder and the further paths; these, as the manifest names them."""
    skip = {sources.state.resolve(), file.resolve(), *_dated_folder(sources, file)}
    found.tree("config", sources.config.absolute().parent, skip)
    also: list[str] = []
    for path in [*map(_absolute, sources.also), *_named_outside(sources.config)]:
        if any(Path(other) in (path, *path.parents) for other in also):
            continue
        name = f"also{path}"
        if path.is_dir():
            found.tree(name, path, skip)
        elif path.is_file():
            found.file(name, path)
        else:
            raise BackupError(f"{path} is not there: leave it out, or name what is")
        also.append(str(path))
    return also


def _dated_folder(sources: Sources, file: Path) -> set[Path]:
    """Backups that lie in a folder within the configuration's are not backed up."""
    folder = file.absolute().parent
    return {folder.resolve()} if folder.resolve() != sources.config.absolute().parent.resolve() else set()


def _named_outside(config: Path) -> Iterator[Path]:
    """Files with secrets that the configuration names and that lie outside its folder."""
    folder = config.absolute().parent
    told = _read(config)
    for block, key in OUTSIDE:
        if isinstance(named := _at(told, block, key), str):
            path = _absolute(folder / named)
            if folder not in path.parents and path.is_file():
                yield path


def _absolute(path: Path) -> Path:
    return Path(os.path.normpath(path.absolute()))


def _read(config: Path) -> object:
    try:
        root, _ = parse(config.read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        return None
    return None if root is None else plain(root)


def _at(told: object, *keys: str) -> object:
    for key in keys:
        told = told.get(key) if isinstance(told, dict) else None
    return told


def _owned(name: str, of: os.stat_result) -> Entry:
    try:
        user = pwd.getpwuid(of.st_uid).pw_name
    except KeyError:
        user = str(of.st_uid)
    try:
        group = grp.getgrgid(of.st_gid).gr_name
    except KeyError:
        group = str(of.st_gid)
    return Entry(name=name, mode=stat.S_IMODE(of.st_mode), user=user, group=group)


def _told(error: OSError | sqlite3.Error, file: Path) -> str:
    if isinstance(error, sqlite3.Error):
        full = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
        why = "No space left on device" if full else str(error)
        return f"the databases cannot be copied ({why}): is there room beside {file}, and may this user read them?"
    return f"{error.filename or file}: {error.strerror}: look at its rights, and whether there is room for it"
