"""Pipes in memory: valves, a pump, a water meter that gives a pulse for every so many litres, and looks at it."""

from __future__ import annotations

from collections.abc import Mapping

from edge.core.events import Effect, Persist, PulsesCounted
from edge.core.flow import Flow
from edge.core.site import Site
from edge.core.values import Moment, Row

LOOK_S, TELL_S = 1.0, 5.0
QUIET = 1e-9


class Pipes:
    """Water at `l_min` by valve, and `extra` of its own; `run` lets time pass as the controller would see it."""

    def __init__(
        self, site: Site, kept: Mapping[str, Row] | None = None, blocks: Mapping[str, Row] | None = None, phase: float = 0.5
    ) -> None:
        self.site = site
        self.kept: dict[str, Row] = dict(kept or {})
        self.flow = Flow("input/water", site, self.kept, blocks or {})
        self.now = Moment(1_795_000_000.0, 1000.0, "b", True)
        self.per_l = float(site.inputs["water"].pulses_per_l)  # type: ignore[union-attr]
        self.l_min: dict[str, float] = {}
        self.extra = 0.0
        self.opened: dict[str, bool] = {}
        self.pulses = 0  # that came in truth
        self.jumped = 0  # that are told besides
        self.while_open = 0
        self.told = True  # the contact can be read
        self.late_s = 0.0  # that valves and pumps are seen after they moved
        self.found: list[tuple[float, str, str]] = []
        self._phase = phase  # of a pulse, that have flowed since the last one
        self._last: float | None = None
        self._event: PulsesCounted | None = None
        self.see()

    def see(self, **opened: bool) -> Pipes:
        """These valves are open from now on (True: and water can flow)."""
        self.opened = {f"valve/{name}": flows for name, flows in opened.items()}
        if self.late_s:
            self.run(self.late_s)
        self.flow.see(self.opened, any(opened.values()), self.now)
        self._step()
        return self

    def rate(self) -> float:
        """What flows in truth, in l/min."""
        return self.extra + sum(self.l_min[v] for v, flows in self.opened.items() if flows)

    def run(self, seconds: float) -> Pipes:
        """Let so much time pass, with a look each second."""
        left = seconds
        while left > QUIET:
            self._flow(min(LOOK_S, left))
            left -= LOOK_S
            self._look()
            self._step()
        return self

    def jump(self, pulses: int) -> None:
        """The counter shows so many more, or fewer."""
        self.jumped += pulses

    def restart(self) -> None:
        """The counter begins anew."""
        self.jumped = -self.pulses

    def dangers(self) -> set[tuple[str, str]]:
        return {(d.kind, d.target) for d in self.flow.dangers()}

    def low(self) -> set[str]:
        return {target for kind, target, holds, _ in self.flow.conditions() if kind == "flow-low" and holds}

    def ago(self, kind: str, since: float) -> float:
        """How long after `since` (monotonic s) that was first found."""
        return next(at for at, found, _ in self.found if found == kind) - since

    def _flow(self, seconds: float) -> None:
        per_s = self.rate() / 60 * self.per_l
        begin = self.now.mono
        self.now = Moment(self.now.wall + seconds, begin + seconds, "b", True)
        whole = self._phase + per_s * seconds
        new = int(whole + QUIET)
        if new:
            self._last = min(begin + (new - self._phase) / per_s, self.now.mono)
            self.pulses += new
            if self.opened:
                self.while_open += new
        self._phase = max(whole - new, 0.0)

    def _look(self) -> None:
        count, told = max(self.pulses + self.jumped, 0), self._event
        if not self.told:
            return
        if told is None or told.count != count or self.now.mono >= told.at + TELL_S:
            last = self._last if told is None or count - told.count != 0 or told.last_at is None else told.last_at
            self._event = PulsesCounted("input/water", count, self.now.mono, last)
            self.flow.count(self._event, self.now)

    def _step(self) -> None:
        before = self.dangers() | {("flow-low", v) for v in self.low()}
        effects: list[Effect] = self.flow.step(self.now)
        for effect in effects:
            assert isinstance(effect, Persist)
            assert effect.row is not None
            assert effect.key[0] == "flows"
            self.kept[effect.key[1]] = effect.row
        leaks = {(k, t) for k, t, holds, _ in self.flow.conditions() if k == "leak" and holds}
        for kind, target in (self.dangers() | leaks | {("flow-low", v) for v in self.low()}) - before:
            self.found.append((self.now.mono, kind, target))
