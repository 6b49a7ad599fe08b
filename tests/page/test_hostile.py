"""Names and payloads that mean harm, or are broken: shown as text or refused, and the page goes on."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from fake_village import FakeVillage, about, evening, light
from page_house import MakePhone, Phone, words
from page_views import VIEWS
from playwright.sync_api import expect

MARKUP = "<script>globalThis.harm = 1</script><img src=x onerror='globalThis.harm = 2'>\"'`${globalThis.harm = 3}"
TURNED = "\u202eTẮT\u202c \u200f\u2067nhà\u2069"
LONG = "Đèn " * 2500
NAMES = {"main-road": MARKUP, "lanes": TURNED, "culture-house": LONG}
LIT = words("state.light.on")


def renamed(names: dict[str, str]) -> dict[str, Any]:
    told = about()
    for device in told["devices"]:
        if device["kind"] == "light":
            device["name"] = names.get(device["id"], device["name"])
    return told


def unharmed(phone: Phone) -> None:
    assert phone.page.evaluate("globalThis.harm ?? null") is None
    assert phone.page.evaluate("document.querySelectorAll('main script, main img, main iframe').length") == 0
    assert phone.page.evaluate("Object.prototype.polluted ?? null") is None


def test_names_are_text_on_every_view(fake: FakeVillage, phones: MakePhone) -> None:
    now = dt.datetime.now(dt.UTC)
    told = renamed(NAMES)
    told["site"]["name"] = MARKUP
    for device in told["devices"]:
        if device["kind"] != "light":
            device["name"] = MARKUP
        if device.get("area"):
            device["area"] = MARKUP
    fake.show(evening(now), told, now)
    phone = phones(fake)
    expect(phone.device("light/main-road").locator("h3")).to_contain_text("<script>globalThis.harm = 1</script>")
    assert phone.device("light/culture-house").locator("h3").evaluate("(e) => e.textContent.length") <= 100
    assert phone.page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    for hash_ in VIEWS.values():
        phone.open(hash_)
        phone.quiet(60)
        expect(phone.page.locator("main")).not_to_contain_text(words("view-failed"))
        unharmed(phone)


def test_texts_of_states_alarms_and_trails_are_text(fake: FakeVillage, phones: MakePhone) -> None:
    now = dt.datetime.now(dt.UTC)
    picture = evening(now)
    for leaf, told in picture.items():
        if leaf.startswith("alarm/"):
            told["text"] = {"vi": MARKUP, "en": MARKUP}
            told["data"] = {"why": MARKUP, "__proto__": {"polluted": 1}}
        elif leaf.endswith("/state"):
            told |= {"detail": MARKUP, "by": MARKUP, "reason": MARKUP}
    fake.show(picture, now=now)
    answers = fake.answers
    fake.answers = lambda name, asked: spoilt(answers(name, asked))
    phone = phones(fake)
    for hash_ in VIEWS.values():
        phone.open(hash_)
        phone.quiet(60)
        expect(phone.page.locator("main")).not_to_contain_text(words("view-failed"))
        unharmed(phone)


def spoilt(told: Any) -> Any:
    """Every text that people read, replaced by markup; times, ids and figures are left."""
    if isinstance(told, dict):
        return {k: MARKUP if k in ("why", "why_vi", "note", "user", "message", "rule", "step") and isinstance(v, str) else spoilt(v) for k, v in told.items()}
    return [spoilt(one) for one in told] if isinstance(told, list) else told


STRANGE = [
    "", "null", "true", "0", '"text"', "[]", "[1, 2]", "{}", "{", '{"state": null}', '{"state": {"a": 1}}', '{"state": ["ON"]}',
    '{"state": "ON", "observed": {}, "observed_level": "much", "levels": {}, "circuits": "abc", "run": [], "next": 7, "until": 5}',
    '{"state": "ON", "observed": "ON", "observed_level": 1e308, "level": -1e308, "until": "9999999-99-99", "since": "x"}',
    '{"state": "ON", "observed": "ON", "until": "+275760-09-13T00:00:00.001Z", "next": {"at": "2026-02-31T99:00Z", "level": 1e400}}',
    '{"state": "ON", "observed": "constructor", "reason": "__proto__", "by": "toString", "program": "__proto__"}',
    '{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}, "state": "ON", "observed": "ON"}',
    "[" * 5000 + "]" * 5000, '{"a":' * 5000 + "1" + "}" * 5000, json.dumps({"state": "ON", "observed": "x" * 1_000_000}),
]  # fmt: skip
RAW = [b"\xff\xfe\x00\xc3\x28", b'{"state": "\xff\xff", "observed": "ON"}', b"\x00" * 100]


@pytest.fixture
def watched(fake: FakeVillage, phones: MakePhone) -> Phone:
    """A phone that looks at the evening."""
    now = dt.datetime.now(dt.UTC)
    fake.show(evening(now), now=now)
    phone = phones(fake)
    phone.sees("light/main-road", LIT)
    return phone


def still_alive(fake: FakeVillage, phone: Phone) -> None:
    """What comes after the harm is shown as ever."""
    now = dt.datetime.now(dt.UTC).isoformat()
    for level, words_ in ((0, words("state.light.off")), (100, LIT)):
        fake.say("light/main-road/state", light(level, [0, 33, 67, 100], now), retain=True)
        phone.sees("light/main-road", words_)
    expect(phone.page.locator("main")).not_to_contain_text(words("view-failed"))
    unharmed(phone)


@pytest.mark.parametrize("leaf", ["light/main-road/state", "valve/plot-1/state", "meter/cabinet-1/reading", "time", "about", "status", "link", "alarm/leak:pump:pump-1", "light/main-road/result", "reply/head/page-x"])
def test_a_broken_payload_is_no_harm_anywhere(fake: FakeVillage, watched: Phone, leaf: str) -> None:
    for payload in [*STRANGE, *RAW]:
        fake.say_all({leaf: payload}, retain=False)
    watched.frames(3)
    fake.say_all({"status": "online", "link": "1"}, retain=False)
    still_alive(fake, watched)


def test_a_strange_about_is_read_as_far_as_it_can_be(fake: FakeVillage, watched: Phone) -> None:
    told = about()
    strange = [
        None, 5, "light", [], {}, {"id": "__proto__", "kind": "light"}, {"id": "constructor", "kind": "light", "name": "toString"},
        {"id": "x" * 40, "kind": "light"}, {"id": "ok-1", "kind": "__proto__"}, {"id": "a/b", "kind": "light"}, {"id": "../x", "kind": "light"},
        {"id": "ok-2", "kind": "light", "name": None, "levels": "many", "circuits": "x", "rated_w": "1e9"},
        {"id": "ok-3", "kind": "sensor", "quantities": [None, 5, {"name": None}, {"name": "__proto__", "unit": {}}, {"name": "x", "unit": "<b>"}]},
        {"id": "ok-4", "kind": "valve", "pump": "__proto__", "soil": 5, "max_on_s": -1, "default_s": "x"},
        {"id": "ok-5", "kind": "pump", "valves": [None, "__proto__", "../x"]},
        {"id": "ok-6", "kind": "meter", "tariff": "__proto__", "quantities": {}},
    ]  # fmt: skip
    for site in ({"timezone": "Mars/Olympus"}, {"latitude": 1e9, "longitude": "x"}, {"timezone": None, "name": ["x"]}):
        fake.say("about", {**told, "site": {**told["site"], **site}, "devices": [*told["devices"], *strange], "programs": [None, {"id": "__proto__"}, *told["programs"]]}, retain=True)
        watched.frames(3)
        for hash_ in VIEWS.values():
            watched.open(hash_)
            expect(watched.page.locator("main")).not_to_contain_text(words("view-failed"))
        watched.open("#/home")
        still_alive(fake, watched)


@pytest.mark.parametrize("site", ["__proto__", "Thôn", "a b", "<b>"])
def test_a_village_that_may_not_be_called_so_is_none(fake: FakeVillage, watched: Phone, site: str) -> None:
    told = about()
    told["site"]["id"] = site
    fake.say_at(f"village/{site}/about", told)
    fake.say_at(f"village/{site}/status", "online")
    try:
        still_alive(fake, watched)
    finally:
        fake.say_at(f"village/{site}/about", "")
        fake.say_at(f"village/{site}/status", "")


def test_alarms_with_strange_ids_are_shown_opened_and_acknowledged(fake: FakeVillage, watched: Phone) -> None:
    at = dt.datetime.now(dt.UTC).isoformat()
    told = {"state": "raised", "severity": "critical", "kind": "leak", "device": "pump/__proto__", "text": {"vi": "Rò <b>nước</b>", "en": "x"}, "at": at, "data": []}
    for name in ("__proto__", "leak:pump:<img src=x>", "%2e%2e%2fx", "a b?c=d&e", "constructor"):
        fake.say(f"alarm/{name}", told, retain=True)
    watched.open("#/alarms")
    expect(watched.page.get_by_text("Rò <b>nước</b>").first).to_be_visible()
    for name in ("__proto__", "leak:pump:%3Cimg%20src=x%3E", "constructor", "no-such-alarm", "%E0%A4%A", "../../x"):
        watched.open(f"#/alarms/{name}")
        expect(watched.page.locator("main")).not_to_contain_text(words("view-failed"))
    for hash_ in ("#/__proto__", "#/constructor", "#/lights/__proto__", "#/water/toString/diary", "#/energy/report/9999-99", "#/programs/%00", "#/@__proto__/home", "#/@nguyen-ly/lights", "#//////"):
        watched.page.evaluate("(hash) => { location.hash = hash; }", hash_)
        watched.frames(3)
        expect(watched.page.locator("nav.ways")).to_be_visible()
        expect(watched.page.locator("main")).not_to_contain_text(words("view-failed"))
    for name in ("__proto__", "leak:pump:<img src=x>", "%2e%2e%2fx", "a b?c=d&e", "constructor"):
        fake.say(f"alarm/{name}", "", retain=True)
    watched.page.evaluate("location.hash = '#/home'")
    still_alive(fake, watched)


def test_a_kept_picture_that_is_broken_is_dropped(fake: FakeVillage, watched: Phone) -> None:
    for kept in ("{", "null", "5", '{"at": "x", "villages": 5}', '{"villages": [[1, 2], null, ["nguyen-ly", 5]]}', json.dumps({"at": 1, "villages": [["nguyen-ly", [["about", "{"], [None, None]]]]})):
        watched.page.evaluate("(kept) => { const put = () => localStorage.setItem('picture', kept); put(); addEventListener('pagehide', () => setTimeout(put)); addEventListener('beforeunload', put); }", kept)
        watched.page.context.add_init_script(f"if (!sessionStorage.getItem('once')) localStorage.setItem('picture', {json.dumps(kept)});")
        watched.page.reload()
        watched.sees("light/main-road", LIT)
    still_alive(fake, watched)
