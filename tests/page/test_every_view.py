"""What holds on every view: axe finds nothing, all can be hit with a thumb, seen at twice the text, and reached by keys."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from fake_village import FakeVillage, evening
from page_house import MakePhone, Phone, words
from page_views import VIEWS
from playwright.sync_api import Page, expect

SPOKEN = ".state, .alarm, .link-bar, .answer, .badge, .stop-bar, .doubt"  # states and alarms: contrast of 7:1
AXE = """async (strict) => {
  const told = (found, rule) => found.violations.flatMap((v) => v.nodes.map((n) => `${rule ?? v.id}: ${n.html.slice(0, 160)} (${n.any.concat(n.all, n.none)[0]?.message ?? v.help})`));
  const all = told(await axe.run(document, {resultTypes: ['violations']}));
  if (!document.querySelector(strict)) return all;
  const enhanced = {runOnly: {type: 'rule', values: ['color-contrast-enhanced']}, resultTypes: ['violations']};
  return all.concat(told(await axe.run({include: [[strict]]}, enhanced), 'contrast of a state'));
}"""
SMALL = """() => {
  const wanted = 'button, a[href], input, select, textarea, summary, [role=button], [tabindex="0"]';
  const hidden = (e) => e.closest('.skip, .aside') || !e.checkVisibility({visibilityProperty: true});
  return [...document.querySelectorAll(wanted)].filter((e) => !hidden(e)).map((e) => {
    const box = (['checkbox', 'radio'].includes(e.type) ? e.closest('label') ?? e : e).getBoundingClientRect();
    return {what: e.outerHTML.slice(0, 140), width: box.width, height: box.height};
  }).filter((e) => e.width < 47.5 || e.height < 47.5);
}"""
WIDE = """() => {
  const most = document.documentElement.clientWidth;
  if (document.scrollingElement.scrollWidth <= most) return [];
  const out = [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > most + 1 && e.checkVisibility());
  return [`${document.scrollingElement.scrollWidth} of ${most}`, ...out.slice(0, 4).map((e) => e.outerHTML.slice(0, 160))];
}"""
REACHABLE = """() => {
  const wanted = 'button:not(:disabled), a[href], input:not(:disabled), select:not(:disabled), textarea, summary';
  const found = [...document.querySelectorAll(wanted)].filter((e) => e.checkVisibility({visibilityProperty: true}) && e.tabIndex >= 0);
  const radios = new Set();
  return found.filter((e) => e.type !== 'radio' || (!radios.has(e.name) && radios.add(e.name))).map((e, n) => (e.dataset.key = n, e.outerHTML.slice(0, 120)));
}"""
FOCUSED = """() => {
  const e = document.activeElement;
  if (!e || e === document.body) return null;
  const style = getComputedStyle(e);
  return {key: e.type === 'radio' ? [...document.getElementsByName(e.name)].map((r) => r.dataset.key).find((k) => k !== undefined) : e.dataset.key,
          marked: parseFloat(style.outlineWidth) >= 2 && style.outlineStyle !== 'none' || style.boxShadow !== 'none'};
}"""


@pytest.fixture
def tonight(fake: FakeVillage) -> FakeVillage:
    """The example's evening, now."""
    now = dt.datetime.now(dt.UTC)
    fake.show(evening(now), now=now)
    return fake


def over_all(phone: Phone, look: str, *given: Any) -> dict[str, list[Any]]:
    """What `look` finds on each view, where it finds anything."""
    found = {}
    for name, hash_ in VIEWS.items():
        phone.open(hash_)
        phone.quiet()
        if complaints := phone.page.evaluate(look, *given):
            found[name] = complaints
    return found


def told(found: dict[str, list[Any]]) -> str:
    return json.dumps(found, ensure_ascii=False, indent=1)


@pytest.mark.parametrize(("dark", "language"), [(False, "vi"), (True, "en")])
def test_axe_finds_nothing_on_any_view(tonight: FakeVillage, phones: MakePhone, dark: bool, language: str) -> None:
    phone = phones(tonight, dark=dark, language=language)
    phone.page.evaluate(AXE_SCRIPT)
    found = over_all(phone, AXE, SPOKEN)
    assert not found, told(found)


def test_axe_finds_nothing_where_nobody_is_logged_in_and_while_the_link_is_down(tonight: FakeVillage, phones: MakePhone) -> None:
    phone = phones(tonight)
    phone.tolerate()
    phone.context.set_offline(True)
    phone.page.evaluate("dispatchEvent(new Event('offline'))")
    tonight.web.end()
    expect(phone.page.locator(".link-bar")).to_be_visible()
    phone.page.evaluate(AXE_SCRIPT)
    assert phone.page.evaluate(AXE, SPOKEN) == []
    phone.context.set_offline(False)
    tonight.web.start()
    expect(phone.page.locator(".link-bar")).to_have_count(0, timeout=10_000)
    phone.page.evaluate("localStorage.clear()")
    phone.page.goto("about:blank")
    phone.page.goto(tonight.web.url)
    expect(phone.page.get_by_role("button", name=words("login.enter"))).to_be_visible()
    phone.page.evaluate(AXE_SCRIPT)
    assert phone.page.evaluate(AXE, SPOKEN) == []
    assert phone.page.evaluate(SMALL) == []


def test_everything_that_can_be_tapped_is_as_large_as_a_thumb(tonight: FakeVillage, phones: MakePhone) -> None:
    found = over_all(phones(tonight), SMALL)
    assert not found, told(found)


@pytest.mark.parametrize(("width", "text", "language"), [(360, 100, "vi"), (360, 200, "vi"), (360, 200, "en")])
def test_no_view_scrolls_sideways(tonight: FakeVillage, phones: MakePhone, width: int, text: int, language: str) -> None:
    found = over_all(phones(tonight, width=width, text=text, language=language), WIDE)
    assert not found, told(found)


def test_every_control_is_reached_by_keys_and_shows_that_it_is(tonight: FakeVillage, phones: MakePhone) -> None:
    phone = phones(tonight)
    found: dict[str, list[Any]] = {}
    for name, hash_ in VIEWS.items():
        phone.open(hash_)
        phone.quiet()
        wanted = phone.page.evaluate(REACHABLE)
        reached, unmarked = walked(phone.page, len(wanted))
        missed = [what for key, what in enumerate(wanted) if str(key) not in reached]
        if missed or unmarked:
            found[name] = [{"missed": missed, "no mark": [wanted[int(key)] for key in unmarked]}]
    assert not found, told(found)


def walked(page: Page, count: int) -> tuple[set[str], set[str]]:
    """What Tab reaches from the top, and what of it does not show it."""
    page.evaluate("document.activeElement?.blur(); getSelection().removeAllRanges(); scrollTo(0, 0)")
    reached: set[str] = set()
    unmarked: set[str] = set()
    for _ in range(2 * count + 10):
        page.keyboard.press("Tab")
        at = page.evaluate(FOCUSED)
        if at is not None and at["key"] is not None:
            reached.add(at["key"])
            if not at["marked"]:
                unmarked.add(at["key"])
        if len(reached) >= count:
            break
    return reached, unmarked


def test_a_view_looks_the_same_whatever_was_opened_before_it(tonight: FakeVillage, phones: MakePhone) -> None:
    height = "document.querySelector('main').getBoundingClientRect().height"
    looked: dict[str, list[float]] = {name: [] for name in ("lights", "program-light", "plot", "energy", "alarms")}
    fresh = {name: phones(tonight) for name in looked}
    last = fresh["alarms"]
    for name, hash_ in VIEWS.items():
        if name in looked:
            fresh[name].open(hash_).quiet(300)
            looked[name].append(fresh[name].page.evaluate(height))
        last.open(hash_)
    for name, heights in looked.items():
        last.open(VIEWS[name]).quiet(300)
        heights.append(last.page.evaluate(height))
    assert all(abs(alone - after) < 2 for alone, after in looked.values()), looked
