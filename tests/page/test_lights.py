"""The lights' page: one light switched, its night as a strip and in words, until which hour, its circuits and details."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from fake_village import EVENING, FakeVillage, alarm, evening, light
from page_fit import fits
from page_house import MakePhone, Phone, Village
from playwright.sync_api import Locator, expect
from support import until

from edge.core.light_state import detail

MAIN_ROAD = "#/lights/main-road"


def at(phone: Phone, now: dt.datetime) -> Phone:
    """The page's server says that it is now this time."""
    told = {"now": now.isoformat(), "page": phone.page.evaluate("document.documentElement.dataset.page")}
    phone.context.route("**/now", lambda route: route.fulfill(json=told))
    with phone.page.expect_response("**/now"):
        phone.page.reload()
    expect(phone.page.locator("main h1").first).to_be_attached()
    return phone


def button(phone: Phone, name: str | re.Pattern[str]) -> Locator:
    return phone.page.get_by_role("button", name=name)


def steps(phone: Phone) -> list[str]:
    listed = phone.page.locator(".night-steps li")
    expect(listed.first).to_be_attached()
    return [" ".join(text.split()) for text in listed.all_inner_texts()]


def shown(fake: FakeVillage, phones: MakePhone, now: dt.datetime = EVENING, hash_: str = MAIN_ROAD, **more: Any) -> Phone:
    return at(phones(fake, **more), now).open(hash_)


def test_levels_are_switched_and_pressed_only_when_they_are_seen(village: Village, phone: Phone) -> None:
    phone.open(MAIN_ROAD)
    button(phone, "33 %").tap()
    expect(button(phone, "33 %")).to_have_attribute("aria-pressed", "true")
    assert phone.page.locator(".device.one .state").inner_text().strip() == "Đang sáng 33 %"
    expect(phone.page.locator(".device.one")).to_contain_text("bạn bật")
    assert [c["observed"] for c in village.ear.state()["circuits"]].count(True) == 1
    expect(phone.page.locator(".circuits").get_by_text("đang sáng", exact=True)).to_have_count(1)
    button(phone, "Tắt").tap()
    expect(button(phone, "Tắt")).to_have_attribute("aria-pressed", "true")
    button(phone, "Theo lịch").tap()
    expect(button(phone, "Theo lịch")).to_have_attribute("aria-pressed", "true")
    until(lambda: village.ear.state()["reason"] != "override", 5, "the program to stand again")


def test_the_plan_is_asked_for_again_when_a_person_has_switched(village: Village, phone: Phone) -> None:
    def plans() -> int:
        return village.commands().count("village/nguyen-ly/ask/head/plan")

    phone.open(MAIN_ROAD)
    until(lambda: plans() > 0, 5, "the plan to be asked for")

    def switched(name: str, said: str) -> None:
        before = plans()
        button(phone, name).tap()
        expect(phone.page.locator(".night-steps li").first).to_have_text(re.compile(f"Bây giờ: {re.escape(said)}"))
        until(lambda: plans() > before, 5, "the plan to be asked for again")

    switched("67 %", "sáng 67 % (hai phần ba)")
    switched("Theo lịch", "tắt")


def test_an_evening_is_drawn_and_written_in_the_village_time(fake: FakeVillage, phones: MakePhone) -> None:
    fake.show(evening(), now=EVENING)
    phone = shown(fake, phones)
    assert steps(phone) == [
        "Bây giờ: sáng hết", "22:30 sáng 33 % (một phần ba)", "06:25 ngày mai tắt (10 phút sau khi mặt trời mọc)",
    ]  # fmt: skip
    box = phone.page.locator(".strip").bounding_box()
    assert box is not None
    share = [
        (round((b["x"] - box["x"]) / box["width"] * 48) / 2, round(b["width"] / box["width"] * 48) / 2, round(b["height"] / box["height"] * 100, -1))
        for b in (one.bounding_box() for one in phone.page.locator(".strip .lit:not(.past)").all()) if b
    ]  # fmt: skip
    assert share == [(7.5, 3.0, 80.0), (10.5, 8.0, 30.0)]  # hours after noon, hours long, height: 100 % is 80 of 100
    expect(phone.page.locator(".strip .now-word")).to_have_text("bây giờ")
    assert phone.page.locator(".night").get_attribute("aria-hidden") == "true"


def test_before_noon_the_night_under_way_is_shown_until_its_last_step(fake: FakeVillage, phones: MakePhone) -> None:
    dawn = dt.datetime(2026, 11, 21, 22, 0, tzinfo=dt.UTC)
    fake.show({**evening(), "light/main-road/state": light(33, [0, 33, 67, 100], "2026-11-21T15:30:00.000Z", "2026-11-21T23:25:00.000Z")})
    rule = {"at": "2026-11-21T23:25:00.000Z", "device": "light/main-road", "level": 0, "step": "sunrise + 10m", "rule": "lunar_day 15", "within_s": 2700.0}
    evening_after = {"at": "2026-11-22T10:05:00.000Z", "device": "light/main-road", "level": 100, "step": "sunset - 10m", "rule": "", "within_s": 0.0}
    fake.answers = lambda *_: {"trusted": True, "held": [], "changes": [rule, evening_after], "runs": []}
    phone = shown(fake, phones, dawn)
    assert steps(phone) == ["Bây giờ: sáng 33 % (một phần ba)", "06:25 tắt (10 phút sau khi mặt trời mọc; rằm hằng tháng; tùy trời, sớm hoặc muộn tối đa 45 phút)"]
    expect(phone.page.locator(".night-of")).to_contain_text("21/11 đến trưa")
    fake.answers = lambda *_: {"trusted": True, "held": [], "changes": [evening_after], "runs": []}
    fake.say("light/main-road/state", light(0, [0, 33, 67, 100], "2026-11-21T23:25:00.000Z", "2026-11-22T10:05:00.000Z"), retain=True)
    expect(phone.page.locator(".night-of")).to_contain_text("22/11 đến trưa")
    assert steps(phone)[0] == "Bây giờ: tắt"
    assert steps(phone)[1].startswith("17:05 sáng hết")


@pytest.mark.parametrize(("answer", "said"), [
    ({"trusted": False, "held": [], "changes": []}, "Đồng hồ của tủ chưa chắc đúng giờ"),
    ({"trusted": True, "held": [{"device": "light/main-road", "reason": "lockout"}], "changes": []}, "Đang khóa để sửa điện"),
    ({"trusted": True, "held": [{"device": "light/main-road", "reason": "hand"}], "changes": []}, "Công tắc ở tủ đang để bằng tay"),
    ({"trusted": True, "held": [], "changes": [{"at": "soon", "device": "light/main-road", "level": 5}, {"device": 7}, None]}, "Không đổi gì đến trưa."),
])  # fmt: skip
def test_a_night_without_steps_says_why(fake: FakeVillage, phones: MakePhone, answer: dict[str, Any], said: str) -> None:
    fake.show(evening())
    fake.answers = lambda *_: answer
    expect(shown(fake, phones).page.get_by_role("region", name="Đêm nay")).to_contain_text(said)


def test_tonight_until_one_is_one_tap_and_not_there_in_the_morning(fake: FakeVillage, phones: MakePhone) -> None:
    fake.show(evening(), now=EVENING)
    phone = shown(fake, phones)
    button(phone, "Tối nay đến 01:00").tap()
    until(fake.commands, 5, "the command")
    [(topic, command)] = fake.commands()
    assert topic == "light/main-road/set/head"
    assert (command["action"], command["level"], command["until"]) == ("on", 100, "2026-11-21T18:00:00.000Z")
    phone = shown(fake, phones, dt.datetime(2026, 11, 22, 1, 0, tzinfo=dt.UTC))
    expect(button(phone, "Đến mấy giờ…")).to_be_visible()
    expect(button(phone, "Tối nay đến 01:00")).to_have_count(0)


def test_a_wedding_is_lit_until_an_hour_of_tomorrow_at_a_chosen_level(fake: FakeVillage, phones: MakePhone) -> None:
    fake.show(evening(), now=EVENING)
    phone = shown(fake, phones)
    button(phone, "Đến mấy giờ…").tap()
    sheet = phone.page.get_by_role("dialog")
    hours = sheet.locator(".hours-of button")
    assert hours.all_inner_texts()[:5] == ["20:00", "21:00", "22:00", "23:00", "00:00 ngày mai"]
    sheet.get_by_role("button", name="67 %").tap()
    sheet.get_by_role("button", name="02:00 ngày mai").tap()
    until(fake.commands, 5, "the command")
    command = fake.commands()[0][1]
    assert (command["action"], command["level"], command["until"]) == ("on", 67, "2026-11-21T19:00:00.000Z")
    expect(sheet).to_have_count(0)


def test_circuits_say_what_is_seen_what_is_wrong_and_who_works_on_them(fake: FakeVillage, phones: MakePhone) -> None:
    seen = {"id": "a", "on": True, "observed": True, "hours": 1234}
    dark = {"id": "b", "on": True, "observed": False, "hours": 7, "locked": True}
    lost = {"id": "c", "on": True, "observed": None, "hours": 0}
    state = light(100, [0, 33, 67, 100], "2026-11-21T10:00:00.000Z") | {"circuits": [seen, dark, lost], "observed": "unknown", "observed_level": None}
    fake.show({**evening(), "light/main-road/state": state})
    phone = shown(fake, phones)
    cards = [" ".join(text.split()) for text in phone.page.locator(".circuits li").all_inner_texts()]
    assert cards == [
        "Mạch A đang sáng đã sáng tổng cộng 1.234 giờ",
        "Mạch B đang tắt khóa, đang sửa điện đã ra lệnh bật mà chưa thấy sáng đã sáng tổng cộng 7 giờ",
        "Mạch C không rõ đã sáng tổng cộng 0 giờ",
    ]  # fmt: skip
    expect(phone.page.locator(".device.one .state")).to_have_text("không rõ")
    expect(phone.page.locator('.levels [aria-pressed="true"]')).to_have_text("Theo lịch")  # no level, for none is seen


def test_what_is_wrong_with_a_light_stands_on_its_page(fake: FakeVillage, phones: MakePhone) -> None:
    stuck = alarm("stuck-on", "light/main-road", "critical", "Đường trục thôn: mạch b không tắt được", "Main road: circuit b does not go off", "2026-11-21T12:00:00.000Z")
    fake.show({**evening(), "alarm/stuck-on:light:main-road": stuck})
    phone = shown(fake, phones)
    expect(phone.page.locator("main .alarm")).to_have_text(re.compile("Khẩn: Đường trục thôn: mạch b không tắt được"))
    phone.open("#/lights/lanes")
    expect(phone.page.locator("main .alarm")).to_have_count(0)


def test_power_is_shown_where_the_meter_feeds_this_light_alone(fake: FakeVillage, phones: MakePhone) -> None:
    fake.show(evening())
    phone = shown(fake, phones, hash_="#/lights/culture-house")
    expect(phone.page.locator(".facts")).to_contain_text("Đang dùng 180 W")
    phone.open(MAIN_ROAD)
    expect(phone.page.locator(".facts")).to_contain_text("Công tơ Tủ điện 1 đo chung với Đèn ngõ")
    expect(phone.page.locator(".facts")).not_to_contain_text("Đang dùng")


def test_what_a_state_says_besides_is_said_in_the_persons_words(fake: FakeVillage, phones: MakePhone) -> None:
    told = detail(None, False, ["a locked by tech: thay bóng", "all locked by bac-tu"], [])
    assert told is not None
    texts = {
        told: ["bac-tu đang khóa để sửa.", "Mạch A: tech đang khóa để sửa (thay bóng).", "Đồng hồ của tủ chưa chắc đúng giờ."],
        "b: it does not close, another burns for it; restrike: lamps cool for 60 s": ["Mạch B không sáng, mạch khác sáng thay.", "phải nguội 60 giây"],
        "circuits on one meter are switched on 10 s apart": ["bật cách nhau 10 giây"],
        "c: the board is silent": ["Mạch C trục trặc: the board is silent"],
        "something <b>new</b>": ["something <b>new</b>"],
    }
    fake.show(evening())
    phone = shown(fake, phones)
    for text, said in texts.items():
        fake.say("light/main-road/state", light(100, [0, 33, 67, 100], "2026-11-21T10:00:00.000Z", detail=text), retain=True)
        for one in said:
            expect(phone.page.locator(".device.one")).to_contain_text(one)


@pytest.mark.parametrize(("dark", "language", "text", "width"), [(False, "vi", 100, 360), (True, "en", 100, 412), (False, "vi", 200, 360), (True, "en", 200, 360)])
def test_nothing_stands_out_sideways_and_everything_can_be_hit(
    fake: FakeVillage, phones: MakePhone, dark: bool, language: str, text: int, width: int
) -> None:
    fake.show(evening(), now=EVENING)
    phone = shown(fake, phones, dark=dark, language=language, text=text, width=width)
    fits(phone, width)
    button(phone, "Đến mấy giờ…" if language == "vi" else "Until which hour…").tap()
    fits(phone, width)
    phone.page.keyboard.press("Escape")
    phone.open("#/lights")
    fits(phone, width)
