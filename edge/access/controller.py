"""The controller's own way into its broker: the password in the file that the configuration names."""

from __future__ import annotations

import grp
import os
from contextlib import suppress
from pathlib import Path

from edge.access.deeds import Impossible, let_in
from edge.access.directory import AccessError
from edge.access.hashes import fits, hashed, new_token
from edge.access.people import Person, Registry
from edge.core.site import Site
from edge.shell.files import replace_file
from edge.shell.site_file import password_file

CONTROLLER_GROUP = "village-edge"


def with_controller(config: Path, site: Site, registry: Registry, at: str, notes: list[str]) -> Registry:
    """The controller may enter with what its password file holds; that is made when it is missing. `at`: now, RFC 3339.

    `notes` then has it. Raises AccessError and Impossible.
    """
    user = site.mqtt.user
    assert user is not None
    path = password_file(site, config)
    if path is None:
        raise Impossible(f"{config} does not say where the controller's password lies; add to mqtt: "
                         "password_file: secrets/controller")
    secret = _secret(path, notes)
    found = registry.users.get(user)
    if found is not None and found.role != "controller":
        raise Impossible(f"{user} is {found.name}, {found.role}, and mqtt.user of {config}; give the controller "
                         "another name there")
    if found is not None and found.hash is not None and fits(secret, found.hash) and found.sites == [site.site.id]:
        return registry
    person = Person(name=site.site.name, role="controller", sites=[site.site.id], made_at=at, hash=hashed(secret))
    return let_in(registry, user, person)


def _secret(path: Path, notes: list[str]) -> str:
    try:
        if path.exists():
            with path.open(encoding="utf-8") as file:
                if secret := file.readline().strip():
                    return secret
            raise Impossible(f"{path} is empty: remove it, and a password is made")
        if not path.parent.exists():
            path.parent.mkdir(mode=0o750, parents=True)
            _give(path.parent)
        secret = new_token()
        group = _controller_group()
        replace_file(path, f"{secret}\n".encode(), mode=0o600 if group is None else 0o640, group=group)
    except OSError as error:
        raise AccessError(f"{path}: the controller's password cannot be read or made ({error.strerror}); run it as "
                          "root, with sudo") from error
    notes.append(f"{path}: a password was made for the controller; restart it when the broker has been")
    return secret


def _controller_group() -> int | None:
    if os.geteuid() == 0:
        with suppress(KeyError):
            return grp.getgrnam(CONTROLLER_GROUP).gr_gid
    return None


def _give(folder: Path) -> None:
    if (group := _controller_group()) is not None:
        os.chown(folder, -1, group)
