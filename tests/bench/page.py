"""How long a phone waits: for a tap, and for the page to be of use over a slow line.

Taps: a light of a simulated village is switched on and off in a real browser. The time runs in the page, from the tap's
own event until the row says what was observed. The floor is the same command by a bare paho client on the broker, until
it hears that state; the two take turns.

Loads: the page comes over a line of 400 kbit/s and 400 ms there and back, shared by all connections, each of which costs
a round trip before its first byte. It is of use when a light's row shows what was observed and its button can be
tapped; the village is an example evening. First with an empty cache, then in a new tab of the same profile. The floor of
the first is the same files' bytes one behind another on one connection; that of the second is the socket to the broker
and nothing else. `confirmed` is when the present picture has come after it.
"""

from __future__ import annotations

import datetime as dt
import json
import socket
import statistics
import sys
import tempfile
import time
from pathlib import Path

from common import Client, Ground, ground, parser, say, told, village

sys.path.append(str(Path(__file__).parents[1]))
from fake_village import FakeVillage, evening
from page_house import CHROMIUM, HOST, QUIET, TOKEN, Phone, Served, browser_of, phone_like
from playwright.sync_api import Page, Playwright, expect, sync_playwright
from slow_line import SlowLine

SITE = "bench-page"
LAMP = "light/lamp-1"
ROW = '[data-target="light/main-road"]'
WATCH_TAPS = """(target) => {
  globalThis.took = [];
  let at = null;
  const row = document.querySelector(`[data-target="${target}"]`);
  const said = () => row.querySelector('.state').textContent;
  let before = said();
  document.addEventListener('click', (event) => { at = event.timeStamp; before = said(); }, true);
  new MutationObserver(() => {
    if (at === null || said() === before) return;
    took.push(performance.now() - at);
    at = null;
  }).observe(row, {subtree: true, childList: true, characterData: true});
}"""
WATCH_USE = """
  globalThis.seen = {};
  const look = () => {
    const button = document.querySelector(`ROW .switch`);
    if (button && !button.disabled && document.querySelector(`ROW .state`).textContent.trim()) seen.usable ??= performance.now();
    if (seen.usable && !document.querySelector('.link-bar')) seen.confirmed ??= performance.now();
    if (!seen.confirmed) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
""".replace("ROW", ROW)
FILES = "performance.getEntriesByType('resource').map((e) => new URL(e.name).pathname + new URL(e.name).search).filter((p) => p !== '/now')"


def p95(values: list[float]) -> float:
    """What 95 of 100 values do not exceed."""
    return sorted(values)[min(int(len(values) * 0.95), len(values) - 1)]


def taps(here: Ground, playwright: Playwright, blocks: int, size: int) -> None:
    here.up(here.daemon(SITE, village(SITE, 1)))
    web = Served(here.folder, here.broker.port)
    web.start()
    browser = browser_of(playwright)
    phone = Phone(browser.new_context(**phone_like()), web.url).enter()
    phone.page.evaluate(WATCH_TAPS, LAMP)
    heard: list[str] = []
    client = Client(here.broker.port, [f"village/{SITE}/{LAMP}/state"], lambda _topic, payload: heard.append(json.loads(payload)["command"]))
    bare: list[float] = []
    for block in range(blocks):
        say(f"taps: block {block + 1} of {blocks}")
        for n in range(size):
            phone.device(LAMP).locator(".switch").first.tap()
            phone.page.wait_for_function("(n) => took.length >= n", arg=block * size + n + 1)
            expect(phone.device(LAMP).locator(".switch")).to_have_count(1)
        for n in range(size):
            name = f"floor-{block}-{n}"
            began = time.perf_counter()
            client.publish(f"village/{SITE}/{LAMP}/set/bench", json.dumps({"action": "off" if n % 2 else "on", "id": name}).encode())
            client.until(lambda name=name: name in heard, 5, "the state")
            bare.append(1e3 * (time.perf_counter() - began))
    took: list[float] = phone.page.evaluate("took")
    client.close()
    phone.clear()
    browser.close()
    web.end()
    print(f"taps: p50 {statistics.median(took):.1f}, most {max(took):.1f} ms; bare client p50 {statistics.median(bare):.2f}, most {max(bare):.2f} ms")
    told("tap-p95", p95(took), "ms", p95(bare))


def loads(here: Ground, playwright: Playwright, times: int) -> None:
    web = Served(here.folder, here.broker.port)
    web.start()
    fake = FakeVillage(here.broker.port, web)
    fake.show(evening(dt.datetime.now(dt.UTC)))
    first: list[dict[str, float]] = []
    second: list[dict[str, float]] = []
    floors: list[float] = []
    opened: list[float] = []
    for n in range(times):
        say(f"loads: {n + 1} of {times}")
        with SlowLine(web.port) as line, tempfile.TemporaryDirectory(dir=here.folder, ignore_cleanup_errors=True) as profile:
            context = playwright.chromium.launch_persistent_context(profile, executable_path=CHROMIUM, args=QUIET, **phone_like())
            context.add_init_script(WATCH_USE)
            url = f"http://{HOST}:{line.port}/"
            page = context.pages[0]
            first.append(used(page, f"{url}#user=head&token={TOKEN}"))
            files = page.evaluate(FILES)
            down = line.down_bytes
            page.goto("about:blank")
            page.close()
            second.append(used(context.new_page(), url))
            context.close()
        floors.append(bytes_alone(web.port, ["/", *files]))
        opened.append(socket_alone(web.port))
    print(f"first load: {down} bytes over the line, what the link brought included; confirmed after {middle(first, 'confirmed'):.2f} s")
    print(f"second load: confirmed after {middle(second, 'confirmed'):.2f} s")
    told("first-load", middle(first, "usable"), "s", statistics.median(floors))
    told("second-load", middle(second, "usable"), "s", statistics.median(opened))
    fake.leave()
    web.end()


def middle(found: list[dict[str, float]], what: str) -> float:
    """The median, in s."""
    return statistics.median(one[what] for one in found) / 1000


def used(page: Page, url: str) -> dict[str, float]:
    """When the page was of use, and when the present picture had come (ms since the navigation began)."""
    page.goto(url, wait_until="commit")
    page.wait_for_function("() => globalThis.seen?.confirmed", timeout=60_000)
    found: dict[str, float] = page.evaluate("seen")
    return found


def bytes_alone(port: int, files: list[str]) -> float:
    """How long one connection needs for the same files, asked for all at once (s)."""
    last = len(files) - 1
    asked = "".join(
        f"GET {file} HTTP/1.1\r\nHost: {HOST}\r\nAccept-Encoding: gzip\r\n{'Connection: close' if n == last else 'X: 1'}\r\n\r\n"
        for n, file in enumerate(files)
    )
    with SlowLine(port) as line:
        began = time.perf_counter()
        with socket.create_connection(("127.0.0.1", line.port)) as phone:
            phone.sendall(asked.encode())
            while phone.recv(65_536):
                pass
        return time.perf_counter() - began


def socket_alone(port: int) -> float:
    """How long the socket to the broker needs to open (s)."""
    asked = (f"GET /mqtt HTTP/1.1\r\nHost: {HOST}\r\nOrigin: http://{HOST}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n")  # fmt: skip
    with SlowLine(port) as line:
        began = time.perf_counter()
        with socket.create_connection(("127.0.0.1", line.port)) as phone:
            phone.sendall(asked.encode())
            assert phone.recv(4096).startswith(b"HTTP/1.1 101")
        return time.perf_counter() - began


if __name__ == "__main__":
    options = parser(__doc__)
    options.add_argument("--blocks", type=int, default=5, help="turns of taps (default: 5)")
    options.add_argument("--size", type=int, default=20, help="taps in a turn (default: 20)")
    options.add_argument("--loads", type=int, default=5, help="loads of each kind (default: 5)")
    given = options.parse_args()
    with sync_playwright() as started:
        with ground() as place:
            taps(place, started, given.blocks, given.size)
        with ground() as place:
            if given.loads:
                loads(place, started, given.loads)
