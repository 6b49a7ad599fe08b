"""A village whose power is cut again and again: what it was told, what its card has kept, and what its lines must show.

Nothing here asks the controller what it wants: levels come from the timetables below and from what was ordered, lines
from the simulated village's own logs, what was kept from a copy of the card.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from blackout_model import (
    FAN,
    FIELD,
    FUZZ_S,
    LANES,
    PLOT_1,
    PLOT_2,
    PUMP,
    VALVES,
    Device,
    Kept,
    Line,
    Timetable,
    Told,
    configuration,
)
from e2e_house import ROOT, Listener
from harm_house import ON, Pins
from machine_village import STATE, MachineVillage
from support import until

ONLINE_S, RIGHT_S = 10.0, 15.0  # from power-on
APART_S = 10.0  # between two circuits of a light
STORED_S = 1.0  # what was answered so long ago is on the card
CHECKPOINT_S = 15.0


class Blackouts:
    """One village over many boots."""

    def __init__(self, folder: Path, seed: int, disk_mb: int = 512) -> None:
        now = time.time()
        road, lanes = Timetable.around(now, (100, 33, 0, 67)), Timetable.around(now, (100, 0))
        self.dice = random.Random(seed)
        self.machine = MachineVillage(folder, disk_mb, change=lambda text: configuration(text, road, lanes, now))
        self.lights = [
            Device("light/main-road", (17, 27, 22), (0, 33, 67, 100), road), Device("light/lanes", (LANES,), table=lanes),
            Device("light/culture-house", (23,), table=Timetable(((22 * 60, 0),))),
        ]  # fmt: skip
        self.plot = Device("valve/plot-3")
        self.online_s: list[float] = []
        self.village_s: list[float] = []  # of these, until there were lines and ports: a real machine has them
        self.right_s: list[float] = []
        self.boots = 0
        self.cuts: Counter[str] = Counter()
        self.just_told: Counter[str] = Counter()  # what became of orders given less than STORED_S before a cut
        self.watered_s = 0.0
        self.ear: Listener | None = None
        self.kept = Kept()
        self._pins = Pins(self.machine)
        self._coils_read = 0
        self._serial = 0
        self._deck: list[str] = []
        self._forget_lines()

    # --- power ---

    def switch_on(self) -> None:
        """The power is back: no line is driven, no relay closed."""
        self._forget_lines()
        for device in (*self.lights, self.plot):
            if device.told.locked:
                device.tell(held=0)
        self.boots += 1
        self._began = time.monotonic()
        self.machine.switch_on()

    def come_up(self, right_s: float = RIGHT_S) -> None:
        """Wait until it is online and its outputs are right, and judge how it came there."""
        self.ear = ear = until(self._hears, 30, "the broker")
        until(lambda: ear.last.get(f"{ROOT}/status") == b"online", 2 * ONLINE_S, "online")
        self.online_s.append(time.monotonic() - self._began)
        self.village_s.append(self._village_s())
        own_s = self.online_s[-1] - self.village_s[-1]
        assert own_s <= ONLINE_S, f"online after {own_s:.2f} s and the {self.village_s[-1]:.2f} s of the village's own start"
        self.settle(right_s)
        self.right_s.append(time.monotonic() - self._began)
        self.judge_edges()
        for light in self.lights:
            state = until(lambda light=light: ear.json(f"{light.target}/state"), 5, f"the state of {light.target}")  # type: ignore[misc]
            wanted = light.wanted_about(time.time())
            assert light.told.locked or light.levels.index(state["level"]) in wanted, (light.target, state, wanted)

    def cut(self, moment: str) -> None:
        """The power goes; lines and card are judged."""
        self.cuts[moment] += 1
        wall = time.time()
        self.machine.cut()
        if self.ear is not None:
            self.ear.close()
            self.ear = None
        self.judge_edges()
        self.judge_card(wall)

    def stop(self) -> None:
        """The controller is ended in good order: the field is off, lights stay as they are, and it says that it is away."""
        self.look()
        lit = {line: self.on(line) for light in self.lights for line in light.lines}
        self.machine.run("systemctl", "stop", "village-edge")
        self.look()
        assert not [name for line, name in FIELD.items() if self.on(line)], f"left on: {self._edges}"
        assert lit == {line: self.on(line) for line in lit}
        ear = self.ear
        assert ear is not None
        until(lambda: ear.last.get(f"{ROOT}/status") == b"offline", 5, "offline")

    def shut_down(self) -> None:
        """The whole machine is ended in good order: the field is off by then, and nothing at all is lost."""
        assert self.ear is not None
        self.ear.close()
        self.ear = None
        self.machine.power_off()
        self.judge_edges()
        assert not [name for line, name in FIELD.items() if self.on(line)], f"left on: {self._edges}"
        self.judge_card(time.time(), clean=True)

    def _village_s(self) -> float:
        shown = self.machine.run("systemctl", "show", "village-sim", "-p", "InactiveExitTimestampMonotonic,ActiveEnterTimestampMonotonic")
        began, there = sorted(int(line.split("=")[1]) for line in shown.stdout.split())
        return (there - began) / 1e6

    def _hears(self) -> Listener | None:
        try:
            return self.machine.listener("tech")
        except OSError:
            return None

    # --- orders ---

    def order(self, which: str | None = None, answered: bool = True) -> None:
        """One order, by chance if none is named; `answered`: and wait for its answer."""
        light = self.dice.choice(self.lights)
        if not self._deck:  # each kind now and then, so that few boots see all of them
            self._deck = [*["switch"] * 3, "lock", "lock plot", "open plot", "fan"]
            self.dice.shuffle(self._deck)
        match which or self._deck.pop():
            case "switch":
                topic, payload = self._switch(light)
            case "lock":
                topic, payload = self._lock(light)
            case "lock plot":
                topic, payload = self._lock(self.plot)
            case "open plot":
                topic, payload = self._open_plot()
            case _:
                topic, payload = self._fan()
        self._serial += 1
        name, device = f"b-{self._serial}", "/".join(topic.split("/")[:2])
        ear = self.ear
        assert ear is not None
        ear.say(topic, payload | {"id": name})
        if answered:
            result = until(lambda: self._results(ear, device).get(name), 5, f"the answer to {topic} {payload}")
            assert result["outcome"] in ("done", "accepted"), (topic, payload, result)
            for told in (d for d in (*self.lights, self.plot) if d.target == device):
                told.answer()

    def switch(self, light: str, level: int) -> None:
        """One order that is known, for two hours."""
        device = next(d for d in self.lights if d.target == light)
        device.tell(override=(level, time.time() + 7200))
        assert self.ear is not None
        result = self.ear.ask({"action": "on", "level": level, "for_s": 7200}, to=light, user="tech")
        assert result["outcome"] in ("done", "accepted"), result

    def _results(self, ear: Listener, device: str) -> dict[str, dict[str, Any]]:
        topic = f"{ROOT}/{device}/result"
        return {result["id"]: result for result in (json.loads(p) for t, p, _ in ear.messages if t == topic)}

    def _switch(self, light: Device) -> tuple[str, dict[str, Any]]:
        if light.told.locked:
            return self._lock(light)
        assert light.table is not None
        level, now = self.dice.choice(light.levels), time.time()
        payload: dict[str, Any] = (
            {"action": "on", "level": level} if level else {"action": self.dice.choice(["off", "auto"])}
        )
        if payload["action"] == "auto":
            light.tell(override=None)
        elif self.dice.random() < 0.7:
            payload["for_s"] = 7200
            light.tell(override=(level, now + 7200))
        else:
            light.tell(override=(level, light.table.next_step(now)))
        return f"{light.target}/set/tech", payload

    def _lock(self, device: Device) -> tuple[str, dict[str, Any]]:
        self.look()
        locked = not device.told.locked
        device.tell(locked=locked, held=sum(self.on(line) for line in device.lines) if locked else 0)
        return f"{device.target}/lockout/tech", {"locked": locked, "note": "thay bóng"}

    def _open_plot(self) -> tuple[str, dict[str, Any]]:
        self._asked ^= {PLOT_2}
        self._ever_asked.add(PLOT_2)
        return "valve/plot-2/set/tech", {"action": "open", "for_s": 600} if PLOT_2 in self._asked else {
            "action": "close"
        }

    def _fan(self) -> tuple[str, dict[str, Any]]:
        self._asked ^= {FAN}
        self._ever_asked.add(FAN)
        return "switch/greenhouse-fan/set/tech", {"action": "on", "for_s": 600} if FAN in self._asked else {
            "action": "off"
        }

    # --- lines ---

    def _forget_lines(self) -> None:
        self._pins.new()
        self._coils()
        self._pins.levels.clear()
        self._coil_on: dict[str, bool] = {}
        self._edges: list[tuple[float, Line, bool]] = []  # when (Unix s), and whether it went on
        self._asked: set[Line] = set()  # what a person turned on in this boot
        self._ever_asked: set[Line] = set()
        self._strange: list[dict[str, Any]] = []

    def look(self) -> None:
        """Read on what the lines did."""
        known = {line for light in self.lights for line in light.lines} | set(FIELD)
        for entry in self._pins.new():
            pin, on = entry["pin"], entry["level"] == ON
            if pin not in known or "error" in entry:
                self._strange.append(entry)
            elif entry["changed"]:
                self._edges.append((entry["wall"], pin, on))
        for entry in self._coils():
            self._coil_on[entry["coil"]] = entry["on"]
            self._edges.append((entry["wall"], entry["coil"], entry["on"]))

    def _coils(self) -> list[dict[str, Any]]:
        log = self.machine.sim / "coils.log"
        lines = log.read_text("ascii").splitlines() if log.exists() else []
        new, self._coils_read = lines[self._coils_read :], len(lines)
        return [json.loads(line) for line in new]

    def on(self, line: Line) -> bool:
        """Whether a line is on, as far as `look` has read."""
        return self._coil_on.get(line, False) if isinstance(line, str) else self._pins.levels.get(line) == ON

    def settle(self, deadline_s: float = 8.0, fully: bool = False) -> None:
        """Wait until the lines are as they should be; `fully`: and no circuit waits for another any more."""
        wrong: list[str] = []

        def right() -> bool:
            self.look()
            wrong[:] = [*self._wrong_lights(fully), *self._wrong_field()]
            return not wrong

        try:
            until(right, deadline_s, "right outputs")
        except AssertionError as error:
            why = self.ear.json("valve/plot-1/state") if self.ear else {}
            raise AssertionError(f"boot {self.boots}: {wrong}; the lines did {self._edges}; plot-1: {why}") from error

    def _wrong_lights(self, fully: bool) -> list[str]:
        now, found = time.time(), []
        for light in self.lights:
            about, lit = light.wanted_about(now), [self.on(line) for line in light.lines]
            wanted = light.wanted(now)
            begun = [wall for wall, line, on in self._edges if on and line in light.lines]
            due = wanted if fully or not begun else min(wanted, 1 + int((now - begun[0] - FUZZ_S) / APART_S))
            if len(about) == 1 and (any(lit[wanted:]) or sum(lit) < (due if begun or fully else min(due, 1))):
                found.append(f"{light.target} has {lit}, wanted are the first {wanted}, {due} of them by now")
        return found

    def _wrong_field(self) -> list[str]:
        wanted = {PLOT_1, PUMP} | self._asked  # the run goes on after every cut
        return [
            f"{name} is {'on' if self.on(line) else 'off'}"
            for line, name in FIELD.items()
            if self.on(line) != (line in wanted)
        ]

    def judge_edges(self) -> None:
        """Each change of a line since power-on had its reason at that moment, and none had another before it."""
        self.look()
        assert not self._strange, f"lines that are nobody's: {self._strange}"
        on: set[Line] = set()
        for wall, line, went_on in sorted(self._edges, key=lambda edge: edge[0]):
            light = next((light for light in self.lights if line in light.lines), None)
            what = f"boot {self.boots}: {line} went {'on' if went_on else 'off'} at {wall:.3f}"
            if light is not None:
                about = light.wanted_about(wall)
                assert went_on in {wanted > light.lines.index(line) for wanted in about}, (
                    f"{what}, {light.target} should have {about} on"
                )
            elif went_on:
                assert line in {PLOT_1, PUMP} | self._ever_asked, f"{what}: nobody asked for that"
                assert line != PUMP or on & VALVES, f"{what}, and no valve is open"
            else:
                assert line not in VALVES or PUMP not in on or on & VALVES - {line}, f"{what}, and the pump runs"
            (on.add if went_on else on.discard)(line)

    def _open_s(self, until_wall: float) -> float:
        """For how long the run's valve was open in this boot."""
        changes = [(wall, on) for wall, line, on in self._edges if line == PLOT_1]
        ends = [*(wall for wall, _ in changes[1:]), until_wall][: len(changes)]
        return sum(end - wall for (wall, on), end in zip(changes, ends, strict=True) if on)

    # --- what there is to tell ---

    def said(self) -> str:
        """What the units said in this boot, if it has not ended."""
        units = ("village-sim", "mosquitto", "village-edge")
        return "".join(self.machine.journal(unit)[-3000:] for unit in units) if self.machine.init else ""

    def report(self) -> Iterator[str]:
        """How long the boots took, where the power went, and what was lost that nobody had promised."""
        named = {"online": self.online_s, "outputs right": self.right_s, "of these the village's own start": self.village_s}
        yield f"{len(self.online_s)} boots, from power-on:"
        for name, figures in ((name, sorted(figures)) for name, figures in named.items()):
            middle, late = figures[len(figures) // 2], figures[int(len(figures) * 0.95)]
            yield f"  {name}: p50 {middle:.2f} s, p95 {late:.2f} s, longest {figures[-1]:.2f} s"
        yield "power cut " + ", ".join(f"{n} times {moment}" for moment, n in sorted(self.cuts.items()))
        yield f"orders less than {STORED_S:g} s before a cut: " + "; ".join(f"{n} {what}" for what, n in sorted(self.just_told.items()))
        yield f"the run has {self.kept.done_s:.1f} s on the card, its valve was open {self.watered_s:.1f} s over {self.boots} boots"

    # --- the card ---

    def judge_card(self, wall: float, clean: bool = False) -> None:
        """What the card has after the power went at `wall` is what was told, and what was watered; `clean`: all of it."""
        with TemporaryDirectory(prefix="edge-card-") as folder:
            self.machine.on_disk(f"cp -r {STATE[1:]} {folder}/")
            kept = Kept.of(Path(folder) / Path(STATE).name)
        for device in (*self.lights, self.plot):
            told = [device.told]
            if len(device.history) > 1 and wall - device.told.at < STORED_S and not clean:
                told.append(device.history[-2])
            found = next((t for t in told if self._is_kept(t, device, kept, wall)), None)
            assert found is not None, (
                f"boot {self.boots}: {device.target} was told {told}, the card has {kept} at {wall}"
            )
            if len(told) > 1:
                self.just_told[f"{'answered' if device.told.answered else 'sent'}, {'kept' if found is device.told else 'lost'}"] += 1
            if found is not device.told:
                device.history.append(replace(found, at=wall))
        open_s = self._open_s(wall)
        self.watered_s += open_s
        more_s = kept.done_s - self.kept.done_s
        forgotten_s = FUZZ_S if clean else CHECKPOINT_S + FUZZ_S
        assert max(0.0, open_s - forgotten_s) <= more_s <= open_s + FUZZ_S, (
            f"boot {self.boots}: open {open_s} s, kept {more_s}"
        )
        assert kept.charged_s >= self.watered_s - FUZZ_S, (
            f"plot-1 was open {self.watered_s} s, charged {kept.charged_s}"
        )
        assert not self.kept.going or kept.going >= {r for r in self.kept.going if r.startswith("drip")}, (
            f"the run is gone: {kept}"
        )
        self.kept = kept

    def _is_kept(self, told: Told, device: Device, kept: Kept, wall: float) -> bool:
        if told.locked != (device.target in kept.lockouts):
            return False
        has = kept.overrides.get(device.target)
        if told.override is None or has is None:
            over = told.override is None or told.override[1] < wall + FUZZ_S
            return over and (has is None or has[1] < wall + FUZZ_S)
        return told.override[0] == has[0] and abs(told.override[1] - has[1]) < FUZZ_S
