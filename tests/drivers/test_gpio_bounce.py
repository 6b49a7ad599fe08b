"""Contacts that bounce, on every pin factory: what counts, what does not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from gpio_lines import FakeLgpio, PulseLines, forget_lgpio, install_lgpio, served_board
from hypothesis import given
from hypothesis import strategies as st
from support import until

from drivers.gpio import PulseInput
from drivers.pulses import PulseFilter
from edge.shell.clock import ManualClock, SystemClock

DEBOUNCE_S = 0.005
SHORT_S, LONG_S = 0.0004, 0.03
PIN = 16


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(wall=0.0)


@pytest.fixture(params=["lgpio", "village", "mock"])
def lines(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, clock: ManualClock
) -> Iterator[PulseLines]:
    made = PulseLines(request.param, clock, monkeypatch, tmp_path)
    yield made
    made.close()


@pytest.fixture
def contact(lines: PulseLines, clock: ManualClock) -> PulseInput:
    made = PulseInput(PIN, True, DEBOUNCE_S, clock.mono)
    assert made.read() == (0, None)
    lines.wait(1)
    return made


def count(contact: PulseInput) -> int:
    told = contact.read()
    assert told is not None
    return told[0]


def bounces(level: int, times: int = 5) -> list[tuple[int, float]]:
    """On the way to `level`."""
    return [(n % 2 if level else 1 - n % 2, SHORT_S) for n in range(1, 2 * times)]


def test_a_burst_of_bounces_counts_once_whichever_way_the_contact_goes(lines: PulseLines, contact: PulseInput) -> None:
    for n in range(1, 6):
        lines.play(PIN, *bounces(0), (0, LONG_S), *bounces(1), (1, LONG_S))
        assert count(contact) == n


def test_two_pulses_further_apart_than_the_debounce_time_are_two(lines: PulseLines, contact: PulseInput) -> None:
    lines.play(PIN, (0, LONG_S), (1, 1.2 * DEBOUNCE_S), (0, LONG_S), (1, LONG_S))
    assert count(contact) == 2


def test_a_contact_that_opens_for_less_than_the_debounce_time_gave_one_pulse(
    lines: PulseLines, contact: PulseInput
) -> None:
    lines.play(PIN, (0, LONG_S), (1, 0.8 * DEBOUNCE_S), (0, LONG_S), (1, LONG_S))
    assert count(contact) == 1


def test_noise_on_a_long_wire_is_no_pulse(lines: PulseLines, contact: PulseInput) -> None:
    for _ in range(20):
        lines.play(PIN, (0, SHORT_S), (1, LONG_S))
    assert contact.read() == (0, None)


def test_a_contact_that_stays_closed_is_counted_without_another_edge(lines: PulseLines, contact: PulseInput) -> None:
    lines.play(PIN, (0, 0.5 * DEBOUNCE_S))
    assert count(contact) == 0
    lines.wait(DEBOUNCE_S)
    assert count(contact) == 1
    lines.wait(3600)
    assert count(contact) == 1
    lines.play(PIN, (1, LONG_S))
    assert count(contact) == 1


def test_a_pulse_that_began_before_the_counting_is_not_counted(lines: PulseLines, clock: ManualClock) -> None:
    early = PulseInput(12, True, DEBOUNCE_S, clock.mono)
    early.read()
    lines.put(12, 0)
    lines.wait(1)
    late = PulseInput(12, True, DEBOUNCE_S, clock.mono)
    early.close()
    assert count(late) == 0
    lines.wait(1)
    assert count(late) == 0
    lines.play(12, (1, LONG_S), (0, LONG_S))
    assert count(late) == 1


def test_a_contact_that_opens_for_a_pulse_counts_when_it_opens(lines: PulseLines, clock: ManualClock) -> None:
    opening = PulseInput(12, False, DEBOUNCE_S, clock.mono)
    assert count(opening) == 0  # the line rests high: a pulse seems to be under way
    lines.play(12, (0, 1), *bounces(1), (1, LONG_S))
    assert count(opening) == 1
    lines.play(12, *bounces(0), (0, LONG_S))
    assert count(opening) == 1


@given(
    st.lists(
        st.tuples(
            st.lists(st.floats(0.0001, DEBOUNCE_S * 0.9), max_size=6),
            st.floats(DEBOUNCE_S * 1.1, 0.2),
            st.lists(st.floats(0.0001, DEBOUNCE_S * 0.9), max_size=6),
            st.floats(DEBOUNCE_S * 1.1, 0.2),
            st.booleans(),
        ),
        max_size=30,
    )
)
def test_as_many_are_counted_as_lasted_however_they_bounce(
    story: list[tuple[list[float], float, list[float], float, bool]],
) -> None:
    found, now = PulseFilter(DEBOUNCE_S, active=False), 0.0
    for closing, closed, opening, opened, looked_at in story:
        for bouncing, then, stays in ((closing, True, closed), (opening, False, opened)):
            level = then
            for bounce in [*bouncing, *([0.0001] if len(bouncing) % 2 else [])]:
                found.edge(level, now, now)
                now += bounce
                level = not level
            found.edge(then, now, now)
            now += stays
            if looked_at:
                found.settle(now)
    found.settle(now)
    assert found.count == len(story)


def test_lgpio_filters_by_itself_in_time_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GPIOZERO_PIN_FACTORY", raising=False)
    fake = FakeLgpio()
    install_lgpio(monkeypatch, fake)
    contact = PulseInput(PIN, True, DEBOUNCE_S, lambda: 5.0)
    contact.read()
    assert fake.calls == [("open", 0), ("input", PIN, "up"), ("alert", PIN, "up")]
    assert fake.debounce == {PIN: DEBOUNCE_S}
    fake.busy.add(PIN)
    assert contact.read() is None
    assert "GPIO 16 is held by another process" in str(contact.error)
    forget_lgpio()


def test_edges_that_the_watcher_has_no_room_for_wait(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A process that stands still for a moment loses none: the simulator keeps what its socket does not take."""
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "village")
    monkeypatch.setenv("VILLAGE_SIM", str(tmp_path))
    clock = SystemClock()
    stands_still, go_on = threading.Event(), threading.Event()
    with served_board(tmp_path) as served:
        contact = PulseInput(PIN, True, DEBOUNCE_S, clock.mono)
        contact.read()
        until(lambda: served.server._watchers.get(PIN), 5, "the simulator to know who watches")
        seen = contact._changed

        def slow(ticks: float, state: float) -> None:
            stands_still.set()
            go_on.wait(10)
            seen(ticks, state)

        from gpiozero import Device

        Device.pin_factory.pin(PIN).when_changed = slow
        began = clock.mono()
        for n in range(2000):
            served.set_input(PIN, n % 2, began + 0.01 * n)
        assert stands_still.wait(10)
        go_on.set()
        until(lambda: count(contact) == 1000, 10, "a thousand pulses")
        forget_lgpio()


def test_a_village_that_goes_and_comes_is_counted_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "village")
    monkeypatch.setenv("VILLAGE_SIM", str(tmp_path))
    contact = PulseInput(PIN, True, DEBOUNCE_S, SystemClock().mono)
    with served_board(tmp_path) as served:
        contact.read()
        until(lambda: served.server._watchers.get(PIN), 5, "the simulator to know who watches")
        for n in range(6):
            served.set_input(PIN, n % 2, 100 + n)
        until(lambda: count(contact) == 3, 5, "three pulses")
    assert contact.read() is None
    assert "the simulator is gone" in str(contact.error)
    with served_board(tmp_path) as served:
        until(lambda: served.server._watchers.get(PIN), 5, "the new simulator to know who watches")
        for n in range(4):
            served.set_input(PIN, n % 2, 200 + n)
        until(lambda: contact.read() is not None and count(contact) == 5, 5, "five pulses")
        assert contact.error is None
    forget_lgpio()
