"""Programs on the phone: read, changed, saved, taken back, and what happens when somebody else changes one meanwhile."""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from e2e_house import CONFIG
from fake_village import FakeVillage, about, evening
from page_fit import fits
from page_house import MakePhone, Phone, Village
from playwright.sync_api import Locator, expect
from support import until

from edge.core.program_words import spoken
from edge.core.site_terms import read_step_at

STREET = "#/programs/street"
SUNSET, HALF_PAST_TEN, SUNRISE = "10 phút trước khi mặt trời lặn: sáng hết", "22:30: sáng 33 % (một phần ba)", "10 phút sau khi mặt trời mọc: tắt"
_ids = (f"t-{n}" for n in itertools.count())


def asked(village: Village, name: str, **fields: Any) -> dict[str, Any]:
    """What the controller answers to somebody else."""
    id_ = next(_ids)
    topic = f"reply/bac-tu/{id_}"
    village.ear.say(f"ask/bac-tu/{name}", {"id": id_, "reply_to": f"village/nguyen-ly/{topic}", **fields})
    until(lambda: village.ear.json(topic), 5, f"the answer to {name}")
    return village.ear.json(topic)


def in_force(village: Village, program: str = "street") -> dict[str, Any]:
    return next(p for p in asked(village, "programs")["programs"] if p["program"] == program)


def put_by_another(village: Village, body: dict[str, Any]) -> int:
    answer = asked(village, "program-put", program="street", rev=in_force(village)["rev"], body=body)
    assert answer["ok"], answer
    return int(answer["rev"])


@pytest.fixture(scope="module")
def village_config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In quotes the house leaves the main road its own program: here nothing hangs on what it does at this hour."""
    path = tmp_path_factory.mktemp("programs") / "site.yaml"
    path.write_text(CONFIG.read_text("utf-8").replace("program: street", 'program: "street"'), "utf-8")
    return path


@pytest.fixture
def street(village: Village) -> Iterator[dict[str, Any]]:
    """The body of the street's program, which is put back at the end."""
    body = in_force(village)["body"]
    yield copy.deepcopy(body)
    put_by_another(village, body)


def step(phone: Phone, n: int, night: str = "Mỗi đêm") -> Locator:
    return phone.page.get_by_role("region", name=night).get_by_role("group", name=re.compile(f"^Bước {n}:"))


def level(phone: Phone, n: int, word: str) -> None:
    step(phone, n).get_by_role("button", name=word, exact=True).tap()


def button(phone: Phone, name: str | re.Pattern[str]) -> Locator:
    return phone.page.get_by_role("button", name=name)


def changes(phone: Phone) -> list[str]:
    return [" ".join(text.split()) for text in phone.page.locator(".review .changes li").all_inner_texts()]


def test_a_step_is_changed_saved_and_taken_back(village: Village, phone: Phone, street: dict[str, Any]) -> None:
    phone.open(STREET)
    rev = in_force(village)["rev"]
    expect(phone.page.locator("main")).to_contain_text("Đèn theo lịch này: Đường trục thôn.")
    level(phone, 2, "67 %")
    step(phone, 1).get_by_role("button", name="Sớm hơn 5 phút").tap()
    assert changes(phone) == [
        f"Bỏ: {SUNSET}", "Thêm: 15 phút trước khi mặt trời lặn: sáng hết", f"Bỏ: {HALF_PAST_TEN}", "Thêm: 22:30: sáng 67 % (hai phần ba)",
    ]  # fmt: skip
    assert in_force(village)["body"] == street  # nothing is put before it is saved
    button(phone, "Xem và lưu").tap()
    button(phone, "Lưu và dùng ngay").tap()
    expect(phone.page.locator(".outcome")).to_contain_text(f"Đã lưu (bản số {rev + 1})")
    now = in_force(village)
    wanted = copy.deepcopy(street)
    wanted["steps"][0]["at"], wanted["steps"][1]["level"] = "sunset - 15m", 67
    assert (now["body"], now["by"], now["rev"]) == (wanted, "head", rev + 1)
    button(phone, "Hoàn tác").tap()
    expect(phone.page.locator(".outcome")).to_contain_text(f"Đã trả lại lịch cũ (bản số {rev + 2})")
    assert in_force(village)["body"] == street
    expect(step(phone, 2)).to_contain_text(HALF_PAST_TEN)


def test_who_else_changed_it_is_shown_and_theirs_can_be_kept(village: Village, phone: Phone, street: dict[str, Any]) -> None:
    phone.open(STREET)
    level(phone, 2, "67 %")
    theirs = copy.deepcopy(street)
    theirs["steps"][2]["at"] = "sunrise"
    put_by_another(village, theirs)
    foot = phone.page.locator("#review")
    expect(foot).to_contain_text("Trong lúc bạn sửa, bac-tu đã đổi lịch này")
    differs = [" ".join(t.split()) for t in foot.locator(".differs").all_inner_texts()]
    assert differs == [f"khác: {HALF_PAST_TEN}", "khác: Mặt trời mọc: tắt", "khác: 22:30: sáng 67 % (hai phần ba)", f"khác: {SUNRISE}"]
    button(phone, "Giữ bản của bac-tu").tap()
    expect(foot).not_to_contain_text("bac-tu")
    expect(step(phone, 3)).to_contain_text("mặt trời mọc: tắt")
    assert in_force(village)["body"] == theirs


def test_mine_is_put_in_the_place_of_theirs_and_theirs_comes_back_by_undo(village: Village, phone: Phone, street: dict[str, Any]) -> None:
    phone.open(STREET)
    level(phone, 2, "67 %")
    theirs = copy.deepcopy(street)
    theirs["steps"].pop(1)
    rev = put_by_another(village, theirs)
    button(phone, "Dùng bản của tôi").tap()
    expect(phone.page.locator(".outcome")).to_contain_text(f"Đã lưu (bản số {rev + 1})")
    assert in_force(village)["body"]["steps"][1] == {"at": "22:30", "level": 67}
    button(phone, "Hoàn tác").tap()
    expect(phone.page.locator(".outcome")).to_contain_text(f"Đã trả lại lịch cũ (bản số {rev + 2})")
    assert in_force(village)["body"] == theirs


def test_a_change_by_others_is_simply_taken_in_while_nothing_is_edited(village: Village, phone: Phone, street: dict[str, Any]) -> None:
    phone.open(STREET)
    expect(step(phone, 2)).to_contain_text(HALF_PAST_TEN)
    theirs = copy.deepcopy(street)
    theirs["steps"][1]["at"] = "21:45"
    put_by_another(village, theirs)
    expect(step(phone, 2)).to_contain_text("21:45: sáng 33 %")
    expect(phone.page.locator("#review h2")).to_have_count(0)


def test_without_a_link_nothing_is_saved_and_the_draft_outlives_the_page(village: Village, phone: Phone, street: dict[str, Any]) -> None:
    phone.open(STREET)
    level(phone, 2, "100 %")
    phone.tolerate()
    village.broker.kill()
    expect(button(phone, "Lưu và dùng ngay")).to_be_disabled()
    expect(phone.page.locator("#review")).to_contain_text("Đang mất kết nối: chưa lưu được. Bản sửa vẫn giữ ở đây.")
    village.broker.start()
    expect(button(phone, "Lưu và dùng ngay")).to_be_enabled(timeout=10_000)
    until(lambda: village.ear.last.get("village/nguyen-ly/status") == b"online", 20, "the daemon to be back")
    until(lambda: in_force_now(village) == street, 10, "somebody else to hear the controller again")
    phone.page.reload()
    phone.open("#/programs")
    expect(phone.page.locator(".program", has_text="Đường trục thôn")).to_contain_text("Đang sửa dở, chưa lưu")
    phone.open(STREET)
    assert changes(phone) == [f"Bỏ: {HALF_PAST_TEN}", "Thêm: 22:30: sáng hết"]
    button(phone, "Bỏ, không đổi").tap()
    expect(phone.page.locator("#review h2")).to_have_count(0)
    assert in_force(village)["body"] == street


def in_force_now(village: Village) -> Any:
    """As `in_force`, or None while there is no answer."""
    try:
        return in_force(village)["body"]
    except Exception:
        return None


# What follows asks a made-up village.

BODY: dict[str, Any] = {
    "kind": "light", "colour": {"warm": True}, "photocell": {"within": "45m"},
    "steps": [
        {"at": "sunset - 10m, not before 17:45", "level": 100, "why": "đông"}, {"at": "22:30", "level": 33},
        {"at": "moonrise", "level": 50}, {"at": "sunrise + 10m", "level": 0},
    ],
    "calendar": [
        {"date": "2020-01-01", "note": "Cưới", "steps": [{"at": "sunset", "level": 100}, {"at": "sunrise", "level": 0}]},
        {"tide": "high", "steps": [{"at": "sunset", "level": 100}, {"at": "sunrise", "level": 0}]},
        {"days": "sat,sun", "steps": [{"at": "sunset", "level": 100}, {"at": "sunrise", "level": 0}]},
    ],
}  # fmt: skip


class Desk:
    """Programs of a made-up controller: `refuses` is its answer to the next put, and `puts` has what was put."""

    def __init__(self, **bodies: dict[str, Any]) -> None:
        self.bodies = bodies
        self.rev = 4
        self.puts: list[dict[str, Any]] = []
        self.refuses: dict[str, Any] | None = None

    def __call__(self, name: str, fields: Any) -> dict[str, Any]:
        if name == "programs":
            return {"programs": [{"program": p, "rev": self.rev, "by": None, "at": None, "body": body} for p, body in self.bodies.items()]}
        if name != "program-put":
            return {}
        self.puts.append(dict(fields))
        return self.refuses or {"rev": fields["rev"] + 1, "stored": True}


def desk(fake: FakeVillage, **bodies: dict[str, Any]) -> Desk:
    fake.show(evening(), {**about(), "programs": [{"id": name, "kind": body["kind"], "rev": 4} for name, body in bodies.items()]})
    made = Desk(**bodies)
    fake.answers = made
    return made


def saved(phone: Phone, made: Desk) -> dict[str, Any]:
    before = len(made.puts)
    button(phone, "Lưu và dùng ngay").tap()
    until(lambda: len(made.puts) > before, 5, "the put")
    return made.puts[-1]["body"]


def test_what_the_editor_does_not_know_is_kept_and_named(fake: FakeVillage, phones: MakePhone) -> None:
    made = desk(fake, street=BODY)
    phone = phones(fake).open(STREET)
    main = phone.page.locator("main")
    for said in ("giữ nguyên: colour", "Cảm biến trời sáng tối: đèn được sớm hoặc muộn tối đa 45 phút", "không sớm hơn 17:45", "Giờ được giữ nguyên", "Ngày này đã qua"):
        expect(main).to_contain_text(said)
    button(phone, "Đêm khác").tap()
    expect(main).to_contain_text("Trang này chưa sửa được ngày của mục này")
    level(phone, 2, "67 %")
    step(phone, 1).get_by_role("button", name="Sớm hơn 5 phút").tap()
    wanted = copy.deepcopy(BODY)
    wanted["steps"][0]["at"], wanted["steps"][1]["level"] = "sunset - 15m, not before 17:45", 67
    assert saved(phone, made) == wanted


def test_nights_are_added_above_what_is_more_common_and_chosen_in_words(fake: FakeVillage, phones: MakePhone) -> None:
    base = {"kind": "light", "steps": [{"at": "sunset", "level": 100}, {"at": "sunrise", "level": 0}]}
    made = desk(fake, street=base)
    phone = phones(fake).open(STREET)
    for night in ("Ngày trong tuần", "Rằm", "Tết", "Ngày lễ hằng năm"):
        button(phone, re.compile(f"^{night}$")).tap()
    cards = phone.page.locator(".rule")
    expect(cards).to_have_count(4)
    assert [c.locator(".rule-name").inner_text().strip() for c in cards.all()] == [
        "Ngày 2/9 hằng năm", "Tết (mùng 1 đến mùng 3 tháng Giêng âm lịch)", "Rằm hằng tháng", "Thứ bảy, chủ nhật",
    ]  # fmt: skip
    eve = cards.nth(1).get_by_role("group", name="Từ")
    eve.get_by_label("Tháng").fill("12")
    eve.get_by_label("Tháng").blur()
    eve.get_by_label("Ngày").fill("29")
    eve.get_by_label("Ngày").blur()
    cards.nth(3).get_by_role("button", name="thứ sáu", exact=True).tap()
    cards.nth(3).get_by_role("button", name="chủ nhật", exact=True).tap()
    cards.nth(0).get_by_role("button", name="Bỏ mục này").tap()
    expect(cards).to_have_count(3)
    cards.nth(1).get_by_role("button", name="Ngày sau", exact=True).tap()
    steps = base["steps"]
    assert saved(phone, made)["calendar"] == [
        {"lunar": "12-29..1-3", "steps": steps}, {"lunar_day": 16, "steps": steps}, {"days": "fri,sat", "steps": steps},
    ]  # fmt: skip


def test_a_wedding_is_put_weeks_ahead(fake: FakeVillage, phones: MakePhone) -> None:
    made = desk(fake, street={"kind": "light", "steps": [{"at": "sunset", "level": 100}, {"at": "22:30", "level": 33}, {"at": "sunrise", "level": 0}]})
    phone = phones(fake).open(STREET)
    button(phone, "Một ngày (đám cưới…)").tap()
    card = phone.page.locator(".rule")
    card.get_by_label("Từ").fill("2030-02-08")
    card.get_by_label("Từ").blur()
    late = card.get_by_role("group", name=re.compile("^Bước 2:"))
    late.get_by_label("Giờ", exact=True).select_option("01")
    late.get_by_label("Phút", exact=True).select_option("00")
    expect(card.locator(".rule-name")).to_have_text(re.compile("Ngày 08/02/2030"))
    assert saved(phone, made)["calendar"] == [
        {"date": "2030-02-08", "steps": [{"at": "sunset", "level": 100}, {"at": "01:00", "level": 33}, {"at": "sunrise", "level": 0}]}
    ]


def test_steps_that_contradict_are_explained_and_not_sent(fake: FakeVillage, phones: MakePhone) -> None:
    made = desk(fake, street={"kind": "light", "steps": [{"at": "sunset", "level": 100}, {"at": "22:30", "level": 33}, {"at": "sunrise", "level": 0}]})
    phone = phones(fake).open(STREET)
    button(phone, "Thêm bước").tap()
    added = step(phone, 3)
    added.get_by_label("Giờ", exact=True).select_option("22")
    added.get_by_label("Phút", exact=True).select_option("30")
    expect(added.locator(".flaw")).to_contain_text("Hai bước cùng một lúc (22:30)")
    expect(button(phone, "Lưu và dùng ngay")).to_be_disabled()
    added.get_by_role("button", name="Sớm hơn 15 phút").tap()
    expect(phone.page.locator(".editor .doubt")).to_contain_text("Các bước không xếp theo giờ")
    button(phone, "Xếp theo giờ").tap()
    expect(step(phone, 2)).to_contain_text("22:15")
    level(phone, 4, "33 %")
    expect(phone.page.locator("#review .doubt")).to_contain_text("không có bước tắt: đèn sáng cả ban ngày")
    expect(button(phone, "Lưu và dùng ngay")).to_be_enabled()
    assert made.puts == []


def test_a_level_that_a_light_does_not_have_is_told(fake: FakeVillage, phones: MakePhone) -> None:
    desk(fake, street={"kind": "light", "steps": [{"at": "sunset", "level": 50}, {"at": "sunrise", "level": 0}]})
    phone = phones(fake).open(STREET)
    step(phone, 1).get_by_role("button", name="Muộn hơn 5 phút").tap()
    expect(phone.page.locator("#review .doubt")).to_have_text("Đường trục thôn không có mức 50 %, sẽ sáng 67 % (hai phần ba).")


def test_what_the_cabinet_finds_wrong_stands_at_its_row_until_it_is_changed(fake: FakeVillage, phones: MakePhone) -> None:
    made = desk(fake, street=BODY)
    flaws = [{"path": "steps[1].at", "text": "<b>wrong</b> one"}, {"path": "calendar[2].days", "text": "another"}]
    made.refuses = {"ok": False, "error": {"code": "bad-program", "message": "2 errors", "flaws": flaws}}
    phone = phones(fake).open(STREET)
    level(phone, 2, "67 %")
    saved(phone, made)
    expect(step(phone, 2).locator(".flaw")).to_have_text("<b>wrong</b> one")
    expect(phone.page.locator(".rule").nth(2).locator(".flaw")).to_have_text("another")
    expect(phone.page.locator("#review")).to_contain_text("Tủ không nhận: có chỗ chưa đúng")
    step(phone, 2).get_by_role("button", name="Muộn hơn 15 phút").tap()
    expect(step(phone, 2).locator(".flaw")).to_have_count(0)
    expect(phone.page.locator(".rule").nth(2).locator(".flaw")).to_have_text("another")


def test_a_save_that_comes_too_late_shows_what_stands_there_now(fake: FakeVillage, phones: MakePhone) -> None:
    made = desk(fake, street=BODY)
    phone = phones(fake).open(STREET)
    level(phone, 2, "67 %")
    made.rev, made.bodies["street"] = 5, {**BODY, "calendar": []}  # and `about` has not said so yet
    made.refuses = {"ok": False, "error": {"code": "conflict", "message": "street has rev 5", "rev": 5}}
    saved(phone, made)
    expect(phone.page.locator("#review")).to_contain_text("có người đã đổi lịch này")
    made.refuses = None
    button(phone, "Dùng bản của tôi").tap()
    until(lambda: len(made.puts) == 2, 5, "the second put")
    assert (made.puts[0]["rev"], made.puts[1]["rev"]) == (4, 5)
    assert made.puts[0]["body"] == made.puts[1]["body"]


def test_a_save_that_nobody_answers_is_doubted_until_the_cabinet_shows_it(fake: FakeVillage, phones: MakePhone) -> None:
    made = desk(fake, street=BODY)

    def puts() -> list[dict[str, Any]]:
        return [put["body"] for topic, put in fake.received if topic == "ask/head/program-put"]

    phone = phones(fake)
    phone.page.clock.install()
    phone.open(STREET)
    level(phone, 2, "67 %")
    hears, fake.answer = fake.answer, lambda *_: None
    button(phone, "Lưu và dùng ngay").tap()
    until(lambda: len(puts()) == 1, 5, "the put")
    phone.page.clock.fast_forward(13_000)
    expect(phone.page.locator("#review")).to_contain_text("Tủ không trả lời: chưa chắc đã lưu")
    fake.answer = hears
    phone.page.clock.fast_forward(40_000)
    expect(phone.page.locator("#review")).to_contain_text("Tủ không nhận được: lịch chưa đổi")
    fake.answer = lambda *_: None
    button(phone, "Lưu và dùng ngay").tap()
    until(lambda: len(puts()) == 2, 5, "the second put")
    phone.page.clock.fast_forward(13_000)
    expect(phone.page.locator("#review")).to_contain_text("Tủ không trả lời: chưa chắc đã lưu")
    made.rev, made.bodies["street"] = 5, puts()[-1]
    fake.answer = hears
    phone.page.clock.fast_forward(40_000)
    expect(phone.page.locator(".outcome")).to_contain_text("Đã lưu")


def test_a_program_that_no_light_follows_says_so(fake: FakeVillage, phones: MakePhone) -> None:
    desk(fake, street=BODY, festival={"kind": "light", "steps": [{"at": "18:00", "level": 100}]})
    phone = phones(fake).open("#/programs")
    card = phone.page.locator(".program", has_text="festival")
    expect(card).to_contain_text("Chưa có đèn nào theo lịch này.")
    card.tap()
    expect(phone.page.locator("h1")).to_have_text("Lịch đèn: festival")
    expect(phone.page.locator("main")).to_contain_text("Chưa có đèn nào theo lịch này.")
    phone.open("#/programs/nobody")
    expect(phone.page.locator("main")).to_contain_text("Không còn lịch này.")


TIMES = [
    "22:30", "0:05", "sunset", "sunrise", "sunset - 10m", "sunset-1h", "sunrise  +  90s", "sunrise + 1.5h", "sunset - 10m, not before 17:45",
    "sunset, not before 17:45, not after 18:30", "sunrise + 6h", "  sunset + 0m ",
]  # fmt: skip
NO_TIMES = ["22h30", "24:00", "sunset - 10", "22:30, not before 21:00", "moonrise", "sunset, never"]


def test_times_are_read_and_written_as_the_controller_does(fake: FakeVillage, phones: MakePhone) -> None:
    phone = phones(fake)
    script = "async (texts) => { const m = await import('/views/light-times.js'); return texts.map((t) => { const at = m.read(t); return at && m.write(at); }); }"
    assert [spoken(read_step_at(text)) for text in phone.page.evaluate(script, TIMES)] == [spoken(read_step_at(text)) for text in TIMES]
    assert phone.page.evaluate(script, NO_TIMES) == [None] * len(NO_TIMES)


@pytest.mark.parametrize(("dark", "language", "text"), [(False, "vi", 100), (True, "en", 200)])
def test_the_editor_fits_a_phone(fake: FakeVillage, phones: MakePhone, dark: bool, language: str, text: int) -> None:
    desk(fake, street=BODY)
    phone = phones(fake, dark=dark, language=language, text=text).open("#/programs")
    fits(phone)
    phone.open(STREET)
    expect(phone.page.locator(".nights-more button")).to_have_count(6)
    for add in phone.page.locator(".nights-more button").all():
        add.tap()
    expect(phone.page.locator("#review h2")).to_be_attached()
    fits(phone)
