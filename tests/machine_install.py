"""What the tests of systemd/install.sh share: other versions of the product, what lies on a machine, and frozen states."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from machine_village import EDGE, PRODUCT, STATE
from machines import ROOT, Machine

T, U = TypeVar("T"), TypeVar("U")
FROZEN = ROOT / "tests" / "shell" / "frozen"
BASE, CONFIG = "/opt/village-edge", "/etc/village-edge"
LOG = "/var/log/village-edge-install.log"
ANSWERS = "/src/tests/machine/answers"
# What changes by itself: logs, what is rebuilt, and the copies that the tools for users make of their files.
FLEETING = ("/proc", "/sys", "/dev", "/run", "/tmp", "/src", "/wheels", "/host", "/var/log", "/var/cache", "/var/tmp", "/var/lib/systemd", "/var/lib/mosquitto")
BACKUPS_OF_USERS = re.compile(r"/etc/(passwd|group|shadow|gshadow|subuid|subgid)-$|/etc/\.pwd\.lock$")


def version(folder: Path, number: str, **planted: str) -> Path:
    """A checkout of the product with another version number; `planted`: text put after the end of the module of that
    name below edge/, `__` for a slash, or in a new migration."""
    for name in (*PRODUCT, "README.md", "LICENSE"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, folder / name)
    project = folder / "pyproject.toml"
    project.write_text(re.sub(r'(?m)^version = ".*"$', f'version = "{number}"', project.read_text()))
    for where, text in planted.items():
        with (folder / "edge" / where.replace("__", "/")).with_suffix(".sql" if "migrations" in where else ".py").open("a") as file:
            file.write(text)
    return folder


def install(machine: Machine, source: Path | str = "/src", *words: str, verb: str = "install") -> subprocess.CompletedProcess[str]:
    """Run a checkout's install.sh in the machine."""
    more = ["--wheels", "/wheels"] if verb == "install" else []
    return machine.run("sh", f"{source}/systemd/install.sh", "--language", "en", verb, *more, *words, check=False, timeout_s=400)


def in_force(machine: Machine, link: str = "current") -> str:
    """The release that a link leads to, which must be whole; its version."""
    release = machine.run("readlink", "-e", f"{BASE}/{link}").stdout.strip()
    assert machine.run("cat", f"{release}/whole").stdout == ""
    return Path(release).name.rpartition("-")[0]


def tree(machine: Machine, *passed_over: str) -> dict[str, str]:
    """Everything on its disk, by path: kind, rights, owner, where a link leads and the sum of a file."""
    passed = " -o ".join(f"-path '{path}'" for path in (*FLEETING, *passed_over))
    listed = machine.run("sh", "-c", f"find / \\( {passed} \\) -prune -o -printf '%p\\t%y %m %U:%G %l\\n'").stdout
    found = dict(line.split("\t", 1) for line in listed.splitlines())
    sums = machine.run("sh", "-c", f"find /etc /opt /usr/local /var/lib /root \\( {passed} \\) -prune -o -type f -print0 | xargs -0 -r sha256sum").stdout
    for line in sums.splitlines():
        found[line[66:]] += line[:64]
    return {path: what for path, what in found.items() if not BACKUPS_OF_USERS.search(path)}


def freeze(machine: Machine, journal: int) -> None:
    """Stop the controller and put a state of an earlier schema in the place of its own."""
    machine.run("systemctl", "stop", "village-edge")
    thawed = machine.shared / f"frozen-{journal}"
    shutil.rmtree(thawed, ignore_errors=True)
    thawed.mkdir()
    for name in (f"journal-{journal}", "history-1"):
        db = sqlite3.connect(thawed / f"{name[:7]}.db")
        db.executescript((FROZEN / f"{name}.sql").read_text("utf-8"))
        db.close()
    machine.run("sh", "-c", f"rm -rf {STATE}/*; cp {thawed}/* {STATE}/; chown -R village-edge: {STATE}")


def rows(machine: Machine, database: str, query: str) -> list[str]:
    """What the query finds in a database of the state, a line for each row."""
    code = f"import sqlite3; db = sqlite3.connect('file:{STATE}/{database}.db?mode=ro', uri=True); [print(*row) for row in db.execute({query!r})]"
    return machine.run("python3", "-c", code).stdout.splitlines()


def keeps_what_was_frozen(machine: Machine) -> None:
    """The audit and the readings of the frozen state are there."""
    assert "head c-81 accepted" in rows(machine, "journal", "SELECT user, command, outcome FROM audit")
    assert {"1", "2", "3"} <= set(rows(machine, "history", "SELECT sequence FROM rows"))


def is_well(machine: Machine, wait: str = "30s") -> bool:
    """What `village-edge health` of the release in force says."""
    return machine.run(EDGE, "health", "--wait", wait, check=False).returncode == 0


def these(cases: Sequence[T], always: int) -> Sequence[T]:
    """The first few, which every run has; with KILLS=all in the environment all of them."""
    return cases if os.environ.get("KILLS") == "all" else cases[:always]


def at_once(act: Callable[[T], U], cases: Iterable[T]) -> dict[T, Future[U]]:
    """Do it for all of them at the same time, for most of it is waiting; done when all have ended."""
    with ThreadPoolExecutor(max_workers=5) as pool:
        return {case: pool.submit(act, case) for case in cases}
