"""Without eyes, without colours, without a touch: what a screen reader is told, what keys do, and that words tell states."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from fake_village import FakeVillage, evening, light
from page_house import MakePhone, Phone, words
from playwright.sync_api import expect
from support import until

HALL = "light/culture-house"
LEVELS = [0, 33, 67, 100]


@pytest.fixture
def tonight(fake: FakeVillage) -> FakeVillage:
    """The example's evening, now, whose controller does what it is told."""
    now = dt.datetime.now(dt.UTC)
    fake.show(evening(now), now=now)
    fake.carry_out = True
    return fake


def test_a_screen_reader_is_told_what_there_is_and_what_can_be_done(tonight: FakeVillage, phones: MakePhone) -> None:
    page = phones(tonight).page
    expect(page.locator("main")).to_match_aria_snapshot(f"""
      - region "{words("attention")}":
        - heading "{words("attention")}" [level=2]
        - list:
          - listitem:
            - 'link /{words("severity.critical")} Thửa 3 chảy quá mạnh/'
          - listitem:
            - 'link /{words("severity.warning")} Đất thửa 3–4 không trả lời/'
      - region /{words("lights")}/:
        - heading /{words("lights")}/ [level=2]
        - article:
          - link /Đường trục thôn {words("state.light.on")}/:
            - heading "Đường trục thôn" [level=3]
          - button "{words("do.off")} Đường trục thôn"
          - 'button "{words("how-long-of", name="Đường trục thôn")}"'
    """)
    expect(page.get_by_role("navigation", name=words("ways")).get_by_role("link")).to_have_count(5)
    expect(page.get_by_role("button", name=words("stop-water")).last).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == "vi"
    live = page.locator("[aria-live]").evaluate_all("(all) => all.map((e) => e.className.split(' ')[0])")
    assert {"link-said", "undo", "answer"} <= set(live)


def test_keys_alone_switch_for_two_hours_and_the_sheet_keeps_the_focus_and_gives_it_back(tonight: FakeVillage, phones: MakePhone) -> None:
    phone = phones(tonight)
    opener = phone.page.get_by_role("button", name=words("how-long-of", name="Nhà văn hóa"))
    opener.focus()
    phone.page.keyboard.press("Enter")
    sheet = phone.page.get_by_role("dialog", name="Nhà văn hóa")
    expect(sheet).to_be_visible()
    inside = "document.activeElement === document.body || document.querySelector('dialog').contains(document.activeElement)"
    for _ in range(25):
        phone.page.keyboard.press("Tab")
        assert phone.page.evaluate(inside)  # the body: the browser's own bar, between the last and the first
    phone.page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    expect(opener).to_be_focused()
    phone.page.keyboard.press("Enter")
    choice = sheet.get_by_role("button", name=f"2 {words('hours', n='').strip()}")
    while not choice.evaluate("(e) => e === document.activeElement"):
        phone.page.keyboard.press("Tab")
    phone.page.keyboard.press("Enter")
    until(tonight.commands, 5, "the command")
    topic, command = tonight.commands()[0]
    assert (topic, command["action"], command["for_s"]) == (f"{HALL}/set/head", "on", 7200)
    expect(sheet).to_have_count(0)


def test_the_first_key_leads_past_everything_to_the_content(tonight: FakeVillage, phones: MakePhone) -> None:
    page = phones(tonight).page
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name=words("skip"))).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


STATES: dict[str, dict[str, Any]] = {
    "on": light(100, LEVELS, "2026-11-21T12:00:00Z"),
    "a third": light(33, LEVELS, "2026-11-21T12:00:00Z"),
    "off": light(0, LEVELS, "2026-11-21T12:00:00Z"),
    "partial": light(100, LEVELS, "2026-11-21T12:00:00Z", observed="partial", observed_level=67),
    "unknown": light(100, LEVELS, "2026-11-21T12:00:00Z", observed="unknown", observed_level=None),
}


def test_no_two_states_are_told_apart_by_colour_alone(tonight: FakeVillage, phones: MakePhone) -> None:
    phone = phones(tonight)
    told = {}
    for name, state in STATES.items():
        tonight.say("light/main-road/state", state, retain=True)
        phone.quiet()
        row = phone.device("light/main-road")
        told[name] = (row.locator(".state").inner_text(), tuple(row.locator(".switch").all_inner_texts()))
    assert len({state for state, _ in told.values()}) == len(STATES), told
    for kind, observed in (("valve/plot-3", ("OPEN", "CLOSED", "unknown")), ("pump/pump-1", ("ON", "OFF", "unknown"))):
        phone.open("#/water")
        seen = set()
        for word in observed:
            tonight.say(f"{kind}/state", {"state": word, "observed": word, "reason": "default"}, retain=True)
            phone.quiet()
            seen.add(phone.device(kind).locator(".state").inner_text())
        assert len(seen) == len(observed), seen


def test_alarms_say_in_words_how_urgent_they_are_and_locks_that_they_are(tonight: FakeVillage, phones: MakePhone) -> None:
    phone = phones(tonight)
    for severity in ("critical", "warning", "info"):
        tonight.say(f"alarm/door-open:input:{severity}", {"state": "raised", "severity": severity, "kind": "door-open", "device": "input/door",
            "text": {"vi": f"Cửa {severity}", "en": "x"}, "data": {}, "at": dt.datetime.now(dt.UTC).isoformat(), "cleared_at": None, "acknowledged_by": None}, retain=True)  # fmt: skip
    phone.open("#/alarms")
    for severity in ("critical", "warning", "info"):
        expect(phone.page.get_by_role("link", name=re.compile(f"{words(f'severity.{severity}')}.*Cửa {severity}"))).to_be_visible()
        tonight.say(f"alarm/door-open:input:{severity}", "", retain=True)
    phone.open("#/home")
    tonight.say("light/main-road/state", light(100, LEVELS, "2026-11-21T12:00:00Z", reason="lockout", by="tech"), retain=True)
    expect(phone.device("light/main-road").locator(".why")).to_contain_text(words("reason.lockout"))


def test_what_a_tap_comes_to_is_said_aloud(tonight: FakeVillage, phones: MakePhone) -> None:
    tonight.carry_out = False
    phone: Phone = phones(tonight)
    phone.device(HALL).locator(".turn-off").tap()
    answer = phone.device(HALL).locator(".answer[aria-live=polite]")
    expect(answer).to_contain_text(words("phase-of.waiting"))
    expect(phone.device(HALL).locator(".switch").first).to_have_attribute("aria-busy", "true")
    expect(answer).to_contain_text(words("phase-of.silent"), timeout=4500)
    phone.device(HALL).get_by_role("button", name=words("understood")).tap()
    expect(answer).to_be_empty()
