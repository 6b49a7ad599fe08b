"""Signs of life of the real daemon: what systemd hears on its socket, and the heartbeat's line in the village."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from e2e_house import CONFIG, House, Listener
from support import until
from systemd_end import AttentiveSystemd

from simulator.control import ask

pytestmark = pytest.mark.slow
HEART = 11
CHANGE_S = 1.0  # between two changes of the heartbeat, by its promise
PING_S = 0.5  # between two signs of life to systemd at least: a quarter of what the fixture has it wait
STILL_S = 1.5


@pytest.fixture
def config(folder: Path) -> Path:
    made = folder / "beating.yaml"
    made.write_text(f"{CONFIG.read_text('utf-8')}\nheartbeat: {{gpio: {HEART}}}\n", "utf-8")
    return made


def beats(house: House) -> list[tuple[float, int]]:
    """When (s) the heartbeat's line was driven, and to which level."""
    return [(m["mono"], m["level"]) for m in house.pins() if m["pin"] == HEART]


def signs(house: House, systemd: AttentiveSystemd) -> tuple[int, int]:
    return len(systemd.times("WATCHDOG=1")), len(beats(house))


def pause(times: Sequence[float]) -> float:
    """Between two of these, on average (s)."""
    return (times[-1] - times[0]) / (len(times) - 1)


def become_still(house: House, systemd: AttentiveSystemd) -> None:
    """No sign of life comes any more, but for what was on its way."""
    since, before = time.monotonic(), signs(house, systemd)

    def still() -> bool:
        nonlocal since, before
        if (now := signs(house, systemd)) != before:
            since, before = time.monotonic(), now
        return time.monotonic() - since > STILL_S

    until(still, STILL_S + CHANGE_S, "all signs of life to end")


def go_on(house: House, systemd: AttentiveSystemd) -> None:
    watched, beaten = signs(house, systemd)
    until(lambda: (now := signs(house, systemd)) and now[0] >= watched + 2 and now[1] >= beaten + 2, 5, "signs of life")


def test_from_the_first_claim_to_the_end(systemd: AttentiveSystemd, house: House, ear: Listener) -> None:
    until(lambda: len(systemd.times("WATCHDOG=1")) >= 5, 10, "signs of life")
    assert pause(systemd.times("WATCHDOG=1")) > 0.9 * PING_S
    told = [said for _, said in systemd.messages]
    assert told[0].startswith("EXTEND_TIMEOUT_USEC=")
    assert [said for said in told[1:] if not said.startswith(("WATCHDOG=", "STATUS="))] == ["READY=1"]
    assert any("broker connected" in said for said in told)
    claims = [m["mono"] for m in house.pins() if m.get("claim") and m["pin"] != HEART]
    assert len(claims) == 9, "every output on a line"
    assert systemd.times("READY=1")[0] > max(claims)

    assert [level for _, level in beats(house)] == [n % 2 for n in range(len(beats(house)))]
    assert pause([at for at, _ in beats(house)]) <= CHANGE_S

    house.daemon.send_signal(signal.SIGSTOP)
    become_still(house, systemd)
    house.daemon.send_signal(signal.SIGCONT)
    go_on(house, systemd)

    assert house.kill(how=signal.SIGTERM) == 0
    assert len(systemd.times("READY=1")) == len(systemd.times("STOPPING=1")) == 1
    assert beats(house)[-1][1] == 0


def test_a_read_back_that_hangs_gives_no_sign_of_life(systemd: AttentiveSystemd, house: House, ear: Listener) -> None:
    go_on(house, systemd)
    key = ask(house.sim, {"fault": "core-hung"})["id"]
    become_still(house, systemd)
    ask(house.sim, {"clear": key})
    go_on(house, systemd)
