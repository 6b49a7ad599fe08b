"""What a phone loads before it is of use, how often, and that a slow line is one. Times are tests/bench/page.py's."""

from __future__ import annotations

import datetime as dt
import socket
import time

import pytest
from fake_village import FakeVillage, evening
from page_house import TOKEN, MakePhone, phone_like, words
from playwright.sync_api import Route, expect
from slow_line import SlowLine

MOST_BYTES = 150_000
LIT = words("state.light.on")
LOADED = """() => performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))
  .map((e) => ({name: new URL(e.name).pathname, versioned: e.name.includes('?v='), transferred: e.transferSize, body: e.encodedBodySize}))"""


def test_the_first_load_is_at_most_150_000_bytes_and_the_second_none_of_it(fake: FakeVillage, phones: MakePhone) -> None:
    fake.show(evening(dt.datetime.now(dt.UTC)))
    phone = phones(fake)
    phone.sees("light/main-road", LIT)
    page = [e for e in phone.page.evaluate(LOADED) if e["name"] != "/now"]
    assert {"/", "/app/main.js", "/vendor/mqtt.esm.js", "/lang/vi.json", "/style/base.css"} <= {e["name"] for e in page}
    assert sum(e["body"] for e in page) <= MOST_BYTES, sorted(page, key=lambda e: -e["body"])[:8]
    twice = [e["name"] for e in page]
    assert sorted(twice) == sorted(set(twice)), "something was fetched twice"
    again = phone.tab()
    again.goto(phone.url)
    expect(again.locator('[data-target="light/main-road"] .switch')).to_be_enabled()
    assert [e["name"] for e in again.evaluate(LOADED) if e["transferred"] and e["name"] != "/now"] == []


def test_a_view_that_is_not_opened_is_not_loaded(fake: FakeVillage, phones: MakePhone) -> None:
    fake.show(evening(dt.datetime.now(dt.UTC)))
    phone = phones(fake)
    loaded = {e["name"] for e in phone.page.evaluate(LOADED)}
    assert {name for name in loaded if name.startswith("/views/")} == {"/views/home.js"}
    assert not any("uPlot" in name for name in loaded)


def test_the_last_picture_is_there_at_the_second_visit_before_the_link_is(fake: FakeVillage, phones: MakePhone) -> None:
    fake.show(evening(dt.datetime.now(dt.UTC)))
    phone = phones(fake)
    phone.sees("light/main-road", LIT)
    phone.context.route_web_socket("**/mqtt", lambda _socket: None)  # it opens, and nobody answers
    phone.page.reload()
    phone.sees("light/main-road", LIT)
    expect(phone.page.locator(".link-bar")).to_be_visible()


@pytest.mark.slow
def test_a_slow_line_takes_as_long_as_its_figures_say() -> None:
    """Ten kilobytes at 400 kbit/s take 0.2 s; a new connection's first answer two round trips."""
    size = 10_000
    with socket.create_server(("127.0.0.1", 0)) as server, SlowLine(server.getsockname()[1]) as line:
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", line.port)) as phone:
            phone.sendall(b"?")
            far, _ = server.accept()
            with far:
                assert far.recv(1) == b"?"
                far.sendall(bytes(size))
                got = phone.recv(1)
                first = time.monotonic() - began
                while len(got) < size:
                    got += phone.recv(65_536)
                whole = time.monotonic() - began
        assert 0.79 < first < 2
        assert first + 0.16 < whole < first + 2
        assert (line.down_bytes, line.up_bytes, line.connections) == (size, 1, 1)


@pytest.mark.parametrize("part", ["/lang/vi.json", "/vendor/mqtt.esm.js"])
def test_a_part_that_the_network_lost_is_fetched_again(fake: FakeVillage, phones: MakePhone, part: str) -> None:
    """It is asked for twice before the page is of use, once to be there early; both are lost."""
    fake.show(evening(dt.datetime.now(dt.UTC)))
    phone = phones(fake)
    asked: list[str] = []

    def lose(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) > 2:
            route.continue_()
        else:
            route.abort()

    tab = phone.context.browser.new_context(**phone_like()).new_page()  # nothing is kept there
    tab.route(f"**{part}*", lose)
    tab.goto(f"{phone.url}/#user=head&token={TOKEN}")
    expect(tab.locator('[data-target="light/main-road"] .switch')).to_be_enabled(timeout=20_000)
    assert len(asked) > 2
    tab.context.close()
