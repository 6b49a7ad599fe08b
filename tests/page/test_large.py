"""Two hundred devices: no tap is lost, and the page's memory is as small after many messages as at its beginning."""

from __future__ import annotations

from fake_village import FakeVillage
from large_village import LIGHTS, TURN, Memory, caught_up, large, moments
from page_house import MakePhone
from playwright.sync_api import expect
from support import until

MOST_HEAP = 60e6
TAPS = 60
MESSAGES = 12_000  # a thirtieth of a day; tests/bench/page_day.py plays the whole


def test_every_tap_reaches_the_broker_once_while_everything_changes(fake: FakeVillage, phones: MakePhone) -> None:
    fake.show(large()[1], large()[0])
    fake.carry_out = True
    phone = phones(fake)
    expect(phone.page.locator('[data-target^="light/"]')).to_have_count(LIGHTS)
    for n in range(TAPS):
        moments(fake, n * TURN, TURN)
        phone.page.evaluate(
            "(n) => { for (const target of [`light/l-${n}`, `valve/v-${n % 40}`]) document.querySelector(`[data-target=\"${target}\"] .switch`).click(); }", n
        )
    until(lambda: len(fake.commands()) >= 2 * TAPS, 20, "every tap at the broker")
    caught_up(fake, phone, 777)
    asked = [topic for topic, _ in fake.commands()]
    assert sorted(asked) == sorted([f"light/l-{n}/set/head" for n in range(TAPS)] + [f"valve/v-{n % 40}/set/head" for n in range(TAPS)])
    assert len({command["id"] for _, command in fake.commands()}) == 2 * TAPS
    for n in (0, TAPS - 1):
        expect(phone.device(f"light/l-{n}").locator(".turn-off")).to_be_visible()


def test_the_heap_is_small_and_flat(fake: FakeVillage, phones: MakePhone) -> None:
    fake.show(large()[1], large()[0])
    phone = phones(fake)
    memory = Memory(phone)
    held = []
    for quarter in range(4):
        moments(fake, quarter * MESSAGES // 4, MESSAGES // 4)
        caught_up(fake, phone, 500 + quarter)
        held.append((memory.heap(), memory.nodes()))
    heaps = [heap for heap, _ in held]
    assert max(heaps) <= MOST_HEAP, held
    assert heaps[3] <= 1.1 * heaps[0] + 1e6, held
    assert held[3][1] <= 1.05 * held[0][1] + 50, held
