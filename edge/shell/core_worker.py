"""The worker around the core: events from its inbox, time, and what the outputs say; effects carried out in order."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from edge.core.alarms import Past
from edge.core.controller import Controller
from edge.core.events import ClockChanged, Effect, Event, InputChanged, Stored, Tick
from edge.core.values import Moment
from edge.shell.clock import Clock
from edge.shell.contacts import Contacts
from edge.shell.effects import Effects
from edge.shell.pulses import Pulses
from edge.shell.runner import Inbox

log = logging.getLogger(__name__)
JUMP_S = 0.5  # more than NTP slews in a second: somebody set the clock
BATCH = 64  # events taken between two looks at the time


class CoreWorker:
    """Never blocks on anything but an output's own line."""

    name = "core"

    def __init__(
        self, controller: Controller, effects: Effects, clock: Clock, inbox: Inbox[Event], look_every_s: float = 1.0,
        contacts: Contacts | None = None, pulses: Pulses | None = None, passed: Callable[[], None] = lambda: None,
    ) -> None:
        """`look_every_s`: how often every output's own line is read back, and every contact and counter read. `passed`
        is called when the core has taken all that was read back, and then a tick; it must not wait, nor raise."""
        self.inbox = inbox
        self._controller = controller
        self._effects = effects
        self._contacts = contacts or Contacts({})
        self._pulses = pulses or Pulses({})
        self._clock = clock
        self._passed = passed
        self._look_every_s = look_every_s
        self._look_at = float("-inf")
        self._offset: float | None = None
        self._vouched: tuple[bool, str] | None = None
        self._read_back = False  # by the core, since it last passed

    def start(self, fallback: str | None = None, past: Past | None = None) -> None:
        """Read the contacts, then claim every output at the level it should have now. Called once, before the worker's
        first step.

        `fallback`: why the last good configuration is in force in place of the newest. `past`: what safe mode raised.
        """
        moment = self._clock.now()
        self._look_at = moment.mono + self._look_every_s
        for told in self._contacts.look(moment.mono):
            self._handle(told)
        self._carry_out(self._controller.start(moment, fallback, past))
        for counted in self._pulses.look(self._clock.mono()):
            self._handle(counted)
        self._effects.flush()
        self._read_back = True  # each output as it was claimed

    def stop(self) -> None:
        """Tell the core what the outputs show at the end, and have kept what only it knows. Called once, after the
        worker's last step."""
        for seen in self._effects.look():
            self._handle(seen)
        for counted in self._pulses.look(self._clock.mono()):
            self._handle(counted)
        self._carry_out(self._controller.stop(self._clock.now()))
        self._effects.flush()

    def on_wake(self, wake: Callable[[], None]) -> None:
        """Have `wake` called when an event arrives."""
        self.inbox.wake = wake

    def step(self, moment: Moment) -> float | None:
        """Take what has come, then do what is due."""
        self._watch_clock(moment)
        for _ in range(BATCH):
            event = self.inbox.take()
            if event is None:
                break
            if isinstance(event, Stored):
                for seen in self._effects.stored(event):
                    self._handle(seen)
            elif isinstance(event, InputChanged):
                self._contacts.heard(event)
            self._handle(event)
        if moment.mono >= self._look_at:
            self._look_at = moment.mono + self._look_every_s
            self._read_back = False
            taken = [self._handle(seen) for seen in self._effects.look()]
            self._read_back = all(taken)
            for told in self._contacts.look(self._clock.mono()):
                self._handle(told)
            for counted in self._pulses.look(self._clock.mono()):
                self._handle(counted)
        for told in self._contacts.look_again(self._clock.mono()):
            self._handle(told)
        ticked = self._handle(Tick())
        self._effects.flush()
        if ticked and self._read_back:
            self._read_back = False
            self._passed()
        if len(self.inbox):
            return moment.mono
        return min(self._controller.wakeup(), self._look_at, self._contacts.due)

    def _watch_clock(self, moment: Moment) -> None:
        offset = moment.wall - moment.mono
        known = self._offset is not None and abs(offset - self._offset) < JUMP_S
        vouched = moment.trusted, self._clock.source
        if not known or vouched != self._vouched:
            if self._offset is not None and not known:
                log.warning("the wall clock was set by %+.1f s", offset - self._offset)
            self._vouched = vouched
            self._handle(ClockChanged(self._clock.source))
        self._offset = offset

    def _handle(self, event: Event) -> bool:
        """Have an event decided on, and all that the outputs then show. Whether the core could: what fails for one
        device is no failure of the core (edge/core/failures.py)."""
        try:
            effects = self._controller.handle(event, self._clock.now())
        except Exception:  # one bad event must not cost the village its lights
            log.exception("the core failed on %s", type(event).__name__)
            return False
        self._carry_out(effects)
        return True

    def _carry_out(self, effects: Iterable[Effect]) -> None:
        """Each decision as a whole, before what its writes show is decided upon: what is left of an older one would
        undo a newer."""
        shown: list[Event] = []
        self._effects.run(effects, shown.append)
        for seen in shown:
            self._handle(seen)
