"""The technician's page: raw readings, lockouts, serial lines and versions; and all of it once in a live village."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from fake_village import FakeVillage, about, evening, light, rfc3339
from page_house import MakePhone, Phone, Village
from playwright.sync_api import Locator, expect
from support import until

from simulator.control import ask

NOW = dt.datetime.now(dt.UTC)


@pytest.fixture(autouse=True)
def the_tests_own_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between this module's beginning and a test of it minutes may pass."""
    monkeypatch.setitem(globals(), "NOW", dt.datetime.now(dt.UTC))


def unfold(phone: Phone, part: str) -> Locator:
    """Open one part of the page; what is in it."""
    phone.open("#/technician")
    fold = phone.page.locator(f'details[data-part="{part}"]')
    if fold.get_attribute("open") is None:
        fold.locator("> summary").tap()
    return fold


def panel(part: Locator, target: str) -> Locator:
    return part.locator(f'[data-target="{target}"]')


def about_to_lock(fake: FakeVillage, phones: MakePhone, target: str) -> tuple[Locator, Locator]:
    """A device's row among the circuits after a tap on its lock, and the sheet that has come up."""
    fake.show(evening(NOW))
    phone = phones(fake)
    row = panel(unfold(phone, "circuits"), target)
    row.get_by_role("button", name="Khóa để sửa").tap()
    return row, phone.page.locator("dialog")


def lockouts(fake: FakeVillage) -> list[tuple[str, dict[str, Any]]]:
    return [(topic, fields) for topic, fields in fake.received if "/lockout/" in topic]


def answered(fake: FakeVillage, outcome: str = "done", **more: Any) -> None:
    """The cabinet's result of the newest lockout."""
    topic, fields = lockouts(fake)[-1]
    fake.say(f"{topic.split('/lockout/')[0]}/result", {"id": fields["id"], "user": "head", "outcome": outcome, "state": "ON", "took_ms": 3, **more})


def test_readings_are_shown_as_they_came_with_age_life_and_doubt(fake: FakeVillage, phones: MakePhone) -> None:
    old = rfc3339(NOW - dt.timedelta(minutes=12))
    fake.show(evening(NOW) | {
        "meter/cabinet-1/reading": {"at": old, "quality": "suspect", "suspect": ["voltage_l1_v"], "life": 3, "values": {"voltage_l1_v": 312.25, "power_w": 2160.0}},
    })  # fmt: skip
    part = unfold(phones(fake), "readings")
    meter = panel(part, "meter/cabinet-1")
    expect(meter).to_contain_text(re.compile("1[2-5] phút trước"))
    for text in ("meter/cabinet-1 · sdm630", "Đáng ngờ: voltage_l1_v", "đời 3"):
        expect(meter).to_contain_text(text)
    expect(meter.locator("tr", has_text="voltage_l1_v")).to_contain_text("312,25 V đáng ngờ")
    expect(meter.locator("tr", has_text="energy_kwh").first).to_contain_text("không rõ")  # absent is not 0
    silent = panel(part, "sensor/soil-2")
    expect(silent).to_contain_text("Không trả lời. Số cuối")
    expect(panel(part, "sensor/soil-1")).to_contain_text("Số tốt")


def test_circuits_have_their_hours_and_say_where_they_differ(fake: FakeVillage, phones: MakePhone) -> None:
    state = light(67, [0, 33, 67, 100], rfc3339(NOW))
    state["circuits"][1] |= {"observed": False, "hours": 4321}
    state["circuits"][2] |= {"observed": None}
    fake.show(evening(NOW) | {"light/main-road/state": state | {"observed": "unknown", "observed_level": None, "detail": "b: read back off"}})
    road = panel(unfold(phones(fake), "circuits"), "light/main-road")
    rows = road.locator("tbody tr")
    expect(rows).to_have_count(3)
    assert [row.split() for row in rows.all_inner_texts()] == [["a", "bật", "bật", "120"], ["b", "bật", "tắt", "khác", "lệnh", "4.321"], ["c", "tắt", "không", "rõ", "182"]]
    expect(road.locator(".detail")).to_have_text("b: read back off")


def test_a_circuit_is_locked_with_a_note_and_released(fake: FakeVillage, phones: MakePhone) -> None:
    road, sheet = about_to_lock(fake, phones, "light/main-road")
    expect(sheet).to_contain_text("Khóa không cắt điện")
    sheet.get_by_role("button", name="Mạch b").tap()
    sheet.locator("input").fill("  thay bóng <b> ")
    sheet.get_by_role("button", name="Khóa để sửa").tap()
    until(lambda: lockouts(fake), 5, "the lockout")
    topic, fields = lockouts(fake)[0]
    assert topic == "light/main-road/lockout/head"
    assert (fields["locked"], fields["circuit"], fields["note"]) == (True, "b", "thay bóng <b>")
    assert fields.keys() == {"locked", "circuit", "note", "id", "expires_at"}
    left = dt.datetime.fromisoformat(fields["expires_at"]) - dt.datetime.now(dt.UTC)
    assert dt.timedelta(seconds=1) < left < dt.timedelta(seconds=11)
    expect(road.locator(".outcome")).to_contain_text("Đang chờ")
    expect(road.get_by_role("button", name="Mở khóa mạch b")).to_have_count(0)  # not before it is seen
    state = evening(NOW)["light/main-road/state"]
    state["circuits"][1]["locked"] = True
    fake.say("light/main-road/state", state | {"detail": "b locked by head: thay bóng <b>"}, retain=True)
    answered(fake)
    expect(road.locator(".outcome")).to_contain_text("Xong")
    road.get_by_role("button", name="Đã hiểu").tap()
    road.get_by_role("button", name="Mở khóa mạch b").tap()
    until(lambda: len(lockouts(fake)) == 2, 5, "the release")
    _, fields = lockouts(fake)[1]
    assert (fields["locked"], fields["circuit"], "note" in fields) == (False, "b", False)


def test_all_of_a_valve_is_locked_and_says_that_it_stops(fake: FakeVillage, phones: MakePhone) -> None:
    valve, sheet = about_to_lock(fake, phones, "valve/plot-1")
    expect(sheet).to_contain_text("Thiết bị sẽ dừng")
    expect(sheet.locator("[aria-pressed]")).to_have_count(0)
    sheet.get_by_role("button", name="Khóa để sửa").tap()
    until(lambda: lockouts(fake), 5, "the lockout")
    assert lockouts(fake)[0][1].keys() == {"locked", "id", "expires_at"}
    answered(fake, "rejected", error={"code": "bad-value", "message": "so it is not"})
    expect(valve.locator(".outcome")).to_contain_text("Tủ không nhận: so it is not")
    fake.say("valve/plot-1/state", evening(NOW)["valve/plot-1/state"] | {"state": "CLOSED", "observed": "CLOSED", "locked": True, "reason": "lockout", "run": None}, retain=True)
    valve.get_by_role("button", name="Mở khóa").tap()
    until(lambda: len(lockouts(fake)) == 2, 5, "the release")


def test_no_answer_to_a_lockout_means_perhaps_no_right_and_nothing_locked(fake: FakeVillage, phones: MakePhone) -> None:
    fan, sheet = about_to_lock(fake, phones, "switch/greenhouse-fan")
    sheet.get_by_role("button", name="Khóa để sửa").tap()
    expect(fan.locator(".outcome")).to_contain_text("có thể bạn không có quyền khóa", timeout=8000)
    expect(fan.get_by_role("button", name="Khóa để sửa")).to_be_visible()


def counts(good: int, silent: int = 0, checksum: int = 0, mean: float | None = 40.5, slowest: float | None = 90.0) -> dict[str, Any]:
    return {"exchanges": good + silent + checksum, "good": good, "no_answer": silent, "checksum": checksum, "other": 0, "mean_ms": mean, "slowest_ms": slowest}


def test_the_worst_device_of_a_line_comes_first_and_an_hour_can_be_looked_at_alone(fake: FakeVillage, phones: MakePhone) -> None:
    fake.show(evening(NOW))
    devices = [
        {"device": "meter/cabinet-1", "address": 1, **counts(10000), "hour": counts(300, silent=100)},
        {"device": "meter/culture-house", "address": 2, **counts(950, silent=30, checksum=20), "hour": counts(400)},
        {"device": "board/cabinet-board", "address": 10, **counts(0, mean=None, slowest=None), "hour": counts(0, mean=None, slowest=None)},
    ]
    hour = {"from": rfc3339(NOW - dt.timedelta(hours=1.5)), "to": rfc3339(NOW - dt.timedelta(hours=0.5))}
    said = {"since": rfc3339(NOW - dt.timedelta(days=3)), "hour": hour, "ports": [{"port": "rs485", "gone": True, "devices": devices}]}
    fake.answers = lambda name, _asked: said if name == "bus" else {}
    part = unfold(phones(fake), "bus")
    expect(part).to_contain_text("Cổng không có")
    shown = part.locator("section.panel")
    expect(shown).to_have_count(3)
    assert [one.get_attribute("data-target") for one in shown.all()] == ["meter/culture-house", "meter/cabinet-1", "board/cabinet-board"]
    for text in ("Tốt 95 % trong 1.000 lần hỏi", "Không trả lời: 30 · sai tổng kiểm: 20 · lỗi khác: 0", "trung bình 40,5 ms, chậm nhất 90 ms"):
        expect(shown.nth(0)).to_contain_text(text)
    expect(shown.nth(1).locator(".doubt")).to_have_count(0)
    expect(shown.nth(2)).to_contain_text("Chưa hỏi lần nào")
    part.get_by_role("button", name="Giờ tròn vừa qua").tap()
    expect(shown.nth(0)).to_contain_text("Tốt 75 % trong 400 lần hỏi")
    expect(shown.nth(0)).to_contain_text("Tủ điện 1")


def test_strange_figures_of_a_line_are_no_figures(fake: FakeVillage, phones: MakePhone) -> None:
    fake.show(evening(NOW))
    devices: list[Any] = [{"device": "<b>x</b>", "exchanges": "many", "good": None, "hour": 7}]
    fake.answers = lambda name, _asked: {"since": "yesterday", "hour": None, "ports": [{"port": 5, "devices": devices}, {"devices": {}}]}
    part = unfold(phones(fake), "bus")
    expect(part.locator("section.panel")).to_contain_text("<b>x</b>")
    expect(part.locator("section.panel")).to_contain_text("Chưa hỏi lần nào")


def test_versions_clocks_and_the_link(fake: FakeVillage, phones: MakePhone) -> None:
    fake.show(evening(NOW) | {"time": {"now": rfc3339(NOW), "trusted": False, "source": "none"}}, about() | {"version": "0.1.0+x"})
    phone = phones(fake)
    rows = unfold(phone, "system").locator("tr")

    def row(name: str) -> Locator:
        return rows.and_(phone.page.locator(f'[data-row="{name}"]')).locator("td")

    expect(row("controller")).to_have_text("0.1.0+x")
    expect(row("contract")).to_have_text("1")
    expect(row("page")).to_have_text(re.compile("^[0-9a-f]{8,}$"))
    expect(row("clock")).to_have_text("chưa chắc đúng (không ai xác nhận)")
    expect(row("cabinet")).to_have_text("đang kết nối")
    expect(row("user")).to_have_text("head")
    expect(row("link")).to_contain_text("nối được")
    fake.say("status", "offline", retain=True)
    expect(row("cabinet")).to_have_text("mất kết nối")


def test_nothing_that_is_folded_is_asked_for(fake: FakeVillage, phones: MakePhone) -> None:
    fake.show(evening(NOW))
    phone = phones(fake).open("#/technician")
    expect(phone.page.locator("details")).to_have_count(4)
    phone.frames(5)
    assert not [topic for topic, _ in fake.received if topic == "ask/head/bus"]


def heard_well(bus: Locator, target: str) -> bool:
    """Whether the figures, asked for anew, are those of a sound line."""
    bus.get_by_role("button", name="Hỏi lại").tap()
    return re.search("Tốt (100|9[0-9,]+) % trong [1-9]", panel(bus, target).inner_text()) is not None


def test_a_live_village_is_looked_at_locked_and_acknowledged(village: Village, phone: Phone) -> None:
    fault = ask(village.house.sim, {"fault": "hand-on", "on": "input/cabinet-switch"})["id"]
    bus = unfold(phone, "bus")
    for target in ("meter/culture-house", "board/cabinet-board"):
        until(lambda target=target: heard_well(bus, target), 10, f"the figures of {target}")  # type: ignore[misc]

    row = phone.open("#/alarms").page.locator("main a.alarm", has_text="bằng tay")
    expect(row).to_be_visible(timeout=15000)
    row.tap()
    phone.page.locator(".ack button").tap()
    expect(phone.page.locator(".outcome")).to_contain_text("Tủ đã ghi")
    assert village.ear.json("alarm/hand-on:input:cabinet-switch")["acknowledged_by"] == "head"
    ask(village.house.sim, {"clear": fault})
    expect(phone.page.locator(".message")).to_contain_text("đã hết và đã có người biết", timeout=15000)

    house = panel(unfold(phone, "circuits"), "light/culture-house")
    house.get_by_role("button", name="Khóa để sửa").tap()
    phone.page.locator("dialog input").fill("thay bóng")
    phone.page.locator("dialog").get_by_role("button", name="Khóa để sửa").tap()
    expect(house.locator(".outcome")).to_contain_text("Xong")
    expect(house.get_by_role("button", name="Mở khóa")).to_be_visible()
    assert village.ear.state("culture-house")["reason"] == "lockout"

    phone.open("#/home")
    phone.device("light/culture-house").locator(".switch").tap()
    expect(phone.device("light/culture-house").locator(".answer")).to_contain_text("Đang khóa")
    assert village.ear.state("culture-house")["state"] == "OFF"

    phone.open("#/log")
    expect(phone.page.locator(".trail li").first).to_contain_text("Bạn ra lệnh cho Nhà văn hóa nhưng bị từ chối")
    expect(phone.page.locator(".trail li").nth(1)).to_contain_text("Bạn khóa")
    expect(phone.page.locator(".trail")).to_contain_text("Bạn báo đã biết: Công tắc ở tủ để bằng tay (cabinet-switch)")

    panel(unfold(phone, "circuits"), "light/culture-house").get_by_role("button", name="Mở khóa").tap()
    until(lambda: village.ear.state("culture-house")["reason"] != "lockout", 5, "the release")
    village.ear.say("light/lanes/set/bac-tu", "OFF")
    phone.open("#/log")
    village.ear.say("light/culture-house/set/bac-tu", "ON")
    expect(phone.page.locator(".trail li").first).to_contain_text("Bac-tu bật Nhà văn hóa")
