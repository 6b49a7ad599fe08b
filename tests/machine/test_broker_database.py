"""What the drop-in for mosquitto promises, with Debian's mosquitto: a database that it cannot read costs two seconds, and
nothing else is ever moved."""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from machine_village import installed
from machines import Machine
from support import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
DATABASE = "/var/lib/mosquitto/mosquitto.db"
WHOLE = "/root/whole.db"
SETTINGS = "/etc/mosquitto/village/mosquitto.conf"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine whose broker keeps a database, as a district's does, and has one that is whole."""
    with Machine(tmp_path_factory.mktemp("broker") / "machine", installed()) as machine:
        machine.boot()
        machine.run("systemctl", "stop", "village-edge", "mosquitto")
        machine.run("sed", "-i", "s/^persistence false/persistence true/", SETTINGS)
        machine.run("systemctl", "start", "mosquitto", "village-edge")
        until(lambda: told(machine) == "online", 20, "what the controller tells")
        machine.run("systemctl", "stop", "village-edge", "mosquitto")
        machine.run("cp", "-p", DATABASE, WHOLE)
        yield machine


def told(machine: Machine) -> str:
    """What the broker has retained of whether the controller is there; "" if it has not heard of it."""
    secret = machine.read("/etc/village-edge/secrets/controller").strip()
    ask = ("mosquitto_sub", "-h", "127.0.0.1", "-u", "controller", "-P", secret, "-t", "village/+/status", "-C", "1", "-W", "1")
    return machine.run(*ask, check=False).stdout.strip()


def is_up(machine: Machine) -> bool:
    return machine.run("systemctl", "is-active", "-q", "mosquitto", check=False).returncode == 0


def aside(machine: Machine) -> list[int]:
    """The numbers of what was moved aside."""
    names = machine.run("ls", str(Path(DATABASE).parent)).stdout.split()
    return sorted(int(name.rpartition("-")[2]) for name in names if ".corrupt-" in name)


def content(machine: Machine, file: str) -> bytes:
    return base64.b64decode(machine.run("base64", file).stdout)


def begin_with(machine: Machine, database: bytes) -> None:
    """Start the broker, whatever comes of it, on that database."""
    (machine.shared / "begin.db").write_bytes(database)
    machine.run("systemctl", "stop", "mosquitto")
    machine.run("sh", "-c", f"cat {machine.shared}/begin.db > {DATABASE}")
    machine.run("systemctl", "start", "mosquitto", check=False)


def test_a_database_that_is_whole_stays(machine: Machine) -> None:
    begin_with(machine, content(machine, WHOLE))
    assert is_up(machine)
    assert told(machine) == "offline"  # as it was told before both were stopped
    machine.run("systemctl", "kill", "--signal=KILL", "mosquitto")
    until(lambda: told(machine) == "offline", 15, "the broker to be up after a crash, with what it had")
    assert aside(machine) == []


def test_for_a_mistake_in_the_settings_nothing_is_moved(machine: Machine) -> None:
    machine.write("/etc/mosquitto/conf.d/zz-mistake.conf", "listener nowhere\n")
    begin_with(machine, content(machine, WHOLE))
    until(lambda: int(machine.run("systemctl", "show", "--value", "-p", "NRestarts", "mosquitto").stdout) >= 2, 10, "two starts")
    machine.run("rm", "/etc/mosquitto/conf.d/zz-mistake.conf")
    until(lambda: is_up(machine), 10, "the broker to be up once the mistake is gone")
    assert (told(machine), aside(machine)) == ("offline", [])


def test_a_database_that_cannot_be_read_is_moved_aside(machine: Machine) -> None:
    whole = content(machine, WHOLE)
    middle = len(whole) // 2
    broken = {
        "cut in the middle": whole[:middle],
        "without its last byte": whole[:-1],
        "all zeros": bytes(len(whole)),
        "of something else": random.Random(7).randbytes(4096),
    }
    for number, (how, database) in enumerate(broken.items(), 1):
        begin_with(machine, database)
        until(lambda: is_up(machine), 10, f"the broker to be up with a database {how}")
        assert aside(machine)[-1:] == [number], how
        assert content(machine, f"{DATABASE}.corrupt-{number}") == database
    assert aside(machine) == [2, 3, 4]
    assert told(machine) == ""
    machine.run("systemctl", "start", "village-edge")
    until(lambda: told(machine) == "online", 15, "all to be told anew")
