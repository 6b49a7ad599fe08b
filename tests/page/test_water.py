"""Watering from the page: taps on a real village, and what a made-up one says."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from fake_village import FakeVillage, evening, rfc3339, valve
from page_house import MakePhone, Phone, Village
from playwright.sync_api import expect
from support import until

ROOT = "village/nguyen-ly"
pytestmark = pytest.mark.slow


def state(village: Village, target: str) -> dict[str, Any]:
    return json.loads(village.ear.last[f"{ROOT}/{target}/state"])


def run_id(village: Village, plot: int) -> str:
    return (state(village, f"valve/plot-{plot}")["run"] or {}).get("id", "")


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def test_plots_are_watered_paused_and_cancelled_and_all_water_is_stopped(village: Village, phone: Phone) -> None:
    phone.open("#/water")
    for plot, amount in ((1, "5 phút"), (2, "50 lít"), (3, "10 phút")):  # the pump feeds two at once
        phone.device(f"valve/plot-{plot}").get_by_label("Bao lâu").tap()
        phone.page.get_by_role("dialog").get_by_role("button", name=amount, exact=True).tap()
        until(lambda plot=plot: run_id(village, plot) != "", 5, "a run")
    phone.sees("valve/plot-1", "Đang mở nước")
    phone.sees("valve/plot-2", "Đang mở nước")
    turns = phone.page.locator(".queue li")
    expect(turns.nth(0)).to_contain_text("Thửa 1 đang tưới")
    expect(turns.nth(2)).to_contain_text("Thửa 3 chờ Thửa 1, Thửa 2")
    expect(phone.device("valve/plot-2").get_by_role("progressbar")).to_have_attribute("aria-valuetext", re.compile(r"^\d+ / 50 lít"))

    stop = phone.page.locator(".stop-bar").get_by_role("button", name="Dừng tưới tất cả")
    expect(stop).to_be_in_viewport()
    phone.page.get_by_role("button", name="Tạm dừng Thửa 1").tap()
    phone.sees("valve/plot-1", "Đang đóng", within_s=10)
    expect(phone.device("valve/plot-1")).to_contain_text("tạm dừng · bạn tưới")
    until(lambda: state(village, "valve/plot-3")["state"] == "OPEN", 10, "the next in the queue")
    phone.page.get_by_role("button", name="Hủy lượt tưới của Thửa 1").tap()
    until(lambda: state(village, "valve/plot-1")["run"] is None, 10, "the run to be cancelled")

    stop.tap()
    until(lambda: all(state(village, f"valve/plot-{n}")["observed"] == "CLOSED" and not run_id(village, n) for n in (1, 2, 3)), 15, "all valves shut")
    expect(phone.page.locator(".stop-bar")).to_have_count(0, timeout=10_000)
    expect(phone.page.locator("main")).to_contain_text("đã hủy: có người dừng")
    phone.open("#/home").open("#/water")  # where no water flows it stands first
    expect(phone.page.locator(".stop-here").get_by_role("button", name="Dừng tưới tất cả")).to_be_in_viewport()


def test_watering_is_put_off_for_rain_and_the_coming_runs_say_so(village: Village, phone: Phone) -> None:
    phone.open("#/water")
    coming = phone.page.get_by_role("region", name="Sắp tưới")
    expect(coming).to_contain_text("Thửa 1")
    expect(coming).not_to_contain_text("sẽ bỏ qua")
    phone.page.get_by_role("group", name="Hoãn tưới vì mưa").get_by_role("button", name="3 ngày").tap()
    banner = phone.page.locator(".put-off")
    expect(banner).to_contain_text(re.compile(r"Đang hoãn tưới đến .*\(bạn\)"))
    expect(coming).to_contain_text("sẽ bỏ qua: đang hoãn tưới")
    assert sum(topic == f"{ROOT}/ask/head/rain-delay" for topic in village.commands()) == 1
    banner.get_by_role("button", name="Tưới lại theo lịch").tap()
    expect(banner).to_have_count(0)
    expect(coming).not_to_contain_text("sẽ bỏ qua")


def test_the_bar_moves_between_reports_and_never_past_what_was_reported(fake: FakeVillage, phones: MakePhone) -> None:
    picture = evening(now())
    fake.show(picture)
    phone = phones(fake)
    phone.page.clock.install()
    phone.page.reload()
    phone.open("#/water")
    bar = phone.device("valve/plot-1").get_by_role("progressbar")
    expect(bar).to_have_attribute("aria-valuetext", "7:10 / 20:00 phút · 85 lít")  # what is known at first stands at once

    state = picture["valve/plot-1/state"]
    run = {**state["run"], "done_s": 445, "litres": 88.5}
    fake.say_all({"valve/plot-1/state": {**state, "run": run}})
    expect(bar).to_have_attribute("aria-valuetext", re.compile("^7:1[1-3] "))
    shown = []
    for _ in range(12):
        phone.page.clock.run_for(2000)
        shown.append(seconds(bar.get_attribute("aria-valuetext")))
    assert shown == sorted(shown)
    assert len(set(shown)) >= 5  # it glides
    assert shown[-1] == 445  # and stands still when nothing more is heard

    fake.say_all({"valve/plot-1/state": {**state, "run": {**run, "id": "head:2026-11-21:c-9", "done_s": 0, "litres": 0}}})
    expect(bar).to_have_attribute("aria-valuetext", "0:00 / 20:00 phút · 0 lít")  # another run shows nothing of the one before


def seconds(text: str | None) -> int:
    found = re.match(r"(\d+):(\d\d) ", text or "")
    assert found, text
    return int(found[1]) * 60 + int(found[2])


def test_why_nothing_flows_is_said_in_words(fake: FakeVillage, phones: MakePhone) -> None:
    at = rfc3339(now())
    run = {"id": "morning-water:2026-11-21:0", "zone": 2, "zones": 4, "planned_s": 840.0, "done_s": 60, "planned_l": None, "litres": 12.0}
    program = {"reason": "program", "program": "morning-water"}
    pump = {"state": "OFF", "observed": "OFF", "reason": "safety", "until": None, "by": None, "command": None, "since": at, "valves": []}
    fake.show({
        **evening(now()),
        "valve/plot-1/state": valve("CLOSED", at, **program, until=rfc3339(now() + dt.timedelta(minutes=9)), run={**run, "phase": "soaking"}, detail="it soaks"),
        "valve/plot-2/state": valve("CLOSED", at, reason="queue", program="morning-water", run={**run, "zone": 3, "phase": "queued"}, detail="pump/pump-1 rests for 60 s between two starts"),
        "valve/plot-3/state": valve("CLOSED", at, reason="safety", detail="flow-high: acknowledge the alarm or send AUTO to go on"),
        "valve/plot-4/state": valve("CLOSED", at),
        "pump/pump-1/state": {**pump, "detail": "pump/pump-1 stands because the tank is empty"},
    })
    phone = phones(fake).open("#/water")
    expect(phone.device("valve/plot-1")).to_contain_text("chờ nước thấm đến")
    expect(phone.device("valve/plot-2")).to_contain_text("bơm nghỉ 60 giây giữa hai lần chạy · theo lịch")
    expect(phone.page.get_by_role("button", name="Bỏ qua Thửa 1, sang thửa sau")).to_be_enabled()
    expect(phone.page.get_by_role("region", name="7 ngày qua")).to_contain_text("bỏ qua: trời mưa")
    phone.open("#/water/plot-3")
    expect(phone.device("valve/plot-3")).to_contain_text("Dừng vì nước chảy quá mạnh, có thể vỡ ống. Xem cảnh báo")
    phone.open("#/water/pump-1")
    expect(phone.device("pump/pump-1")).to_contain_text("dừng vì bể cạn")
    expect(phone.page.get_by_role("region", name="Cấp nước cho")).to_contain_text("Thửa 4 Đang đóng")
    expect(phone.page.get_by_role("region", name="Điện bơm dùng").locator(".state")).to_have_text("742 W")
    fake.say_all({"pump/pump-1/state": {**pump, "reason": "default"}})
    expect(phone.device("pump/pump-1")).to_contain_text("nghỉ vì không có van nào cần nước")
    fake.say_all({"valve/plot-4/state": valve("OPEN", at)})
    expect(phone.device("pump/pump-1")).to_contain_text("sắp chạy, chờ van mở hẳn")


def test_a_plot_says_what_it_got_this_season_and_its_diary_day_by_day(fake: FakeVillage, phones: MakePhone) -> None:
    fake.show(evening(now()))
    answers = fake.answers
    fake.answers = lambda name, asked: daily_moisture(asked) if name == "history" and asked["step"] == 86400 else answers(name, asked)
    phone = phones(fake).open("#/water/plot-2")
    season = phone.page.get_by_role("region", name="Nước của vụ này")
    expect(season).to_contain_text("392 lít")  # 66 + 165 + 161
    expect(season).to_contain_text("3 lần tưới, 34 phút có nước")
    since = (now() + dt.timedelta(hours=7) - dt.timedelta(days=3)).date().isoformat()
    season.get_by_label("Tính từ ngày").fill(since)
    until(lambda: any(topic == "ask/head/runs" and asked["from"] < asked["to"] and asked["from"].startswith(day_before(since)) for topic, asked in fake.received), 5, "runs since then")

    phone.page.get_by_role("link", name="Nhật ký của thửa").tap()
    expect(phone.page.locator(".total")).to_have_text(re.compile(r"3 lần tưới, 34 phút\s*· 392 lít"))
    day = phone.page.locator(".day", has_text="đã hủy: có người dừng")
    expect(day).to_contain_text("6 phút · 66 lít")
    expect(day).to_contain_text("bạn tưới · dự định 14 phút")
    expect(day).to_contain_text("Đất ẩm thấp nhất 18,7 %, trung bình 19,2 %")
    expect(phone.page.locator(".day", has_text="bỏ qua: trời mưa")).to_contain_text("không có nước")
    phone.page.evaluate("window.print = () => document.body.setAttribute('data-printed', 'yes')")
    phone.page.get_by_role("button", name="In nhật ký").tap()
    expect(phone.page.locator("body")).to_have_attribute("data-printed", "yes")
    phone.page.emulate_media(media="print")
    expect(phone.page.get_by_role("button", name="In nhật ký")).to_be_hidden()
    expect(phone.page.locator(".signature")).to_be_visible()


def daily_moisture(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Every day between 18.7 % and 24 %, and 19.2 % in the mean."""
    begin, end = (dt.datetime.fromisoformat(asked[key]) for key in ("from", "to"))
    days = [begin + dt.timedelta(days=n) for n in range((end - begin).days)]
    return {"unit": "%", "step_s": 86400.0, "points": [[round(day.timestamp() * 1000), 18.7, 19.2, 24.0] for day in days]}


def day_before(day: str) -> str:
    """Its midnight in Viet Nam, as UTC has it."""
    return (dt.date.fromisoformat(day) - dt.timedelta(days=1)).isoformat() + "T17:00"


def test_what_the_cabinet_does_not_answer_is_said_and_nothing_else_is_lost(fake: FakeVillage, phones: MakePhone) -> None:
    fake.show(evening(now()))
    fake.answers = lambda name, _asked: {"ok": False, "error": {"code": "no-history", "message": "the history cannot be read now"}}
    phone = phones(fake).open("#/water")
    expect(phone.page.get_by_role("region", name="Sắp tưới")).to_contain_text("Tủ điều khiển không trả lời câu này.")
    expect(phone.page.get_by_role("region", name="7 ngày qua")).to_contain_text("Tủ điều khiển không trả lời câu này.")
    phone.sees("valve/plot-1", "Đang mở nước")
    phone.page.get_by_role("group", name="Hoãn tưới vì mưa").get_by_role("button", name="1 ngày").tap()
    expect(phone.page.get_by_role("region", name="Hoãn tưới vì mưa")).to_contain_text("Tủ không nhận.")
