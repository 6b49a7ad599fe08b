"""What a user may do with the lines, ports and secrets of this machine, and what its lines do, judged. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from edge.core.diagnosis import Finding

RENUMBERED = ("/dev/ttyUSB", "/dev/ttyACM")  # in the order in which they are found at a start


@dataclass(frozen=True, slots=True)
class DeviceSeen:
    """A device file. `stable`: a name of it that does not change, for one that is called by another."""

    path: str
    there: bool
    usable: bool
    stable: str | None = None


@dataclass(frozen=True, slots=True)
class SecretSeen:
    """A file with a password or token. `others`: whoever is on this machine may read it; `mode` as `ls` counts it."""

    path: str
    there: bool
    readable: bool
    others: bool
    mode: str


@dataclass(frozen=True, slots=True)
class RightsSeen:
    """Who asked, in which groups, and what that user may do. `missing`: groups that what is configured needs.

    `chips`: the GPIO chips, and None where no line is configured; likewise `lgpio`: `ok`, `missing`, `stub`, else why
    it cannot be used. `folder`: the working directory, if nothing can be written there.
    """

    user: str
    root: bool
    groups: Sequence[str]
    missing: Sequence[str] = ()
    chips: Sequence[DeviceSeen] | None = None
    ports: Mapping[str, DeviceSeen] = field(default_factory=dict)
    secrets: Sequence[SecretSeen] = ()
    folder: str | None = None
    lgpio: str | None = None


@dataclass(frozen=True, slots=True)
class LinesSeen:
    """What the kernel says of lines that were let go. `persist`: its parameter, None: it has none, in `source`."""

    kernel: str
    own: bool  # Raspberry Pi's own kernel
    persist: bool | None = None
    source: str = ""


def rights_findings(seen: RightsSeen) -> list[Finding]:
    """What there is to say of rights; what is right in one finding."""
    facts: dict[str, object] = {"user": seen.user, "groups": ", ".join(seen.groups) or "-"}
    wrong = [*_devices(seen, facts), *_secrets(seen.secrets, facts)]
    if seen.root:
        wrong.insert(0, Finding("rights", "as-root", "doubt", facts))
    elif not wrong:
        wrong.append(Finding("rights", "rights-good", "right", facts))
    return wrong + list(_lgpio(seen))


def _devices(seen: RightsSeen, facts: Mapping[str, object]) -> Iterator[Finding]:
    if not seen.root:
        for group in seen.missing:
            yield Finding("rights", "no-group", "doubt", {**facts, "group": group})
    if seen.chips is not None:
        if not seen.chips:
            yield Finding("rights", "no-gpiochip", "wrong", facts)
        for chip in seen.chips:
            if not chip.usable:
                yield Finding("rights", "gpio-forbidden", "wrong", {**facts, "path": chip.path})
    for name, port in seen.ports.items():
        where, said = f"port/{name}", {**facts, "path": port.path, "stable": port.stable or ""}
        if not port.there:
            yield Finding(where, "missing", "wrong", said)
        elif not port.usable:
            yield Finding(where, "forbidden", "wrong", said)
        elif port.path.startswith(RENUMBERED):
            yield Finding(where, "port-unstable" if port.stable else "port-nameless", "doubt", said)
    if seen.folder is not None:
        yield Finding("rights", "folder-forbidden", "wrong", {**facts, "path": seen.folder})


def _secrets(secrets: Sequence[SecretSeen], facts: Mapping[str, object]) -> Iterator[Finding]:
    for secret in secrets:
        said = {**facts, "path": secret.path, "mode": secret.mode}
        if not secret.there:
            yield Finding("rights", "secret-missing", "wrong", said)
        elif secret.others:
            yield Finding("rights", "secret-open", "wrong", said)
        elif not secret.readable:
            yield Finding("rights", "secret-forbidden", "wrong", said)


def _lgpio(seen: RightsSeen) -> Iterator[Finding]:
    if seen.lgpio == "ok":
        yield Finding("lines", "lgpio-good", "right")
    elif seen.lgpio in ("missing", "stub"):
        yield Finding("lines", f"lgpio-{seen.lgpio}", "wrong")
    elif seen.lgpio is not None:
        yield Finding("lines", "lgpio-broken", "wrong", {"why": seen.lgpio})


def lines_finding(seen: LinesSeen) -> Finding:
    """What a line does after its process has died. Either is right: the wiring must stand both."""
    facts: dict[str, object] = {"kernel": seen.kernel, "source": seen.source}
    if seen.persist is not None:
        return Finding("lines", "lines-stay" if seen.persist else "lines-fall", "right", facts)
    return Finding("lines", "lines-unknown" if seen.own else "lines-fall-here", "doubt" if seen.own else "right", facts)
