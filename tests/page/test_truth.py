"""What nobody may be led to believe: that another's result is one's own, that what is over goes on, or the reverse."""

from __future__ import annotations

import datetime as dt

from fake_village import FakeVillage, evening, light, rfc3339, valve
from page_house import MakePhone, Phone, words
from playwright.sync_api import expect
from support import until

HALL = "light/culture-house"
OFF, LIT, UNKNOWN = words("state.light.off"), words("state.light.on"), words("unknown")
LOST = words("link-down").partition(",")[0]
RETAINED_IS_THERE_MS = 10_000
ALARM = "alarm/flow-high:valve:plot-3"
KEPT_TWO_HOURS_AGO = """
  const kept = JSON.parse(localStorage.getItem('picture') ?? 'null');
  if (kept) localStorage.setItem('picture', JSON.stringify({...kept, at: Date.now() - 2.02 * 3600e3}));
"""


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def lost(fake: FakeVillage, phone: Phone) -> None:
    """The phone loses the page's server, and knows."""
    phone.tolerate()
    fake.web.end()
    phone.says(LOST)


def back(fake: FakeVillage, phone: Phone) -> None:
    """The server is there again, and so is the link."""
    fake.web.start()
    expect(phone.page.locator(".link-bar")).to_have_count(0, timeout=10_000)


def test_a_tile_shows_what_is_observed_whatever_is_wanted(fake: FakeVillage, phones: MakePhone) -> None:
    at = rfc3339(now())
    fake.show(evening(now()))
    phone = phones(fake)
    for wanted, seen, said in ((100, "OFF", OFF), (0, "ON", LIT), (0, "unknown", UNKNOWN), (100, "unknown", UNKNOWN), (100, "ON", LIT)):
        level = {"ON": 100, "OFF": 0}.get(seen)
        fake.say_all({f"{HALL}/state": light(wanted, [0, 100], at) | {"observed": seen, "observed_level": level}})
        phone.sees(HALL, said)
        switches = phone.device(HALL).locator(".switch")
        expect(switches).to_have_count(2 if seen == "unknown" else 1)


def test_the_result_of_anothers_command_answers_no_tap(fake: FakeVillage, phones: MakePhone) -> None:
    fake.show(evening(now()))
    phone = phones(fake)
    phone.sees(HALL, LIT)
    phone.device(HALL).locator(".turn-off").tap()
    until(fake.commands, 3, "the command")
    for outcome in ("rejected", "failed", "done"):
        fake.say(f"{HALL}/result", {"id": "of-another", "user": "technician", "outcome": outcome, "state": "OFF", "took_ms": 1})
    phone.frames(3)
    expect(phone.device(HALL).locator(".answer")).to_contain_text(words("phase-of.waiting"))
    expect(phone.page.get_by_role("button", name=words("undo"))).to_have_count(0)
    expect(phone.device(HALL).locator(".answer")).to_contain_text(words("phase-of.silent"), timeout=4500)
    phone.sees(HALL, LIT)


def test_an_undo_without_a_link_is_refused_and_is_not_sent_when_it_is_back(fake: FakeVillage, phones: MakePhone) -> None:
    fake.show(evening(now()))
    fake.carry_out = True
    phone = phones(fake)
    phone.device(HALL).locator(".turn-off").tap()
    phone.sees(HALL, OFF)
    expect(phone.page.get_by_role("button", name=words("undo"))).to_be_visible()
    lost(fake, phone)
    phone.page.get_by_role("button", name=words("undo")).tap()
    expect(phone.device(HALL).locator(".answer")).to_contain_text(words("phase-of.unsent"))
    back(fake, phone)
    phone.device("light/lanes").locator(".turn-off").tap()
    phone.sees("light/lanes", OFF)
    assert [topic for topic, _ in fake.commands()] == [f"{HALL}/set/head", "light/lanes/set/head"]


def test_water_that_only_waits_can_be_stopped_from_every_page(fake: FakeVillage, phones: MakePhone) -> None:
    picture = evening(now())
    picture |= {f"valve/plot-{n}/state": valve("CLOSED", rfc3339(now())) for n in (1, 3, 4)}
    fake.show(picture)
    phone = phones(fake)
    for hash_ in ("#/home", "#/lights"):
        phone.open(hash_)
        expect(phone.page.locator(".stop-bar")).to_contain_text(words("water-waits"))
        expect(phone.page.locator(".stop-bar").get_by_role("button", name=words("stop-water"))).to_be_in_viewport()
    fake.say_all({"valve/plot-2/state": valve("CLOSED", rfc3339(now()))})
    expect(phone.page.locator(".stop-bar")).to_have_count(0)


def test_a_kept_picture_is_shown_with_its_age(fake: FakeVillage, phones: MakePhone) -> None:
    fake.show(evening(now()))
    phone = phones(fake)
    phone.sees(HALL, LIT)
    phone.tolerate()
    phone.context.add_init_script(KEPT_TWO_HOURS_AGO)
    phone.context.route_web_socket("**/mqtt", lambda socket: socket.close())
    phone.page.reload()
    phone.sees(HALL, LIT)
    phone.says(words("hours", n=2))
    expect(phone.device(HALL).locator(".switch")).to_be_disabled()


def test_an_alarm_that_ended_while_the_link_was_away_does_not_stay(fake: FakeVillage, phones: MakePhone) -> None:
    picture = evening(now())
    fake.show(picture)
    phone = phones(fake)
    over, stays = (phone.page.locator(".attention").get_by_text(text) for text in (picture[ALARM]["text"]["vi"], "Đất thửa 3–4 không trả lời"))
    expect(over).to_be_visible()
    lost(fake, phone)
    fake.say(ALARM, "", retain=True)
    phone.page.clock.install()
    back(fake, phone)
    phone.page.clock.fast_forward(RETAINED_IS_THERE_MS)
    expect(over).to_have_count(0)
    expect(stays).to_be_visible()
