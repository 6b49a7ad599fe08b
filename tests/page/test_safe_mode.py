"""Safe mode on a phone: it stands first, a refused tap says why in words, and off works."""

from __future__ import annotations

import datetime as dt
import json
import signal
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import pytest
from page_house import MakePhone, Village, words
from playwright.sync_api import expect
from support import until

from edge.shell.clock import SystemClock
from edge.shell.starts import FILE

HALL = "light/culture-house"


@pytest.fixture(scope="module")
def safe(village: Village) -> Iterator[Village]:
    """The village after five bad ends in a row, at ten in the evening."""
    runtime = village.house.sim.parent / "runtime"
    runtime.mkdir()
    village.house.kill("daemon", signal.SIGTERM)
    clock = SystemClock().now()
    starts = [{"at": clock.mono, "ended": "watchdog", "error": None}] * 5
    (runtime / FILE).write_text(json.dumps({"boot": clock.boot, "starts": starts, "tries": 0, "safe": None}))
    now = dt.datetime.now(ZoneInfo("Asia/Ho_Chi_Minh"))
    evening = now.replace(hour=22, minute=0)
    (village.house.sim / "clock-offset").write_text(str((evening - now).total_seconds()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNTIME_DIRECTORY", str(runtime))
        village.house.start()
        until(lambda: village.ear.state("culture-house").get("observed") == "ON", 20, "safe mode, and its lights")
        yield village


@pytest.mark.parametrize("language", ["vi", "en"])
def test_safe_mode_stands_first_refuses_in_words_and_switches_off(safe: Village, phones: MakePhone, language: str) -> None:
    phone = phones(safe, language=language)
    first = phone.page.locator(".attention .alarm").first
    expect(first).to_contain_text({"vi": "chế độ an toàn", "en": "Safe mode"}[language])
    expect(first).to_contain_text({"vi": "5 × bị treo", "en": "5 × it hung"}[language])
    if language == "vi":
        phone.sees(HALL, words("state.light.on"))
        expect(phone.device(HALL).locator(".why")).to_have_text(words("reason.safe-mode"))
        phone.device(HALL).locator(".turn-off").tap()
        phone.sees(HALL, words("state.light.off"))
    phone.sees(HALL, words("state.light.off", language))
    phone.device(HALL).locator(".turn-on").tap()
    expect(phone.device(HALL).locator(".answer")).to_contain_text(words("error.safe-mode", language))
    phone.sees(HALL, words("state.light.off", language))
    phone.open("#/water")
    expect(phone.device("valve/plot-1")).to_contain_text(words("stands.safe-mode", language, "field"))
    first_page = phone.open("#/alarms").page
    first_page.locator(".alarm", has_text={"vi": "chế độ an toàn", "en": "Safe mode"}[language]).first.tap()
    expect(first_page.locator("main")).to_contain_text(words("alarm.means.safe-mode", language, "alarms"))
