"""What a browser makes of it: the import map is in force under the policy, and nothing else in the page is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from page_house import browser_of
from playwright.sync_api import sync_playwright
from support import Mosquitto
from web_house import INDEX, Serving

pytestmark = pytest.mark.slow

MAIN = """
import { html } from "lit-html";
import { store } from "/app/store.js";
const events = [];
addEventListener("securitypolicyviolation", (e) => events.push(e.effectiveDirective));
const inline = document.createElement("script");
inline.textContent = "window.inlineRan = true";
document.body.append(inline);
document.body.setAttribute("style", "color: red");
await fetch("https://example.vn/").catch(() => {});
const words = await (await fetch(import.meta.resolve("/lang/vi.json"))).json();
const link = (host) => new Promise((done) => {
  const socket = new WebSocket(`ws://${host}/mqtt`, ["mqtt"]);
  socket.onopen = () => { done("open"); socket.close(); };
  socket.onerror = () => done("refused");
});
window.found = {
  store: store(), lit: html, words: words.on, address: import.meta.resolve("/lang/vi.json"), inline: window.inlineRan,
  page: document.documentElement.dataset.page, own: await link(location.host), events,
  loaded: performance.getEntriesByType("resource").map((e) => e.name),
};
"""


def test_modules_come_by_their_hashes_and_what_the_policy_forbids_does_not_run(
    serve: Callable[..., Serving], page: Path, mosquitto: Mosquitto
) -> None:
    (page / "app" / "main.js").write_text(MAIN)
    (page / "app" / "store.js").write_text('export const store = () => "store of " + import.meta.url;\n')
    (page / "index.html").write_text(INDEX.replace('<a href="https://example.vn/app/main.js">x</a>', "<p onclick=1>x</p>"))
    serving = serve(mosquitto.port)
    with sync_playwright() as playwright:
        browser = browser_of(playwright)
        tab = browser.new_page()
        tab.goto(serving.origin)
        tab.wait_for_function("window.found", timeout=10_000)
        found = tab.evaluate("window.found")
        asked = serving.metric('village_web_requests_total{status="200"}')
        tab.goto("about:blank")
        tab.goto(serving.origin)
        tab.wait_for_function("window.found", timeout=10_000)
        again = serving.metric('village_web_requests_total{status="200"}')
        other = browser.new_page()
        other.goto(serving.origin.replace("127.0.0.1", "localhost") + "/now")  # another origin, under no policy
        refused = other.evaluate(
            f"new Promise((done) => {{ const s = new WebSocket('ws://127.0.0.1:{serving.port}/mqtt', ['mqtt']);"
            " s.onerror = () => done('refused'); s.onopen = () => done('open'); })"
        )
        browser.close()
    assert found["store"].startswith(f"store of {serving.origin}/app/store.js?v=")
    assert (found["lit"], found["words"], found["own"], found["inline"]) == (1, "Bật", "open", None)
    assert found["address"].startswith(f"{serving.origin}/lang/vi.json?v=")
    assert set(found["events"]) >= {"script-src-elem", "style-src-attr", "connect-src"}
    modules = [name for name in found["loaded"] if name.endswith(".js") or ".js?" in name]
    assert len(modules) == len(set(modules))
    assert all("?v=" in name for name in modules)
    assert again - asked <= 2  # that of /metrics, and at most a picture of the tab: all else was kept
    assert refused == "refused"
    assert serving.metric('village_web_links_refused_total{reason="origin"}') == 1
