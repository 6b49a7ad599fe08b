"""What `village-edge broker` was told of this broker, broker.json, and a district's card, district.json."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from edge.core.site_base import Block
from edge.core.site_terms import Id, Name, Term, Wrong, shown

ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9_.-]+)):([0-9]{1,5})")
WEB = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+(/[A-Za-z0-9._~/%-]*)?")
LOOPBACK = re.compile(r"127\.[0-9.]+|localhost|::1")
PEM = re.compile(r"-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n")
PID_FILE = "/run/mosquitto/mosquitto.pid"  # Debian's


def parted(address: str) -> tuple[str, int]:
    """Host and port of HOST:PORT. Raises ValueError."""
    found = ADDRESS.fullmatch(address)
    if found is None or not 1 <= int(found[3]) <= 65535:
        raise ValueError(f"{shown(address)} is no address; write HOST:PORT, such as 127.0.0.1:1883")
    return found[1] or found[2], int(found[3])


def web_address(value: object) -> str:
    """The page's address, without a slash at its end. Raises ValueError."""
    if isinstance(value, str) and WEB.fullmatch(value):
        return value.rstrip("/")
    raise Wrong(f"{shown(value)} is no page's address; write http://HOST:PORT or https://HOST, without # or spaces")


def _read_address(value: object) -> str:
    try:
        parted(str(value))
    except ValueError as error:
        raise Wrong(str(error)) from None
    return str(value)


def _read_path(value: object) -> str:
    if isinstance(value, str) and value.startswith("/") and value.isprintable() and value == value.strip():
        return value
    raise Wrong(f"{shown(value)} is no path here; write it whole, from /, without spaces at its ends")


def _read_pem(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(f"({PEM.pattern})+", value):
        return value
    raise Wrong("this is no certificate; have the district's card written anew with --ca FILE.pem")


Address = Annotated[str, Term(_read_address, {"type": "string"})]
FilePath = Annotated[str, Term(_read_path, {"type": "string"})]
Page = Annotated[str, Term(web_address, {"type": "string"})]
Pem = Annotated[str, Term(_read_pem, {"type": "string"})]


class Card(Block):
    """What a village needs to know of its district. `ca`: what vouches for its broker; None: the public authorities."""

    district: Name
    page: Page
    broker: Address
    tls: bool
    ca: Pem | None = None


class Tls(Block):
    """A listener for those who come over a network. `cert` may be a chain."""

    listen: Address
    cert: FilePath
    key: FilePath


class Settings(Block):
    """Of one broker. `page`: the address that a QR code opens; None: this machine's at the time of pairing.

    `site` and `name` are a cabinet's, whose controller logs in as `controller`; `district` its district, if it has one,
    and `bridge` its user there. `card` is a district's own.
    """

    kind: Literal["cabinet", "district"]
    listen: Address
    pid_file: FilePath
    tls: Tls | None = None
    page: Page | None = None
    site: Id | None = None
    name: Name | None = None
    controller: Id | None = None
    district: Card | None = None
    bridge: Id | None = None
    card: Card | None = None
