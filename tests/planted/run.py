"""make planted: each planted bug in a copy of the tree, and whether a search or the tests catch it.

Two lanes side by side, a core to each: what looks at lights, meters and the history, and what looks at water and
switches. For bugs of the phone page, its server and the broker's access there are two others: what looks through a
browser, and what does not; and two for commissioning: what judges, and what switches. The same runs, in the same order,
for every bug of a sort; none of them knows which bug there is.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PUT_AWAY_S = 10.0
SEARCH = (sys.executable, "-m", "tests.search", "--no-shrink")
PROPERTIES = "test_every_row_arrives_or_is_set_aside_whatever_is_answered"
FLOWS = (
    "test_each_valve_has_the_litres_that_flowed_while_it_was_open",
    "test_a_leak_is_found_30_s_after_all_is_closed",
    "test_a_dry_well_is_found_in_30_s_or_four_pulses_of_the_meter",
    "test_a_burst_pipe_is_found_in_30_s_or_a_few_pulses_of_the_meter",
)
UNDOS = (
    "test_undo_of_a_light_that_burnt_until_a_time_has_it_burn_until_then",
    "test_undo_of_a_stopped_valve_waters_for_what_was_left",
)
STRANGE = "test_a_strange_about_is_read_as_far_as_it_can_be"
FAR = ("edge/web/", "edge/access/")  # what is between a phone and the controller, and no search looks at
CABINET = ("edge/shell/commission", "edge/core/diagnosis", "edge/commands/doctor", "edge/sheet/")
Run = tuple[str, ...]  # files and tests for one pytest; or what the search is to be told


def lanes(first_seed: int) -> tuple[list[Run], list[Run]]:
    """What is run, the quickest first; what is last goes on until the time is over."""
    known: list[Run] = [
        (
            "tests/core/test_alarm_machine.py", "tests/core/test_limits.py", "tests/shell/test_signs.py",
            "tests/shell/test_safe_mode.py", "tests/shell/test_starts.py",
        ),
        ("search", "--first", str(first_seed), "--within", "24"),
        (
            "tests/core/test_bill_machine.py", f"tests/core/test_posting.py::{PROPERTIES}", "tests/core/test_energy.py",
            "tests/shell/test_history_machine.py", "tests/core/test_delivery_machine.py",
        ),
        ("tests/drivers/test_modbus_faults.py::test_no_wrong_value_in_a_hundred_thousand_bad_exchanges",),
        ("tests/core/test_command_machine.py", "tests/core/test_precedence_machine.py"),
        ("tests/core/test_light_properties.py",),
        ("search", "--first", str(first_seed + 1000)),
    ]  # fmt: skip
    water: list[Run] = [
        (
            "tests/machine/test_unit_files.py", "tests/shell/test_leases.py::TestMachine",
            "tests/core/test_station_machine.py",
        ),
        ("tests/core/test_field.py", "tests/core/test_climate_machine.py", "tests/core/test_budgets.py"),
        tuple(f"tests/core/test_flow.py::{name}" for name in FLOWS),
        ("tests/core/test_run_machine.py::TestRuns",),
        ("search", "--fields", "--first", str(first_seed)),
    ]
    return known, water


def far_lanes() -> tuple[list[Run], list[Run]]:
    """The same for what is between a phone and the controller."""
    doors: list[Run] = [
        (
            "tests/web_server/test_door.py", "tests/web_server/test_packets.py", "tests/web_server/test_files.py",
            "tests/access/test_names.py", "tests/access/test_codes.py", "tests/access/test_registry.py",
            "tests/access/test_broker_command.py",
        ),
        ("tests/access/test_matrix.py", "tests/web_server/test_entry.py"),
        ("tests/access/test_pairing.py", "tests/access/test_takeover.py", "tests/access/test_district.py"),
    ]  # fmt: skip
    page: list[Run] = [
        (
            "tests/page/test_truth.py", f"tests/page/test_hostile.py::{STRANGE}",
            *(f"tests/page/test_taps.py::{name}" for name in UNDOS),
        ),
        ("tests/page/test_link.py",),
    ]  # fmt: skip
    return doors, page


def cabinet_lanes() -> tuple[list[Run], list[Run]]:
    """The same for what a person commissions a cabinet with."""
    judges: list[Run] = [
        ("tests/core/test_diagnosis.py", "tests/core/test_diagnosis_machine.py", "tests/core/test_diagnosis_outputs.py"),
        ("tests/shell/test_commission_machine.py", "tests/commands/test_sheet.py"),
    ]
    return judges, [("tests/commands/test_commission.py",)]


def lanes_of(sort: str, first_seed: int) -> tuple[list[Run], list[Run]]:
    """What is run for bugs of this sort: `core`, `far` or `cabinet`."""
    return far_lanes() if sort == "far" else cabinet_lanes() if sort == "cabinet" else lanes(first_seed)


class Outcome(NamedTuple):
    """What became of one patch."""

    name: str
    caught_by: str | None
    seconds: float


def copied(target: Path) -> Path:
    """The tree as it stands, without what is not in the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "edge", "drivers", "simulator", "systemd", "tests", "config", "pyproject.toml"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.splitlines()
    for name in listed:
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)  # what is executable there is here
    return target


def patches() -> list[Path]:
    """All planted bugs, in order."""
    return sorted(HERE.glob("*.patch"), key=number)


def number(patch: Path) -> int:
    """By which it is known."""
    return int(patch.stem.partition("-")[0])


def sort_of(patch: Path) -> str:
    """What it harms: the controller's `core`; what is between it and a phone, `far`; or what commissions a `cabinet`."""
    lines = patch.read_text("utf-8").splitlines()
    for sort, parts in (("far", FAR), ("cabinet", CABINET)):
        if any(line.startswith(tuple(f"+++ b/{part}" for part in parts)) for line in lines):
            return sort
    return "core"


def apply(patch: Path, tree: Path) -> str:
    """Put the bug into the tree; "" or why it cannot be."""
    done = subprocess.run(
        ["git", "apply", "--recount", "-C1", str(patch)], cwd=tree, check=False, capture_output=True, text=True,
        env={**os.environ, "GIT_CEILING_DIRECTORIES": str(tree.parent)},
    )
    return done.stderr.strip() if done.returncode else ""


class Chase:
    """Both lanes after one bug: the first that catches it stops the other."""

    def __init__(self, tree: Path, lanes_: tuple[list[Run], list[Run]], within_s: float) -> None:
        self._tree = tree
        self._lanes = lanes_
        self._until = time.monotonic() + within_s
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._found: list[tuple[str, float]] = []  # by what, and at which monotonic time

    def run(self) -> tuple[str | None, float]:
        """By what the tree's bug is caught, if it is; and after how many seconds."""
        began = time.monotonic()
        with ThreadPoolExecutor(2) as pool:
            try:
                list(pool.map(self._lane, self._lanes))
            except KeyboardInterrupt:  # which does not reach what runs in sessions of its own
                self._until = 0.0
                self._end_all()
                raise
        if not self._found:
            return None, time.monotonic() - began
        return self._found[0][0], self._found[0][1] - began

    def _lane(self, runs: list[Run]) -> None:
        for run in runs:
            process = self._begin(_command(run))
            if process is None:
                return
            try:
                output = process.communicate(timeout=max(self._until - time.monotonic(), 0.0))[0]
            except subprocess.TimeoutExpired:
                _end(process)
                return
            self._ended(process, output)

    def _begin(self, command: list[str]) -> subprocess.Popen[str] | None:
        """None once there is nothing to be found any more."""
        with self._lock:
            if self._found or time.monotonic() >= self._until:
                return None
            process = subprocess.Popen(
                command, cwd=self._tree, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                env=_environment(self._tree), start_new_session=True,
            )
            self._running.add(process)
            return process

    def _ended(self, process: subprocess.Popen[str], output: str) -> None:
        with self._lock:
            self._running.discard(process)
            if process.returncode != 0 and not self._found:
                self._found.append((_named(output), time.monotonic()))
                self._end_all()

    def _end_all(self) -> None:
        for process in list(self._running):
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    """With the brokers and villages that it has started, which it may put away itself first."""
    process.send_signal(signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        process.wait(PUT_AWAY_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _command(run: Run) -> list[str]:
    if run[0] == "search":
        return [*SEARCH, *run[1:], "--days", "100000"]
    return [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *run]


def _environment(tree: Path) -> dict[str, str]:
    path = f"{tree}{os.pathsep}{tree / 'tests'}"
    return {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "HYPOTHESIS": "unshrunk"}


def _named(output: str) -> str:
    if found := re.search(r"seed (\d+): (.+?): (.*)", output):
        return f"{found[2]} (seed {found[1]}): {found[3][:70]}"
    file = re.search(r"^(?:FAILED|ERROR) (\S+)", output, re.MULTILINE)
    failed = re.findall(r"^E +(\w*Error.*|assert .*|.*Violation.*)$", output, re.MULTILINE)
    last = (output.strip().splitlines() or ["it said nothing"])[-1]
    machine = Path(file[1].partition("::")[0]).stem if file else "search"
    return f"{machine}: {(failed[-1] if failed else last)[:70]}"


def imports(tree: Path) -> str:
    """Whether the patched package can still be imported: "" or why not."""
    done = subprocess.run(
        [sys.executable, "-c", "import edge.access.setting_up, edge.web.server, edge.shell.app as a; print(a.__file__)"], cwd=tree, check=False, capture_output=True, text=True,
        env=_environment(tree),
    )
    if done.returncode == 0 and not done.stdout.startswith(str(tree)):
        return f"{done.stdout.strip()} is not the copy"
    return done.stderr.strip()


def tried(patch: Path, first_seed: int, within_s: float) -> Outcome:
    """One patch in a copy of its own."""
    with TemporaryDirectory(prefix="planted-") as folder:
        tree = copied(Path(folder).resolve())
        wrong = apply(patch, tree) or imports(tree)
        if wrong:
            return Outcome(f"{patch.stem}: {wrong}", None, 0.0)
        these = lanes_of(sort_of(patch), first_seed)
        return Outcome(patch.stem, *Chase(tree, these, within_s).run())


def sound(sort: str, first_seed: int, within_s: float) -> Outcome:
    """The tree without any bug."""
    with TemporaryDirectory(prefix="planted-") as folder:
        tree = copied(Path(folder).resolve())
        found, seconds = Chase(tree, lanes_of(sort, first_seed), within_s).run()
    whose = {"far": " of page and access", "cabinet": " of commissioning"}.get(sort, "")
    return Outcome(f"the sound tree{whose}", found, seconds)


def main() -> int:
    """The table; 1 if a bug was not caught, or if the sound tree was."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="only patches whose names contain one of these")
    parser.add_argument("--first", type=int, default=1, help="the seed that the search begins with")
    parser.add_argument("--within", type=float, default=60, help="seconds for each; more only where others use the machine, too")
    args = parser.parse_args()
    chosen = [p for p in patches() if not args.names or any(n in p.stem for n in args.names)]
    if not chosen:
        parser.error(f"no patch's name contains {' or '.join(args.names)}; there are {', '.join(p.stem for p in patches())}")
    bad = []
    for sort in sorted({sort_of(patch) for patch in chosen}):
        name, found, seconds = sound(sort, args.first, args.within)
        print(f"{name:56} {seconds:5.1f} s  {found or 'passes'}", flush=True)
        bad += [] if found is None else [name]
    for patch in chosen:
        outcome = tried(patch, args.first, args.within)
        print(f"{outcome.name:56} {outcome.seconds:5.1f} s  {outcome.caught_by or 'NOT CAUGHT'}", flush=True)
        bad += [] if outcome.caught_by else [outcome.name]
    print(f"{len(chosen) - len(bad)} of {len(chosen)} caught" if not bad else f"not as it should be: {', '.join(bad)}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
