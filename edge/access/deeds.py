"""What is done to the registry: letting in, putting out, handing over. Pure: each gives a new registry."""

from __future__ import annotations

import difflib
import hashlib

from edge.access.people import Entry, Former, Person, Registry, written

OTHER_ID = "the village must pair this phone under another id: village-edge pair --user ID"


class Impossible(Exception):
    """Why it cannot be done, and what to do instead."""


def the_user(registry: Registry, user: str) -> Person:
    """The one of that id. Raises Impossible."""
    if user in registry.users:
        return registry.users[user]
    if user in registry.former:
        raise Impossible(f"{user} ({registry.former[user].name}) is out since {registry.former[user].gone_at[:10]}")
    near = difflib.get_close_matches(user, registry.users, 1)
    hint = f"did you mean {near[0]}?" if near else "village-edge pair --list shows who is"
    raise Impossible(f"nobody is let in as {user}; {hint}")


def let_in(registry: Registry, user: str, person: Person) -> Registry:
    """With this user, in place of one of the same id."""
    return registry.model_copy(update={"users": {**registry.users, user: person}})


def put_out(registry: Registry, user: str, at: str) -> Registry:
    """Without this user; nobody else gets the id. `at`: RFC 3339. Raises Impossible."""
    person = the_user(registry, user)
    if person.role == "controller":
        raise Impossible(f"{user} is the controller itself and must be let in; for another password remove the file "
                         "that mqtt.password_file names, and run village-edge broker")
    users = {name: other for name, other in registry.users.items() if name != user}
    gone = Former(**person.model_dump(exclude={"hash"}), gone_at=at, far=person.hash is None)
    return registry.model_copy(update={"users": users, "former": {**registry.former, user: gone}})


def accept(registry: Registry, entry: Entry, at: str) -> Registry:
    """A district's registry with what a village sent. Raises Impossible."""
    known = registry.users.get(entry.user)
    if known is not None and known.sites != [entry.site]:
        whose = ", ".join(known.sites)
        raise Impossible(f"{entry.user} is {known.name} of {whose} here; {OTHER_ID}")
    if known is not None and (known.role == "bridge") != (entry.role == "bridge"):
        raise Impossible(f"{entry.user} is {known.role} here, not {entry.role}; {OTHER_ID}")
    if entry.role == "bridge" and entry.user != entry.site:
        raise Impossible(f"{entry.user} cannot be the bridge of {entry.site}: a bridge has its village's id")
    if entry.hash is None:
        return put_out(registry, entry.user, at) if known is not None else registry
    if entry.user in registry.former and registry.former[entry.user].sites != [entry.site]:
        raise Impossible(f"{entry.user} was somebody of another village; {OTHER_ID}")
    if entry.role != "bridge" and entry.site not in villages(registry):
        raise Impossible(f"{entry.site} is no village of this district yet; first accept the file that "
                         "village-edge broker --bridge wrote there")
    if entry.instead_of is not None and entry.instead_of in registry.users:
        if registry.users[entry.instead_of].sites != [entry.site]:
            raise Impossible(f"{entry.instead_of}, who is to make room, is not of {entry.site} alone")
        registry = put_out(registry, entry.instead_of, at)
    person = Person(name=entry.name, role=entry.role, sites=[entry.site], made_at=entry.made_at, hash=entry.hash)
    former = {user: gone for user, gone in registry.former.items() if user != entry.user}
    return let_in(registry.model_copy(update={"former": former}), entry.user, person)


def villages(registry: Registry) -> list[str]:
    """The villages that are bridged to this district."""
    return [person.sites[0] for person in registry.users.values() if person.role == "bridge"]


def check_code(entry: Entry) -> str:
    """Eight letters by which two people see over the telephone that nobody has changed the file on its way."""
    digest = hashlib.sha256(written(entry)).hexdigest().upper()
    return f"{digest[:4]}-{digest[4:8]}"
