"""Messages that the broker does not take, so that they block nothing behind them."""

from __future__ import annotations

from typing import NamedTuple

TRIES = 3
TOLD = 3  # topics named at once


class _Aside(NamedTuple):
    size: int
    why: str
    blocked: bool  # it would cost the link; else it is only refused


class Refused:
    """By topic, with how large the message was: a smaller one is tried.

    A broker of MQTT 3.1.1 says nothing when a message is too large: it ends the link. The message that was first in
    line TRIES times in a row when that happened is set aside. Whenever the link breaks for another reason, it gets one
    more try, for the broker may have changed.
    """

    def __init__(self) -> None:
        self._aside: dict[str, _Aside] = {}
        self._again: dict[str, _Aside] = {}  # tried once more
        self._first: tuple[str, int] | None = None  # who was first in line, and how many times
        self.largest: int | None = None  # packet, as the broker said, in bytes

    def __bool__(self) -> bool:
        """Whether there are any, or one is suspected."""
        return bool(self._aside or self._again or self._first)

    def blocks(self, topic: str, size: int) -> bool:
        """Whether a message of `size` bytes on this topic must not be sent."""
        known = self._aside.get(topic)
        if known is not None and known.blocked and size >= known.size:
            return True
        if self.largest is None or size <= self.largest:
            return False
        self._aside[topic] = _Aside(size, f"{size} bytes, and it takes {self.largest}", blocked=True)
        return True

    def link_cut(self, first: tuple[str, int] | None, why: str) -> bool:
        """The link broke, and not by us; `first` in line was a message of that topic and size. Whether messages are to
        go one at a time, so that there is no doubt which."""
        if first is None:
            self._first = None
            self._again |= {topic: known for topic, known in self._aside.items() if known.blocked}
            self._aside = {topic: known for topic, known in self._aside.items() if not known.blocked}
            return bool(self._again)
        topic, size = first
        before = TRIES - 1 if topic in self._again else 0
        times = 1 + max(before, self._first[1] if self._first is not None and self._first[0] == topic else 0)
        self._first = topic, times
        if times >= TRIES:
            self._first = None
            self._again.pop(topic, None)
            self._aside[topic] = _Aside(size, why, blocked=True)
        return times == TRIES - 1 or bool(self._again)

    def answered(self, topic: str, size: int, why: str | None) -> None:
        """The broker has answered a message on this topic: it took it (`why` None), or refused it alone."""
        self._again.pop(topic, None)
        if self._first is not None and self._first[0] == topic:
            self._first = None
        if why is not None:
            self._aside[topic] = _Aside(size, why, blocked=False)
        elif (known := self._aside.get(topic)) is not None and (size >= known.size or not known.blocked):
            del self._aside[topic]

    def told(self) -> str | None:
        """Which topics, and why; None: all is taken."""
        known = {**self._again, **self._aside}
        words = [f"{topic}: {aside.why}" for topic, aside in sorted(known.items())]
        more = [f"and {len(words) - TOLD} more"] if len(words) > TOLD else []
        return "; ".join([*words[:TOLD], *more]) or None
