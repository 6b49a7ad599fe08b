"""systemd/install.sh from one version to another, and back: by itself where the new one is not well, and when asked."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path

import pytest
from machine_install import (
    BASE,
    LOG,
    STATE,
    at_once,
    freeze,
    in_force,
    install,
    is_well,
    keeps_what_was_frozen,
    rows,
    these,
    version,
)
from machine_village import installed
from machines import Machine

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
NO_START = "\n\ndef run(args): raise RuntimeError('planted')\n"
HANGS = """
import signal, threading
def run(args):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Event().wait()
"""
NEWER_SCHEMA = "CREATE TABLE planted (id TEXT PRIMARY KEY);\n"
PLANTED: dict[str, dict[str, str]] = {
    "it hangs": {"commands__run": HANGS},
    "it never gets online": {"shell__mqtt": "\nMqttLink.start = lambda self: None\n"},
    "it crashes once it has changed the schema": {
        "shell__migrations__999": NEWER_SCHEMA, "shell__app": "\n\ndef _ends(self): os._exit(9)\n\n\nApp.start = _ends\n",
    },
    "it crashes": {"commands__run": NO_START},
    "its page cannot be served": {"commands__web": NO_START},
}  # fmt: skip
WHY = {
    "it crashes": "it ended and was started again", "it hangs": "activating (start)",
    "it never gets online": "the broker says that the controller is offline",
    "it crashes once it has changed the schema": "it ended and was started again", "its page cannot be served": "the page at 127.0.0.1:8080",
}  # fmt: skip
FIRST = "0.1.0"
VERSIONS, JOURNALS = these(list(PLANTED), 3), these([1, 5, 2, 3, 4], 2)


def schema(machine: Machine) -> str:
    return rows(machine, "journal", "PRAGMA user_version")[0]


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Future[None]]:
    """What comes of an upgrade to each of the planted versions."""
    layers = installed()

    def upgrade(what: str) -> None:
        with Machine(tmp_path_factory.mktemp("machine"), base=layers) as machine:
            machine.boot()
            freeze(machine, 5)
            machine.run("systemctl", "start", "village-edge")
            assert is_well(machine)
            before, form = in_force(machine), schema(machine)
            new = version(machine.shared / "new", "0.2.0", **PLANTED[what])
            (new / "systemd" / "village-edge.service").write_text(
                (new / "systemd" / "village-edge.service").read_text() + "# of the new version\n"
            )
            told = install(machine, new, "--wait", "25s")
            assert told.returncode == 1, told.stdout + told.stderr
            assert WHY[what] in told.stderr, told.stderr
            assert "is back in force" in told.stderr
            assert in_force(machine) == before == FIRST
            assert is_well(machine)
            assert "of the new version" not in machine.read("/etc/systemd/system/village-edge.service")
            assert machine.run("sh", "-c", f"ls {BASE}/releases; ls {BASE}/change", check=False).stdout.count("\n") == 1
            assert schema(machine) == form
            keeps_what_was_frozen(machine)

    return at_once(upgrade, VERSIONS)


@pytest.mark.parametrize("what", VERSIONS)
def test_a_version_that_is_not_well_is_put_back(what: str, failed: Mapping[str, Future[None]]) -> None:
    failed[what].result()


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Mapping[int, Future[None]]:
    """What becomes of the state of each schema there was."""
    layers = installed()

    def upgrade(journal: int) -> None:
        with Machine(tmp_path_factory.mktemp("machine"), base=layers) as machine:
            machine.boot()
            freeze(machine, journal)
            assert schema(machine) == str(journal)
            done = install(machine, version(machine.shared / "new", "0.2.0"))
            assert done.returncode == 0, done.stdout + done.stderr
            assert (in_force(machine), in_force(machine, "previous")) == ("0.2.0", FIRST)
            assert is_well(machine)
            keeps_what_was_frozen(machine)
            assert int(schema(machine)) > 5

    return at_once(upgrade, JOURNALS)


@pytest.mark.parametrize("journal", JOURNALS)
def test_the_state_of_every_schema_survives_an_upgrade(journal: int, upgraded: Mapping[int, Future[None]]) -> None:
    upgraded[journal].result()


def test_back_and_forth_as_asked_with_a_state_that_the_older_one_can_read(tmp_path: Path) -> None:
    with Machine(tmp_path, base=installed()) as machine:
        machine.boot()
        freeze(machine, 5)
        machine.run("systemctl", "start", "village-edge")
        assert is_well(machine)
        first = schema(machine)
        packages = f"{BASE}/current/lib/python3.11/site-packages"
        machine.run("sh", "-c", f"echo '# a card that forgets' >>{packages}/segno/consts.py")
        done = install(machine, version(machine.shared / "new", "0.2.0", shell__migrations__999=NEWER_SCHEMA))
        assert done.returncode == 0, done.stdout + done.stderr
        assert (in_force(machine), in_force(machine, "previous"), schema(machine)) == ("0.2.0", FIRST, "999")
        assert "segno/consts.py is not what segno brought" in machine.read(LOG)
        assert "forgets" not in machine.read(f"{packages}/segno/consts.py")
        back = install(machine, f"{BASE}/current", verb="rollback")
        assert back.returncode == 0, back.stdout + back.stderr
        assert (in_force(machine), in_force(machine, "previous"), schema(machine)) == (FIRST, "0.2.0", first)
        assert is_well(machine)
        keeps_what_was_frozen(machine)
        assert machine.run("sh", "-c", f"ls {STATE}/before-restore-1").stdout.split()[-1:] != []
        forth = install(machine, f"{BASE}/current", verb="rollback")
        assert forth.returncode == 0, forth.stdout + forth.stderr
        assert (in_force(machine), schema(machine)) == ("0.2.0", "999")
        assert is_well(machine)
        keeps_what_was_frozen(machine)
