"""What the doctor sees of a machine: real files in a tree of its own, a real broker, this machine's own sockets."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import Mosquitto, free_port

from drivers import registers
from edge.client import Client, Message, Up
from edge.core.diagnosis import Finding
from edge.core.diagnosis_machine import BrokerSeen, machine_findings
from edge.core.site import Site
from edge.shell import commission_broker, commission_rights
from edge.shell.clock import SystemClock
from edge.shell.commission_broker import come, see_broker
from edge.shell.commission_machine import see, see_card, which
from edge.shell.commission_places import Places, listeners, mount_of, seconds_of, systemd_setting, text_of
from edge.shell.commission_rights import see_lines, see_rights
from edge.shell.mqtt_client import Broker
from edge.shell.site_file import parse_site
from edge.typed import Address

NOBODY = 65534
HEAD = """
site: {id: desk, name: Desk, latitude: 19.87, longitude: 105.68, timezone: Asia/Ho_Chi_Minh, language: en}
ports:
  line: {device: /dev/ttyUSB0, baudrate: 9600, parity: none}
lights:
  road: {name: Road, circuits: {a: {output: {gpio: 17}, lamps: 8, lamp_w: 60}}}
"""
NO_KERNEL = "mqtt: {port: 1}"


def site(text: str = "") -> Site:
    return parse_site(HEAD + text, "desk.yaml", registers.catalogue())


def put(root: Path, path: str, text: str) -> Path:
    made = root / path.lstrip("/")
    made.parent.mkdir(parents=True, exist_ok=True)
    made.write_text(text, "utf-8")
    return made


@pytest.fixture
def root() -> Iterator[Path]:
    """A tree that any user may walk through."""
    made = Path(tempfile.mkdtemp(prefix="machine-", dir="/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def as_nobody(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Call it to be nobody for the rest of the test; what is patched is put back by who it was."""
    assert monkeypatch
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    groups = os.getgroups()

    def become() -> None:
        os.setgroups([])
        os.setegid(NOBODY)
        os.seteuid(NOBODY)

    yield become
    os.seteuid(0)
    os.setegid(0)
    os.setgroups(groups)


def codes(found: list[Finding]) -> list[str]:
    return [finding.code for finding in found]


# --- small files ---


def test_the_pi_says_what_it_is(root: Path) -> None:
    put(root, "/proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4\0")
    put(root, "/proc/device-tree/serial-number", "10000000abcdef01\0")
    put(root, "/etc/os-release", 'NAME="x"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')
    put(root, "/proc/sys/kernel/osrelease", "6.12.25+rpt-rpi-v8\n")
    found = which(Places.under(root))
    assert (found.model, found.serial) == ("Raspberry Pi 4 Model B Rev 1.4", "10000000abcdef01")
    assert (found.system, found.kernel) == ("Debian GNU/Linux 12 (bookworm)", "6.12.25+rpt-rpi-v8")
    assert which(Places.under(root / "empty")).model is None


def test_the_last_of_systemds_files_counts_and_an_empty_one_takes_it_back(root: Path) -> None:
    places = Places.under(root)
    put(root, "/etc/systemd/system.conf", "[Manager]\n#RuntimeWatchdogSec=off\nRuntimeWatchdogSec=1min\n")
    assert seconds_of(systemd_setting(places, "system", "RuntimeWatchdogSec")) == 60
    put(root, "/usr/lib/systemd/system.conf.d/40-pi.conf", "[Manager]\nRuntimeWatchdogSec=30s\n")
    put(root, "/etc/systemd/system.conf.d/village-edge.conf", "[Manager]\nRuntimeWatchdogSec=15\n")
    assert seconds_of(systemd_setting(places, "system", "RuntimeWatchdogSec")) == 15
    put(root, "/etc/systemd/system.conf.d/zz.conf", "[Manager]\nRuntimeWatchdogSec=\n")
    assert systemd_setting(places, "system", "RuntimeWatchdogSec") is None
    assert [seconds_of(text) for text in ("off", "0", "500ms", None)] == [None, None, 0.5, None]


def test_the_longest_mount_point_says_what_a_folder_lies_on(root: Path) -> None:
    places = Places.under(root)
    state = root / "var/lib/village edge"
    state.mkdir(parents=True)
    real = str(root.resolve())
    put(root, "/proc/self/mountinfo", (
        "22 1 179:2 / / rw,relatime shared:1 - ext4 /dev/mmcblk0p2 rw\n"
        f"31 22 179:3 / {real}/var/lib/village\\040edge rw,noatime shared:9 - f2fs /dev/mmcblk0p3 rw,lazytime\n"
        f"32 22 0:44 / {real}/var/lib/village rw - tmpfs none rw\n"
    ))  # fmt: skip
    assert mount_of(places, state) == ("f2fs", frozenset({"rw", "noatime", "lazytime"}))
    assert mount_of(places, root) == ("ext4", frozenset({"rw", "relatime"}))
    assert mount_of(Places.under(root / "none"), state) == ("", frozenset())


def test_this_machines_own_listening_sockets_are_found() -> None:
    port = free_port()
    with socket.socket() as near, socket.socket(socket.AF_INET6) as far:
        near.bind(("127.0.0.1", port))
        near.listen()
        assert listeners(Places(), port) == ["127.0.0.1"]
        far.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        far.bind(("::", port))
        far.listen()
        assert listeners(Places(), port) == ["127.0.0.1", "::"]
    assert listeners(Places(), port) == []


# --- the card ---


def test_a_write_is_measured_where_it_counts_and_leaves_nothing(root: Path) -> None:
    (root / "history.db").write_bytes(bytes(3_000_000))
    seen = see_card(root, 1500, Places(), SystemClock())
    assert (seen.there, seen.error, round(seen.history_mb)) == (True, None, 3)
    assert len(seen.sync_ms) == 12
    assert all(0 < took < 60_000 for took in seen.sync_ms)
    assert seen.free_mb > 0
    assert [path.name for path in root.iterdir()] == ["history.db"]
    assert seen.kind == mount_of(Places(), root)[0] != ""


def test_a_state_directory_of_somebody_else_is_said(root: Path, as_nobody: Callable[[], None]) -> None:
    clock = SystemClock()
    assert see_card(root, 1500, Places(), clock).error is None
    as_nobody()
    seen = see_card(root, 1500, Places(), clock)
    assert (seen.error, seen.sync_ms) == ("Permission denied", ())
    assert see_card(root / "none", 1500, Places(), clock).there is False


# --- the broker ---


def with_password(broker: Mosquitto, folder: Path, extra: str = "") -> None:
    passwords = folder / "passwords"
    passwords.write_text("controller:right\n")
    passwords.chmod(0o640)
    subprocess.run(["mosquitto_passwd", "-U", str(passwords)], check=True)
    if os.geteuid() == 0:
        shutil.chown(passwords, "mosquitto")
    folder.chmod(0o755)
    config = broker._config
    text = config.read_text().replace("allow_anonymous true", "allow_anonymous false")
    config.write_text(f"{text}\npassword_file {passwords}\n{extra}\n")


@pytest.fixture
def closed(root: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(root)
    with_password(broker, root)
    broker.start()
    yield broker
    broker.stop()


def seen_of(broker_port: int, root: Path, password: str = "right", protocol: str = "5", host: str = "127.0.0.1") -> BrokerSeen:
    put(root, "secret", f"{password}\n")
    text = f"mqtt: {{host: {host}, port: {broker_port}, protocol: {protocol}, user: controller, password_file: secret}}"
    return see_broker(site(text), root / "site.yaml", Places())


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_broker_with_our_user_alone_is_right(closed: Mosquitto, root: Path, protocol: str) -> None:
    seen = seen_of(closed.port, root, protocol=protocol)
    assert (seen.away, seen.refused, seen.denied, seen.anonymous, seen.open_at) == (None, None, None, False, ())
    assert seen.retains is (True if protocol == "5" else None)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_wrong_password_is_told_from_no_broker(closed: Mosquitto, root: Path, protocol: str) -> None:
    seen = seen_of(closed.port, root, "wrong", protocol)
    assert seen.refused is not None
    assert (seen.away, seen.old, seen.anonymous) == (None, False, False)
    closed.stop()
    seen = seen_of(closed.port, root, protocol=protocol)
    assert (seen.away, seen.refused) == ("Connection refused", None)


def test_a_broker_that_lets_anybody_in_and_is_open_to_the_network(root: Path) -> None:
    broker = Mosquitto(root)
    config = broker._config
    config.write_text(config.read_text().replace(f"listener {broker.port} 127.0.0.1", f"listener {broker.port} 0.0.0.0"))
    broker.start()
    try:
        seen = seen_of(broker.port, root)
    finally:
        broker.stop()
    assert seen.anonymous is True
    assert seen.open_at == (f"0.0.0.0:{broker.port}",)


@pytest.mark.parametrize(
    ("extra", "denied", "retains"), [("acl_file ACL", "Not authorized", True), ("retain_available false", None, False)]
)
def test_what_the_controller_may_not_say_or_keep(root: Path, extra: str, denied: str | None, retains: bool) -> None:
    acl = put(root, "acl", "user controller\ntopic write village/other/#\n")
    if os.geteuid() == 0:
        shutil.chown(acl, "mosquitto")
    acl.chmod(0o640)
    broker = Mosquitto(root)
    with_password(broker, root, extra.replace("ACL", str(acl)))
    broker.start()
    try:
        seen = seen_of(broker.port, root)
    finally:
        broker.stop()
    assert seen.retains is retains
    assert seen.denied == (denied or seen.denied)
    assert [f.code for f in machine_codes(seen)] == ["broker-denies" if denied else "broker-no-retain"]


def machine_codes(seen: BrokerSeen) -> list[Finding]:
    from edge.core.diagnosis_machine import _broker

    return list(_broker(seen))


def test_what_listens_and_is_no_broker_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commission_broker, "PATIENCE_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        said = come(Broker("127.0.0.1", mute.getsockname()[1], "5", "x"))
    assert said.away is not None


def test_nothing_that_is_retained_changes(mosquitto: Mosquitto, root: Path) -> None:
    topic = "village/desk/alarm/leak:valve:plot-1"
    before = Client(Address("127.0.0.1", mosquitto.port), ["village/#"], "5", SystemClock())
    assert isinstance(next(before.events(5.0)), Up)
    before._paho.publish(topic, b"kept", qos=1, retain=True).wait_for_publish(5.0)
    seen_of(mosquitto.port, root)
    after = Client(Address("127.0.0.1", mosquitto.port), ["village/#"], "5", SystemClock())
    heard = [event for event in after.events(1.0) if isinstance(event, Message)]
    before.close()
    after.close()
    assert [(message.topic, message.payload) for message in heard] == [(topic, b"kept")]


# --- rights and lines ---


def pi(root: Path, kernel: str = "6.12.25+rpt-rpi-v8") -> Places:
    """A Pi's devices, which everybody may use."""
    places = Places.under(root)
    for name in ("gpiochip0", "ttyUSB0"):
        put(root, f"/dev/{name}", "").chmod(0o666)
    by_path = root / "dev/serial/by-path"
    by_path.mkdir(parents=True)
    (by_path / "platform-usb-0:1.2:1.0-port0").symlink_to("../../ttyUSB0")
    put(root, "/proc/sys/kernel/osrelease", f"{kernel}\n")
    return places


@pytest.fixture
def lgpio(root: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put a module of that text where Python finds it first."""

    def place(text: str) -> None:
        monkeypatch.setenv("PYTHONPATH", str(put(root, "modules/lgpio.py", text).parent))

    return place


def test_a_port_by_its_number_is_told_its_stable_name(root: Path, lgpio: Callable[[str], None]) -> None:
    lgpio("def gpiochip_open(n): pass\ngpio_claim_output = gpiochip_open\n")
    found = see_rights(site(), root / "site.yaml", pi(root), simulated=False)
    unstable = next(finding for finding in found if finding.code == "port-unstable")
    assert str(unstable.data["stable"]).endswith("/dev/serial/by-path/platform-usb-0:1.2:1.0-port0")
    assert {"lgpio-good", "lines-unknown"} <= set(codes(found))
    stable = HEAD.replace("/dev/ttyUSB0", "/dev/serial/by-path/platform-usb-0:1.2:1.0-port0")
    found = see_rights(parse_site(stable, "d", registers.catalogue()), root / "site.yaml", Places.under(root), simulated=False)
    assert not [finding for finding in found if finding.where == "port/line"]


def test_what_nobody_may_use_is_said_of_each(root: Path, as_nobody: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    places = pi(root)
    for path in ("dev/gpiochip0", "dev/ttyUSB0"):
        (root / path).chmod(0o600)
    secret = put(root, "secret", "x")
    secret.chmod(0o600)
    monkeypatch.chdir(root)
    monkeypatch.setattr(commission_rights, "_lgpio", lambda: "ok")  # the interpreter may be where nobody gets
    text = "mqtt: {user: controller, password_file: secret}"
    village = site(text)
    assert "as-root" in codes(see_rights(village, root / "site.yaml", places, simulated=False))
    as_nobody()  # who may not import anything from here
    found = see_rights(village, root / "site.yaml", places, simulated=False)
    assert codes(found)[:6] == [
        "no-group", "no-group", "gpio-forbidden", "forbidden", "folder-forbidden", "secret-forbidden"
    ]  # fmt: skip
    assert "nobody" in str(found[0].data["user"])


def test_secrets_that_anybody_may_read_and_that_are_not_there(root: Path) -> None:
    secret = put(root, "secret", "x")
    text = "mqtt: {user: controller, password_file: secret}"
    secret.chmod(0o644)
    found = see_rights(site(text), root / "site.yaml", pi(root), simulated=True)
    assert ("secret-open", "644") in [(f.code, f.data.get("mode")) for f in found]
    secret.chmod(0o640)
    assert "secret-open" not in codes(see_rights(site(text), root / "site.yaml", Places.under(root), simulated=True))
    secret.unlink()
    assert "secret-missing" in codes(see_rights(site(text), root / "site.yaml", Places.under(root), simulated=True))
    assert stat.S_IMODE(root.stat().st_mode) == 0o755


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("def gpiochip_open(n): pass\ngpio_claim_output = gpiochip_open\n", "lgpio-good"),
        ("", "lgpio-stub"),
        ("raise ModuleNotFoundError(\"No module named '_lgpio'\")", "lgpio-missing"),
        ("raise OSError(13, 'Permission denied')", "lgpio-broken"),
    ],
)
def test_lgpio_is_tried_and_not_only_looked_for(root: Path, lgpio: Callable[[str], None], text: str, code: str) -> None:
    lgpio(text)
    assert code in codes(see_rights(site(), root / "site.yaml", pi(root), simulated=False))


@pytest.mark.parametrize(("driver", "said", "persist"), [
    ("pinctrl_bcm2835", "Y\n", True), ("pinctrl_bcm2835", "N\n", False), ("pinctrl_rp1", "1\n", True),
])  # fmt: skip
def test_the_drivers_own_parameter_says_what_a_line_does(root: Path, driver: str, said: str, persist: bool) -> None:
    path = put(root, f"/sys/module/{driver}/parameters/persist_gpio_outputs", said)
    seen = see_lines(pi(root))
    assert seen.persist is persist
    assert seen.source == f"{path}: {said.strip()}"


def test_without_the_parameter_the_kernels_flavour_counts(root: Path) -> None:
    assert (see_lines(pi(root)).persist, see_lines(Places.under(root)).own) == (None, True)
    put(root, "/proc/sys/kernel/osrelease", "6.1.0-28-arm64\n")
    assert see_lines(Places.under(root)).own is False


# --- all of it ---


def test_a_pi_in_order_is_right_in_everything(root: Path, closed: Mosquitto, lgpio: Callable[[str], None]) -> None:
    places = pi(root)
    lgpio("def gpiochip_open(n): pass\ngpio_claim_output = gpiochip_open\n")
    put(root, "/run/systemd/timesync/synchronized", "")
    put(root, "/sys/class/rtc/rtc0/since_epoch", f"{SystemClock().now().wall:.0f}\n")
    put(root, "/sys/module/pinctrl_bcm2835/parameters/persist_gpio_outputs", "Y\n")
    put(root, "/sys/class/watchdog/watchdog0/identity", "Broadcom BCM2835 Watchdog timer\n")
    put(root, "/etc/systemd/system.conf.d/village-edge.conf", "[Manager]\nRuntimeWatchdogSec=15\n")
    put(root, "/etc/systemd/journald.conf.d/village-edge.conf", "[Journal]\nSystemMaxUse=64M\n")
    put(root, "/sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled", "0\n")
    (root / "var/log/journal").mkdir(parents=True)
    put(root, "/proc/self/mountinfo", "22 1 179:2 / / rw,noatime - ext4 /dev/mmcblk0p2 rw\n")
    put(root, "secret", "right\n").chmod(0o640)
    state = root / "state"
    state.mkdir()
    text = HEAD.replace("/dev/ttyUSB0", "/dev/serial/by-path/platform-usb-0:1.2:1.0-port0")
    text += f"mqtt: {{port: {closed.port}, user: controller, password_file: secret}}\nhistory: {{max_mb: 50}}\n"
    village = parse_site(text, "desk.yaml", registers.catalogue())
    found = machine_findings(see(village, root / "site.yaml", state, places, kernel_in_step=lambda: False))
    ours = {"as-root"} if os.geteuid() == 0 else {"no-group"}
    assert [f for f in found if f.severity != "right" and f.code not in ours | {"card-slow", "card-small", "card-full"}] == []
    assert {f.where for f in found} >= {"clock", "card", "broker", "rights", "lines", "watchdog", "power", "log"}


def test_a_machine_that_says_nothing_is_judged_all_the_same(root: Path) -> None:
    found = machine_findings(see(site(NO_KERNEL), root / "site.yaml", None, Places.under(root), kernel_in_step=lambda: False))
    assert {"clock-none", "clock-no-rtc", "broker-away", "no-gpiochip", "missing", "watchdog-none"} <= set(codes(found))
    assert text_of(root) is None
    assert sys.executable
