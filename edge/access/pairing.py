"""Whom `village-edge pair` lets in, worked out before anything is changed. Pure but for the token's chance."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace

from edge.access.deeds import Impossible, let_in, put_out, the_user, villages
from edge.access.hashes import hashed, new_token
from edge.access.names import free_id, joined, plain_id
from edge.access.people import EVERY, Entry, Person, Registry
from edge.access.settings import Settings
from edge.core.site_terms import Wrong, text

_line = text().read


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for. `far`: the phone enters at the district; `at`: now, RFC 3339."""

    at: str
    name: str | None = None
    role: str | None = None
    user: str | None = None
    again: str | None = None
    instead_of: str | None = None
    sites: tuple[str, ...] = ()
    far: bool = False


@dataclass(frozen=True, slots=True)
class Paired:
    """What came of it. `entries`: what the district is to take in, when the phone enters there."""

    registry: Registry
    user: str
    person: Person
    token: str
    entries: tuple[Entry, ...] = ()

    @property
    def far(self) -> bool:
        """Whether it enters at the district."""
        return self.person.hash is None


def pair(registry: Registry, settings: Settings, wish: Wish) -> Paired:
    """The registry with one more phone, or with another token for one. Raises Impossible."""
    token = new_token()
    again = wish.again
    if again is not None:
        if wish.name or wish.role or wish.user or wish.instead_of or wish.sites:
            raise Impossible("--again gives a user another token and changes nothing else: give it alone")
        known = the_user(registry, again)
        _no_machine(again, known)
        if wish.far and known.hash is not None:
            raise Impossible(f"{again} enters here, not at the district; leave --remote out, or let another phone in")
        wish = replace(wish, far=known.hash is None)
        return _made(registry, again, known.model_copy(update={"made_at": wish.at}), token, wish)
    old = None if wish.instead_of is None else the_user(registry, wish.instead_of)
    if old is not None and wish.instead_of is not None:
        _no_machine(wish.instead_of, old)
    role = wish.role or (old.role if old else None)
    if role is None:
        raise Impossible("say what the phone may do: --role head, technician, viewer or district")
    name = _name(wish.name)
    sites = _sites(registry, settings, wish, old)
    person = Person.model_validate({"name": name, "role": role, "sites": sites, "made_at": wish.at, "hash": None})
    if wish.far and role == "district":
        raise Impossible("the district's own users are made on its machine: give head, technician or viewer")
    user = _id(registry, settings, wish, name, sites)
    if wish.instead_of is not None:
        registry = put_out(registry, wish.instead_of, wish.at)
    paired = _made(registry, user, person, token, wish)
    if old is not None and old.hash is None and wish.instead_of is not None and not wish.far:
        return replace(paired, entries=(farewell(wish.instead_of, old),))
    return paired


def farewell(user: str, person: Person) -> Entry:
    """By which a district hears that this phone is to enter no more."""
    return Entry.model_validate({
        "user": user, "name": person.name, "role": person.role, "site": person.sites[0], "made_at": person.made_at,
        "hash": None,
    })  # fmt: skip


def _made(registry: Registry, user: str, person: Person, token: str, wish: Wish) -> Paired:
    known = hashed(token)
    person = person.model_copy(update={"hash": None if wish.far else known})
    entries: tuple[Entry, ...] = ()
    if wish.far:
        fields = person.model_dump(include={"name", "role", "made_at"})
        entry = {"user": user, "site": person.sites[0], "hash": known, "instead_of": wish.instead_of, **fields}
        entries = (Entry.model_validate(entry),)
    return Paired(let_in(registry, user, person), user, person, token, entries)


def _no_machine(user: str, person: Person) -> None:
    if person.role in ("controller", "bridge"):
        raise Impossible(f"{user} is a {person.role} and no phone; village-edge broker looks after it")


def _name(given: str | None) -> str:
    if given is None:
        raise Impossible('say whose phone it is: --name "Bác Tư"')
    name = " ".join(unicodedata.normalize("NFC", given).split(" ")).strip()
    try:
        return str(_line(name))
    except Wrong as wrong:
        raise Impossible(f"--name: {wrong}") from None


def _sites(registry: Registry, settings: Settings, wish: Wish, old: Person | None) -> list[str]:
    if settings.kind == "cabinet":
        assert settings.site is not None
        if set(wish.sites) - {settings.site}:
            raise Impossible(f"this is the broker of {settings.site} alone; leave --site out")
        return [settings.site]
    if wish.far:
        raise Impossible("this is the district's own broker; leave --remote out")
    known = villages(registry)
    if not wish.sites and old is None:
        raise Impossible(f"say of which village: --site {' or '.join(known) or 'ID'}, or --every-site")
    sites = list(dict.fromkeys(wish.sites)) or list(old.sites if old else ())
    if EVERY not in sites and (unknown := [site for site in sites if site not in known]):
        there = ", ".join(known) or "none"
        raise Impossible(f"{', '.join(unknown)}: no such village is bridged here; there are {there}")
    return [EVERY] if EVERY in sites else sites


def _id(registry: Registry, settings: Settings, wish: Wish, name: str, sites: list[str]) -> str:
    """Who enters at a district has the village's name in his id, so that no two villages make the same."""
    if wish.user is not None:
        if wish.user in registry.taken():
            raise Impossible(f"{wish.user} is taken, or was; give another --user, or --again for a new token")
        return wish.user
    plain = plain_id(name)
    if not plain:
        raise Impossible(f"{name}: no id can be made of it; give one with --user, such as --user head-2")
    if wish.far or settings.kind == "district":
        plain = joined(plain, sites[0] if len(sites) == 1 and sites[0] != EVERY else "district")
    return free_id(plain, registry.taken())
