"""Which pages may ask for the broker, and which addresses have guessed too often."""

from __future__ import annotations

import tracemalloc

import pytest
from web_house import HandClock

from edge.web import door
from edge.web.door import Door, address_of

A, B = "192.168.1.20", "192.168.1.21"


@pytest.mark.parametrize(("origin", "scheme", "host"), [
    ("http://192.168.1.5:8080", "http", "192.168.1.5:8080"),
    ("http://raspberrypi.local", "http", "raspberrypi.local"),
    ("http://Pi.local", "http", "pi.LOCAL:80"),
    ("https://thon.vn:8443", "https", "thon.vn:8443"),
    ("https://thon.vn", "https", "thon.vn:443"),
    ("http://[fd00::1]:8080", "http", "[fd00::1]:8080"),
    ("https://thon.example.vn", "http", "127.0.0.1:8080"),
    ("HTTPS://Thon.Example.VN:443", "http", None),
    ("http://huyen.vn:81", "http", "x"),
])
def test_the_pages_own_origin_and_those_that_were_given_are_let_in(origin: str, scheme: str, host: str | None) -> None:
    assert Door(HandClock(), ["https://thon.example.vn", "http://huyen.vn:81"]).own(origin, scheme, host)


@pytest.mark.parametrize(("origin", "scheme", "host"), [
    (None, "http", "192.168.1.5:8080"),
    ("", "http", ""),
    ("null", "http", "null"),
    ("http://evil.example", "http", "192.168.1.5:8080"),
    ("http://192.168.1.5", "http", "192.168.1.5:8080"),
    ("http://192.168.1.5:8081", "http", "192.168.1.5:8080"),
    ("https://192.168.1.5:8080", "http", "192.168.1.5:8080"),
    ("http://192.168.1.5:8080", "https", "192.168.1.5:8080"),
    ("http://192.168.1.5:8080.evil.example", "http", "192.168.1.5:8080"),
    ("http://192.168.1.5:8080/", "http", "192.168.1.5:8080"),
    ("http://user@192.168.1.5:8080", "http", "user@192.168.1.5:8080"),
    ("http://192.168.1.5:8080, http://evil.example", "http", "192.168.1.5:8080"),
    ("http://192.168.1.5:8080", "http", None),
    ("https://thon.example.vn.evil.example", "http", "127.0.0.1:8080"),
    ("http://thon.example.vn", "http", "127.0.0.1:8080"),
    ("https://thon.example.vn:444", "http", "127.0.0.1:8080"),
    ("chrome-extension://abc", "http", "abc"),
])
def test_no_other_is(origin: str | None, scheme: str, host: str | None) -> None:
    assert not Door(HandClock(), ["https://thon.example.vn"]).own(origin, scheme, host)


def test_ten_failures_within_a_minute_shut_the_door_until_the_minute_is_over() -> None:
    clock = HandClock()
    guarded = Door(clock)
    for n in range(10):
        assert guarded.shut_s(A) == 0
        assert guarded.failed(A) is (n == 9)
        clock.at += 1
    assert guarded.shut_s(A) == 50
    assert guarded.shut() == 1
    assert guarded.shut_s(B) == 0
    clock.at += 49.5
    assert guarded.shut_s(A) == 0.5
    clock.at += 0.5
    assert guarded.shut_s(A) == 0
    assert guarded.shut() == 0
    assert guarded.failed(A)  # the eleventh, with nine of the last minute
    assert guarded.shut_s(A) == 1


def test_in_no_minute_are_there_more_than_ten() -> None:
    clock = HandClock()
    guarded = Door(clock)
    tried: list[float] = []
    for _ in range(5000):
        clock.at += 0.37
        if guarded.shut_s(A) == 0:
            guarded.failed(A)
            tried.append(clock.at)
    assert max(sum(at <= t < at + 60 for t in tried) for at in tried) == 10
    assert len(tried) == pytest.approx(5000 * 0.37 / 60 * 10, rel=0.05)


def test_failures_far_apart_shut_nothing() -> None:
    clock = HandClock()
    guarded = Door(clock)
    for _ in range(100):
        assert not guarded.failed(A)
        clock.at += 6.7


def test_what_is_remembered_of_addresses_is_bounded() -> None:
    guarded = Door(HandClock())
    tracemalloc.start()
    try:
        for n in range(3 * door.ADDRESSES):
            guarded.failed(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}")
            if n == door.ADDRESSES:
                full = tracemalloc.get_traced_memory()[0]
        assert tracemalloc.get_traced_memory()[0] < 1.2 * full
    finally:
        tracemalloc.stop()


def test_an_address_that_still_fails_is_not_the_first_to_be_forgotten() -> None:
    guarded = Door(HandClock())
    for _ in range(9):
        guarded.failed(A)
    for n in range(door.ADDRESSES - 1):
        guarded.failed(f"x{n}")
    assert guarded.failed(A)
    for n in range(door.ADDRESSES - 1):
        guarded.failed(f"y{n}")
    assert guarded.shut_s(A) > 0


@pytest.mark.parametrize(("peer", "forwarded", "address"), [
    ("192.168.1.20", [], "192.168.1.20"),
    ("::ffff:192.168.1.20", [], "192.168.1.20"),
    ("2001:db8:1:2:aaaa::1", [], "2001:db8:1:2::/64"),
    ("2001:db8:1:2:bbbb::9", [], "2001:db8:1:2::/64"),
    ("fe80::1%eth0", [], "fe80::1"),
    ("fd00::1:9", [], "fd00::1:9"),
    (None, [], "unknown"),
    ("127.0.0.1", ["203.0.113.9"], "203.0.113.9"),
    ("127.0.0.1", ["1.2.3.4, 203.0.113.9"], "203.0.113.9"),
    ("127.0.0.1", ["1.2.3.4", "5.6.7.8,203.0.113.9"], "203.0.113.9"),
    ("127.0.0.1", ["nonsense"], "127.0.0.1"),
    ("127.0.0.1", ["1.2.3.4, "], "127.0.0.1"),
])
def test_failures_are_counted_by_the_clients_address(peer: str | None, forwarded: list[str], address: str) -> None:
    assert address_of(peer, forwarded) == address
