"""A network beside a machine of its own: another namespace, joined to it by a cable and by nothing else."""

from __future__ import annotations

import errno
import socket
import subprocess
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as paho
from machines import Machine, dial, in_network
from support import until

MACHINE, NEIGHBOUR = "10.77.0.1", "10.77.0.2"
PAGE = 8080


class Neighbour:
    """Somebody on the machine's network, who has its address and nothing else."""

    def __init__(self, process: int) -> None:
        self._process = process
        self.network = Path(f"/proc/{process}/ns/net")

    def plug_in(self, machine: Machine) -> None:
        """Lay the cable, and give both ends their addresses."""
        self._run("ip", "link", "set", "lo", "up")
        self._run("ip", "link", "add", "cable", "type", "veth", "peer", "name", "eth0", "netns", str(machine.init))
        self._run("ip", "addr", "add", f"{NEIGHBOUR}/24", "dev", "cable")
        self._run("ip", "link", "set", "cable", "up")
        machine.run("ip", "addr", "add", f"{MACHINE}/24", "dev", "eth0")
        machine.run("ip", "link", "set", "eth0", "up")
        until(self._is_refused, 10, "the machine to say that nobody has its port 1")

    def _is_refused(self) -> bool:
        try:
            dial(self.network, 1, MACHINE).close()
        except OSError as error:
            return error.errno == errno.ECONNREFUSED
        return True

    def open_ports(self, ports: Iterable[int] = range(1, 65536)) -> set[int]:
        """Those TCP ports of the machine that accept a connection from here."""
        found: set[int] = set()

        def knock() -> None:
            for port in ports:
                with socket.socket() as s:
                    s.settimeout(1)
                    answer = s.connect_ex((MACHINE, port))
                    assert answer in (0, errno.ECONNREFUSED), (port, errno.errorcode[answer])
                    if not answer:
                        found.add(port)

        in_network(self.network, knock)
        return found

    def phone(self, login: tuple[str, str]) -> paho.Client:
        """A client that comes by the page's way to the broker, as a phone's browser does; not yet connected."""
        network = self.network

        class Client(paho.Client):
            def _create_socket_connection(self) -> socket.socket:
                return dial(network, PAGE, MACHINE)

        client = Client(paho.CallbackAPIVersion.VERSION2, transport="websockets", protocol=paho.MQTTv311)
        client.ws_set_options("/mqtt", {"Origin": f"http://{MACHINE}:{PAGE}"})
        client.username_pw_set(*login)
        return client

    def _run(self, *words: str) -> None:
        subprocess.run(["nsenter", "-t", str(self._process), "-n", *words], check=True, capture_output=True)


@contextmanager
def neighbour(machine: Machine) -> Iterator[Neighbour]:
    """Somebody who is joined to a machine that runs."""
    with subprocess.Popen(["unshare", "--net", "sleep", "infinity"]) as process:
        try:
            own = Path("/proc/self/ns/net").stat().st_ino
            until(lambda: Path(f"/proc/{process.pid}/ns/net").stat().st_ino != own, 10, "another network")
            made = Neighbour(process.pid)
            made.plug_in(machine)
            yield made
        finally:
            process.kill()


def said_at_connect(client: paho.Client, deadline_s: float = 10) -> str:
    """What the broker says to a phone that comes: `Success`, or why not."""
    said: list[str] = []
    heard = threading.Event()

    def connected(_client: object, _data: object, _flags: object, reason: object, _properties: object) -> None:
        said.append(str(reason))
        heard.set()

    client.on_connect = connected
    client.connect(MACHINE, PAGE)
    client.loop_start()
    assert heard.wait(deadline_s), "the broker said nothing"
    return said[0]
