"""The broker goes, the controller dies or hangs, an output does not follow: the page says so, and nothing is sent later."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from e2e_house import CONFIG, Listener
from page_house import Phone, Village, words
from playwright.sync_api import expect
from support import until

from simulator.control import ask

HALL = "light/culture-house"
SILENT = words("phase-of.silent")
OFF, LIT, UNKNOWN = words("state.light.off"), words("state.light.on"), words("unknown")
LOST = words("link-down").partition(",")[0]


@pytest.fixture(scope="module")
def village_config() -> Iterator[Path]:
    """The example, but the culture house's contactor says by a contact of its own whether it has closed."""
    with TemporaryDirectory(prefix="page-") as folder:
        config = Path(folder) / "feedback.yaml"
        text = CONFIG.read_text("utf-8").replace(", feedback: {gpio: 5}", "")
        text = text.replace("gpio: 23, active: low}, lamps: 6, lamp_w: 30}", "gpio: 23, active: low}, lamps: 6, lamp_w: 30, feedback: {gpio: 5}}")
        assert text.count("feedback: {gpio: 5}") == 1
        config.write_text(text, "utf-8")
        yield config


def village_commands(witness: Listener) -> list[str]:
    """Topics of the commands that a listener has heard."""
    return [topic for topic, _, _ in witness.messages if "/set/" in topic]


def dark(village: Village, phone: Phone) -> None:
    """The culture house is off, and the phone knows."""
    until(village.ear.client.is_connected, 10, "the listener to be back")
    village.ear.ask("OFF", to=HALL)
    phone.sees(HALL, OFF)


def test_without_the_broker_the_age_is_shown_taps_are_refused_and_none_is_sent_later(village: Village, phone: Phone) -> None:
    dark(village, phone)
    phone.tolerate()
    village.broker.kill()
    phone.says(LOST)
    phone.says(re.compile(r"[2-9] giây trước"))
    switch = phone.device(HALL).locator(".turn-on")
    expect(switch).to_be_disabled()
    switch.tap(force=True)
    expect(phone.device(HALL).get_by_role("button", name=words("how-long-of", name="Nhà văn hóa"))).to_be_disabled()
    phone.sees(HALL, OFF)
    village.broker.start()
    witness = Listener(village.broker.port)
    expect(phone.page.locator(".link-bar")).to_have_count(0, timeout=8000)
    expect(switch).to_be_enabled()
    switch.tap()
    phone.sees(HALL, LIT)
    assert village_commands(witness) == [f"village/nguyen-ly/{HALL}/set/head"]
    witness.close()


def test_the_page_is_connected_again_3_s_after_the_broker_is_back(village: Village, phone: Phone) -> None:
    dark(village, phone)
    phone.tolerate()
    for away_s in (0.2, 4):
        village.broker.kill()
        phone.says(LOST)
        phone.page.wait_for_function("(s) => { globalThis.t0 ??= performance.now(); return performance.now() - t0 > s * 1000; }", arg=away_s)
        village.broker.start()
        began = time.monotonic()
        expect(phone.page.locator(".link-bar").filter(has_text=LOST)).to_have_count(0, timeout=6000)
        assert time.monotonic() - began <= 3
        phone.page.evaluate("delete globalThis.t0")
        expect(phone.page.locator(".link-bar")).to_have_count(0, timeout=8000)


def test_a_tap_into_a_link_that_dies_is_said_to_be_unanswered_and_is_never_sent_again(village: Village, phone: Phone) -> None:
    dark(village, phone)
    phone.tolerate()
    village.broker.pause()
    phone.device(HALL).locator(".turn-on").tap()
    expect(phone.device(HALL).locator(".answer")).to_contain_text(SILENT, timeout=4500)
    phone.sees(HALL, OFF)
    village.broker.kill()
    village.broker.start()
    witness = Listener(village.broker.port)
    expect(phone.page.locator(".link-bar")).to_have_count(0, timeout=8000)
    expect(phone.device(HALL).locator(".turn-on")).to_be_enabled()
    witness.ask("OFF", to=HALL, user="technician")
    assert village_commands(witness) == [f"village/nguyen-ly/{HALL}/set/technician"]
    witness.close()


def test_a_controller_that_hangs_is_said_to_be_silent_after_3_s(village: Village, phone: Phone) -> None:
    dark(village, phone)
    village.house.daemon.send_signal(signal.SIGSTOP)
    try:
        phone.device(HALL).locator(".turn-on").tap()
        began = time.monotonic()
        expect(phone.device(HALL).locator(".switch")).to_have_text(words("waiting"))
        expect(phone.device(HALL).locator(".answer")).to_contain_text(SILENT, timeout=5000)
        assert 2.5 < time.monotonic() - began < 4
        phone.sees(HALL, OFF)
    finally:
        village.house.daemon.send_signal(signal.SIGCONT)
    phone.sees(HALL, LIT)
    expect(phone.device(HALL).locator(".answer")).to_be_empty()


def test_a_controller_that_died_is_said_to_be_out_of_reach_and_a_tap_to_be_unanswered(village: Village, phone: Phone) -> None:
    dark(village, phone)
    village.house.kill()
    phone.says(words("cabinet-offline").partition(" {")[0])
    phone.device(HALL).locator(".turn-on").tap()
    expect(phone.device(HALL).locator(".answer")).to_contain_text(SILENT, timeout=5000)
    phone.sees(HALL, OFF)
    village.house.start()
    expect(phone.page.locator(".link-bar")).to_have_count(0, timeout=15_000)


def test_an_output_that_does_not_follow_is_never_shown_as_done(village: Village, phone: Phone) -> None:
    dark(village, phone)
    fault = ask(village.house.sim, {"fault": "relay-open", "on": f"{HALL}/a"})["id"]
    try:
        phone.page.evaluate(
            """(target) => {
              globalThis.seen = [];
              const row = document.querySelector(`[data-target="${target}"]`);
              new MutationObserver(() => seen.push(row.querySelector('.state').textContent)).observe(row, {subtree: true, childList: true, characterData: true});
            }""",
            HALL,
        )
        phone.device(HALL).locator(".turn-on").tap()
        expect(phone.device(HALL).locator(".answer")).to_contain_text(words("error.output-failed"), timeout=8000)
        expect(phone.device(HALL).locator(".answer.bad")).to_be_visible(timeout=8000)
        assert set(phone.page.evaluate("seen")) == {OFF}
        expect(phone.page.get_by_role("button", name=words("undo"))).to_have_count(0)
    finally:
        ask(village.house.sim, {"clear": fault})
    phone.sees(HALL, LIT, 10)


def test_what_nobody_sees_is_shown_as_unknown_with_both_ways_open(village: Village, phone: Phone) -> None:
    lanes = "light/lanes"
    fault = ask(village.house.sim, {"fault": "board-unpowered", "on": "board/cabinet-board"})["id"]
    try:
        phone.sees(lanes, UNKNOWN, 15)
        expect(phone.device(lanes).locator(".turn-on")).to_be_visible()
        expect(phone.device(lanes).locator(".turn-off")).to_be_visible()
    finally:
        ask(village.house.sim, {"clear": fault})
    expect(phone.device(lanes).locator(".state")).not_to_have_text(UNKNOWN, timeout=20_000)
