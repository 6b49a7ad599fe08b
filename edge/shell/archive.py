"""A backup's form: a gzipped tar (ustar, plain files only) whose first member, manifest.json, says what the others are.

    state/journal.db, state/history.db   whole copies of the databases
    state/safe.json, state/site.yaml     what else the state directory has
    config/…                             the folder of the configuration
    also/etc/mosquitto/…                 further files, by their path from the root
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import sqlite3
import tarfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import IO, Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from edge.shell import history_file, store

FORMAT = 1
PRODUCT = "village-edge"
MANIFEST = "manifest.json"
LARGEST_MANIFEST = 4 << 20  # bytes
MOST_FILES = 5_000
DATABASES = {"journal.db": store.MIGRATIONS, "history.db": history_file.MIGRATIONS}
STATE_FILES = (*DATABASES, "safe.json", "site.yaml")
CHUNK = 1 << 18
BLOCK = tarfile.BLOCKSIZE

Progress = Callable[[str, int, int], None]


class BackupError(Exception):
    """A backup that cannot be made, read or put back; the text says what to do."""


def quiet(what: str, done: int, of: int) -> None:
    """Tell nobody how far it is."""


def _within(name: str) -> str:
    path = PurePosixPath(name)
    room = path.parts[0] if path.parts else ""
    plain = str(path) == name and not path.is_absolute() and ".." not in path.parts and "\0" not in name
    if not plain or room not in ("state", "config", "also"):
        raise ValueError(f"{name!r} leads out of the backup")
    if room == "state" and len(path.parts) > 1 and name not in {f"state/{file}" for file in STATE_FILES}:
        raise ValueError(f"{name!r} is no file of a state directory")
    return name


Name = Annotated[str, AfterValidator(_within)]


class Entry(BaseModel):
    """A folder in a backup, or what a file and a folder have in common."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    name: Name
    mode: Annotated[int, Field(ge=0, le=0o7777)]
    user: str
    group: str


class Member(Entry):
    """A file in a backup: its content's size (bytes) and SHA-256."""

    size: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Manifest(BaseModel):
    """What a backup holds. `made_at`: Unix s, and whether anybody vouched for that time. `state` and `config` are where
    it came from; `also` the further paths that were asked for."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    product: Literal["village-edge"]
    format: Literal[1]
    version: str
    made_at: float
    trusted: bool
    site: str
    state: str
    config: str
    also: list[str]
    schemas: dict[str, int]
    folders: Annotated[list[Entry], Field(max_length=MOST_FILES)]
    members: Annotated[list[Member], Field(max_length=MOST_FILES)]

    def size(self) -> int:
        """Bytes of all files together."""
        return sum(member.size for member in self.members)


Source = Callable[[], IO[bytes]]


def write(file: IO[bytes], manifest: Manifest, sources: Sequence[Source], progress: Progress) -> None:
    """The whole backup; `sources` open the members' contents, in their order. Raises BackupError and OSError."""
    text = manifest.model_dump_json(indent=1).encode()
    told, of = 0, manifest.size()
    with gzip.GzipFile("", "wb", compresslevel=6, fileobj=file, mtime=0) as packed:
        _put(packed, MANIFEST, 0o600, len(text), manifest, io.BytesIO(text))
        for member, source in zip(manifest.members, sources, strict=True):
            with source() as content:
                progress("packing", told, of)
                _put(packed, member.name, member.mode, member.size, manifest, content)
                told += member.size
        packed.write(bytes(2 * BLOCK))


def _put(packed: gzip.GzipFile, name: str, mode: int, size: int, manifest: Manifest, content: IO[bytes]) -> None:
    info = tarfile.TarInfo(name)
    info.mode, info.size, info.mtime = mode, size, int(manifest.made_at)
    try:
        packed.write(info.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict"))
    except ValueError as error:
        raise BackupError(f"{name} cannot be in a backup ({error}): give it a shorter name, or move it away") from None
    left = size
    while left and (piece := content.read(min(CHUNK, left))):
        packed.write(piece)
        left -= len(piece)
    if left or content.read(1):
        raise BackupError(f"{name} was changed meanwhile: try again")
    packed.write(bytes(-size % BLOCK))


class Reader:
    """A backup being read, from the first byte to the last. Nothing that it says is believed unchecked."""

    def __init__(self, path: Path) -> None:
        """Reads the manifest. Raises BackupError."""
        self._path = path
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise BackupError(f"{path}: {error.strerror}: name a backup that can be read") from None
        self._packed = gzip.GzipFile(fileobj=self._file)
        try:
            self.manifest = self._manifest()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._packed.close()
        self._file.close()

    def members(self, progress: Progress = quiet) -> Iterator[tuple[Member, Iterator[bytes]]]:
        """Every file of the manifest with its content, each of which must be read to its end before the next is asked
        for: only then is it known to be good. Raises BackupError."""
        told, of = 0, self.manifest.size()
        for member in self.manifest.members:
            progress("checking", told, of)
            found = self._header()
            if found is None or (found.name, found.size) != (member.name, member.size):
                raise self._altered(f"{member.name} is not in it as the manifest says")
            yield member, self._checked(member)
            told += member.size
        if self._header() is not None:
            raise self._altered("it holds more than its manifest says")
        for _ in range(64):  # what tar pads with; then comes gzip's own checksum
            if not self._read(CHUNK):
                return
        raise self._altered("it goes on behind its end")

    def _manifest(self) -> Manifest:
        nothing = BackupError(f"{self._path} is no backup made by `village-edge backup`: name another file")
        try:
            head = self._packed.read(BLOCK)
            info = tarfile.TarInfo.frombuf(head, "utf-8", "strict")
        except (OSError, EOFError, zlib.error, tarfile.TarError, UnicodeDecodeError):
            raise nothing from None
        if info.name != MANIFEST or not info.isreg() or info.size > LARGEST_MANIFEST:
            raise nothing
        text = b"".join(self._content(info.size))
        try:
            told = json.loads(text)
        except (ValueError, RecursionError):
            raise self._altered("its manifest is no JSON") from None
        if not isinstance(told, dict) or told.get("product") != PRODUCT:
            raise nothing
        if told.get("format") != FORMAT:
            raise BackupError(
                f"{self._path} has the format {told.get('format')!r}, this version knows {FORMAT}: install the version"
                f" that made it ({told.get('version')!r}), or a newer one"
            )
        try:
            return _checked(Manifest.model_validate_json(text))
        except (ValidationError, ValueError) as error:
            why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
            raise self._altered(str(why)) from None

    def _header(self) -> tarfile.TarInfo | None:
        head = self._read(BLOCK)
        if not head.strip(b"\0"):
            return None
        try:
            info = tarfile.TarInfo.frombuf(head, "utf-8", "strict")
        except (tarfile.TarError, UnicodeDecodeError) as error:
            raise self._altered(str(error)) from None
        if not info.isreg():
            raise self._altered(f"{info.name} is no plain file")
        return info

    def _checked(self, member: Member) -> Iterator[bytes]:
        digest = hashlib.sha256()
        for piece in self._content(member.size):
            digest.update(piece)
            yield piece
        if digest.hexdigest() != member.sha256:
            raise self._altered(f"{member.name} is not what was put in")

    def _content(self, size: int) -> Iterator[bytes]:
        left = size
        while left:
            piece = self._read(min(CHUNK, left))
            if not piece:
                raise self._altered("it ends too early")
            left -= len(piece)
            yield piece
        self._read(-size % BLOCK)

    def _read(self, size: int) -> bytes:
        try:
            return self._packed.read(size)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise self._altered(str(error)) from None
        except OSError as error:
            raise BackupError(f"{self._path} cannot be read ({error.strerror}): try another copy of it") from None

    def _altered(self, why: str) -> BackupError:
        return BackupError(f"{self._path} is damaged or was altered ({why}): take another backup")


def _checked(manifest: Manifest) -> Manifest:
    """Raises ValueError where the manifest contradicts itself, or asks for what this version cannot do."""
    names = [entry.name for entry in [*manifest.members, *manifest.folders]]
    if len(set(names)) < len(names):
        raise ValueError("it names something twice")
    files = {member.name for member in manifest.members}
    if inside := [name for name in names if files & {str(parent) for parent in PurePosixPath(name).parents}]:
        raise ValueError(f"{inside[0]} lies within a file")
    if "state/journal.db" not in files or f"config/{PurePosixPath(manifest.config).name}" not in files:
        raise ValueError("it has no journal or no configuration")
    units = {_within(f"also{path}") for path in manifest.also}
    if strays := [n for n in files if n.startswith("also/") and not units & {n, *map(str, PurePosixPath(n).parents)}]:
        raise ValueError(f"{strays[0]} belongs to nothing that was asked for")
    return manifest


def newest_schema(database: str) -> int:
    """The schema of that database in this version."""
    names = [step.name for step in resources.files(DATABASES[database]).iterdir()]
    return max(int(found[1]) for name in names if (found := re.fullmatch(r"(\d+)\.sql", name)))


def flaw(database: Path) -> str | None:
    """What is wrong with a database that nobody has open; None: it is whole."""
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=rw", uri=True)) as db:
            found = db.execute("PRAGMA integrity_check(1)").fetchone()[0]
            return None if found == "ok" else str(found)
    except sqlite3.Error as error:
        return str(error)
