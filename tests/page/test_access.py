"""The page over brokers that hold each user to its role: two phones of one village, and a district with two villages."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from access_bench import District, GuardedBroker, Login, broker_folder, close_all, village_config
from access_bench import Phone as Client
from e2e_house import House
from page_house import Phone, Served, phone_like
from playwright.sync_api import Browser, expect
from support import until

Capsys = pytest.CaptureFixture[str]
Enter = Callable[[Served, Login], Phone]
STREET, HALL = "light/main-road", "light/culture-house"


@pytest.fixture
def folder() -> Iterator[Path]:
    with broker_folder() as found:
        yield found


@pytest.fixture
def enter(browser: Browser) -> Iterator[Enter]:
    """Opens the page as a paired phone does, by the address in its code."""
    made: list[Phone] = []

    def opened(web: Served, login: Login) -> Phone:
        made.append(Phone(browser.new_context(**phone_like()), web.url))
        made[-1].page.goto(f"{web.url}/#user={login.user}&token={login.token}")
        return made[-1]

    yield opened
    for phone in made:
        phone.clear()


@pytest.fixture
def house(folder: Path) -> Iterator[House]:
    """Nguyên Lý with its controller, which waits for a broker."""
    village_config(folder / "house")
    made = House(folder / "house", 0)
    made.start_sim()
    yield made
    made.end()


@pytest.fixture
def webs(folder: Path) -> Iterator[Callable[[int], Served]]:
    made: list[Served] = []

    def serve(port: int) -> Served:
        made.append(Served(folder, port))
        made[-1].start()
        return made[-1]

    yield serve
    for web in made:
        web.end()


@pytest.fixture
def cabinet(folder: Path, house: House) -> Iterator[GuardedBroker]:
    broker = GuardedBroker(folder / "cabinet")
    broker.set_up("--config", str(house.config))
    broker.start()
    house._broker_port = broker.port
    house.start()
    yield broker
    broker.stop()


def tap(phone: Phone, target: str) -> None:
    phone.device(target).locator(".switch").first.click()


def test_two_phones_two_roles_and_one_is_put_out_in_the_middle(
    cabinet: GuardedBroker, house: House, webs: Callable[[int], Served], enter: Enter, capsys: Capsys
) -> None:
    head = cabinet.pair(capsys, "--name", "Bác Tư", "--role", "head")
    viewer = cabinet.pair(capsys, "--name", "Cô Lan", "--role", "viewer")
    web = webs(cabinet.port)
    his, hers = enter(web, head), enter(web, viewer)
    for phone in (his, hers):
        phone.sees(HALL, "Đang tắt", 20)
        assert phone.page.evaluate("location.href") == f"{web.url}/"  # the token does not stay in the address
    tap(his, HALL)
    his.sees(HALL, "Đang sáng")
    hers.sees(HALL, "Đang sáng")
    expect(hers.device(HALL).locator(".why")).to_contain_text("bac-tu bật")

    tap(hers, HALL)
    expect(hers.device(HALL).locator(".answer")).to_contain_text("không trả lời", timeout=5000)
    hers.sees(HALL, "Đang sáng")
    before = len(house.pins())

    began = time.monotonic()
    assert cabinet.run("unpair", head.user) == 0
    expect(his.page.locator(".link-said")).to_contain_text("không còn quyền", timeout=60_000)
    print(f"the phone knows {time.monotonic() - began:.2f} s after unpair")
    expect(his.device(STREET).locator(".switch").first).to_be_disabled()
    hers.sees(HALL, "Đang sáng")
    expect(hers.page.locator(".link-bar")).to_have_count(0)
    assert len(house.pins()) == before

    next_head = cabinet.pair(capsys, "--name", "Chú Năm", "--role", "head")
    third = enter(web, next_head)
    third.sees(HALL, "Đang sáng", 20)
    tap(third, HALL)
    third.sees(HALL, "Đang tắt")
    hers.sees(HALL, "Đang tắt")


def test_a_technicians_lock_holds_the_head(
    cabinet: GuardedBroker, house: House, webs: Callable[[int], Served], enter: Enter, capsys: Capsys
) -> None:
    head = cabinet.pair(capsys, "--name", "Bác Tư", "--role", "head")
    tech = cabinet.pair(capsys, "--name", "Anh Minh", "--role", "technician")
    his = enter(webs(cabinet.port), head)
    his.sees(HALL, "Đang tắt", 20)
    client = Client(cabinet.port, tech)
    client.say(f"village/nguyen-ly/{HALL}/lockout/{tech.user}", json.dumps({"locked": True, "note": "thay bóng"}))
    expect(his.device(HALL).locator(".why")).to_contain_text("khóa, đang sửa điện")
    tap(his, HALL)
    expect(his.device(HALL).locator(".answer")).to_contain_text("đang sửa điện")
    his.sees(HALL, "Đang tắt")
    close_all([client])


def test_a_district_with_two_villages_one_of_them_away(
    folder: Path, house: House, webs: Callable[[int], Served], enter: Enter, capsys: Capsys
) -> None:
    district = District(folder)
    district.broker.start()
    try:
        here = district.join("nguyen-ly", house.config)
        other = village_config(folder / "tan-binh", "tan-binh", "Thôn Tân Bình")
        there = district.join("tan-binh", other)
        here.start()
        there.start()
        house._broker_port = here.port
        house.start()
        controller = Login("controller", (other.parent / "secrets" / "controller").read_text().strip())
        speaker = Client(there.port, controller)
        for leaf, payload in picture().items():
            speaker.say(f"village/tan-binh/{leaf}", payload, retain=True)
        login = district.broker.pair(capsys, "--name", "Bà Hoa", "--role", "head", "--every-site")
        phone = enter(webs(district.broker.port), login)
        villages = phone.page.locator("[data-village]")
        expect(villages).to_have_count(2, timeout=40_000)
        away, home = (phone.page.locator(f'[data-village="{site}"]') for site in ("tan-binh", "nguyen-ly"))
        for one in (away, home):
            expect(one).to_contain_text("Đang", timeout=20_000)
            expect(one).not_to_contain_text("mất kết nối", ignore_case=True, timeout=20_000)

        there.kill()
        expect(away).to_contain_text("mất kết nối", ignore_case=True, timeout=30_000)
        expect(home).not_to_contain_text("mất kết nối", ignore_case=True)

        home.click()
        phone.sees(HALL, "Đang tắt", 20)
        tap(phone, HALL)
        phone.sees(HALL, "Đang sáng")
        assert sum(pin["pin"] == 23 and pin["level"] == 0 for pin in house.pins()) == 1

        phone.page.goto(f"{phone.url}/#/@tan-binh/home")
        phone.says("mất kết nối")
        phone.sees(STREET, "Đang sáng")
        tap(phone, STREET)
        expect(phone.device(STREET).locator(".answer")).to_contain_text("không trả lời", timeout=5000)
        phone.sees(STREET, "Đang sáng")
        there.start()
        heard = Client(there.port, controller, ["#"])
        until(lambda: phone.page.locator(".link-bar").count() == 0, 40, "the village to be there again")
        assert not [topic for topic, _, _ in heard.messages if "/set/" in topic]
        close_all([heard, speaker])
    finally:
        for broker in (district.broker, *district.cabinets.values()):
            broker.stop()


def picture() -> dict[str, str]:
    """What the controller of Tân Bình last said."""
    about: dict[str, Any] = {
        "contract": 1, "version": "0.1.0", "programs": [], "tariff": None,
        "site": {"id": "tan-binh", "name": "Thôn Tân Bình", "latitude": 21.35, "longitude": 107.6, "timezone": "Asia/Ho_Chi_Minh", "language": "vi"},
        "devices": [{"id": "main-road", "kind": "light", "name": "Đường làng", "area": None, "levels": [0, 100], "circuits": 1, "lamps": 9,
                     "rated_w": 540, "meter": None, "program": None}],
    }  # fmt: skip
    state = {
        "state": "ON", "level": 100, "levels": [0, 100], "observed": "ON", "observed_level": 100, "circuits": [], "reason": "program",
        "until": None, "by": None, "command": None, "program": None, "next": None, "since": "2026-11-21T11:00:00.000Z",
    }  # fmt: skip
    return {"about": json.dumps(about), "light/main-road/state": json.dumps(state), "status": "online"}
