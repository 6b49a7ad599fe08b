"""systemd/install.sh on a machine that has nothing of it: it installs, changes nothing when run again, and takes all away."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest
from machine_install import BASE, CONFIG, LOG, STATE, in_force, install, is_well, rows, tree
from machine_village import EDGE
from machines import Machine

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
ANSWERS = """\
language=en
site_id=thon-a
site_name=Thôn "Á" \\ A & B
latitude=19.9
longitude=105.7
pair_name=Bác Tư
pair_role=head
"""
# Language, configuration (one that is not there, then none), name, id, latitude (twice), longitude, phone, role.
DIALOGUE = """\
en
/nowhere.yaml

Thôn "Á" \\ A & B
thon-a
95
19.9
105.7
Bác Tư
head
"""
BAD = """\
language=fr
site_id=Thôn A
latitude=95
longitud=105.7
latitude=19.9
this is no answer
config=/nowhere.yaml
restore=/nowhere.tar.gz
pair_role=king
"""


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """One machine for all of these, which are told in the order in which they stand."""
    with Machine(tmp_path_factory.mktemp("machine")) as machine:
        machine.boot()
        machine.write("/root/answers", ANSWERS)
        yield machine


def everybody(machine: Machine) -> list[str]:
    """Users and groups."""
    return [line.strip() for file in ("passwd", "group") for line in machine.read(f"/etc/{file}").splitlines()]


def test_what_cannot_be_is_told_at_once_and_has_no_effect(bare: Machine) -> None:
    before = tree(bare)
    bare.write("/root/bad", BAD)
    told = install(bare, "/src", "--answers", "/root/bad")
    assert told.returncode == 1
    for line in (
        "/root/bad:1: language=fr: write vi or en", "/root/bad:2: site_id=Thôn A: at most 32 small letters",
        "/root/bad:3: latitude=95: degrees north", "/root/bad:4: longitud is none of the questions: language site_id",
        "/root/bad:5: latitude is there twice", "/root/bad:6: this cannot be read: write KEY=VALUE",
        "/root/bad:7: config=/nowhere.yaml: there is no such file", "/root/bad: config and restore: one of them",
        "/root/bad:9: pair_role=king: write head, technician or viewer", "mistakes in /root/bad: nothing was done",
    ):
        assert line in told.stderr, told.stderr
    bare.run("rm", "/root/bad")
    nobody = install(bare)
    assert nobody.returncode == 1
    assert "There is nobody to ask: give --answers FILE" in nobody.stderr
    for words in (["--purge"], ["--answers", "/nowhere"], ["upgrade"], ["--wheels", "/nowhere"], ["--wait", "long"], ["status"]):
        assert install(bare, "/src", *words).returncode == 2, words
    assert install(bare, verb="status").stderr == "Nothing is installed here.\n"
    assert install(bare, verb="rollback").stderr == "There is no version before.\n"
    assert "sudo sh" in bare.run("runuser", "-u", "nobody", "--", "sh", "/src/systemd/install.sh", "status", check=False).stderr
    bare.run("rm", "-f", LOG)
    assert tree(bare) == before


def test_another_system_or_another_broker_is_refused(bare: Machine) -> None:
    before = tree(bare)
    release = bare.read("/usr/lib/os-release")
    for change, what in (
        (("ID=debian", "ID=fedora"), "take Raspberry Pi OS, or Debian 12 or 13"), (('VERSION_ID="12"', 'VERSION_ID="11"'), "is too old"),
    ):
        bare.write("/usr/lib/os-release", release.replace(*change))
        told = install(bare, "/src", "--answers", "/root/answers")
        assert (told.returncode, what in told.stderr) == (1, True), told.stderr
    bare.write("/usr/lib/os-release", release)
    bare.write("/etc/mosquitto/conf.d/own.conf", "listener 1883\n")
    told = install(bare, "/src", "--answers", "/root/answers")
    assert (told.returncode, "/etc/mosquitto/conf.d/own.conf" in told.stderr) == (1, True), told.stderr
    bare.run("rm", "-f", "/etc/mosquitto/conf.d/own.conf", LOG)
    assert tree(bare) == before


def test_a_configuration_with_errors_starts_nothing(bare: Machine) -> None:
    bare.write("/root/site.yaml", "site: {id: thon-a}\n")
    bare.write("/root/mine", "language=en\nconfig=/root/site.yaml\n")
    told = install(bare, "/src", "--answers", "/root/mine")
    assert told.returncode == 1
    assert "/root/site.yaml has errors" in told.stderr
    assert ":1:1: lights" in told.stderr or "site.name" in told.stderr, told.stderr
    assert bare.run("systemctl", "is-active", "village-edge", check=False).stdout.strip() == "inactive"
    assert bare.run("test", "-e", f"{CONFIG}/site.yaml", check=False).returncode == 1
    bare.run("rm", "/root/site.yaml", "/root/mine")


def test_it_asks_installs_and_lets_the_first_phone_in(bare: Machine) -> None:
    bare.run("ip", "link", "add", "lan0", "type", "veth", "peer", "name", "lan1")
    for end in ("lan0", "lan1"):
        bare.run("ip", "link", "set", end, "up")
    bare.run("ip", "addr", "add", "192.168.7.20/24", "dev", "lan0")
    bare.run("ip", "route", "add", "default", "via", "192.168.7.1")
    terminal = ["script", "-qec", "sh /src/systemd/install.sh --language en --wheels /wheels", "/dev/null"]
    done = bare.run(*terminal, check=False, timeout_s=400, text=DIALOGUE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "latitude=95: degrees north, such as 19.87" in done.stdout
    assert "It opens http://192.168.7.20:8080" in done.stdout
    assert in_force(bare)
    assert is_well(bare)
    assert "Bác Tư: head of thon-a, as user bac-tu" in done.stdout
    assert "█" in done.stdout
    assert "village-edge doctor" in done.stdout
    checked = bare.run(EDGE, "check", f"{CONFIG}/site.yaml").stdout
    assert 'good. Thôn "Á" \\ A & B (thon-a): 3 lights' in checked
    assert bare.run("village-edge", "--version").stdout.startswith("village-edge ")
    for unit in ("village-edge", "village-edge-web", "mosquitto", "village-edge-backup.timer"):
        assert bare.run("systemctl", "is-active", unit).stdout == "active\n"
        assert bare.run("systemctl", "is-enabled", unit).stdout == "enabled\n"
    assert bare.run("stat", "-c", "%a %U:%G", f"{CONFIG}/site.yaml", f"{CONFIG}/secrets", STATE, LOG).stdout.split("\n")[:4] == [
        "640 root:village-edge", "750 root:village-edge", "750 village-edge:village-edge", "600 root:root",
    ]


def test_the_log_has_what_was_done_and_no_secret(bare: Machine) -> None:
    log = bare.read(LOG)
    assert "Building the release" in log
    assert "Successfully installed village-edge" in log
    secret = bare.read(f"{CONFIG}/secrets/controller").strip()
    assert secret not in log
    assert "█" not in log
    for hashed in bare.read("/etc/mosquitto/village/passwords").split():
        assert hashed.partition(":")[2] not in log
    assert secret not in bare.read(f"{CONFIG}/answers")


def test_once_more_changes_nothing(bare: Machine) -> None:
    before = tree(bare, STATE)
    began = bare.run("systemctl", "show", "village-edge", "mosquitto", "village-edge-web", "-p", "MainPID").stdout
    for words in (["--answers", "/root/answers"], []):
        again = install(bare, "/src", *words)
        assert again.returncode == 0, again.stdout + again.stderr
        assert "As it was" in again.stdout
        assert "█" not in again.stdout, "a code is made once"
    assert tree(bare, STATE) == before
    assert bare.run("systemctl", "show", "village-edge", "mosquitto", "village-edge-web", "-p", "MainPID").stdout == began


def test_what_was_taken_away_by_hand_is_put_back(bare: Machine) -> None:
    bare.run("rm", "/etc/systemd/system/mosquitto.service.d/village-edge.conf", "/etc/mosquitto/conf.d/village.conf")
    bare.run("systemctl", "disable", "--now", "village-edge-web")
    bare.run("systemctl", "stop", "mosquitto", "village-edge")
    done = install(bare)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not is_well(bare, "0s"), "its page was switched off by somebody, and stays so"
    assert bare.run("systemctl", "is-enabled", "village-edge-web", check=False).stdout == "disabled\n"
    bare.run("systemctl", "enable", "--now", "village-edge-web")
    told = install(bare, verb="status")
    assert told.returncode == 0, told.stdout + told.stderr
    assert "village-edge.service: active, enabled" in told.stdout


def test_removed_the_village_stays_and_installed_again_it_goes_on(bare: Machine) -> None:
    secret = bare.read(f"{CONFIG}/secrets/controller")
    bare.run("systemctl", "start", "village-edge-backup")
    removed = install(bare, f"{BASE}/current", verb="remove")
    assert removed.returncode == 0, removed.stdout + removed.stderr
    assert "What stays" in removed.stdout
    left = bare.run("sh", "-c", "ls /etc/systemd/system /etc/systemd/system/* /usr/local/bin /opt/village-edge; ls /etc/mosquitto/conf.d").stdout
    assert "village" not in left.replace("/opt/village-edge", "")
    assert bare.run("systemctl", "is-active", "mosquitto").stdout == "active\n"
    done = install(bare)
    assert done.returncode == 0, done.stdout + done.stderr
    assert bare.read(f"{CONFIG}/secrets/controller") == secret
    assert "bac-tu" in bare.run("village-edge", "pair", "--list").stdout
    assert "install" in bare.run("sh", "-c", "journalctl --sync; ls /var/backups/village-edge | wc -l; echo install").stdout


def test_removed_with_purge_nothing_is_left(bare: Machine, clean: tuple[dict[str, str], list[str]]) -> None:
    bare.run("systemctl", "stop", "village-edge")
    row = "INSERT INTO audit (at, user, outcome, details) VALUES (1795000000.0, 'kept', 'accepted', '{}')"
    code = f"import sqlite3; db = sqlite3.connect('{STATE}/journal.db'); db.execute({row!r}); db.commit()"
    bare.run("runuser", "-u", "village-edge", "--", "python3", "-c", code)
    bare.run("village-edge", "backup", f"{bare.shared}/village.tar.gz", "--also", "/etc/mosquitto/village")
    removed = install(bare, f"{BASE}/current", "--purge", verb="remove")
    assert removed.returncode == 0, removed.stdout + removed.stderr
    assert bare.run("sh", "-c", "find / -xdev -name '*village-edge*' -not -path '/src/*' -not -path '/proc/*' -not -path '/host/*'").stdout == ""
    before, people = clean
    after = tree(bare)
    assert {path: (before.get(path), after.get(path)) for path in before.keys() | after.keys() if before.get(path) != after.get(path)} == {}
    assert everybody(bare) == people
    assert bare.run("systemctl", "list-units", "--all", "--plain", "--no-legend", "village-edge*").stdout == ""


def test_a_new_card_becomes_the_old_one_from_its_backup(bare: Machine) -> None:
    bare.write("/root/answers", f"language=en\nrestore={bare.shared}/village.tar.gz\npair_name=Bác Tư\n")
    done = install(bare, "/src", "--answers", "/root/answers")
    assert done.returncode == 0, done.stdout + done.stderr
    assert is_well(bare)
    assert "bac-tu" in bare.run("village-edge", "pair", "--list").stdout
    assert "█" not in done.stdout, "who was in is in again, without another code"
    assert "kept" in rows(bare, "journal", "SELECT user FROM audit")


@pytest.fixture(scope="module", autouse=True)
def clean(bare: Machine) -> tuple[dict[str, str], list[str]]:
    """The machine before anything was done to it."""
    return tree(bare), everybody(bare)


def test_help_is_in_both_languages(bare: Machine) -> None:
    def helped(*environment: str) -> str:
        told: subprocess.CompletedProcess[str] = bare.run("env", *environment, "sh", "/src/systemd/install.sh", "--help")
        return told.stdout

    english, vietnamese = helped("LANG=en_GB.UTF-8"), helped("LANG=vi_VN.UTF-8")
    assert english.startswith("Usage")
    assert vietnamese.startswith("Cách dùng")
    for word in ("--answers", "--wheels", "--wait", "--purge", "rollback", "status", LOG, "systemd/lgpio.lock"):
        assert word in english
        assert word in vietnamese
