"""`village-edge demo`: four processes that start together and end together.

The simulator and the controller are doubles here, which only start, say so and end as told; the broker and the page's
server are real.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from fake_controller import parsed
from support import free_port, listens, until

from edge.access.lan import page_here
from edge.access.qr import terminal_lines
from edge.commands import demo

pytestmark = pytest.mark.slow

PYTHON_DOUBLE = f"""\
#!{sys.executable}
import os, pathlib, signal, sys
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
module, words = sys.argv[3], sys.argv[4:]
option = lambda name: words[words.index(name) + 1]
if module == "simulator":
    run = pathlib.Path(option("--run"))
    run.mkdir(parents=True, exist_ok=True)
    (run / "ready").touch()
elif module == "edge" and words[0] == "run":
    if os.environ.get("CONTROLLER") == "fails":
        sys.exit("the wiring is wrong")
    host, port = option("--mqtt").split(":")
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.connect(host, int(port))
    client.loop_start()
    client.publish("village/nguyen-ly/status", "online", 1, True).wait_for_publish(5)
else:
    os.execv({sys.executable!r}, [{sys.executable!r}, *sys.argv[1:]])
print(module, os.getpid(), flush=True)
signal.pause()
"""
CODE = """\
import argparse, sys
from edge.access.lan import page_here
from edge.access.qr import terminal_lines
from edge.commands import demo
sys.executable = sys.argv.pop(1)
parser = argparse.ArgumentParser()
demo.add_arguments(parser)
sys.exit(demo.run(parser.parse_args()))
"""


class Running:
    """A demo that runs, and what it has said so far."""

    def __init__(self, python: Path, *words: str, **environment: str) -> None:
        self.said = ""
        self.process = subprocess.Popen(
            [sys.executable, "-c", CODE, str(python), *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, env=os.environ | environment,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line

    def wait_for(self, words: str) -> None:
        until(lambda: words in self.said, 30, repr(words))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    python = tmp_path / "python"
    python.write_text(PYTHON_DOUBLE)
    python.chmod(0o755)
    all_started: list[Running] = []

    def run(*words: str, **environment: str) -> Running:
        all_started.append(Running(python, *words, **environment))
        return all_started[-1]

    yield run
    for each in all_started:
        each.process.kill()
        each.process.wait()


def pids(folder: Path) -> list[int]:
    """The simulator's and the controller's process, as their logs tell."""
    logs = [folder / "simulator.log", folder / "controller.log"]
    return [int(log.read_text().split()[1]) for log in logs]


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_what_it_started(start: Callable[..., Running], tmp_path: Path, number: int) -> None:
    port, folder = free_port(), tmp_path / "kept"
    running = start("--mqtt-port", str(port), "--state", str(folder))
    running.wait_for("Ctrl-C ends it all")
    assert listens(port)
    started = pids(folder)
    assert all(alive(pid) for pid in started)
    running.process.send_signal(number)
    assert running.process.wait(20) == 0
    assert not listens(port)
    assert not any(alive(pid) for pid in started)
    assert {"broker.log", "controller.log", "simulator.log"} < {path.name for path in folder.iterdir()}


def test_it_goes_with_all_its_processes_when_killed(start: Callable[..., Running], tmp_path: Path) -> None:
    port = free_port()
    running = start("--mqtt-port", str(port), "--state", str(tmp_path))
    running.wait_for("Ctrl-C ends it all")
    started = pids(tmp_path)
    running.process.kill()
    until(lambda: not any(alive(pid) for pid in started) and not listens(port), 10, "the processes to end")


def test_it_says_which_process_died_and_ends_the_others(start: Callable[..., Running], tmp_path: Path) -> None:
    port = free_port()
    running = start("--mqtt-port", str(port), "--state", str(tmp_path))
    running.wait_for("Ctrl-C ends it all")
    simulator, controller = pids(tmp_path)
    os.kill(controller, signal.SIGKILL)
    assert running.process.wait(20) == 1
    running.wait_for(f"All it said: {tmp_path}/controller.log")
    assert "The controller ended with signal 9. The last it said:" in running.said
    assert not alive(simulator)
    assert not listens(port)


def test_a_controller_that_cannot_start_is_quoted(start: Callable[..., Running], tmp_path: Path) -> None:
    running = start("--mqtt-port", str(free_port()), "--state", str(tmp_path), CONTROLLER="fails")
    assert running.process.wait(30) == 1
    running.wait_for("All it said")
    assert "The controller ended with status 1. The last it said:\n  the wiring is wrong\n" in running.said


def test_a_deep_state_directory_is_no_obstacle(start: Callable[..., Running], tmp_path: Path) -> None:
    folder = tmp_path / ("deep-" * 20) / ("down-" * 20)
    running = start("--mqtt-port", str(free_port()), "--state", str(folder))
    running.wait_for("Ctrl-C ends it all")
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(20) == 0


def test_without_a_state_directory_nothing_stays(start: Callable[..., Running], tmp_path: Path) -> None:
    temporary = tmp_path / "t"
    temporary.mkdir()
    running = start("--mqtt-port", str(free_port()), TMPDIR=str(temporary))
    running.wait_for("Ctrl-C ends it all")
    assert re.search(r"the logs are in (\S+)\.", running.said)
    assert list(temporary.iterdir()) != []
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(20) == 0
    assert list(temporary.iterdir()) == []


def test_the_page_is_served_and_only_its_address_lets_in(start: Callable[..., Running], tmp_path: Path) -> None:
    port, page = free_port(), free_port()
    running = start("--mqtt-port", str(port), "--http-port", str(page), "--only-here", "--state", str(tmp_path))
    running.wait_for("Ctrl-C ends it all")
    found = re.search(rf"http://127\.0\.0\.1:{page}/#user=head&token=([\w-]{{22,}})\n", running.said)
    assert found is not None
    assert "on a phone of this network" not in running.said
    with urllib.request.urlopen(f"http://127.0.0.1:{page}/") as answer:
        assert b"importmap" in answer.read()
    assert logs_in(port, None, None)
    assert logs_in(port, "head", found[1])
    assert not logs_in(port, "head", found[1][:-1])
    assert not logs_in(port, "head", "")
    assert not logs_in(port, "tech", found[1])
    assert (tmp_path / "broker.yaml").stat().st_mode & 0o077 == 0
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(20) == 0
    assert not listens(page)


def test_a_phone_of_the_network_gets_a_code(start: Callable[..., Running], tmp_path: Path) -> None:
    here = page_here(8080)
    if here is None:
        pytest.skip("this machine is in no network")
    running = start("--mqtt-port", str(free_port()), "--http-port", str(page := free_port()), "--state", str(tmp_path))
    running.wait_for("Ctrl-C ends it all")
    found = re.search(r"on a phone of this network  (\S+)\n([█▀▄ \n]+)\n", running.said)
    assert found is not None
    assert found[1].startswith(here.replace("8080", str(page)))
    assert found[2].rstrip().splitlines() == [line.rstrip() for line in terminal_lines(found[1], colours=False)]


def logs_in(port: int, user: str | None, password: str | None) -> bool:
    answers: list[bool] = []
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    if user is not None:
        client.username_pw_set(user, password)
    client.on_connect = lambda _c, _d, _f, reason, _p: answers.append(not reason.is_failure)
    client.connect("127.0.0.1", port)
    client.loop_start()
    until(lambda: answers, 10, "the broker's answer")
    client.loop_stop()
    client.disconnect()
    return answers[0]


@pytest.mark.parametrize("option", ["--mqtt-port", "--http-port"])
def test_a_port_that_was_asked_for_and_is_taken(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert demo.run(parsed(demo, option, str(port), "--only-here")) == 1
    assert capsys.readouterr().err == f"port {port} is taken: leave {option} out, or name another\n"
