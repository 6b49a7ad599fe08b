"""A pump and its valves, or one valve that needs no pump: what may be open, in which order, and for how long."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from edge.core import topics
from edge.core.budgets import Budget
from edge.core.events import Effect, OutputObserved, Persist
from edge.core.leased import FOREVER, OBSERVED_WITHIN_S, Leased
from edge.core.memory import WaterMemory
from edge.core.run_words import words
from edge.core.site_devices import Pump, Valve
from edge.core.station_terms import Around, Waiting, Want
from edge.core.values import Moment, Row

__all__ = ["Around", "Station", "Waiting", "Want"]

ROOM_EVERY_S = 1.0  # nobody tells a station that there is room for its pump
WORTH_S = 10.0  # for less water than that, unless less is wanted, no budget is used up
QUEUE = Waiting("queue", "another valve has the pump", "queue")
JOURNAL = Waiting("safety", "the journal cannot be written: nothing opens that is not on the card", "journal-failing")
UNANSWERED = Waiting("safety", "the journal has not answered yet", "journal")
MAX_ON = Waiting("safety", "it was open for as long as max_on allows", "max-on", final=True)


class Station:
    """Level-triggered: `step` may be called at any time and does what the wants of the present moment ask for.

    A valve opens first and its pump follows `lead` s later; the last valve closes `lag` s after the pump was told off.
    `targets`: its outputs, the pump first. `wake`: the monotonic time at which `step` has something to do even if
    nothing happens. Every Stored of the table `budgets` is to be handed to `stored`, before the next step.
    """

    def __init__(
        self, valves: Mapping[str, Valve], pump: tuple[str, Pump] | None, around: Around, water: WaterMemory
    ) -> None:
        """`valves` by id, in the order of the configuration: those of `pump`, an id with its wiring; without one, a
        single valve. `water`: what the journal kept."""
        assert pump is not None or len(valves) == 1
        self.wake = -FOREVER
        self._around = around
        self._water = water
        self._valves = {
            name: Leased(name, name, Budget(name, v.max_on, v.daily_max, around.operated), around.switching)
            for name, v in ((f"valve/{i}", v) for i, v in valves.items())
        }
        self._pump: Leased | None = None
        self._lead, self._lag, self._rest, self._zones, self._watts = 0.0, 0.0, 0.0, 1, None
        if pump is not None:
            name, wired = f"pump/{pump[0]}", pump[1]
            budget = Budget(name, wired.max_on, wired.daily_max, around.operated)
            group = f"meter/{wired.meter}" if wired.meter else name
            self._pump = Leased(name, group, budget, around.switching)
            self._lead, self._lag, self._rest = wired.lead, wired.lag, wired.rest
            self._zones, self._watts = wired.zones_at_once, wired.rated_w
        self._outputs = {o.target: o for o in ([self._pump] if self._pump else []) + list(self._valves.values())}
        self.targets = list(self._outputs)
        self._blocks: dict[str, str] = {}
        self._waits: dict[str, Waiting] = {}
        self._spent: dict[str, str] = {}  # valves that were open for max_on, and for which run
        self._capped: set[str] = set()
        self._wanted = False

    # --- what is there ---

    def start(self, moment: Moment) -> list[Effect]:
        """Everything off, the pump first; and what the journal kept."""
        effects: list[Effect] = [effect for output in self._outputs.values() for effect in output.claim(moment)]
        for name, output in self._outputs.items():
            effects += output.recall(self._water.budgets.get(name), moment)
            if (block := self._water.blocks.get(name)) is not None:
                self._blocks[name] = str(block["kind"])
        return effects

    def stop(self, moment: Moment) -> list[Effect]:
        """Everything off before the process ends, the pump first, and the accounts closed."""
        return [effect for output in self._outputs.values() if output.on for effect in output.close(moment)]

    def observe(self, seen: OutputObserved, moment: Moment) -> None:
        """Take note of what an output says of itself."""
        output = self._outputs.get(seen.output)
        if output is not None and output.observe(seen, moment):
            self.wake = -FOREVER

    def stored(self, key: tuple[str, str], moment: Moment) -> None:
        """The journal has that key on the disk."""
        table, name = key
        if table == "budgets" and name in self._outputs:
            self._outputs[name].stored(moment)
            self.wake = -FOREVER

    def told(self, target: str) -> bool:
        """Whether this valve or pump is to be on, perhaps once the journal has its charge."""
        return self._outputs[target].on

    def observed(self, target: str) -> bool | None:
        """What this valve or pump says of itself; None: it cannot be known."""
        return self._outputs[target].line

    def error(self, target: str) -> str | None:
        """Why it cannot be known, if the output says so."""
        return self._outputs[target].error

    def pump_on(self) -> bool | None:
        """Whether the pump shows that it is on; None: it cannot be known, or there is none."""
        return None if self._pump is None else self._pump.line

    def open_since(self, valve: str) -> float | None:
        """Since when (monotonic s) the valve has shown that it is open, as it was told; None: it does not."""
        return self._valves[valve].seen_since

    def flowing(self, valve: str) -> bool:
        """Whether water should run there: it is open, and the pump, if there is one, is on."""
        return self._valves[valve].seen_since is not None and (self._pump is None or self._pump.seen_since is not None)

    def waits(self, valve: str) -> Waiting | None:
        """Why the valve is not open although it was wanted at the last step, or will not stay so; None: it is open,
        opening, or not wanted."""
        return self._waits.get(valve)

    # --- blocks ---

    def block(self, target: str, kind: str, data: Mapping[str, object], moment: Moment) -> list[Effect]:
        """Keep a valve, or the pump and all, shut until a person says otherwise; also over restarts."""
        self._blocks[target] = kind
        self.wake = -FOREVER
        row: Row = {"kind": kind, "at": moment.wall, "data": topics.encode(data).decode()}
        return [Persist(("blocks", target), row)]

    def unblock(self, target: str) -> list[Effect]:
        """A person says otherwise."""
        self.wake = -FOREVER
        return [] if self._blocks.pop(target, None) is None else [Persist(("blocks", target), None)]

    def blocked(self, target: str) -> str | None:
        """For which kind of danger it is kept shut; None: it is not."""
        return self._blocks.get(target)

    # --- deciding ---

    def step(self, wants: Sequence[Want], moment: Moment) -> list[Effect]:
        """Do what is due. `wants` in order of precedence; what is not among them closes."""
        effects = self._around.operated.note(moment)
        asked: dict[str, Want] = {}
        for want in wants:
            if want.left_s > 0 and want.valve in self._valves:
                asked.setdefault(want.valve, want)
        self._wanted = bool(asked)
        self._forget(asked)
        pump = self._pump
        if pump is not None and pump.ended(moment):
            effects += pump.end(moment)
        chosen = self._choose(asked.values(), moment)
        feeding = self._feeding(chosen, moment)
        if pump is not None and pump.on and not feeding:
            effects += pump.close(moment)
            chosen = self._choose(asked.values(), moment)
        effects += [e for output in self._outputs.values() for e in output.repeat(moment)]
        effects += self._close(chosen, moment)
        effects += self._open(chosen, feeding, moment)
        needs = self._needs(chosen)
        failing = self._around.journal_failing()
        began = -FOREVER  # the pump's lease: those of its valves must not run out before it
        for output in self._outputs.values():
            effects += output.keep(needs.get(output.target, 0.0), failing, began, moment)
            if output is pump and pump.on:
                began = pump.renewed_at
        self.wake = self._next_wake(chosen, needs, failing, moment)
        return effects

    def _forget(self, asked: Mapping[str, Want]) -> None:
        """What concerned wants that are gone."""
        for name, valve in self._valves.items():
            if name not in asked:
                valve.forgive()
            if name in self._spent and (name not in asked or asked[name].run != self._spent[name]):
                del self._spent[name]
        if self._pump is not None and not asked:
            self._pump.forgive()

    def _choose(self, wants: Iterable[Want], moment: Moment) -> dict[str, Want]:
        """Who may be open now: as many as the pump feeds, in order; those that failed after those that did not."""
        self._waits = {}
        self._capped = set()
        chosen: dict[str, Want] = {}
        barred = self._pump_bar(moment)
        for want in sorted(wants, key=lambda w: self._valves[w.valve].failed is not None):
            why = self._bar(want, moment) or barred or (QUEUE if len(chosen) == self._zones else None)
            if why is None:
                chosen[want.valve] = want
            else:
                self._waits[want.valve] = why
        return chosen

    def _feeding(self, chosen: Mapping[str, Want], moment: Moment) -> list[Leased]:
        """The valves that water can go through, and may."""
        valves = (self._valves[name] for name in chosen)
        return [v for v in valves if v.seen_since is not None and v.ended(moment) is None]

    def _close(self, chosen: Mapping[str, Want], moment: Moment) -> list[Effect]:
        effects: list[Effect] = []
        for name, valve in self._valves.items():
            if not valve.on:
                continue
            if valve.ended(moment):
                effects += valve.end(moment)
            elif name not in chosen and moment.mono >= self._closes_at(valve):
                effects += valve.close(moment)
        return effects

    def _closes_at(self, valve: Leased) -> float:
        """From when on (monotonic s) a valve that is to close may: the last one waits for the pump to run out."""
        pump = self._pump
        if pump is None or pump.on or valve.budget.on_since is None:
            return -FOREVER
        return pump.told_off_at + self._lag

    def _open(self, chosen: Mapping[str, Want], feeding: Sequence[Leased], moment: Moment) -> list[Effect]:
        effects: list[Effect] = []
        for name in chosen:
            valve = self._valves[name]
            if valve.on:
                continue
            if sum(v.possibly_on for v in self._valves.values()) < self._zones and valve.ready(moment):
                effects += valve.open(self._needs(chosen)[name], moment)
            else:
                self._waits[name] = QUEUE
        pump = self._pump
        if pump is not None and feeding and moment.mono >= self._starts_at(feeding) and pump.ready(moment):
            effects += pump.open(self._needs(chosen)[pump.target], moment)
        return effects

    def _starts_at(self, feeding: Sequence[Leased]) -> float:
        return min(v.seen_since for v in feeding if v.seen_since is not None) + self._lead

    def _needs(self, chosen: Mapping[str, Want]) -> dict[str, float]:
        """For how long (s) each output is needed from now on, with what it may take to show that it is on: one whose
        charge ended before would be switched on and off again and again, and no water counted."""
        needs = {name: want.left_s + self._lag + OBSERVED_WITHIN_S for name, want in chosen.items()}
        if self._pump is not None:
            left_s = max((want.left_s for want in chosen.values()), default=0.0)
            needs[self._pump.target] = left_s + OBSERVED_WITHIN_S
        return needs

    # --- what stands against it ---

    def _kept_shut(self, target: str) -> Waiting | None:
        """What people, or dangers that were seen, hold against a valve or the pump, on or off."""
        if (kind := self._blocks.get(target)) is not None:
            return Waiting("safety", f"{target} is blocked ({kind}) until somebody acknowledges it", kind)
        if (who := self._around.locked(target)) is not None:
            return Waiting("lockout", f"{target} is locked by {who}", "locked")
        if self._around.hand(target) is not None:
            return Waiting("hand", f"the cabinet's own switch has {target} on hand", "hand")
        return None

    def _off_bar(self, output: Leased, moment: Moment) -> Waiting | None:
        """What keeps an output that is off from coming on."""
        if self._around.journal_failing():
            return JOURNAL
        if output.stuck and output.follows(moment):
            return Waiting("queue", f"{output.target} is going off", "closing")
        if output.stuck:
            return Waiting("safety", f"{output.target} does not show that it is off: {output.flaw}", "output-failed")
        if moment.mono < output.retry_at:
            return Waiting("safety", f"{output.target} does not come on: {output.failed}", "output-failed")
        return None

    def _bar(self, want: Want, moment: Moment) -> Waiting | None:
        """What keeps a wanted valve from opening or from staying open; None: nothing of its own."""
        valve = self._valves[want.valve]
        if (shut := self._kept_shut(want.valve)) is not None:
            return shut
        budget = valve.budget
        if valve.on and budget.on_since is not None:
            if moment.mono < budget.until - self._lag:
                return None
            if budget.stretch_left(moment) <= self._lag + 1:
                self._spent[want.valve] = want.run
                return MAX_ON
            return _exhausted(want.valve) if budget.day_left(moment) <= self._lag + 1 else UNANSWERED
        if valve.on:
            return None
        if want.valve in self._spent or budget.stretch_left(moment) <= self._lag:
            return MAX_ON
        if budget.day_left(moment) < min(want.left_s, WORTH_S) + self._lag:
            return _exhausted(want.valve)
        if (off := self._off_bar(valve, moment)) is not None:
            return off
        return self._held(valve, moment) or (None if budget.settled else UNANSWERED)

    def _pump_bar(self, moment: Moment) -> Waiting | None:
        """What keeps all valves of the pump shut; while it runs only what stops it at once."""
        pump = self._pump
        if pump is None:
            return None
        shut = self._kept_shut(pump.target)
        if shut is None and (level := self._around.level_stop(pump.target)) is not None:
            shut = Waiting("safety", f"{pump.target} stands because {words(level)['why']}", "level-stop")
        if shut is not None or pump.on:
            return shut
        if pump.budget.day_left(moment) < WORTH_S:
            return _exhausted(pump.target)
        if (off := self._off_bar(pump, moment)) is not None:
            return off
        if moment.mono < self._rested_at():
            return Waiting("queue", f"{pump.target} rests for {self._rest:g} s between two starts", "rest")
        if self._watts is not None and (full := self._around.room(self._watts)) is not None:
            return Waiting("queue", full, POWER)
        held = self._held(pump, moment)
        return None if any(v.on for v in self._valves.values()) else held

    def _held(self, output: Leased, moment: Moment) -> Waiting | None:
        hold = output.hold()
        if hold.at <= moment.mono:
            return None
        if hold.capped:
            self._capped.add(output.target)
        return Waiting("queue", hold.why, "switching")

    def _rested_at(self) -> float:
        stopped = None if self._pump is None else self._pump.budget.stopped
        return -FOREVER if stopped is None else stopped + self._rest

    # --- waking and telling ---

    def _next_wake(
        self, chosen: Mapping[str, Want], needs: Mapping[str, float], failing: bool, moment: Moment
    ) -> float:
        times = [self._around.operated.due]
        times += [o.wake(needs.get(o.target, 0.0), failing, moment) for o in self._outputs.values()]
        if self._wanted or any(o.on for o in self._outputs.values()):
            times.append(moment.mono + self._around.look_every_s)
        if any(why.code == POWER for why in self._waits.values()):
            times.append(moment.mono + ROOM_EVERY_S)
        for name, valve in self._valves.items():
            if name in chosen:
                times += [moment.mono + chosen[name].left_s, valve.budget.until - self._lag]
            elif valve.on:
                times.append(self._closes_at(valve))
        if self._wanted:
            times += [at for o in self._outputs.values() for at in (o.retry_at, o.hold().at)]
            times.append(self._rested_at())
        if self._pump is not None and not self._pump.on and (feeding := self._feeding(chosen, moment)):
            times.append(self._starts_at(feeding))
        return min((at for at in times if at > moment.mono), default=FOREVER)

    def conditions(self) -> list[tuple[str, str, bool, dict[str, object]]]:
        """The alarms that its outputs can be the cause of: kind, device, whether its condition holds, data."""
        found: list[tuple[str, str, bool, dict[str, object]]] = []
        exhausted = {why.detail for why in self._waits.values() if why.code == EXHAUSTED}
        for name, output in self._outputs.items():
            silent = output.on and output.budget.on_since is not None and output.seen_since is None
            found += [
                ("not-closing", name, output.stuck, {"why": output.flaw}),
                ("not-opening", name, silent or output.failed is not None, {"why": output.failed or output.flaw}),
                (EXHAUSTED, name, _exhausted(name).detail in exhausted, {}),
                ("switching-capped", name, name in self._capped, {}),
            ]
        if self._pump is not None:
            level = self._around.level_stop(self._pump.target)
            said = {} if level is None else words(level)
            found.append(("level-stop", self._pump.target, level is not None and self._wanted, said))
        return found


EXHAUSTED = "budget-exhausted"
POWER = "power"


def _exhausted(target: str) -> Waiting:
    return Waiting("safety", f"{target} has run for as long as daily_max allows in 24 hours", EXHAUSTED, final=True)
