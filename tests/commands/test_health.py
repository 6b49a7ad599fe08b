"""`village-edge health` against a real broker, a controller that says what it is told to, and a stand-in for systemctl."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
from pathlib import Path

import pytest
from fake_controller import FakeController, parsed
from support import Mosquitto, free_port

from edge.commands import health
from edge.shell.health import Unit, page_trouble, unit_now
from edge.typed import Address

CONFIG = Path(__file__).parents[2] / "config" / "nguyen-ly.yaml"
RUNS = Unit("village-edge.service", True, "active (running)", 100.0, 0, "success")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The example's, whose controller has a password."""
    path = tmp_path / "site.yaml"
    path.write_text(CONFIG.read_text("utf-8"), "utf-8")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "controller").write_text("secret\n")
    return path


def told(config: Path, broker: Mosquitto, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[str]]:
    """The exit status and what is said."""
    args = parsed(health, "--config", str(config), "--mqtt", f"127.0.0.1:{broker.port}", "--unit", "", "--no-page", *words)
    status = health.run(args)
    said = capsys.readouterr()
    return status, (said.out + said.err).splitlines()


def well(controller: FakeController, **more: object) -> None:
    controller.say("about", {"contract": 1, "version": version("village-edge")} | more, retain=True)


def test_a_controller_that_is_online_with_this_version_is_well(
    config: Path, mosquitto: Mosquitto, controller: FakeController, capsys: pytest.CaptureFixture[str]
) -> None:
    well(controller)
    assert told(config, mosquitto, capsys) == (0, ["Thôn Nguyên Lý (nguyen-ly) is well"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("leaf", "message", "line"),
    [
        ("status", "offline", "the broker says that the controller is offline"),
        ("about", {"version": "0.0.9"}, f"the version 0.0.9 runs, and {version('village-edge')} is installed: restart the controller"),
        ("about", "no JSON", f"the version unknown runs, and {version('village-edge')} is installed: restart the controller"),
        ("alarm/safe-mode:site:nguyen-ly", {"kind": "safe-mode"}, "the controller is in safe mode: it ended again and again; the journal says why"),
    ],
)  # fmt: skip
def test_what_is_wrong_by_the_broker(
    leaf: str, message: object, line: str, config: Path, mosquitto: Mosquitto, controller: FakeController, capsys: pytest.CaptureFixture[str]
) -> None:
    well(controller)
    controller.say(leaf, message, retain=True)
    assert told(config, mosquitto, capsys) == (1, [line])


@pytest.mark.slow
def test_a_broker_that_knows_nothing_and_one_that_is_away(
    config: Path, mosquitto: Mosquitto, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(config, mosquitto, capsys) == (
        1, ["the broker knows nothing of the controller: village-edge broker, then restart the controller"],
    )
    mosquitto.stop()
    status, (line,) = told(config, mosquitto, capsys)
    assert (status, line.startswith("no broker answers at 127.0.0.1:")) == (1, True)


def test_it_is_waited_for(
    config: Path, mosquitto: Mosquitto, controller: FakeController, capsys: pytest.CaptureFixture[str]
) -> None:
    controller.say("status", "offline", retain=True)
    well(controller)
    later = threading.Timer(0.6, lambda: controller.say("status", "online", retain=True))
    later.start()
    assert told(config, mosquitto, capsys, "--wait", "20s")[0] == 0
    later.join()


def test_a_configuration_with_errors_and_a_password_that_is_not_there(
    config: Path, mosquitto: Mosquitto, capsys: pytest.CaptureFixture[str]
) -> None:
    (config.parent / "secrets" / "controller").unlink()
    status, (line,) = told(config, mosquitto, capsys)
    assert (status, "village-edge broker if it is not there" in line) == (1, True)
    config.write_text("site: 1\n")
    status, lines = told(config, mosquitto, capsys)
    assert (status, any(f"{config}:1:7: site" in line for line in lines)) == (1, True)


@pytest.mark.parametrize(
    ("unit", "words"),
    [
        (RUNS, None),
        (Unit("u", True, "active (running)", 295.5, 0, "success"), "running for 4 s only, 10 s are asked for"),
        (Unit("u", True, "active (running)", 100.0, 2, "success"), "it ended and was started again, 2 times"),
        (Unit("u", True, "failed (failed)", 100.0, 0, "watchdog"), "failed (failed), last time: watchdog"),
        (Unit("u", True, "activating (start)", 100.0, 0, "success"), "u: activating (start); journalctl -u u -n 50"),
        (Unit("u", False, "inactive (dead)", 0.0, 0, "success"), "systemd has no unit u"),
    ],
)  # fmt: skip
def test_what_is_wrong_by_systemd(unit: Unit, words: str | None) -> None:
    troubles = unit.troubles(300.0, 10.0, fresh=True)
    assert (troubles == []) if words is None else (words in troubles[0])


def test_restarts_long_ago_are_no_trouble() -> None:
    assert Unit("u", True, "active (running)", 100.0, 2, "success").troubles(300.0, 10.0, fresh=False) == []


def test_systemctl_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "systemctl").write_text(
        "#!/bin/sh\nprintf 'LoadState=loaded\\nActiveState=active\\nSubState=running\\nNRestarts=3\\n"
        "ActiveEnterTimestampMonotonic=2500000\\nResult=success\\n'\n"
    )
    (tmp_path / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert unit_now("x.service") == Unit("x.service", True, "active (running)", 2.5, 3, "success")
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    assert not unit_now("x.service").loaded


class _Page(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        body = json.dumps({"ok": self.status == 200}).encode()
        self.send_response(self.status if self.path == "/health" else 404)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def page() -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", free_port()), _Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_the_page_is_asked(page: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    at = Address("127.0.0.1", page.server_port)
    assert page_trouble(at) is None
    monkeypatch.setattr(_Page, "status", 503)
    assert page_trouble(at) == f'the page at {at}: 503 {{"ok": false}}; systemctl status village-edge-web'
    nobody = Address("127.0.0.1", free_port())
    assert "refused" in str(page_trouble(nobody))
