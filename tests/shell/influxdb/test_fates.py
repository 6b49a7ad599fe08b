"""The sink that writes to InfluxDB, against a server that does everything wrong."""

from __future__ import annotations

import logging
import random
import shutil
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from history_rows import NOON_MS
from influx_rig import History, Open, expected
from influx_servers import ANSWERS, STUCK, Front, Keeper
from support import free_port, until

from edge.shell.sinks.influxdb import LONGEST_PAUSE_S


def test_the_newest_rows_go_first_and_then_the_backlog_in_its_order(
    history: History, opened: Open, front: Front
) -> None:
    history.meters(300)
    history.file.write([("meter/m0", {"power_w": 1.0})], at_ms=NOON_MS + 7_200_000)
    sink = opened(front.url)
    sink.clock.set_wall(NOON_MS / 1000 + 7_210)
    sink.all()
    first, second, *_ = (request.splitlines() for request in front.requests)
    assert [line.split()[-1] for line in first] == [str(NOON_MS + 7_200_000)]
    assert second[0].split()[-1] == str(NOON_MS)
    times = [int(line.split()[-1]) for request in front.requests[1:] for line in request.splitlines()]
    assert times == sorted(times)


@pytest.mark.parametrize(
    ("fate", "words"),
    [
        ("401", "the server wants a token (401 unauthorized access): name a file with one in influx.token_file"),
        ("403", "the token may not write there (403 insufficient permissions for write): give it the right to write to the bucket village"),
        ("404", 'no bucket village of xa at {url} (404 bucket "village" not found): make it there, or mend influx.bucket and influx.org'),
        ("200", "what answers at {url} is no InfluxDB (200 and not 204): mend influx.url"),
        ("301", "{url} sends us elsewhere (301 Moved Permanently): put the server's own address into influx.url"),
    ],
)  # fmt: skip
def test_what_concerns_all_rows_is_told_with_its_remedy_and_tried_every_minute(
    history: History, opened: Open, front: Front, fate: str, words: str
) -> None:
    history.meters(30)
    sink = opened(front.url)
    front.fate = lambda: fate
    sink.until(lambda: len(front.requests) == 4, "the fourth request")
    assert sink.passed == pytest.approx(180, abs=1)
    assert [told.refused for told in sink.told] == [words.format(url=front.url)]
    front.fate = lambda: None
    sink.all()
    assert sink.refused is None
    assert front.behind.points()[1] == expected(30)


@pytest.mark.parametrize("fate", ["429", "503", "507", "garbage", "cut", "kept", "hang", "drip", "endless"])
def test_what_passes_is_waited_for_and_nobody_is_told(history: History, opened: Open, front: Front, fate: str) -> None:
    history.meters(30)
    sink = opened(front.url, None, front)
    fates = [fate] * 4
    front.fate = lambda: fates.pop(0) if fates else None
    sink.all()
    assert sink.told == []
    assert front.behind.points()[1] == expected(30)
    assert sink.passed >= (4 * 17 if fate == "429" else 1 + 2 + 4 + 8)


def test_a_server_that_fails_for_long_is_told(history: History, opened: Open, front: Front) -> None:
    history.meters(3)
    sink = opened(front.url)
    front.fate = lambda: "507"
    sink.until(lambda: sink.refused, "the alarm")
    assert sink.refused == "the server has failed for long (507 no space left on device): look at its log and its disk"
    assert 600 <= sink.passed < 700
    front.fate = lambda: None
    sink.all()
    assert sink.refused is None


def test_requests_that_are_too_large_become_smaller(history: History, opened: Open, front: Front) -> None:
    history.meters(500)
    sink = opened(front.url)
    front.fate = lambda: "413" if len(front.requests[-1].splitlines()) > 37 else None
    sink.all()
    assert history.aside == {}
    assert len(front.behind.points()[1]) == 500


def test_nobody_listens(history: History, opened: Open) -> None:
    history.meters(3)
    sink = opened(f"http://127.0.0.1:{free_port()}")
    sink.until(lambda: sink.worker._pause_s == LONGEST_PAUSE_S, "the longest pause")
    assert sink.told == []
    assert sink.worker.step(sink.clock.now()) == pytest.approx(sink.clock.mono() + 32, abs=2)


def test_plain_http_where_the_url_says_https_sends_no_token(
    tmp_path: Path, history: History, opened: Open, front: Front
) -> None:
    secret = tmp_path / "token"
    secret.write_text("secret-1")
    history.meters(3)
    sink = opened(front.url.replace("http:", "https:"), secret)
    sink.until(lambda: sink.refused, "the refusal")
    assert (sink.refused or "").startswith(f"no connection to {front.url.replace('http:', 'https:')} that can be trusted (SSLError ")
    assert front.requests == []


def test_https_is_taken_from_a_server_whose_certificate_is_good_and_from_no_other(
    tmp_path: Path, history: History, opened: Open, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl: sudo apt install openssl")
    named = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *named]
    subprocess.run([*made, "-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "cert")], check=True, capture_output=True)
    front = stack.enter_context(closing(Front(Keeper(), (tmp_path / "cert", tmp_path / "key"))))
    history.meters(20)
    sink = opened(front.url)
    sink.until(lambda: sink.refused, "the refusal")
    assert "CERTIFICATE_VERIFY_FAILED" in (sink.refused or "")
    assert front.requests == []
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert"))
    sink.all()
    assert front.behind.points()[1] == expected(20)


@pytest.mark.parametrize(
    ("text", "words"), [(None, "No such file or directory; "), ("", " does not hold one token; "), ("two words", " does not hold one token; ")]
)
def test_a_token_file_without_a_token_is_told(
    tmp_path: Path, history: History, opened: Open, front: Front, text: str | None, words: str
) -> None:
    secret = tmp_path / "token"
    if text is not None:
        secret.write_text(text)
    history.meters(3)
    sink = opened(front.url, secret)
    sink.until(lambda: sink.refused, "the refusal")
    assert words in (sink.refused or "")
    assert front.requests == []
    secret.write_text("secret-1")
    sink.all()
    assert front.tokens == {"Token secret-1"}


def test_a_token_that_a_server_sends_back_is_not_told_on(
    tmp_path: Path, history: History, opened: Open, front: Front, caplog: pytest.LogCaptureFixture
) -> None:
    secret = tmp_path / "token"
    secret.write_text("secret-1")
    history.meters(3)
    front.fate = lambda: "echo"
    sink = opened(front.url, secret)
    sink.until(lambda: sink.refused, "the refusal")
    assert "403 not with the Token …" in (sink.refused or "")
    assert "secret-1" not in caplog.text + str(sink.told)


def test_what_is_missing_is_told_before_there_is_a_row(tmp_path: Path, opened: Open) -> None:
    sink = opened("http://127.0.0.1:9", tmp_path / "token")
    sink.until(lambda: sink.refused, "the refusal")
    assert sink.passed == 0


def test_without_the_library_it_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, history: History, opened: Open, front: Front
) -> None:
    monkeypatch.delitem(sys.modules, "edge.shell.influx_http", raising=False)
    monkeypatch.setitem(sys.modules, "influxdb_client", None)
    history.meters(3)
    sink = opened(front.url)
    sink.until(lambda: sink.refused, "the refusal")
    assert "pip install village-edge[influx]" in (sink.refused or "")
    monkeypatch.undo()
    sink.all()


def test_a_village_that_writes_nowhere_does_not_import_the_library() -> None:
    script = "import sys; from edge.shell import app, keeping; print(len(keeping.makers())); print([m for m in ('influxdb_client', 'urllib3', 'reactivex') if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.splitlines()
    assert int(said[0]) >= 1
    assert said[1] == "[]"


def test_a_request_under_way_delays_nobody(history: History, opened: Open, front: Front) -> None:
    history.meters(3)
    front.fate = lambda: "hang"
    sink = opened(front.url, None, front)
    sink.worker.step(sink.clock.now())
    assert front.stuck.wait(5)
    began = time.monotonic()
    for _ in range(100):
        sink.worker.step(sink.clock.now())
    sink.close()
    assert time.monotonic() - began < 1
    until(lambda: not [t for t in threading.enumerate() if t.name == "influxdb-http"], 5, "the request's thread to end")


def test_a_sink_that_is_started_again_goes_on_where_it_was(history: History, opened: Open, front: Front) -> None:
    history.meters(300)
    front.behind.bad = {"level_m"}  # type: ignore[union-attr]
    history.write([("sensor/well", {"level_m": 1.0})], at_ms=NOON_MS + 300_000)
    history.write([("sensor/well", {"flow_lpm": 1.0})], at_ms=NOON_MS + 301_000)
    opened(front.url).until(lambda: history.aside, "the bad row to be set aside")
    history.meters(10, at_ms=NOON_MS + 400_000)
    sent = sum(len(request.splitlines()) for request in front.requests)
    opened(front.url).all()
    lines = [line for request in front.requests for line in request.splitlines()]
    assert len(lines) - sent == 10
    assert sum("level_m" in line for line in lines[sent:]) == 0
    assert len(front.behind.points()[1]) == 311


@pytest.mark.parametrize("seed", range(6))
def test_every_row_arrives_once_or_is_set_aside_whatever_the_server_does(
    history: History, opened: Open, front: Front, seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    chance = random.Random(seed)
    keeper = front.behind
    assert isinstance(keeper, Keeper)
    keeper.partial = chance.random() < 0.5
    keeper.bad = {"level_m"} if chance.random() < 0.7 else set()
    harms = [*ANSWERS, *STUCK, "garbage", "cut", "kept", None, None, None, None, None, None]
    front.fate = lambda: chance.choice(harms)
    sink = opened(front.url, None, front)
    written = 0
    for n in range(12):
        history.meters(chance.randrange(1, 120), at_ms=NOON_MS + n * 1_000_000)
        if chance.random() < 0.5:
            history.write([("sensor/well", {"level_m": 1.0})], at_ms=NOON_MS + n * 1_000_000 + 500)
        asked = len(front.requests) + chance.randrange(1, 8)
        sink.until(lambda: len(front.requests) >= asked or history.settled, "a few requests")  # noqa: B023
        if chance.random() < 0.2:  # the process ends and begins anew
            sink.close()
            sink = opened(front.url, None, front)
        written = history.rows
    front.fate = lambda: None
    history.meters(5, at_ms=NOON_MS + 20_000_000)
    sink.all()
    figures, points = keeper.points()
    good = written + 5 - len(history.aside)
    assert len(points) == good
    assert figures == sum(len(fields) for fields in points.values())
    assert not keeper.bad or all(why.startswith(("400: field type conflict", "413")) for why in history.aside.values())
