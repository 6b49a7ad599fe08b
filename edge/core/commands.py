"""What all commands have in common: which have no effect, whose ids are used up, and the trail of who did what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from edge.core import topics
from edge.core.events import Effect, Persist, Publish
from edge.core.values import Command, Deadline, Moment, Refusal, Request, Row

USED_FOR_S = 86400.0  # how long a user may not use a command id again
MOST_USED = 50_000
FURTHEST_UNTIL_S = 366 * 86400.0
FAILED = "the controller's software failed at it: see the alarm core-failing"
FAILED_OFF = f"the outputs were told off, but {FAILED}"


class Commanded(Protocol):
    """Who obeys commands for one device or several, each named `<kind>/<id>`.

    `target` is what alarms about itself are about, `wake` the monotonic time at which it has something to do even if
    nothing happens.
    """

    target: str
    wake: float

    def objection(self, command: Command, moment: Moment, /) -> tuple[str, str] | None:
        """Why a valid command must not take effect now: a code of topics.CODES and a text; None if it may."""

    def command(self, command: Command, name: str, received: Moment, moment: Moment, /) -> list[Effect]:
        """Take a valid command; `name` is its id, its own or one given to it."""

    def abandon(self, target: str, name: str, moment: Moment, /) -> list[Effect]:
        """The command `name` failed by a fault of the software, and who sent it is told so: no outcome follows."""

    def outputs_of(self, target: str, /) -> list[str]:
        """The outputs that an OFF turns off, in the order in which it does."""

    def stands(self, target: str, moment: Moment, /) -> dict[str, object]:
        """What the device is wanted to be, why (`reason`) and `until` when (RFC 3339, None: not by itself)."""

    def conditions(self) -> list[tuple[str, str, bool, dict[str, object]]]:
        """The alarms that its devices can be the cause of: kind, device, whether its condition holds, data."""


class Commands:
    """Takes commands in: refuses what must have no effect, and keeps the trail."""

    def __init__(self, names: topics.Topics, used: Mapping[str, Deadline]) -> None:
        """`used`: until when which ids (`<user>/<id>`) may not be used again."""
        self._names = names
        self._used = dict(used)
        self._given = 0

    def objection(self, command: Command, moment: Moment) -> tuple[str, str] | None:
        """Why a well-formed command must not take effect: a code and a text; None if it may."""
        if command.action in topics.ALWAYS:
            return None
        if command.expires_at is not None and moment.trusted and moment.wall > command.expires_at:
            return "expired", f"it expired {moment.wall - command.expires_at:.1f} s before it arrived: send it again"
        used = self._used.get(f"{command.user}/{command.id}") if command.id is not None else None
        if used is not None and not used.passed(moment):
            return "repeated", "this user has used this id within the last 24 hours: give each command an id of its own"
        if command.until is not None and not moment.wall < command.until <= moment.wall + FURTHEST_UNTIL_S:
            return "bad-value", "until must lie in the future, within a year"
        return None

    def name(self, command: Command, moment: Moment) -> str:
        """Its id, or one that is given to it."""
        if command.id is not None:
            return command.id
        self._given += 1
        return f"c-{round(moment.wall * 1000)}-{self._given}"

    def taken(
        self, command: Command, name: str, was: Mapping[str, object], now: Mapping[str, object], moment: Moment
    ) -> list[Effect]:
        """The command was taken: its own id is used up, and what it changed goes into the trail. `was` and `now` are
        what the device `stands` at, before and after."""
        effects = [] if command.id is None else self._mark_used(command.user, command.id, moment)
        details = {"action": command.action, **now, "was": {key: was[key] for key in was if key != "until"}}
        if command.action == "lock":
            details["note"] = command.note
        if command.circuit is not None:
            details["circuit"] = command.circuit
        return effects + self.audit(command.target, command.user, name, "accepted", details, moment)

    def failed(self, command: Command, name: str, received: Moment, moment: Moment) -> list[Effect]:
        """The software failed at the command, and nobody knows at what of it: its own id is used up all the same."""
        because = topics.error("output-failed", FAILED_OFF if command.action in topics.ALWAYS else FAILED)
        took_ms = round((moment.mono - received.mono) * 1000)
        payload = topics.result(name, command.user, "failed", took_ms=took_ms, **because)
        told = Publish(self._names.of(command.target, "result"), payload)
        used = [] if command.id is None else self._mark_used(command.user, command.id, moment)
        details = {"action": command.action, **because}
        return [told, *used, *self.audit(command.target, command.user, name, "failed", details, moment)]

    def failed_request(self, request: Request, moment: Moment) -> list[Effect]:
        """The software failed at a request that turns off."""
        because = topics.error("output-failed", FAILED_OFF)
        answer = topics.encode({"id": request.id, "ok": False, **because})
        details = {"request": request.name, **because}
        return [
            Publish(request.reply_to, answer, correlation=request.correlation),
            *self.audit(None, request.user, request.id, "failed", details, moment),
        ]

    def refuse(self, refusal: Refusal, moment: Moment) -> list[Effect]:
        """Say why it has no effect, to whoever sent it and in the trail."""
        effects: list[Effect] = []
        because = topics.error(refusal.code, refusal.message)
        if refusal.target is not None:
            payload = topics.result(refusal.id, refusal.user, "rejected", **because)
            effects.append(Publish(self._names.of(refusal.target, "result"), payload))
        if refusal.reply_to is not None:
            answer = topics.encode({"id": refusal.id, "ok": False, **because})
            effects.append(Publish(refusal.reply_to, answer, correlation=refusal.correlation))
        if refusal.clear is not None:
            effects.append(Publish(refusal.clear, b"", retain=True))
        return effects + self.audit(refusal.target, refusal.user, refusal.id, "rejected", because, moment)

    def audit(
        self, target: str | None, user: str | None, name: str | None, outcome: str, details: Mapping[str, object],
        moment: Moment,
    ) -> list[Effect]:
        """Who did what and what it changed: told as it happens, and kept."""
        entry = {
            "at": topics.rfc3339(moment.wall), "user": user, "device": target, "id": name, "outcome": outcome, **details
        }
        row: Row = {
            "at": moment.wall, "user": user, "device": target, "command": name, "outcome": outcome,
            "details": topics.encode(details).decode(),
        }
        return [Publish(self._names.audit, topics.encode(entry)), Persist(("audit", ""), row)]

    def _mark_used(self, user: str, command_id: str, moment: Moment) -> list[Effect]:
        key = f"{user}/{command_id}"
        until = Deadline.after(USED_FOR_S, moment)
        self._used.pop(key, None)
        self._used[key] = until
        row: Row = {"until_wall": until.wall, "until_mono": until.mono, "until_boot": until.boot}
        effects: list[Effect] = [Persist(("commands", key), row)]
        if len(self._used) > MOST_USED:
            oldest = next(iter(self._used))
            del self._used[oldest]
            effects.append(Persist(("commands", oldest), None))
        return effects
