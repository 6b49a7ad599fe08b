"""A village on a machine of its own: installed as on a Pi, with a simulated street and field in place of its lines."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from e2e_house import Listener
from machines import ROOT, Machine, alone

PRODUCT = ("edge", "drivers", "simulator", "config", "systemd", "pyproject.toml", "requirements.lock")
EDGE = "/opt/village-edge/current/bin/village-edge"
STATE = "/var/lib/village-edge"
SITE = "/etc/village-edge/site.yaml"
PEOPLE = {"head": "head", "tech": "technician"}  # who is let in at the broker, and as what
INSTALL = ["/src/systemd/install.sh", "--answers", "/src/tests/machine/answers", "--wheels", "/wheels"]

# The village is there before the daemon, and the lines of its run directory are anybody's.
SIM_UNIT = """\
[Unit]
Before=village-edge.service
[Service]
Type=exec
RootDirectory=/host
BindPaths={shared}
ExecStartPre=/bin/rm -rf {sim}/ready {sim}/ports
ExecStart={python} -m simulator --config {config} --run {sim} --lines {lines} --quiet
ExecStartPost=/bin/sh -c 'until [ -e {sim}/ready ]; do sleep 0.05; done; chmod 1777 {sim}; chmod 666 {sim}/*.sock; for p in {sim}/ports/*; do chmod 666 $(readlink -f $p); done'
WorkingDirectory={checkout}
[Install]
WantedBy=multi-user.target
"""
DROP_IN = """\
[Service]
ExecStart=
ExecStart={edge} run --config {site} --state {state} --sim {sim}
ExecStopPost=
ExecStopPost={edge} safe --state {state} --sim {sim}
ReadWritePaths={sim}
DeviceAllow=char-pts rw
"""


def installed() -> tuple[Path, ...]:
    """The layers of a machine on which systemd/install.sh has run with the example's village; made anew when the
    product has changed."""
    content = hashlib.sha256()
    for path in sorted(p for name in PRODUCT for p in (ROOT / name, *(ROOT / name).rglob("*"))):
        if path.is_file() and "__pycache__" not in path.parts:
            content.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    with alone("installed-" + content.hexdigest()[:12]) as folder:
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            with Machine(folder) as machine:
                machine.boot()
                machine.run(*INSTALL, timeout_s=600)
                machine.power_off()
            (folder / "complete").touch()
        return (folder / "disk" / "upper",)


class MachineVillage(Machine):
    """That machine, its daemon on the lines and serial ports of a village-sim among its processes."""

    def __init__(
        self, folder: Path, disk_mb: int = 0, lines: str = "persist", change: Callable[[str], str] = str
    ) -> None:
        """`lines`: what becomes of them when the daemon ends; `change`: what is made of the example's configuration."""
        super().__init__(folder, installed(), disk_mb)
        self.sim = self.shared / "sim"
        config = self.shared / "site.yaml"
        config.write_text(change((ROOT / "config" / "nguyen-ly.yaml").read_text("utf-8")), "utf-8")
        self._files = {
            "/etc/systemd/system/village-sim.service": SIM_UNIT.format(
                python=sys.executable, config=config, shared=self.shared, sim=self.sim, lines=lines, checkout=ROOT
            ),
            "/etc/systemd/system/village-edge.service.d/sim.conf": DROP_IN.format(
                edge=EDGE, site=SITE, state=STATE, sim=self.sim
            ),
            SITE: config.read_text("utf-8"),
        }

    def prepare(self) -> None:
        """Let people in, and put the village in its place; to be called once, before the first boot that counts."""
        self.boot()
        for name, role in PEOPLE.items():
            who = ["--name", name, "--user", name, "--role", role, "--page", "http://192.0.2.1:8080"]
            self.run(EDGE, "pair", *who, "--password-file", f"/root/{name}")
        for path, text in self._files.items():
            self.write(path, text)
        self.run("systemctl", "enable", "village-sim")
        self._passwords = {name: self.read(f"/root/{name}").strip() for name in PEOPLE}
        self.power_off()

    def lines(self) -> list[dict[str, Any]]:
        """What claimed or drove a line so far, oldest first: see simulator.pin_server."""
        return [json.loads(line) for line in (self.sim / "pins.log").read_text("ascii").splitlines()]

    def password(self, user: str) -> str:
        """What one of PEOPLE enters the broker with."""
        return self._passwords[user]

    def listener(self, user: str = "head") -> Listener:
        """Hears all that `user` may hear on the machine's broker. Raises OSError where there is none yet."""
        return _Inside(self, (user, self.password(user)))


class _Inside(Listener):
    def __init__(self, machine: MachineVillage, login: tuple[str, str]) -> None:
        self._machine = machine
        super().__init__(1883, login=login)

    def make_client(self, protocol: int) -> paho.Client:
        """A client whose connections begin in the machine."""
        machine = self._machine

        class Client(paho.Client):
            def _create_socket_connection(self) -> socket.socket:
                return machine.dial(1883)

        return Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTProtocolVersion(protocol))
