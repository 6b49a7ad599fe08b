"""One switch's life: what people and its program ask for, what its limits allow, the lease that keeps it on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from edge.core import topics
from edge.core.budgets import Budget, Operated
from edge.core.climate import LOOK_S, Asked, Climate
from edge.core.events import Effect, OutputObserved, Persist, Publish, Write
from edge.core.leased import OBSERVED_WITHIN_S, Leased
from edge.core.light_state import override_row
from edge.core.lighting import ended
from edge.core.limits import Hold, Switching
from edge.core.lockout import Lockout, from_row, to_row
from edge.core.pending import GIVE_UP_S, Pending
from edge.core.retained import Retained
from edge.core.site import Switch
from edge.core.switch_line import Unlimited
from edge.core.switch_state import Wanted, ahead, state
from edge.core.values import Command, Deadline, Moment, Override, Reason, Row

REST_S = 60.0  # how long its program leaves it off after its whole max_on, and after a start, where min_off is 0
PIECE_S = 900.0  # what is charged at once: so much of its day a power cut may cost
LEAST_S = 60.0  # with less left of daily_max it is not turned on
OFF_S = 86_400.0  # how long a person's OFF stands where neither they nor a window say


@dataclass(frozen=True, slots=True)
class Around:
    """What a switch shares with others. `hand`: since when (Unix s) the cabinet's switch has it on hand; None: it has
    not. `failing`: whether the journal cannot be written."""

    switching: Switching
    operated: Operated
    hand: Callable[[], float | None] = lambda: None
    failing: Callable[[], bool] = lambda: False


class SwitchUnit:
    """Level-triggered: `step` may be called at any time and does what the present moment asks for.

    Off first at every start. ON is a lease that is renewed, also where no limit is set: a core that hangs leaves no fan
    and no siren running. With `max_on` or `daily_max` it is limited: its ON waits for its charge to be on the disk.
    `wake` is the monotonic time at which `step` has something to do even if nothing happens.
    """

    def __init__(self, target: str, switch: Switch, climate: Climate, around: Around, names: topics.Topics) -> None:
        self.target = target
        self.wake = float("-inf")
        self.wanted = Wanted(False, "default")
        self._switch = switch
        self._climate = climate
        self._limited = switch.max_on is not None or switch.daily_max is not None
        self._least_s = min(LEAST_S, switch.max_on or LEAST_S, switch.daily_max or LEAST_S)
        self._line: Leased = Unlimited(target, around.operated, around.switching)
        if self._limited:
            budget = Budget(target, switch.max_on, switch.daily_max, around.operated)
            self._line = Leased(target, target, budget, around.switching)
        self._around = around
        self._names = names
        self._since = 0.0
        self._override: Override | None = None
        self._lock: Lockout | None = None
        self._pending: Pending | None = None
        self._held: Hold | None = None
        self._by_program = False  # whoever turned it on was its program, and nobody has said anything since
        self._asked = Asked(False, "default")
        self._stays_on: Deadline | None = None  # min_on
        self._rests: Deadline | None = None  # the program turns nothing on before, because of
        self._rests_for = ""
        self._exhausted = False
        self._unanswered = False
        self._moved_at = float("-inf")
        self._runs_out: Deadline | None = None  # max_on
        self._is_for_on = False  # what is pending is an ON
        self._retained = Retained(names)

    def start(
        self, override: Override | None, lockouts: Mapping[str, Row], budgets: Mapping[str, Row], moment: Moment
    ) -> list[Effect]:
        """Turn it off, then take up what the journal kept.

        A person's ON goes on in the boot in which it was given, and in no other; an OFF in any. The program waits until
        the switch has rested.
        """
        effects = self._line.claim(moment)
        effects += self._line.recall(budgets.get(self.target), moment)
        self._unanswered, self._since = True, moment.wall
        self._rest(moment, "it rests after the start")
        if (row := lockouts.get(self.target)) is not None:
            self._lock = from_row(row)
        self._override = override
        if override is not None and override.level and (override.until is None or override.until.boot != moment.boot):
            effects += self._drop()
        return effects + self.step(moment)

    def stop(self, moment: Moment) -> list[Effect]:
        """Off before the process ends in good order, and the account closed. Nothing may follow."""
        return self._line.close(moment) if self._line.on else []

    def objection(self, command: Command, _moment: Moment) -> tuple[str, str] | None:
        """Why a valid command must not take effect on this switch now: a code and a text; None if it may."""
        if command.circuit is not None:
            return "bad-value", f"{self.target} has no circuits: leave circuit out"
        if command.action == "on" and command.level not in (None, 100):
            return "bad-value", f"{self.target} is on or off and has no levels: send ON or OFF"
        if command.action not in ("on", "auto"):
            return None
        if self._lock is not None:
            note = self._lock.note and f" ({self._lock.note})"
            return "locked", f"{self._lock.user} has locked it{note}: it must be released first"
        if command.action == "on" and self._around.hand() is not None:
            return "hand", "the cabinet's own switch stands on hand: turn it to automatic"
        return None

    def command(self, command: Command, name: str, received: Moment, moment: Moment) -> list[Effect]:
        """Take a valid command; `name` is its id, its own or one given to it."""
        effects: list[Effect] = [] if self._pending is None else [self._result("superseded", moment)]
        self._pending = Pending(self.target, name, command.user, received)
        self._is_for_on = command.action == "on"
        self._by_program = False
        self._line.forgive()
        match command.action:
            case "lock":
                self._lock = Lockout(command.user, command.note, moment.wall)
                kept = [Persist(("lockouts", self.target), to_row(self._lock))]
            case "unlock":
                self._lock = None
                kept = [Persist(("lockouts", self.target), None)]
            case "auto":
                self._override = None
                kept = [Persist(("overrides", self.target), None)]
            case _:
                on = command.action == "on"
                until = self._on_until(command, moment) if on else self._off_until(command, moment)
                self._override = Override(self.target, 100 if on else 0, until, command.user, name, moment.wall)
                kept = [Persist(("overrides", self.target), override_row(self._override))]
        return [*effects, *self.step(moment), *kept]

    def abandon(self, _target: str, name: str, _moment: Moment) -> list[Effect]:
        """The command `name` failed by a fault of the software, and who sent it is told so: no outcome follows."""
        if self._pending is not None and self._pending.id == name:
            self._pending = None
        return []

    def outputs_of(self, target: str) -> list[str]:
        """The one of its name."""
        return [target]

    def observe(self, seen: OutputObserved, moment: Moment) -> None:
        """Take note of what the output says of itself."""
        if seen.output != self.target:
            return
        if self._line.observe(seen, moment) or self._unanswered:
            self.wake = float("-inf")
        self._unanswered = False

    def stored(self, key: tuple[str, str], moment: Moment) -> None:
        """The journal has `key`."""
        if self._limited and key == ("budgets", self.target):
            self._line.stored(moment)
            self.wake = float("-inf")

    def measured(self, device: str) -> None:
        """A sensor was read: the program may ask for something else now."""
        if self._climate.needs(device):
            self.wake = float("-inf")

    def tell_again(self) -> None:
        """Forget what was sent: the broker may have."""
        self._retained.forget()
        self.wake = float("-inf")

    def step(self, moment: Moment) -> list[Effect]:
        """Do what is due."""
        self._asked = self._climate.asks(moment)  # also while somebody stands above it: conditions follow their sensors
        effects = self._anew(moment) + self._end_override(moment)
        wanted = self._safety(self._wish(moment), moment)
        if (wanted.on, wanted.reason) != (self.wanted.on, self.wanted.reason):
            self._since = moment.wall
        self.wanted = wanted
        effects += self._switch_it(moment) + self._line.repeat(moment)
        effects += self._line.keep(PIECE_S, self._around.failing(), float("-inf"), moment)
        self._unanswered |= any(isinstance(effect, Write) and effect.after is None for effect in effects)
        if not self._unanswered:
            effects += self._tell() + self._conclude(moment)
        self.wake = self._next_wake(moment)
        return effects

    def stands(self, _target: str, _moment: Moment) -> dict[str, object]:
        """What is wanted, and why until when."""
        until = None if self.wanted.until is None else topics.rfc3339(self.wanted.until)
        return {"state": topics.on_off(self.wanted.on), "reason": self.wanted.reason, "until": until}

    def conditions(self) -> list[tuple[str, str, bool, dict[str, object]]]:
        """The alarms that this switch can be the cause of: kind, device, whether its condition holds, data."""
        line = self._line
        why: dict[str, object] = {"why": line.failed or line.flaw}
        return [
            ("not-closing", self.target, line.stuck and line.line is True, why),
            ("not-opening", self.target, line.failed is not None and self.wanted.on, why),
            ("budget-exhausted", self.target, self._exhausted, {}),
            ("switching-capped", self.target, self._held is not None and self._held.capped, {}),
        ]

    # --- deciding ---

    def _wish(self, moment: Moment) -> Wanted:
        """What should be, by the first of these that has a say: lockout, hand, override, program."""
        if (lock := self._lock) is not None:
            return Wanted(False, "lockout", detail=f"locked by {lock.user}" + (lock.note and f": {lock.note}"))
        if self._around.hand() is not None:
            return Wanted(False, "hand")
        if (override := self._override) is not None:
            until = None if override.until is None else override.until.on_wall(moment)
            return Wanted(override.level > 0, "override", until)
        return self._by_climate(moment)

    def _by_climate(self, moment: Moment) -> Wanted:
        """What the program wants, as far as its minimum times and the clock let it."""
        asked = self._asked
        if asked.on and not asked.starts and not (self._line.on and self._by_program):
            return Wanted(False, "program", asked.until, asked.detail)
        if asked.on is self._line.on:
            return Wanted(asked.on, asked.reason, asked.until, asked.detail)
        if not asked.on:
            if self._by_program and asked.reason != "default" and ahead(self._stays_on, moment):
                return Wanted(True, "sensor", self._stays_on.on_wall(moment), "it stays on for min_on")
            return Wanted(False, asked.reason, asked.until, asked.detail)
        if ahead(self._rests, moment):
            reason: Reason = "safety" if self._rests_for else asked.reason
            return Wanted(False, reason, self._rests.on_wall(moment), self._rests_for or "it stays off for min_off")
        return Wanted(True, asked.reason, asked.until, asked.detail)

    def _safety(self, wish: Wanted, moment: Moment) -> Wanted:
        """What of the wish its limits allow."""
        line, self._exhausted = self._line, False
        if not wish.on or not self._limited:
            return wish
        if line.on:
            out = None if self._runs_out is None else self._runs_out.on_wall(moment)
            return replace(wish, until=min((at for at in (wish.until, out) if at is not None), default=None))
        if self._around.failing():
            return Wanted(False, "safety", None, "the memory card cannot be written: it stays off")
        if line.budget.day_left(moment) < self._least_s:
            self._exhausted = True
            return Wanted(False, "safety", None, "it has been on for as long as daily_max allows in 24 h")
        return wish

    def _anew(self, moment: Moment) -> list[Effect]:
        """Off, whoever wanted it on: what did not come or stay on, and what has used up what it may."""
        line, why = self._line, ""
        if line.on and self._limited and line.budget.on_since is None and self._around.failing():
            return self._turn_off(moment)
        if not line.ended(moment):
            return []
        if line.budget.on_since is not None and moment.mono >= line.budget.until:
            why = "it was on for as long as is charged on the memory card"
            if line.budget.stretch_left(moment) < 0.01:
                why = "it was on for as long as max_on allows at a stretch"
        self._rest(moment, why)
        effects = self._moved(line.end(moment), moment)
        return effects + (self._drop() if why and self._override is not None and self._override.level else [])

    def _end_override(self, moment: Moment) -> list[Effect]:
        """A person's word ends at its end; an ON also where a lock or the cabinet's switch stands above it."""
        override = self._override
        if override is None:
            return []
        above = self._lock is not None or self._around.hand() is not None
        return self._drop() if ended(override, moment) or (override.level and above) else []

    def _drop(self) -> list[Effect]:
        self._override = None
        return [Persist(("overrides", self.target), None)]

    def _rest(self, moment: Moment, why: str) -> None:
        """The program turns nothing on for min_off; where `why` is another reason to rest, for REST_S if that is 0."""
        rest_s = self._switch.min_off or (REST_S if why and self._limited else 0.0)
        if not ahead(self._rests, moment) or self._rests.on_mono(moment) <= moment.mono + rest_s:
            self._rests, self._rests_for = Deadline.after(rest_s, moment), why

    def _on_until(self, command: Command, moment: Moment) -> Deadline:
        """When a person's ON ends. A time of day is taken as the duration that it is from here: nobody who sets the
        clock makes it longer."""
        asked = self._switch.default if command.for_s is None else command.for_s
        if command.until is not None:
            asked = command.until - moment.wall
        budget = self._line.budget
        day_s = budget.day_left(moment)
        least = min(asked, budget.stretch_left(moment), day_s if day_s >= self._least_s else asked)
        return Deadline.after(least, moment)

    def _off_until(self, command: Command, moment: Moment) -> Deadline:
        """When a person's OFF ends: when they say, else when the program's window opens or closes next; without one,
        after OFF_S."""
        if command.for_s is not None:
            return Deadline.after(command.for_s, moment)
        if command.until is not None and command.until > moment.wall:
            return Deadline(command.until)
        edge = self._climate.next_edge(moment)
        return Deadline.after(OFF_S, moment) if edge is None else Deadline(edge)

    # --- switching ---

    def _switch_it(self, moment: Moment) -> list[Effect]:
        self._held = None
        line, wanted = self._line, self.wanted
        if not wanted.on:
            line.forgive()
            return self._turn_off(moment) if line.on else []
        if line.on:
            if self._runs_out is None and line.budget.on_since is not None and self._switch.max_on is not None:
                self._runs_out = Deadline.after(line.budget.stretch_left(moment), moment)
            return []
        if not line.ready(moment):  # what it waits for wakes it
            self._held = hold if (hold := line.hold()).at > moment.mono else None
            return []
        self._by_program = wanted.reason != "override"
        self._stays_on = Deadline.after(self._switch.min_on, moment)
        return self._moved(line.open(PIECE_S, moment), moment)

    def _turn_off(self, moment: Moment) -> list[Effect]:
        if self._line.budget.on_since is not None:
            self._rest(moment, "")
        return self._moved(self._line.close(moment), moment)

    def _moved(self, effects: list[Effect], moment: Moment) -> list[Effect]:
        self._moved_at, self._runs_out = moment.mono, None
        return effects

    # --- telling ---

    def _conclude(self, moment: Moment) -> list[Effect]:
        pending, line = self._pending, self._line
        if pending is None:
            return []
        waits = self._is_for_on and not self.wanted.on
        if waits and self._override is None:
            text = "it could not be turned on before its time was over"
            return self._finish("failed", moment, **topics.error("output-failed", text))
        if not waits and line.line is self.wanted.on:
            return self._finish("done", moment)
        if waits or self._held is not None:
            if pending.told:
                return []
            pending.told = True
            return [self._result("accepted", moment, self._detail())]
        if moment.mono < self._give_up_at(pending):
            return []
        return self._finish("failed", moment, **topics.error("output-failed", line.flaw))

    def _give_up_at(self, pending: Pending) -> float:
        on_its_way = self._line.on and self._line.budget.on_since is None
        patience_s = OBSERVED_WITHIN_S if on_its_way else GIVE_UP_S
        return max(pending.received.mono, self._moved_at) + patience_s

    def _finish(self, outcome: topics.Outcome, moment: Moment, **more: object) -> list[Effect]:
        told = self._result(outcome, moment, more)
        self._pending = None
        return [told]

    def _result(self, outcome: topics.Outcome, moment: Moment, more: Mapping[str, object] | None = None) -> Publish:
        assert self._pending is not None
        return self._pending.result(self._names, outcome, topics.on_off(self.wanted.on), moment, **(more or {}))

    def _detail(self) -> dict[str, object]:
        held, line = self._held, self._line
        fault = (line.failed if self.wanted.on else None) or line.error
        details = [self.wanted.detail, held and held.why, fault]
        text = "; ".join(told for told in details if told)
        return {"detail": text} if text else {}

    def _tell(self) -> list[Effect]:
        said = self._override if self.wanted.reason == "override" else None
        told = state(self.wanted, self._since, self._line.line, said, self._lock, self._climate.program)
        messages = {"state": topics.encode(told | self._detail()), "value": topics.on_off(self._line.line).encode()}
        return [*self._retained.tell(self.target, messages)]

    def _next_wake(self, moment: Moment) -> float:
        line = self._line
        failing = self._limited and self._around.failing()
        times = [self._climate.wakeup(self._asked, moment), line.wake(PIECE_S, failing, moment), line.retry_at]
        if self._override is not None and self._override.until is not None:
            times.append(self._override.until.on_mono(moment))
        times += [at.on_mono(moment) for at in (self._rests, self._stays_on) if at is not None]
        if self._pending is not None:
            times.append(self._give_up_at(self._pending))
        if self._held is not None:
            times.append(self._held.at)
        if self._exhausted:
            times.append(moment.mono + LOOK_S)
        return min((at for at in times if at > moment.mono), default=float("inf"))
