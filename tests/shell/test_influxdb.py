"""The sink that writes to InfluxDB, against servers of Debian's packages and against one that does everything wrong."""

from __future__ import annotations

import json
import logging
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from history_rows import NOON_MS, HistoryFile
from influx_servers import ANSWERS, STUCK, Forward, Front, Influx1, Keeper, Points, VictoriaMetrics
from support import free_port, until

from edge.core.events import SinkChanged
from edge.core.ranges import Range, Ranges
from edge.core.site import Influx
from edge.shell.clock import ManualClock
from edge.shell.influx_server import opener
from edge.shell.sinks.influxdb import ANSWER_S, LONGEST_PAUSE_S, InfluxWorker

SITE = "thon"


class History:
    """The history's file, and what the sink says of it; what is acknowledged twice is an error."""

    def __init__(self, folder: Path) -> None:
        self.file = HistoryFile(folder / "history.db")
        self.has = Ranges()
        self.aside: dict[int, str] = {}
        self._wakes: list[Callable[[], None]] = []

    def acknowledge(self, consumer: str, ranges: list[Range]) -> None:
        assert consumer == "influxdb"
        for first, last in ranges:
            assert not any(n in self.has or n in self.aside for n in range(first, last + 1))
            self.has.add(first, last)
        self.file.do("INSERT OR REPLACE INTO consumers (id, acknowledged, dropped, set_aside) VALUES ('influxdb', ?, 0, 0)", json.dumps(list(self.has)))

    def set_aside(self, consumer: str, sequence: int, why: str) -> None:
        assert sequence not in self.aside
        assert sequence not in self.has
        self.aside[sequence] = why
        self.file.do("INSERT INTO set_aside VALUES (?, ?, 0.0, ?)", consumer, sequence, why)

    def on_commit(self, wake: Callable[[], None]) -> None:
        self._wakes.append(wake)

    def meters(self, count: int, **how: int) -> None:
        """So many readings, a second apart, of three meters in turn."""
        at = how.pop("at_ms", NOON_MS)
        self.write([(f"meter/m{n % 3}", {"power_w": 100.25 + n, "energy_kwh": energy(n)}) for n in range(count)], at_ms=at)

    def write(self, rows: list[tuple[str, dict[str, float | None]]], at_ms: int = NOON_MS) -> None:
        self.file.write(rows, at_ms=at_ms, every_ms=1000)
        for wake in self._wakes:
            wake()

    @property
    def rows(self) -> int:
        return self.file.newest

    @property
    def settled(self) -> bool:
        """Whether every row has arrived or was set aside."""
        return sum(last - first + 1 for first, last in self.has) + len(self.aside) == self.rows


class Sink:
    """The sink in the test's thread, on a clock that jumps over every wait but the ones for answers."""

    def __init__(self, history: History, url: str, token_file: Path | None = None, front: Front | None = None) -> None:
        influx = Influx(url=url, org="xa", bucket="village", token_file=None if token_file is None else token_file.name)
        self.clock = ManualClock(wall=NOON_MS / 1000)
        self._began = self.clock.mono()
        self.told: list[SinkChanged] = []
        self.history = history
        self._front = front
        self._woken = threading.Event()
        self.worker = InfluxWorker(
            influx, history.file.path, history, self.told.append, opener(influx, SITE, token_file)
        )
        self.worker.on_wake(self._woken.set)

    @property
    def passed(self) -> float:
        """Seconds since the beginning."""
        return self.clock.mono() - self._began

    @property
    def refused(self) -> str | None:
        return self.told[-1].refused if self.told else None

    def until(self, done: Callable[[], object], what: str) -> None:
        end = time.monotonic() + 20
        while not done():
            assert time.monotonic() < end, f"waited in vain for {what}: {self.told[-3:]}"
            self._woken.clear()
            began = time.monotonic()
            at = self.worker.step(self.clock.now())
            assert time.monotonic() - began < 2, "a step waits for nobody"
            if done():
                break
            if self.worker._deadline is None:
                assert at is not None, f"nothing is left to do, but {what}"
                self.clock.advance(max(at - self.clock.mono(), 0.0))
            elif self._front is not None and self._front.stuck.is_set():
                self._front.stuck.clear()
                self.clock.advance(ANSWER_S)
            else:
                self._woken.wait(0.02)

    def all(self) -> None:
        self.until(lambda: self.history.settled, "every row to have arrived")

    def close(self) -> None:
        self.worker.close()


Open = Callable[..., Sink]


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    made = History(tmp_path)
    yield made
    made.file.close()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What is to be ended with the test, however it ends."""
    with ExitStack() as made:
        yield made


@pytest.fixture
def opened(history: History) -> Iterator[Open]:
    with ExitStack() as stack:

        def make(url: str, token_file: Path | None = None, front: Front | None = None) -> Sink:
            sink = Sink(history, url, token_file, front)
            stack.callback(sink.close)
            return sink

        yield make


@pytest.fixture
def front() -> Iterator[Front]:
    made = Front(Keeper())
    yield made
    made.close()


@pytest.fixture
def victoria(tmp_path: Path, stack: ExitStack) -> VictoriaMetrics:
    server = VictoriaMetrics(tmp_path)
    stack.callback(server.stop)
    server.start()
    return server


@pytest.fixture
def influx(tmp_path: Path, stack: ExitStack) -> Influx1:
    server = Influx1(tmp_path)
    stack.callback(server.stop)
    server.start()
    server.query("CREATE DATABASE village")
    return server


def energy(n: int) -> float:
    """As a meter says it: VictoriaMetrics keeps twelve digits of a figure."""
    return round(81234.56 + n * 0.01, 2)


def expected(rows: int) -> Points:
    return {
        (f"meter,device=m{n % 3},site={SITE}", NOON_MS + 1000 * n): {
            "power_w": 100.25 + n, "energy_kwh": energy(n), "quality": 0, "life": 1
        }
        for n in range(rows)
    }  # fmt: skip


def test_victoria_metrics_shows_every_figure_with_its_own_time_and_one_that_is_sent_twice_once(
    history: History, opened: Open, victoria: VictoriaMetrics
) -> None:
    history.meters(250)
    opened(victoria.url).all()
    assert victoria.points() == (1000, expected(250))
    history.has = Ranges()
    history.file.do("DELETE FROM consumers")
    opened(victoria.url).all()
    assert victoria.points() == (1000, expected(250))


def test_influxdb_takes_every_row_but_the_one_of_another_type_and_is_not_held_up_by_it(
    history: History, opened: Open, influx: Influx1, stack: ExitStack
) -> None:
    front = stack.enter_context(closing(Front(Forward(influx))))
    influx.ask("POST", "/write?db=village&precision=ms", b'sensor,device=soil,site=thon moisture_pct="wet" 1795258000000')
    history.meters(40)
    history.write([("sensor/well", {"level_m": 1.5}), ("sensor/soil", {"moisture_pct": 7}), ("sensor/well", {"level_m": 1 / 3})])
    sink = opened(front.url)
    sink.all()
    assert list(history.aside) == [42]
    assert history.aside[42].startswith("400: partial write: field type conflict: input field")
    assert sink.told == []
    _, points = influx.points()
    assert {key: fields for key, fields in points.items() if "soil" not in key[0]} == expected(40) | {
        (f"sensor,device=well,site={SITE}", NOON_MS): {"level_m": 1.5, "quality": 0, "life": 1},
        (f"sensor,device=well,site={SITE}", NOON_MS + 2000): {"level_m": 1 / 3, "quality": 0, "life": 1},
    }


def test_influxdb_that_is_killed_and_comes_back_has_every_row_once(
    history: History, opened: Open, influx: Influx1, stack: ExitStack
) -> None:
    front = stack.enter_context(closing(Front(Forward(influx))))
    sink = opened(front.url)
    for n in range(3):
        history.meters(650, at_ms=NOON_MS + n * 700_000)
        already = len(front.requests)
        sink.until(lambda: len(front.requests) > already, "a request")  # noqa: B023
        influx.kill()
        history.meters(50, at_ms=NOON_MS + n * 700_000 + 650_000)
        sink.until(lambda: len(front.requests) > already + 3, "it to be tried again")  # noqa: B023
        influx.start()
    sink.all()
    figures, points = influx.points()
    assert (len(points), figures) == (2100, 8400)
    assert sink.refused is None


def test_victoria_metrics_that_is_killed_and_comes_back_has_every_row_once(
    history: History, opened: Open, victoria: VictoriaMetrics
) -> None:
    sink = opened(victoria.url)
    history.meters(150)
    sink.until(lambda: sum(len(ranges) for _, ranges in sink.worker._settling) == 2, "two requests to be taken")
    victoria.kill()  # it has taken them, and has none on its disk
    history.meters(150, at_ms=NOON_MS + 150_000)
    sink.until(lambda: sink.worker._pause_s == LONGEST_PAUSE_S, "the longest pause")
    assert sink.told == []
    victoria.start()
    sink.all()
    figures, points = victoria.points()
    assert (len(points), figures) == (300, 1200)


def test_a_token_that_the_server_does_not_know_is_told_and_one_put_right_is_found(
    tmp_path: Path, history: History, opened: Open, stack: ExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    server = Influx1(tmp_path, auth=True)
    stack.callback(server.stop)
    server.start()
    server.query("CREATE USER thon WITH PASSWORD 'right-1' WITH ALL PRIVILEGES")
    server.query("CREATE DATABASE village", u="thon", p="right-1")
    front = stack.enter_context(closing(Front(Forward(server))))
    secret = tmp_path / "token"
    secret.write_text("thon:wrong-1\n")
    history.meters(20)
    sink = opened(front.url, secret)
    sink.until(lambda: sink.refused, "the refusal")
    assert sink.refused == (
        "the server does not know the token (401 authorization failed): put one that it knows into token"
    )
    assert front.tokens == {"Token thon:wrong-1"}
    secret.write_text("thon:right-1\n")
    sink.all()
    assert [told.refused is None for told in sink.told] == [False, True]
    assert "wrong-1" not in caplog.text
    assert "right-1" not in caplog.text


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
