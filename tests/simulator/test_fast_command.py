"""`village-edge simulate` as a person runs it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from support import until

CONFIG = Path(__file__).parents[2] / "config" / "nguyen-ly.yaml"
SCENARIOS = CONFIG.parents[1] / "simulator" / "scenarios"
DAYS = ["--config", str(CONFIG), "--poll", "10m"]
pytestmark = pytest.mark.slow


def simulate(*words: str, hash_seed: str = "0") -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "TZ": "UTC"}
    return subprocess.run(
        [sys.executable, "-m", "edge", "simulate", *words], check=False, capture_output=True, text=True, timeout=60,
        env=environment,
    )


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(tmp_path: Path) -> None:
    runs = {"a": ("1", "11"), "b": ("1", "222"), "c": ("2", "11")}
    traces = {}
    for name, (seed, hash_seed) in runs.items():
        done = simulate(*DAYS, "--days", "1", "--seed", seed, "--trace", str(tmp_path / name), hash_seed=hash_seed)
        assert (done.returncode, done.stderr) == (0, "")
        traces[name] = (tmp_path / name).read_bytes()
    assert traces["a"] == traces["b"]
    assert traces["a"] != traces["c"]
    lines = [json.loads(line) for line in traces["a"].splitlines()]
    assert {line.get("in") or line.get("out") for line in lines} >= {
        "Tick", "OutputObserved", "ReadingsTaken", "LinkChanged", "ClockChanged", "Write", "Persist", "Publish"
    }
    assert [line["mono"] for line in lines] == sorted(line["mono"] for line in lines)
    assert lines[-1]["wall"] - lines[0]["wall"] == pytest.approx(86400, abs=601)


def test_it_ends_with_a_summary_and_a_page(tmp_path: Path) -> None:
    done = simulate(*DAYS, "--days", "2", "--start", "2026-11-21", "--report", str(tmp_path / "r.html"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Thôn Nguyên Lý: 2 days from 2026-11-21 12:00, seed 1\n")
    told = {name: re.findall(r"(\d+) %: ([\d.]+)", line) for line in done.stdout.splitlines() for name in line.split()[:1]}
    hours = {level: float(h) for level, h in told["main-road"]}
    [(_, lanes)] = [(level, float(h)) for level, h in told["lanes"] if level == "100"]
    turns = [float(h) for h in re.findall(r"\b[abc]: ([\d.]+)", done.stdout)]  # each night another burns on alone
    assert sum(turns) == pytest.approx(hours["33"] + 3 * hours["100"], abs=0.3)
    assert min(turns) == pytest.approx(hours["100"], abs=0.2)
    assert sorted(turns)[1:] == pytest.approx([hours["100"] + hours["33"] / 2] * 2, abs=0.2)
    kwh = float(re.findall(r"cabinet-1 +([\d.]+)", done.stdout)[0])
    assert kwh == pytest.approx(0.480 * hours["33"] + 1.440 * hours["100"] + 0.720 * lanes, abs=0.2)
    html = (tmp_path / "r.html").read_text("utf-8")
    assert f"{kwh:.2f}" in html
    assert "http" not in html  # nothing is fetched
    svgs = [ET.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", html, re.DOTALL)]
    lamps = [r for svg in svgs for r in svg.iter("rect") if r.get("fill") == "var(--lamp)"]
    assert len(lamps) >= 4  # two nights, two levels each
    for svg in svgs:
        x, y, width, height = (float(n) for n in svg.attrib["viewBox"].split())
        for box in svg.iter("rect"):
            assert x <= float(box.attrib["x"]) <= x + width
            assert y <= float(box.attrib["y"]) <= y + height


def test_a_scenario_is_played_and_judged(tmp_path: Path) -> None:
    wedding = SCENARIOS / "wedding.yaml"
    done = simulate("--config", str(CONFIG), "--scenario", str(wedding), "--report", str(tmp_path / "r.html"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("seen ")
    assert "6 hours from 2026-11-21 19:30" in done.stdout
    assert "commands: 1 done" in done.stdout
    late = tmp_path / "late.yaml"
    late.write_text(wedding.read_text("utf-8").replace("is: head", "is: somebody-else"), "utf-8")
    done = simulate("--config", str(CONFIG), "--scenario", str(late), "--trace", os.devnull)
    assert done.returncode == 1
    assert "somebody-else" in done.stdout


def test_the_journal_is_kept_where_it_is_asked_for_but_only_once(tmp_path: Path) -> None:
    assert simulate(*DAYS, "--days", "1", "--state", str(tmp_path / "new")).returncode == 0
    assert (tmp_path / "new" / "journal.db").stat().st_size > 0
    again = simulate(*DAYS, "--days", "1", "--state", str(tmp_path / "new"))
    assert again.returncode == 1
    assert "name a new directory" in again.stderr


def test_ctrl_c_ends_it_with_the_report_so_far(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    words = [*DAYS, "--days", "3000", "--trace", str(trace), "--report", str(tmp_path / "r.html")]
    process = subprocess.Popen(
        [sys.executable, "-m", "edge", "simulate", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    until(lambda: process.poll() is not None or (trace.exists() and trace.stat().st_size > 100_000), 20, "some days")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, "")
    assert " from 2026-01-01 12:00, seed 1" in out
    assert "</html>" in (tmp_path / "r.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "code", "remedy"),
    [
        (["--days", "0"], 2, "write a whole number of days from 1 to 3660"),
        (["--start", "tomorrow"], 2, "write a date such as 2026-01-01"),
        (["--poll", "60"], 2, "60s"),
        (["--scenario", str(SCENARIOS / "wedding.yaml"), "--start", "2026-11-21"], 2, "leave out one of the two"),
        (["--scenario", "/nowhere.yaml"], 2, "/nowhere.yaml"),
        (["--trace", "/nowhere/at/all"], 1, "name another file"),
        (["--config", "/nowhere.yaml"], 2, "/nowhere.yaml"),
    ],
)
def test_errors_name_the_remedy(words: list[str], code: int, remedy: str) -> None:
    done = simulate(*DAYS, *words)
    assert done.returncode == code
    assert remedy in done.stderr
    assert "Traceback" not in done.stderr
