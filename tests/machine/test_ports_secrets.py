"""The installed machine after people were let in, came, and were refused: only declared ports are open, and no secret lies
in a log, a process's arguments, a file that others can read, a topic, the audit or the history."""

from __future__ import annotations

import json
import re
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from access_bench import ADDRESS
from e2e_house import ROOT as VILLAGE
from machine_neighbour import Neighbour, neighbour, said_at_connect
from machine_village import EDGE, INSTALL, PEOPLE, SITE, MachineVillage
from secret_hunt import Watch, all_forms, databases, files_with, forms, journal, rights, told_in, watching
from support import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
PAGE = "http://10.77.0.1:8080"
DECLARED = {("tcp", "127.0.0.1:1883"), ("tcp", "0.0.0.0:8080")}
TLS = ("tcp", "0.0.0.0:8883")
CONTROLLER = "/etc/village-edge/secrets/controller"
KEY = "/etc/mosquitto/certs/broker.key"
KEPT = {CONTROLLER: "640 root:village-edge", KEY: "640 root:mosquitto", **{f"/root/{name}": "600 root:root" for name in PEOPLE}}


@dataclass
class Lived:
    """A machine that was lived with, and the secrets of it."""

    machine: MachineVillage
    beside: Neighbour
    watch: Watch
    secrets: dict[str, str] = field(default_factory=dict)
    before_tls: tuple[set[tuple[str, str]], set[int]] = (set(), set())
    topics: list[tuple[str, bytes, bool]] = field(default_factory=list)

    def hashes(self) -> set[str]:
        """What the broker knows of tokens."""
        return set(re.findall(r"\$7\$[^\s\"]+", self.machine.read("/etc/mosquitto/village/users.json")))


def listening(machine: MachineVillage) -> set[tuple[str, str]]:
    """Every socket that waits for somebody on any network: its kind and address."""
    lines = machine.run("ss", "-H", "-l", "-n", "-t", "-u", "-w", "-S").stdout.splitlines()
    return {(fields[0], fields[4]) for fields in map(str.split, lines)}


def paired(machine: MachineVillage, *arguments: str) -> tuple[str, str]:
    """Let a phone in as on the cabinet's screen: user and token."""
    found = ADDRESS.search(machine.run(EDGE, "pair", *arguments, "--page", PAGE, "--text").stdout)
    assert found is not None
    return found[1], found[2]


def live(lived: Lived) -> None:
    """Phones are let in, come by the page, are refused; a token is replaced; the same version is installed once more; all
    is backed up."""
    machine, beside = lived.machine, lived.beside
    lost = paired(machine, "--name", "Bác Tư", "--role", "head")
    login = paired(machine, "--again", lost[0])
    wrong = (login[0], secrets.token_urlsafe(16))
    lived.secrets |= {"a lost token": lost[1], "a token": login[1], "a wrong password": wrong[1]}
    phone = beside.phone(login)
    assert said_at_connect(phone) == "Success"
    light = f"{VILLAGE}/light/culture-house"
    results: list[bytes] = []
    phone.on_message = lambda _c, _d, message: results.append(message.payload)
    phone.subscribe(f"{light}/result", 1)
    phone.publish(f"{light}/set/{login[0]}", json.dumps({"action": "on", "for_s": 600, "id": "p-1"}), 1)
    until(lambda: any(json.loads(raw)["outcome"] == "done" for raw in results), 10, "the light to burn")
    for refused in (wrong, lost, ("nobody", wrong[1])):
        stranger = beside.phone(refused)
        assert "uthori" in said_at_connect(stranger)
        stranger.disconnect()
        stranger.loop_stop()
    machine.run("mosquitto_sub", "-u", login[0], "-P", wrong[1], "-t", "#", "-W", "2", check=False)
    machine.run("sh", *INSTALL, timeout_s=300)
    machine.run("systemctl", "start", "village-edge-backup")
    phone.disconnect()
    phone.loop_stop()


def add_tls(lived: Lived) -> None:
    """A listener with TLS besides, as for phones that come without the page."""
    machine = lived.machine
    made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=thon"]
    both = subprocess.run(["openssl", *made, "-keyout", "-", "-out", "-"], capture_output=True, text=True, check=True).stdout
    begin = both.index("-----BEGIN CERTIFICATE")
    machine.write("/etc/mosquitto/certs/broker.pem", both[begin:])
    machine.write(KEY, both[:begin], "640")
    machine.run("chgrp", "mosquitto", KEY)
    lived.secrets["the TLS key"] = both.splitlines()[1]
    words = ["--tls-listen", "0.0.0.0:8883", "--cert", "/etc/mosquitto/certs/broker.pem", "--key", KEY]
    machine.run(EDGE, "broker", "--config", SITE, *words)
    machine.run("systemctl", "restart", "mosquitto")
    until(lambda: TLS in listening(machine), 20, "the TLS listener")


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    machine = MachineVillage(tmp_path_factory.mktemp("machine") / "m")
    with machine:
        machine.prepare()
        machine.boot()
        until(lambda: ("tcp", "0.0.0.0:8080") in listening(machine), 20, "the page")
        with neighbour(machine) as beside, watching(machine) as watch:
            made = Lived(machine, beside, watch, {name: machine.password(name) for name in PEOPLE})
            made.secrets["the controller's password"] = machine.read(CONTROLLER).strip()
            live(made)
            made.before_tls = listening(machine), beside.open_ports()
            add_tls(made)
            ear = machine.listener("tech")
            until(lambda: f"{VILLAGE}/about" in ear.last, 20, "the controller at the broker")
            ear.ask({"action": "auto", "id": "p-2"}, to="light/culture-house", user="tech")
            made.topics = list(ear.messages)
            ear.close()
            yield made


def test_only_declared_ports_are_open(lived: Lived) -> None:
    sockets, reached = lived.before_tls
    assert sockets == DECLARED
    assert reached == {8080}
    assert listening(lived.machine) == DECLARED | {TLS}
    assert lived.beside.open_ports() == {8080, 8883}


def test_no_secret_lies_where_others_can_read_it(lived: Lived) -> None:
    machine, every = lived.machine, all_forms(lived.secrets.values())
    assert files_with(machine, every | lived.hashes(), "nobody") == set()
    anything = files_with(machine, every | lived.hashes())
    found = files_with(machine, every, within=anything)
    assert {path: rights(machine, path) for path in found} == KEPT
    assert files_with(machine, every, "village-edge", anything) == {CONTROLLER}
    assert files_with(machine, every, "mosquitto", anything) == {KEY}
    of_hashes = files_with(machine, lived.hashes(), within=anything)
    assert "/etc/mosquitto/village/users.json" in of_hashes
    assert {rights(machine, path).split()[0] for path in of_hashes} <= {"600", "640"}
    (backup,) = machine.run("find", "/var/backups/village-edge", "-type", "f").stdout.split()  # packed: no search sees into it
    assert [rights(machine, path) for path in ("/var/backups/village-edge", backup)] == ["700 root:root", "600 root:root"]


def test_no_secret_is_told_in_logs_databases_or_topics(lived: Lived) -> None:
    machine, values = lived.machine, lived.secrets.values()
    written = journal(machine)
    assert "village-edge-web" in written
    assert "mosquitto" in written
    audit = databases(machine)
    assert "p-1" in audit, "the audit has not what a phone did"
    heard = "\n".join(f"{topic} {payload.decode('utf-8', 'replace')}" for topic, payload, _ in lived.topics)
    assert len(lived.topics) > 50
    for text in (written, audit, heard):
        assert told_in(text, values) == set()
    for known in lived.hashes():
        assert known not in written + audit + heard
    assert files_with(machine, all_forms(values) | lived.hashes(), within=("/var/log", "/run")) == set()
    assert "█" not in machine.run("sh", "-c", "cat /var/log/*.log").stdout, "a code for a phone in a log"


def test_no_secret_was_in_the_arguments_or_the_environment_of_a_process(lived: Lived) -> None:
    text = lived.watch.text
    assert lived.watch.looks > 100
    for command in ("village-edge pair --name", "village-edge broker", "install.sh --answers", "village-edge web"):
        assert command in text, f"{command} was not seen at all"
    mine = f"-P {lived.secrets['a wrong password']}"  # what this test itself has typed after mosquitto_sub
    assert told_in(text.replace(mine, ""), lived.secrets.values()) == set()


def test_planted_a_secret_or_a_port_is_found(lived: Lived) -> None:
    machine, token = lived.machine, lived.secrets["a token"]
    hidden = {form: f"/var/tmp/found-{n}" for n, form in enumerate(sorted(forms(token)))}
    for form, path in hidden.items():
        machine.write(path, f"x{form}y\n")
    assert files_with(machine, all_forms([token]), "nobody", ("/etc", "/var")) == set(hidden.values())
    machine.run("rm", *hidden.values())
    machine.run("sh", "-c", 'logger "$(cat)"', text=f"login of bac-tu with {token}")
    until(lambda: told_in(journal(machine), [token]) == {token}, 5, "the line in the journal")
    until(lambda: token in lived.watch.text or not machine.run("sh", "-c", "sleep 0.05", token), 5, "the process")
    with subprocess.Popen(machine.command("python3", "-m", "http.server", "9999")) as opened:
        until(lambda: ("tcp", "0.0.0.0:9999") in listening(machine), 10, "another port")
        assert 9999 in lived.beside.open_ports(range(9990, 10_010))
        opened.kill()
    machine.run("sh", "-c", "kill $(ss -Hltnp sport = :9999 | sed 's/.*pid=//; s/,.*//')", check=False)
