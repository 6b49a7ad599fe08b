"""A link: every byte both ways, how it begins, and how it ends."""

from __future__ import annotations

import asyncio
import random
import socket
import threading
import time
from collections.abc import Callable

import aiohttp
import paho.mqtt.client as paho
import pytest
from support import Mosquitto, until
from web_house import (
    DISCONNECT,
    PINGREQ,
    PINGRESP,
    TOKEN,
    USER,
    FakeBroker,
    Serving,
    connect,
    deaf,
    end_of,
    field,
    flood,
    link,
    logged_in,
    packet,
    phone,
    publish,
    subscribe,
)

from edge.web import carrier
from edge.web.broker import SOCKET_BUFFER, Streams


def echo(plug: socket.socket) -> None:
    """Send back whatever comes, in pieces of its own."""
    while data := plug.recv(random.Random(1).randrange(1, 9000)):
        plug.sendall(data)


@pytest.mark.parametrize("protocol", [paho.MQTTv311, paho.MQTTv5])
def test_a_real_client_logs_in_and_hears_what_it_says(linked: Serving, protocol: paho.MQTTProtocolVersion) -> None:
    heard: list[bytes] = []
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, transport="websockets", protocol=protocol)
    client.ws_set_options(path="/mqtt")
    client.username_pw_set(USER, TOKEN)
    client.on_connect = lambda *_: client.subscribe("village/+/light/#", 1)
    client.on_subscribe = lambda *_: client.publish("village/x/light/y", "Bật đèn", 1)
    client.on_message = lambda _c, _d, message: heard.append(message.payload)
    client.connect("127.0.0.1", linked.port)
    client.loop_start()
    try:
        until(lambda: heard, what="the message")
    finally:
        client.disconnect()
        client.loop_stop()
    assert heard == ["Bật đèn".encode()]


@pytest.mark.parametrize("compress", [0, 15])
def test_every_byte_comes_through_both_ways(
    serve: Callable[..., Serving], fake: Callable[..., FakeBroker], compress: int
) -> None:
    serving = serve(fake(echo).port)
    chance = random.Random(7)
    pieces = [chance.randbytes(chance.choice([1, 2, 125, 126, 127, 1000, 65535, 65536, 150_000])) for _ in range(40)]
    pieces.append(b"a" * 262_144)

    async def scenario(session: aiohttp.ClientSession) -> bytes:
        ws = await logged_in(session, serving, compress=compress)
        assert bool(ws.compress) is bool(compress)

        async def say() -> None:
            for piece in pieces:
                await ws.send_bytes(piece)

        saying = asyncio.create_task(say())
        back = bytearray()
        while len(back) < sum(map(len, pieces)):
            back += await ws.receive_bytes(timeout=10)
        await saying
        return bytes(back)

    assert phone(scenario) == b"".join(pieces)


def test_a_login_in_pieces_with_more_behind_it_keeps_its_order(linked: Serving) -> None:
    async def scenario(session: aiohttp.ClientSession) -> bytes:
        ws = await link(session, linked)
        said = connect(level=5) + PINGREQ + subscribe("a")[:5]
        for at in range(0, len(said), 7):
            await ws.send_bytes(said[at : at + 7])
        await ws.send_bytes(PINGREQ)
        heard = b""
        while PINGRESP not in heard:
            heard += await ws.receive_bytes(timeout=10)
        return heard

    assert phone(scenario).startswith(b"\x20")


def test_messages_travel_at_once_in_both_directions_and_few_wait_in_the_kernel(linked: Serving) -> None:
    opened: list[Streams] = []
    broker = linked.server._broker
    original = broker.open

    async def opening() -> Streams:
        opened.append(await original())
        return opened[-1]

    broker.open = opening  # type: ignore[method-assign]

    async def scenario(session: aiohttp.ClientSession) -> None:
        await logged_in(session, linked)
        (request,) = linked.server._carrier._links.values()
        assert request.transport is not None
        for transport in (request.transport, opened[-1].writer.transport):
            plug = transport.get_extra_info("socket")
            assert plug.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
            for buffer in (socket.SO_RCVBUF, socket.SO_SNDBUF):  # Linux tells twice what was set, socket(7)
                assert plug.getsockopt(socket.SOL_SOCKET, buffer) == 2 * SOCKET_BUFFER

    phone(scenario)


@pytest.mark.parametrize("first", [PINGREQ, b"GET / HTTP/1.1\r\n", b"\x10\xff\xff\xff\xff\x7f", packet(0x10, field("MQTT")), b"\0"])
def test_what_does_not_begin_with_a_connect_is_ended_before_it_reaches_the_broker(
    serve: Callable[..., Serving], fake: Callable[..., FakeBroker], first: bytes
) -> None:
    behind = fake(lambda _: None)
    linked = serve(behind.port)
    until(lambda: behind.accepted == 1, what="the server's look at the broker")

    async def scenario(session: aiohttp.ClientSession) -> tuple[int | None, str]:
        ws = await link(session, linked)
        await ws.send_bytes(first)
        return await end_of(ws)

    assert phone(scenario) == (1002, "the first packet must be an MQTT CONNECT")
    assert linked.metric('village_web_links_ended_total{reason="first-packet"}') == 1
    assert linked.metric("village_web_links") == 0
    assert behind.accepted == 1


def test_a_connect_that_does_not_end_is_refused(linked: Serving) -> None:
    async def scenario(session: aiohttp.ClientSession) -> tuple[int | None, str]:
        ws = await link(session, linked)
        await ws.send_bytes(b"\x10\xff\xff\xff\x7f" + b"x" * 70_000)
        return await end_of(ws)

    assert phone(scenario)[0] == 1002


@pytest.mark.parametrize("first", [b"", connect()[:9]])
def test_who_does_not_log_in_in_time_is_ended(linked: Serving, first: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    assert carrier.FIRST_PACKET_S == 10
    monkeypatch.setattr(carrier, "FIRST_PACKET_S", 0.2)

    async def scenario(session: aiohttp.ClientSession) -> tuple[int | None, str]:
        ws = await link(session, linked)
        if first:
            await ws.send_bytes(first)
        return await end_of(ws)

    assert phone(scenario) == (1008, "no CONNECT within 10 s")


@pytest.mark.parametrize("begun", [False, True])
def test_text_is_no_mqtt(linked: Serving, begun: bool) -> None:
    async def scenario(session: aiohttp.ClientSession) -> tuple[int | None, str]:
        ws = await (logged_in if begun else link)(session, linked)
        await ws.send_str("hello")
        return await end_of(ws)

    assert phone(scenario) == (1003, "MQTT travels in binary messages")


@pytest.mark.parametrize("compress", [0, 15])
@pytest.mark.parametrize("begun", [False, True])
def test_a_message_that_is_too_large_ends_the_link(linked: Serving, begun: bool, compress: int) -> None:
    async def scenario(session: aiohttp.ClientSession) -> int | None:
        ws = await (logged_in if begun else link)(session, linked, compress=compress)
        await ws.send_bytes(b"\x30" + b"a" * 262_144)
        return (await end_of(ws))[0]

    assert phone(scenario) == 1009
    until(lambda: linked.metric('village_web_links_ended_total{reason="too-large"}') == 1, what="the metric")


def test_a_broker_that_is_away_is_told_with_try_again_later(served: Serving, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(session: aiohttp.ClientSession) -> tuple[int | None, str]:
        ws = await link(session, served)
        await ws.send_bytes(connect())
        return await end_of(ws)

    assert phone(scenario) == (1013, "the broker is away: try again later")
    assert "start mosquitto, or name another broker with --mqtt" in caplog.text
    assert served.metric("village_web_failed_logins_total") == 0


@pytest.mark.parametrize("answer", [b"", b"\x20\xff\xff\xff\xff\xff"])
def test_so_is_one_that_does_not_answer_a_login_as_a_broker_does(
    serve: Callable[..., Serving], fake: Callable[..., FakeBroker], answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrier, "ANSWER_S", 0.3)
    serving = serve(fake(lambda _: None, answer).port)

    async def scenario(session: aiohttp.ClientSession) -> int | None:
        ws = await link(session, serving)
        await ws.send_bytes(connect())
        return (await end_of(ws))[0]

    assert phone(scenario) == 1013


def test_however_many_ask_at_once_the_broker_is_looked_at_once(
    serve: Callable[..., Serving], fake: Callable[..., FakeBroker]
) -> None:
    behind = fake(lambda _: None)
    serving = serve(behind.port)
    until(lambda: behind.accepted == 1, what="the look at the start")
    serving.clock.at += 2

    async def scenario(session: aiohttp.ClientSession) -> list[int]:
        async def one() -> int:
            async with session.get(f"{serving.origin}/health") as answer:
                return answer.status

        return await asyncio.gather(*(one() for _ in range(50)))

    assert phone(scenario) == [200] * 50
    until(lambda: behind.accepted == 2, what="another look")
    assert serving.metric("village_web_broker_reachable") == 1
    assert behind.accepted == 2


def test_a_broker_that_is_killed_ends_its_links_and_those_that_come_when_it_is_back_are_carried(
    linked: Serving, broker: Mosquitto
) -> None:
    async def scenario(session: aiohttp.ClientSession) -> float:
        ws = [await logged_in(session, linked) for _ in range(3)]
        began = time.monotonic()
        await asyncio.to_thread(broker.kill)
        for each in ws:
            assert (await end_of(each))[0] == 1013
        took = time.monotonic() - began
        await asyncio.to_thread(broker.start)
        await logged_in(session, linked)
        return took

    assert phone(scenario) < 1
    assert linked.metric('village_web_links_ended_total{reason="broker"}') == 3


def test_a_phone_that_vanishes_is_gone_for_the_broker_too(linked: Serving, broker: Mosquitto) -> None:
    async def scenario(session: aiohttp.ClientSession) -> None:
        ws = await logged_in(session, linked)
        transport = ws.get_extra_info("socket")
        assert transport is not None
        ws._response.connection.transport.abort()  # type: ignore[union-attr]
        await asyncio.to_thread(until, lambda: "closed its connection" in broker.log.read_text(), what="the broker's log")

    phone(scenario)
    until(lambda: linked.metric("village_web_links") == 0, what="the link's end")


def test_the_last_words_before_a_phone_closes_are_carried(linked: Serving, broker: Mosquitto) -> None:
    async def scenario(session: aiohttp.ClientSession) -> bytes:
        other = await logged_in(session, linked)
        await other.send_bytes(subscribe("last/words"))
        assert (await other.receive_bytes(timeout=5))[0] == 0x90
        ws = await logged_in(session, linked)
        for n in range(200):
            await ws.send_bytes(publish("last/words", b"%03d" % n))
        await ws.send_bytes(DISCONNECT)
        ws._response.connection.transport.close()  # type: ignore[union-attr] # no close frame: as a tab that is shut
        heard = b""
        while b"199" not in heard:
            heard += await other.receive_bytes(timeout=5)
        return heard

    heard = phone(scenario)
    assert [heard.count(b"words%03d" % n) for n in range(200)] == [1] * 200
    until(lambda: "disconnected." in broker.log.read_text(), what="the broker to have heard the DISCONNECT")


def test_a_phone_that_does_not_answer_pings_is_dropped_and_one_that_does_stays(
    linked: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert carrier.HEARTBEAT_S == 30
    monkeypatch.setattr(carrier, "HEARTBEAT_S", 0.2)

    async def scenario(session: aiohttp.ClientSession) -> None:
        awake = await logged_in(session, linked)
        answer = asyncio.create_task(awake.receive_bytes())
        asleep = await logged_in(session, linked, autoping=False)
        pings = 0
        while (message := await asleep.receive(timeout=5)).type is aiohttp.WSMsgType.PING:
            pings += 1
        assert pings == 1
        assert message.type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSE}
        await awake.send_bytes(PINGREQ)
        assert await answer == PINGRESP

    phone(scenario)


def test_a_phone_that_reads_nothing_is_dropped_although_there_is_more_for_it(
    serve: Callable[..., Serving], fake: Callable[..., FakeBroker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrier, "HEARTBEAT_S", 0.2)
    monkeypatch.setattr(carrier, "GOODBYE_S", 0.2)
    serving = serve(fake(flood).port)
    with deaf(serving.port, 8192):
        assert serving.metric("village_web_links") == 1
        until(lambda: serving.metric("village_web_links") == 0, what="it to be dropped")


def test_a_phone_that_reads_nothing_cannot_even_be_said_goodbye_to_and_is_dropped(
    serve: Callable[..., Serving], fake: Callable[..., FakeBroker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrier, "GOODBYE_S", 0.3)
    serving = serve(fake(flood).port)
    with deaf(serving.port, 8192) as plug:
        (request,) = until(lambda: list(serving.server._carrier._links.values()), what="the link")
        assert request.transport is not None
        until(request.transport.get_write_buffer_size, what="more than the phone takes")
        plug.sendall(b"\x81\x80\0\0\0\0")  # an empty text message
        until(lambda: serving.metric("village_web_links") == 0, what="it to be dropped")
    assert serving.metric('village_web_links_ended_total{reason="text"}') == 1


def test_a_broker_that_takes_nothing_more_is_away(
    serve: Callable[..., Serving], fake: Callable[..., FakeBroker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrier, "STALLED_S", 0.5)
    held = threading.Event()
    serving = serve(fake(lambda _: held.wait(20)).port)

    async def scenario(session: aiohttp.ClientSession) -> tuple[int, int]:
        ws = await logged_in(session, serving)

        async def say() -> int:
            said = 0
            while said < 100_000_000:
                await ws.send_bytes(bytes(65_536))
                said += 65_536
            return said

        saying = asyncio.create_task(say())
        message = await ws.receive(timeout=15)
        saying.cancel()
        assert message.type is aiohttp.WSMsgType.CLOSE
        return message.data, int(serving.metric('village_web_carried_bytes_total{direction="to_broker"}'))

    try:
        code, carried = phone(scenario)
    finally:
        held.set()
    assert code == 1013
    assert carried < 20_000_000


def test_a_stop_says_goodbye_to_every_phone(
    serve: Callable[..., Serving], broker: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    serving = serve(broker.port)

    async def scenario(session: aiohttp.ClientSession) -> list[tuple[int | None, str]]:
        links = [await logged_in(session, serving) for _ in range(5)]
        ends = asyncio.gather(*(end_of(ws) for ws in links))
        await asyncio.to_thread(serving.do, serving.server.stop())
        return await ends

    assert phone(scenario) == [(1001, "the server is stopping")] * 5
    assert caplog.text.count("ended: the server is stopping") == 5
