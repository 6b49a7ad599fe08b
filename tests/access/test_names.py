"""Names of people as ids, and hashes as mosquitto's own."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.access.hashes import fits, hashed, new_token
from edge.access.names import free_id, joined, plain_id

ID = re.compile(r"[a-z0-9][a-z0-9-]{0,31}", re.ASCII)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Bác Tư", "bac-tu"), ("Đặng Thị Ánh Nguyệt", "dang-thi-anh-nguyet"), ("ông Hữu Phước (thôn 3)", "ong-huu-phuoc-thon-3"),
        ("Ưng Hoàng Phúc", "ung-hoang-phuc"), ("Kỹ thuật viên – ca đêm", "ky-thuat-vien-ca-dem"), ("  Sơn  ", "son"),
        ("Nguyễn Thị Thu Phương Thảo Nguyên Ly", "nguyen-thi-thu-phuong-thao-nguye"), ("Straße 1º", "stra-e-1o"),
        ("Ba\u0301c Tu\u031b", "bac-tu"), ("quỹỷỵ ẵằắặẳ ớờởỡợ", "quyyy-aaaaa-ooooo"), ("村长", ""), ("🙂", ""), ("---", ""),
    ],
)  # fmt: skip
def test_vietnamese_names_become_ids(name: str, expected: str) -> None:
    assert plain_id(name) == expected


@given(st.text(max_size=80))
def test_whatever_the_name_its_id_may_stand_in_a_topic(name: str) -> None:
    found = plain_id(name)
    assert not found or ID.fullmatch(found)
    assert plain_id(found) == found


@given(st.from_regex(ID, fullmatch=True), st.from_regex(ID, fullmatch=True))
def test_names_of_villages_are_joined_to_ids(user: str, site: str) -> None:
    assert ID.fullmatch(joined(plain_id(user) or "x", plain_id(site) or "x"))


def test_the_village_stays_whole_where_a_name_is_long() -> None:
    assert joined("bac-tu", "nguyen-ly") == "bac-tu-nguyen-ly"
    assert joined("nguyen-thi-thu-phuong-thao-nguye", "nguyen-ly") == "nguyen-thi-thu-phuong-nguyen-ly"
    assert joined("nguyen-thi-thu-phuong-thao-nguye", "thon-nguyen-ly-xa-thieu-nguyen") == "nguyen-t-thon-nguyen-ly-xa-thieu"


def test_an_id_is_given_once() -> None:
    assert free_id("bac-tu", set()) == "bac-tu"
    assert free_id("bac-tu", {"bac-tu", "bac-tu-2"}) == "bac-tu-3"
    long = "a" * 32
    assert free_id(long, {long}) == "a" * 30 + "-2"


def test_hashes_are_those_of_mosquitto_passwd(tmp_path: Path) -> None:
    tool = shutil.which("mosquitto_passwd")
    assert tool is not None
    subprocess.run([tool, "-b", "-c", str(tmp_path / "p"), "u", "bí mật"], check=True, capture_output=True)
    theirs = (tmp_path / "p").read_text().strip().removeprefix("u:")
    assert fits("bí mật", theirs)
    assert not fits("bi mat", theirs)
    ours = hashed("bí mật")
    assert [len(part) for part in ours.split("$")] == [len(part) for part in theirs.split("$")]
    assert ours.split("$")[:3] == theirs.split("$")[:3]
    assert hashed("bí mật") != ours


def test_tokens_are_new_each_time_and_fit_into_an_address() -> None:
    tokens = {new_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{22}", token) for token in tokens)
    assert not any(fits("x", broken) for broken in ("", "x", "$6$a$b", "$7$101$!!$??", "$7$101$a$b"))
