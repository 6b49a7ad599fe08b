"""Energy on the phone: every figure is the request's to the last digit shown, a hole is told, a bill is entered and undone."""

from __future__ import annotations

import datetime as dt
import json
import re
import time
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from card import HANOI
from fake_village import FakeVillage, Request, about, evening
from page_house import MakePhone, Phone, Village
from playwright.sync_api import Locator, expect
from support import until
from village_past import Past, first_of, midnight

UNKNOWN = "không rõ"
METERS = {"cabinet-1": "Tủ điện 1", "culture-house": "Nhà văn hóa", "pump-house": "Trạm bơm"}
_ids = count()


@pytest.fixture(scope="module")
def past() -> Past:
    return Past(time.time())


@pytest.fixture(scope="module")
def village(village_config: Path, past: Past) -> Iterator[Village]:
    """A real village that has run for some months."""
    with TemporaryDirectory(prefix="page-") as folder:  # short, as the path of a Unix socket must be
        made = Village(Path(folder), village_config)
        past.write(made.house.state)
        try:
            made.start()
            yield made
        finally:
            made.end()


def asked(village: Village, name: str, **fields: Any) -> dict[str, Any]:
    """The answer to a request of the test's own."""
    id_, reply = f"test-{next(_ids)}", "village/nguyen-ly/reply/test/here"
    village.ear.say(f"ask/test/{name}", {"id": id_, "reply_to": reply, **fields})

    def answers() -> list[dict[str, Any]]:
        replies: list[dict[str, Any]] = [json.loads(raw) for topic, raw, _ in village.ear.messages if topic == reply]
        return [answer for answer in replies if answer["id"] == id_]

    until(lambda: bool(answers()), 10, f"an answer to {name}")
    assert answers()[0]["ok"], answers()[0]
    return answers()[0]


def periods(village: Village, meter: str, period: str, begin: dt.date, end: dt.date) -> list[dict[str, Any]]:
    span = {name: dt.datetime.fromtimestamp(midnight(day), dt.UTC).isoformat() for name, day in (("from", begin), ("to", end))}
    found: list[dict[str, Any]] = asked(village, "energy", meter=meter, period=period, **span)["periods"]
    return found


def written(x: float, digits: int) -> str:
    """1234.56 → 1.234,6"""
    rounded = Decimal(repr(x)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    whole, _, part = f"{rounded:,f}".partition(".")
    return whole.replace(",", ".") + (f",{part.rstrip('0')}" if part.rstrip("0") else "")


def kwh(x: float | None) -> str:
    return UNKNOWN if x is None else f"{written(x, 1)} kWh"


def dong(x: float | None) -> str:
    return UNKNOWN if x is None else f"{written(x, 0)} đ"


def text(at: Locator) -> str:
    """As it is read: spaces that do not break are spaces."""
    return re.sub(r"[\s\u00a0]+", " ", at.inner_text()).strip()


def last_month(phone: Phone) -> Locator:
    """On the page of energy or of a meter: the section of months, one month back."""
    phone.page.locator(".stepped").filter(has=phone.page.locator("h2", has_text=re.compile("tháng", re.IGNORECASE))).get_by_role("button", name="Xem trước đó").click()
    return phone.page.locator(".stepped", has=phone.page.locator("h2", has_text=re.compile("tháng", re.IGNORECASE)))


def shown_table(chart: Locator) -> list[list[str]]:
    chart.locator("summary").click()
    expect(chart.locator("tbody tr").first).to_be_visible()
    rows: list[list[str]] = chart.locator("tbody tr").evaluate_all("rows => rows.map(row => [...row.cells].map(cell => cell.innerText.replace(/[\\s\\u00a0]+/g, ' ').trim()))")
    return rows


def months_of(village: Village, past: Past, meter: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The month before last and the last one."""
    before, month = periods(village, meter, "month", past.before, first_of(past.today))
    return before, month


def test_each_meters_month_is_what_the_request_says(village: Village, phone: Phone, past: Past) -> None:
    phone.open("#/energy")
    section = last_month(phone)
    expect(section.locator("h2")).to_have_text(f"tháng {past.month.month}/{past.month.year}")
    answers = {meter: months_of(village, past, meter) for meter in METERS}
    for meter, (before, month) in answers.items():
        card = phone.page.locator(f'[data-meter="{meter}"]')
        expect(card.locator(".kwh")).to_have_text(kwh(month["kwh"]))
        expect(card.locator(".amount")).to_have_text(dong(month["amount"]))
        if month["measured"] == 1:
            percent = (month["kwh"] / before["kwh"] - 1) * 100
            assert ("nhiều hơn" if percent > 0.5 else "ít hơn" if percent < -0.5 else "gần bằng") in text(card)
    total = section.locator(".total")
    expect(total.locator(".kwh")).to_have_text(kwh(sum(month["kwh"] for _, month in answers.values())))
    expect(total.locator(".amount")).to_have_text(dong(sum(month["amount"] for _, month in answers.values())))
    fair = [answers[meter] for meter in ("cabinet-1", "culture-house")]
    beside = f"{kwh(sum(m['kwh'] for _, m in fair))}, tháng trước {kwh(sum(b['kwh'] for b, _ in fair))}"
    assert beside in text(total), "the pump's meter, of which days are unknown, is not compared"
    assert "So sánh không gồm: Trạm bơm" in text(total)


def test_a_meters_page_begins_with_the_month_that_was_looked_at(village: Village, phone: Phone, past: Past) -> None:
    phone.open("#/energy")
    last_month(phone)
    phone.page.locator('[data-meter="culture-house"]').click()
    expect(phone.page.locator("main h1")).to_have_text("Nhà văn hóa")
    _, month = months_of(village, past, "culture-house")
    expect(phone.page.locator(".total .kwh")).to_have_text(kwh(month["kwh"]))
    phone.page.go_back()
    expect(phone.page.locator("main h1")).to_have_text("Điện năng")
    expect(phone.page.locator(".stepped h2")).to_have_text(f"tháng {past.month.month}/{past.month.year}")


def test_what_was_not_measured_is_neither_nothing_nor_hidden(village: Village, phone: Phone, past: Past) -> None:
    phone.open("#/energy/pump-house")
    section = last_month(phone)
    (_, month), days = months_of(village, past, "pump-house"), periods(village, "pump-house", "day", past.month, first_of(past.today))
    unknown = [n for n, day in enumerate(days, 1) if day["kwh"] is None]
    assert unknown == [4, 5, 6]
    share = f"{written(int(month['measured'] * 1000) / 10, 1)} %"
    assert share != "100 %"
    assert f"đo được {share} thời gian" in text(section.locator(".total"))
    assert "Không so với tháng trước được" in text(section.locator(".total"))
    assert "không có số liệu" in text(section.locator(".chart-key"))
    rows = shown_table(section.locator("village-chart"))
    assert [row[1].split(" ước tính")[0] for row in rows] == [kwh(day["kwh"]) for day in days]
    assert [n for n, row in enumerate(rows, 1) if row[1] == UNKNOWN] == unknown


def test_what_was_estimated_is_told_apart(village: Village, phone: Phone, past: Past) -> None:
    phone.open("#/energy/cabinet-1")
    section = last_month(phone)
    days = periods(village, "cabinet-1", "day", past.month, first_of(past.today))
    estimated = [n for n, day in enumerate(days, 1) if day["interpolated_kwh"] > 0]
    assert estimated == [10, 11, 12]
    assert "ước tính" in text(section.locator(".chart-key"))
    rows = shown_table(section.locator("village-chart"))
    assert [row[1] for row in rows] == [kwh(d["kwh"]) + (f" ước tính {kwh(d['interpolated_kwh'])}" if d["interpolated_kwh"] else "") for d in days]


def test_three_hours_that_nobody_heard_are_a_hole_in_the_days_power(village: Village, phone: Phone, past: Past) -> None:
    phone.open("#/energy/cabinet-1")
    section = phone.page.locator(".stepped").first
    for _ in range((past.today - past.month.replace(day=20)).days):
        section.get_by_role("button", name="Xem trước đó").click()
    expect(section.locator("h2")).to_contain_text(f"20/{past.month:%m/%Y}")
    expect(section.locator(".chart-key")).to_have_text(re.compile("không có số liệu"))
    assert "Có chỗ không có số liệu" in (section.locator(".chart-box").get_attribute("aria-label") or "")
    day = past.month.replace(day=20)
    answer = asked(village, "history", device="meter/cabinet-1", quantity="power_w", step="auto", **{
        name: dt.datetime.fromtimestamp(midnight(day, hour), dt.UTC).isoformat() for name, hour in (("from", 0), ("to", 24))
    })
    said = [[f"{dt.datetime.fromtimestamp(at / 1000, HANOI):%H:%M}", *(watts(x) for x in figures)] for at, *figures in answer["points"]]
    rows = shown_table(section.locator("village-chart"))
    assert [row for row in rows if len(row) == 4] == said
    holes = [row for row in rows if len(row) == 2]
    assert len(holes) == 1
    assert holes[0][1] == "không có số liệu"
    for told, hour in zip(holes[0][0].split(" – "), (5, 8), strict=True):
        off = dt.datetime.combine(day, dt.time.fromisoformat(told)) - dt.datetime.combine(day, dt.time(hour))
        assert abs(off) <= dt.timedelta(seconds=answer["step_s"])


def watts(x: float) -> str:
    return f"{written(x / 1000, 2)} kW" if abs(x) >= 1000 else f"{written(x, 0)} W"


def billing(village: Village, past: Past) -> dict[str, Any]:
    """The cabinet's newest billing period that is over."""
    found = periods(village, "cabinet-1", "billing", past.before, past.today)
    return [period for period in found if period["complete"]][-1]


def test_a_bill_is_entered_and_its_difference_told_and_it_is_undone(village: Village, phone: Phone, past: Past) -> None:
    period = billing(village, past)
    assert period["bill"] is None
    phone.open("#/energy/cabinet-1")
    card = phone.page.locator(f'.bills [data-from="{dt.datetime.fromisoformat(period["from"]).astimezone(HANOI):%Y-%m-%d}"]')
    assert f"Công tơ đếm: {kwh(period['kwh'])}, {dong(period['amount'])}" in text(card)
    card.get_by_role("button", name="Nhập hóa đơn").click()
    page = phone.page
    page.get_by_label("Số điện trên hóa đơn (kWh)").fill("612")
    page.get_by_label("Số tiền trên hóa đơn").fill("1.4o0.000")
    before = len(village.commands())
    page.get_by_role("button", name="Lưu").click()
    expect(page.get_by_text("Đây không phải con số")).to_be_visible()
    assert not [topic for topic in village.commands()[before:] if topic.endswith("bill-put")], "what is no figure is not sent"
    page.get_by_label("Số tiền trên hóa đơn").fill("1.434.567")
    expect(page.locator("#read-amount")).to_have_text("= 1.434.567 đ")
    page.get_by_role("button", name="Lưu").click()
    expect(card.get_by_text("Đã lưu.")).to_be_visible()
    entered = billing(village, past)
    assert entered["bill"] == {"kwh": 612.0, "amount": 1434567.0}
    more = entered["difference"]
    expect(card.get_by_text(f"Hóa đơn nhiều hơn {kwh(more['kwh'])} ({written(more['kwh'] / entered['kwh'] * 100, 1)} %)")).to_be_visible()
    expect(card.get_by_text(f"Hóa đơn nhiều hơn {dong(more['amount'])} ({written(more['amount'] / entered['amount'] * 100, 1)} %)")).to_be_visible()
    card.get_by_role("button", name="Hoàn tác").click()
    expect(card.get_by_text("Đã trả lại như cũ.")).to_be_visible()
    expect(card.get_by_text("Hóa đơn giấy")).to_have_count(0)
    assert billing(village, past)["bill"] is None


def test_the_months_report_is_shared_as_text_and_printed(village: Village, phone: Phone, past: Past) -> None:
    page = phone.page
    phone.open(f"#/energy/report/{past.month:%Y-%m}")
    expect(page.locator(".report section").first).to_be_visible()
    page.get_by_role("button", name="Chia sẻ").click()
    shared = page.locator("textarea").input_value().replace("\u00a0", " ")
    months = {meter: months_of(village, past, meter)[1] for meter in METERS}
    for meter, name in METERS.items():
        month = months[meter]
        assert f"• {name}: {kwh(month['kwh'])}, {dong(month['amount'])}" in shared
        at = page.locator(".report section", has=page.get_by_role("heading", name=name))
        assert f"Điện năng {kwh(month['kwh'])}" in text(at)
        assert f"trong đó thuế GTGT 8 % {dong(month['vat'])}" in text(at)
    assert f"Cộng: {kwh(sum(m['kwh'] for m in months.values()))}, {dong(sum(m['amount'] for m in months.values()))}" in shared
    page.get_by_role("button", name="Chép").click()
    expect(page.get_by_text("Đã chép.")).to_be_visible()
    page.evaluate("window.print = () => { window.printed = true; }")
    page.get_by_role("button", name="In", exact=True).click()
    assert page.evaluate("window.printed") is True
    page.emulate_media(media="print")
    expect(page.locator(".ways")).to_be_hidden()
    expect(page.locator(".report-does")).to_be_hidden()
    expect(page.locator(".report h1")).to_contain_text("Thôn Nguyên Lý")
    sheets = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", sheets)) == 1, "three meters fit one sheet of A4"


def test_a_chart_is_drawn_in_the_colours_of_day_and_night(village: Village, phone: Phone) -> None:
    phone.open("#/energy/cabinet-1")
    canvas = phone.page.locator("village-chart canvas").last
    expect(canvas).to_be_visible()
    main = "getComputedStyle(document.documentElement).getPropertyValue('--main').trim()"
    drawn = """(canvas, colour) => { const [r, g, b] = [1, 3, 5].map((n) => parseInt(colour.slice(n, n + 2), 16));
      const read = Object.assign(document.createElement('canvas'), { width: canvas.width, height: canvas.height }).getContext('2d', { willReadFrequently: true });
      read.drawImage(canvas, 0, 0);
      const { data } = read.getImageData(0, 0, canvas.width, canvas.height);
      let n = 0; for (let i = 0; i < data.length; i += 4) if (data[i] === r && data[i + 1] === g && data[i + 2] === b && data[i + 3] === 255) n += 1; return n; }"""
    by_day = phone.page.evaluate(main)
    until(lambda: canvas.evaluate(drawn, by_day) > 1000, 5, f"bars in {by_day}")
    expect(phone.page.locator("village-chart canvas")).to_have_count(3)
    phone.frames(30)  # nothing else has it drawn again
    phone.page.emulate_media(color_scheme="dark")
    by_night = phone.page.evaluate(main)
    assert by_night != by_day
    until(lambda: canvas.evaluate(drawn, by_night) > 1000, 5, f"bars in {by_night}")


WRITTEN = [
    ("1.234.567", True, 1234567), ("1234567", True, 1234567), ("1,234,567 đ", True, 1234567), ("1 234 567 VNĐ", True, 1234567),
    ("1.234", True, 1234), ("1.234.567,00", True, 1234567), ("1.234", False, 1234), ("512,5 kWh", False, 512.5), ("512.5", False, 512.5),
    ("1.234,5", False, 1234.5), ("0,125", False, 0.125), ("", True, None), ("1.23.4", True, "NaN"), ("1.234.56", True, "NaN"),
    ("-3", False, "NaN"), ("nhiều", True, "NaN"), ("1e9", False, "NaN"),
]  # fmt: skip


def test_a_figure_may_be_written_in_many_ways(fake: FakeVillage, phones: MakePhone) -> None:
    fake.show(evening())
    script = "([text, whole]) => import('/views/energy-bill.js').then(({ typed }) => typed(text, whole)).then((x) => (Number.isNaN(x) ? 'NaN' : x))"
    page = phones(fake).page
    assert [(typed, whole, page.evaluate(script, [typed, whole])) for typed, whole, _ in WRITTEN] == WRITTEN


def test_answers_that_cannot_be_leave_unknown_figures(fake: FakeVillage, phones: MakePhone) -> None:
    fake.show(evening())
    today = dt.datetime.now(HANOI).date()
    begin = dt.datetime.fromtimestamp(midnight(first_of(today)), dt.UTC).isoformat()
    end = dt.datetime.fromtimestamp(midnight(first_of(today, 1)), dt.UTC).isoformat()
    strange = {"from": begin, "to": end, "kwh": "<img src=x onerror=alert(1)>", "measured": "all", "amount": [1], "bill": "x", "complete": 1, "difference": 7}
    fake.answers = lambda name, _: {"periods": [strange, None, 7, {"from": "never"}], "points": "none", "step_s": {}} if name in ("energy", "history") else {}
    phone = phones(fake).open("#/energy")
    expect(phone.page.locator('[data-meter="cabinet-1"] .state')).to_have_text(f"{UNKNOWN} · {UNKNOWN}")
    phone.open("#/energy/cabinet-1")
    expect(phone.page.locator(".total .state")).to_have_text(f"{UNKNOWN} · {UNKNOWN}")


def test_a_card_that_cannot_be_read_is_said(fake: FakeVillage, phones: MakePhone) -> None:
    fake.show(evening())
    fake.answers = lambda *_: {"ok": False, "error": {"code": "no-history", "message": "the history cannot be read now"}}
    phone = phones(fake).open("#/energy")
    expect(phone.page.get_by_text("Tủ không đọc được thẻ nhớ, chưa có số.")).to_be_visible()


def test_the_first_page_has_the_months_energy_and_the_money_that_is_known(fake: FakeVillage, phones: MakePhone) -> None:
    about_ = about()
    for device in about_["devices"]:
        if device["kind"] == "meter" and device["id"] == "pump-house":
            device["tariff"] = None
    fake.show(evening(), about_)
    counted = {"cabinet-1": (431.26, 1_035_233), "culture-house": (7.31, 17_574), "pump-house": (9.24, None)}

    def answer(name: str, asked: Request) -> dict[str, Any]:
        if name != "energy":
            return {}
        figures = counted[asked["meter"]]
        return {"periods": [{"from": asked["from"], "to": asked["to"], "kwh": figures[0], "amount": figures[1], "measured": 1, "complete": False}]}

    fake.answers = answer
    tile = phones(fake).page.locator('.tile[href="#/energy"]')
    expect(tile.locator(".figure")).to_have_text("Tháng này: 448 kWh · 1.052.807 đ")


def test_a_swipe_leads_to_the_month_before_and_back(fake: FakeVillage, phones: MakePhone) -> None:
    fake.show(evening())
    phone = phones(fake).open("#/energy")
    section, today = phone.page.locator(".stepped"), dt.datetime.now(HANOI).date()
    expect(section.locator("village-chart canvas")).to_be_visible()
    swipe = """(section, by) => ['touchstart', 'touchend'].forEach((type, n) => section.dispatchEvent(new TouchEvent(type,
      { bubbles: true, changedTouches: [new Touch({ identifier: 1, target: section, clientX: 180 + n * by, clientY: 400 + n * 10 })] })))"""
    for by, months in ((40, 0), (120, -1), (120, -2), (-120, -1), (-120, 0), (-120, 0)):
        section.evaluate(swipe, by)
        month = first_of(today, months)
        expect(section.locator("h2")).to_have_text(f"tháng {month.month}/{month.year}")
