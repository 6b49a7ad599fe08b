"""make planted: each planted bug in a copy of the tree, and whether the search or the state machines catch it.

The same runs, in the same order, for every bug: the quickest state machine of the core, the seeded search for a while,
the other machines, and the search from another seed on. None of them knows which bug there is.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WITHIN_S = 60.0
MACHINES = (
    "tests/core/test_alarm_machine.py",
    "tests/core/test_limits.py",
    "tests/core/test_bill_machine.py",
    "tests/core/test_posting.py::test_every_row_arrives_or_is_set_aside_whatever_is_answered",
    "tests/core/test_energy.py",
    "tests/shell/test_history_machine.py",
    "tests/core/test_delivery_machine.py",
    "tests/drivers/test_modbus_faults.py::test_no_wrong_value_in_a_hundred_thousand_bad_exchanges",
    "tests/core/test_command_machine.py",
    "tests/core/test_precedence_machine.py",
    "tests/core/test_light_properties.py",
)
SEARCH = (sys.executable, "-m", "tests.search", "--no-shrink", "--first")


class Outcome(NamedTuple):
    """What became of one patch."""

    name: str
    caught_by: str | None
    seconds: float


def copied(target: Path) -> Path:
    """The tree as it stands, without what is not in the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "edge", "drivers", "simulator", "tests", "config", "pyproject.toml"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.splitlines()
    for name in listed:
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target / name)
    return target


def patches() -> list[Path]:
    """All planted bugs, in order."""
    return sorted(HERE.glob("*.patch"))


def apply(patch: Path, tree: Path) -> str:
    """Put the bug into the tree; "" or why it cannot be."""
    done = subprocess.run(
        ["git", "apply", "--recount", "-C1", str(patch)], cwd=tree, check=False, capture_output=True, text=True,
        env={**os.environ, "GIT_CEILING_DIRECTORIES": str(tree.parent)},
    )
    return done.stderr.strip() if done.returncode else ""


def caught(tree: Path, first_seed: int, within_s: float) -> tuple[str | None, float]:
    """By what the tree's bug is caught, if it is; and after how many seconds."""
    began = time.monotonic()

    def left() -> float:
        return within_s - (time.monotonic() - began)

    for command in _runs(first_seed, within_s):
        if left() <= 0:
            break
        try:
            done = subprocess.run(command, cwd=tree, check=False, capture_output=True, text=True, timeout=left(), env=_environment(tree))
        except subprocess.TimeoutExpired:
            break
        if done.returncode != 0:
            return _named(command, done.stdout + done.stderr), time.monotonic() - began
    return None, time.monotonic() - began


def _runs(first_seed: int, within_s: float) -> list[list[str]]:
    quick, *slow = [[sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", m] for m in MACHINES]
    return [
        quick,
        [*SEARCH, str(first_seed), "--within", str(within_s / 2), "--days", "100000"],
        *slow,
        [*SEARCH, str(first_seed + 1000), "--within", str(within_s), "--days", "100000"],
    ]


def _environment(tree: Path) -> dict[str, str]:
    path = f"{tree}{os.pathsep}{tree / 'tests'}"
    return {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "HYPOTHESIS": "unshrunk"}


def _named(command: list[str], output: str) -> str:
    found = re.search(r"seed (\d+): (.+?): (.*)", output)
    if "tests.search" in command and found:
        return f"{found[2]} (seed {found[1]}): {found[3][:70]}"
    failed = re.findall(r"^E +(\w*Error.*|assert .*|.*Violation.*)$", output, re.MULTILINE)
    machine = Path(command[-1].partition("::")[0]).stem if ".py" in command[-1] else "search"
    return f"{machine}: {failed[-1][:70] if failed else output.strip().splitlines()[-1][:70]}"


def imports(tree: Path) -> str:
    """Whether the patched package can still be imported: "" or why not."""
    done = subprocess.run(
        [sys.executable, "-c", "import edge.shell.app as a; print(a.__file__)"], cwd=tree, check=False, capture_output=True, text=True,
        env=_environment(tree),
    )
    if done.returncode == 0 and not done.stdout.startswith(str(tree)):
        return f"{done.stdout.strip()} is not the copy"
    return done.stderr.strip()


def tried(patch: Path, first_seed: int) -> Outcome:
    """One patch in a copy of its own."""
    with TemporaryDirectory(prefix="planted-") as folder:
        tree = copied(Path(folder).resolve())
        wrong = apply(patch, tree) or imports(tree)
        if wrong:
            return Outcome(f"{patch.stem}: {wrong}", None, 0.0)
        return Outcome(patch.stem, *caught(tree, first_seed, WITHIN_S))


def main() -> int:
    """The table; 1 if a bug was not caught, or if the sound tree was."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="only patches whose names contain one of these")
    parser.add_argument("--first", type=int, default=1, help="the seed that the search begins with")
    args = parser.parse_args()
    chosen = [p for p in patches() if not args.names or any(n in p.stem for n in args.names)]
    if not chosen:
        parser.error(f"no patch's name contains {' or '.join(args.names)}; there are {', '.join(p.stem for p in patches())}")
    with TemporaryDirectory(prefix="planted-") as folder:
        tree = copied(Path(folder).resolve())
        sound, seconds = caught(tree, args.first, WITHIN_S)
    print(f"{'the sound tree':32} {seconds:5.1f} s  {sound or 'passes'}", flush=True)
    bad = [] if sound is None else ["the sound tree"]
    with ThreadPoolExecutor(2) as pool:
        for outcome in pool.map(lambda patch: tried(patch, args.first), chosen):
            print(f"{outcome.name:32} {outcome.seconds:5.1f} s  {outcome.caught_by or 'NOT CAUGHT'}", flush=True)
            bad += [] if outcome.caught_by else [outcome.name]
    print(f"{len(chosen) - len(bad)} of {len(chosen)} caught" if not bad else f"not as it should be: {', '.join(bad)}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
