"""A village's files, made without running it, and what a restore must leave alone or bring back."""

from __future__ import annotations

import io
import json
import sqlite3
import subprocess
import sys
import tarfile
from contextlib import closing
from importlib import resources
from pathlib import Path

from edge.core.events import Persist
from edge.core.values import Moment
from edge.shell.backup import Sources
from edge.shell.store import StoreWorker

NOW = Moment(1_795_000_000.0, 100.0, "boot-1", True)
WEEK = 7 * 86400.0
SITE = "site: {id: nguyen-ly, name: X}\nmqtt:\n  password_file: secrets/mqtt\n"


def make_village(folder: Path) -> Sources:
    """State, configuration and a broker's files under `folder`; nothing in them is made up by a backup."""
    state, config, broker = folder / "state", folder / "etc" / "site.yaml", folder / "broker"
    for made in (state, config.parent / "secrets", config.parent / "tariffs", broker):
        made.mkdir(parents=True)
    config.write_text(SITE, "utf-8")
    (config.parent / "secrets").chmod(0o750)
    (config.parent / "secrets" / "mqtt").write_text("hush\n")
    (config.parent / "secrets" / "mqtt").chmod(0o640)
    (config.parent / "tariffs" / "giá điện.yaml").write_text("currency: VND\n", "utf-8")
    (broker / "passwords").write_text("head:$7$101$x\n")
    (broker / "passwords").chmod(0o600)
    (state / "safe.json").write_text('{"version": 2, "outputs": []}\n')
    (state / "site.yaml").write_text(SITE, "utf-8")
    keep(state, {"life": 3, "energy_kwh": 5188.85}, rev=5)
    make_history(state / "history.db", rows=300)
    return Sources(state, config, [broker / "passwords"])


def keep(state: Path, meter: dict[str, float], rev: int, at: Moment = NOW) -> None:
    """A journal with something of everything that a restore must think about."""
    store = StoreWorker(state / "journal.db", lambda _: None)
    boot = {"until_boot": "boot-1"}
    rows: list[tuple[tuple[str, str], dict[str, object]]] = [
        (("meters", "meter/cabinet-1"), {**meter, "wall": at.wall}),
        (("pulses", "input/flow-1"), {"life": 2, "count": 1000, "per_unit": 450.0, "clean": 1, "wall": at.wall}),
        (("programs", "street"), {"rev": rev, "body": '{"kind": "light"}', "user": "head", "at": at.wall}),
        (("outputs", "light/main-road/a"), {"on": 1, "boot": "boot-1", "on_mono": 1.0, "off_mono": None, "wall": at.wall}),
        (("overrides", "light/short"), override(at.wall + 3600) | boot),
        (("overrides", "light/long"), override(at.wall + 2 * WEEK) | boot),
        (("commands", "head/c-1"), {"until_wall": at.wall + 86400, "until_mono": 86500.0, **boot}),
        (("lockouts", "light/lanes"), {"circuits": "", "user": "tech", "note": "work", "at": at.wall}),
        (("sequences", "history"), {"reserved": 100_000}),
        (("clock", "known"), {"wall": at.wall}),
        (("runs", "dawn:2026-11-18:0"), run(at.wall - 90_000) | {"ended": at.wall - 86_400, "outcome": "done"}),
        (("runs", "dawn:2026-11-19:0"), run(at.wall - 600)),
        (("runs", "dusk:2026-11-19:0"), run(at.wall - 600)),
        (("zones", "dawn:2026-11-19:0/0"), zone("dawn:2026-11-19:0", 600.0) | {"ended": at.wall - 60, "outcome": "done"}),
        (("zones", "dawn:2026-11-19:0/1"), zone("dawn:2026-11-19:0", 0.0)),
        (("zones", "dusk:2026-11-19:0/0"), zone("dusk:2026-11-19:0", 0.0)),
        (("budgets", "valve/plot-1"), {"charges": "[[500.0, 600.0]]", "boot": "boot-1", "on_mono": None, "off_mono": 1.0, "off_wall": at.wall}),
        (("operated", ""), {"seconds": 1000.0}),
        (("blocks", "pump/pump-1"), {"kind": "flow-none", "at": at.wall, "data": "{}"}),
        (("flows", "valve/plot-1"), {"l_min": 12.5, "runs": 7, "wall": at.wall}),
        (("field", "rain"), {"value": at.wall - 5000, "user": None, "wall": at.wall}),
        (("audit", ""), {"at": at.wall, "user": "head", "device": "light/long", "command": "c-1", "outcome": "accepted", "details": "{}"}),
    ]  # fmt: skip
    store.put(*(Persist(key, row) for key, row in rows))
    store.close(at)


def run(slot: float) -> dict[str, object]:
    return {
        "program": "dawn", "user": None, "cause": "program", "slot": slot, "started": slot, "ended": None, "outcome": None,
        "why": "", "paused": 0, "latest_wall": slot + 7200, "latest_mono": None, "latest_boot": None, "at": slot,
    }  # fmt: skip


def zone(of: str, done_s: float) -> dict[str, object]:
    return {
        "run": of, "valve": "valve/plot-1", "planned_s": 1200.0, "planned_l": None, "done_s": done_s, "litres": None,
        "started": None, "ended": None, "outcome": None, "why": "",
    }  # fmt: skip


def override(until: float) -> dict[str, object]:
    return {"level": 33, "until_wall": until, "until_mono": until - NOW.wall, "user": "head", "command": "c-1", "at": NOW.wall}


def make_history(path: Path, rows: int) -> None:
    """A history of the first schema with so many rows."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript((resources.files("edge.shell.migrations.history") / "001.sql").read_text("utf-8"))
        db.execute("INSERT INTO layouts VALUES (1, 'meter/cabinet-1', '[\"energy_kwh\"]')")
        db.executemany("INSERT INTO rows VALUES (?, ?, 1, 0, 3, x'0102')", [(n, 1_795_000_000_000 + n) for n in range(1, rows + 1)])
        db.execute("PRAGMA user_version = 1")
        db.commit()


def asked(database: Path, query: str) -> list[tuple[object, ...]]:
    """What a database says, which must be whole."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return db.execute(query).fetchall()


def snapshot(*tops: Path) -> dict[str, tuple[int, bytes | None]]:
    """Every file and folder under these, with its mode and content."""
    found: dict[str, tuple[int, bytes | None]] = {}
    for top in tops:
        for path in [top, *sorted(top.rglob("*"))] if top.exists() else []:
            found[str(path)] = (path.stat().st_mode, path.read_bytes() if path.is_file() else None)
    return found


def edge(*words: str | Path, under: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """`village-edge` with these arguments, in a process of its own, which `under` starts."""
    command = [*under, sys.executable, "-B", "-m", "edge", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def rewritten(backup: Path, into: Path, change: dict[str, object] | None = None, **files: bytes | None) -> Path:
    """A copy of a backup whose manifest says something else, or whose members do (None: without it)."""
    with tarfile.open(backup) as old, tarfile.open(into, "w:gz", format=tarfile.USTAR_FORMAT) as new:
        for info in old.getmembers():
            content = old.extractfile(info).read()  # type: ignore[union-attr]
            if info.name == "manifest.json":
                content = json.dumps(json.loads(content) | (change or {})).encode()
            content = files.pop(info.name, content)  # type: ignore[assignment]
            if content is not None:
                info.size = len(content)
                new.addfile(info, io.BytesIO(content))
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content or b"")
            new.addfile(info, io.BytesIO(content or b""))
    return into
