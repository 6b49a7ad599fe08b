"""The page opens in a phone, over plain http in the village's network, and what it complains of fails the test."""

from __future__ import annotations

import pytest
from fake_village import FakeVillage, evening
from page_house import MakePhone, Phone, Village


def test_a_phone_shows_the_live_village_and_keeps_no_login_in_its_address(village: Village, phone: Phone) -> None:
    phone.sees("light/culture-house", "Đang tắt")
    assert phone.page.url == f"{village.web.url}/"
    assert phone.page.evaluate("isSecureContext") is False
    assert phone.page.title() == "Thôn Nguyên Lý"


def test_a_made_up_village_looks_like_one(fake: FakeVillage, phones: MakePhone) -> None:
    fake.show(evening())
    phone = phones(fake, width=412, dark=True, language="en", text=200)
    phone.sees("light/main-road", "Lit")
    phone.sees("valve/plot-4", "unknown")
    assert phone.page.evaluate("getComputedStyle(document.documentElement).fontSize") == "32px"
    assert phone.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")


def test_whatever_the_page_complains_of_is_found(fake: FakeVillage, phones: MakePhone) -> None:
    fake.show(evening())
    phone = phones(fake)
    phone.page.evaluate("console.error('one'); document.body.setAttribute('style', 'color: red'); setTimeout(() => { throw new Error('two'); });")
    phone.frames()
    assert [p.split(" ")[0] for p in phone.problems].count("error:") >= 3
    assert any("style-src" in p for p in phone.problems)
    phone.problems.clear()
    phone.page.evaluate("console.error('three')")
    with pytest.raises(AssertionError, match="the page complains"):
        phone.clear()
    phone.problems.clear()
