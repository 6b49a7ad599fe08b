"""One page for many villages: who needs somebody, who is not heard, and the way into each."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fake_village import FakeVillage, about, evening, light, rfc3339
from page_house import MakePhone, Phone
from playwright.sync_api import Locator, expect

NOW = dt.datetime.now(dt.UTC)


@pytest.fixture(autouse=True)
def the_tests_own_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between this module's beginning and a test of it minutes may pass."""
    monkeypatch.setitem(globals(), "NOW", dt.datetime.now(dt.UTC))


class District:
    """Further villages on the broker of `fake`, which are taken away again."""

    def __init__(self, fake: FakeVillage) -> None:
        self.fake = fake
        self.others: list[FakeVillage] = []

    def add(self, site: str, name: str, **more: Any) -> FakeVillage:
        other = FakeVillage(self.fake.port, self.fake.web, site)
        described = about()
        described["site"] |= {"id": site, "name": name}
        other.show({"light/lanes/state": light(100, [0, 100], rfc3339(NOW)), **more}, described)
        self.others.append(other)
        return other

    def clear(self) -> None:
        for other in self.others:
            for leaf in list(other._shown):
                other.say(leaf, "", retain=True)
            other.leave()


@pytest.fixture
def district(fake: FakeVillage) -> Iterator[District]:
    fake.show(evening(NOW))
    made = District(fake)
    yield made
    made.clear()


def card(phone: Phone, site: str) -> Locator:
    return phone.page.locator(f'[data-village="{site}"]')


def order(phone: Phone) -> list[str]:
    return phone.page.locator("[data-village]").evaluate_all("all => all.map((one) => one.dataset.village)")


@pytest.mark.usefixtures("district")
def test_one_village_is_opened_at_once_and_listed_when_asked_for(fake: FakeVillage, phones: MakePhone) -> None:
    phone = phones(fake)
    phone.sees("light/main-road", "Đang sáng")
    phone.open("#/villages")
    expect(phone.page.locator("[data-village]")).to_have_count(1)
    assert order(phone) == ["nguyen-ly"]
    expect(phone.page.locator("main")).to_contain_text("1 thôn · 1 có cảnh báo")


def test_of_two_the_one_that_needs_somebody_comes_first(fake: FakeVillage, district: District, phones: MakePhone) -> None:
    district.add("an-thuong", "Thôn An Thượng")
    phone = phones(fake)
    expect(phone.page.locator("[data-village]")).to_have_count(2)
    assert order(phone) == ["nguyen-ly", "an-thuong"]
    grave, well = card(phone, "nguyen-ly"), card(phone, "an-thuong")
    expect(grave).to_contain_text("2 cảnh báo chưa xem")
    expect(grave).to_contain_text("Thửa 3 chảy quá mạnh")
    expect(grave).to_contain_text("3 trên 3 tuyến đang sáng")
    expect(grave).to_contain_text("Đang có nước: Thửa 1")
    expect(grave).to_contain_text("Đang kết nối từ")
    expect(well).to_contain_text("1 trên 3 tuyến đang sáng")
    expect(well.locator(".alarm")).to_have_count(0)
    assert [a.strip() for a in phone.page.locator("nav a").all_inner_texts()] == ["Các thôn", "Thêm"]
    well.tap()
    expect(phone.page.locator(".top .village")).to_have_text("Thôn An Thượng")
    phone.sees("light/lanes", "Đang sáng")
    assert phone.page.url.endswith("#/@an-thuong/home")
    phone.page.locator("nav a", has_text="Thêm").tap()
    phone.page.locator("main a", has_text="Cảnh báo").tap()
    expect(phone.page.locator(".message")).to_have_text(re.compile("Không có cảnh báo nào"))  # of this village
    phone.page.locator(".top .village a").tap()
    expect(phone.page.locator("[data-village]")).to_have_count(2)


def test_a_village_that_is_away_says_since_when_and_nothing_of_its_lights(fake: FakeVillage, district: District, phones: MakePhone) -> None:
    before = NOW - dt.timedelta(hours=3)
    away = district.add("an-thuong", "Thôn An Thượng", **{"light/lanes/state": light(100, [0, 100], rfc3339(before)), "status": "offline"})
    phone = phones(fake)
    shown = card(phone, "an-thuong")
    expect(shown).to_contain_text("Mất kết nối. Tin cuối lúc")
    expect(shown).to_contain_text(re.compile(r"3 giờ (\d phút )?trước"))
    expect(shown).to_contain_text("Không rõ đèn và nước lúc này")
    expect(shown).not_to_contain_text("đang sáng")
    expect(phone.page.locator("main")).to_contain_text("2 thôn · 1 mất kết nối · 1 có cảnh báo")
    away.say("status", "online", retain=True)
    expect(shown).to_contain_text("1 trên 3 tuyến đang sáng")
    away.say("link", "0", retain=True)  # its bridge to the district is down
    expect(shown).to_contain_text("Mất kết nối")
    away.say("link", "", retain=True)


def test_fifty_villages_are_found_by_name_and_keep_their_order(fake: FakeVillage, district: District, phones: MakePhone) -> None:
    names = ["Đông Triều", "Ấp Bắc", "Bản Lác", *(f"Thôn {n:02}" for n in range(46))]
    for n, name in enumerate(names):
        district.add(f"v-{n}", name)
    phone = phones(fake)
    expect(phone.page.locator("[data-village]")).to_have_count(50)
    assert order(phone)[:5] == ["nguyen-ly", "v-1", "v-2", "v-0", "v-3"]  # the alarms', then as Vietnamese sorts
    search = phone.page.locator("input[type=search]")
    search.fill("dong tr")
    expect(phone.page.locator("[data-village]")).to_have_count(1)
    expect(card(phone, "v-0")).to_be_visible()
    search.fill("huế")
    expect(phone.page.locator(".message")).to_have_text(re.compile("Không có thôn nào"))
    search.fill("")
    expect(phone.page.locator("[data-village]")).to_have_count(50)
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= 360
