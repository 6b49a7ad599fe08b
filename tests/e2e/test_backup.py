"""A village that is backed up while it runs, and a new card that is made from that: everything is there again."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from backup_house import asked
from e2e_house import ROOT, House, Listener, asked_often
from paho.mqtt.enums import CallbackAPIVersion
from support import Mosquitto, until

pytestmark = pytest.mark.slow
USERS = {"controller": "one", "head": "two", "tech": "three", "viewer": "four"}
ACCESS = """\
user controller
topic readwrite village/#

user viewer
topic read village/#

user tech
topic write village/+/+/+/lockout/tech

pattern read village/#
pattern write village/+/+/+/set/%u
pattern write village/+/ask/%u/+
"""
LIT = {"kind": "light", "steps": [{"at": "12:00", "level": 33}]}


class Machine:
    """A card with its own folders: a village, and a broker that lets in whom its files name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.passwords, self.access = folder / "broker/passwords", folder / "broker/access"
        self.passwords.parent.mkdir(parents=True)
        folder.chmod(0o755)
        self.broker = Mosquitto(folder, f"password_file {self.passwords}\nacl_file {self.access}\nuser root")
        conf = folder / "mosquitto.conf"
        conf.write_text(conf.read_text().replace("allow_anonymous true", "allow_anonymous false"))
        self.config = folder / "etc/site.yaml"
        self.house = House(folder, self.broker.port, config=asked_often(folder))
        self.house._config = self.config

    def furnish(self) -> None:
        """What a technician writes into a new one."""
        self.config.parent.mkdir()
        (self.config.parent / "secrets").mkdir(mode=0o750)
        (self.config.parent / "secrets/controller").write_text(f"{USERS['controller']}\n")
        (self.folder / "site.yaml").rename(self.config)
        self.access.write_text(ACCESS)
        for n, (user, password) in enumerate(USERS.items()):
            subprocess.run(["mosquitto_passwd", "-b", *(["-c"] if n == 0 else []), str(self.passwords), user, password], check=True)
        self.passwords.chmod(0o600)

    def start(self) -> Listener:
        """The broker, the village and the controller; who listens is the head, who may command as well."""
        self.broker.start()
        self.house.start()
        ear = Listener(self.broker.port, login=("head", USERS["head"]))
        until(lambda: ear.last.get(f"{ROOT}/status") == b"online", 20, f"online: {self.house.log.read_text()[-500:]}")
        return ear

    def end(self) -> None:
        self.house.end()
        self.broker.stop()


@pytest.fixture
def machines(folder: Path) -> Iterator[tuple[Machine, Machine]]:
    made = Machine(folder / "old"), Machine(folder / "new")
    yield made
    for machine in made:
        machine.end()


def edge(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "edge", *map(str, words)], capture_output=True, text=True, timeout=60, check=False)


def ask(ear: Listener, name: str, **fields: Any) -> dict[str, Any]:
    """The answer to a request of the head's."""
    number = f"r-{len(ear.messages)}-{name}"
    ear.say(f"ask/head/{name}", {"id": number, "reply_to": f"{ROOT}/reply/head/phone-1"} | fields)
    return until(lambda: found if (found := ear.json("reply/head/phone-1")).get("id") == number else None, 5, f"{name}'s answer")


def energy(ear: Listener) -> tuple[int, float]:
    """The life and the counter of the culture house's meter, as last told."""
    found = until(lambda: r if (r := ear.json("meter/culture-house/reading")).get("values") else None, 10, "a reading")
    return found["life"], found["values"]["energy_kwh"]


def logs_in(machine: Machine, user: str, password: str) -> bool:
    """Whether the broker lets this user in."""
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.username_pw_set(user, password)
    answers: list[bool] = []
    client.on_connect = lambda _client, _data, _flags, code, _properties: answers.append(not code.is_failure)
    client.connect("127.0.0.1", machine.broker.port)
    client.loop_start()
    try:
        return until(lambda: answers, 5, f"an answer to {user}")[0]
    finally:
        client.disconnect()
        client.loop_stop()


def may_switch(ear: Listener, machine: Machine, user: str, under: str) -> bool:
    """Whether a command that this user sends under that name gets to the controller before the head's next one does."""
    other = Listener(machine.broker.port, login=(user, USERS[user]))
    other.say(f"light/culture-house/set/{under}", {"action": "off", "id": f"{user}-as-{under}"})
    other.close()
    last = f"behind-{user}-as-{under}"
    ear.say("light/culture-house/set/head", {"action": "off", "id": last})
    until(lambda: any(r["id"] == last for r in ear.results("culture-house")), 5, "the head's result")
    return any(r["id"] == f"{user}-as-{under}" for r in ear.results("culture-house"))


def test_a_new_card_is_the_old_one(machines: tuple[Machine, Machine], folder: Path) -> None:
    old, new = machines
    old.furnish()
    old.house.start_sim()
    ear = old.start()
    ask(ear, "program-put", program="evening-off", rev=1, body=LIT)
    ear.ask({"action": "on", "level": 100, "for_s": 3600, "id": "o-1"}, to="light/culture-house")
    energy(ear)
    # Stopped once in good order, so that what was read is in the files; then the backup is made while it runs.
    old.house.kill(how=signal.SIGTERM)
    since = len(ear.messages)
    old.house.start()
    until(lambda: any(t == f"{ROOT}/status" and p == b"online" for t, p, _ in ear.messages[since:]), 20, "online again")
    rows = asked(old.house.state / "history.db", "SELECT * FROM rows ORDER BY sequence")
    assert rows
    file = folder / "village.tar.gz"
    done = edge("backup", file, "--state", old.house.state, "--config", old.config, "--also", old.passwords, "--also", old.access)
    assert done.returncode == 0, done.stderr
    assert edge("backup", "--verify", file).stdout.startswith(f"{file} is good: nguyen-ly on ")
    before, programs = energy(ear), ask(ear, "programs")["programs"]
    ear.close()
    old.house.kill()
    old.broker.stop()

    new.house.sim = old.house.sim  # the lines and meters are the same ones
    done = edge("restore", file, "--state", new.house.state, "--config", new.config, "--also-root", folder / "root")
    assert done.returncode == 0, done.stderr
    for name in ("passwords", "access"):
        there = folder / "root" / str(old.passwords.parent).lstrip("/") / name
        there.rename(new.passwords.parent / name)
    assert new.passwords.stat().st_mode & 0o777 == 0o600
    restored = asked(new.house.state / "history.db", "SELECT * FROM rows ORDER BY sequence")
    assert restored[: len(rows)] == rows

    ear = new.start()
    assert all(logs_in(new, user, password) for user, password in USERS.items())
    assert not logs_in(new, "head", "wrong")
    assert (may_switch(ear, new, "tech", under="tech"), may_switch(ear, new, "tech", under="head")) == (True, False)
    assert ask(ear, "programs")["programs"] == programs
    assert next(p["rev"] for p in programs if p["program"] == "evening-off") == 2
    life, kwh = energy(ear)
    assert (life, kwh >= before[1]) == (before[0], True)
    put = ask(ear, "program-put", program="evening-off", rev=2, body=LIT | {"steps": [{"at": "12:00", "level": 67}]})
    assert put["rev"] > 1000, "a rev that the old one may have given out"
    new.house.kill(how=signal.SIGTERM)
    with closing(sqlite3.connect(new.house.state / "history.db")) as db:
        first = db.execute("SELECT min(sequence) FROM rows WHERE sequence > ?", (restored[-1][0],)).fetchone()[0]
    assert first > 1_000_000_000
    assert json.loads(asked(new.house.state / "journal.db", "SELECT details FROM audit WHERE device IS NULL AND user IS NULL")[0][0])["request"] == "restore"
    ear.close()


def test_it_refuses_while_the_controller_runs(machines: tuple[Machine, Machine], folder: Path) -> None:
    old, _ = machines
    old.furnish()
    old.house.start_sim()
    ear = old.start()
    file = folder / "village.tar.gz"
    assert edge("backup", file, "--state", old.house.state, "--config", old.config).returncode == 0
    done = edge("restore", file, "--force")
    assert done.returncode == 1
    assert done.stderr == f"village-edge restore: another controller works with {old.house.state}: stop it first, or give --state another directory\n"
    assert old.house.alive()
    ear.close()
