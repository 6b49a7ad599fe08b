"""What systemd itself thinks of the units: it knows every word of them, and none is more exposed than was promised."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).parents[2] / "systemd"
UNITS = sorted(path.name for path in SYSTEMD.iterdir() if path.suffix in (".service", ".timer"))
SERVICES = [name for name in UNITS if name.endswith(".service")]
MOST_EXPOSED = 20  # in tenths


def analysed(*words: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze: apt-get install systemd")
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("unit", SERVICES)
def test_no_unit_is_exposed_more_than_was_promised(unit: str) -> None:
    said = analysed("security", "--offline=true", f"--threshold={MOST_EXPOSED}", "--no-pager", str(SYSTEMD / unit))
    assert "Overall exposure level" in said.stdout
    assert said.returncode == 0, said.stdout


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_knows_every_word_of_them(unit: str, tmp_path: Path) -> None:
    for name in UNITS:  # a timer asks for its service
        text = (SYSTEMD / name).read_text("utf-8").replace("/opt/village-edge/current/bin/village-edge", "/bin/true")
        (tmp_path / name).write_text(text)
    said = analysed("verify", "--man=no", str(tmp_path / unit))
    assert [line for line in said.stderr.splitlines() if unit in line] == []
