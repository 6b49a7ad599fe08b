"""What the page holds of a village with 200 devices over a day of its messages, and how long its frames take.

120 lights, 40 valves, 30 meters and 10 sensors are made up; each meter and sensor is read every 10 s and a light changes
as often: 354,240 messages a day, sent as fast as the page takes them while its first view, with all of them on it, is
drawn. The heap is counted after all that nobody holds has been taken away, with the page open and at a quarter, a half
and the whole of the day. The floor is the heap of the same page before the first of these messages. A frame is late when
it comes 50 ms or more after the one before.
"""

from __future__ import annotations

import sys
from pathlib import Path

from common import ground, parser, say, told

sys.path.append(str(Path(__file__).parents[1]))
from fake_village import FakeVillage
from large_village import DAY, TURN, Memory, caught_up, large, moments
from page_house import Phone, Served, browser_of, phone_like
from playwright.sync_api import expect, sync_playwright

FRAMES = """() => {
  globalThis.frames = {all: 0, late: 0, most: 0};
  let last = performance.now();
  const one = (now) => {
    frames.all += 1;
    frames.late += now - last >= 50;
    frames.most = Math.max(frames.most, now - last);
    last = now;
    requestAnimationFrame(one);
  };
  requestAnimationFrame(one);
}"""


def main(share: float) -> None:
    with ground() as here, sync_playwright() as playwright:
        web = Served(here.folder, here.broker.port)
        web.start()
        fake = FakeVillage(here.broker.port, web)
        about, picture = large()
        fake.show(picture, about)
        browser = browser_of(playwright)
        phone = Phone(browser.new_context(**phone_like()), web.url).enter()
        expect(phone.page.locator(".device")).to_have_count(160)
        memory = Memory(phone)
        floor = memory.heap() / 1e6
        phone.page.evaluate(FRAMES)
        turns = int(DAY * share) // TURN
        held: list[float] = []
        for eighth in range(8):
            say(f"eighth {eighth + 1} of 8")
            for turn in range(turns * eighth // 8, turns * (eighth + 1) // 8, 50):
                moments(fake, turn * TURN, min(50, turns * (eighth + 1) // 8 - turn) * TURN)
            caught_up(fake, phone, 500 + eighth)
            held.append(memory.heap() / 1e6)
        frames = phone.page.evaluate("frames")
        phone.clear()
        browser.close()
        fake.leave()
        web.end()
    print(f"heap after a quarter {held[1]:.1f}, a half {held[3]:.1f}, all {held[7]:.1f} MB of {turns * TURN:,} messages")
    print(f"frames: {frames['all']}, late {frames['late']}, the longest {frames['most']:.0f} ms")
    told("page-heap-200", max(held), "MB", floor, 1)


if __name__ == "__main__":
    options = parser(__doc__)
    options.add_argument("--share", type=float, default=0.1, help="of the day (default: 0.1; 1 takes some minutes)")
    main(options.parse_args().share)
