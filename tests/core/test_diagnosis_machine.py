"""Judgements over what was seen of the machine, without a machine."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge.core.diagnosis import Finding
from edge.core.diagnosis_machine import BrokerSeen, CardSeen, ClockSeen, HealthSeen, MachineSeen, machine_findings
from edge.core.diagnosis_rights import DeviceSeen, LinesSeen, RightsSeen, SecretSeen, lines_finding, rights_findings
from edge.core.diagnosis_terms import Language
from edge.core.diagnosis_words import told

CLOCK = ClockSeen("now", "ntp", 0.4)
CARD = CardSeen(
    "/state", True, None, "ext4", frozenset({"rw", "noatime"}), free_mb=9000, sync_ms=(8.0,) * 12, history_mb=20, most_mb=1500
)
BROKER = BrokerSeen("127.0.0.1:1883", "controller", "5", retains=True)
HEALTH = HealthSeen("Broadcom BCM2835 Watchdog timer", 15.0, 0, "persistent", "64M")
SOUND = MachineSeen(CLOCK, CARD, BROKER, HEALTH)
RIGHTS = RightsSeen(
    "village-edge", False, ["village-edge", "gpio", "dialout"], [], [DeviceSeen("/dev/gpiochip0", True, True)],
    {"rs485": DeviceSeen("/dev/serial/by-path/x", True, True)}, [SecretSeen("/etc/s", True, True, False, "640")], None, "ok",
)  # fmt: skip


def codes(found: list[Finding], *severities: str) -> list[str]:
    return [finding.code for finding in found if finding.severity in (severities or ("doubt", "wrong"))]


def test_a_sound_machine_is_right_in_every_part() -> None:
    found = machine_findings(SOUND)
    assert codes(found) == []
    assert [f.where for f in found] == ["clock", "card", "broker", "watchdog", "power", "log"]


@pytest.mark.parametrize(
    ("clock", "code"),
    [
        (ClockSeen("n", "none", 0.0), "clock-none"),
        (ClockSeen("n", "ntp", None), "clock-no-rtc"),
        (ClockSeen("n", "ntp", -10.5), "rtc-off"),
    ],
)
def test_a_clock_is_judged_by_who_vouches_for_it(clock: ClockSeen, code: str) -> None:
    assert codes(machine_findings(replace(SOUND, clock=clock))) == [code]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"there": False}, "state-missing"),
        ({"error": "Permission denied", "sync_ms": ()}, "state-forbidden"),
        ({"options": frozenset({"ro", "noatime"}), "error": "Read-only file system", "sync_ms": ()}, "card-read-only"),
        ({"kind": "overlay"}, "card-not-kept"),
        ({"kind": "vfat"}, "card-kind"),
        ({"options": frozenset({"rw", "relatime"})}, "card-atime"),
        ({"free_mb": 199.0}, "card-full"),
        ({"free_mb": 1679.0}, "card-small"),
        ({"sync_ms": (8.0,) * 5 + (101.0,) * 7}, "card-slow"),
        ({"sync_ms": (8.0,) * 11 + (1001.0,)}, "card-slow"),
    ],
)
def test_a_card_is_judged_by_what_it_is_and_how_fast(changes: dict[str, object], code: str) -> None:
    assert codes(machine_findings(replace(SOUND, card=replace(CARD, **changes)))) == [code]  # type: ignore[arg-type]


def test_a_card_with_room_for_the_whole_history_and_slow_once_is_right() -> None:
    card = replace(CARD, free_mb=1680.0, sync_ms=(8.0,) * 11 + (999.0,), options=frozenset({"rw", "lazytime"}))
    assert codes(machine_findings(replace(SOUND, card=card))) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"away": "refused"}, ["broker-away"]),
        ({"refused": "Not authorized"}, ["broker-refuses"]),
        ({"refused": "Unsupported protocol version", "old": True}, ["broker-version"]),
        ({"denied": "Not authorized"}, ["broker-denies"]),
        ({"retains": False}, ["broker-no-retain"]),
        ({"anonymous": True}, ["broker-anonymous"]),
        ({"open_at": ("0.0.0.0:1883",)}, ["broker-open"]),
        ({"loopback": False}, ["broker-far"]),
        ({"refused": "no", "anonymous": True, "open_at": ("x",)}, ["broker-refuses", "broker-anonymous", "broker-open"]),
    ],
)
def test_a_broker_is_judged_by_whom_it_lets_in(changes: dict[str, object], expected: list[str]) -> None:
    assert codes(machine_findings(replace(SOUND, broker=replace(BROKER, **changes)))) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"watchdog": None}, "watchdog-none"),
        ({"fed_s": None}, "watchdog-idle"),
        ({"fed_s": 16.0}, "watchdog-long"),
        ({"throttled": 0x50001}, "power-low"),
        ({"throttled": 0x50000}, "power-was-low"),
        ({"throttled": 0x8}, "power-held-back"),
        ({"throttled": 0xE0000}, "power-held-back"),
        ({"log_most": None}, "log-unbounded"),
    ],
)
def test_watchdog_power_and_log(changes: dict[str, object], code: str) -> None:
    assert codes(machine_findings(replace(SOUND, health=replace(HEALTH, **changes)))) == [code]  # type: ignore[arg-type]


def test_another_watchdog_may_be_fed_more_seldom_and_a_log_in_memory_is_right() -> None:
    health = replace(HEALTH, watchdog="iTCO_wdt", fed_s=60.0, throttled=None, log="volatile", log_most=None)
    assert codes(machine_findings(replace(SOUND, health=health))) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"root": True}, ["as-root"]),
        ({"missing": ["gpio"]}, ["no-group"]),
        ({"root": True, "missing": ["gpio"]}, ["as-root"]),
        ({"chips": []}, ["no-gpiochip"]),
        ({"chips": [DeviceSeen("/dev/gpiochip0", True, False)]}, ["gpio-forbidden"]),
        ({"ports": {"a": DeviceSeen("/dev/ttyUSB0", False, False)}}, ["missing"]),
        ({"ports": {"a": DeviceSeen("/dev/ttyUSB0", True, False)}}, ["forbidden"]),
        ({"ports": {"a": DeviceSeen("/dev/ttyUSB0", True, True, "/dev/serial/by-path/x")}}, ["port-unstable"]),
        ({"ports": {"a": DeviceSeen("/dev/ttyUSB0", True, True)}}, ["port-nameless"]),
        ({"ports": {"a": DeviceSeen("/dev/ttyAMA0", True, True)}}, []),
        ({"secrets": [SecretSeen("/s", False, False, False, "")]}, ["secret-missing"]),
        ({"secrets": [SecretSeen("/s", True, True, True, "644")]}, ["secret-open"]),
        ({"secrets": [SecretSeen("/s", True, False, False, "600")]}, ["secret-forbidden"]),
        ({"folder": "/"}, ["folder-forbidden"]),
        ({"lgpio": "missing"}, ["lgpio-missing"]),
        ({"lgpio": "stub"}, ["lgpio-stub"]),
        ({"lgpio": "it broke"}, ["lgpio-broken"]),
    ],
)
def test_rights_are_judged_by_what_the_user_may(changes: dict[str, object], expected: list[str]) -> None:
    assert codes(rights_findings(replace(RIGHTS, **changes))) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seen", "code"),
    [
        (LinesSeen("6.12-rpi", True, True, "Y"), "lines-stay"),
        (LinesSeen("6.12-rpi", True, False, "N"), "lines-fall"),
        (LinesSeen("6.1-rpi", True), "lines-unknown"),
        (LinesSeen("6.1-arm64", False), "lines-fall-here"),
    ],
)
def test_what_a_line_does_is_said_of_the_kernels_own_word(seen: LinesSeen, code: str) -> None:
    assert lines_finding(seen).code == code


@pytest.mark.parametrize("language", ["vi", "en"])
def test_everything_is_said_with_its_facts_alone(language: Language) -> None:
    broken = MachineSeen(
        ClockSeen("now", "none", 12.0), replace(CARD, kind="vfat", free_mb=5, sync_ms=(2000.0,)),
        replace(BROKER, away="no", anonymous=True, open_at=("x:1",)), replace(HEALTH, fed_s=99, throttled=1, log_most=None),
        rights_findings(replace(
            RIGHTS, missing=["gpio"], chips=[], ports={"a": DeviceSeen("/dev/ttyUSB0", True, True, "/x")},
            secrets=[SecretSeen("/s", True, True, True, "644")], folder="/", lgpio="it broke",
        )),
    )  # fmt: skip
    for finding in [*machine_findings(broken), lines_finding(LinesSeen("k", True, True, "p"))]:
        text, do = told(finding, language)
        assert "{" not in text + "".join(do)
        assert finding.severity == "right" or do
