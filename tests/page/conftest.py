"""Chromium, a village of one's own, and phones that look at it. A phone fails its test when the page complains."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from e2e_house import CONFIG
from fake_village import FakeVillage
from page_house import MakePhone, Phone, Served, Village, browser_of, can_run, phone_like
from playwright.sync_api import Browser, sync_playwright
from support import Mosquitto


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for the tests of a module. While there is one, asyncio.run is no use in this process, so the tests of
    other modules, which may be this process's next, do not see it."""
    if not can_run():
        pytest.fail("these tests need a browser: sudo apt install chromium")
    with sync_playwright() as playwright:
        chromium = browser_of(playwright)
        yield chromium
        chromium.close()


@contextmanager
def short_folder() -> Iterator[Path]:
    """A directory with a short name: a Unix socket's path has at most 107 bytes."""
    with TemporaryDirectory(prefix="page-") as name:
        yield Path(name)


@pytest.fixture(scope="module")
def village_config() -> Path:
    """The configuration that `village` is made from; a module may have its own."""
    return CONFIG


@pytest.fixture(scope="module")
def village(village_config: Path) -> Iterator[Village]:
    """A real village for the tests of one module: broker, simulator, daemon, the page's server, a listener."""
    with short_folder() as folder:
        made = Village(folder, village_config)
        try:
            made.start()
            yield made
        finally:
            made.end()


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeVillage]:
    """A made-up village on a real broker, for one module: it says and answers what a test wants."""
    with short_folder() as folder:
        (folder / "broker").mkdir()
        broker = Mosquitto(folder / "broker")
        broker.start()
        web = Served(folder, broker.port)
        web.start()
        made = FakeVillage(broker.port, web)
        yield made
        made.leave()
        web.end()
        broker.kill()


@pytest.fixture
def phones(browser: Browser) -> Iterator[MakePhone]:
    """Makes phones: phones(village_or_fake, width=360, dark=False, language="vi", text=100, user="head").

    `at`: the time that the phone and the page's server have, and which stands still; `scale`: pixels of a point.
    """
    made: list[Phone] = []

    def make(
        place: Village | FakeVillage, width: int = 360, dark: bool = False, language: str = "vi", text: int = 100,
        user: str = "head", at: dt.datetime | None = None, scale: float = 2,
    ) -> Phone:
        context = browser.new_context(**phone_like(width, dark, scale=scale))
        made.append(Phone(context, place.web.url, language, text, at))
        return made[-1].enter(user)

    yield make
    with ExitStack() as end:  # each is ended, also behind one that complains
        for phone in made:
            end.callback(phone.clear)


@pytest.fixture
def phone(phones: MakePhone, village: Village) -> Phone:
    """A village head's phone, 360 pixels wide, in Vietnamese, with the live village's page open."""
    return phones(village)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs the browser takes its time."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Pictures for the documentation, from tests/page/test_pictures.py."""
    parser.addoption("--pictures", action="store_true", help="make the pictures of docs/page anew, in place of looking at them")
