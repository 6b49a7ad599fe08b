"""The count of starts that ended badly: which start is safe mode, over reboots, clean stops, garbage and full disks."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.shell import starts
from edge.shell.clock import ManualClock
from edge.shell.starts import MOST, PAUSES_S, WINDOW_S, Record, Safe, Start, Starts, begun, read, tried_again, written

BOOT = "boot-1"


def crashes(clock: ManualClock, where: Path, count: int, apart_s: float = 5.0) -> list[Safe | None]:
    """So many starts, each of which ends badly: what each was to be."""
    found = []
    for _ in range(count):
        found.append(Starts(where, clock).begin())
        clock.advance(apart_s)
    return found


def test_the_sixth_start_in_ten_minutes_is_safe_mode(tmp_path: Path) -> None:
    clock = ManualClock(0.0)
    assert crashes(clock, tmp_path, 5) == [None] * 5
    assert Starts(tmp_path, clock).begin() == Safe(clock.mono(), clock.mono() + 1800)


def test_starts_that_lie_further_apart_are_never_safe_mode(tmp_path: Path) -> None:
    clock = ManualClock(0.0)
    assert crashes(clock, tmp_path, 30, WINDOW_S / MOST + 0.1) == [None] * 30


def test_a_clean_stop_forgets(tmp_path: Path) -> None:
    clock = ManualClock(0.0)
    crashes(clock, tmp_path, 4)
    last = Starts(tmp_path, clock)
    assert last.begin() is None
    last.forget()
    last.error("what is said on the way out brings nothing back")
    assert list(tmp_path.iterdir()) == []
    assert crashes(clock, tmp_path, 5) == [None] * 5


def test_a_reboot_forgets(tmp_path: Path) -> None:
    clock = ManualClock(0.0)
    crashes(clock, tmp_path, 5)
    clock.reboot("boot-2")
    clock.advance(1.0)
    assert crashes(clock, tmp_path, 5) == [None] * 5


def test_the_wall_clock_has_no_say(tmp_path: Path) -> None:
    clock = ManualClock(1e9)
    for day in range(5):
        assert Starts(tmp_path, clock).begin() is None
        clock.set_wall(1e9 + (day - 2) * 86400 * 365, trusted=bool(day % 2))
    assert Starts(tmp_path, clock).begin() is not None


def test_normal_operation_is_tried_after_half_an_hour_an_hour_and_then_every_two(tmp_path: Path) -> None:
    clock = ManualClock(0.0)
    crashes(clock, tmp_path, 5)
    pauses = []
    for _ in range(5):
        safe = Starts(tmp_path, clock)
        stands = safe.begin()
        assert stands is not None
        pauses.append(stands.until - stands.since)
        clock.advance(pauses[-1] / 2)
        assert Starts(tmp_path, clock).begin() == stands, "safe mode that crashes is safe mode again, for as long as it was"
        clock.advance(pauses[-1] / 2)
        safe.try_again()
        assert crashes(clock, tmp_path, 1) == [None], "normal operation is tried once"
    assert pauses == [1800, 3600, 7200, 7200, 7200]


def test_the_start_after_safe_mode_has_it_to_tell_and_no_other(tmp_path: Path) -> None:
    clock = ManualClock(0.0)
    crashes(clock, tmp_path, 5)
    safe = Starts(tmp_path, clock)
    stands = safe.begin()
    assert stands is not None
    clock.advance(1800)
    safe.try_again()
    after = Starts(tmp_path, clock)
    assert after.begin() is None
    assert after.past is not None
    assert (after.past[0], after.past[1]["minutes"], after.past[1]["why"]) == (stands.since, 30, "4 × nobody noted why")
    clock.advance(WINDOW_S + 1)
    later = Starts(tmp_path, clock)
    assert (later.begin(), later.past) == (None, None)


def test_a_try_that_lasts_begins_the_count_anew(tmp_path: Path) -> None:
    clock = ManualClock(0.0)
    crashes(clock, tmp_path, 5)
    safe = Starts(tmp_path, clock)
    safe.begin()
    clock.advance(1800)
    safe.try_again()
    assert crashes(clock, tmp_path, 1, WINDOW_S + 1) == [None]
    assert crashes(clock, tmp_path, 5) == [None] * 5
    stands = Starts(tmp_path, clock).begin()
    assert stands is not None
    assert stands.until - stands.since == PAUSES_S[0]


def test_safe_mode_whose_end_was_missed_gives_way_at_the_next_start(tmp_path: Path) -> None:
    clock = ManualClock(0.0)
    crashes(clock, tmp_path, 5)
    assert Starts(tmp_path, clock).begin() is not None
    clock.advance(1801)
    assert [Starts(tmp_path, clock).begin() is None, Starts(tmp_path, clock).begin() is None] == [True, False]


@pytest.mark.parametrize("content", [
    b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"boot": "boot-1"}', b'{"boot": "boot-1", "starts": 3, "tries": 0, "safe": null}',
    b'{"boot": "boot-1", "starts": [{"at": NaN, "ended": null, "error": null}], "tries": 0, "safe": null}',
    b'{"boot": "boot-1", "starts": [], "tries": -1, "safe": null}', b'{"boot": "boot-1", "starts": [], "tries": true, "safe": null}',
    b'{"boot": "boot-1", "starts": [], "tries": 0, "safe": {"since": "1", "until": 2}}', b"[" * 100_000,
])  # fmt: skip
def test_garbage_counts_as_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / starts.FILE).write_bytes(content)
    assert crashes(ManualClock(0.0), tmp_path, 6)[:5] == [None] * 5


@given(content=st.binary(max_size=60) | st.from_regex(rb'\{"boot": "boot-1", .{0,60}\}', fullmatch=True))
def test_whatever_the_file_holds_it_can_be_read(content: bytes) -> None:
    record = read(content, BOOT, 100.0)
    assert record.boot == BOOT
    assert begun(record, 100.0).starts or record.safe


numbers = st.floats(0, 1e6)
some_starts = st.lists(st.builds(Start, numbers, st.none() | st.text(max_size=9), st.none() | st.text(max_size=9)), max_size=5)


@given(some_starts.map(lambda found: tuple(sorted(found, key=lambda s: s.at))), st.integers(0, 9), numbers)
def test_what_is_written_is_read_again(found: tuple[Start, ...], tries: int, mono: float) -> None:
    record = begun(Record(BOOT, found, tries), mono)
    assert read(written(record), BOOT, max(mono, 1e6)) == record


@given(st.lists(st.tuples(st.floats(0.1, 1300), st.sampled_from(["crash", "stop", "reboot"])), max_size=40))
def test_it_is_safe_mode_exactly_after_five_bad_ends_in_ten_minutes(lives: list[tuple[float, str]]) -> None:
    """Against what the promise says, of starts that are never safe mode before."""
    record, mono, boot, bad = Record("0"), 0.0, 0, list[float]()
    for lasted, end in lives:
        due = len([at for at in bad if mono - at < WINDOW_S]) >= MOST
        record = begun(record, mono)
        assert (record.safe is not None) is due
        if due:
            return
        bad.append(mono)
        mono += lasted
        if end != "crash":
            boot += end == "reboot"
            record, bad = Record(str(boot)), []


@pytest.mark.parametrize("how", ["read-only", "a file in its place", "nowhere"])
def test_a_directory_that_cannot_be_written_costs_nobody_his_start(
    tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    where = tmp_path / "run"
    if how == "a file in its place":
        where.write_text("")
    elif how == "nowhere":
        where = Path("/proc/nowhere/run")
    else:
        def fail(*_: object, **__: object) -> None:
            raise OSError(30, "Read-only file system")

        monkeypatch.setattr(starts, "replace_file", fail)
    counted = Starts(where, ManualClock(0.0))
    assert counted.begin() is None
    counted.error("an error")
    counted.ended("exit 1")
    counted.forget()
    assert "starts are not counted" in caplog.text


def test_why_names_each_end_once_and_the_last_error(tmp_path: Path) -> None:
    clock = ManualClock(0.0)
    for end in ("signal ABRT", "signal ABRT", "watchdog", None, "exit 2"):
        Starts(tmp_path, clock).begin()
        if end == "exit 2":
            Starts(tmp_path, clock).error("site.yaml:3:1: lights:\n no such key")
        if end is not None:
            Starts(tmp_path, clock).ended(end)
        clock.advance(1)
    last = Starts(tmp_path, clock)
    last.begin()
    told = starts.why(last.record)
    assert told["why"] == (
        "2 × killed by signal ABRT, 1 × it hung (watchdog), 1 × nobody noted why, 1 × exit status 2; site.yaml:3:1: lights: no such key"
    )
    assert told["why_vi"].startswith("2 × bị tín hiệu ABRT ngắt, 1 × bị treo (watchdog), 1 × không rõ vì sao, 1 × mã thoát 2; ")
    assert (told["minutes"], told["ended"][3]) == (30, "unknown")
    assert json.dumps(told)


def test_how_safe_mode_itself_ended_is_no_end_of_a_start(tmp_path: Path) -> None:
    clock = ManualClock(0.0)
    crashes(clock, tmp_path, 5)
    safe = Starts(tmp_path, clock)
    safe.begin()
    Starts(tmp_path, clock).ended("watchdog")
    assert {start.ended for start in Starts(tmp_path, clock).record.starts} == {None}
    safe.try_again()
    Starts(tmp_path, clock).ended("exit 0")
    assert [start.ended for start in Starts(tmp_path, clock).record.starts] == ["unknown"] * 4


@pytest.mark.parametrize(("environment", "end"), [
    ({}, None),
    ({"SERVICE_RESULT": "core-dump", "EXIT_CODE": "dumped", "EXIT_STATUS": "SEGV"}, "signal SEGV"),
    ({"SERVICE_RESULT": "signal", "EXIT_CODE": "killed", "EXIT_STATUS": "KILL"}, "signal KILL"),
    ({"SERVICE_RESULT": "exit-code", "EXIT_CODE": "exited", "EXIT_STATUS": "2"}, "exit 2"),
    ({"SERVICE_RESULT": "watchdog", "EXIT_CODE": "dumped", "EXIT_STATUS": "ABRT"}, "watchdog"),
    ({"SERVICE_RESULT": "resources"}, "resources"),
])  # fmt: skip
def test_how_it_ended_is_what_systemd_says(environment: dict[str, str], end: str | None) -> None:
    assert starts.end_of(environment) == end


def test_the_directory_is_the_one_that_is_named_or_systemds() -> None:
    assert starts.folder(Path("/a"), {"RUNTIME_DIRECTORY": "/b"}) == Path("/a")
    assert starts.folder(None, {"RUNTIME_DIRECTORY": "/run/village-edge:/run/more"}) == Path("/run/village-edge")
    assert starts.folder(None, {}) is None


def test_an_error_that_is_logged_is_noted_with_its_exception(tmp_path: Path) -> None:
    counted = Starts(tmp_path, ManualClock(0.0))
    counted.begin()
    log = logging.getLogger("test_starts")
    log.addHandler(note := starts.ErrorNote(counted))
    try:
        raise RuntimeError("the adapter's library")
    except RuntimeError:
        log.exception("worker %s failed", "bus-rs485")
    log.removeHandler(note)
    assert counted.record.starts[-1].error == "worker bus-rs485 failed: RuntimeError(\"the adapter's library\")"


def test_a_try_counts_one_short_of_the_most() -> None:
    record = tried_again(Record(BOOT, tuple(Start(float(n), "exit 1") for n in range(5)), 0, Safe(5.0, 1805.0)), 1805.0)
    assert [start.at for start in record.starts] == [1805.0] * (MOST - 1)
    assert begun(begun(record, 1806.0), 1807.0).safe == Safe(1807.0, 1807.0 + PAUSES_S[1])
