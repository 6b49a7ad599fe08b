"""The page in a real browser: its server, a phone that looks at it, and the village behind it."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from e2e_house import CONFIG, House, Listener
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Playwright, Route, expect
from support import Mosquitto, free_port, listens, until

CHROMIUM = Path(__file__).with_name("gentle_chromium.sh")
HOST = "thon.test"  # no secure context, as in the village's own network: no service worker, no crypto.randomUUID
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", f"--host-resolver-rules=MAP {HOST} 127.0.0.1",
]  # fmt: skip
TOKEN = "page-test-token-0123456789"
HERE = Path(__file__).parents[1]
PAGE = HERE / "edge" / "web" / "page"
LINK_LOST = re.compile(r"WebSocket connection to '.*' failed|ERR_CONNECTION_|ERR_EMPTY_RESPONSE|503|1013")
OTHER_WORDS = re.compile(r"/lang/vi\.json.* was preloaded")  # the server cannot know who reads English
# In the page, before anything of its own runs.
WATCH_POLICY = "addEventListener('securitypolicyviolation', (e) => console.error(`CSP: ${e.violatedDirective} ${e.blockedURI} ${e.sample}`));"
LARGE_TEXT = "addEventListener('DOMContentLoaded', () => { document.documentElement.style.fontSize = '%d%%'; });"
QUIET_FOR = """(ms) => new Promise((done) => {
  const began = performance.now();
  let last = began;
  const seen = new MutationObserver(() => { last = performance.now(); });
  seen.observe(document.body, {subtree: true, childList: true, characterData: true, attributes: true});
  const look = () => {
    const now = performance.now();
    if (now - last < ms && now - began < 3000) return requestAnimationFrame(look);
    seen.disconnect();
    done();
  };
  look();
})"""
STEADY = """async (hash) => {
  const frames = (n) => new Promise((done) => { const one = () => (n-- > 0 ? requestAnimationFrame(one) : done()); one(); });
  if (location.hash !== hash) {
    const moved = new Promise((done) => addEventListener('hashchange', done, {once: true}));
    location.hash = hash;
    await moved;
  }
  await frames(2);
}"""


def words(key: str, language: str = "vi", catalogue: str = "", **named: object) -> str:
    """What the page's catalogue says for a key."""
    file = PAGE / "lang" / (f"{language}/{catalogue}.json" if catalogue else f"{language}.json")
    text = str(json.loads(file.read_text("utf-8"))[key])
    return re.sub(r"\{(\w+)\}", lambda m: str(named.get(m[1], m[0])), text)


class Served:
    """`village-edge web` before a broker, on a port of its own."""

    def __init__(self, folder: Path, broker_port: int) -> None:
        self.port = free_port()
        self.log = folder / "web.log"
        self._broker_port = broker_port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = process = subprocess.Popen(
                [sys.executable, "-m", "edge", "web", "--listen", f"127.0.0.1:{self.port}",
                 "--mqtt", f"127.0.0.1:{self._broker_port}", "--log", "warning"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=HERE,
            )  # fmt: skip
        until(lambda: listens(self.port) or process.poll() is not None, 20, "the page's server")
        assert process.poll() is None, self.log.read_text("utf-8", "replace")

    def end(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None


class Village:
    """A whole village: a broker, village-sim and the daemon, the page's server, and somebody who hears everything."""

    def __init__(self, folder: Path, config: Path = CONFIG) -> None:
        (folder / "broker").mkdir()
        self.broker = Mosquitto(folder / "broker")
        self.house = House(folder, self.broker.port, config=config)
        self.web = Served(folder, self.broker.port)
        self.ear: Listener

    def start(self) -> None:
        self.broker.start()
        self.house.start_sim()
        self.house.start()
        self.web.start()
        self.ear = Listener(self.broker.port)
        until(lambda: self.ear.last.get("village/nguyen-ly/status") == b"online", 20, "the daemon to be online")

    def commands(self) -> list[str]:
        """Topics of all commands and requests that the broker was given, in order."""
        return [topic for topic, _, _ in self.ear.messages if re.search(r"/(set|ask|lockout)/", topic)]

    def end(self) -> None:
        if hasattr(self, "ear"):
            self.ear.close()
        self.house.end()
        self.web.end()
        self.broker.kill()


def browser_of(playwright: Playwright, *more: str) -> Browser:
    """Chromium with nothing of its own to do."""
    return playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *more])


def phone_like(width: int = 360, dark: bool = False, height: int = 740, scale: float = 2) -> dict[str, Any]:
    """What makes a browser's window a phone of the village."""
    return {
        "viewport": {"width": width, "height": height}, "device_scale_factor": scale, "is_mobile": True, "has_touch": True,
        "locale": "vi-VN", "timezone_id": "Asia/Ho_Chi_Minh", "color_scheme": "dark" if dark else "light",
    }  # fmt: skip


class Phone:
    """A phone with the page open. Whatever the page complains of is kept in `problems`."""

    def __init__(
        self, context: BrowserContext, url: str, language: str = "vi", text: int = 100, at: dt.datetime | None = None
    ) -> None:
        self.context = context
        self.url = url
        self.problems: list[str] = []
        self._tolerated: list[re.Pattern[str]] = []
        context.add_init_script(WATCH_POLICY)
        if language != "vi":
            self.tolerate(OTHER_WORDS)
            context.add_init_script(f"localStorage.setItem('language', '{language}');")
        if text != 100:
            context.add_init_script(LARGE_TEXT % text)
        if at is not None:
            context.clock.set_fixed_time(at)
            context.route("**/now", lambda route: _now(route, at))
        context.set_default_timeout(10_000)
        self.page = self.tab()

    def tab(self) -> Page:
        """Another tab, empty."""
        page = self.context.new_page()
        page.on("console", self._said)
        page.on("pageerror", lambda error: self._note(f"error: {error}"))
        return page

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert"):
            self._note(f"{message.type}: {message.text} ({message.location.get('url')})")

    def _note(self, problem: str) -> None:
        if not any(pattern.search(problem) for pattern in self._tolerated):
            self.problems.append(problem)

    def tolerate(self, pattern: re.Pattern[str] = LINK_LOST) -> None:
        """From now on, this in the browser's console is what the test means to bring about."""
        self._tolerated.append(pattern)

    def enter(self, user: str = "head", token: str = TOKEN) -> Phone:
        """Open the address that a pairing code carries, and wait until a village is there."""
        self.page.goto(f"{self.url}/#user={user}&token={token}")
        expect(self.page.locator("main h1").first).to_be_attached()
        return self

    def open(self, hash_: str) -> Phone:
        """Go to a view, such as "#/lights", and wait until it is drawn."""
        self.page.evaluate(STEADY, hash_)
        expect(self.page.locator("main h1").first).to_be_attached()
        return self

    def device(self, target: str) -> Locator:
        """The row of a device, such as "light/culture-house", on the present view."""
        return self.page.locator(f'[data-target="{target}"]')

    def sees(self, target: str, text: str | re.Pattern[str], within_s: float = 5) -> None:
        """The device's state is said so."""
        expect(self.device(target).locator(".state")).to_have_text(text, timeout=within_s * 1000)

    def says(self, text: str | re.Pattern[str], within_s: float = 5) -> None:
        """The line about the link, above everything, says that."""
        expect(self.page.locator(".link-said")).to_contain_text(text, timeout=within_s * 1000)

    def quiet(self, ms: int = 120) -> None:
        """Answers that a view asked for have come, and it is drawn: nothing moves for so long."""
        self.page.evaluate(QUIET_FOR, ms)

    def frames(self, count: int = 2) -> None:
        """Let what has arrived be drawn."""
        self.page.evaluate("async (n) => { while (n-- > 0) await new Promise((d) => requestAnimationFrame(d)); }", count)

    def clear(self) -> None:
        """End, and fail on whatever the page has complained of until then."""
        problems = list(self.problems)  # not what a link says that is cut by the end
        self.context.close()
        assert not problems, "the page complains:\n" + "\n".join(problems)


def _now(route: Route, at: dt.datetime) -> None:
    told = route.fetch(url=route.request.url.replace(HOST, "127.0.0.1")).json()
    route.fulfill(json={**told, "now": at.isoformat()})


MakePhone = Callable[..., Phone]


def can_run() -> bool:
    return os.access("/usr/bin/chromium", os.X_OK)
