"""The few packets that are looked at: a CONNECT as clients write it, and what a broker answers."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

import paho.mqtt.client as paho
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from web_house import connect, field, packet

from edge.web import packets
from edge.web.packets import Malformed


def user(data: bytes) -> str:
    whole = packets.connect(data)
    assert whole is not None
    return packets.user_of(data, whole)


def sent_by_paho(protocol: paho.MQTTProtocolVersion, name: str | None, will: bool) -> bytes:
    """The CONNECT that a real client sends."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = paho.Client(paho.CallbackAPIVersion.VERSION2, "some-client", protocol=protocol)
        if name is not None:
            client.username_pw_set(name, "secret")
        properties = None
        if protocol == paho.MQTTv5:
            properties = Properties(PacketTypes.CONNECT)
            properties.UserProperty = ("a", "b" * 200)
            properties.SessionExpiryInterval = 7
        if will:
            client.will_set("some/topic", b"\xff\0payload", 1)
        more = {"properties": properties} if properties else {}
        thread = threading.Thread(
            target=lambda: (client.connect("127.0.0.1", server.getsockname()[1], **more), client.loop_write()), daemon=True
        )
        thread.start()
        with server.accept()[0] as plug:
            plug.settimeout(5)
            thread.join(5)
            return plug.recv(4096)


@pytest.mark.parametrize("protocol", [paho.MQTTv31, paho.MQTTv311, paho.MQTTv5])
@pytest.mark.parametrize("will", [False, True])
@pytest.mark.parametrize("name", ["bac-tu", "Bác Tư", None])
def test_the_user_is_read_off_what_a_real_client_sends(
    protocol: paho.MQTTProtocolVersion, will: bool, name: str | None
) -> None:
    assert user(sent_by_paho(protocol, name, will)) == (name or "")


def test_what_a_log_should_not_have_is_taken_out_of_the_user() -> None:
    assert user(connect("a\nb\x1b[31m\u202e")) == "a?b?[31m?"
    assert user(connect("x" * 300)) == "x" * 64
    bad = packet(0x10, field("MQTT") + bytes([4, 0xC2, 0, 0]) + field("") + field(b"\xff\xfe") + field("x"))
    assert user(bad) == "\ufffd\ufffd"


@pytest.mark.parametrize("flags", [0x02, 0x80, 0x40])
def test_without_a_name_and_a_password_it_is_nobody(flags: int) -> None:
    rest = field("x") if flags & 0xC0 else b""
    assert user(packet(0x10, field("MQTT") + bytes([4, flags, 0, 0]) + field("id") + rest)) == ""


@pytest.mark.parametrize("level", [4, 5])
def test_a_connect_in_pieces_is_waited_for(level: int) -> None:
    whole = connect(level=level, client="c" * 200)
    for cut in range(len(whole)):
        assert packets.connect(whole[:cut]) is None
    for more in (b"", b"\xc0\0", whole):
        at = packets.connect(whole + more)
        assert at is not None
        assert at.end == len(whole)


@pytest.mark.parametrize("data", [
    b"\xc0\0", b"\x30\x05\0\1a12", b"GET / HTTP/1.1", b"\0", b"\x11\0", b"\x10\xff\xff\xff\xff\x01",
    packet(0x10, b"")[:1] + b"\xff\xff\xff\x7f" + b"x" * packets.LARGEST_CONNECT,
])
def test_what_will_never_be_a_connect_is_known_at_once(data: bytes) -> None:
    with pytest.raises(Malformed):
        packets.connect(data)


@pytest.mark.parametrize("content", [
    b"", field("MQTT"), field("MQTT") + b"\4", field("MQTT") + b"\4\xc0\0\0" + field("id"), b"\xff\xffMQTT",
    field("MQTT") + b"\4\xc0\0\0" + field("id") + b"\0\7user", field("MQTT") + b"\5\xc0\0\0\xff\xff\xff\xff\xff",
    field("MQTT") + b"\4\xc4\0\0" + field("id") + field("will"),
])
def test_a_connect_that_ends_within_a_field_is_malformed(content: bytes) -> None:
    with pytest.raises(Malformed):
        user(packet(0x10, content))


@given(st.binary(max_size=60))
def test_no_bytes_break_the_reading(content: bytes) -> None:
    for data in (content, packet(0x10, content), packet(0x10, field("MQTT") + content)):
        with suppress(Malformed):
            whole = packets.connect(data)
            if whole is not None:
                packets.user_of(data, whole)
        with suppress(Malformed):
            packets.refusal(data)


@pytest.mark.parametrize(("answer", "code"), [
    (b"\x20\x02\0\0", None), (b"\x20\x02\1\0", None), (b"\x20\x02\0\5", 5), (b"\x20\x02\0\4", 4), (b"\x20\x03\0\x87\0", 0x87),
    (b"\x20\x08\0\x86\x05\x1f\0\2no", 0x86), (b"\x20\x03\0\0\0\xd0\0", None), (b"\xf0\x02\x18\0", None), (b"\x20\x02\0", None),
    (b"\x20\0", None),
])
def test_a_refusal_is_told_from_all_else(answer: bytes, code: int | None) -> None:
    assert packets.refusal(answer) == code
