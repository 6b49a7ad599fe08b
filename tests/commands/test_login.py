"""send and watch behind a broker that lets in only whom it knows."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import Mosquitto


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker that knows the user tho, whose password is in tmp_path/password."""
    (tmp_path / "password").write_text("b\u00ed m\u1eadt\n", "utf-8")
    users = tmp_path / "users"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(users), "tho", "b\u00ed m\u1eadt"], check=True)
    users.chmod(0o644)
    tmp_path.chmod(0o755)
    broker = Mosquitto(tmp_path, f"password_file {users}")
    config = tmp_path / "mosquitto.conf"
    config.write_text(config.read_text().replace("allow_anonymous true", "allow_anonymous false\nuser root"))
    broker.start()
    yield broker
    broker.stop()


def edge(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "edge", *arguments], capture_output=True, text=True, timeout=20, check=False)


@pytest.mark.slow
def test_without_a_password_it_says_how_to_give_one_and_with_it_gets_in(guarded: Mosquitto, tmp_path: Path) -> None:
    broker = ["--mqtt", f"127.0.0.1:{guarded.port}"]
    for command in (["send", "light/x", "on"], ["watch"]):
        refused = edge(*command, *broker)
        assert refused.returncode == 2
        assert "--password-file" in refused.stderr
    login = ["--user", "tho", "--password-file", str(tmp_path / "password")]
    let_in = edge("send", "light/x", "on", "--timeout", "1s", *broker, *login)
    assert let_in.returncode == 2
    assert "does not let us in" not in let_in.stderr
    assert "controller" in let_in.stderr
    assert edge("watch", *broker, "--password-file", "/nowhere").returncode == 2
