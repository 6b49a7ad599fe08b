"""What `make` says on a machine that lacks something, and what the files say that it installs from."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = [ROOT / "requirements.lock", ROOT / "simulator" / "requirements.lock", ROOT / "tests" / "requirements.lock"]
TOOLS = ["sh", "cat", "cksum", "dirname", "env", "mkdir", "sed", "tail"]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """As much of a checkout as making the environment looks at, and a PATH with nothing but what every system has."""
    for file in (".ci/environment", "pyproject.toml", "simulator/requirements.lock", "tests/requirements.lock"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found
        (tmp_path / "bin" / tool).symlink_to(found)
    program(tmp_path, "id", "echo 1000")
    program(tmp_path, "sudo", "exit 1")
    program(tmp_path, "apt-get", "exit 1")
    return tmp_path


def program(checkout: Path, name: str, script: str) -> None:
    path = checkout / "bin" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def refused(checkout: Path, purpose: str) -> str:
    """The one line it says."""
    done = subprocess.run(
        ["sh", checkout / ".ci" / "environment", purpose], cwd="/", capture_output=True, text=True, check=False,
        env={"PATH": str(checkout / "bin")} | {key: os.environ[key] for key in ("LANG",) if key in os.environ},
    )
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    return line


def test_without_root_it_names_what_to_install(checkout: Path) -> None:
    assert refused(checkout, "demo") == (
        "Missing: python3 python3-venv. Install them with: sudo apt-get install python3 python3-venv"
    )


def test_a_python_without_ensurepip_is_noticed(checkout: Path) -> None:
    program(checkout, "python3", 'case "$2" in *ensurepip*) exit 1;; esac')
    assert refused(checkout, "demo").endswith("sudo apt-get install python3 python3-venv")


def test_an_old_python_is_told(checkout: Path) -> None:
    program(checkout, "python3", "exit 1")
    assert refused(checkout, "demo").startswith("Python 3.11 or newer is needed, and python3 is older")


def test_where_there_is_no_apt_the_packages_are_named(checkout: Path) -> None:
    (checkout / "bin" / "apt-get").unlink()
    assert refused(checkout, "demo").endswith("Install these, then try again: python3 python3-venv")


def test_the_tests_need_a_broker(checkout: Path) -> None:
    script = (checkout / ".ci" / "environment").read_text().replace(":/usr/local/sbin:/usr/sbin", "")
    (checkout / ".ci" / "environment").write_text(script)
    program(checkout, "python3", "exit 0")
    program(checkout, "chromium", "exit 0")
    line = "Missing: mosquitto. Install them with: sudo apt-get install python3 python3-venv mosquitto chromium"
    assert refused(checkout, "test") == line


def test_the_tests_need_a_browser(checkout: Path) -> None:
    program(checkout, "python3", "exit 0")
    program(checkout, "mosquitto", "exit 0")
    line = "Missing: chromium. Install them with: sudo apt-get install python3 python3-venv mosquitto chromium"
    assert refused(checkout, "test") == line


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.parent.name)
def test_locks_hold_versions_and_hashes_only(lock: Path) -> None:
    lines = [line for line in lock.read_text().splitlines() if not line.startswith("#")]
    pinned = r"([a-z0-9-]+==\S+( ; .+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?)"
    assert len(lines) > 20
    assert [line for line in lines if not re.fullmatch(pinned, line)] == []


def test_each_lock_pins_what_the_smaller_one_does() -> None:
    runtime, simulator, tests = (
        {line.split()[0] for line in lock.read_text().splitlines() if "==" in line.partition(" ")[0]} for lock in LOCKS
    )
    assert runtime < simulator < tests
    assert not any(name.startswith("lgpio") for name in tests)
