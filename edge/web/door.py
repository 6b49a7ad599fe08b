"""Who may come as far as the broker: pages of this origin, from addresses whose logins do not fail again and again."""

from __future__ import annotations

import asyncio
import ipaddress
import re
from collections import deque
from collections.abc import Collection
from weakref import WeakValueDictionary

from edge.shell.clock import Clock

FAILURES = 10
WITHIN_S = 60.0
ADDRESSES = 10_000  # remembered at most: the address that failed longest ago is forgotten first
LOCAL = (ipaddress.ip_network("fc00::/7"), ipaddress.ip_network("fe80::/10"))
ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
DEFAULT_PORT = {"http": ":80", "https": ":443"}


class Door:
    """Counts failed logins by address; one login of an address goes at a time, so that none slips past the count.

    An address is a client's IPv4 address or the /64 network of its IPv6 address, since whoever comes over the Internet
    has a whole one of those; of a local IPv6 address it is the address itself, since there a /64 is the whole village.
    """

    def __init__(self, clock: Clock, origins: Collection[str] = ()) -> None:
        """`origins` are let in beside the page's own: those of a reverse proxy, such as https://thon.example."""
        self._clock = clock
        self._origins = frozenset(map(plain_origin, origins))
        self._failed: dict[str, deque[float]] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def own(self, origin: str | None, scheme: str, host: str | None) -> bool:
        """Whether a page with this Origin header may ask; `scheme` and `host` are those of its request."""
        if not origin or not ORIGIN.fullmatch(origin.lower()):
            return False
        given = plain_origin(origin)
        return given in self._origins or (host is not None and given == plain_origin(f"{scheme}://{host}"))

    def shut_s(self, address: str) -> float:
        """How long yet nobody is let in from this address (s); 0 when the door is open."""
        times = self._failed.get(address)
        if times is None or len(times) < FAILURES:
            return 0.0
        return max(0.0, times[0] + WITHIN_S - self._clock.mono())

    def failed(self, address: str) -> bool:
        """Count a failed login; whether the address is shut out from now on."""
        times = self._failed.pop(address, None) or deque(maxlen=FAILURES)
        times.append(self._clock.mono())
        self._failed[address] = times  # now the last to be forgotten
        if len(self._failed) > ADDRESSES:
            del self._failed[next(iter(self._failed))]
        return self.shut_s(address) > 0

    def shut(self) -> int:
        """How many addresses are shut out now."""
        for address in [a for a, times in self._failed.items() if times[-1] + WITHIN_S <= self._clock.mono()]:
            del self._failed[address]
        return sum(self.shut_s(address) > 0 for address in self._failed)

    def turn(self, address: str) -> asyncio.Lock:
        """Held from a login's CONNECT to the broker's answer."""
        lock = self._turns.get(address)
        if lock is None:
            lock = self._turns[address] = asyncio.Lock()
        return lock


def plain_origin(origin: str) -> str:
    """An origin as browsers write it: small letters, no port where it is the scheme's own."""
    plain = origin.lower()
    return plain.removesuffix(DEFAULT_PORT[plain.partition(":")[0]])


def address_of(peer: str | None, forwarded: Collection[str] = ()) -> str:
    """The address that failures are counted by; `forwarded` are X-Forwarded-For headers, where a proxy is trusted.

    The last entry is the one that our own proxy wrote.
    """
    last = list(forwarded)[-1].rpartition(",")[2].strip() if forwarded else ""
    return _counted(last) or _counted(peer or "") or "unknown"


def _counted(text: str) -> str:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    if any(address in network for network in LOCAL):
        return str(address)
    return str(ipaddress.ip_network((address, 64), strict=False))
