"""What is right and wrong with the machine that the controller runs on, judged from what was seen of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edge.core.diagnosis import Finding, Severity

LEAST_FREE_MB = 200  # below this the journal and the log come into need as well
SYNC_DOUBT_MS = 100.0  # a sound card takes 5 to 50 ms; the controller's own tick is late beyond a second
SYNC_WRONG_MS = 1000.0
LOST_AT_POWER_OFF = frozenset({"tmpfs", "ramfs", "overlay", "squashfs"})
WITHOUT_JOURNAL = frozenset({"vfat", "exfat", "ntfs", "fuseblk", "msdos"})
LONGEST_WATCHDOG_S = 15.0  # bcm2835-wdt counts 20 bits of 1/65536 s: systemd's longer time would never be set
BROADCOM = "bcm2835"
# Bits of the firmware's GET_THROTTLED: now, and 16 higher since the start.
UNDER_VOLTAGE, HELD_BACK = 0x1, 0xE
RTC_AGREES_S = 10.0  # as edge/shell/clock.py has it


@dataclass(frozen=True, slots=True)
class ClockSeen:
    """`now`: what it shows, in words; `source`: `ntp`, `rtc` or `none`, as the controller judges; `rtc_off_s`: by how
    much a battery-backed clock differs (s), None: there is none, or it cannot be read."""

    now: str
    source: str
    rtc_off_s: float | None


@dataclass(frozen=True, slots=True)
class CardSeen:
    """Where the state directory lies. `error`: why nothing can be written there; `sync_ms`: how long each of some
    writes took to be on the disk. `history_mb`, `most_mb`: what the history has, and may have."""

    path: str
    there: bool
    error: str | None = None
    kind: str = ""
    options: frozenset[str] = frozenset()
    free_mb: float = 0.0
    sync_ms: tuple[float, ...] = ()
    history_mb: float = 0.0
    most_mb: float = 0.0


@dataclass(frozen=True, slots=True)
class BrokerSeen:
    """What the broker did with the configuration's login. `refused`: its words, or None where it let us in.

    `retains`: whether it takes what is to be retained; None: that was not said. `denied`: its words where it takes no
    message of the controller's. `anonymous`: whether it lets in who says no name. `open_at`: addresses beyond this
    machine at which its port listens; `loopback`: it is asked over this machine alone.
    """

    at: str
    user: str | None
    protocol: str
    away: str | None = None
    refused: str | None = None
    old: bool = False  # it does not know this version of MQTT
    retains: bool | None = None
    denied: str | None = None
    anonymous: bool = False
    open_at: tuple[str, ...] = ()
    loopback: bool = True


@dataclass(frozen=True, slots=True)
class HealthSeen:
    """`watchdog`: the device's own name, None: there is none; `fed_s`: what systemd feeds it by (s), None: nobody does.

    `throttled`: the firmware's word, None: it has none. `log`: `persistent` or `volatile`, with its bound as it was
    written, None: there is none.
    """

    watchdog: str | None
    fed_s: float | None
    throttled: int | None
    log: str
    log_most: str | None


@dataclass(frozen=True, slots=True)
class MachineSeen:
    """Everything seen of the machine; what was not looked at is None. `rights`: the findings of diagnosis_rights.py."""

    clock: ClockSeen
    card: CardSeen | None
    broker: BrokerSeen
    health: HealthSeen
    rights: Sequence[Finding] = ()


def machine_findings(seen: MachineSeen) -> list[Finding]:
    """Everything there is to say of the machine, what is right as well."""
    found = [*_clock(seen.clock)]
    if seen.card is not None:
        found += _card(seen.card)
    return [*found, *_broker(seen.broker), *seen.rights, *_health(seen.health)]


def _clock(seen: ClockSeen) -> Iterator[Finding]:
    facts: dict[str, object] = {"now": seen.now}
    if seen.source == "none":
        yield Finding("clock", "clock-none", "wrong", facts)
    else:
        yield Finding("clock", "clock-rtc" if seen.source == "rtc" else "clock-ntp", "right", facts)
    if seen.rtc_off_s is None:
        yield Finding("clock", "clock-no-rtc", "doubt")
    elif abs(seen.rtc_off_s) > RTC_AGREES_S:
        yield Finding("clock", "rtc-off", "wrong", {"off_s": f"{seen.rtc_off_s:+.0f}"})


def _card(seen: CardSeen) -> Iterator[Finding]:
    facts: dict[str, object] = {
        "path": seen.path, "kind": seen.kind, "free_mb": f"{seen.free_mb:.0f}", "why": seen.error or "",
        "history_mb": f"{seen.history_mb:.0f}", "most_mb": f"{seen.most_mb:.0f}", "least_mb": f"{LEAST_FREE_MB}",
    }  # fmt: skip
    if not seen.there:
        yield Finding("card", "state-missing", "doubt", facts)
        return
    wrong = list(_card_doubts(seen, facts))
    if seen.sync_ms:
        middle, worst = sorted(seen.sync_ms)[len(seen.sync_ms) // 2], max(seen.sync_ms)
        facts |= {"sync_ms": f"{middle:.1f}", "worst_ms": f"{worst:.1f}", "limit_ms": f"{SYNC_DOUBT_MS:.0f}"}
        if worst > SYNC_WRONG_MS or middle > SYNC_DOUBT_MS:
            severity: Severity = "wrong" if worst > SYNC_WRONG_MS else "doubt"
            wrong.append(Finding("card", "card-slow", severity, facts))
        else:
            yield Finding("card", "card-good", "right", facts)
    yield from wrong


def _card_doubts(seen: CardSeen, facts: dict[str, object]) -> Iterator[Finding]:
    if "ro" in seen.options:
        yield Finding("card", "card-read-only", "wrong", facts)
    elif seen.error is not None:
        yield Finding("card", "state-forbidden", "wrong", facts)
    if seen.kind in LOST_AT_POWER_OFF:
        yield Finding("card", "card-not-kept", "wrong", facts)
    elif seen.kind in WITHOUT_JOURNAL:
        yield Finding("card", "card-kind", "wrong", facts)
    elif seen.options and not seen.options & {"noatime", "lazytime"}:
        yield Finding("card", "card-atime", "doubt", facts)
    if seen.free_mb < LEAST_FREE_MB:
        yield Finding("card", "card-full", "wrong", facts)
    elif seen.free_mb < LEAST_FREE_MB + max(seen.most_mb - seen.history_mb, 0.0):
        yield Finding("card", "card-small", "doubt", facts)


def _broker(seen: BrokerSeen) -> Iterator[Finding]:
    facts: dict[str, object] = {
        "at": seen.at, "user": seen.user or "-", "protocol": seen.protocol, "listeners": ", ".join(seen.open_at),
        "why": seen.away or seen.refused or seen.denied or "",
    }  # fmt: skip
    if seen.away is not None:
        yield Finding("broker", "broker-away", "wrong", facts)
    elif seen.refused is not None:
        yield Finding("broker", "broker-version" if seen.old else "broker-refuses", "wrong", facts)
    elif seen.denied is not None:
        yield Finding("broker", "broker-denies", "wrong", facts)
    elif seen.retains is False:
        yield Finding("broker", "broker-no-retain", "wrong", facts)
    else:
        yield Finding("broker", "broker-good", "right", facts)
    if seen.anonymous:
        yield Finding("broker", "broker-anonymous", "wrong", facts)
    if not seen.loopback:
        yield Finding("broker", "broker-far", "doubt", facts)
    elif seen.open_at:
        yield Finding("broker", "broker-open", "doubt", facts)


def _health(seen: HealthSeen) -> Iterator[Finding]:
    facts: dict[str, object] = {"name": seen.watchdog or "-", "fed_s": f"{seen.fed_s or 0:g}"}
    if seen.watchdog is None:
        yield Finding("watchdog", "watchdog-none", "doubt", facts)
    elif seen.fed_s is None:
        yield Finding("watchdog", "watchdog-idle", "doubt", facts)
    elif seen.fed_s > LONGEST_WATCHDOG_S and BROADCOM in seen.watchdog.lower().replace(" ", ""):
        yield Finding("watchdog", "watchdog-long", "wrong", facts | {"most_s": f"{LONGEST_WATCHDOG_S:g}"})
    else:
        yield Finding("watchdog", "watchdog-good", "right", facts)
    if seen.throttled is not None:
        yield _power(seen.throttled)
    log: dict[str, object] = {"most": seen.log_most or "-"}
    if seen.log == "volatile":
        yield Finding("log", "log-volatile", "right", log)
    elif seen.log_most is None:
        yield Finding("log", "log-unbounded", "doubt", log)
    else:
        yield Finding("log", "log-good", "right", log)


def _power(word: int) -> Finding:
    facts: dict[str, object] = {"word": f"{word:#x}"}
    if word & UNDER_VOLTAGE:
        return Finding("power", "power-low", "wrong", facts)
    if word & UNDER_VOLTAGE << 16:
        return Finding("power", "power-was-low", "doubt", facts)
    if word & (HELD_BACK | HELD_BACK << 16):
        return Finding("power", "power-held-back", "doubt", facts)
    return Finding("power", "power-good", "right", facts)
