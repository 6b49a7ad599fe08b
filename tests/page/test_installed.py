"""Where the page is a secure context, as over TLS: it can be installed, and opens without its server."""

from __future__ import annotations

import json
import urllib.request

from fake_village import FakeVillage, evening
from page_house import LINK_LOST, Phone, phone_like
from playwright.sync_api import Browser, expect

READY = "async () => { const r = await navigator.serviceWorker.ready; return r.active !== null; }"


def test_it_opens_from_what_the_phone_has_when_its_server_is_away(browser: Browser, fake: FakeVillage) -> None:
    fake.show(evening())
    url = fake.web.url.replace("thon.test", "127.0.0.1")
    phone = Phone(browser.new_context(**phone_like()), url).enter()
    phone.sees("light/culture-house", "Đang sáng")
    assert phone.page.evaluate(READY)
    asked = phone.context.new_cdp_session(phone.page).send("Page.getInstallabilityErrors")
    assert [error["errorId"] for error in asked["installabilityErrors"]] in ([], ["in-incognito"])
    phone.page.reload()  # the worker sees what it has not seen of the first load
    phone.sees("light/culture-house", "Đang sáng")
    phone.page.wait_for_function("async () => (await (await caches.open('page')).keys()).length > 15")
    phone.page.evaluate("dispatchEvent(new Event('pagehide'))")
    phone.tolerate(LINK_LOST)
    fake.web.end()
    try:
        phone.page.reload()
        phone.sees("light/culture-house", "Đang sáng")
        phone.says("Mất kết nối")
        expect(phone.device("light/culture-house").locator(".switch")).to_be_disabled()
        kept = phone.page.evaluate("async () => (await (await caches.open('page')).keys()).map((r) => new URL(r.url).pathname)")
        assert not {"/now", "/mqtt", "/health", "/metrics"} & set(kept)
        assert len(kept) == len(set(kept))
    finally:
        fake.web.start()
    expect(phone.page.locator(".link-bar")).to_have_count(0, timeout=10_000)
    phone.clear()


def test_it_can_be_installed(fake: FakeVillage) -> None:
    url = f"http://127.0.0.1:{fake.web.port}"
    with urllib.request.urlopen(f"{url}/manifest.webmanifest") as answer:
        assert answer.headers["Content-Type"].startswith("application/manifest+json")
        manifest = json.load(answer)
    assert manifest["display"] == "standalone"
    assert manifest["name"]
    assert manifest["start_url"] == "/"
    for icon in manifest["icons"]:
        with urllib.request.urlopen(url + icon["src"]) as answer:
            assert answer.headers["Content-Type"].startswith(icon["type"])
