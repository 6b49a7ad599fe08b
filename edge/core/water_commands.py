"""What people ask of valves and pumps: which commands may take effect, what they do, and what came of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from edge.core import run_queue, run_rows, topics
from edge.core.events import Effect, Publish
from edge.core.irrigation import Run
from edge.core.pending import GIVE_UP_S, Pending
from edge.core.plumbing import Plumbing
from edge.core.run_queue import Place
from edge.core.runs import Runs
from edge.core.values import Command, Moment
from edge.core.water_holds import Holds

SOON_S = 1.0  # what is not as asked by then was accepted at least
STORE_S = 10.0  # an opening waits so long for the journal
OFF = ("close", "off")
RUNNING = ("pause", "resume", "skip")  # what only a run can be told


@dataclass(slots=True)
class _Asked:
    """What is to be seen of the output (None: nothing in particular), and by which run; since when (monotonic s)
    nothing but the output itself stands in the way."""

    shown: bool | None
    run: str | None
    since: float


class WaterCommands:
    """Takes commands for valves and pumps; `wake` is the monotonic time at which `conclude` has something to do."""

    def __init__(
        self, plumbing: Plumbing, runs: Runs, holds: Holds, hand: Callable[[str], float | None], names: topics.Topics
    ) -> None:
        """`hand`: since when (Unix s) the cabinet's switch has a target on hand; None: it has not."""
        self.wake = float("inf")
        self._plumbing = plumbing
        self._runs = runs
        self._holds = holds
        self._hand = hand
        self._names = names
        self._pending: dict[str, Pending] = {}
        self._asked: dict[str, _Asked] = {}
        self._failures: dict[str, tuple[str, str]] = {}  # run -> code and text

    # --- may it? ---

    def objection(self, command: Command, moment: Moment) -> tuple[str, str] | None:
        """Why a valid command must not take effect now: a code and a text; None if it may."""
        target, action = command.target, command.action
        if command.circuit is not None:
            return "bad-value", f"{target} has no circuits: leave circuit out"
        if command.level not in (None, 100):
            return "bad-value", f"{target} is on or off and has no levels: send ON or OFF"
        if action in RUNNING and not self._runs.of(target):
            return "no-run", f"nothing waters {target} now, and nothing waits to"
        if action == "on":
            return self._no_pump(command, moment)
        return self._no_opening(command, moment) if action == "open" else None

    def _no_pump(self, command: Command, moment: Moment) -> tuple[str, str] | None:
        valves = self._plumbing.valves_of(command.target)
        if not any(self._plumbing.observed(valve) and self._runs.of(valve) for valve in valves):
            return "interlock", "a pump runs only while one of its valves is open: open a valve, and the pump follows"
        if command.for_s is not None or command.until is not None:
            return "bad-value", "a pump runs as long as its valves are open: bound the valve's OPEN instead"
        return self._kept_shut(command.target, moment, block=False)

    def _no_opening(self, command: Command, moment: Moment) -> tuple[str, str] | None:
        target = command.target
        longest = self._plumbing.valves[target].max_on
        lasts = command.for_s if command.until is None else command.until - moment.wall
        if lasts is not None and lasts > longest:
            return "bad-value", f"{target} is open for at most {longest:g} s at a stretch (max_on)"
        found = self._kept_shut(target, moment)
        pump = self._plumbing.pump_of(target)
        return found if found is not None or pump is None else self._kept_shut(pump, moment)

    def _kept_shut(self, target: str, moment: Moment, block: bool = True) -> tuple[str, str] | None:
        if (who := self._holds.locked(target)) is not None:
            return "locked", f"{target} is locked by {who}: it must be released first"
        if self._hand(target) is not None:
            return "hand", f"the cabinet's own switch for {target} stands on hand: turn it to automatic"
        if block and (kind := self._plumbing.station[target].blocked(target)) is not None:
            text = f"{target} is kept off because of {kind}: see to it, then acknowledge the alarm or send AUTO"
            return "not-allowed-now", text
        if block and (off := self._holds.off(target, moment)) is not None:
            return "not-allowed-now", f"{off.user} has turned {target} off for a time: send it AUTO first"
        return None

    # --- what it does ---

    def take(self, command: Command, name: str, received: Moment, moment: Moment) -> list[Effect]:
        """Take a valid command; `name` is its id, its own or one given to it."""
        target, action = command.target, command.action
        effects = self._expect(command, name, received, moment)
        match action:
            case "open":
                effects += self._runs.open(command, name, moment)
                self._asked[target] = _Asked(True, self._runs.going[-1].id, moment.mono)
            case "close" | "off":
                valves = self._plumbing.valves_of(target)
                effects += self._runs.cancel([r for v in valves for r in self._runs.of(v)], moment)
                if action == "off":
                    effects += self._holds.turn_off(command, name, moment)
            case "auto":
                if target in self._plumbing.valves:
                    effects += self._runs.drop(target, moment)
                effects += [*self._holds.free(target), *self._plumbing.unblock(target)]
            case "on":
                effects += self._plumbing.unblock(target)
            case "lock":
                effects += self._holds.lock(command, moment)
            case "unlock":
                effects += self._holds.unlock(target)
            case _:
                effects += self._guide(run_queue.of_valve(self._runs.going, target)[0], action, moment)
        return effects

    def _guide(self, place: Place, action: str, moment: Moment) -> list[Effect]:
        """Have the run that has a valve pause or go on, or its zone there be left out."""
        if action == "skip":
            place.zone.end("skipped", "person", moment.wall)
        else:
            place.run.paused = action == "pause"
        return run_rows.keep(place.run, moment)

    # --- what came of it ---

    def _expect(self, command: Command, name: str, received: Moment, moment: Moment) -> list[Effect]:
        """The command waits for its outcome, in the place of the one before."""
        before = self._pending.get(command.target)
        effects: list[Effect] = [] if before is None else [self._result(command.target, "superseded", moment)]
        self._pending[command.target] = Pending(command.target, name, command.user, received)
        shown = False if command.action in OFF else True if command.action == "on" else None
        self._asked[command.target] = _Asked(shown, None, moment.mono)
        return effects

    def abandon(self, target: str, name: str, moment: Moment) -> list[Effect]:
        """The command `name` has failed already, and who sent it is told so: its run ends, and no outcome follows."""
        pending = self._pending.get(target)
        if pending is None or pending.id != name:
            return []
        del self._pending[target]
        return self._runs.fail(self._asked[target].run, moment)

    def failed(self, run: Run, code: str, text: str) -> None:
        """A run cannot be: whoever asked for it is told."""
        self._failures[run.id] = code, text

    def conclude(self, moment: Moment) -> list[Effect]:
        """Tell what came of the commands whose outcome is known by now."""
        effects: list[Effect] = []
        self.wake = float("inf")
        for target, pending in list(self._pending.items()):
            outcome, more = self._outcome(target, pending, moment)
            if outcome == "accepted":
                if not pending.told:
                    effects.append(self._result(target, outcome, moment, more))
                    pending.told = True
            elif outcome is not None:
                effects.append(self._result(target, outcome, moment, more))
                del self._pending[target]
                if outcome == "failed":
                    effects += self._runs.fail(self._asked[target].run, moment)
        self._failures.clear()
        return effects

    def _outcome(
        self, target: str, pending: Pending, moment: Moment
    ) -> tuple[topics.Outcome | None, Mapping[str, object]]:
        asked = self._asked[target]
        if asked.run in self._failures:
            return "failed", topics.error(*self._failures[asked.run or ""])
        if asked.shown is None or self._plumbing.observed(target) is asked.shown:
            return "done", {}
        if asked.run is not None and all(run.id != asked.run for run in self._runs.going):
            return "superseded", {}  # its run is over already: somebody has ended it, or its time was over
        if asked.run is not None and (waits := self._plumbing.waits(target)) and waits.code == "output-failed":
            return "failed", topics.error("output-failed", waits.detail)
        if (why := self._waits(target, asked, moment)) is not None:
            asked.since = moment.mono
            return "accepted", {"detail": why}
        patience = GIVE_UP_S + (STORE_S if asked.shown else self._plumbing.lag_s(target))
        if moment.mono >= asked.since + patience:
            return "failed", topics.error("output-failed", self._flaw(target, asked.shown))
        self.wake = min(self.wake, asked.since + (patience if pending.told else SOON_S))
        if moment.mono < asked.since + SOON_S:
            return None, {}
        slow = "it has not shown that it opened yet" if asked.shown else "it closes once its pump has stopped"
        return "accepted", {"detail": slow}

    def _waits(self, target: str, asked: _Asked, moment: Moment) -> str | None:
        """Why what was asked for is not even tried yet."""
        if not asked.shown:
            return None
        if asked.run is not None and self._holds.off(self._plumbing.pump_of(target), moment):
            return "its pump is turned off"
        waits = self._plumbing.waits(target) if target in self._plumbing.valves else None
        return None if waits is None else waits.detail

    def _flaw(self, target: str, wanted: bool) -> str:
        shown = self._plumbing.observed(target)
        says = "cannot be known" if shown is None else "on" if shown else "off"
        return f"{target} should be {'on' if wanted else 'off'}; what it is: {says}"

    def _result(
        self, target: str, outcome: topics.Outcome, moment: Moment, more: Mapping[str, object] | None = None
    ) -> Publish:
        word = topics.open_closed if target in self._plumbing.valves else topics.on_off
        state = word(self._plumbing.observed(target))
        return self._pending[target].result(self._names, outcome, state, moment, **(more or {}))
