"""What is refused, with which code, and that it has no effect."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from villages import Bench, village

from edge.core import topics
from edge.core.assembly import decoder
from edge.core.values import Command, Refusal

ON = {"action": "on"}
REFUSED: list[tuple[str | dict[str, Any], str]] = [
    ("on", "bad-json"), ("ON ", "bad-json"), ("-1", "bad-json"), ("1e1", "bad-json"), ("٣٣", "bad-json"),
    ("101", "bad-value"), ("100.5", "bad-value"),
    ("[]", "bad-json"), ('"ON"', "bad-json"), ("{", "bad-json"), ("null", "bad-json"), ("true", "bad-json"),
    ('{"action": "on", "action": "off"}', "bad-json"), ("[" * 4000, "bad-json"), ('{"a":' * 800, "bad-json"),
    ('{"action": "on", "level": NaN}', "bad-value"), ('{"action": "on", "level": Infinity}', "bad-value"),
    ('{"action": "on", "level": 1e999}', "bad-value"), ('{"action": "on", "level": ' + "9" * 400 + "}", "bad-value"),
    ("{}", "bad-action"), ({"action": "ON"}, "bad-action"), ({"action": 1}, "bad-action"), ({"action": None}, "bad-action"),
    ({"action": "open"}, "bad-action"), ("OPEN", "bad-action"), ("CLOSE", "bad-action"),
    (ON | {"level": "33"}, "bad-value"), (ON | {"level": True}, "bad-value"), (ON | {"level": 101}, "bad-value"),
    (ON | {"level": -1}, "bad-value"), (ON | {"level": None}, "bad-value"), (ON | {"level": [33]}, "bad-value"),
    ({"action": "off", "level": 33}, "bad-value"), ({"action": "auto", "for_s": 60}, "bad-value"),
    (ON | {"for_s": 0}, "bad-value"), (ON | {"for_s": "60"}, "bad-value"), (ON | {"for_s": 3e6}, "bad-value"),
    (ON | {"for_s": 60, "until": "2026-11-21T20:00:00Z"}, "bad-value"), (ON | {"volume_l": 10}, "bad-value"),
    (ON | {"until": "20:00"}, "bad-value"), (ON | {"until": "2026-11-21T20:00:00"}, "bad-value"),
    (ON | {"until": 1795258005}, "bad-value"), (ON | {"until": "2026-11-20T20:00:00Z"}, "bad-value"),
    (ON | {"until": "2036-11-20T20:00:00Z"}, "bad-value"), (ON | {"until": "2026-13-20T20:00:00Z"}, "bad-value"),
    (ON | {"id": ""}, "bad-value"), (ON | {"id": 7}, "bad-value"), (ON | {"id": "a b"}, "bad-value"),
    (ON | {"id": "x" * 65}, "bad-value"), ('{"action": "on", "id": "\\ud800"}', "bad-value"),
    (ON | {"colour": "red"}, "unknown-field"), (ON | {"": 1}, "unknown-field"),
    (ON | {"expires_at": "2026-11-21T08:59:59Z"}, "expired"), (ON | {"expires_at": 5}, "bad-value"),
    ("x" * 4097, "too-large"), ('{"action": "on"' + " " * 5000 + "}", "too-large"),
]


@pytest.mark.parametrize(("payload", "code"), REFUSED)
def test_it_is_refused_with_its_code_and_has_no_effect(payload: str | dict[str, Any], code: str) -> None:
    b = Bench()
    before = dict(b.radio.retained)
    result = b.send(payload)
    assert (result["outcome"], result["error"]["code"], result["user"]) == ("rejected", code, "head")
    assert result["error"]["message"].isascii()
    assert len(b.results()) == 1
    assert b.radio.retained == before
    assert b.on() == ""
    assert b.send("33")["outcome"] == "done"


@pytest.mark.parametrize("raw", ['{"action": "on"}'.encode("utf-16"), b"\xff\xfe", b'{"action": "on", "id": "\xc3"}', b"\0"])
def test_what_is_not_utf_8_json_is_refused(raw: bytes) -> None:
    heard = decoder(village()).decode("village/thon/light/road/set/head", raw, retained=False)
    assert isinstance(heard, Refusal)
    assert heard.code == "bad-json"


@pytest.mark.parametrize(
    ("topic", "code"),
    [
        ("light/nobody/set/head", "unknown-device"), ("toaster/road/set/head", "unknown-device"),
        ("meter/cabinet/set/head", "unknown-device"), ("light/road/set/Head", "bad-topic"),
        ("light/road/set/" + "x" * 33, "bad-topic"), ("light/Road/set/head", "bad-topic"),
        ("light/road/set/đầu", "bad-topic"), ("light//set/head", "bad-topic"), ("LIGHT/road/set/head", "bad-topic"),
    ],
)
def test_a_topic_that_names_nothing_is_refused(topic: str, code: str) -> None:
    heard = decoder(village()).decode(f"village/thon/{topic}", b"ON", retained=False)
    assert isinstance(heard, Refusal)
    assert heard.code == code


def test_a_retained_message_is_refused_and_cleared_off_too() -> None:
    b = Bench(at="2026-11-21T19:00:00+07:00")
    b.advance(30)
    for word in ("ON", "OFF", "0"):
        assert b.send(word, retained=True)["error"]["code"] == "retained"
        assert b.radio.retained["village/thon/light/road/set/head"] == b""
    assert b.on() == "abc"


@pytest.mark.parametrize("topic", ["status", "light/road/state", "light/road/set", "light/road/set/a/b", "light/road/lock/head"])
def test_another_topic_is_no_command_and_its_retained_message_is_left_alone(topic: str) -> None:
    for prefix in ("village/thon/", "far/village/thon/", "village/other/", "x/village/thon/"):
        assert decoder(village()).decode(prefix + topic, b"ON", retained=True) is None
    assert decoder(village()).decode("village/other/light/road/set/head", b"ON", retained=True) is None


def test_a_refusal_carries_the_id_it_was_asked_under() -> None:
    b = Bench()
    for how in ({"to": "light/nobody"}, {"retained": True}, {}):
        asked = ON | {"id": "c-5", "level": 400}
        assert b.send(asked, **how)["id"] == "c-5"


def test_an_empty_payload_is_nothing_at_all() -> None:
    b = Bench()
    messages = len(b.radio.messages)
    assert b.send("") == {}
    assert b.send("", retained=True) == {}
    assert len(b.radio.messages) == messages


def test_an_id_counts_once_for_a_user_for_24_hours_also_over_a_restart(tmp_path: Any) -> None:
    b = Bench(journal=tmp_path / "journal.db")
    assert b.send(ON | {"level": 33, "id": "c-1"})["outcome"] == "done"
    b.send("AUTO")
    assert b.send(ON | {"level": 33, "id": "c-1"})["error"]["code"] == "repeated"
    assert b.on() == ""
    assert b.send(ON | {"level": 33, "id": "c-1"}, user="phone")["outcome"] == "done"
    b.store.close(b.clock.now())
    again = Bench(journal=tmp_path / "journal.db", clock=b.clock, look_every_s=3600)
    assert again.send(ON | {"id": "c-1"})["error"]["code"] == "repeated"
    again.advance(86400)
    assert again.send(ON | {"level": 33, "id": "c-1", "for_s": 60})["outcome"] in ("done", "accepted")


def test_a_refused_command_does_not_use_its_id_up() -> None:
    b = Bench()
    assert b.send(ON | {"id": "c-1", "level": 200})["outcome"] == "rejected"
    assert b.send(ON | {"id": "c-1", "level": 33})["outcome"] == "done"


@pytest.mark.parametrize("off", [{"action": "off"}, ON | {"level": 0}])
def test_off_works_expired_repeated_and_from_afar(off: dict[str, Any]) -> None:
    b = Bench()
    for more in ({"expires_at": "2020-01-01T00:00:00Z"}, {"id": "same"}, {"id": "same"}, {"until": "2020-01-01T00:00:00Z"}):
        b.send(ON | {"level": 33})
        assert b.on() == "a"
        assert b.send(off | more)["outcome"] == "done"
        assert b.on() == ""
        b.advance(60)
    b.send(ON | {"level": 33})
    assert b.send(off, prefix="far/")["outcome"] == "done"


def test_from_afar_an_expiry_is_required() -> None:
    b = Bench()
    assert b.send("ON", prefix="far/")["error"]["code"] == "expiry-required"
    assert b.send(ON | {"level": 33, "expires_at": "2026-11-21T09:00:10Z"}, prefix="far/")["outcome"] == "done"


def test_an_expiry_counts_only_while_the_clock_is_trusted() -> None:
    b = Bench()
    b.clock.set_wall(b.clock.now().wall, trusted=False)
    assert b.send(ON | {"level": 33, "expires_at": "2020-01-01T00:00:00Z"})["outcome"] == "done"


def test_every_command_leaves_one_audit_record_told_and_kept(tmp_path: Any) -> None:
    b = Bench(journal=tmp_path / "journal.db")
    b.send(ON | {"level": 33, "for_s": 60, "id": "c-9"})
    b.send("nonsense", user="phone")
    told = [json.loads(m.payload) for m in b.radio.messages if m.topic == "village/thon/audit"]
    assert [(t["user"], t["device"], t["outcome"]) for t in told] == [
        ("head", "light/road", "accepted"), ("phone", "light/road", "rejected")
    ]
    assert told[0]["was"] == {"level": 0, "reason": "program"}
    assert (told[0]["id"], told[0]["level"]) == ("c-9", 33)
    assert told[1]["error"]["code"] == "bad-json"
    import sqlite3

    rows = sqlite3.connect(tmp_path / "journal.db").execute("SELECT user, outcome FROM audit ORDER BY sequence").fetchall()
    assert rows == [("head", "accepted"), ("phone", "rejected")]


def test_the_codes_used_are_those_of_the_closed_list() -> None:
    assert {code for _, code in REFUSED} <= topics.CODES.keys()
    with pytest.raises(KeyError):
        topics.error("no-such-code", "")


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.sampled_from(["on", "off", "auto", "5"]),
    st.sampled_from(["2026-11-21T11:04:15Z", "2026-11-21", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"]),
)
FIELDS = st.one_of(st.sampled_from(sorted(topics.FIELDS)), st.text(max_size=10))
OBJECTS = st.dictionaries(FIELDS, SCALARS, max_size=5).map(lambda d: json.dumps(d).encode())
PAYLOADS = st.one_of(
    st.binary(max_size=60), st.text(max_size=30).map(lambda s: s.encode("utf-8", "surrogatepass")), OBJECTS,
    st.recursive(SCALARS, lambda c: st.lists(c) | st.dictionaries(FIELDS, c), max_leaves=8).map(lambda d: json.dumps(d).encode()),
    OBJECTS.flatmap(lambda raw: st.integers(0, len(raw)).map(lambda n: raw[:n])),
    st.sampled_from([b"ON", b"OFF", b"AUTO", b"OPEN", b"CLOSE", b"0", b"33.3", b"100"]),
)
TOPICS = st.one_of(
    st.just("village/thon/light/road/set/head"), st.just("far/village/thon/light/road/set/head"),
    st.text(max_size=40), st.text(max_size=12).map(lambda s: f"village/thon/light/{s}/set/head"),
    st.text(max_size=12).map(lambda s: f"village/thon/light/road/set/{s}"),
)


COMMAND_TOPIC = re.compile(r"(far/)?village/thon/[^/]*/[^/]*/set/[^/]*", re.DOTALL)


def sound(heard: Command | Refusal | None, payload: bytes, topic: str = "village/thon/light/road/set/head") -> bool:
    """What may come out, whatever goes in."""
    match heard:
        case None:
            return not payload or not COMMAND_TOPIC.fullmatch(topic)
        case Refusal():
            return heard.code in topics.CODES and bool(topics.encode([heard.message, heard.user, heard.id, heard.target]))
        case Command():
            numbers = [n for n in (heard.level, heard.for_s, heard.until, heard.expires_at) if n is not None]
            return heard.action in ("on", "off", "auto") and all(type(n) is float and abs(n) < 1e12 for n in numbers)


@settings(max_examples=300, deadline=None)
@given(topic=TOPICS, payload=PAYLOADS, retained=st.booleans())
def test_a_generated_message_is_a_command_or_a_refusal(topic: str, payload: bytes, retained: bool) -> None:
    heard = DECODER.decode(topic, payload, retained)
    assert sound(heard, payload, topic)
    if retained and heard is not None:
        assert isinstance(heard, Refusal)
        assert heard.clear == topic


def scalar(r: random.Random) -> str:
    """A JSON value, or nearly one."""
    return r.choice([
        "null", "true", "NaN", "-Infinity", "1e999", "[]", "{}", '"on"', '"off"', '"auto"', '"c-1"', '"5"', '"\\ud800"',
        '"2026-11-21T11:04:15Z"', '"2026-11-21"', '"9999-12-31T23:59:59-14:00"', str(r.randint(-5, 105)), "9" * r.randint(1, 500),
        str(r.uniform(-10, 110)), "[" * r.randint(1, 2000), '"' + "".join(chr(r.randint(32, 0xD7FF)) for _ in range(8)) + '"',
    ])


def message(r: random.Random) -> bytes:
    """A payload as careless, broken and hostile senders write it: words, numbers, JSON; whole, cut or with bits flipped."""
    fields = [r.choice([*sorted(topics.FIELDS), "x", ""]) for _ in range(r.randint(0, 5))]
    text = r.choice([
        r.choice(["ON", "OFF", "AUTO", "OPEN", "CLOSE", "0", "33", "100", "on", " ON", ""]), scalar(r),
        "{" + ", ".join(f'"{name}": {scalar(r)}' for name in fields) + "}",
        '{"action": "on", "' + r.choice(sorted(topics.FIELDS)) + '": ' + scalar(r) + "}",
        '{"action": "' + r.choice(["on", "off", "auto", "open"]) + '", "for_s": ' + str(r.randint(-1, 9999)) + "}",
    ])
    raw = bytearray(text.encode("utf-8", "replace"))
    harm = r.random()
    if raw and harm < 0.1:
        raw[r.randrange(len(raw))] ^= 1 << r.randrange(8)
    elif harm < 0.2:
        del raw[r.randint(0, len(raw)) :]
    elif harm < 0.25:
        raw = bytearray(text.encode("utf-16", "replace"))
    elif harm < 0.27:
        raw += b" " * 4096
    return bytes(raw)


@pytest.mark.slow
def test_a_hundred_thousand_messages_are_a_command_or_a_refusal() -> None:
    r = random.Random(20261121)
    seen: Counter[str] = Counter()
    for n in range(100_000):
        payload, retained = message(r), r.random() < 0.05
        heard = DECODER.decode("village/thon/light/road/set/head", payload, retained)
        assert sound(heard, payload), (n, payload)
        seen[heard.code if isinstance(heard, Refusal) else type(heard).__name__] += 1
    # Every way in and every way out was really taken.
    wanted = {"Command", "NoneType", "bad-json", "bad-value", "bad-action", "unknown-field", "too-large", "retained"}
    assert wanted <= seen.keys()
    assert min(seen[w] for w in wanted) >= 500, seen


DECODER = decoder(village())
