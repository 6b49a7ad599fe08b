"""Many phones, slow phones and a slow broker: what a server process holds of them stays small."""

from __future__ import annotations

import asyncio
import http.client
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import aiohttp
import pytest
from support import Mosquitto, free_port, listens, until
from web_house import ACCEPTED, STATE, FakeBroker, connect, deaf, flood, frame, link, phone, subscribe

pytestmark = pytest.mark.slow

MIB = 2**20


class Process:
    """A server process, and what it says of itself."""

    def __init__(self, broker_port: int) -> None:
        self.port = free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        words = ["--listen", f"127.0.0.1:{self.port}", "--mqtt", f"127.0.0.1:{broker_port}", "--log", "error"]
        self.process = subprocess.Popen([sys.executable, "-m", "edge", "web", *words])
        until(lambda: listens(self.port), 15, "the server to listen")

    def figures(self) -> dict[str, float]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
        connection.close()
        return {name: float(n) for name, n in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}

    def resident(self) -> float:
        return self.figures()["process_resident_memory_bytes"]

    def carried(self, direction: str) -> float:
        return self.figures().get(f'village_web_carried_bytes_total{{direction="{direction}"}}', 0)

    def at_rest(self, direction: str) -> float:
        """What has been carried once nothing more is."""
        pause = threading.Event()
        seen = [-1.0]

        def still() -> bool:
            pause.wait(0.3)
            seen.append(self.carried(direction))
            return seen[-1] == seen[-2] > 0

        until(still, 20, "what flows to be held up")
        return seen[-1]

    def deaf(self, buffer: int) -> socket.socket:
        """A phone that has logged in and then reads nothing more."""
        return deaf(self.port, buffer)

    async def phone(self, session: aiohttp.ClientSession, compress: int = 0) -> aiohttp.ClientWebSocketResponse:
        ws = await link(session, self, compress=compress)
        await ws.send_bytes(connect())
        assert (await ws.receive_bytes(timeout=10)).startswith(ACCEPTED)
        return ws


@pytest.fixture
def started() -> Iterator[Callable[[int], Process]]:
    begun: list[Process] = []

    def start(broker_port: int) -> Process:
        begun.append(Process(broker_port))
        return begun[-1]

    yield start
    for each in begun:
        each.process.kill()
        each.process.wait()


def test_phones_that_do_not_read_hold_up_the_broker_and_cost_no_memory(
    started: Callable[[int], Process], fake: Callable[..., FakeBroker]
) -> None:
    process = started(fake(flood).port)

    async def hear(ws: aiohttp.ClientWebSocketResponse, size: int) -> None:
        heard = 0
        while heard < size:
            heard += len(await ws.receive_bytes(timeout=10))

    async def scenario(session: aiohttp.ClientSession) -> None:
        awake = await process.phone(session)
        await hear(awake, 30 * MIB)
        before, carried = process.resident(), process.carried("to_phone")
        silent = [process.deaf(16_384) for _ in range(20)]
        await hear(awake, 30 * MIB)  # others are not held up
        await awake.close()
        held = await asyncio.to_thread(process.at_rest, "to_phone") - carried - 30 * MIB
        assert process.resident() - before < 20 * 0.5 * MIB
        assert held < 20 * MIB
        assert process.figures()["village_web_links"] == 20
        for plug in silent:
            plug.close()
        await asyncio.to_thread(until, lambda: process.figures()["village_web_links"] == 0, 10, "their end")

    phone(scenario)


def test_a_broker_that_does_not_read_holds_up_the_phones_and_costs_no_memory(
    started: Callable[[int], Process], fake: Callable[..., FakeBroker]
) -> None:
    released = threading.Event()
    process = started(fake(lambda _: released.wait(60)).port)
    before = process.resident()
    phones = [process.deaf(65_536) for _ in range(10)]
    for plug in phones:
        assert ACCEPTED in plug.recv(100)
        plug.setblocking(False)
    whole = frame(bytes(65_536))
    left = dict.fromkeys(phones, b"")
    said = 0
    for _ in range(2000):
        for plug in phones:
            with suppress(BlockingIOError):
                count = plug.send(left[plug] or whole)
                left[plug] = (left[plug] or whole)[count:]
                said += count
        if said > 300 * MIB:
            break
    rest = process.at_rest("to_broker")
    released.set()
    for plug in phones:
        plug.close()
    assert 0 < rest < said < 300 * MIB
    assert process.resident() - before < 10 * 1.5 * MIB


def test_two_hundred_phones_hear_everything(started: Callable[[int], Process], mosquitto: Mosquitto) -> None:
    process = started(mosquitto.port)
    before = process.resident()

    async def one(session: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
        ws = await process.phone(session, compress=15)
        await ws.send_bytes(subscribe("x/state"))
        assert (await ws.receive_bytes(timeout=20))[0] == 0x90
        return ws

    async def hear(ws: aiohttp.ClientWebSocketResponse) -> bytes:
        heard = b""
        while len(heard) < 20 * len(STATE):
            heard += await ws.receive_bytes(timeout=20)
        return heard

    async def scenario() -> None:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            links = await asyncio.gather(*(one(session) for _ in range(200)))
            assert process.figures()["village_web_links"] == 200
            hearing = [asyncio.create_task(hear(ws)) for ws in links]
            for _ in range(20):
                await links[0].send_bytes(STATE)
            assert await asyncio.gather(*hearing) == [20 * STATE] * 200
            assert process.resident() - before < 200 * 0.25 * MIB
            await asyncio.gather(*(ws.close() for ws in links))
            await asyncio.to_thread(until, lambda: process.figures()["village_web_links"] == 0, 10, "their end")

    asyncio.run(scenario())
    assert process.figures()['village_web_links_ended_total{reason="phone"}'] == 200
