"""What can be said of the files in systemd/ without a machine: they run what there is, and hang together."""

from __future__ import annotations

import argparse
import shlex
import subprocess
from pathlib import Path

from edge.cli import command_module

SYSTEMD = Path(__file__).parents[2] / "systemd"
PROGRAM = "/opt/village-edge/current/bin/village-edge"
SAFE_WITHIN_S = 22  # of the last sign of life: WatchdogSec + 2 s


def read(name: str) -> dict[str, list[str]]:
    """Each key of a unit or drop-in, with what it was given, in order; what comes before an empty value is void."""
    found: dict[str, list[str]] = {}
    for line in (SYSTEMD / name).read_text("utf-8").splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def told(name: str, key: str) -> str:
    """A key that stands there once."""
    (value,) = read(name)[key]
    return value


def understood(line: str) -> argparse.Namespace:
    """What our program makes of a line that runs it."""
    words = shlex.split(line)
    program, command, *rest = words
    assert program == PROGRAM
    parser = argparse.ArgumentParser(exit_on_error=False)
    command_module(command).add_arguments(parser)
    parsed = parser.parse_args([word for word in rest if not word.startswith("$")])
    parsed.command = command
    return parsed


def test_the_controller_is_run_and_after_every_end_its_outputs_are_made_safe() -> None:
    unit = "village-edge.service"
    run, safe = understood(told(unit, "ExecStart")), understood(told(unit, "ExecStopPost"))
    assert (run.command, safe.command) == ("run", "safe")
    assert run.state == safe.state == Path("/var/lib", told(unit, "StateDirectory"))
    assert str(run.state) == told(unit, "WorkingDirectory")  # lgpio's pipes
    assert (told(unit, "Restart"), told(unit, "StartLimitIntervalSec")) == ("always", "0")
    assert (told(unit, "Type"), told(unit, "NotifyAccess")) == ("notify", "main")
    assert int(told(unit, "WatchdogSec")) + int(told(unit, "TimeoutAbortSec")) <= SAFE_WITHIN_S
    assert "After" in read(unit)
    assert not {"Requires", "Requisite", "BindsTo", "Wants", "ConditionPathExists"} & read(unit).keys()  # it waits for nobody


def test_the_other_units_run_what_there_is() -> None:
    assert understood(told("village-edge-web.service", "ExecStart")).listen.port == 8080
    assert understood(f"{PROGRAM} web {tls_words()}").listen.port == 8443
    shell = shlex.split(told("village-edge-backup.service", "ExecStart"))
    assert shell[:2] == ["/bin/sh", "-c"]
    command = shell[2].rpartition("exec ")[2].replace('"$@"', "--also /etc/mosquitto/village")
    assert understood(command).keep == 7
    script = told("mosquitto.conf", "ExecStopPost").removeprefix("-/opt/village-edge/current/systemd/")
    assert (SYSTEMD / script).stat().st_mode & 0o111
    assert subprocess.run(["sh", "-n", str(SYSTEMD / script)], check=False).returncode == 0


def tls_words() -> str:
    return told("village-edge-web-tls.conf", "Environment").strip('"').removeprefix("TLS=").replace("%d", "/run/credentials")
