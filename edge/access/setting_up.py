"""The options of `village-edge broker`, what was set up before, and the village's configuration -> what is to be."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from edge.access.controller import with_controller
from edge.access.deeds import Impossible, accept, check_code
from edge.access.directory import BROKER_USER, read_by_mosquitto
from edge.access.people import Entry, Registry, read
from edge.access.settings import PID_FILE, Card, Settings
from edge.core.site_base import Block
from edge.core.site_reading import read_block
from edge.core.topics import rfc3339
from edge.shell.clock import SystemClock

if TYPE_CHECKING:
    from edge.core.site import Place

_B = TypeVar("_B", bound=Block)


def cabinet(
    args: argparse.Namespace, known: Settings | None, registry: Registry, notes: list[str]
) -> tuple[Settings, Registry]:
    """A cabinet's settings, and the registry with its controller. Raises ConfigError, AccessError and Impossible."""
    from edge.shell.app import catalogue
    from edge.shell.site_file import load

    site = load(args.config, catalogue())
    for option in ("address", "ca", "accept"):
        if getattr(args, option):
            raise Impossible(f"--{option} is for a district's broker: say --district too, or leave it out")
    if known is not None and known.site not in (None, site.site.id):
        raise Impossible(f"{args.dir} is the broker of {known.site}, and {args.config} is {site.site.id}: give each "
                         "its own --dir")
    if site.mqtt.user is None:
        raise Impossible(f"{args.config} does not say as whom the controller enters; add to its mqtt section: "
                         "user: controller, and password_file: secrets/controller")
    settings = _settings(args, known, kind="cabinet", default_listen=f"127.0.0.1:{site.mqtt.port}",
                         site=site.site, controller=site.mqtt.user)  # fmt: skip
    return settings, with_controller(args.config, site, registry, rfc3339(SystemClock().now().wall), notes)


def district_settings(args: argparse.Namespace, known: Settings | None) -> Settings:
    """A district's settings. Raises ConfigError and Impossible."""
    if known is not None and known.kind == "cabinet":
        raise Impossible(f"{args.dir} is the broker of the village {known.site}: leave --district out, or give another "
                         "--dir")
    if args.bridge or args.no_bridge:
        raise Impossible("a district's broker is joined by villages and joins none: leave --bridge out")
    before = known.card if known is not None else None
    name = args.district or (before.district if before else None)
    page = args.page or (before.page if before else None)
    missing = [text for value, text in (
        (name, '--district "Huyện Thiệu Hóa"'), (page, "--page https://den.example.vn"),
        (args.address or before, "--address den.example.vn:8883, where villages reach this broker"),
    ) if not value]  # fmt: skip
    if missing:
        raise Impossible(f"the first time, a district's broker needs {'; '.join(missing)}")
    settings = _settings(args, known, kind="district", default_listen="127.0.0.1:1883")
    card = _block(Card, {
        "district": name, "page": page, "broker": args.address or (before.broker if before else None),
        "tls": settings.tls is not None, "ca": _text(args.ca) if args.ca else before.ca if before else None,
    })  # fmt: skip
    return settings.model_copy(update={"card": card, "page": card.page})


def accepted(args: argparse.Namespace, registry: Registry, notes: list[str]) -> Registry:
    """The registry with what villages sent, and in `notes` what that was. Raises ConfigError and Impossible."""
    for path in args.accept:
        entry = read(Entry, path, "give a file that a village's broker --bridge, pair --remote or unpair wrote")
        registry = accept(registry, entry, rfc3339(SystemClock().now().wall))
        what = "is let in" if entry.hash is not None else "is out"
        who = f"the village {entry.site}" if entry.role == "bridge" else f"{entry.name}, {entry.role} of {entry.site},"
        notes.append(f"{who} {what} as {entry.user}, check code {check_code(entry)}: the village's must be the same")
    return registry


def _settings(
    args: argparse.Namespace, known: Settings | None, *, kind: str, default_listen: str,
    site: Place | None = None, controller: str | None = None,
) -> Settings:  # fmt: skip
    """What is said now, else what was said before, else what is usual."""
    before: dict[str, Any] = known.model_dump() if known is not None else {}
    tls = None if args.no_tls else _tls(args, before.get("tls"))
    card = None if args.no_bridge else before.get("district")
    if args.bridge:
        card = read(Card, args.bridge, "give the card that its operator has, district.json").model_dump()
    return _block(Settings, {
        **before, "kind": kind, "site": site and site.id, "name": site and site.name,
        "controller": controller,
        "listen": args.listen or before.get("listen") or default_listen,
        "pid_file": args.pid_file or before.get("pid_file") or PID_FILE,
        "page": args.page or before.get("page"), "tls": tls, "district": card,
        "bridge": site.id if card is not None and site is not None else None,
    })  # fmt: skip


def _tls(args: argparse.Namespace, before: dict[str, str] | None) -> dict[str, str] | None:
    given = {"listen": args.tls_listen, "cert": args.cert and str(args.cert.absolute()),
             "key": args.key and str(args.key.absolute())}  # fmt: skip
    tls = {**(before or {}), **{key: value for key, value in given.items() if value}}
    if tls and (missing := [option for option in ("listen", "cert", "key") if option not in tls]):
        names = {"listen": "--tls-listen 0.0.0.0:8883", "cert": "--cert FILE", "key": "--key FILE"}
        raise Impossible(f"a TLS listener needs {' and '.join(names[option] for option in missing)} too")
    for option in ("cert", "key"):
        if tls and not Path(tls[option]).is_file():
            raise Impossible(f"{tls[option]} is not there: give --{option} a PEM file")
        if tls and not read_by_mosquitto(Path(tls[option])):
            raise Impossible(f"mosquitto could not start, for its user {BROKER_USER} cannot read {tls[option]}: copy "
                             f"it to /etc/mosquitto/certs, with chgrp {BROKER_USER} and chmod 640")
    return tls or None


def _block(form: type[_B], data: dict[str, Any]) -> _B:
    found, flaws = read_block(form, data)
    if found is None:
        raise Impossible("\n".join(flaw.text for flaw in flaws))
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise Impossible(f"--ca {path} cannot be read ({error}); give a certificate in PEM") from error
