"""Where requests are answered: `<root>/ask/<user>/<name>`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from edge.core import topics
from edge.core.alarms import Alarms
from edge.core.values import Effect, Request


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back, and what the request changed. `changes`: its outcome for the audit, empty if it only read."""

    payload: dict[str, object]
    effects: Sequence[Effect] = field(default=())
    changes: str = ""


class Desk:
    """Answers requests by name."""

    def __init__(self, alarms: Alarms) -> None:
        self._alarms = alarms

    def answer(self, request: Request) -> Answer:
        """The answer to a well-formed request; one that cannot be met is answered with a code and a remedy."""
        match request.name:
            case "alarms":
                return Answer({"ok": True, "alarms": self._alarms.listed()})
            case "alarm-ack":
                return self._acknowledge(request)
        text = f"{request.name}: this version answers alarms and alarm-ack"
        return Answer({"ok": False, **topics.error("unknown-request", text)})

    def _acknowledge(self, request: Request) -> Answer:
        """The alarm is named by `alarm`, or by the request's own `id`."""
        named = request.fields.get("alarm", request.id)
        effects = self._alarms.acknowledge(named, request.user) if isinstance(named, str) else None
        if effects is None:
            error = topics.error("unknown-alarm", "name an open alarm in the field alarm; see the request alarms")
            return Answer({"ok": False, **error}, changes="rejected")
        return Answer({"ok": True, "alarms": self._alarms.listed()}, effects, "accepted")
