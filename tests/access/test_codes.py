"""The QR code on the terminal and in the picture is the address, module by module."""

from __future__ import annotations

import json
import re
import struct
import zlib
from pathlib import Path

import pytest
import segno
from access_bench import GuardedBroker, village_config

from edge.access import qr
from edge.access.hashes import fits

ADDRESS = "http://192.168.1.20:8080/#user=bac-tu&token=2B4DcB6Qmj3GPjmqq9_5tg"
HALVES = {" ": (1, 1), "▀": (0, 1), "▄": (1, 0), "█": (0, 0)}  # 1 is dark
Matrix = list[list[int]]


def wanted(address: str) -> Matrix:
    return [[int(module > 0) for module in row] for row in segno.make_qr(address, error="m").matrix_iter(border=qr.BORDER)]


def on_terminal(lines: list[str]) -> Matrix:
    rows: Matrix = []
    for line in lines:
        halves = [HALVES[character] for character in line]
        rows += [[top for top, _ in halves], [bottom for _, bottom in halves]]
    return rows


def in_picture(raw: bytes) -> Matrix:
    """A grey PNG of one bit, its rows plain or the difference to the one above, as segno writes it: the middle pixel of
    each module."""
    assert raw[:8] == b"\x89PNG\r\n\x1a\n"
    place, data, width, height = 8, b"", 0, 0
    while place < len(raw):
        size, kind = struct.unpack(">I4s", raw[place : place + 8])
        body = raw[place + 8 : place + 8 + size]
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", body[:10])
            assert (depth, colour) == (1, 0)
        data += body if kind == b"IDAT" else b""
        place += size + 12
    packed, stride = zlib.decompress(data), (width + 7) // 8 + 1
    rows = [bytes(stride)]
    for y in range(height):
        row = packed[y * stride : (y + 1) * stride]
        assert row[0] in (0, 2)
        rows.append(bytes((byte + above) % 256 for byte, above in zip(row, rows[-1], strict=True)) if row[0] else row)
        rows[-1] = b"\0" + rows[-1][1:]
    del rows[0]
    middles = range(qr.PIXELS // 2, width, qr.PIXELS)
    return [[1 - (rows[y][1 + x // 8] >> (7 - x % 8) & 1) for x in middles] for y in range(qr.PIXELS // 2, height, qr.PIXELS)]


def test_the_code_on_the_terminal_is_the_address() -> None:
    modules = wanted(ADDRESS)
    shown = on_terminal(qr.terminal_lines(ADDRESS, colours=False))
    assert shown[: len(modules)] == modules
    assert max(len(line) for line in qr.terminal_lines(ADDRESS, colours=False)) <= 80
    assert len(qr.terminal_lines(ADDRESS, colours=False)) <= 24
    assert on_terminal(qr.terminal_lines(ADDRESS + "x", colours=False)) != shown


def test_on_a_terminal_of_any_colour_light_is_light() -> None:
    bare = qr.terminal_lines(ADDRESS, colours=False)
    assert [re.fullmatch("\x1b\\[97;40m(.*)\x1b\\[0m", line)[1] for line in qr.terminal_lines(ADDRESS, colours=True)] == bare


def test_the_picture_is_the_address_and_its_owners_alone(tmp_path: Path) -> None:
    qr.write_picture(tmp_path / "qr.png", ADDRESS)
    assert in_picture((tmp_path / "qr.png").read_bytes()) == wanted(ADDRESS)
    assert (tmp_path / "qr.png").stat().st_mode & 0o777 == 0o600


def test_pair_shows_and_writes_the_code_of_the_address_that_it_prints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broker = GuardedBroker(tmp_path / "cabinet")
    broker.set_up("--config", str(village_config(tmp_path / "village")))
    capsys.readouterr()
    picture = tmp_path / "qr.png"
    page = ["--page", "https://den.example.vn/lang/"]
    assert broker.run("pair", "--name", "Bác Tư", "--role", "head", "--text", "--png", str(picture), *page) == 0
    out = capsys.readouterr().out
    address = re.search(r"^https://den.example.vn/lang/#user=bac-tu&token=[\w-]{22}$", out, re.MULTILINE)[0]
    drawn = [line for line in out.splitlines() if line and set(line) <= set(HALVES)]
    assert on_terminal(drawn)[: len(wanted(address))] == wanted(address)
    assert in_picture(picture.read_bytes()) == wanted(address)
    token = address.partition("token=")[2]
    assert f"\nuser bac-tu, password {token}\n" in out
    assert out.count(token) == 2
    assert broker.run("pair", "--name", "Cô Lan", "--role", "head") == 0
    assert "token=" not in capsys.readouterr().out
    assert broker.run("pair", "--name", "Influx", "--role", "district", "--password-file", str(tmp_path / "influx")) == 0
    program = (tmp_path / "influx").read_text().strip()
    assert len(program) == 22
    assert program not in capsys.readouterr().out
    assert fits(program, json.loads((broker.dir / "users.json").read_text())["users"]["influx"]["hash"])
    assert (tmp_path / "influx").stat().st_mode & 0o777 == 0o600
    assert broker.run("pair", "--name", "X", "--role", "head", "--password-file", "x", "--text") == 1
    nowhere = tmp_path / "nowhere" / "qr.png"
    assert broker.run("pair", "--name", "Cô Lan", "--role", "head", "--png", str(nowhere)) == 1
    assert "take the code above" in capsys.readouterr().err
