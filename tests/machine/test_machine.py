"""The machine of its own is one: it boots, keeps what was synced over a cut, and has its own clock, processes and network."""

from __future__ import annotations

from pathlib import Path

import pytest
from machines import Machine

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_a_machine_boots_and_outlives_a_power_cut(tmp_path: Path) -> None:
    with Machine(tmp_path / "m", disk_mb=256) as machine:
        machine.boot()
        assert machine.state() == "running"
        assert machine.read("/proc/1/comm") == "systemd\n"
        first = machine.read("/proc/sys/kernel/random/boot_id")
        machine.write("/var/lib/kept", "kept")
        machine.run("sync")
        machine.write("/var/lib/lost", "lost")
        machine.cut()
        machine.boot()
        assert machine.read("/var/lib/kept") == "kept"
        assert machine.run("cat", "/var/lib/lost", check=False).stdout != "lost"
        assert machine.read("/proc/sys/kernel/random/boot_id") != first
        assert float(machine.read("/proc/uptime").split()[0]) < 60
        assert machine.run("ip", "-o", "link").stdout.count("\n") == 1
        (machine.shared / "seen").write_text("by both")
        assert machine.read(f"{machine.shared}/seen") == "by both"
