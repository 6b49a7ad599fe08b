"""A card dies: the installer makes a new one from the last night's backup, as the page on installation walks through it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from machine_install import CONFIG, install
from machine_village import EDGE, PEOPLE, installed
from machines import Machine

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
BACKUPS = "/var/backups/village-edge"


def asks(machine: Machine, user: str, *words: str) -> str:
    """What a command of a person says, who logs in with the password that `old_card` was given for him."""
    done = machine.run(EDGE, *words, "--user", user, "--password-file", f"/root/{user}", check=False)
    return done.stdout + done.stderr


@pytest.fixture
def old_card(tmp_path: Path) -> Iterator[Machine]:
    """A village's machine with two people, one of whom works on the lanes."""
    with Machine(tmp_path / "old", installed()) as machine:
        machine.boot()
        for name, role in PEOPLE.items():
            who = ["--name", name, "--user", name, "--role", role, "--page", "http://192.0.2.1:8080"]
            machine.run(EDGE, "pair", *who, "--password-file", f"/root/{name}")
        asks(machine, "tech", "send", "light/lanes", "lock")  # there is no board that could be seen off: it stands all the same
        assert "rejected (locked)" in asks(machine, "head", "send", "light/lanes", "on")
        yield machine


def test_people_locks_and_configuration_of_the_last_backup_are_on_the_new_card(old_card: Machine, tmp_path: Path) -> None:
    old_card.run("systemctl", "start", "village-edge-backup")
    (name,) = old_card.run("ls", BACKUPS).stdout.split()
    backup = old_card.run("base64", f"{BACKUPS}/{name}").stdout
    kept = {f"/root/{user}": old_card.read(f"/root/{user}") for user in PEOPLE} | {
        f"{CONFIG}/site.yaml": old_card.read(f"{CONFIG}/site.yaml")
    }
    old_card.power_off()
    with Machine(tmp_path / "new") as new:
        new.boot()
        new.run("sh", "-c", "base64 -d > /root/village.tar.gz", text=backup)
        new.write("/root/restore.answers", "restore=/root/village.tar.gz\n")
        done = install(new, "/src", "--answers", "/root/restore.answers")
        assert done.returncode == 0, done.stdout + done.stderr
        assert new.read(f"{CONFIG}/site.yaml") == kept[f"{CONFIG}/site.yaml"]
        for user in PEOPLE:
            new.write(f"/root/{user}", kept[f"/root/{user}"], "600")
        assert "light/lanes" in asks(new, "head", "watch", "light/lanes", "--count", "1")
        assert "rejected (locked)" in asks(new, "head", "send", "light/lanes", "on")
