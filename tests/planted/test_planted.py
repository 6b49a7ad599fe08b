"""Every planted bug still applies to the tree as it is, and does harm to the product alone."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATCHES = sorted(Path(__file__).parent.glob("*.patch"))


def test_there_are_as_many_as_each_part_of_the_product_is_worth() -> None:
    numbers = [int(patch.stem.partition("-")[0]) for patch in PATCHES]
    assert len(set(numbers)) == len(numbers)
    assert sum(number < 70 for number in numbers) >= 50, "lights, meters, the history"
    assert sum(70 <= number < 100 for number in numbers) >= 16, "water and switches"
    assert sum(number >= 100 for number in numbers) >= 16, "the phone page, its server, the broker's access"


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.stem)
def test_it_applies_and_changes_one_file_of_the_product(patch: Path, tmp_path: Path) -> None:
    lines = patch.read_text("utf-8").splitlines()
    changed = [line.removeprefix("+++ b/") for line in lines if line.startswith("+++ ")]
    assert len(changed) == 1
    assert changed[0].startswith(("edge/", "drivers/", "systemd/"))
    assert sum(line.startswith("+") for line in lines) <= 3, "one line of harm, or two"
    target = tmp_path / changed[0]
    target.parent.mkdir(parents=True)
    shutil.copyfile(ROOT / changed[0], target)
    before = target.read_text("utf-8")
    done = subprocess.run(["git", "apply", "--recount", "-C1", str(patch)], cwd=tmp_path, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stderr}make the patch anew: the line it harms has changed"
    assert target.read_text("utf-8") != before
    if target.suffix == ".py":
        compile(target.read_text("utf-8"), changed[0], "exec")


@pytest.mark.slow
def test_the_command_knows_a_name_that_matches_nothing() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests/planted/run.py"), "no-such-bug"], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "no-such-bug" in done.stderr
