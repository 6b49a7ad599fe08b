"""systemd/install.sh as a text: what shellcheck says of it, and the lists that it installs from."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "systemd" / "install.sh"
PARTS = sorted((ROOT / "systemd" / "install").glob("*.sh"))
TEXT = re.compile(r"\b(?:say|fail|step|did|flaw|or_fail|misunderstood|ask)((?:\s+(?:\\\n\s*)?\"(?:[^\"\\]|\\.)*\")+)")


def test_shellcheck_finds_nothing() -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed: apt-get install shellcheck")
    checked = subprocess.run(["shellcheck", "-x", SCRIPT], cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.stdout == ""
    assert checked.returncode == 0


def test_each_part_is_read_and_none_is_long() -> None:
    sourced = re.findall(r'^\. "\$here/install/(\w+\.sh)"$', SCRIPT.read_text("utf-8"), re.MULTILINE)
    assert sorted(sourced) == [part.name for part in PARTS]
    for part in (SCRIPT, *PARTS):
        assert len(part.read_text("utf-8").splitlines()) <= 400, part
        assert subprocess.run(["sh", "-n", part], check=False).returncode == 0


def test_everything_is_said_in_two_languages() -> None:
    said = [(part, found[1]) for part in (SCRIPT, *PARTS) for found in TEXT.finditer(part.read_text("utf-8"))]
    assert len(said) > 60
    for part, texts in said:
        assert len(re.findall(r'"(?:[^"\\]|\\.)*"', texts)) >= 2, f"{part}: {texts}"


def pinned(path: Path) -> dict[str, str]:
    """Version by package; every one has a hash."""
    text = path.read_text("utf-8")
    found = re.findall(r"^([a-z0-9.-]+)==([^ \\]+).*\\\n(    --hash=sha256:[0-9a-f]{64}\b)", text, re.MULTILINE)
    assert len(found) == len(re.findall(r"^[a-z]", text, re.MULTILINE))
    return {name: version for name, version, _ in found}


def test_what_is_installed_is_pinned_and_can_build_the_checkout_itself() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    locked = pinned(ROOT / "requirements.lock")
    extras = project["project"]["optional-dependencies"]
    for wanted in (*project["project"]["dependencies"], *extras["web"], *project["build-system"]["requires"]):
        assert re.match(r"[\w.-]+", wanted)[0].replace(".", "-") in locked, wanted
    assert pinned(ROOT / "tests" / "requirements.lock").items() >= locked.items()


def test_lgpio_is_the_version_that_has_wheels() -> None:
    assert "--only-binary lgpio" in (ROOT / "systemd" / "lgpio.lock").read_text("utf-8")
    assert pinned(ROOT / "systemd" / "lgpio.lock") == {"lgpio": "0.2.2.0"}


def test_the_example_of_answers_has_every_question_and_no_other() -> None:
    keys = set(re.search(r"^KEYS='(.*)'$", (ROOT / "systemd/install/answers.sh").read_text("utf-8"), re.MULTILINE)[1].split())
    shown = set(re.findall(r"^#?([a-z_]+)=", (ROOT / "systemd" / "answers.example").read_text("utf-8"), re.MULTILINE))
    assert shown == keys
