"""The pictures of docs/page: every view of an evening that stands still, made anew by

    python -m pytest tests/page/test_pictures.py --pictures

and else only looked at: that each view has one, and that they are small. Whoever changes a view makes them anew and looks.
"""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from fake_village import EVENING, FakeVillage, evening
from page_house import HERE, MakePhone
from page_views import VIEWS
from small_png import small

FOLDER = HERE / "docs" / "page"
MOST_BYTES = 1_500_000
SCALE = 1.25
ALSO = ("home", "alarms")  # in the dark and in English, too
TABLET = 768
WHOLE = "home-whole"  # of the home page the others have what a phone shows at first
PICTURES = [
    *((name, {}) for name in VIEWS),
    (WHOLE, {}),
    *((f"{name}-dark", {"dark": True}) for name in ALSO),
    *((f"{name}-en", {"language": "en"}) for name in ALSO),
    *((f"{name}-tablet", {"width": TABLET}) for name in ALSO),
    *((f"{name}-large-text", {"text": 200}) for name in ALSO),
]


def test_every_view_has_its_picture_and_they_are_small(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--pictures"):
        pytest.skip("they are made anew")
    there = {file.stem: file for file in FOLDER.glob("*.png")}
    assert there.keys() == {name for name, _ in PICTURES}
    assert sum(file.stat().st_size for file in there.values()) <= MOST_BYTES
    for name, how in PICTURES:
        assert width(there[name]) == how.get("width", 360) * SCALE, name


def width(file: Path) -> int:
    """Of a PNG, in pixels."""
    head = file.read_bytes()[:24]
    assert head.startswith(b"\x89PNG\r\n\x1a\n"), file
    return int(struct.unpack(">I", head[16:20])[0])


def test_pictures_are_made_anew(request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("--pictures"):
        pytest.skip("only with --pictures")
    fake: FakeVillage = request.getfixturevalue("fake")
    phones: MakePhone = request.getfixturevalue("phones")
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.png"):
        old.unlink()
    fake.show(evening(), now=EVENING)
    open_phones = {}
    blank = request.getfixturevalue("browser").new_page()
    for name, how in PICTURES:
        key = tuple(how.items())
        if key not in open_phones:
            open_phones[key] = phones(fake, at=EVENING, scale=SCALE, **how)
        phone = open_phones[key]
        view = name if name in VIEWS else next(v for v in ALSO if name.startswith(f"{v}-"))
        phone.open(VIEWS[view])
        phone.quiet(250)
        window = phone.page.viewport_size
        cut = view == "home" and name != WHOLE
        while not cut and (whole := phone.page.evaluate("document.scrollingElement.scrollHeight")) > phone.page.viewport_size["height"]:
            # What stands at the bottom stands there in the picture, too; what is seen for the first time may ask for more.
            phone.page.set_viewport_size({**window, "height": whole})
            phone.quiet(250)
        picture = phone.page.screenshot(animations="disabled")
        phone.page.set_viewport_size(window)
        (FOLDER / f"{name}.png").write_bytes(small(blank, picture))
    blank.close()
