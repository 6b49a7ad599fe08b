"""Where secrets turn up on a machine of its own: in files and for whom, in logs, databases and topics, in its processes."""

from __future__ import annotations

import base64
import binascii
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from machine_village import STATE
from machines import Machine

NOT_ITS_OWN = ("proc", "sys", "dev", "host", "src", "wheels")  # top folders that are no part of its disk
DUMP = """
import pathlib, shutil, sqlite3, sys, tempfile
for name in ("journal.db", "history.db"):
    with tempfile.TemporaryDirectory() as folder:
        for file in pathlib.Path(sys.argv[1]).glob(name + "*"):
            if not file.name.endswith("-shm"):
                shutil.copy(file, folder)
        print(*sqlite3.connect(folder + "/" + name).iterdump(), sep="\\n")
"""


def forms(secret: str) -> set[str]:
    """The ways in which a secret may be written: as it is, in an address, in hexadecimal digits, and as base64 has it,
    alone or behind other bytes."""
    raw = secret.encode()
    found = {secret, quote(secret, safe=""), binascii.hexlify(raw).decode(), binascii.hexlify(raw).decode().upper()}
    for before in range(3):  # three bytes are four characters: those that depend on the neighbours are left out
        coded = base64.b64encode(b"\0" * before + raw).decode()
        found.add(coded[-(-before * 4 // 3) : len(coded) - 4 if coded.endswith("=") else len(coded)])
    return found | {form.translate(str.maketrans("+/", "-_")) for form in found}


def all_forms(secrets: Iterable[str]) -> set[str]:
    """Those of them all."""
    return {form for secret in secrets for form in forms(secret)}


def told_in(text: str, secrets: Iterable[str]) -> set[str]:
    """Those of the secrets that stand in a text, in any form."""
    return {secret for secret in secrets if any(form in text for form in forms(secret))}


def files_with(machine: Machine, patterns: Iterable[str], user: str = "root", within: Iterable[str] = ()) -> set[str]:
    """Every file of the machine, or of these files and folders, in which `user` can read one of these texts."""
    tops = [*within] or [f"/{name}" for name in machine.run("ls", "-A", "/").stdout.split() if name not in NOT_ITS_OWN]
    search = ["runuser", "-u", user, "--", "grep", "-raslF", "-D", "skip", "-f", "-", "--", *tops]
    done = machine.run(*search, text="\n".join(patterns), check=False, timeout_s=300)
    assert done.returncode in (0, 1, 2), done.stderr  # 2: a file that cannot be read, too
    return set(done.stdout.splitlines())


def rights(machine: Machine, path: str) -> str:
    """A file's mode, owner and group, as in `640 root:mosquitto`."""
    return machine.run("stat", "-c", "%a %U:%G", path).stdout.strip()


def journal(machine: Machine) -> str:
    """All that any unit said, with all that systemd notes beside it."""
    return machine.run("journalctl", "--no-pager", "-o", "export", "-a").stdout


def databases(machine: Machine) -> str:
    """All rows of the controller's databases: its journal with the audit, and its history."""
    return machine.run("/opt/village-edge/current/bin/python", "-c", DUMP, STATE).stdout


class Watch:
    """What processes of a machine were called with, and had in their environment, while it looked."""

    def __init__(self, machine: Machine) -> None:
        self._processes = Path(f"/proc/{machine.init}/root/proc")
        self._seen: set[bytes] = set()
        self._ended = threading.Event()
        self.looks = 0

    def look(self) -> None:
        """Again and again, until it is told to end."""
        while not self._ended.is_set():
            for entry in self._processes.iterdir():
                if entry.name.isdecimal():
                    for name in ("cmdline", "environ"):
                        with suppress(OSError):
                            self._seen.add((entry / name).read_bytes())
            self.looks += 1

    def end(self) -> None:
        self._ended.set()

    @property
    def text(self) -> str:
        """All of it."""
        return b"\n".join(self._seen).replace(b"\0", b" ").decode("utf-8", "replace")


@contextmanager
def watching(machine: Machine) -> Iterator[Watch]:
    """Look at its processes for a while."""
    watch = Watch(machine)
    thread = threading.Thread(target=watch.look)
    thread.start()
    try:
        yield watch
    finally:
        watch.end()
        thread.join()
