"""The first minutes of a newcomer: the real demo, and the lines it prints, typed as printed."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import free_port, until

pytestmark = pytest.mark.slow
PROGRAM = Path(sys.executable).with_name("village-edge")


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What a running demo said; it stands in a directory that is not the checkout."""
    here = tmp_path_factory.mktemp("elsewhere")
    process = subprocess.Popen(
        [PROGRAM, "demo", "--mqtt-port", str(free_port()), "--state", str(here / "state")],
        cwd=here, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )
    lines: list[str] = []
    assert process.stdout is not None
    threading.Thread(target=lambda out=process.stdout: lines.extend(iter(out.readline, "")), daemon=True).start()
    until(lambda: process.poll() is not None or any("Ctrl-C" in line for line in lines), 60, "the demo to be ready")
    yield "".join(lines)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0, "".join(lines)


def typed(said: str, part: str, more: str = "") -> subprocess.CompletedProcess[str]:
    """The printed line that has `part`, run by a shell in the place it is to be typed in."""
    (line,) = re.findall(rf"^    (.*{part}.*)$", said, re.MULTILINE)
    found = re.search(r"another terminal in (.+) and try", said)
    assert found
    return subprocess.run(
        f"{line} {more}", shell=True, cwd=found[1], capture_output=True, text=True, check=False, timeout=30
    )


def test_the_street_is_lit_given_back_and_turned_off(said: str) -> None:
    lit = typed(said, "send .* on")
    assert lit.returncode == 0, lit.stderr
    # By dusk other circuits on the meter come on just then, and this one waits for them.
    assert re.search(r"^done in \d+ ms: light/main-road ON, level 33 until \d\d:\d\d \(override by \S+\)$", lit.stdout, re.MULTILINE)
    seen = typed(said, "watch", "light/main-road/state --count 1")
    assert "light/main-road: ON, level 33 until" in seen.stdout
    given_back = typed(said, "send .* auto", "--timeout 10s")  # by night more circuits come on, 10 s apart
    assert re.search(r"^(done in \d+ ms|not there yet): light/main-road .*\((program|photocell)\b", given_back.stdout, re.MULTILINE)
    dark = typed(said, "send .* off")
    assert re.match(r"done in \d+ ms: light/main-road OFF.*\(override by ", dark.stdout)


def test_a_light_that_is_not_there_is_refused_with_a_reason(said: str) -> None:
    (line,) = re.findall(r"^    (.*send .* auto.*)$", said, re.MULTILINE)
    done = typed(said.replace(line, line.replace("main-road", "no-road")), "send .* auto")
    assert (done.returncode, done.stdout) == (1, "")
    assert "unknown-device" in done.stderr


def test_the_meter_is_read(said: str) -> None:
    seen = typed(said, "watch", "meter --count 1")
    assert re.search(r"meter/\S+: .*power [\d.]+ W", seen.stdout)


def test_the_coming_changes_are_shown(said: str) -> None:
    plan = typed(said, "plan")
    assert plan.returncode == 0, plan.stderr
    assert plan.stdout.count("light/main-road") >= 4
