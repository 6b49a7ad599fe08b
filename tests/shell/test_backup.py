"""Backup and restore over files: whole or not at all, and nothing is believed unchecked."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import sqlite3
import subprocess
import tarfile
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from backup_house import NOW, SITE, WEEK, asked, keep, make_village, rewritten, snapshot

from edge.core.events import Persist
from edge.core.values import Moment
from edge.shell import archive
from edge.shell.archive import BackupError
from edge.shell.backup import PART, Sources, back_up, dated, thin_out
from edge.shell.restore import Where, restore, verify
from edge.shell.restored import LEAPS, RESTORED
from edge.shell.state_dir import StateUnusable, lock
from edge.shell.store import StoreWorker

LATER = Moment(NOW.wall + WEEK, 50.0, "boot-2", True)


@pytest.fixture
def village(tmp_path: Path) -> Sources:
    return make_village(tmp_path / "old")


@pytest.fixture
def made(village: Sources, tmp_path: Path) -> Path:
    back_up(tmp_path / "made.tar.gz", village, NOW)
    return tmp_path / "made.tar.gz"


def there(tmp_path: Path, name: str = "new") -> Where:
    return Where(tmp_path / name / "state", tmp_path / name / "etc" / "village.yaml", tmp_path / name / "root")


def test_a_backup_holds_everything_and_is_its_owners_alone(village: Sources, made: Path, tmp_path: Path) -> None:
    with tarfile.open(made) as tar:
        names = tar.getnames()
    assert names == [
        "manifest.json", "state/history.db", "state/journal.db", "state/safe.json", "state/site.yaml", "config/secrets/mqtt",
        "config/site.yaml", "config/tariffs/giá điện.yaml", f"also{village.also[0]}",
    ]  # fmt: skip
    assert made.stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / PART).exists()
    manifest = verify(made, tmp_path)
    assert (manifest.site, manifest.schemas) == ("nguyen-ly", {"history.db": 1, "journal.db": archive.newest_schema("journal.db")})


def test_it_comes_back_elsewhere_as_it_was_with_its_rights(village: Sources, made: Path, tmp_path: Path) -> None:
    restore(made, there(tmp_path), LATER)
    new = tmp_path / "new"
    assert sorted(p.name for p in (new / "state").iterdir()) == ["history.db", "journal.db", "safe.json", "site.yaml"]
    assert (new / "etc/village.yaml").read_text() == SITE
    assert (new / "etc/secrets/mqtt").read_text() == "hush\n"
    assert (new / "etc/secrets/mqtt").stat().st_mode & 0o777 == 0o640
    assert (new / "etc/secrets").stat().st_mode & 0o777 == 0o750
    assert (new / "etc/tariffs/giá điện.yaml").exists()
    passwords = new / "root" / str(village.also[0]).lstrip("/")
    assert (passwords.read_text(), passwords.stat().st_mode & 0o777) == ("head:$7$101$x\n", 0o600)
    rows = "SELECT * FROM rows ORDER BY sequence"
    assert asked(new / "state/history.db", rows) == asked(village.state / "history.db", rows)


def test_what_has_been_given_out_since_is_not_given_out_again(made: Path, tmp_path: Path) -> None:
    restored = restore(made, there(tmp_path), LATER)
    journal = tmp_path / "new/state/journal.db"
    given = dict(asked(journal, "SELECT id, reserved FROM sequences"))
    assert given["history"] >= 100_000 + LEAPS["history"].least
    assert given["revs"] >= 5 + LEAPS["revs"].least
    assert given["lives"] >= 3 + LEAPS["lives"].least
    assert asked(journal, "SELECT rev FROM programs") == [(5,)]
    assert asked(journal, "SELECT life, energy_kwh FROM meters") == [(3, 5188.85)]
    assert asked(journal, "SELECT life, count, clean FROM pulses") == [(given["lives"], 1000, 0)]
    assert asked(journal, "SELECT id FROM overrides") == [("light/long",)], "the other has run out"
    assert asked(journal, "SELECT * FROM commands UNION ALL SELECT id, on_mono, boot, wall FROM outputs") == []
    assert asked(journal, "SELECT id FROM lockouts") == [("light/lanes",)]
    assert json.loads(str(asked(journal, "SELECT details FROM audit ORDER BY sequence DESC")[0][0]))["request"] == "restore"
    assert [note.split()[0] for note in restored.notes] == ["light/lanes", "light/long", "pump/pump-1"]


def test_no_watering_is_gone_on_with_or_begun_again_and_limits_stay(made: Path, tmp_path: Path) -> None:
    restore(made, there(tmp_path), LATER)
    journal = tmp_path / "new/state/journal.db"
    assert asked(journal, "SELECT id, outcome, why, ended FROM runs ORDER BY id") == [
        ("dawn:2026-11-18:0", "done", "", NOW.wall - 86_400),
        ("dawn:2026-11-19:0", "cut_short", RESTORED, LATER.wall),
        ("dusk:2026-11-19:0", "missed", RESTORED, LATER.wall),
    ]
    assert asked(journal, "SELECT outcome, why FROM zones ORDER BY id") == [("done", ""), ("missed", RESTORED), ("missed", RESTORED)]
    store = StoreWorker(journal, lambda _: None)
    water = store.memory().water
    store.close(LATER)
    assert (water.runs, water.zones, water.decided) == ({}, {}, {"dawn:2026-11-18:0", "dawn:2026-11-19:0", "dusk:2026-11-19:0"})
    assert water.facts[RESTORED]["value"] == LATER.wall, "what was due before counts as decided"
    assert (water.facts["rain"]["value"], water.flows["valve/plot-1"]["l_min"]) == (NOW.wall - 5000, 12.5)
    assert (water.budgets["valve/plot-1"]["charges"], water.operated) == ("[[500.0, 600.0]]", 1000.0)


@pytest.mark.parametrize("newer", [True, False])
def test_limits_of_the_journal_that_is_replaced_hold_on(made: Path, tmp_path: Path, newer: bool) -> None:
    where = there(tmp_path)
    restore(made, where, LATER)
    store = StoreWorker(where.state / "journal.db", lambda _: None)
    spent = {"charges": "[[900.0, 60.0]]", "boot": "boot-2", "on_mono": None, "off_mono": 1.0, "off_wall": LATER.wall}
    store.put(
        Persist(("budgets", "valve/plot-1"), spent), Persist(("operated", ""), {"seconds": 5000.0 if newer else 900.0}),
        Persist(("blocks", "valve/plot-2"), {"kind": "leak", "at": LATER.wall, "data": "{}"}),
        Persist(("clock", "known"), {"wall": LATER.wall + 500}),
    )
    store.close(LATER)
    notes = restore(made, where, LATER, force=True).notes
    assert [note.split()[0] for note in notes][-2:] == ["pump/pump-1", "valve/plot-2"]
    store = StoreWorker(where.state / "journal.db", lambda _: None)
    water = store.memory().water
    store.close(LATER)
    charges = "[[900.0, 60.0]]" if newer else "[[500.0, 600.0]]"
    assert (water.budgets["valve/plot-1"]["charges"], water.operated) == (charges, 5000.0 if newer else 1000.0)
    assert water.facts[RESTORED]["value"] == LATER.wall + 500


def test_the_same_backup_restored_again_goes_beyond_the_first_time(made: Path, tmp_path: Path) -> None:
    """Each time on a card that knows nothing of the time before."""
    given = []
    for n in range(3):
        restore(made, there(tmp_path, f"card-{n}"), Moment(LATER.wall + n * WEEK, 50.0, f"b-{n}", True))
        given.append(dict(asked(tmp_path / f"card-{n}/state/journal.db", "SELECT id, reserved FROM sequences")))
    for kind, (_, per_s) in LEAPS.items():
        for before, after in pairwise(given):
            assert after[kind] - before[kind] >= int(per_s * WEEK)


def test_with_a_clock_of_the_past_it_goes_beyond_what_the_card_knows(made: Path, tmp_path: Path) -> None:
    where = there(tmp_path)
    restore(made, where, LATER)
    first = dict(asked(tmp_path / "new/state/journal.db", "SELECT id, reserved FROM sequences"))
    restore(made, where, Moment(1000.0, 5.0, "boot-3", False), force=True)
    second = dict(asked(tmp_path / "new/state/journal.db", "SELECT id, reserved FROM sequences"))
    assert all(second[kind] >= first[kind] + leap.least for kind, leap in LEAPS.items())
    assert {i for (i,) in asked(tmp_path / "new/state/journal.db", "SELECT id FROM overrides")} == {"light/short", "light/long"}


def test_what_is_there_is_kept_aside_and_only_with_force(village: Sources, made: Path, tmp_path: Path) -> None:
    keep(village.state, {"life": 4, "energy_kwh": 7.0}, rev=9)
    assert village.config
    village.config.write_text(SITE + "# newer\n", "utf-8")
    (village.config.parent / "own.txt").write_text("stays")
    before = snapshot(tmp_path)
    where = Where(village.state, village.config)
    with pytest.raises(BackupError, match="stand there already: with --force"):
        restore(made, where, LATER)
    assert snapshot(tmp_path) == before
    restored = restore(made, where, LATER, force=True)
    assert village.config.read_text() == SITE
    assert (village.config.parent / "own.txt").read_text() == "stays"
    assert len(restored.asides) == 3
    old = dict(asked(village.state / "before-restore-1/journal.db", "SELECT id, rev FROM programs"))
    assert old == {"street": 9}
    assert (village.config.parent / "before-restore-1/site.yaml").read_text() == SITE + "# newer\n"
    assert dict(asked(village.state / "journal.db", "SELECT id, reserved FROM sequences"))["revs"] >= 9 + LEAPS["revs"].least
    restore(made, where, LATER, force=True)
    assert (village.state / "before-restore-2/journal.db").exists()
    back_up(tmp_path / "again.tar.gz", village, LATER)
    with tarfile.open(tmp_path / "again.tar.gz") as tar:
        assert not [name for name in tar.getnames() if "before-restore" in name]


def test_a_log_of_the_old_database_is_not_left_to_the_new_one(village: Sources, made: Path) -> None:
    with closing(sqlite3.connect(village.state / "journal.db")) as db:
        db.execute("PRAGMA wal_autocheckpoint = 0")
        db.execute("UPDATE programs SET rev = 77")
        db.commit()
        assert (village.state / "journal.db-wal").stat().st_size
        for aid in ("history.db.aid", "history.db.head"):
            (village.state / aid).write_bytes(b"of the old one")
        restore(made, Where(village.state, village.config), LATER, force=True)
        assert not [p.name for p in village.state.iterdir() if p.name.endswith((".aid", ".head"))]
        assert asked(village.state / "journal.db", "SELECT rev FROM programs") == [(5,)]
        assert sorted(p.name for p in (village.state / "before-restore-1").glob("journal*")) == [
            "journal.db", "journal.db-shm", "journal.db-wal", "journal.db.head",
        ]  # fmt: skip
    assert asked(village.state / "before-restore-1/journal.db", "SELECT rev FROM programs") == [(77,)]


def test_it_is_refused_while_a_controller_works_there(village: Sources, made: Path, tmp_path: Path) -> None:
    handle = lock(village.state)
    try:
        with pytest.raises(StateUnusable, match="another controller works"):
            restore(made, Where(village.state, village.config), LATER, force=True)
    finally:
        os.close(handle)


def other_tar(path: Path) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        info = tarfile.TarInfo("etc/hostname")
        info.size = 2
        tar.addfile(info, io.BytesIO(b"x\n"))
    return path


def with_link(path: Path) -> Path:
    with tarfile.open(path) as old, tarfile.open(path.with_name("linked.tar.gz"), "w:gz", format=tarfile.USTAR_FORMAT) as new:
        for info in old.getmembers():
            content = old.extractfile(info)
            if info.name == "config/site.yaml":
                info.type, info.linkname, info.size = tarfile.SYMTYPE, "/etc/shadow", 0
            new.addfile(info, content)
    return path.with_name("linked.tar.gz")


def a_bomb(path: Path) -> Path:
    """A gigabyte of nothing under the header of a manifest, in a megabyte."""
    info = tarfile.TarInfo("manifest.json")
    info.size = 1 << 30
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(info.tobuf(tarfile.USTAR_FORMAT))
        for _ in range(64):
            file.write(bytes(1 << 20))
    return path


def manifest_of(backup: Path) -> dict[str, object]:
    with tarfile.open(backup) as tar:
        return json.load(tar.extractfile("manifest.json"))  # type: ignore[arg-type]


def renamed(backup: Path, name: str, other: str) -> Path:
    """The same backup with another name for a member, in its manifest and in the tar."""
    told = manifest_of(backup)
    told["members"] = [m | {"name": other if m["name"] == name else m["name"]} for m in told["members"]]  # type: ignore[attr-defined]
    into = backup.with_name("renamed.tar.gz")
    with tarfile.open(backup) as old, tarfile.open(into, "w:gz", format=tarfile.USTAR_FORMAT) as new:
        for info in old.getmembers():
            content = old.extractfile(info).read()  # type: ignore[union-attr]
            if info.name == "manifest.json":
                content = json.dumps(told).encode()
                info.size = len(content)
            info.name = other if info.name == name else info.name
            new.addfile(info, io.BytesIO(content))
    return into


BAD = {
    "no gzip at all": (lambda b: b.write_bytes(b"PK\x03\x04" * 99) and b, "is no backup made by"),
    "another product's tar": (other_tar, "is no backup made by"),
    "another product's manifest": (lambda b: rewritten(b, b.with_name("x"), {"product": "other"}), "is no backup made by"),
    "a newer format": (lambda b: rewritten(b, b.with_name("x"), {"format": 2}), "has the format 2, this version knows 1"),
    "a newer schema": (lambda b: rewritten(b, b.with_name("x"), {"schemas": {"journal.db": 999}}), "has the schema 999"),
    "an unknown field": (lambda b: rewritten(b, b.with_name("x"), {"more": 1}), "damaged or was altered"),
    "cut in the middle": (lambda b: b.write_bytes(b.read_bytes()[: b.stat().st_size // 2]) and b, "damaged or was altered"),
    "cut at its end": (lambda b: b.write_bytes(b.read_bytes()[:-4]) and b, "damaged or was altered"),
    "an altered member": (lambda b: rewritten(b, b.with_name("x"), **{"config/site.yaml": (SITE + "#").encode()}), "as the manifest says"),
    "one of the same length": (lambda b: rewritten(b, b.with_name("x"), **{"config/site.yaml": SITE.replace("X", "Y").encode()}), "not what was put in"),
    "a member that is missing": (lambda b: rewritten(b, b.with_name("x"), **{"config/site.yaml": None}), "as the manifest says"),
    "a member too many": (lambda b: rewritten(b, b.with_name("x"), **{"config/more": b"x"}), "more than its manifest says"),
    "a link": (with_link, "is no plain file"),
    "a path outside": (lambda b: renamed(b, "config/site.yaml", "config/../../site.yaml"), "leads out of the backup"),
    "an absolute path": (lambda b: renamed(b, "config/secrets/mqtt", "/etc/cron.d/mine"), "leads out of the backup"),
    "a strange state file": (lambda b: renamed(b, "state/safe.json", "state/other.so"), "no file of a state directory"),
    "further paths that nobody named": (lambda b: rewritten(b, b.with_name("x"), {"also": []}), "nothing that was asked for"),
    "a bomb": (a_bomb, "is no backup made by"),
    "a database that is none": (lambda b: with_database(b, b"x" * 4096), "is no whole database"),
}  # fmt: skip


def with_database(backup: Path, content: bytes) -> Path:
    import hashlib

    told = manifest_of(backup)
    of = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    told["members"] = [m | (of if m["name"] == "state/history.db" else {}) for m in told["members"]]  # type: ignore[attr-defined]
    return rewritten(backup, backup.with_name("x"), told, **{"state/history.db": content})


@pytest.mark.parametrize("how", BAD)
def test_what_is_wrong_is_said_and_nothing_is_changed(made: Path, tmp_path: Path, how: str) -> None:
    spoil, says = BAD[how]
    spoilt = spoil(made)
    for force in (False, True):
        with pytest.raises(BackupError, match=says):
            restore(spoilt, there(tmp_path), LATER, force=force)
        assert not (tmp_path / "new").exists()
    with pytest.raises(BackupError, match=says):
        verify(spoilt, tmp_path)


def test_any_byte_altered_is_found(made: Path, tmp_path: Path) -> None:
    """But where it says nothing of the content: gzip's own header, and the bits that fill a byte between its blocks."""
    whole, dice = made.read_bytes(), random.Random(6)
    for _ in range(60):
        at = dice.randrange(10, len(whole))
        spoilt = bytearray(whole)
        spoilt[at] ^= 1 << dice.randrange(8)
        made.write_bytes(spoilt)
        try:
            verify(made, tmp_path)
        except BackupError:
            continue
        assert gzip.decompress(spoilt) == gzip.decompress(whole), at
    made.write_bytes(whole)
    verify(made, tmp_path)


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "none", str(disk)], check=False).returncode:
        pytest.skip("needs leave to mount")
    yield disk  # type: ignore[misc]
    subprocess.run(["umount", str(disk)], check=True)


def test_without_room_nothing_is_changed(village: Sources, made: Path, small_disk: Path) -> None:
    with pytest.raises(BackupError, match="make room first"):
        restore(made, Where(small_disk / "state", small_disk / "etc/site.yaml", small_disk), LATER)
    assert list(small_disk.iterdir()) == []
    old = small_disk / "made.tar.gz"
    old.write_bytes(b"the one before")
    (small_disk / "filler").write_bytes(bytes(100_000))
    with pytest.raises(BackupError, match="room"):
        back_up(old, village, NOW)
    assert old.read_bytes() == b"the one before"
    assert sorted(p.name for p in small_disk.iterdir()) == ["filler", "made.tar.gz"]


def test_a_folder_that_is_not_the_configurations_own_is_not_swept_up(village: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_FILES", 50)
    for n in range(60):
        (village.config.parent / f"photo-{n}.jpg").write_bytes(b"x")
    with pytest.raises(BackupError, match="in a folder of its own"):
        back_up(tmp_path / "b.tar.gz", village, NOW)


def test_secrets_outside_the_folder_come_along_and_links_are_followed(village: Sources, tmp_path: Path) -> None:
    outside = tmp_path / "elsewhere" / "token"
    outside.parent.mkdir()
    outside.write_text("hush")
    village.config.write_text(SITE + f"influx: {{token_file: {outside}}}\n", "utf-8")
    (village.config.parent / "linked").symlink_to(outside)
    (village.config.parent / "pipe").symlink_to("/dev/null")
    manifest, passed_over = back_up(tmp_path / "b.tar.gz", village, NOW)
    assert manifest.also == [str(village.also[0]), str(outside)]
    assert passed_over == [str(village.config.parent / "pipe")]
    restore(tmp_path / "b.tar.gz", there(tmp_path), LATER)
    linked = tmp_path / "new/etc/linked"
    assert (linked.is_symlink(), linked.read_text()) == (False, "hush")


def test_the_newest_are_kept_and_other_files_stay(tmp_path: Path) -> None:
    for n in range(1, 10):
        dated(tmp_path, "x", f"2026110{n}T000000Z").write_bytes(b"")
    for other in ("village-edge-y-20260101T000000Z.tar.gz", "notes.txt", "village-edge-x-20260101T000000Z.tar.gz.part"):
        (tmp_path / other).write_bytes(b"")
    newest = dated(tmp_path, "x", "19700101T000000Z")  # by a clock that was not set
    newest.write_bytes(b"")
    gone = thin_out(tmp_path, "x", 4, newest)
    assert [p.name[15:23] for p in gone] == [f"2026110{n}" for n in range(1, 7)]
    assert newest.exists()
    assert len(list(tmp_path.iterdir())) == 7


def test_what_a_killed_backup_left_is_taken_away(village: Sources, tmp_path: Path) -> None:
    (tmp_path / PART).mkdir()
    (tmp_path / PART / "journal.db").write_bytes(b"half")
    back_up(tmp_path / "made.tar.gz", village, NOW)
    assert not (tmp_path / PART).exists()


def test_whoever_writes_meanwhile_does_not_wait_and_the_copy_is_of_one_moment(village: Sources, tmp_path: Path) -> None:
    """Between any two pieces another connection commits at once; no row of these gets into the copy."""
    with closing(sqlite3.connect(village.state / "history.db", timeout=0)) as db:
        db.executemany("INSERT INTO rows VALUES (?, 1, 1, 0, 3, zeroblob(900))", [(n,) for n in range(1000, 4000)])
        db.commit()
        pieces = 0

        def commit(what: str, done: int, of: int) -> None:
            nonlocal pieces
            if what == "history.db":
                pieces += 1
                db.execute("INSERT INTO rows VALUES (?, 1, 1, 0, 3, zeroblob(900))", (10_000 + pieces,))
                db.commit()

        back_up(tmp_path / "made.tar.gz", village, NOW, commit)
    assert pieces >= 3
    restore(tmp_path / "made.tar.gz", there(tmp_path), LATER)
    assert asked(tmp_path / "new/state/history.db", "SELECT count(*), max(sequence) FROM rows") == [(3300, 3999)]
