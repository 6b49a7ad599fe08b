"""What is retained at the broker: told when it is new, and all of it to a broker that may have lost it."""

from __future__ import annotations

from collections.abc import Mapping

from edge.core import topics
from edge.core.events import Publish

ASSURED = ("state", "reading")  # QoS 1; values are QoS 0


class Retained:
    """What was last told of devices, by `<kind>/<id>`."""

    def __init__(self, names: topics.Topics) -> None:
        self._names = names
        self._sent: dict[tuple[str, str], bytes] = {}

    def tell(self, target: str, messages: Mapping[str, bytes]) -> list[Publish]:
        """Those of the messages, by the last part of their topics, that say something new."""
        new = {leaf: payload for leaf, payload in messages.items() if self._sent.get((target, leaf)) != payload}
        self._sent.update({(target, leaf): payload for leaf, payload in new.items()})
        return [
            Publish(self._names.of(target, leaf), payload, retain=True, qos=int(leaf in ASSURED))
            for leaf, payload in new.items()
        ]

    def forget(self) -> None:
        """The broker may have lost it."""
        self._sent.clear()
