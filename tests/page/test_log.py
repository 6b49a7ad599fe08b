"""The trail on the phone: each entry a sentence, what happens now at once, and what was before when asked for."""

from __future__ import annotations

import datetime as dt
import re
from itertools import pairwise
from typing import Any

import pytest
from fake_village import FakeVillage, evening, rfc3339
from page_house import MakePhone, Phone
from playwright.sync_api import expect
from support import until

NOW = dt.datetime.now(dt.UTC)
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(autouse=True)
def the_tests_own_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between this module's beginning and a test of it minutes may pass."""
    monkeypatch.setitem(globals(), "NOW", dt.datetime.now(dt.UTC))


def entry(minutes: float, user: str | None, device: str | None, outcome: str = "accepted", **more: Any) -> dict[str, Any]:
    """What was told so many minutes ago."""
    return {"at": rfc3339(NOW - dt.timedelta(minutes=minutes)), "user": user, "device": device, "id": f"c{minutes}", "outcome": outcome, **more}


def told(minutes: float) -> str:
    """That time by the village's clock."""
    return (NOW - dt.timedelta(minutes=minutes)).astimezone(dt.timezone(dt.timedelta(hours=7))).strftime("%H:%M")


def trail(fake: FakeVillage, *entries: dict[str, Any]) -> None:
    """The evening, with this in the controller's journal: it answers what lies in the time that is asked for."""
    fake.show(evening(NOW))
    otherwise = fake.answers

    def answers(name: str, asked: Any) -> dict[str, Any]:
        if name != "audit":
            return otherwise(name, asked)
        since, until_ = (dt.datetime.fromisoformat(asked[end]) for end in ("from", "to"))
        found = [e for e in entries if since <= dt.datetime.fromisoformat(e["at"]) < until_ and asked.get("device") in (None, e["device"])]
        return {"entries": sorted(found, key=lambda e: e["at"], reverse=True)}

    fake.answers = answers


def asked(fake: FakeVillage) -> list[dict[str, Any]]:
    return [fields for topic, fields in fake.received if topic == "ask/head/audit"]


def lines(phone: Phone) -> list[str]:
    """The sentences, from the top."""
    return phone.page.locator(".trail li p:first-child").all_inner_texts()


UNTIL = rfc3339(dt.datetime.combine((NOW + dt.timedelta(hours=7)).date(), dt.time(22, 30), dt.timezone(dt.timedelta(hours=7))).astimezone(dt.UTC))
SAID: list[tuple[dict[str, Any], str, list[str]]] = [
    ({"user": "bac-tu", "device": "light/main-road", "action": "off", "until": None}, "Bac-tu tắt Đường trục thôn lúc {at}", []),
    ({"user": "head", "device": "light/main-road", "action": "on", "level": 33, "until": UNTIL}, "Bạn bật Đường trục thôn ở mức 33 % lúc {at}, đến 22:30", []),
    ({"user": None, "device": "light/lanes", "action": "auto", "level": 100, "until": UNTIL}, "Có người cho Đèn ngõ về tự động lúc {at}", []),
    ({"user": "tech", "device": "light/lanes", "action": "lock", "circuit": "a", "note": "thay bóng"},
     "Tech khóa mạch a của Đèn ngõ để sửa điện lúc {at}", ["Ghi chú: thay bóng"]),
    ({"user": "tech", "device": "pump/pump-1", "action": "unlock"}, "Tech mở khóa Bơm ruộng lúc {at}", []),
    ({"user": "head", "device": "valve/plot-1", "action": "open", "until": None}, "Bạn mở nước Thửa 1 lúc {at}", []),
    ({"user": "head", "device": "light/lanes", "outcome": "rejected", "error": {"code": "hand", "message": "it stands on hand"}},
     "Bạn ra lệnh cho Đèn ngõ nhưng bị từ chối lúc {at}", ["Vì: Công tắc ở tủ đang để bằng tay. Gạt về tự động trước."]),
    ({"user": "x", "device": None, "outcome": "rejected", "error": {"code": "unheard-of", "message": HOSTILE}},
     "X gửi một lệnh tủ không hiểu lúc {at}", [f"Vì: {HOSTILE}"]),
    ({"user": "head", "device": None, "request": "alarm-ack", "alarm": "leak:pump:pump-1"}, "Bạn báo đã biết: Rò nước (Bơm ruộng) lúc {at}", []),
    ({"user": "head", "device": None, "request": "alarm-ack", "outcome": "rejected", "error": {"code": "unknown-alarm", "message": "m"}},
     "Bạn định báo đã biết một cảnh báo nhưng bị từ chối lúc {at}", ["Vì: không có cảnh báo nào như thế đang mở"]),
    ({"user": "head", "device": None, "request": "program-put", "program": "evening-off", "rev": 2, "was": {"rev": 1}, "more": 3,
      "changed": {"steps[0].at": ["22:00", "21:30"], "photocell": [None, {"within": "45m"}]}},
     "Bạn đổi lịch evening-off (Nhà văn hóa) lúc {at}",
     ["bước 1, lúc: 22:00 → 21:30", 'cảm biến ánh sáng: không có → {"within":"45m"}', "và 3 chỗ khác"]),
    ({"user": "head", "device": None, "request": "program-put", "program": "soon", "rev": 1, "was": {"rev": 0}, "changed": {"kind": [None, "irrigation"]}},
     "Bạn đặt lịch mới soon lúc {at}", ["kind: không có → irrigation"]),
    ({"user": "head", "device": "meter/cabinet-1", "request": "bill-put", "from": "2026-10-15", "bill": {"kwh": 512.0, "amount": 1234567.0}, "was": None},
     "Bạn ghi hóa đơn giấy của Tủ điện 1, kỳ từ 15/10/2026, lúc {at}", ["512 kWh · 1.234.567 đ (trước: không có)"]),
    ({"user": "head", "device": None, "request": "rain-delay", "until": None}, "Bạn bỏ hoãn tưới lúc {at}", []),
    ({"user": "head", "device": None, "request": "stop-water", "cancelled": ["a", "b"]}, "Bạn dừng tưới tất cả lúc {at}", ["2 lượt tưới bị hủy"]),
]  # fmt: skip


def test_each_entry_is_a_sentence(fake: FakeVillage, phones: MakePhone) -> None:
    entries = [{**entry(n, None, None), "outcome": "accepted", **said} for n, (said, _, _) in enumerate(SAID)]
    trail(fake, *entries)
    phone = phones(fake).open("#/log")
    expect(phone.page.locator(".trail li")).to_have_count(len(SAID))
    items = phone.page.locator(".trail li")
    for n, (said, text, more) in enumerate(SAID):
        assert items.nth(n).locator("p").all_inner_texts() == [text.format(at=told(n)), *more]
        assert (items.nth(n).get_attribute("class") == "refused") is (said.get("outcome") == "rejected")
    expect(phone.page.locator("main img")).to_have_count(0)


def test_what_happens_now_is_there_at_once_and_only_once(fake: FakeVillage, phones: MakePhone) -> None:
    first, live = entry(9, "head", "light/lanes", action="off"), entry(0, "bac-tu", "light/lanes", action="on", level=100)
    trail(fake, first, live)
    phone = phones(fake).open("#/log")
    expect(phone.page.locator(".trail li")).to_have_count(2)
    fake.say("audit", live)  # told before, and now as it happens
    other = entry(-0.01, "bac-tu", "light/main-road", action="off")
    fake.say("audit", other)
    expect(phone.page.locator(".trail li")).to_have_count(3)
    assert lines(phone)[0].startswith("Bac-tu tắt Đường trục thôn")
    for strange in ("{}", "[1]", '{"at": 5}', "not json"):
        fake.say("audit", strange)
    fake.say("audit", {"at": other["at"], "user": 5, "device": [], "outcome": 7, "error": "x", "changed": {"a": 1}, "cancelled": {}})
    expect(phone.page.locator(".trail li")).to_have_count(4)  # what can be read of it is shown


def test_of_one_device_the_cabinet_is_asked_and_of_one_person_the_page_looks(fake: FakeVillage, phones: MakePhone) -> None:
    trail(fake, entry(1, "head", "light/lanes", action="on", level=100), entry(2, "bac-tu", "light/lanes", action="off"), entry(3, "head", "valve/plot-1", action="close"))
    phone = phones(fake).open("#/log")
    expect(phone.page.locator(".trail li")).to_have_count(3)
    device, person = phone.page.locator("select").nth(0), phone.page.locator("select").nth(1)
    person.select_option(label="bac-tu")
    expect(phone.page.locator(".trail li")).to_have_count(1)
    person.select_option(label="Mọi người")
    device.select_option(value="valve/plot-1")
    expect(phone.page.locator(".trail li")).to_have_count(1)
    assert asked(fake)[-1]["device"] == "valve/plot-1"
    fake.say("audit", entry(0, "head", "light/lanes", action="off"))
    fake.say("audit", entry(0, "head", "valve/plot-1", action="open"))
    expect(phone.page.locator(".trail li")).to_have_count(2)
    assert "mở nước Thửa 1" in lines(phone)[0]


def test_earlier_days_are_asked_for_from_where_the_last_ended(fake: FakeVillage, phones: MakePhone) -> None:
    trail(fake, entry(5, "head", "light/lanes", action="on", level=100), entry(60 * 24 * 5, "head", "light/lanes", action="off"), entry(60 * 24 * 30, "tech", "light/lanes", action="auto"))
    phone = phones(fake).open("#/log")
    expect(phone.page.locator(".trail li")).to_have_count(1)
    earlier = phone.page.get_by_role("button", name="Xem trước đó")
    earlier.tap()
    expect(phone.page.locator(".trail li")).to_have_count(2)
    while len(asked(fake)) < 8 and phone.page.locator(".trail li").count() < 3:
        before = len(asked(fake))
        earlier.tap()
        until(lambda before=before: len(asked(fake)) > before, 5, "the request for earlier days")  # type: ignore[misc]
        expect(earlier).to_be_visible()
    expect(phone.page.locator(".trail li")).to_have_count(3)
    spans = [(fields["from"], fields["to"]) for fields in asked(fake)]
    assert all(later[0] == earlier_[1] for later, earlier_ in pairwise(spans))  # no day is left out
    heads = phone.page.locator("main h2").all_inner_texts()
    assert heads[0] == "Hôm nay" or told(5) > told(0)
    assert re.fullmatch(r"(Thứ|Chủ).*, \d\d/\d\d/\d{4}", heads[-1])


def test_an_answer_that_is_cut_is_gone_on_with(fake: FakeVillage, phones: MakePhone) -> None:
    cut, rest = entry(3, "head", "light/lanes", action="on", level=100), entry(30, "tech", "light/lanes", action="off")
    trail(fake, cut, rest)
    fake.answers = lambda _name, fields: {"entries": [cut], "more": True} if fields["to"] > cut["at"] else {"entries": [rest]}
    phone = phones(fake).open("#/log")
    expect(phone.page.locator(".trail li")).to_have_count(1)
    phone.page.get_by_role("button", name="Xem trước đó").tap()
    expect(phone.page.locator(".trail li")).to_have_count(2)
    assert dt.datetime.fromisoformat(asked(fake)[-1]["to"]) == dt.datetime.fromisoformat(cut["at"])


@pytest.mark.parametrize("language", ["vi", "en"])
def test_a_refusal_is_shown_with_its_reason_and_a_way_to_try_again(fake: FakeVillage, phones: MakePhone, language: str) -> None:
    trail(fake, entry(3, "head", "light/lanes", action="off"))
    answers = fake.answers
    fake.answers = lambda *_: {"ok": False, "error": {"code": "no-history", "message": "the history cannot be read now"}}
    phone = phones(fake, language=language).open("#/log")
    expect(phone.page.locator(".outcome")).to_contain_text("the history cannot be read now")
    fake.answers = answers
    phone.page.get_by_role("button", name={"vi": "Thử lại", "en": "Try again"}[language]).tap()
    expect(phone.page.locator(".trail li")).to_have_count(1)
    assert lines(phone)[0].startswith({"vi": "Bạn tắt Đèn ngõ", "en": "You turned Đèn ngõ off"}[language])
