"""A tap goes to the broker once, and the page shows what the village then observes; undo brings back what was."""

from __future__ import annotations

import datetime as dt
import time

from e2e_house import BY_ITSELF
from page_house import MakePhone, Phone, Village, words
from playwright.sync_api import expect
from support import until

HALL = "light/culture-house"
PLOT = "valve/plot-1"
UNDO_MS = 6000
OFF, LIT = words("state.light.off"), words("state.light.on")
CLOSED, OPEN = words("state.valve.off"), words("state.valve.on")
UNDO, WAITING = words("undo"), words("waiting")


def commands_for(village: Village, target: str) -> list[str]:
    return [topic for topic in village.commands() if f"/{target}/set/" in topic]


def is_by_itself(village: Village, device: str) -> bool:
    return village.ear.state(device)["reason"] in BY_ITSELF


def free(village: Village) -> None:
    """The culture house follows its program, which leaves it dark."""
    village.ear.ask("AUTO", to=HALL)
    until(lambda: is_by_itself(village, "culture-house"), 5, "the program")


def test_one_tap_switches_a_light_and_the_row_follows_what_is_observed(village: Village, phone: Phone) -> None:
    free(village)
    phone.sees(HALL, OFF)
    before = len(commands_for(village, HALL))
    phone.device(HALL).get_by_role("button", name=f"{words('do.on')} Nhà văn hóa", exact=True).tap()
    phone.sees(HALL, LIT)
    expect(phone.device(HALL).locator(".why")).to_contain_text(words("override.ON", by=words("you")))
    assert village.ear.state("culture-house")["by"] == "head"
    phone.device(HALL).get_by_role("button", name=f"{words('do.off')} Nhà văn hóa", exact=True).tap()
    phone.sees(HALL, OFF)
    assert commands_for(village, HALL)[before:] == [f"village/nguyen-ly/{HALL}/set/head"] * 2


def test_a_row_is_waiting_until_the_result_and_shows_nothing_done_before(village: Village, phone: Phone) -> None:
    free(village)
    phone.sees(HALL, OFF)
    waiting = phone.page.evaluate(
        """(target) => {
          const row = document.querySelector(`[data-target="${target}"]`);
          row.querySelector('button.turn-on').click();
          return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(
            [row.querySelector('.state').textContent, row.querySelector('.switch')?.textContent.trim() ?? '']))));
        }""",
        HALL,
    )
    assert waiting in ([OFF, WAITING], [LIT, words("do.off")]), waiting  # the village may have answered within two frames
    phone.sees(HALL, LIT)


def test_undo_of_a_switched_light_gives_it_back_to_its_program(village: Village, phone: Phone) -> None:
    free(village)
    phone.sees(HALL, OFF)
    phone.device(HALL).locator(".turn-on").tap()
    phone.sees(HALL, LIT)
    phone.page.get_by_role("button", name=UNDO).tap()
    until(lambda: is_by_itself(village, "culture-house"), 3, "the program to have it again")
    phone.sees(HALL, OFF)
    expect(phone.page.get_by_role("button", name=UNDO)).to_have_count(0)


def test_undo_of_a_light_that_burnt_until_a_time_has_it_burn_until_then(village: Village, phone: Phone) -> None:
    village.ear.ask({"action": "on", "for_s": 7200}, to=HALL)
    phone.sees(HALL, LIT)
    was = until_of(village)
    phone.device(HALL).locator(".turn-off").tap()
    phone.sees(HALL, OFF)
    phone.page.get_by_role("button", name=UNDO).tap()
    phone.sees(HALL, LIT)
    assert abs((until_of(village) - was).total_seconds()) < 3
    free(village)


def test_undo_of_a_stopped_valve_waters_for_what_was_left(village: Village, phone: Phone) -> None:
    result = village.ear.ask({"action": "open", "for_s": 600}, to=PLOT)
    assert result["outcome"] in ("done", "accepted")
    phone.sees(PLOT, OPEN)
    phone.device(PLOT).locator(".turn-off").tap()
    phone.sees(PLOT, CLOSED, 10)
    phone.page.get_by_role("button", name=UNDO).tap()
    phone.sees(PLOT, OPEN, 10)
    planned = village.ear.json(f"{PLOT}/state")["run"]["planned_s"]
    assert 560 <= planned <= 600
    phone.page.get_by_role("button", name=words("stop-water")).last.tap()
    phone.sees(PLOT, CLOSED, 10)


def test_undo_is_offered_for_five_seconds_and_no_longer(village: Village, phone: Phone) -> None:
    free(village)
    phone.device(HALL).locator(".turn-on").tap()
    offered = phone.page.get_by_role("button", name=UNDO)
    expect(offered).to_be_visible()
    began = time.monotonic()
    expect(offered).to_have_count(0, timeout=UNDO_MS)
    assert 4 < time.monotonic() - began < 6
    free(village)


def test_two_phones_show_the_same_within_a_moment(village: Village, phones: MakePhone) -> None:
    free(village)
    one, other = phones(village), phones(village, width=412, dark=True, language="en", user="technician")
    one.device(HALL).locator(".turn-on").tap()
    other.sees(HALL, words("state.light.on", "en"), 2)
    expect(other.device(HALL).locator(".why")).to_contain_text("head")
    other.device(HALL).locator(".turn-off").tap()
    one.sees(HALL, OFF, 2)
    assert commands_for(village, HALL)[-2:] == [f"village/nguyen-ly/{HALL}/set/{who}" for who in ("head", "technician")]


def until_of(village: Village) -> dt.datetime:
    """Until when the culture house burns."""
    return dt.datetime.fromisoformat(until(lambda: village.ear.state("culture-house").get("until"), 3, "an end"))
