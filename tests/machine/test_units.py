"""The units as they are shipped, under the systemd of Debian 12: what they run works as confined as they say, is watched,
and leaves the outputs safe however it ends. Only a test's drop-in puts the simulated village in the place of the lines."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from e2e_house import Listener
from machine_village import MachineVillage
from support import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
PUMP, PLOT_1, CULTURE_HOUSE, MAIN_ROAD_A = 24, 25, 23, 17
OFF, ON = 1, 0  # every relay of the village is active low
LAMPS_W = 180  # of the culture house
SAFE_WITHIN_S = 22.0
RTC = 1_800_000_000
# In place of the GPIO chip a device that this kernel has, under the name that the unit asks for; and a real-time clock.
STAND_INS = """\
set -eu
standing=$(sed -n 's/ cpu.cpuid$//p' /proc/devices)
sed "s/^$standing .*/$standing gpiochip/" /proc/devices >/run/devices
mount --bind /run/devices /proc/devices
mknod -m 660 /dev/gpiochip0 c "$standing" 0
mknod -m 660 /dev/ttyUSB0 c 188 0
mknod -m 660 /dev/ttyACM0 c 166 0
mknod -m 660 /dev/ttyAMA0 c 204 64
mknod -m 660 /dev/ttyS0 c 4 64
chgrp gpio /dev/gpiochip0
chgrp dialout /dev/tty[USA]*
mknod -m 666 /dev/mem c 1 1
mknod -m 666 /dev/loop0 b 7 0
mkdir -p /run/class/rtc/rtc0
echo {rtc} >/run/class/rtc/rtc0/since_epoch
chmod -R go+rX /run/class
mount --bind /run/class /sys/class
"""
DEVICES = ("gpiochip0", "ttyUSB0", "ttyACM0", "ttyAMA0", "ttyS0", "mem", "loop0")
PROBED = """\
[Service]
Type=oneshot
Restart=no
WatchdogSec=0
ExecStart=
ExecStart=/usr/bin/python3 /src/tests/machine/probe.py {devices}
ExecStopPost=
"""
KEY = "/etc/village-edge/page/key.pem"
CERTIFICATE = f"""\
set -eu
mkdir -p -m 700 /etc/village-edge/page /etc/systemd/system/village-edge-web.service.d
cd /etc/village-edge/page
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=village -keyout {KEY} -out cert.pem
cp /opt/village-edge/current/systemd/village-edge-web-tls.conf /etc/systemd/system/village-edge-web.service.d/tls.conf
systemctl daemon-reload
systemctl restart village-edge-web
"""
OVER_HTTPS = """
import ssl, urllib.request
known = ssl.create_default_context(cafile="/etc/village-edge/page/cert.pem")
known.check_hostname = False
print(urllib.request.urlopen("https://127.0.0.1:8443/health", context=known).status)
"""
SAFE_MODE = "village/nguyen-ly/alarm/safe-mode:site:nguyen-ly"
BAD_DRIVER = "[Service]\nEnvironment=PYTHONPATH=/run/bad\n"


class Watched(MachineVillage):
    """That machine, and a village head who hears what is said there."""

    ear: Listener

    def begin(self) -> None:
        self.prepare()
        self.boot()
        self.listen()

    def listen(self) -> None:
        """Hear from now on; what is retained comes first."""
        self.ear = self.listener()
        until(lambda: self.ear.last.get("village/nguyen-ly/status") == b"online", 15, "the controller to be online")

    def pid(self, unit: str = "village-edge") -> int:
        return int(self.told(unit, "MainPID"))

    def told(self, unit: str, what: str) -> str:
        """A property of a unit."""
        return self.run("systemctl", "show", "--value", "-p", what, unit).stdout.strip()

    def level(self, pin: int) -> int | None:
        """What the line is at in the simulated village."""
        return [line["level"] for line in self.lines() if line["pin"] == pin][-1]

    def water(self) -> None:
        """Have plot 1 watered, with the pump on."""
        assert self.ear.ask({"action": "open", "for_s": 900}, to="valve/plot-1")["outcome"] in ("done", "accepted")
        until(lambda: self.level(PUMP) == ON, 10, "the pump")
        assert self.level(PLOT_1) == ON

    def is_dry(self) -> bool:
        return self.level(PUMP) == OFF and self.level(PLOT_1) == OFF

    def back(self, since: int) -> bool:
        """Whether `online` was said after the first `since` messages."""
        return any(t.endswith("/status") and p == b"online" for t, p, _ in self.ear.messages[since:])

    def in_safe_mode(self) -> bool:
        return b"raised" in self.ear.last.get(SAFE_MODE, b"")

    def probe(self, unit: str) -> dict[str, Any]:
        """What a process finds that is confined as that unit."""
        name = f"probe-{unit}"
        self.run("cp", f"/etc/systemd/system/{unit}.service", f"/etc/systemd/system/{name}.service")
        self.write(f"/etc/systemd/system/{name}.service.d/probe.conf", PROBED.format(devices=" ".join(DEVICES)))
        self.run("systemctl", "daemon-reload")
        self.run("systemctl", "start", name)
        log = ("journalctl", "--no-pager", "-o", "cat", "-t", "python3", "-u", name)
        return dict(json.loads(until(lambda: self.run(*log).stdout, 5, "what the probe says")))


def quick(configuration: str) -> str:
    """It with meters that are asked often, and a pump that is soon on: nobody waits for either."""
    return configuration.replace("poll: 10s", "poll: 2s").replace("lead: 5s, lag: 3s", "lead: 1s, lag: 1s").replace("rest: 60s", "rest: 1s")


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("units") / "machine"
    with Watched(folder, change=quick) as machine:
        machine.begin()
        yield machine
        machine.ear.close()


def test_the_controller_works_so_confined(machine: Watched) -> None:
    assert machine.run("systemctl", "--failed", "--plain", "--no-legend").stdout == ""
    assert machine.ear.ask({"action": "on", "for_s": 3600}, to="light/culture-house")["outcome"] == "done"
    assert machine.level(CULTURE_HOUSE) == ON
    until(lambda: machine.ear.json("meter/culture-house/reading").get("values", {}).get("power_w") == LAMPS_W, 10, "the meter")
    assert "CapEff:\t0000000000000000" in machine.read(f"/proc/{machine.pid()}/status")


def test_what_the_units_let_through(machine: Watched) -> None:
    machine.run("sh", "-c", STAND_INS.format(rtc=RTC))
    found, of_the_page = machine.probe("village-edge"), machine.probe("village-edge-web")
    machine.run("umount", "/sys/class", "/proc/devices")
    assert {name: found[f"/dev/{name}"] for name in DEVICES} == {
        "gpiochip0": True, "ttyS0": True, "mem": "EPERM", "loop0": "EPERM",
        "ttyUSB0": "ENXIO", "ttyACM0": "ENXIO", "ttyAMA0": "ENXIO",  # let through, and there is no such adapter here
    }  # fmt: skip
    assert found["writable"] == ["/tmp", "/var/tmp", "/var/lib/village-edge", "/run/village-edge", "/dev/shm"]
    # What the controller needs, and would fall back without where it can.
    assert 0 <= found["clock is asked"] <= 5
    assert found["boot id"] == 37
    assert (found["rtc"], found["kernel's modules"], found["secret"], found["pipe of lgpio"]) == (RTC, True, True, True)
    assert (found["callback"], found["loopback"], found["AF_INET"], found["AF_UNIX"]) == ([1, 2, 3], None, None, None)
    refused_to_all(found)

    assert {of_the_page[f"/dev/{name}"] for name in DEVICES} == {"ENOENT"}
    assert of_the_page["writable"] == []
    assert (of_the_page["secret"], of_the_page["clock is asked"]) == ("EACCES", "EPERM")
    assert (of_the_page["boot id"], of_the_page["callback"], of_the_page["loopback"]) == (37, [1, 2, 3], None)
    refused_to_all(of_the_page)


def refused_to_all(found: dict[str, Any]) -> None:
    assert {found[name] for name in ("clock is adjusted", "clock is set", "namespace", "machine code")} == {"EPERM"}
    assert (found["AF_PACKET"], found["AF_NETLINK"]) == ("EAFNOSUPPORT", "EAFNOSUPPORT")
    assert (found["capabilities"], found["no new rights"], found["filtered"]) == ("0" * 16, "1", "2")
    assert found["others"] == 1
    assert not found["root"]


def test_the_page_is_served_to_private_networks_only(machine: Watched) -> None:
    machine.run("sh", "-c", "ip address add 192.168.7.7/32 dev lo; ip address add 198.51.100.7/32 dev lo")
    ask = 'exec 3<>/dev/tcp/{}/8080; printf "GET /health HTTP/1.0\\r\\n\\r\\n" >&3; head -n 1 <&3'
    for address in ("127.0.0.1", "192.168.7.7"):
        assert " 200 " in machine.run("timeout", "5", "bash", "-c", ask.format(address)).stdout
    assert machine.run("timeout", "1", "bash", "-c", ask.format("198.51.100.7"), check=False).returncode == 124
    with machine.dial(1883, "127.0.0.1"):
        pass  # nothing but the page's unit is so choosy


def test_the_page_is_served_with_a_certificate_that_its_user_cannot_read(machine: Watched) -> None:
    machine.run("sh", "-c", CERTIFICATE)
    look = ("python3", "-c", OVER_HTTPS)
    until(lambda: machine.run(*look, check=False).stdout == "200\n", 10, "the page over https")
    user = machine.run("stat", "-c", "%u", f"/proc/{machine.pid('village-edge-web')}").stdout.strip()
    assert 61184 <= int(user) <= 65519  # systemd.exec(5): one that lives as long as the unit
    assert machine.run("setpriv", "--reuid", user, "--clear-groups", "cat", KEY, check=False).returncode
    machine.run("sh", "-c", "rm /etc/systemd/system/village-edge-web.service.d/tls.conf; systemctl daemon-reload")
    machine.run("systemctl", "restart", "village-edge-web")


def test_one_that_is_killed_leaves_the_outputs_safe_and_is_back(machine: Watched) -> None:
    machine.water()
    since, pid = len(machine.ear.messages), machine.pid()
    machine.run("kill", "-KILL", str(pid))
    until(machine.is_dry, 5, "valve and pump to be off")
    until(lambda: machine.back(since), 10, "the controller to be back")
    assert machine.pid() != pid
    assert machine.is_dry()
    assert machine.level(CULTURE_HOUSE) == ON  # its `safe` is hold, and its override goes on
    assert machine.ear.state("culture-house")["state"] == "ON"


def test_one_that_hangs_is_killed_and_leaves_the_outputs_safe(machine: Watched) -> None:
    machine.water()
    since, pid = len(machine.ear.messages), machine.pid()
    began = time.monotonic()
    machine.run("kill", "-STOP", str(pid))
    until(machine.is_dry, SAFE_WITHIN_S, "valve and pump to be off")
    assert time.monotonic() - began <= SAFE_WITHIN_S
    until(lambda: machine.back(since), 10, "the controller to be back")
    said = machine.journal("village-edge")
    assert "Fatal Python error: Aborted" in said  # and where each thread stood
    assert "edge/shell/runner.py" in said
    assert "pump/pump-1: off" in said
    assert not machine.run("sh", "-c", "ls /var/lib/village-edge/core* /var/lib/systemd/coredump/* 2>/dev/null", check=False).stdout


def test_a_crash_loop_ends_in_a_safe_mode_that_answers(machine: Watched) -> None:
    ear = machine.ear
    machine.run("systemctl", "restart", "village-edge")  # a stop in good order forgets what was before
    machine.write("/run/bad/serial.py", "import os\nos.abort()\n")
    machine.run("chmod", "755", "/run/bad")
    machine.write("/etc/systemd/system/village-edge.service.d/bad.conf", BAD_DRIVER)
    machine.run("systemctl", "daemon-reload")
    machine.run("kill", "-KILL", str(machine.pid()))
    until(machine.in_safe_mode, 40, "safe mode")
    refused = ear.ask({"action": "open", "for_s": 60}, to="valve/plot-1")
    assert (refused["outcome"], refused["error"]["code"]) == ("rejected", "safe-mode")
    closed = ear.ask("CLOSE", to="valve/plot-1")
    assert closed["outcome"] == "done", closed
    assert machine.is_dry()
    assert machine.told("village-edge", "ActiveState") == "active"
    assert int(machine.told("village-edge", "NRestarts")) >= 5
    machine.run("rm", "/etc/systemd/system/village-edge.service.d/bad.conf")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "stop", "village-edge")
    assert machine.told("village-edge", "Result") == "success"
    since = len(ear.messages)
    machine.run("systemctl", "start", "village-edge")
    until(lambda: machine.back(since) and not machine.in_safe_mode(), 10, "the controller to be online, and well")
    machine.water()


def test_a_stop_leaves_all_off_and_a_reboot_keeps_what_was_decided(machine: Watched) -> None:
    machine.run("systemctl", "stop", "village-edge")
    assert machine.is_dry()
    assert machine.told("village-edge", "Result") == "success"
    assert "status=0" in machine.told("village-edge", "ExecStopPost")
    machine.run("systemctl", "start", "village-edge")
    machine.run("systemctl", "start", "village-edge-backup")
    backup = machine.run("sh", "-c", "ls /var/backups/village-edge/*").stdout.strip()
    assert "is good" in machine.run("village-edge", "backup", "--verify", backup).stdout
    assert "also/etc/mosquitto/village/passwords" in machine.run("tar", "tzf", backup).stdout
    machine.ear.close()
    machine.power_off()
    machine.boot()
    machine.listen()
    assert machine.ear.state("culture-house")["state"] == "ON"
    assert machine.level(CULTURE_HOUSE) == ON
    assert machine.is_dry()
    assert "corrupt" not in machine.run("ls", "/var/lib/village-edge").stdout
    assert machine.run("systemctl", "show", "-p", "RuntimeWatchdogUSec").stdout == "RuntimeWatchdogUSec=15s\n"
    log = machine.run("journalctl", "--no-pager", "-b", "-u", "systemd-journald").stdout
    assert any("/var/log/journal/" in line and "max 64.0M" in line for line in log.splitlines()), log
