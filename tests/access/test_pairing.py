"""Letting phones in and putting them out, on a real mosquitto."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from access_bench import ADDRESS, GuardedBroker, Login, Phone
from support import until

from edge.access.directory import Directory
from edge.access.pairing import Wish, pair

pytestmark = pytest.mark.slow
MakePhone = Callable[..., Phone]
Capsys = pytest.CaptureFixture[str]
ABOUT = "village/nguyen-ly/about"
PROMISED_S = 60.0


def test_a_paired_phone_enters_at_once_and_is_thrown_out_at_once(
    cabinet: GuardedBroker, phone: MakePhone, capsys: Capsys
) -> None:
    bac_tu = cabinet.pair(capsys, "--name", "Bác Tư", "--role", "head")
    co_lan = cabinet.pair(capsys, "--name", "Cô Lan", "--role", "viewer")
    assert (bac_tu.user, co_lan.user) == ("bac-tu", "co-lan")
    first, second, five = phone(cabinet, bac_tu), phone(cabinet, co_lan), phone(cabinet, bac_tu, five=True)
    assert not any(each.refused for each in (first, second, five))
    assert phone(cabinet, Login("bac-tu", co_lan.token)).refused
    assert phone(cabinet, None).refused
    assert phone(cabinet, Login("bac-tu", "")).refused
    began = time.monotonic()
    assert cabinet.run("unpair", "bac-tu") == 0
    until(lambda: first.out and five.out, PROMISED_S, "the phones to be thrown out")
    assert time.monotonic() - began < PROMISED_S
    assert phone(cabinet, bac_tu).refused
    assert not second.out
    assert cabinet.run("unpair", "bac-tu") == 1
    assert "bac-tu (Bác Tư) is out since" in capsys.readouterr().err


def test_a_lost_phone_is_out_when_the_new_one_is_in(cabinet: GuardedBroker, phone: MakePhone, capsys: Capsys) -> None:
    old = cabinet.pair(capsys, "--name", "Bác Tư", "--role", "head")
    lost = phone(cabinet, old)
    new = cabinet.pair(capsys, "--again", "bac-tu")
    assert new.user == old.user
    assert new.token != old.token
    until(lambda: lost.out, PROMISED_S, "the lost phone to be thrown out")
    assert phone(cabinet, old).refused
    assert not phone(cabinet, new).refused


def test_a_head_hands_over_to_the_next_by_one_command(cabinet: GuardedBroker, phone: MakePhone, capsys: Capsys) -> None:
    old = cabinet.pair(capsys, "--name", "Bác Tư", "--role", "technician")
    before = phone(cabinet, old)
    new = cabinet.pair(capsys, "--name", "Cô Lan", "--instead-of", "bac-tu")
    until(lambda: before.out, PROMISED_S, "the last head to be thrown out")
    after = phone(cabinet, new, five=True)
    assert after.say("village/nguyen-ly/light/main-road/lockout/co-lan", "{}") in (0, 0x10)  # his role is hers
    assert cabinet.run("pair", "--list") == 0
    listed = capsys.readouterr().out
    assert re.search(r"co-lan +Cô Lan +technician +nguyen-ly +\d{4}-\d\d-\d\d +here", listed)
    assert "bac-tu" not in listed
    assert cabinet.pair(capsys, "--name", "Bác Tư", "--role", "viewer").user == "bac-tu-2"  # the id is not given again


def test_many_at_once_do_not_lose_each_other(cabinet: GuardedBroker, phone: MakePhone, capsys: Capsys) -> None:
    """Three processes, of which each reads and writes the same files."""
    command = [sys.executable, "-m", "edge", "pair", "--role", "head", "--page", "http://v.test", "--text", "--dir", str(cabinet.dir)]
    running = [
        subprocess.Popen([*command, "--name", name], stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUTF8": "1"})
        for name in ("Bác Tư", "Bác Tư", "Cô Lan")
    ]  # fmt: skip
    logins = [Login(*ADDRESS.search(process.communicate(timeout=60)[0]).groups()) for process in running]
    assert [process.returncode for process in running] == [0] * 3
    assert sorted(login.user for login in logins) == ["bac-tu", "bac-tu-2", "co-lan"]
    users = json.loads((cabinet.dir / "users.json").read_text())["users"]
    assert set(users) == {"controller", *(login.user for login in logins)}
    until(lambda: all(not phone(cabinet, login).refused for login in logins), 20, "all three to be let in")


def opened(process: int) -> set[Path]:
    """What a process has open."""
    found = set()
    for entry in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found.add(entry.readlink())
    return found


def test_who_comes_second_waits_for_the_first(cabinet: GuardedBroker) -> None:
    directory = Directory(cabinet.dir)
    command = [sys.executable, "-m", "edge", "pair", "--name", "Cô Lan", "--role", "head", "--page", "http://v.test"]
    with directory.locked():
        settings, registry = directory.settings(), directory.registry()
        assert settings is not None
        second = subprocess.Popen([*command, "--dir", str(cabinet.dir)], stdout=subprocess.DEVNULL, env=os.environ | {"PYTHONUTF8": "1"})
        until(lambda: cabinet.dir / "lock" in opened(second.pid), 30, "the second to come")
        now = "2026-11-26T07:00:00.000Z"
        first = pair(registry, settings, Wish(now, name="Bác Tư", role="head"))
        directory.write(settings, first.registry, now)
    assert second.wait(30) == 0
    assert set(directory.registry().users) == {"controller", "bac-tu", "co-lan"}


def test_the_token_is_on_no_disk_and_in_no_list_of_processes(
    cabinet: GuardedBroker, folder: Path, tmp_path: Path
) -> None:
    """Every file that the command writes or leaves, and its command line at every moment that it may be looked at."""
    command = [sys.executable, "-m", "edge", "pair", "--name", "Bác Tư", "--role", "head", "--page", "http://v.test", "--text"]
    process = subprocess.Popen(
        [*command, "--dir", str(cabinet.dir)], stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=os.environ | {"PYTHONUTF8": "1"}
    )
    seen: set[bytes] = set()
    while process.poll() is None:
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                seen |= {(entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()}
            except OSError:
                continue
    assert process.stdout is not None
    token = ADDRESS.search(process.stdout.read())[2].encode()
    assert len(token) == 22  # 128 bits in base64
    assert any(b"--name" in line for line in seen)
    assert not any(token in line for line in seen)
    files = [path for root in (folder, tmp_path) for path in root.rglob("*") if path.is_file()]
    assert cabinet.dir / "users.json" in files
    assert not any(token in path.read_bytes() for path in files)


def test_a_second_run_of_broker_changes_nothing(cabinet: GuardedBroker, folder: Path, capsys: Capsys) -> None:
    login = cabinet.pair(capsys, "--name", "Bác Tư", "--role", "head")
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_mode) for path in cabinet.dir.iterdir()}
    capsys.readouterr()
    cabinet.set_up("--config", str(folder / "village" / "site.yaml"))
    assert "nothing has changed" in capsys.readouterr().out
    after = {path: (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_mode) for path in cabinet.dir.iterdir()}
    assert after == before
    assert {path.stat().st_mode & 0o7 for path in cabinet.dir.iterdir()} == {0}
    assert not Phone(cabinet.port, login).refused


def test_a_changed_secret_of_the_controller_is_taken(cabinet: GuardedBroker, folder: Path, phone: MakePhone, capsys: Capsys) -> None:
    secret = folder / "village" / "secrets" / "controller"
    old = Login("controller", secret.read_text().strip())
    assert secret.stat().st_mode & 0o7 == 0
    inside = phone(cabinet, old)
    secret.unlink()
    cabinet.set_up("--config", str(folder / "village" / "site.yaml"))
    until(lambda: inside.out, PROMISED_S, "the old secret to be void")
    assert not phone(cabinet, Login("controller", secret.read_text().strip())).refused


def test_whoever_may_not_write_hears_so(cabinet: GuardedBroker) -> None:
    """As a user without rights; the tests may run as root."""
    script = f"""
import os, sys
import edge.access.directory, edge.access.pairing, edge.access.qr, edge.commands.pair, edge.shell.clock  # what another user might not read
from edge.cli import main
import encodings.ascii
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
sys.exit(main(["pair", "--name", "Bác Tư", "--role", "head", "--page", "http://v.test", "--dir", {str(cabinet.dir)!r}]))
"""
    before = (cabinet.dir / "users.json").read_bytes()
    cabinet.dir.chmod(0o500 if os.geteuid() else 0o750)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, env=os.environ | {"PYTHONUTF8": "1"})
    assert done.returncode == 1
    assert re.fullmatch(r"\S+: not permitted; run it as root, with sudo\n", done.stderr)
    assert "token" not in done.stdout
    assert (cabinet.dir / "users.json").read_bytes() == before


def test_a_broker_that_does_not_run_is_told_when_it_starts(cabinet: GuardedBroker, phone: MakePhone, capsys: Capsys) -> None:
    cabinet.stop()
    login = cabinet.pair(capsys, "--name", "Bác Tư", "--role", "head")
    assert cabinet.run("unpair", "bac-tu") == 0
    assert "mosquitto does not run" in capsys.readouterr().err
    cabinet.pid_file.write_text(str(os.getpid()))
    stays = cabinet.run("pair", "--name", "Cô Lan", "--role", "head", "--page", "http://v.test")
    assert stays == 1  # another process has that number: it was not harmed, and the person hears what to do
    assert "sudo systemctl reload mosquitto" in capsys.readouterr().err
    cabinet.pid_file.unlink()
    cabinet.start()
    assert phone(cabinet, login).refused
