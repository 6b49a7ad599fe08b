"""Crops on the page: figures beside the thresholds, and the editors of watering and climate programs."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from typing import Any

import pytest
from fake_village import FakeVillage, evening
from page_house import MakePhone, Phone, Village
from playwright.sync_api import expect
from support import until

ROOT = "village/nguyen-ly"
pytestmark = pytest.mark.slow


def puts(village: Village, program: str) -> list[dict[str, Any]]:
    """What was put for a program, in order."""
    asked = [json.loads(payload) for topic, payload, _ in village.ear.messages if topic == f"{ROOT}/ask/head/program-put"]
    return [one for one in asked if one["program"] == program]


def put_body(village: Village, program: str, count: int) -> dict[str, Any]:
    """The body of the `count`th put of a program."""
    until(lambda: len(puts(village, program)) >= count, 5, "the program to be put")
    body: dict[str, Any] = puts(village, program)[count - 1]["body"]
    return body


def save(phone: Phone) -> None:
    phone.page.get_by_role("button", name="Lưu và dùng ngay").tap()


def test_figures_stand_beside_the_thresholds_that_go_by_them(fake: FakeVillage, phones: MakePhone) -> None:
    fake.show(evening())
    phone = phones(fake).open("#/crops")
    expect(phone.device("switch/greenhouse-fan")).to_contain_text("Nhà lưới: 24,8 °C. Bật từ 33 °C, tắt dưới 30 °C")
    air = phone.page.get_by_role("link", name="Nhà lưới", exact=False).filter(has_text="78,2 %")
    expect(air).to_contain_text("24,8 °C · 78,2 %")
    expect(air.get_by_role("img", name="Nhiệt độ, 24 giờ qua").locator("polyline")).to_have_attribute("points", re.compile(r"^(\S+,\S+ ){50,}"))
    expect(phone.page.get_by_role("link", name="Đất thửa 3–4")).to_contain_text("không rõ")  # it is silent
    air.tap()
    expect(phone.page.get_by_text("Quạt nhà lưới: Bật từ 33 °C, tắt dưới 30 °C")).to_be_visible()
    chart = phone.page.locator("village-chart").first
    expect(chart.get_by_role("img", name=re.compile("^Nhiệt độ.*: từ .* đến .* °C"))).to_be_visible()
    phone.page.get_by_role("group", name="Xem bao lâu").first.get_by_role("button", name="7 ngày").tap()
    until(lambda: any(t == "ask/head/history" and a["quantity"] == "temperature_c" and a["step"] == 3600 for t, a in fake.received), 5, "seven days")
    phone.open("#/crops/soil-2")
    expect(phone.page.locator("main")).to_contain_text(re.compile(r"không rõ\s*\(lúc .*: 31 %\)"))
    expect(phone.page.get_by_role("link", name="Thửa 3")).to_be_visible()


def test_a_fan_is_switched_and_its_threshold_is_changed(village: Village, phone: Phone) -> None:
    phone.open("#/crops/greenhouse-fan")
    phone.device("switch/greenhouse-fan").get_by_role("button", name="Bật").tap()
    phone.sees("switch/greenhouse-fan", "Đang chạy")
    phone.device("switch/greenhouse-fan").get_by_role("button", name="Tắt").tap()
    phone.sees("switch/greenhouse-fan", "Đang nghỉ")
    phone.page.get_by_role("link", name="Sửa lịch này").tap()
    # Two taps before anything is drawn again: neither is lost.
    phone.page.get_by_role("button", name="Bớt: Bật từ").evaluate("(button) => { button.click(); button.click(); }")
    field = phone.page.get_by_role("spinbutton", name=re.compile("^Tắt khi dưới"))
    field.fill("31")
    field.blur()
    expect(phone.page.locator(".step")).to_contain_text("Mức tắt phải thấp hơn mức bật.")
    expect(phone.page.get_by_role("button", name="Lưu và dùng ngay")).to_be_disabled()
    field.fill("28.5")
    field.blur()
    phone.page.get_by_role("group", name="Đến", exact=True).get_by_label("Giờ", exact=True).select_option("17")
    save(phone)
    expect(phone.page.get_by_text("Đã lưu")).to_be_visible()
    assert put_body(village, "cool", 1) == {
        "kind": "climate", "target": "greenhouse-fan", "window": "08:00..17:00",
        "when": {"sensor": "air-1", "quantity": "temperature_c", "on_above": 31, "off_below": 28.5},
    }  # fmt: skip
    phone.open("#/crops")
    expect(phone.device("switch/greenhouse-fan")).to_contain_text("Bật từ 31 °C, tắt dưới 28,5 °C")


def test_a_watering_program_is_changed_by_thumb_and_stands_in_the_cabinet(village: Village, phone: Phone) -> None:
    phone.open("#/programs/morning-water")
    first = phone.page.get_by_role("group", name="Thửa thứ 1")
    first.get_by_role("button", name="Thêm: Tưới trong").tap()
    phone.page.get_by_role("group", name="Thửa thứ 4").get_by_role("button", name="Bỏ thửa thứ 4").tap()
    phone.page.get_by_role("button", name="chủ nhật").tap()
    phone.page.get_by_label("Bắt đầu thế nào").select_option(label="Bắt đầu lúc")
    times = phone.page.get_by_role("region", name="Giờ tưới")
    times.get_by_label("Khi nào").select_option(label="Theo giờ")
    expect(times.locator(".clock select")).to_have_count(2)
    times.locator(".clock").evaluate("""(clock) => [["5", 0], ["15", 1]].forEach(([value, n]) => {
      const list = clock.querySelectorAll("select")[n];
      list.value = value;
      list.dispatchEvent(new Event("change"));
    })""")  # both at once: neither is lost
    phone.page.get_by_role("switch", name=re.compile("^Tưới từng đợt")).tap()
    month = phone.page.get_by_role("spinbutton", name=re.compile(r"^Tháng 11"))
    month.fill("75")
    month.blur()
    phone.page.get_by_role("spinbutton", name=re.compile("^Và sau mưa thêm")).fill("12")
    phone.page.get_by_role("spinbutton", name=re.compile("^Và sau mưa thêm")).blur()
    save(phone)
    expect(phone.page.get_by_text("Đã lưu")).to_be_visible()
    assert put_body(village, "morning-water", 1) == {
        "kind": "irrigation", "days": "mon,wed,fri,sun", "start": "05:15", "zones": [{"plot-1": "25m"}, {"plot-2": "20m"}, {"plot-3": "200l"}],
        "season": {"1": 60, "2": 70, "3": 80, "4": 100, "5": 110, "6": 120, "7": 120, "8": 110, "9": 90, "10": 80, "11": 75, "12": 60},
        "skip_when": {"rain": True, "soil_above": 35, "rain_delay": "12h"}, "resume": "within 2h",
    }  # fmt: skip
    phone.page.get_by_role("button", name="Hoàn tác").tap()
    expect(phone.page.get_by_text("Đã trả lại lịch cũ")).to_be_visible()
    assert put_body(village, "morning-water", 2)["finish_before"] == "sunrise + 1h"


def test_what_an_editor_does_not_know_is_kept_and_said(fake: FakeVillage, phones: MakePhone) -> None:
    fake.show(evening())
    answers = fake.answers
    listed = deepcopy(answers("programs", {}))
    [found] = [one for one in listed["programs"] if one["program"] == "morning-water"]
    found["body"] |= {"frost": {"below": 2}, "dates": "11-15..04-30", "finish_before": "moonrise"}
    fake.answers = lambda name, asked: listed if name == "programs" else {"program": asked["program"], "rev": 2, "stored": True} if name == "program-put" else answers(name, asked)
    phone = phones(fake).open("#/programs/morning-water")
    editor = phone.page.locator(".editor")
    expect(editor).to_contain_text("frost")
    expect(editor).to_contain_text("chỉ trong 15/11 – 30/04 (giữ nguyên)")
    expect(editor).to_contain_text("moonrise (giữ nguyên)")
    phone.page.get_by_role("group", name="Thửa thứ 2").get_by_role("button", name="Bớt: Tưới trong").tap()
    save(phone)
    until(lambda: any(topic == "ask/head/program-put" for topic, _ in fake.received), 5, "the program to be put")
    [put] = [asked for topic, asked in fake.received if topic == "ask/head/program-put"]
    assert put["body"] == {**found["body"], "zones": [{"plot-1": "20m"}, {"plot-2": "15m"}, {"plot-3": "200l"}, {"plot-4": "200l"}]}


def test_a_program_by_dry_soil_and_one_with_two_sensors_are_read_back_in_words(fake: FakeVillage, phones: MakePhone) -> None:
    fake.show(evening())
    answers = fake.answers
    soil = {"kind": "irrigation", "every": "3d", "starting": "2026-11-28", "window": "04:00..07:00", "start_when": {"soil_below": 25, "soil_above": 32}, "zones": [{"plot-1": "30m"}]}
    damp = {"kind": "climate", "target": "greenhouse-fan", "match": "any", "if_stale": "on", "when": [
        {"sensor": "air-1", "quantity": "temperature_c", "on_above": 32, "off_below": 30},
        {"sensor": "air-1", "quantity": "humidity_pct", "on_below": 55, "off_above": 70}]}  # fmt: skip
    listed = {"programs": [{"program": name, "rev": 1, "by": None, "at": None, "body": body} for name, body in (("morning-water", soil), ("cool", damp))]}
    fake.answers = lambda name, asked: listed if name == "programs" else answers(name, asked)
    phone = phones(fake).open("#/programs")
    for line in (
        "3 ngày một lần, từ 28/11/2026", "Từ 04:00 đến 07:00, khi đất khô dưới 25 %; dừng khi đất ẩm trên 32 %", "1. Thửa 1: 30 phút",
        "Nhà lưới, nhiệt độ: Bật từ 32 °C, tắt dưới 30 °C", "Nhà lưới, độ ẩm không khí: Bật dưới 55 %, tắt trên 70 %",
        "Chỉ cần đúng một điều kiện", "Cả ngày", "Cảm biến hỏng thì bật",
    ):  # fmt: skip
        expect(phone.page.locator("main")).to_contain_text(line)
    phone.open("#/programs/cool")
    phone.page.get_by_role("button", name="Bỏ điều kiện 2").tap()
    expect(phone.page.locator(".step")).to_have_count(1)
    phone.page.get_by_label("Chạy khi").select_option(label="số thấp xuống")
    save(phone)
    until(lambda: any(topic == "ask/head/program-put" for topic, _ in fake.received), 5, "the program to be put")
    [put] = [asked for topic, asked in fake.received if topic == "ask/head/program-put"]
    assert put["body"]["when"] == [{"sensor": "air-1", "quantity": "temperature_c", "on_below": 30, "off_above": 32}]
