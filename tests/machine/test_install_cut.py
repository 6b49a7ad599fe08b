"""The power is cut in the middle of an upgrade: one whole version is in force, and the same command brings it to an end.

A connection that is lost in the middle stops nothing.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from machine_install import BASE, freeze, in_force, install, is_well, keeps_what_was_frozen, these, version
from machine_village import installed
from machines import Machine
from support import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
# When: what a loop in the machine waits for. The new version is well but where it is to be put back.
MOMENTS = {
    "while the new version starts": f"readlink {BASE}/current | grep -q 0.2.0",
    "while it is switched": f"grep -qs ^switched {BASE}/change",
    "while the release is built": f"ls {BASE}/releases | grep -q ^0.2.0-",
    "while the state is copied": f"grep -qs ^stopped {BASE}/change",
    "while the old one is put back": f"grep -qs ^back {BASE}/change",
}
CUT = these(list(MOMENTS), 1)


@pytest.mark.parametrize("moment", CUT)
def test_the_power_is_cut(moment: str, tmp_path: Path) -> None:
    broken = "put back" in moment
    with Machine(tmp_path, base=installed(), disk_mb=1200) as machine:
        machine.boot()
        freeze(machine, 5)
        machine.run("systemctl", "start", "village-edge")
        assert is_well(machine)
        planted = {"commands__run": "\n\ndef run(args): raise RuntimeError('planted')\n"} if broken else {}
        new = version(machine.shared / "new", "0.2.0", **planted)
        command = machine.command("sh", f"{new}/systemd/install.sh", "--wheels", "/wheels", "--wait", "30s")
        running = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        machine.run("sh", "-c", f"until {MOMENTS[moment]}; do sleep 0.02; done", timeout_s=200)
        running.kill()  # nsenter alone: what it started goes on, and with it stopped the disk would stay in use
        running.wait(20)
        machine.cut()
        machine.boot()
        assert in_force(machine) in ("0.1.0", "0.2.0")
        again = install(machine, "/src" if broken else new)
        assert again.returncode == 0, again.stdout + again.stderr
        assert in_force(machine) == ("0.1.0" if broken else "0.2.0")
        assert machine.run("test", "-e", f"{BASE}/change", check=False).returncode == 1
        assert is_well(machine)
        keeps_what_was_frozen(machine)


@pytest.mark.skipif(os.environ.get("KILLS") != "all", reason="KILLS=all tries it")
def test_the_terminal_goes_away(tmp_path: Path) -> None:
    with Machine(tmp_path, base=installed()) as machine:
        machine.boot()
        new = version(machine.shared / "new", "0.2.0")
        command = machine.command("script", "-qec", f"sh {new}/systemd/install.sh --wheels /wheels", "/dev/null")
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as terminal:
            machine.run("sh", "-c", f"until grep -qs ^switched {BASE}/change; do sleep 0.05; done", timeout_s=200)
            machine.run("pkill", "-KILL", "-x", "script")
            terminal.wait(20)
        until(lambda: machine.run("test", "-e", f"{BASE}/change", check=False).returncode, 90, "the upgrade to end")
        assert in_force(machine) == "0.2.0"
        assert is_well(machine)
