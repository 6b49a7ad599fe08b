"""What safe mode decides: every output as is safe, lights so that nobody walks in the dark, and an answer to everybody.

A worker without I/O of its own: orders go to the hands, messages to the link.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from edge.core import topics
from edge.core.alarm_kinds import SAFE_MODE
from edge.core.alarms import Alarms
from edge.core.commands import Commands
from edge.core.events import CommandReceived, Effect, Event, LinkChanged, Publish, RequestReceived
from edge.core.limits import Switching
from edge.core.pending import Pending
from edge.core.retained import Retained
from edge.core.values import Command, Deadline, Moment, Refusal, Request
from edge.shell import safe_mode_told as told
from edge.shell.clock import Clock
from edge.shell.runner import Inbox
from edge.shell.safe_file import NEVER_ON
from edge.shell.safe_mode_hands import Driven, Locked, Want
from edge.shell.safe_mode_night import Nights
from edge.shell.safe_mode_told import Off, Output

log = logging.getLogger(__name__)
OFF_FOR_S = 12 * 3600.0  # an OFF without an end, where no sunset or sunrise is known
REFUSED = "safe mode: only off and close work until the controller is repaired; look at the alarm {alarm}"
Told = Event | Driven | Locked


@dataclass(slots=True)
class _Waiting:
    """An OFF whose outputs have not all answered."""

    pending: Pending
    left: set[str] = field(default_factory=set)


class Room:
    """The worker. `alive` is called after each step that went well."""

    name = "safe-mode"

    def __init__(
        self, village: Mapping[str, Any], outputs: Sequence[Output], alarm: Mapping[str, Any], version: str,
        clock: Clock, inbox: Inbox[Told], want: Callable[[Want], None], publish: Callable[[Publish], None],
        alive: Callable[[], None],
    ) -> None:
        """`village` as of safe.json; `alarm` is the data of the alarm `safe-mode`. Raises KeyError, TypeError or
        ValueError where `village` is none."""
        self.inbox = inbox
        site = village["site"]
        self._names = topics.Topics(site["id"])
        self._about = told.about(village, version)
        self._devices = {f"{d['kind']}/{d['id']}": d for d in village["devices"]}
        self._outputs = {output.name: output for output in outputs}
        self._of = {
            target: [o for o in outputs if o.target == target] for target in self._devices
        }
        self._nights = Nights(site)
        self._clock = clock
        self._want = want
        self._publish = publish
        self._alive = alive
        self._switching = Switching(0, 0)
        self._retained = Retained(self._names)
        self._commands = Commands(self._names, {})
        place = f"site/{site['id']}"
        self._alarm_id = f"{SAFE_MODE}:site:{site['id']}"
        self._alarms = Alarms({place: site["name"]}, self._names, {})
        self._raise = partial(self._alarms.state, SAFE_MODE, place, True, data=dict(alarm))
        self._offs: dict[str, Off] = {}
        self._waiting: dict[str, _Waiting] = {}
        self._since: dict[str, tuple[object, float]] = {}  # by device: what is wanted and why, since when (Unix s)
        self._vouched: tuple[bool, str] | None = None
        self._untold = set(self._devices)  # of which there may be something new to tell
        self._locks_heard = False
        self._up = False

    @property
    def targets(self) -> list[str]:
        """What takes commands, `<kind>/<id>`."""
        return [target for target, outputs in self._of.items() if outputs]

    def on_wake(self, wake: Callable[[], None]) -> None:
        """Have `wake` called when an event arrives."""
        self.inbox.wake = wake

    def step(self, moment: Moment) -> float | None:
        """Take what has come, and see that everything is as it should be."""
        self._raise(moment=moment)
        self._send(self._alarms.step(moment))
        while (event := self.inbox.take()) is not None:
            self._take(event, moment)
        again = self._decide(moment)
        self._tell(moment)
        self._alive()
        return again

    def _send(self, effects: Sequence[Effect]) -> None:
        """Say what there is to say; what is to be kept is not: nothing is written to the card."""
        for effect in effects:
            if isinstance(effect, Publish):
                self._publish(effect)

    def _take(self, event: Told, moment: Moment) -> None:
        match event:
            case CommandReceived():
                self._command(event, moment)
            case RequestReceived():
                self._request(event.request, moment)
            case LinkChanged():
                self._up = event.up
                if event.up:
                    self._introduce(moment)
            case Driven():
                self._driven(event, moment)
            case Locked():
                self._lock(event)
            case _:
                pass  # what a daemon would be told besides

    # --- outputs ---

    def _decide(self, moment: Moment) -> float | None:
        """Order what is to be otherwise; the monotonic time at which there is more to do."""
        night, change = self._nights.at(moment.wall) if moment.trusted else (True, None)
        ends = [] if change is None else [moment.mono_at(change)]
        for target in [target for target, off in self._offs.items() if off.until.passed(moment)]:
            del self._offs[target]
            self._untold.add(target)
        for output in self._outputs.values():
            before = output.wanted, output.held
            output.wanted, output.held = self._wanted(output, night), None
            if output.wanted is None or output.wanted == output.on:
                continue
            if output.wanted:
                if not self._locks_heard:
                    continue
                hold = self._switching.on_allowed_at(output.name, output.group, output.restrike_s)
                if hold.at > moment.mono:
                    output.held = hold.why
                    ends.append(hold.at)
                    if before != (True, hold.why):
                        self._untold.add(output.target)
                    continue
            self._order(output, output.wanted, moment)
        ends += [off.until.on_mono(moment) for off in self._offs.values()]
        return min(ends, default=None)

    def _wanted(self, output: Output, night: bool) -> bool | None:
        """None: it is left as it is."""
        if output.kind in NEVER_ON or output.target in self._offs or output.safe == "off":
            return False
        if output.locked:
            return False if output.on is False else None
        return True if output.safe == "on" else night

    def _order(self, output: Output, on: bool, moment: Moment, urgent: bool = False) -> None:
        if output.on is not on and output.kind not in NEVER_ON:
            self._switching.switched(output.name, output.group, on, moment.mono)
        output.wanted = output.on = on
        self._untold.add(output.target)
        self._want(Want(output.name, on, urgent))

    def _driven(self, event: Driven, moment: Moment) -> None:
        output = self._outputs.get(event.output)
        if output is None:
            return
        if (output.seen, output.error) != (event.on, event.error):
            output.seen, output.error = event.on, event.error
            self._untold.add(output.target)
        waiting = self._waiting.get(output.target)
        if waiting is None or event.asked or output.name not in waiting.left:
            return
        waiting.left.discard(output.name)
        if event.on is not False:
            del self._waiting[output.target]
            self._tell(moment)
            why = event.error or "its line does not say that it is off"
            self._result(waiting.pending, "failed", moment, **topics.error("output-failed", f"{output.name}: {why}"))
        elif not waiting.left:
            del self._waiting[output.target]
            self._tell(moment)
            self._result(waiting.pending, "done", moment)

    def _lock(self, event: Locked) -> None:
        self._locks_heard = True
        names = event.names or ()
        self._untold |= self._devices.keys()
        for output in self._outputs.values():
            output.locked = output.name in names or output.target in names
            if output.locked and output.on and output.kind == "light":
                output.wanted = output.on = None  # the hands switch nothing on that is locked

    # --- commands and requests ---

    def _command(self, event: CommandReceived, moment: Moment) -> None:
        command = event.command
        if isinstance(command, Refusal):
            self._send(self._commands.refuse(command, moment))
        elif command.action in topics.ALWAYS:
            self._off(command, event.received, moment)
        else:
            because = REFUSED.format(alarm=self._alarm_id)
            refusal = Refusal("safe-mode", because, command.target, command.user, command.id)
            self._send(self._commands.refuse(refusal, moment))

    def _off(self, command: Command, received: Moment, moment: Moment) -> None:
        name = self._commands.name(command, moment)
        outputs = self._of[command.target]
        was = self._stands(command.target)
        if command.target.startswith("light/"):
            self._offs[command.target] = Off(command.user, name, self._until(command, moment))
        for output in outputs:
            self._order(output, False, moment, urgent=True)
        before = self._waiting.pop(command.target, None)
        if before is not None:
            self._result(before.pending, "superseded", moment)
        pending = Pending(command.target, name, command.user, received)
        self._waiting[command.target] = _Waiting(pending, {output.name for output in outputs})
        self._send(self._commands.taken(command, name, was, self._stands(command.target), moment))

    def _until(self, command: Command, moment: Moment) -> Deadline:
        """As long as was said; else until the next sunset or sunrise."""
        if command.for_s is not None:
            return Deadline.after(command.for_s, moment)
        if command.until is not None and moment.trusted and command.until > moment.wall:
            return Deadline(command.until)
        change = self._nights.at(moment.wall)[1] if moment.trusted else None
        return Deadline.after(OFF_FOR_S, moment) if change is None else Deadline(change)

    def _stands(self, target: str) -> dict[str, object]:
        on = any(output.wanted for output in self._of[target])
        words = topics.open_closed if target.startswith("valve/") else topics.on_off
        return {"state": words(on), "reason": "override" if target in self._offs else "safety"}

    def _result(self, pending: Pending, outcome: topics.Outcome, moment: Moment, **more: object) -> None:
        state = str(self._stands(pending.target)["state"])
        self._publish(pending.result(self._names, outcome, state, moment, **more))

    def _request(self, request: Request, moment: Moment) -> None:
        answer: dict[str, object] = {"id": request.id, "ok": True}
        if request.name == "alarms":
            answer["alarms"] = self._alarms.listed()
        elif request.name == topics.STOP:
            for output in self._outputs.values():
                if output.kind in ("pump", "valve"):
                    self._order(output, False, moment, urgent=True)
            answer["cancelled"] = []
            details = {"request": request.name, "cancelled": []}
            self._send(self._commands.audit(None, request.user, request.id, "accepted", details, moment))
        else:
            answer |= {"ok": False, **topics.error("safe-mode", REFUSED.format(alarm=self._alarm_id))}
        self._publish(Publish(request.reply_to, topics.encode(answer), correlation=request.correlation))

    # --- what is told ---

    def _introduce(self, moment: Moment) -> None:
        """Everything that is retained; `online` comes last, when all is there."""
        self._retained.forget()
        self._untold |= self._devices.keys()
        self._publish(Publish(self._names.about, self._about, retain=True))
        self._vouched = None
        self._send(self._alarms.link(True))
        self._send(self._alarms.step(moment))
        self._tell(moment)
        self._publish(Publish(self._names.status, b"online", retain=True))

    def _tell(self, moment: Moment) -> None:
        """What is new of the clock and of the devices."""
        if not self._up:
            return
        vouched = moment.trusted, self._clock.source
        if vouched != self._vouched:
            self._vouched = vouched
            self._untold |= self._devices.keys()
            now = {"now": topics.rfc3339(moment.wall), "trusted": moment.trusted, "source": self._clock.source}
            self._publish(Publish(self._names.time, topics.encode(now), retain=True))
        told_now, self._untold = self._untold & self._devices.keys(), set()
        for target in sorted(told_now):
            device, outputs = self._devices[target], self._of[target]
            if not outputs:
                messages = told.unheard(device)
            else:
                wanted = [output.wanted for output in outputs], self._stands(target)
                if target not in self._since or self._since[target][0] != wanted:
                    self._since[target] = wanted, moment.wall
                since = self._since[target][1]
                messages = told.messages(device, outputs, self._offs.get(target), since, moment.trusted, moment)
            for message in self._retained.tell(target, messages):
                self._publish(message)
