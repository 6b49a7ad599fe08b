"""Brokers whose users, rights and bridges `village-edge broker` and `pair` made, and phones that log in to them."""

from __future__ import annotations

import json
import re
import shutil
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.subscribeoptions import SubscribeOptions
from support import Mosquitto, free_port, until

import edge.cli

CONFIG = Path(__file__).parents[1] / "config"
ADDRESS = re.compile(r"^\S+/#user=(\S+)&token=(\S+)$", re.MULTILINE)


class Login(NamedTuple):
    """What a phone has from its QR code."""

    user: str
    token: str


@contextmanager
def broker_folder() -> Iterator[Path]:
    """A folder that mosquitto can read too when the tests run as root, for it then becomes a user of its own."""
    with TemporaryDirectory(prefix="access-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def village_config(folder: Path, site: str = "nguyen-ly", name: str = "Thôn Nguyên Lý") -> Path:
    """The example's configuration under another id, in a folder of its own."""
    folder.mkdir(exist_ok=True)
    config = folder / "site.yaml"
    text = (CONFIG / "nguyen-ly.yaml").read_text("utf-8")
    config.write_text(text.replace("id: nguyen-ly", f"id: {site}").replace("Thôn Nguyên Lý", name), "utf-8")
    shutil.copytree(CONFIG / "tariffs", folder / "tariffs", dirs_exist_ok=True)
    return config


class GuardedBroker(Mosquitto):
    """A real mosquitto whose own configuration is like Debian's, and includes a broker directory as the page says."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        """`folder` is made; the broker directory is `dir` below it. Nothing listens before `village-edge broker`."""
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
        super().__init__(folder)
        self.port = port or free_port()
        self.dir = folder / "dir"
        self.pid_file = folder / "run" / "mosquitto.pid"
        self.pid_file.parent.mkdir(exist_ok=True)
        self.pid_file.parent.chmod(0o777)
        self.data = data = folder / "data"
        data.mkdir(exist_ok=True)
        data.chmod(0o777)
        included = folder / "conf.d"
        included.mkdir(exist_ok=True)
        (included / "village.conf").symlink_to(self.dir / "mosquitto.conf")
        self._config.write_text(
            f"pid_file {self.pid_file}\npersistence true\npersistence_location {data}/\ninclude_dir {included}\n"
        )

    def set_up(self, *more: str) -> None:
        """Run `village-edge broker` for it."""
        where = ["--listen", f"127.0.0.1:{self.port}", "--pid-file", str(self.pid_file)]
        assert self.run("broker", *where, *more) == 0

    def run(self, command: str, *arguments: str) -> int:
        """One of the commands, on this broker's directory."""
        return edge.cli.main([command, *arguments, "--dir", str(self.dir)])

    def reloads(self) -> int:
        """How often it has read its users and its list anew."""
        return self.log.read_text("utf-8", "replace").count("Reloading config.")

    def pair(self, capsys: Any, *arguments: str) -> Login:
        """Let a phone in, and read its code."""
        capsys.readouterr()
        assert self.run("pair", *arguments, "--text", "--page", "http://village.test:8080") == 0
        found = ADDRESS.search(capsys.readouterr().out)
        assert found is not None
        return Login(found[1], found[2])


class Wire:
    """The way from the villages to their district, which can be cut."""

    def __init__(self, port: int) -> None:
        self._target = port
        self.port = free_port()
        self._ends: list[socket.socket] = []
        self.mend()

    def mend(self) -> None:
        self._server = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._server,), daemon=True).start()

    def cut(self) -> None:
        """Nothing goes through any more, and both sides see it."""
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._ends.clear()

    def _accept(self, server: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near = server.accept()[0]
                try:
                    far = socket.create_connection(("127.0.0.1", self._target))
                except OSError:
                    near.close()
                    continue
                self._ends += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_RDWR)


class District:
    """A district's broker, and its villages' cabinets by site. Only `start` makes any of them run."""

    def __init__(self, folder: Path, *more: str) -> None:
        self.folder = folder
        self.broker = GuardedBroker(folder / "district")
        where = ["--page", "https://den.example.vn", "--address", f"127.0.0.1:{self.broker.port}"]
        self.broker.set_up("--district", "Huyện Thiệu Hóa", *where, *more)
        self.cabinets: dict[str, GuardedBroker] = {}
        self.wires: dict[str, Wire] = {}

    @property
    def card(self) -> Path:
        return self.broker.dir / "district.json"

    def join(self, site: str, config: Path) -> GuardedBroker:
        """Bridge one more village, as its technician and the district's operator do, over a wire of its own."""
        cabinet = self.cabinets[site] = GuardedBroker(self.folder / f"cabinet-{site}")
        card = json.loads(self.card.read_text())
        wire = self.wires[site] = Wire(int(card["broker"].rpartition(":")[2]))
        (self.folder / "card.json").write_text(json.dumps(card | {"broker": f"127.0.0.1:{wire.port}"}))
        cabinet.set_up("--config", str(config), "--bridge", str(self.folder / "card.json"))
        self.accept(cabinet.dir / f"{site}.json")
        return cabinet

    def stop(self) -> None:
        for broker in [self.broker, *self.cabinets.values()]:
            broker.stop()
        for wire in self.wires.values():
            wire.cut()

    def accept(self, entry: Path) -> None:
        assert self.broker.run("broker", "--district", "--accept", str(entry)) == 0


class Phone:
    """One client that logs in and hears what it subscribed to."""

    def __init__(
        self, port: int, login: Login | None, filters: Sequence[str] = (), five: bool = False, client_id: str = "",
        will: tuple[str, bytes] | None = None,
    ) -> None:  # fmt: skip
        self.messages: list[tuple[str, bytes, bool]] = []
        self.granted: list[int] = []
        self.refused = self.out = False
        self.why = ""
        self._connected, self._subscribed = threading.Event(), threading.Event()
        self._answers: dict[int, Any] = {}
        protocol = paho.MQTTv5 if five else paho.MQTTv311
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id, protocol=protocol)
        if login is not None:
            self.client.username_pw_set(*login)
        if will is not None:
            self.client.will_set(*will, qos=1, retain=True)
        self._filters = list(filters)
        self.client.on_connect = self._on_connect
        self.client.on_subscribe = self._on_subscribe
        self.client.on_disconnect = self._on_disconnect
        self.client.on_publish = self._on_publish
        self.client.on_message = lambda _c, _d, m: self.messages.append((m.topic, bytes(m.payload), bool(m.retain)))
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert self._connected.wait(20)
        if not self.refused and filters:
            assert self._subscribed.wait(20)

    def _on_connect(self, client: paho.Client, _data: object, _flags: object, code: Any, _more: object) -> None:
        self.refused, self.why = bool(code.is_failure), str(code)
        if self.refused:
            client.disconnect()
        elif self._filters:
            client.subscribe([(f, SubscribeOptions(qos=1)) for f in self._filters] if client.protocol == paho.MQTTv5 else [(f, 1) for f in self._filters])
        self._connected.set()

    def _on_subscribe(self, _client: object, _data: object, _mid: int, codes: list[Any], _more: object) -> None:
        self.granted = [code.value for code in codes]
        self._subscribed.set()

    def _on_disconnect(self, client: paho.Client, _data: object, _flags: object, code: Any, _more: object) -> None:
        self.out, self.why = True, str(code)

    def _on_publish(self, _client: object, _data: object, mid: int, code: Any, _more: object) -> None:
        self._answers[mid] = code

    def say(self, topic: str, payload: str | bytes, retain: bool = False) -> int:
        """Publish, and wait until the broker has answered; its reason code (with MQTT 3.1.1 always 0)."""
        return self.say_all({topic: payload}, retain)[topic]

    def say_all(self, messages: Mapping[str, str | bytes], retain: bool = False, qos: int = 1) -> dict[str, int]:
        """Publish these by topic, and wait until the broker has answered each; its reason codes, likewise."""
        mids = {topic: self.client.publish(topic, payload, qos, retain).mid for topic, payload in messages.items()}
        until(lambda: all(mid in self._answers for mid in mids.values()), 20, "the broker's answers")
        return {topic: int(self._answers[mid].value) for topic, mid in mids.items()}

    def cut(self) -> None:
        """Be gone without a word, and stay away."""
        self.client._thread_terminate = True
        self.client.socket().shutdown(socket.SHUT_RDWR)

    def heard(self, topic: str) -> list[bytes]:
        """The payloads that came on a topic."""
        return [payload for name, payload, _ in self.messages if name == topic]


def close_all(phones: Sequence[Phone]) -> None:
    """Part from the broker; all at once, for each takes paho a while."""
    for phone in phones:
        phone.client.disconnect()
    for phone in phones:
        phone.client.loop_stop()
