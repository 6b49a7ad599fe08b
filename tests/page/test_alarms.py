"""Alarms on the phone: what is open, what each means, and what "I know of it" does."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from fake_village import FakeVillage, alarm, evening
from page_house import PAGE, MakePhone, Phone
from playwright.sync_api import expect
from support import until

from edge.core.alarm_kinds import KINDS

DOOR = "door-open:input:cabinet-door"
BURST = "flow-high:valve:plot-3"


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_kind_of_alarm_is_explained(language: str) -> None:
    texts = json.loads((PAGE / "lang" / language / "alarms.json").read_text("utf-8"))
    for what in ("title", "means", "do", "tech"):
        explained = {key.removeprefix(f"alarm.{what}."): text for key, text in texts.items() if key.startswith(f"alarm.{what}.")}
        assert explained.keys() == KINDS.keys(), what
        assert all(len(text) > 5 for text in explained.values())
    # A head reads it in the rain: two or three sentences each.
    assert max(len(text) for key, text in texts.items() if key.startswith(("alarm.means", "alarm.do"))) < 170


def rows(phone: Phone) -> list[str]:
    """The alarms in the order in which they stand, each by its kind."""
    links = phone.page.locator("main a.alarm").evaluate_all("all => all.map((a) => a.getAttribute('href'))")
    return [link.split("/")[-1].split(":")[0] for link in links]


def asked(fake: FakeVillage) -> list[dict[str, Any]]:
    return [fields for topic, fields in fake.received if topic == "ask/head/alarm-ack"]


def test_the_gravest_come_first_and_those_that_are_over_below(fake: FakeVillage, phones: MakePhone) -> None:
    now = "2026-11-21T12:00:00.000Z"
    fake.show(evening() | {
        "alarm/hand-on:input:cabinet-switch": alarm("hand-on", "input/cabinet-switch", "info", "bằng tay", "on hand", now),
        "alarm/stuck-on:light:lanes": alarm("stuck-on", "light/lanes", "critical", "Đèn ngõ không tắt được", "does not go off", now, acknowledged_by="bac-tu"),
    })  # fmt: skip
    phone = phones(fake).open("#/alarms")
    expect(phone.page.locator("main a.alarm")).to_have_count(5)
    assert rows(phone) == ["flow-high", "device-silent", "hand-on", "stuck-on", "door-open"]
    sections = phone.page.locator("main section")
    expect(sections.nth(0).locator("h2")).to_contain_text("Đang có")
    expect(sections.nth(0).locator("li").nth(3)).to_contain_text("đã biết: bac-tu")
    expect(sections.nth(1).locator("h2")).to_contain_text("Đã hết, chưa ai báo đã biết")
    expect(sections.nth(1).locator("li")).to_have_count(1)


def test_no_alarm_is_said_to_be_none_only_while_the_cabinet_is_heard(fake: FakeVillage, phones: MakePhone) -> None:
    fake.show({"time": {"now": "2026-11-21T12:00:00.000Z", "trusted": True, "source": "ntp"}})
    phone = phones(fake).open("#/alarms")
    expect(phone.page.locator(".message")).to_have_text(re.compile("Không có cảnh báo nào"))
    fake.say("status", "offline", retain=True)
    expect(phone.page.locator(".message")).to_have_text(re.compile("Chưa nhận được cảnh báo nào"))


def test_an_alarm_says_what_it_means_and_leads_to_its_device(fake: FakeVillage, phones: MakePhone) -> None:
    fake.show(evening())
    phone = phones(fake).open("#/alarms")
    phone.page.locator("main a.alarm").first.tap()
    main = phone.page.locator("main")
    texts = json.loads((PAGE / "lang" / "vi" / "alarms.json").read_text("utf-8"))
    for text in ("Thửa 3 chảy quá mạnh", texts["alarm.means.flow-high"], texts["alarm.do.flow-high"], "Chưa ai báo đã biết"):
        expect(main).to_contain_text(text)
    phone.page.locator("summary").tap()
    expect(main.get_by_text(texts["alarm.tech.flow-high"])).to_be_visible()
    expect(main.locator("a", has_text="Thửa 3")).to_have_attribute("href", "#/water/plot-3")


def test_what_acknowledging_sets_free_is_said_before(fake: FakeVillage, phones: MakePhone) -> None:
    leak = alarm("leak", "pump/pump-1", "critical", "Rò nước", "A leak", "2026-11-21T12:00:00.000Z")
    without_pump = leak | {"device": "sensor/main-flow"}
    fake.show(evening() | {"alarm/leak:pump:pump-1": leak, "alarm/leak:sensor:main-flow": without_pump})
    phone = phones(fake).open(f"#/alarms/{BURST}")
    says = phone.page.locator(".ack > p")
    expect(says).to_have_text("Bấm “Đã biết” là cho phép van chạy lại. Sửa xong hãy bấm.")
    phone.open("#/alarms/leak:pump:pump-1")
    expect(says).to_contain_text("cho phép bơm chạy lại")
    phone.open("#/alarms/leak:sensor:main-flow")
    expect(says).to_contain_text("không sửa gì")
    phone.open(f"#/alarms/{DOOR}")
    expect(says).to_contain_text("cảnh báo mất đi")


def test_what_stands_still_until_somebody_knows_stays_at_the_top_when_it_is_over(fake: FakeVillage, phones: MakePhone) -> None:
    over = {"state": "cleared", "cleared_at": "2026-11-21T12:05:00.000Z"}
    leak = alarm("leak", "pump/pump-1", "critical", "Rò nước phía sau Bơm ruộng", "A leak", "2026-11-21T12:00:00.000Z", **over)
    fake.show({"alarm/leak:pump:pump-1": leak, f"alarm/{DOOR}": evening()[f"alarm/{DOOR}"]})
    phone = phones(fake)
    top = phone.page.locator(".attention a.alarm")
    expect(top).to_have_count(1)  # not the door: nothing waits for that
    expect(top).to_contain_text("đã hết, nhưng còn dừng cho đến khi bạn báo đã biết")
    expect(phone.page.locator(".badge")).to_have_text(re.compile("1"))
    top.tap()
    expect(phone.page.locator(".ack > p")).to_contain_text("cho phép bơm chạy lại")
    fake.say("alarm/leak:pump:pump-1", leak | {"acknowledged_by": "head"}, retain=True)
    expect(phone.page.locator(".badge")).to_have_count(0)


def test_a_tap_asks_waits_and_shows_who_knows(fake: FakeVillage, phones: MakePhone) -> None:
    fake.show(evening())
    answered = fake.answer
    fake.answer = lambda *_: None
    phone = phones(fake).open(f"#/alarms/{BURST}")
    button = phone.page.locator(".ack button")
    button.tap()
    until(lambda: asked(fake), 5, "the request")
    assert asked(fake)[0]["alarm"] == BURST
    expect(button).to_be_disabled()
    expect(phone.page.locator(".outcome")).to_contain_text("Đang chờ tủ điều khiển")
    expect(phone.page.locator("main")).to_contain_text("Chưa ai báo đã biết")  # not before the cabinet says so
    answered(fake, "ask/head/alarm-ack", asked(fake)[0])
    fake.say(f"alarm/{BURST}", evening()[f"alarm/{BURST}"] | {"acknowledged_by": "head"}, retain=True)
    expect(phone.page.locator(".outcome")).to_contain_text("Tủ đã ghi")
    expect(phone.page.locator("main")).to_contain_text("Đã biết: bạn")
    expect(button).to_have_count(0)
    fake.answer = answered


def test_an_alarm_that_was_over_is_gone_once_somebody_knows(fake: FakeVillage, phones: MakePhone) -> None:
    fake.show(evening())
    phone = phones(fake).open(f"#/alarms/{DOOR}")
    expect(phone.page.locator("main")).to_contain_text("Hết lúc")
    phone.page.locator(".ack button").tap()
    until(lambda: asked(fake), 5, "the request")
    fake.say(f"alarm/{DOOR}", "", retain=True)
    expect(phone.page.locator(".message")).to_have_text(re.compile("đã hết và đã có người biết"))
    phone.page.get_by_text("Xem mọi cảnh báo").tap()
    expect(phone.page.locator("main a.alarm")).to_have_count(2)
    assert "door-open" not in rows(phone)


def test_whoever_may_not_is_told_so_and_a_refusal_has_its_reason(fake: FakeVillage, phones: MakePhone) -> None:
    fake.show(evening())
    phone = phones(fake).open(f"#/alarms/{BURST}")
    told = phone.page.locator(".outcome")
    fake.answers = lambda *_: {"ok": False, "error": {"code": "unknown-alarm", "message": "name an open alarm"}}
    phone.page.locator(".ack button").tap()
    expect(told).to_contain_text("vừa hết")
    fake.answers = lambda *_: {"ok": False, "error": {"code": "bad-value", "message": "<b>nothing</b>"}}
    phone.page.locator(".ack button").tap()
    expect(told).to_contain_text("Tủ không nhận: <b>nothing</b>")
    answered, fake.answer = fake.answer, lambda *_: None
    phone.page.locator(".ack button").tap()
    expect(told).to_contain_text("Có thể bạn không có quyền", timeout=8000)
    expect(phone.page.locator("main")).to_contain_text("Chưa ai báo đã biết")
    fake.answer = answered


def test_an_alarm_of_a_newer_cabinet_and_hostile_words_are_shown_as_text(fake: FakeVillage, phones: MakePhone) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    fake.show(evening() | {
        "alarm/lamps-out:light:lanes": alarm("lamps-out", "light/lanes", "warning", hostile, hostile, "2026-11-21T12:00:00.000Z"),
    })  # fmt: skip
    phone = phones(fake).open("#/alarms/lamps-out:light:lanes")
    expect(phone.page.locator("h1")).to_contain_text(hostile)
    expect(phone.page.locator("main")).to_contain_text("mới hơn trang này")
    expect(phone.page.locator("main img")).to_have_count(0)


def test_home_names_what_is_not_heard_also_when_somebody_knows(fake: FakeVillage, phones: MakePhone) -> None:
    silent = "alarm/device-silent:sensor:soil-2"
    fake.show(evening())
    phone = phones(fake)
    unheard = phone.page.locator(".attention .silent")
    expect(unheard).to_have_text(re.compile("Không nghe được: Thửa 4"), timeout=9000)  # its line says nothing
    expect(unheard).not_to_contain_text("Đất thửa 3–4")  # an alarm says it
    fake.say(silent, evening()[silent] | {"acknowledged_by": "head"}, retain=True)
    expect(unheard).to_contain_text("Đất thửa 3–4")
    fake.say("status", "offline", retain=True)
    expect(unheard).to_have_count(0)  # then nothing is heard, and the line above says so
