"""Who becomes a link at /mqtt: pages of this origin that speak MQTT, and whose logins do not fail again and again."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from support import Mosquitto, until
from web_house import TOKEN, USER, FakeBroker, Serving, connect, end_of, link, logged_in, phone

REFUSED = {4: b"\x20\x02\0\5", 5: b"\x20\x03\0\x87\0"}  # what mosquitto says to a wrong password


async def refused(serving: Serving, **how: Any) -> aiohttp.WSServerHandshakeError:
    """Why a link is refused before it begins."""
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as error:
            await link(session, serving, **how)
    return error.value


async def guess(session: aiohttp.ClientSession, serving: Serving, level: int = 4, **how: Any) -> None:
    """One login with a wrong password, which the broker refuses."""
    ws = await link(session, serving, **how)
    await ws.send_bytes(connect(token="wrong", level=level))
    assert (await ws.receive_bytes(timeout=10))[:4] == REFUSED[level][:4]
    assert await end_of(ws) == (1008, "the broker refused the login")


@pytest.mark.parametrize("origin", [None, "http://evil.example", "null", "https://127.0.0.1:{port}", "http://localhost:{port}"])
def test_a_page_of_no_or_of_another_origin_is_refused(linked: Serving, origin: str | None) -> None:
    assert asyncio.run(refused(linked, origin=origin and origin.format(port=linked.port))).status == 403
    assert linked.metric('village_web_links_refused_total{reason="origin"}') == 1


def test_the_pages_own_origin_is_let_in_and_answered_with_the_subprotocol(linked: Serving) -> None:
    async def scenario(session: aiohttp.ClientSession) -> str | None:
        return (await logged_in(session, linked, protocols=("mqttv3.1", "mqtt"))).protocol

    assert phone(scenario) == "mqtt"


def test_an_origin_that_was_given_is_let_in_and_another_is_not(
    serve: Callable[..., Serving], broker: Mosquitto
) -> None:
    serving = serve(broker.port, origins=("https://thon.example.vn",))

    async def scenario(session: aiohttp.ClientSession) -> None:
        await logged_in(session, serving, origin="https://thon.example.vn")
        await logged_in(session, serving)

    phone(scenario)
    assert asyncio.run(refused(serving, origin="https://thon.example.vn.evil.example")).status == 403


def test_the_log_says_what_to_give_for_a_foreign_origin_but_not_again_and_again(
    linked: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    def told() -> int:
        return len(re.findall(r"give --origin https://thon\.vn\n", caplog.text))

    for _ in range(5):
        asyncio.run(refused(linked, origin="https://thon.vn"))
    assert told() == 1
    linked.clock.at += 61
    asyncio.run(refused(linked, origin="https://thon.vn"))
    assert told() == 2


@pytest.mark.parametrize("protocols", [(), ("mqttv3.1",), ("chat",)])
def test_without_the_subprotocol_it_is_refused(linked: Serving, protocols: tuple[str, ...]) -> None:
    assert asyncio.run(refused(linked, protocols=protocols)).status == 400
    assert linked.metric('village_web_links_refused_total{reason="subprotocol"}') == 1


def test_what_is_no_websocket_is_told_what_this_is(linked: Serving) -> None:
    answer = linked.ask("/mqtt", Origin=linked.origin)
    assert (answer.status, answer.headers["upgrade"], answer.body) == (426, "websocket", b"this is for MQTT over WebSocket\n")
    assert linked.ask("/mqtt", "HEAD", Upgrade="websocket", Origin=linked.origin).status == 426


@pytest.mark.parametrize("more", [{}, {"Sec_WebSocket_Key": "short", "Sec_WebSocket_Version": "13", "Connection": "Upgrade"}])
def test_a_handshake_that_is_none_is_a_bad_request(linked: Serving, more: dict[str, str]) -> None:
    headers = {"Upgrade": "websocket", "Sec_WebSocket_Protocol": "mqtt", "Origin": linked.origin} | more
    answer = linked.ask("/mqtt", **headers)
    assert (answer.status, answer.body) == (400, b"this is no handshake of a WebSocket (RFC 6455)\n")
    assert linked.metric("village_web_links") == 0


@pytest.mark.parametrize("first", [connect(None), connect(""), connect(None, level=5)])
def test_nobody_comes_through_without_a_name_even_where_the_broker_lets_anybody_in(
    serve: Callable[..., Serving], mosquitto: Mosquitto, first: bytes
) -> None:
    serving = serve(mosquitto.port)

    async def scenario(session: aiohttp.ClientSession) -> tuple[int | None, str]:
        ws = await link(session, serving)
        await ws.send_bytes(first)
        return await end_of(ws)

    assert phone(scenario) == (1008, "the CONNECT must have a user and a password")
    assert serving.metric('village_web_links_ended_total{reason="nameless"}') == 1


def test_ten_failed_logins_of_either_version_shut_the_address_out_for_a_minute(
    linked: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    async def ten(session: aiohttp.ClientSession) -> None:
        for n in range(10):
            await guess(session, linked, level=4 + n % 2)

    phone(ten)
    error = asyncio.run(refused(linked))
    assert error.status == 429
    assert error.headers is not None
    assert error.headers["Retry-After"] == "60"
    asked = linked.ask("/mqtt")  # a browser does not tell its page why a WebSocket failed; this does
    assert (asked.status, asked.body) == (429, b"too many failed logins: try again later\n")
    assert linked.ask("/").status == 200
    assert linked.metric("village_web_failed_logins_total") == 10
    assert linked.metric("village_web_shut_out_addresses") == 1
    assert linked.metric('village_web_links_refused_total{reason="shut-out"}') == 2
    assert "10 logins failed within 60 s" in caplog.text
    linked.clock.at += 60

    async def again(session: aiohttp.ClientSession) -> None:
        await logged_in(session, linked)

    phone(again)
    assert linked.metric("village_web_shut_out_addresses") == 0
    assert linked.metric("village_web_logins_total") == 1


def test_guesses_at_the_same_time_get_no_further_than_one_after_another(linked: Serving, broker: Mosquitto) -> None:
    async def one(session: aiohttp.ClientSession) -> int | None:
        ws = await link(session, linked)
        await ws.send_bytes(connect(token="wrong"))
        while (message := await ws.receive(timeout=15)).type is aiohttp.WSMsgType.BINARY:
            pass
        assert message.data == 1008
        return bool(message.extra and message.extra.startswith("too many failed logins"))

    async def scenario(session: aiohttp.ClientSession) -> int:
        return sum(await asyncio.gather(*(one(session) for _ in range(40))))

    assert phone(scenario) == 30
    assert linked.metric("village_web_failed_logins_total") == 10
    assert linked.metric('village_web_links_ended_total{reason="shut-out"}') == 30
    until(lambda: broker.log.read_text().count("not authorised") == 10, what="the broker's log")


def test_behind_a_proxy_the_address_is_the_last_that_it_wrote(serve: Callable[..., Serving], broker: Mosquitto) -> None:
    serving = serve(broker.port, behind_proxy=True)

    async def scenario(session: aiohttp.ClientSession) -> None:
        for n in range(10):
            await guess(session, serving, headers={"X-Forwarded-For": f"10.0.0.{n}, 203.0.113.9"})
        await logged_in(session, serving, headers={"X-Forwarded-For": "203.0.113.9, 203.0.113.10"})
        await logged_in(session, serving)

    phone(scenario)
    assert asyncio.run(refused(serving, headers={"X-Forwarded-For": "1.2.3.4, 203.0.113.9"})).status == 429


def test_without_a_proxy_nobody_chooses_his_address(linked: Serving) -> None:
    async def scenario(session: aiohttp.ClientSession) -> None:
        for n in range(10):
            await guess(session, linked, headers={"X-Forwarded-For": f"10.0.0.{n}"})

    phone(scenario)
    assert asyncio.run(refused(linked, headers={"X-Forwarded-For": "10.0.0.99"})).status == 429


@pytest.mark.parametrize("answer", [b"\x20\x02\0\3", b"\x20\x03\0\x88\0", b"\x20\x03\0\x89\0"])
def test_a_broker_that_takes_nobody_is_no_failed_login(
    serve: Callable[..., Serving], fake: Callable[..., FakeBroker], answer: bytes
) -> None:
    serving = serve(fake(lambda _: None, answer).port)

    async def scenario(session: aiohttp.ClientSession) -> None:
        for _ in range(11):
            ws = await link(session, serving)
            await ws.send_bytes(connect())
            assert await ws.receive_bytes(timeout=10) == answer
            assert (await end_of(ws))[0] == 1013

    phone(scenario)
    assert serving.metric("village_web_failed_logins_total") == 0


def test_no_more_links_than_are_carried_at_once(linked: Serving) -> None:
    linked.server._carrier._most = 3

    async def scenario(session: aiohttp.ClientSession) -> None:
        links = [await logged_in(session, linked) for _ in range(3)]
        error = await refused(linked)
        assert error.status == 503
        await links[0].close()
        await asyncio.to_thread(until, lambda: linked.metric("village_web_links") == 2, what="room for one more")
        await logged_in(session, linked)

    phone(scenario)
    assert linked.metric('village_web_links_refused_total{reason="full"}') == 1


def test_the_log_names_the_user_and_no_word_of_the_password(linked: Serving, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def scenario(session: aiohttp.ClientSession) -> None:
        await (await logged_in(session, linked)).close()
        ws = await link(session, linked)
        await ws.send_bytes(connect("ke-gian", "guessed-password"))
        await ws.receive_bytes(timeout=10)

    phone(scenario)
    until(lambda: "ke-gian" in caplog.text, what="the log")
    assert re.search(rf"link \d+ from 127\.0\.0\.1: {USER}\n", caplog.text)
    for secret in (TOKEN, "guessed-password"):
        assert secret not in caplog.text
        assert secret.encode() not in linked.ask("/metrics").body
