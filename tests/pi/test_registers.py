"""Reading QEMU's trace: registers to lines. Needs no emulator."""

from __future__ import annotations

from pathlib import Path

from pi_lines import BASE, Lines, Trace

LOW, HIGH = 17, 5  # relays that are on at level 0 and at level 1
OUTPUT_17, OUTPUT_5 = 1 << 21, 1 << 15  # in GPFSEL1 and GPFSEL0


def board() -> Lines:
    return Lines({LOW: 0, HIGH: 1})


def test_a_latch_that_is_set_before_the_direction_is_no_pulse() -> None:
    lines = board()
    lines.write(1.0, 0x1C, 1 << LOW)
    lines.write(2.0, 0x04, OUTPUT_17)
    lines.write(3.0, 0x00, OUTPUT_5)
    assert lines.switched() == []
    assert (lines.level(LOW), lines.level(HIGH)) == (1, 0)


def test_a_direction_that_comes_before_the_latch_is_a_pulse() -> None:
    lines = board()
    lines.write(1.0, 0x04, OUTPUT_17)
    lines.write(1.000001, 0x1C, 1 << LOW)
    assert lines.switched() == [(LOW, True), (LOW, False)]


def test_a_line_that_nobody_drives_has_its_relay_off() -> None:
    lines = board()
    lines.write(1.0, 0x1C, 1 << HIGH)
    lines.write(2.0, 0x00, OUTPUT_5)
    lines.write(3.0, 0x04, OUTPUT_17)
    assert lines.lit() == {LOW, HIGH}
    lines.write(4.0, 0x00, 0)
    lines.power_off()
    assert lines.lit() == set()
    assert lines.switched(since=3.5) == [(HIGH, False), (LOW, False)]


def test_other_registers_and_other_lines_move_nothing() -> None:
    lines = board()
    for offset in (0x20, 0x2C, 0x4C, 0x94, 0x98):
        lines.write(1.0, offset, 0xFFFFFFFF)
    lines.write(2.0, 0x1C, 1 << 4)
    assert lines.changes() == []


def test_the_trace_is_read_in_order_and_to_its_end(tmp_path: Path) -> None:
    lines = board()
    trace = Trace(tmp_path / "pipe", lines)
    words = [(0x1C, 1 << LOW), (0x04, OUTPUT_17), *[(0x28, 1 << LOW), (0x1C, 1 << LOW)] * 500]
    with trace.path.open("w") as pipe:
        for n, (offset, value) in enumerate(words):
            print(f"7@{n}.5:memory_region_ops_write cpu 0 mr 0x7f addr 0x3f202000 value {n:#x} size 4 name 'bcm2835-sdhost'", file=pipe)
            print(f"7@{n}.5:memory_region_ops_write cpu 3 mr 0x7f addr {BASE + offset:#x} value {value:#x} size 4 name 'bcm2835_gpio'", file=pipe)
    trace.catch_up()
    assert lines.switched() == [(LOW, True), (LOW, False)] * 500
    assert lines.changes()[-1].at == len(words) - 0.5
    trace.close()
    assert not trace.path.exists()
