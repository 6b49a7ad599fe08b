"""A command that was accepted and whose outcome is still open; and how an outcome is told."""

from __future__ import annotations

from dataclasses import dataclass

from edge.core import topics
from edge.core.events import Publish
from edge.core.values import Moment

GIVE_UP_S = 3.0  # an output that has not shown what it was told by then has failed its command


@dataclass(slots=True)
class Pending:
    """`target` is `<kind>/<id>`, `received` is when the command reached this process."""

    target: str
    id: str
    user: str
    received: Moment
    told: bool = False  # "accepted" has been sent

    def result(
        self, names: topics.Topics, outcome: topics.Outcome, state: str, moment: Moment, **more: object
    ) -> Publish:
        """Its outcome; `state` is the device's, in the words of its topic."""
        took_ms = round((moment.mono - self.received.mono) * 1000)
        payload = topics.result(self.id, self.user, outcome, state=state, took_ms=took_ms, **more)
        return Publish(names.of(self.target, "result"), payload)
