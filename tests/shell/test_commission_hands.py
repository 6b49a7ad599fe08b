"""The hands of who commissions: lamps rest, pumps go off first, and nobody is forgotten whatever fails."""

from __future__ import annotations

from pathlib import Path

import pytest
from commission_house import CONFIG

from drivers import registers
from edge.core.events import Persist
from edge.core.values import Row
from edge.shell.clock import ManualClock
from edge.shell.commission_beat import Beat
from edge.shell.commission_guard import Guard
from edge.shell.commission_hands import Hands, Unmoved, Wiring, burnt_before, chosen, locked_outputs, names_in_order
from edge.shell.site_file import parse_site
from edge.shell.store import StoreWorker

SITE = parse_site(CONFIG.replace("    name: Road\n", "    name: Road\n    restrike: 60s\n"), "desk.yaml", registers.catalogue())
NOON = 1_800_000_000.0


class Cabinet:
    """Every line and coil, what was done to them in order, and which of them fail."""

    def __init__(self, burnt: dict[str, float | None] | None = None) -> None:
        self.done: list[str] = []
        self.guarded: list[list[str]] = []
        self.rests: list[tuple[str, float]] = []
        self.broken: set[str] = set()
        self.stuck: set[str] = set()
        self.clock = ManualClock(NOON)
        lines = {name: _Line(name, self) for name, out in SITE.outputs().items() if hasattr(out, "gpio")}
        self.hands = Hands(
            SITE, Wiring(lines, {"line": _Coils(self)}), self.clock, self.clock.advance, _Guard(self),
            Beat(None, self.clock.mono), lambda name, s: self.rests.append((name, s)), burnt,
        )  # fmt: skip

    def told(self, name: str, word: str) -> None:
        self.done.append(f"{name} {word}")
        if name in self.broken:
            raise OSError("it broke")


class _Line:
    def __init__(self, name: str, cabinet: Cabinet) -> None:
        self._name, self._cabinet, self._on = name, cabinet, False

    def write(self, on: bool) -> None:
        self._on = on
        self._cabinet.told(self._name, "on" if on else "off")

    def read(self) -> bool:
        return self._on or self._name in self._cabinet.stuck

    def release(self) -> None:
        self._cabinet.told(self._name, "let go")


class _Coils:
    def __init__(self, cabinet: Cabinet) -> None:
        self._cabinet = cabinet

    def switch(self, address: int, model: str, coil: int, on: bool, for_s: float | None = None) -> bool:
        assert (address, model, for_s is not None) == (10, "waveshare-relay-8", on)
        self._cabinet.told(f"coil {coil}", f"on for {for_s:g}" if on else "off")
        return on


class _Guard(Guard):
    def __init__(self, cabinet: Cabinet) -> None:
        self._cabinet = cabinet

    def on(self, outputs: object) -> None:
        self._cabinet.guarded.append(list(outputs))  # type: ignore[call-overload]

    def close(self) -> None:
        self._cabinet.done.append("guard closed")


def test_the_guard_knows_of_an_on_before_it_comes_and_a_board_ends_its_own() -> None:
    cabinet = Cabinet()
    cabinet.hands.settle("light/road/b")
    cabinet.hands.on("light/road/b", 3.0)
    assert cabinet.guarded == [["light/road/b"]]
    cabinet.hands.off("light/road/b")
    assert cabinet.guarded == [["light/road/b"], []]
    assert cabinet.done == ["coil 0 off", "coil 0 on for 7", "coil 0 off"]


def test_a_lamp_that_burnt_rests_before_it_is_lit_again_and_no_other() -> None:
    cabinet = Cabinet({"light/road/a": None, "light/road/b": NOON - 50, "light/hall/a": None})
    for name in ("light/road/a", "light/road/b", "light/hall/a"):
        cabinet.hands.settle(name)
    assert cabinet.rests == [("light/road/a", 60.0)]  # b was off for 50 s, and 60 more went by; the hall has no restrike
    cabinet.hands.on("light/road/a", 3.0)
    cabinet.hands.off("light/road/a")
    cabinet.clock.advance(20.0)
    cabinet.hands.settle("light/road/a")
    assert cabinet.rests[1:] == [("light/road/a", 40.0)]
    fresh = Cabinet()
    fresh.hands.settle("light/road/a")
    assert fresh.rests == []


def test_whatever_fails_the_rest_goes_off_pumps_first() -> None:
    cabinet = Cabinet()
    for name in ("valve/plot", "light/hall/a", "pump/well"):
        cabinet.hands.on(name, 60.0)
    assert cabinet.guarded[-1] == ["pump/well", "valve/plot", "light/hall/a"]
    cabinet.broken = {"pump/well"}
    cabinet.done.clear()
    assert cabinet.hands.close() == ["pump/well: it broke"]
    assert cabinet.done == ["pump/well off", "pump/well off", "valve/plot off", "light/hall/a off", "guard closed"]
    assert cabinet.guarded[-1] == ["pump/well"]  # the guard tries again


def test_what_nobody_has_seen_off_is_left_to_its_pull_at_the_end() -> None:
    cabinet = Cabinet()
    for name in ("valve/plot", "light/hall/a", "light/road/b"):
        cabinet.hands.settle(name)
    cabinet.hands.keep_off("light/hall/a")
    cabinet.done.clear()
    assert cabinet.hands.close() == []
    assert cabinet.done == ["valve/plot let go", "guard closed"]


def test_an_output_that_says_something_else_than_it_was_told_is_an_error() -> None:
    cabinet = Cabinet()
    cabinet.stuck = {"valve/plot"}
    with pytest.raises(Unmoved, match="told OFF and says ON"):
        cabinet.hands.settle("valve/plot")


def test_outputs_by_name_and_in_the_order_in_which_they_are_tried() -> None:
    assert names_in_order(SITE) == ["light/road/a", "light/road/b", "light/hall/a", "valve/plot", "pump/well"]
    assert chosen(SITE, ["pump/well", "light/road"]) == ["light/road/a", "light/road/b", "pump/well"]
    assert chosen(SITE, [], ("light",)) == ["light/road/a", "light/road/b", "light/hall/a"]
    with pytest.raises(ValueError, match="no output is called 'light/ro'"):
        chosen(SITE, ["light/ro"])


def test_the_journal_says_what_burns_and_what_is_locked(tmp_path: Path) -> None:
    assert burnt_before(None) == burnt_before(tmp_path) == {}
    assert locked_outputs(SITE, tmp_path) == locked_outputs(SITE, None) == set()
    store = StoreWorker(tmp_path / "journal.db", lambda _: None)
    lock: Row = {"circuits": "", "user": "tech", "note": "", "at": 0.0}
    off: Row = {"on": 0, "boot": "b", "on_mono": 1.0, "off_mono": 2.0, "wall": NOON}
    store.put(
        Persist(("lockouts", "light/road"), lock), Persist(("lockouts", "pump/well"), lock),
        Persist(("outputs", "light/road/a"), off), Persist(("outputs", "light/hall/a"), {**off, "on": 1}),
    )  # fmt: skip
    store.close(ManualClock(NOON).now())
    assert burnt_before(tmp_path) == {"light/road/a": NOON, "light/hall/a": None}
    assert locked_outputs(SITE, tmp_path) == {"light/road/a", "light/road/b", "pump/well"}
