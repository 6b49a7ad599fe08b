"""Who vouches for the machine's clock, on files that look like the kernel's."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from support import until

from edge.shell.clock import SimulatedClock, SystemClock, _kernel_in_step


def rtc(folder: Path, offset_s: float) -> Path:
    (folder / "rtc0").mkdir(exist_ok=True)
    (folder / "rtc0" / "since_epoch").write_text(f"{int(time.time() + offset_s)}\n")
    return folder / "rtc0"


def clock(folder: Path) -> SystemClock:
    return SystemClock(folder / "synchronized", folder / "rtc0", (folder / "in-step").exists)


def test_nobody_vouches_until_ntp_has_set_the_clock(tmp_path: Path) -> None:
    c = clock(tmp_path)
    assert (c.now().trusted, c.source) == (False, "none")
    (tmp_path / "synchronized").touch()
    until(lambda: c.now().trusted, 2, "trust within about a second")
    assert c.source == "ntp"
    (tmp_path / "synchronized").unlink()
    assert c.now().trusted


def test_any_service_that_keeps_the_kernel_in_step_vouches(tmp_path: Path) -> None:
    (tmp_path / "in-step").touch()
    c = clock(tmp_path)
    assert (c.now().trusted, c.source) == (True, "ntp")


def test_the_kernel_can_be_asked() -> None:
    assert _kernel_in_step() in (True, False)


def test_a_battery_backed_clock_vouches_if_it_agrees(tmp_path: Path) -> None:
    rtc(tmp_path, 2)
    assert clock(tmp_path).now().trusted
    rtc(tmp_path, 3600)
    assert not clock(tmp_path).now().trusted
    (tmp_path / "rtc0" / "since_epoch").write_text("946684800\n")
    assert not clock(tmp_path).now().trusted
    (tmp_path / "rtc0" / "since_epoch").write_text("nonsense\n")
    assert not clock(tmp_path).now().trusted


@pytest.mark.slow
def test_beside_a_simulated_village_it_is_trusted_unless_that_is_the_fault(tmp_path: Path) -> None:
    c = SimulatedClock(tmp_path)
    assert (c.now().trusted, c.source) == (True, "simulated")
    (tmp_path / "clock-untrusted").touch()
    until(lambda: not c.now().trusted, 2, "the fault to be seen")
    (tmp_path / "clock-untrusted").unlink()
    until(lambda: c.now().trusted, 2, "trust again")
