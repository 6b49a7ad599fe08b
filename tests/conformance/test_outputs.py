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
LEASE_S = 60.0
HARDWARE_LINE, HARDWARE_COIL = "line of this machine", "coil on a serial port"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Hardware that is named takes the place of what is simulated."""
    if "bench" in metafunc.fixturenames:
        option = metafunc.config.getoption
        leased = "leased" in metafunc.fixturenames
        named = [HARDWARE_LINE] * (option("--gpio") is not None) + [HARDWARE_COIL] * (option("--port") is not None)
        slow = [pytest.param(kind, marks=pytest.mark.slow) if "pty" in kind else kind for kind in SIMULATED]
        metafunc.parametrize("bench", named or slow, indirect=True)
        if leased:
            metafunc.parametrize("leased", [False, True], ids=["for good", "leased"])


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
        if request.node.callspec.params.get("leased"):
            begin = made.start
            monkeypatch.setattr(made, "start", lambda: [Leased(output) for output in begin()])
        yield made
        made.close()


class Leased:
    """An output of which every ON is a lease."""

    def __init__(self, output: OutputPort) -> None:
        self._output = output
        self._keeper = LeaseKeeper({"valve/v": output}, lambda: 0.0, print)
        self.why = output.why

    def write(self, on: bool) -> None:
        self._keeper.write("valve/v", on, LEASE_S if on else None)

    def read(self) -> bool | None:
        return self._keeper.read("valve/v")


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
def test_the_first_write_decides_what_the_relay_is(bench: Bench, leased: bool, on: bool) -> None:
    output = bench.start()[0]
    drive(bench, output, on)
    sure(bench, on)


def test_later_writes_move_it_and_writing_the_same_again_does_not(bench: Bench, leased: bool) -> None:
    output = bench.start()[0]
    for on in (False, True, True, False, False, True):
        drive(bench, output, on)
        sure(bench, on)
    if bench.knows:
        assert bench.moves() == 3
    drive(bench, output, False)


def test_the_last_of_many_writes_counts(bench: Bench, leased: bool) -> None:
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


def test_nothing_moves_before_the_first_write(bench: Bench, leased: bool) -> None:
    far_side(bench)
    outputs = bench.start()
    drive(bench, outputs[1], False)
    assert (bench.moves(), bench.far(0), outputs[0].read() is True) == (0, False, False)


def test_relays_do_not_touch_each_other(bench: Bench, leased: bool) -> None:
    far_side(bench)
    a, b = bench.start()
    drive(bench, a, True)
    drive(bench, b, True)
    drive(bench, b, False)
    assert (bench.far(0), bench.far(1), a.read()) == (True, False, True)


def test_a_new_process_takes_a_relay_over_without_moving_it(bench: Bench, leased: bool) -> None:
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


def test_a_relay_that_fell_by_itself_is_driven_again_by_the_next_write(bench: Bench, leased: bool) -> None:
    far_side(bench)
    output = bench.start()[0]
    drive(bench, output, True)
    bench.fall()
    bench.wait(lambda: output.read() is not True, "the fall to be seen")
    assert bench.far(0) is False
    output.write(True)
    bench.wait(lambda: bench.far(0), "the relay to be on again")
    bench.wait(lambda: output.read() is True, "that to be seen")


def test_what_is_not_there_is_unknown_and_what_was_last_wanted_is_done_when_it_is_back(bench: Bench, leased: bool) -> None:
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


def test_a_lease_ends_without_a_process_where_the_hardware_can_end_it(bench: Bench, leased: bool) -> None:
    if not bench.ends or not leased:
        pytest.skip("it stays as it was driven")
    output = bench.start()[0]
    keeper = LeaseKeeper({"valve/v": output._output}, lambda: 0.0, print)  # type: ignore[attr-defined]
    keeper.write("valve/v", True, 2.0)
    bench.wait(lambda: output.read() is True, "the relay to be on")
    bench.end()
    sure(bench, True)
    bench.wait(lambda: not bench.far(0), "the lease to end")
