"""One suite for every kind of output: GPIO lines and coils of relay boards, simulated in both times, or on hardware.

`pytest tests/conformance/test_outputs.py --gpio 17 --active-low` or `--port /dev/ttyUSB0 --address 1 --coil 0` runs it
on real relays instead; what only the far side can tell is then left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from output_benches import (
    Bench,
    HardwareBoard,
    HardwareLine,
    PtyBoard,
    SocketLines,
    VirtualBoard,
    VirtualLines,
)

from edge.core.events import OutputObserved, Write
from edge.shell.clock import SystemClock
from edge.shell.effects import Effects, OutputPort
from edge.shell.leases import LeaseKeeper
from edge.shell.store import StoreWorker

SIMULATED = ["line on the simulator's socket", "line in virtual time", "coil on a pty", "coil in virtual time"]
HARDWARE_LINE, HARDWARE_COIL = "line of this machine", "coil on a serial port"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Hardware that is named takes the place of what is simulated."""
    if "bench" in metafunc.fixturenames:
        option = metafunc.config.getoption
        named = [HARDWARE_LINE] * (option("--gpio") is not None) + [HARDWARE_COIL] * (option("--port") is not None)
        slow = [pytest.param(kind, marks=pytest.mark.slow) if "pty" in kind else kind for kind in SIMULATED]
        metafunc.parametrize("bench", named or slow, indirect=True)


@pytest.fixture
def bench(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    option = request.config.getoption
    with TemporaryDirectory(prefix="edge-") as folder:
        kinds = {
            SIMULATED[0]: lambda: SocketLines(Path(folder), monkeypatch),
            SIMULATED[1]: VirtualLines,
            SIMULATED[2]: PtyBoard,
            SIMULATED[3]: VirtualBoard,
            HARDWARE_LINE: lambda: HardwareLine(option("--gpio"), option("--active-low")),
            HARDWARE_COIL: lambda: HardwareBoard(option("--port"), option("--address"), option("--coil")),
        }
        made: Bench = kinds[request.param]()
        yield made
        made.close()


def drive(bench: Bench, output: OutputPort, on: bool) -> None:
    """Write, and wait until the output itself says so."""
    output.write(on)
    bench.wait(lambda: output.read() is on, f"the output to be {'on' if on else 'off'}")


def sure(bench: Bench, on: bool, index: int = 0) -> None:
    """What the output said is true."""
    if bench.knows:
        assert bench.far(index) is on


def far_side(bench: Bench) -> None:
    if not bench.knows:
        pytest.skip("only the far side can tell")


@pytest.mark.parametrize("on", [True, False])
def test_the_first_write_decides_what_the_relay_is(bench: Bench, on: bool) -> None:
    output = bench.start()[0]
    drive(bench, output, on)
    sure(bench, on)


def test_later_writes_move_it_and_writing_the_same_again_does_not(bench: Bench) -> None:
    output = bench.start()[0]
    for on in (False, True, True, False, False, True):
        drive(bench, output, on)
        sure(bench, on)
    if bench.knows:
        assert bench.moves() == 3
    drive(bench, output, False)


def test_the_last_of_many_writes_counts(bench: Bench) -> None:
    output = bench.start()[0]
    drive(bench, output, False)
    for on in (True, False) * 20 + (True,):
        output.write(on)
    bench.wait(lambda: output.read() is True, "the last write")
    sure(bench, True)
    for on in (False, True) * 20 + (False,):
        output.write(on)
    bench.wait(lambda: output.read() is False, "the last write")
    sure(bench, False)


def test_nothing_moves_before_the_first_write(bench: Bench) -> None:
    far_side(bench)
    outputs = bench.start()
    drive(bench, outputs[1], False)
    assert (bench.moves(), bench.far(0), outputs[0].read() is True) == (0, False, False)


def test_relays_do_not_touch_each_other(bench: Bench) -> None:
    far_side(bench)
    a, b = bench.start()
    drive(bench, a, True)
    drive(bench, b, True)
    drive(bench, b, False)
    assert (bench.far(0), bench.far(1), a.read()) == (True, False, True)


def test_a_new_process_takes_a_relay_over_without_moving_it(bench: Bench) -> None:
    drive(bench, bench.start()[0], True)
    bench.end()
    sure(bench, True)
    before = bench.moves() if bench.knows else 0
    output = bench.start()[0]
    drive(bench, output, True)
    if bench.knows:
        assert bench.moves() == before
    drive(bench, output, False)
    sure(bench, False)


def test_a_relay_that_fell_by_itself_is_driven_again_by_the_next_write(bench: Bench) -> None:
    far_side(bench)
    output = bench.start()[0]
    drive(bench, output, True)
    bench.fall()
    bench.wait(lambda: output.read() is not True, "the fall to be seen")
    assert bench.far(0) is False
    output.write(True)
    bench.wait(lambda: bench.far(0), "the relay to be on again")
    bench.wait(lambda: output.read() is True, "that to be seen")


def test_what_is_not_there_is_unknown_and_what_was_last_wanted_is_done_when_it_is_back(bench: Bench) -> None:
    if not bench.parts:
        pytest.skip("it is always there")
    output = bench.start()[0]
    effects = Effects(LeaseKeeper({"light/x/a": output}, SystemClock().mono, print), StoreWorker(None, lambda _: None), None)  # type: ignore[arg-type]
    seen: list[OutputObserved] = []

    def tell(on: bool) -> OutputObserved:
        effects.run([Write("light/x/a", on)], seen.append)
        return seen[-1]

    tell(True)
    bench.wait(lambda: output.read() is True, "the relay to be on")
    bench.part()
    bench.wait(lambda: output.read() is None, "the output to be unknown")
    bench.wait(lambda: bool(tell(False).error), "a word on why")
    assert (seen[-1].on, bench.far(0)) == (None, True)
    bench.join()

    def told_again() -> bool:  # as the core does with an output that does not show what it was told
        tell(False)
        return output.read() is False

    bench.wait(told_again, "the relay to be off")
    assert bench.far(0) is False
