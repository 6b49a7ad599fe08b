"""A village bridged to its district over TLS, with a certificate of the district's own making."""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from access_bench import District, GuardedBroker, Phone, close_all, village_config
from paho.mqtt.enums import CallbackAPIVersion
from support import free_port, until

OPENSSL = shutil.which("openssl")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(OPENSSL is None, reason="certificates are made with openssl")]
LINK = "village/nguyen-ly/link"


def openssl(folder: Path, *arguments: str) -> None:
    assert OPENSSL is not None
    subprocess.run([OPENSSL, *arguments], cwd=folder, check=True, capture_output=True)


def authority(folder: Path) -> Path:
    """A folder with ca.pem and, of it, broker.pem and broker.key for 127.0.0.1."""
    folder.mkdir()
    folder.chmod(0o755)
    ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl(folder, "req", "-x509", *ec, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=district", "-days", "2")
    openssl(folder, "req", *ec, "-keyout", "broker.key", "-out", "broker.csr", "-subj", "/CN=broker")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1")
    signing = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names", "-days", "2"]
    openssl(folder, "x509", "-req", "-in", "broker.csr", "-out", "broker.pem", *signing)
    (folder / "broker.key").chmod(0o644)  # mosquitto becomes a user of its own
    return folder


class SafeDistrict(District):
    """With a TLS listener for its villages."""

    def __init__(self, folder: Path, own: Path) -> None:
        self.port = free_port()
        super().__init__(
            folder, "--tls-listen", f"127.0.0.1:{self.port}", "--cert", str(own / "broker.pem"), "--key", str(own / "broker.key"),
            "--ca", str(own / "ca.pem"), "--address", f"127.0.0.1:{self.port}",
        )  # fmt: skip


@pytest.fixture
def safe(folder: Path) -> Iterator[SafeDistrict]:
    found = SafeDistrict(folder, authority(folder / "own"))
    found.broker.start()
    yield found
    found.stop()


def test_a_village_and_a_phone_come_over_tls(safe: SafeDistrict, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(safe.card.read_text())["tls"] is True
    cabinet = safe.join("nguyen-ly", village_config(folder / "village"))
    cabinet.start()
    login = safe.broker.pair(capsys, "--name", "Ủy ban", "--role", "viewer", "--every-site")
    listener = Phone(safe.broker.port, login, [LINK])
    until(lambda: listener.heard(LINK)[-1:] == [b"1"], 20, "the bridge over TLS")
    close_all([listener])
    far = paho.Client(CallbackAPIVersion.VERSION2)
    far.username_pw_set(*login)
    far.tls_set(str(folder / "own" / "ca.pem"), tls_version=ssl.PROTOCOL_TLS_CLIENT)
    codes: list[str] = []
    far.on_connect = lambda _c, _d, _f, code, _p: codes.append(str(code))
    far.connect("127.0.0.1", safe.port)
    far.loop_start()
    until(lambda: codes == ["Success"], 20, "the phone over TLS")
    far.disconnect()
    far.loop_stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_key_that_mosquitto_could_not_read_is_told_before_it_does_not_start(
    safe: SafeDistrict, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = folder / "own" / "broker.key"
    key.chmod(0o600)
    assert safe.broker.run("broker", "--district", "--key", str(key)) == 1
    assert "mosquitto could not start" in capsys.readouterr().err
    key.chmod(0o644)
    key.parent.chmod(0o700)
    assert safe.broker.run("broker", "--district") == 1
    key.parent.chmod(0o711)
    assert safe.broker.run("broker", "--district") == 0


@pytest.mark.parametrize("wrong", ["authority", "name"])
def test_a_district_that_is_another_gets_no_password(safe: SafeDistrict, folder: Path, wrong: str) -> None:
    """Its certificate is of another authority than the card's, or not for the address that the card names."""
    change = {"broker": f"localhost:{safe.port}"}
    if wrong == "authority":
        change = {"ca": (authority(folder / "strangers") / "ca.pem").read_text()}
    (folder / "card.json").write_text(json.dumps(json.loads(safe.card.read_text()) | change))
    cabinet = safe.cabinets["nguyen-ly"] = GuardedBroker(folder / "cabinet")
    cabinet.set_up("--config", str(village_config(folder / "village")), "--bridge", str(folder / "card.json"))
    safe.accept(cabinet.dir / "nguyen-ly.json")
    cabinet.start()
    until(lambda: "certificate verify failed" in cabinet.log.read_text(), 20, "the bridge to turn away")
    assert "u'nguyen-ly'" not in safe.broker.log.read_text()
