"""Roles -> mosquitto's access list. Pure; the table is that of docs/mqtt.md.

Every kind is written out: a `+` in its place would let `reply/<other>/…` and `ask/<other>/…` through. mosquitto grants
every subscription and looks at this list with each message that it delivers, so anybody may subscribe to
`village/+/about` and hears what is his to hear.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from edge.core.topics import FAR

if TYPE_CHECKING:
    from edge.access.people import Former, Person

PERSONS = ("head", "technician", "viewer", "district")  # roles that `pair` gives
ROLES = (*PERSONS, "controller", "bridge")
KINDS = ("light", "valve", "pump", "switch", "meter", "sensor")
ASKED = {
    "head": ("+",), "technician": ("+",), "viewer": ("history", "energy", "plan", "runs"),
    "district": ("history", "energy", "replay"),
}  # fmt: skip
LINK = "link"  # at a district's broker: whether a village's bridge is there, `1` or `0`
SEEN = ("status", "about", "+/state", "+/reading", "alarm/+")
LOOKED_AT = (*SEEN, "time", "+/value", "+/value/+")
ALL = (*LOOKED_AT, "telemetry", "audit", "+/result")
ORDERS = ("+/set/+", "+/lockout/+", "ask/+/+")
Rule = tuple[str, str]  # read, write, readwrite or deny; topic


def access_list(users: Mapping[str, Person], former: Mapping[str, Former], at_district: bool, remark: str) -> str:
    """The whole file of a cabinet's broker, or a district's, beginning with `remark`."""
    barred = [user for user, gone in former.items() if gone.far]
    lines = [f"# {line}" for line in remark.splitlines()]
    for user, person in users.items():
        if person.hash is None:  # enters at the district
            continue
        lines += ["", f"# {person.name}, {person.role}", f"user {user}"]
        lines += [f"topic {how} {topic}" for how, topic in rules(user, person, at_district, barred)]
    return "\n".join(lines) + "\n"


def rules(user: str, person: Person, at_district: bool, barred: Iterable[str] = ()) -> Iterator[Rule]:
    """What this user may do; `barred`: users of the district whom the controller is not to hear any more.

    Only at a district does the link tell that a village cannot be reached: at the cabinet it tells of the district.
    """
    for site in person.sites:
        root = f"village/{'+' if site == '*' else site}"
        match person.role:
            case "controller":
                yield from _controller(root, barred)
            case "bridge":
                yield from _bridge(root)
            case _:
                yield from _person(root, user, person.role)
                if at_district:
                    yield "read", f"{root}/{LINK}"


def out_topics(root: str) -> list[str]:
    """Everything that a controller tells, as filters below `root`."""
    return [*(topic for leaf in ALL for topic in _spread(root, leaf)), f"{root}/reply/+/+/#"]


def queued_topics(root: str) -> list[str]:
    """What waits for a bridge that is away: few messages, which nothing that comes later makes good. All else that is
    retained is told anew when the bridge is back, and an answer that comes late helps nobody."""
    return [f"{root}/{leaf}" for leaf in ("alarm/+", "audit", "status", "about", "time")]


def order_topics(root: str) -> list[str]:
    """Everything that a controller takes, but requests, as filters below `root`."""
    return [topic for leaf in ORDERS[:2] for topic in _spread(root, leaf)]


def _person(root: str, user: str, role: str) -> Iterator[Rule]:
    leaves = {"viewer": LOOKED_AT, "district": (*SEEN, "telemetry", "audit")}.get(role, (*ALL, *ORDERS))
    yield from (("read", topic) for leaf in leaves for topic in _spread(root, leaf))
    yield "read", f"{root}/reply/{user}/+/#"
    if role in ("head", "technician"):
        yield from (("write", f"{root}/{kind}/+/set/{user}") for kind in KINDS)
    if role == "technician":
        yield from (("write", f"{root}/{kind}/+/lockout/{user}") for kind in KINDS)
    yield from (("write", f"{root}/ask/{user}/{name}") for name in ASKED[role])


def _controller(root: str, barred: Iterable[str]) -> Iterator[Rule]:
    for user in barred:
        yield from (("deny", f"{FAR}{root}/{kind}/+/{leaf}/{user}") for kind in KINDS for leaf in ("set", "lockout"))
        yield "deny", f"{root}/ask/{user}/+"
    # `health`, in its name, asks the broker whether that has come.
    told = {f"{root}/{leaf}" for leaf in ("status", "about", "alarm/+")}
    yield from (("readwrite" if topic in told else "write", topic) for topic in out_topics(root))
    # It clears what is retained there, with an empty message.
    yield from (("readwrite", topic) for topic in (*order_topics(root), f"{root}/ask/+/+"))
    yield from (("readwrite", FAR + topic) for topic in order_topics(root))


def _bridge(root: str) -> Iterator[Rule]:
    yield from (("write", topic) for topic in out_topics(root))
    yield "write", f"{root}/{LINK}"
    yield from (("read", topic) for topic in (*order_topics(root), f"{root}/ask/+/+"))


def _spread(root: str, leaf: str) -> list[str]:
    """`+/state` as one filter for each kind of device; what has no kind as it is."""
    if leaf.startswith("+/"):
        return [f"{root}/{kind}/{leaf}" for kind in KINDS]
    return [f"{root}/{leaf}"]
