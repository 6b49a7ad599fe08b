"""Faults of the broker in real time: the daemon reaches mosquitto through village-sim, everybody else directly."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from e2e_house import CONFIG, ROOT, House, Listener
from support import Mosquitto, free_port, until

from simulator.control import ask
from simulator.fault_broker import packets

STATUS = f"{ROOT}/status"


class Relayed(House):
    """A house whose village-sim stands between the daemon and the broker."""

    def start_sim(self) -> None:
        to = ["--broker", f"127.0.0.1:{self._broker_port}"]
        self._start("sim", ["-m", "simulator", "--config", str(self._config), "--run", str(self.sim), "--quiet", *to])
        until((self.sim / "ready").exists, 10, "village-sim")
        self._broker_port = int((self.sim / "broker").read_text().split(":")[1])


@pytest.fixture(params=["5", "3.1.1"])
def relayed(folder: Path, mosquitto: Mosquitto, request: pytest.FixtureRequest) -> Iterator[House]:
    made = Relayed(folder, mosquitto.port, request.param)
    made.start_sim()
    made.start()
    yield made
    made.end()


@pytest.fixture
def ear(relayed: House, listen: Callable[[], Listener]) -> Listener:
    listener = listen()
    until(lambda: listener.last.get(STATUS) == b"online", 10, "online")
    return listener


@pytest.mark.slow
def test_a_broker_that_is_away_is_found_again_on_the_same_port(relayed: House, ear: Listener) -> None:
    key = ask(relayed.sim, {"fault": "broker-away"})["id"]
    port = int((relayed.sim / "broker").read_text().split(":")[1])
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), 1):
        pass
    until(lambda: ear.last[STATUS] == b"offline", 10, "the will")
    assert relayed.alive()
    ask(relayed.sim, {"clear": key})
    until(lambda: ear.last[STATUS] == b"online", 10, "online again")
    assert ear.ask("33")["outcome"] in ("done", "accepted")


@pytest.mark.slow
def test_a_slow_broker_delays_each_way_and_nothing_is_lost(relayed: House, ear: Listener) -> None:
    ask(relayed.sim, {"fault": "broker-slow", "by": "0.5s", "for": "3s"})
    before = len(ear.results())
    ear.say("light/main-road/set/head", "33")
    until(lambda: relayed.lit() == "a", 5, "the light")
    assert len(ear.results()) == before  # the answer is still under way
    until(lambda: len(ear.results()) > before, 5, "the answer")
    until(lambda: ask(relayed.sim, {"list": True})["faults"] == {}, 10, "the end of the fault")
    assert ear.ask("OFF")["outcome"] == "done"


@pytest.mark.slow
def test_a_broker_that_refuses_is_tried_until_it_does_not(relayed: House, ear: Listener) -> None:
    ask(relayed.sim, {"fault": "broker-refusing"})
    until(lambda: "the broker refuses us" in relayed.log.read_text(), 10, "the refusal to be understood")
    until(lambda: ear.last[STATUS] == b"offline", 10, "the will")
    ask(relayed.sim, {"clear": "all"})
    until(lambda: ear.last[STATUS] == b"online", 10, "online again")


@pytest.mark.slow
def test_a_mute_broker_passes_no_command_on_and_the_link_stays(relayed: House, ear: Listener) -> None:
    ask(relayed.sim, {"fault": "broker-mute"})
    ear.say("light/main-road/set/head", "33")
    with pytest.raises(AssertionError, match="in vain"):
        until(lambda: relayed.lit() == "a", 1, "a light that must not come")
    assert ear.last[STATUS] == b"online"
    ask(relayed.sim, {"clear": "all"})
    until(lambda: ear.ask("33")["outcome"] == "done", 10, "a command after it")
    assert relayed.lit() == "a"


@pytest.mark.slow
def test_without_the_broker_behind_it_the_way_leads_nowhere(folder: Path) -> None:
    house = Relayed(folder, free_port())
    house.start_sim()
    port = int((house.sim / "broker").read_text().split(":")[1])
    try:
        with socket.create_connection(("127.0.0.1", port), 2) as link:
            link.settimeout(5)
            assert _heard(link) == b""
        wrong = subprocess.run(
            [sys.executable, "-m", "simulator", "--config", str(CONFIG), "--run", str(folder / "other"), "--broker", "nowhere:x"],
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        assert wrong.returncode == 2
        assert "write HOST:PORT" in wrong.stderr
    finally:
        house.end()
    assert not (house.sim / "broker").exists()


def _heard(link: socket.socket) -> bytes:
    try:
        return link.recv(10)
    except ConnectionResetError:
        return b""


def test_packets_are_taken_whole_however_they_arrive() -> None:
    publish = b"\x30\x81\x01" + bytes(129)
    stream = b"\xc0\x00" + publish + b"\x40\x02\x00\x01"
    for cut in range(1, len(stream)):
        heard, found = bytearray(), []
        for part in (stream[:cut], stream[cut:]):
            heard += part
            found += packets(heard)
        assert found == [b"\xc0\x00", publish, b"\x40\x02\x00\x01"]
        assert heard == b""
    assert list(packets(bytearray(b"\x30"))) == []
