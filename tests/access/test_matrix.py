"""Every role on every form of topic of docs/mqtt.md, publishing and listening, on a real mosquitto.

What is expected is written down here once more, from the page's table, and not taken from the program.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from access_bench import District, GuardedBroker, Login, Phone, close_all, village_config
from support import until

from edge.access.hashes import hashed

pytestmark = pytest.mark.slow
MakePhone = Callable[..., Phone]
KINDS = ("light", "valve", "pump", "switch", "meter", "sensor")
REQUESTS = (
    "alarms", "alarm-ack", "plan", "programs", "program-put", "history", "energy", "bill-put", "audit", "runs",
    "stop-water", "rain-delay", "replay", "of-a-later-version",
)  # fmt: skip
OWN, OTHER = "nguyen-ly", "tan-binh"
NOT_AUTHORIZED = 0x87  # MQTT 5, 2.4
ID = "[a-z0-9-]+"
KIND = f"({'|'.join(KINDS)})/{ID}"
SEEN = rf"SITE/(status|about|{KIND}/state|{KIND}/reading|alarm/[^/]+)"
LOOKED_AT = rf"{SEEN}|SITE/(time|{KIND}/value(/[^/]+)?)"
TOLD = rf"{LOOKED_AT}|SITE/(telemetry|audit|{KIND}/result)"
ORDERS = rf"SITE/{KIND}/(set|lockout)/{ID}"
ASKS = rf"SITE/ask/{ID}/{ID}"
OWN_REPLY = r"SITE/reply/USER/.+"
READ = {
    "head": f"{TOLD}|{ORDERS}|{ASKS}|{OWN_REPLY}", "technician": f"{TOLD}|{ORDERS}|{ASKS}|{OWN_REPLY}",
    "viewer": f"{LOOKED_AT}|{OWN_REPLY}", "district": f"{SEEN}|SITE/(telemetry|audit)|{OWN_REPLY}",
    "controller": f"{ORDERS}|far/{ORDERS}|{ASKS}|SITE/(status|about|alarm/[^/]+)", "bridge": f"{ORDERS}|{ASKS}",
}  # fmt: skip
WRITE = {
    "head": rf"SITE/{KIND}/set/USER|SITE/ask/USER/{ID}",
    "technician": rf"SITE/{KIND}/(set|lockout)/USER|SITE/ask/USER/{ID}",
    "viewer": "SITE/ask/USER/(history|energy|plan|runs)", "district": "SITE/ask/USER/(history|energy|replay)",
    "controller": rf"{TOLD}|SITE/reply/{ID}/.+|{ORDERS}|far/{ORDERS}|{ASKS}",
    "bridge": rf"{TOLD}|SITE/reply/{ID}/.+|SITE/link",
}  # fmt: skip


def expected(table: dict[str, str], role: str, sites: str, user: str, topic: str, at_district: bool) -> bool:
    pattern = table[role] + ("|SITE/link" if table is READ and at_district and role != "bridge" else "")
    pattern = pattern.replace("SITE", f"village/({sites})").replace("USER", re.escape(user))
    return re.fullmatch(pattern, topic) is not None


def topics(users: list[str]) -> list[str]:
    """Every form that the contract has, and those by which somebody might get around it."""
    found = [
        "village", "anything", "far", "homeassistant/light/x/config", "$SYS/broker/uptime", "$SYS/broker/clients/total",
        "$SYS/broker/connection/x/state", "$CONTROL/dynamic-security/v1", f"village//{OWN}/status",
    ]  # fmt: skip
    for root in (f"village/{OWN}", f"village/{OTHER}", f"far/village/{OWN}"):
        found += [f"{root}/{leaf}" for leaf in _leaves(users)] + [root]
    return [*found, *(f"far/village/{OTHER}/light/main-road/set/{user}" for user in users)]


def _leaves(users: list[str]) -> Iterator[str]:
    yield from ("status", "time", "about", "link", "telemetry", "audit", "telemetry/1", "status/x", "alarm")
    yield from ("alarm/device-silent:meter:cabinet-1", "alarm/a/b", "set", "reply", "ask", "village/status")
    for kind in (*KINDS, "camera", "reply", "ask"):
        for leaf in ("state", "value", "value/level", "value/power_w", "reading", "result", "set", "lockout", "state/x"):
            yield f"{kind}/main-road/{leaf}"
        for user in users if kind == "light" else users[-1:]:
            yield from (f"{kind}/main-road/{leaf}/{user}" for leaf in ("set", "lockout"))
            yield f"{kind}/main-road/set/{user}/x"
    for user in users:
        yield from (f"ask/{user}/{name}" for name in REQUESTS)
        yield from (f"reply/{user}/phone-1", f"reply/{user}/a/b/c", f"reply/{user}/state", f"reply/{user}/set/{users[0]}")
        yield from (f"reply/{user}", f"ask/{user}", f"ask/{user}/history/x", f"set/{user}", f"lockout/{user}")


class Matrix:
    """One broker, its users by id with role and sites, and one who may do everything, whom the test put there."""

    def __init__(self, broker: GuardedBroker, phone: MakePhone, logins: dict[str, tuple[Login, str, str]]) -> None:
        god = Login("god", "all")
        with (broker.dir / "passwords").open("a") as passwords, (broker.dir / "access").open("a") as access:
            passwords.write(f"god:{hashed('all')}\n")
            access.write("\nuser god\ntopic readwrite #\ntopic readwrite $SYS/#\ntopic readwrite far/#\n")
        broker.start()
        self.broker, self.phone, self.logins = broker, phone, logins
        self.ears: list[Phone] = []
        self.god = phone(broker, god, "#", "$CONTROL/#", five=True)
        self.topics = topics([*logins, "somebody-else"])
        self.at_district = '"kind": "district"' in (broker.dir / "broker.json").read_text()

    def flushed(self, ears: list[Phone], token: bytes) -> None:
        """Everything sent before has come by now: messages keep their order to each listener."""
        self.god.say(f"village/{OWN}/about", token)
        for ear in ears:
            until(lambda ear=ear: ear.heard(f"village/{OWN}/about")[-1:] == [token], 20, "the last message")

    def whole(self) -> None:
        """Both ways, by both protocols."""
        for five in (False, True):
            for user in self.logins:
                self.written(user, five)
            self.read(five)
            close_all(self.ears)
            self.ears.clear()

    def written(self, user: str, five: bool) -> None:
        """What the user publishes comes through where it is expected and nowhere else."""
        login, role, sites = self.logins[user]
        speaker = self._enter(login, five=five)
        own = [f"village/{site}/{kind}/x/{leaf}/{user}" for site in (OWN, OTHER) for kind in KINDS for leaf in ("set", "lockout")]
        tried = [*self.topics, *own]
        self.god.messages.clear()
        # Without acknowledgements where they say nothing: MQTT 3.1.1 acknowledges what is refused too.
        codes = speaker.say_all({topic: f"{user} on {topic}" for topic in tried}, qos=1 if five else 0)
        speaker.say("anything", b"answered after all of these")
        self.god.say("anything", b"the last")
        until(lambda: (self.god.heard("anything") or [b""])[-1] == b"the last", 20, "the last message")
        came = {topic for topic, payload, _ in self.god.messages if payload == f"{user} on {topic}".encode()}
        wanted = {t for t in tried if expected(WRITE, role, sites, user, t, self.at_district)}
        assert came - wanted == set(), f"{role} could write, MQTT {5 if five else 3}"
        assert wanted - came == set(), f"{role} could not write, MQTT {5 if five else 3}"
        if five:
            assert {t for t, code in codes.items() if code == NOT_AUTHORIZED} == set(tried) - wanted
            assert {t for t, code in codes.items() if code not in (0, 0x10, NOT_AUTHORIZED)} == set()
        assert not speaker.out

    def read(self, five: bool) -> None:
        """What is said everywhere comes to each user where it is expected and nowhere else, whatever he subscribes to."""
        filters = ["#", "$SYS/#", "far/#", "+/+/#", f"village/{OWN}/reply/#", "$CONTROL/#"]
        ears = {user: self._enter(login, *filters, five=five) for user, (login, _, _) in self.logins.items()}
        shared = {}
        if five:
            shared = {u: self._enter(lo, f"$share/{u}/#", five=True) for u, (lo, _, _) in self.logins.items()}
        # Under $SYS the broker speaks itself.
        self.god.say_all({topic: f"to {topic}" for topic in self.topics if not topic.startswith("$SYS")})
        readers = [e for u, e in ears.items() if self._reads_about(u)]
        self.flushed(readers, b"the last")
        until(lambda: all(self._complete(u, e) for u, e in [*ears.items(), *shared.items()]), 20, "all that is to come")
        for user, ear in [*ears.items(), *shared.items()]:
            _, role, sites = self.logins[user]
            came = {topic for topic, payload, _ in ear.messages if payload != b"the last"}
            wanted = {t for t in self.topics if expected(READ, role, sites, user, t, self.at_district)}
            assert came - wanted == set(), f"{role} could read, MQTT {5 if five else 3}"
            assert wanted - came == set(), f"{role} could not read, MQTT {5 if five else 3}"
            assert not ear.out

    def _enter(self, login: Login, *filters: str, five: bool) -> Phone:
        self.ears.append(self.phone(self.broker, login, *filters, five=five))
        return self.ears[-1]

    def _reads_about(self, user: str) -> bool:
        _, role, sites = self.logins[user]
        return expected(READ, role, sites, user, f"village/{OWN}/about", self.at_district)

    def _complete(self, user: str, ear: Phone) -> bool:
        _, role, sites = self.logins[user]
        came = {topic for topic, _, _ in ear.messages}
        return all(t in came for t in self.topics if expected(READ, role, sites, user, t, self.at_district))


@pytest.fixture
def at_cabinet(folder: Path, phone: MakePhone, capsys: pytest.CaptureFixture[str]) -> Iterator[Matrix]:
    broker = GuardedBroker(folder / "cabinet")
    config = village_config(folder / "village")
    broker.set_up("--config", str(config))
    secret = (config.parent / "secrets" / "controller").read_text().strip()
    logins = {"controller": (Login("controller", secret), "controller", OWN)}
    for role in ("head", "technician", "viewer", "district"):
        login = broker.pair(capsys, "--name", f"Người {role}", "--role", role)
        logins[login.user] = (login, role, OWN)
    yield Matrix(broker, phone, logins)
    broker.stop()


@pytest.fixture
def at_district(folder: Path, phone: MakePhone, capsys: pytest.CaptureFixture[str]) -> Iterator[Matrix]:
    """Two villages' bridges; people of one, of both and of every village."""
    district = District(folder)
    logins = {}
    for site in (OWN, OTHER):
        cabinet = district.join(site, village_config(folder / site, site))
        logins[site] = (Login(site, (cabinet.dir / "bridge-secret").read_text().strip()), "bridge", site)
    for role, sites, words in (
        ("head", OWN, ["--site", OWN]), ("technician", OTHER, ["--site", OTHER]), ("viewer", OWN, ["--site", OWN]),
        ("head", f"{OWN}|{OTHER}", ["--site", OWN, "--site", OTHER]), ("district", ID, ["--every-site"]),
        ("technician", ID, ["--every-site"]),
    ):
        login = district.broker.pair(capsys, "--name", "Chị Hoa", "--role", role, *words)
        logins[login.user] = (login, role, sites)
    assert len(logins) == 8
    yield Matrix(district.broker, phone, logins)
    district.stop()


def test_at_a_cabinet_everybody_has_his_rights_and_no_others(at_cabinet: Matrix) -> None:
    at_cabinet.whole()


def test_at_a_district_everybody_has_his_rights_and_no_others(at_district: Matrix) -> None:
    at_district.whole()


def test_last_wills_and_retained_messages_are_held_to_the_list_too(at_cabinet: Matrix) -> None:
    """A will is published by the broker itself, and an empty retained message takes away what is retained."""
    status, about = f"village/{OWN}/status", f"village/{OWN}/about"
    god, broker = at_cabinet.god, at_cabinet.broker
    god.say_all({status: "online", about: "{}"}, retain=True)
    god.messages.clear()
    for user in ("nguoi-technician", "nguoi-viewer", "controller"):
        login = at_cabinet.logins[user][0]
        phone = at_cabinet.phone(broker, login, client_id=f"dying-{user}", will=(status, b"said by " + user.encode()))
        for topic in (about, status, f"village/{OWN}/light/main-road/state"):
            if user != "controller":
                phone.say(topic, b"", retain=True)
        phone.cut()
        until(lambda name=f"dying-{user}": f"Client {name} closed" in broker.log.read_text(), 20, "the broker to see it die")
    until(lambda: god.heard(status), 20, "the controller's will")
    god.say("anything", b"the last")
    until(lambda: god.heard("anything"), 20, "the last message")
    assert god.heard(status) == [b"said by controller"]
    assert god.heard(about) == []
    again = at_cabinet.phone(broker, at_cabinet.logins["nguoi-viewer"][0], about)
    until(lambda: again.heard(about) == [b"{}"], 20, "what is retained")
