"""When a reading is due in the history."""

from __future__ import annotations

from edge.core.events import Effect, Record
from edge.core.recorder import Recorder
from edge.core.values import Moment, Reading


def moment(mono: float, trusted: bool = True) -> Moment:
    return Moment(1e9 + mono, mono, "b", trusted)


def reading(mono: float, power: float = 100.0, life: int = 1, quality: str = "good") -> Reading:
    doubted = ("power_w",) if quality == "suspect" else ()
    return Reading("meter/m", {"power_w": power, "energy_kwh": 5.0}, 1e9 + mono, quality, life, doubted)  # type: ignore[arg-type]


def times(effects: list[Effect]) -> list[float]:
    found = []
    for effect in effects:
        assert isinstance(effect, Record)
        found.append(effect.reading.at - 1e9)
    return found


def test_one_in_a_minute_is_recorded_and_late_polls_put_nothing_off() -> None:
    recorder = Recorder(60.0)
    found = []
    for n in range(31):
        at = n * 10 + (0.4 if n % 3 else -0.3)
        found += times(recorder.take(reading(at), moment(at)))
    assert [round(at / 60) for at in found] == [0, 1, 2, 3, 4, 5]


def test_after_a_silence_the_first_reading_is_recorded_and_the_next_a_minute_later() -> None:
    recorder = Recorder(60.0)
    at = [0.0, 1000.0, 1010.0, 1050.0, 1060.0, 1120.0]
    assert [times(recorder.take(reading(a), moment(a))) for a in at] == [[0.0], [1000.0], [], [], [1060.0], [1120.0]]


def test_a_new_life_is_recorded_with_the_last_of_the_old() -> None:
    recorder = Recorder(60.0)
    recorder.take(reading(0), moment(0))
    recorder.take(reading(10), moment(10))
    assert times(recorder.take(reading(20, life=2), moment(20))) == [10.0, 20.0]
    assert times(recorder.take(reading(30, life=3), moment(30))) == [30.0]


def test_a_doubt_and_its_end_are_recorded() -> None:
    recorder = Recorder(60.0)
    recorder.take(reading(0), moment(0))
    assert times(recorder.take(reading(10, quality="suspect"), moment(10))) == [10.0]
    assert times(recorder.take(reading(20, quality="suspect"), moment(20))) == []
    assert times(recorder.take(reading(30), moment(30))) == [30.0]


def test_a_power_that_leaves_its_dead_band_is_recorded_and_the_minute_begins_anew() -> None:
    recorder = Recorder(60.0, 50.0)
    power = [(0, 100), (10, 150), (20, 151), (30, 102), (70, 150), (80, 151), (90, 150)]
    assert [times(recorder.take(reading(a, p), moment(a))) for a, p in power] == [[0.0], [], [20.0], [], [], [80.0], []]


def test_a_record_knows_when_it_was_read_by_the_clock_nobody_sets() -> None:
    recorder = Recorder(60.0)
    late = Moment(1e9 + 12.0, 12.0, "b", False)
    assert recorder.take(reading(10), late) == [Record(reading(10), 10.0, "b", False)]
    jumped = Moment(2e9, 80.0, "b", True)
    assert recorder.take(reading(79), jumped) == [Record(reading(79), 80.0, "b", True)]
