"""What systemd is told, on a real datagram socket: what, how often, and what happens when nobody takes it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from systemd_end import Systemd

from edge.shell.clock import ManualClock
from edge.shell.notify import Notifier


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Systemd]:
    end = Systemd(str(tmp_path / "notify") if request.param == "path" else f"@test-notify-{os.getpid()}")
    yield end
    end.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(0.0)


def test_each_is_told_as_sd_notify_says(systemd: Systemd, clock: ManualClock) -> None:
    notifier = Notifier(systemd.address, 20.0, clock.mono)
    notifier.patience(90.0)
    notifier.ready()
    notifier.alive()
    notifier.status("lit\nand well")
    notifier.stopping()
    assert systemd.heard() == ["EXTEND_TIMEOUT_USEC=90000000", "READY=1", "WATCHDOG=1", "STATUS=lit and well", "STOPPING=1"]


def test_signs_of_life_come_every_quarter_of_what_systemd_waits(systemd: Systemd, clock: ManualClock) -> None:
    notifier = Notifier(systemd.address, 20.0, clock.mono)
    for _ in range(200):
        notifier.alive()
        clock.advance(0.1)
    assert systemd.heard() == ["WATCHDOG=1"] * 4


def test_no_sign_of_life_is_sent_where_none_is_waited_for(systemd: Systemd, clock: ManualClock) -> None:
    notifier = Notifier(systemd.address, None, clock.mono)
    notifier.alive()
    notifier.ready()
    notifier.alive()
    assert systemd.heard() == ["READY=1"]


def test_a_status_is_told_once(systemd: Systemd, clock: ManualClock) -> None:
    notifier = Notifier(systemd.address, None, clock.mono)
    for text in ("a", "a", "b", "a"):
        notifier.status(text)
    assert systemd.heard() == ["STATUS=a", "STATUS=b", "STATUS=a"]


def test_what_nobody_takes_is_neither_waited_for_nor_lost(systemd: Systemd, clock: ManualClock) -> None:
    stuffed = Notifier(systemd.address, 0.0, clock.mono)
    for _ in range(2000):
        stuffed.alive()  # until the kernel keeps no more of them
    notifier = Notifier(systemd.address, 20.0, clock.mono)
    notifier.ready()
    notifier.status("lit")
    notifier.alive()
    kept = systemd.heard()
    assert 0 < len(kept) < 2000
    assert set(kept) == {"WATCHDOG=1"}
    clock.advance(1.0)
    notifier.alive()
    notifier.alive()
    assert systemd.heard() == ["READY=1\nSTATUS=lit\nWATCHDOG=1"]


def test_a_readiness_that_was_not_heard_is_not_told_of_a_process_that_ends(tmp_path: Path, clock: ManualClock) -> None:
    notifier = Notifier(str(tmp_path / "notify"), None, clock.mono)
    notifier.ready()
    systemd = Systemd(str(tmp_path / "notify"))
    notifier.stopping()
    assert systemd.heard() == ["STOPPING=1"]
    systemd.close()


def test_a_socket_that_is_not_there_is_complained_of_once(
    tmp_path: Path, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    notifier = Notifier(str(tmp_path / "nobody"), 4.0, clock.mono)
    for _ in range(5):
        notifier.ready()
        notifier.alive()
        clock.advance(1.0)
    assert len(caplog.records) == 1


@pytest.mark.parametrize("address", ["vsock:2:1234", "relative/notify", ""])
def test_an_address_of_another_kind_is_told_nothing(address: str, clock: ManualClock) -> None:
    notifier = Notifier.from_environment(clock.mono, {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "20000000"})
    notifier.ready()
    notifier.alive()
    notifier.stopping()


def test_what_systemd_asks_for_is_read_once_and_hidden_from_children(systemd: Systemd, clock: ManualClock) -> None:
    environ = {
        "NOTIFY_SOCKET": systemd.address, "WATCHDOG_USEC": "8000000", "WATCHDOG_PID": str(os.getpid()), "HOME": "/"
    }
    notifier = Notifier.from_environment(clock.mono, environ)
    assert environ == {"HOME": "/"}
    for _ in range(8):
        notifier.alive()
        clock.advance(0.5)
    assert systemd.heard() == ["WATCHDOG=1"] * 2


@pytest.mark.parametrize("asked", [{"WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": ""}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "x"}])
def test_signs_of_life_are_for_whom_they_are_asked(
    systemd: Systemd, clock: ManualClock, asked: dict[str, str]
) -> None:
    environ = {"NOTIFY_SOCKET": systemd.address, "WATCHDOG_USEC": "8000000"} | asked
    notifier = Notifier.from_environment(clock.mono, environ)
    notifier.ready()
    notifier.alive()
    assert systemd.heard() == ["READY=1"]
