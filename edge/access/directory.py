"""The broker directory: one change at a time, every file whole, and mosquitto told.

users.json and broker.json are what people decided; passwords, access and mosquitto.conf are made from them.
"""

from __future__ import annotations

import errno
import fcntl
import grp
import os
import pwd
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from edge.access.hashes import fits, hashed, new_token
from edge.access.mosquitto_conf import REMARK, configuration
from edge.access.people import Entry, Registry, read, written
from edge.access.rights import access_list
from edge.access.settings import Settings
from edge.shell.files import replace_file
from edge.shell.site_file import ConfigError

BROKER_USER = "mosquitto"  # Debian's user and group: mosquitto reads its files as these


class AccessError(Exception):
    """Why it cannot be done, and what to do about it."""


class Change(NamedTuple):
    """One file of the directory: whether it is new or was changed, else it is as it was; and the lines that differ."""

    path: Path
    before: str | None
    now: str

    @property
    def changed(self) -> bool:
        """Whether it was written."""
        return self.before != self.now


class Directory:
    """One broker's. Every file is its owner's alone, or for what mosquitto reads its group's too."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    def settings(self) -> Settings | None:
        """What `village-edge broker` was told; None before its first time. Raises ConfigError and AccessError."""
        return read(Settings, self._file("broker.json"), "") if self._there("broker.json") else None

    def registry(self) -> Registry:
        """Everybody. Raises ConfigError and AccessError."""
        if not self._there("users.json"):
            return Registry()
        return read(Registry, self._file("users.json"), 'write {"users": {}}; village-edge pair fills it')

    @contextmanager
    def locked(self, make: bool = False) -> Iterator[None]:
        """Nobody else changes it meanwhile. `make`: the directory too. Raises AccessError."""
        with self._permitted():
            if make:
                self.path.mkdir(mode=0o750, parents=True, exist_ok=True)
                if (group := _group()) is not None:
                    os.chown(self.path, -1, group)
            lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def bridge_secret(self) -> str:
        """With what this village enters at its district; made when it is missing. Raises AccessError."""
        with self._permitted():
            path = self._file("bridge-secret")
            if not path.exists():
                replace_file(path, (new_token() + "\n").encode(), mode=0o600)
            return path.read_text("ascii").strip()

    def write(self, settings: Settings, registry: Registry, at: str) -> list[Change]:
        """All files as these say, the registry first: what is cut short, the next run does. `at`: now, RFC 3339. Raises
        AccessError."""
        secret = self.bridge_secret() if settings.district is not None else None
        group = _group()
        shared = 0o600 if group is None else 0o640
        ca = "" if settings.district is None else settings.district.ca or ""
        passwords = [f"{user}:{person.hash}\n" for user, person in registry.users.items() if person.hash is not None]
        files = [
            ("users.json", written(registry).decode(), 0o600), ("broker.json", written(settings).decode(), 0o600),
            ("passwords", "".join(passwords), shared),
            ("access", access_list(registry.users, registry.former, settings.kind == "district", REMARK), shared),
            *([("district-ca.pem", ca, shared)] if ca else []),
            *([] if secret is None else [(f"{settings.site}.json", self._bridge_entry(settings, secret, at), 0o600)]),
            *([] if settings.card is None else [("district.json", written(settings.card).decode(), 0o644)]),
            ("mosquitto.conf", configuration(settings, self.path, secret), shared),
        ]  # fmt: skip
        done = []
        with self._permitted():
            for name, text, mode in files:
                path = self._file(name)
                before = path.read_text("utf-8", "replace") if path.exists() else None
                replace_file(path, text.encode("utf-8"), mode=mode, group=group if mode == shared else None)
                done.append(Change(path, before, text))
        return done

    def _bridge_entry(self, settings: Settings, secret: str, at: str) -> str:
        """By which the district takes this village in; as it is while it holds."""
        path = self._file(f"{settings.site}.json")
        with suppress(ConfigError):
            known = read(Entry, path, "")
            if known.hash is not None and fits(secret, known.hash) and known.name == settings.name:
                return written(known).decode()
        fields = {"user": settings.bridge, "name": settings.name, "role": "bridge", "site": settings.site}
        return written(Entry.model_validate({**fields, "made_at": at, "hash": hashed(secret)})).decode()

    def _file(self, name: str) -> Path:
        return self.path / name

    def _there(self, name: str) -> bool:
        with self._permitted():
            try:
                self._file(name).stat()
            except FileNotFoundError:
                return False
        return True

    @contextmanager
    def _permitted(self) -> Iterator[None]:
        try:
            yield
        except PermissionError as error:
            raise AccessError(f"{error.filename or self.path}: not permitted; run it as root, with sudo") from error
        except FileNotFoundError as error:
            raise AccessError(f"{self.path}: there is no broker directory; make it with village-edge broker") from error
        except NotADirectoryError as error:
            raise AccessError(f"{self.path} is no directory; give another with --dir") from error
        except OSError as error:
            card = "; the card is full or read-only" if error.errno in (errno.ENOSPC, errno.EROFS) else ""
            raise AccessError(f"{self.path} cannot be written ({error.strerror}{card})") from error


class Told(NamedTuple):
    """Whether mosquitto was told to read its files anew; if not, `why` and the remedy. `harmless`: it does not run."""

    done: bool
    why: str = ""
    harmless: bool = False


def tell_broker(pid_file: Path) -> Told:
    """Have mosquitto read users and access list anew, and throw out whoever may no longer enter: SIGHUP."""
    remedy = "until then nothing has changed for it: sudo systemctl reload mosquitto"
    try:
        pid = int(pid_file.read_text("ascii").strip())
        name = Path(f"/proc/{pid}/comm").read_text("utf-8").strip()
        if name != "mosquitto":
            return Told(False, f"{pid_file} names process {pid}, which is {name} and not mosquitto; {remedy}")
        os.kill(pid, signal.SIGHUP)
    except (FileNotFoundError, ProcessLookupError):
        why = f"mosquitto does not run, or {pid_file} is not its pid file; it will know when it starts"
        return Told(False, why, harmless=True)
    except PermissionError:
        return Told(False, f"mosquitto may not be told by this user; {remedy}")
    except (OSError, ValueError) as error:
        return Told(False, f"mosquitto could not be told ({error}); {remedy}")
    return Told(True)


def read_by_mosquitto(path: Path) -> bool:
    """mosquitto becomes a user of its own before it reads keys. True also where that cannot be known."""
    try:
        user = pwd.getpwnam(BROKER_USER)
    except KeyError:
        return True
    groups = os.getgrouplist(user.pw_name, user.pw_gid)

    def granted(place: Path, bit: int) -> bool:
        found = place.stat()
        shift = 6 if found.st_uid == user.pw_uid else 3 if found.st_gid in groups else 0
        return bool(found.st_mode >> shift & bit)

    try:
        return granted(path, 0o4) and all(granted(parent, 0o1) for parent in path.resolve().parents)
    except PermissionError:
        return True


def _group() -> int | None:
    """The group that mosquitto reads its files as, where we may give files to it."""
    with suppress(KeyError):
        if os.geteuid() == 0:
            return grp.getgrnam(BROKER_USER).gr_gid
    return None
