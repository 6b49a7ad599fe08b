"""Programs that are changed at run time: refused or in force at once, kept, audited, and what the journal makes of it."""

from __future__ import annotations

import copy
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from programs_bench import COOL, FIELD, GREENHOUSE, NIGHT, ROOT, WATER, about, again, audit, bright, kinds, listed, put
from villages import CATALOGUE, STREET, Bench, village

from edge.core.assembly import decoder
from edge.core.programs import Programs
from edge.core.values import Refusal, Request


def test_the_files_programs_are_in_force_with_rev_1_in_the_words_of_the_file() -> None:
    rules = [
        {"days": "sat,sun", "steps": [{"at": "sunset", "level": 100}, {"at": "sunrise + 1h", "level": 0}]},
        {"lunar": "1-1..1-3", "steps": [{"at": "00:30", "level": 5}]},
        {"lunar_day": 15, "steps": [{"at": "00:30", "level": 5}]},
    ]
    more = STREET | {"calendar": rules, "photocell": {"within": "45m"}}
    b = Bench(village(programs={"more": more}))
    assert b.ask("programs") == {
        "id": "r-1", "ok": True,
        "programs": [
            {"program": "street", "rev": 1, "by": None, "at": None, "body": STREET},
            {"program": "more", "rev": 1, "by": None, "at": None, "body": more},
        ],
    }
    assert about(b) == {"street": 1, "more": 1}


def test_a_program_that_is_put_at_night_is_in_force_at_once() -> None:
    b = Bench(at=NIGHT)
    assert (b.state()["level"], b.on()) == (33, "a")
    before = b.clock.mono()
    assert put(b, bright()) == {"id": "r-1", "ok": True, "program": "street", "rev": 2, "stored": True}
    assert b.clock.mono() == before
    state = b.state()
    assert (state["level"], state["reason"], state["program"]) == (67, "program", "street")
    assert about(b) == {"street": 2}
    b.advance(11)  # circuits on one meter
    assert b.on() == "ab"
    assert put(b, bright(0), 2)["rev"] == 3
    assert (b.state()["level"], b.on()) == (0, "")
    assert b.state()["next"]["level"] == 100


def test_its_steps_to_come_are_those_of_the_new_one() -> None:
    b = Bench(at=NIGHT)
    body = bright()
    body["steps"].insert(2, {"at": "02:00", "level": 0})
    put(b, body)
    assert b.state()["next"] == {"at": "2026-11-21T19:00:00.000Z", "level": 0, "reason": "program"}
    b.advance_to("2026-11-22T02:00:00+07:00")
    assert b.state()["level"] == 0


def test_an_override_is_not_moved() -> None:
    b = Bench(at="2026-11-21T20:00:00+07:00")
    b.send("33")
    until = b.state()["until"]
    assert until == "2026-11-21T15:30:00.000Z"
    body = bright()
    body["steps"][1]["at"] = "21:00"
    put(b, body)
    b.advance_to("2026-11-21T21:30:00+07:00")
    assert (b.state()["reason"], b.state()["level"], b.state()["until"]) == ("override", 33, until)
    b.advance_to("2026-11-21T22:30:00+07:00")
    assert (b.state()["reason"], b.state()["level"]) == ("program", 67)


def test_a_stale_rev_is_a_conflict_and_has_no_effect() -> None:
    b = Bench(at=NIGHT)
    put(b, bright(67), 1, user="tho")
    for rev in (1, 0, 3, 2**70):
        answer = put(b, bright(100), rev)
        assert (answer["ok"], answer["error"]["code"], answer["error"]["rev"]) == (False, "conflict", 2)
    assert "by tho" in answer["error"]["message"]
    assert (listed(b)["rev"], listed(b)["by"], listed(b)["body"]) == (2, "tho", bright(67))
    assert b.state()["level"] == 67


def test_what_changes_nothing_keeps_the_rev() -> None:
    b = Bench()
    same = copy.deepcopy(STREET)
    same["steps"][0]["at"] = " sunset  -  10 m "
    assert put(b, same)["rev"] == 1
    assert put(b, same, 2)["error"]["code"] == "conflict"
    assert listed(b) == {"program": "street", "rev": 1, "by": None, "at": None, "body": STREET}


def test_every_error_comes_at_once_as_check_tells_it() -> None:
    b = Bench(at=NIGHT)
    body = {"kind": "light", "stepz": [], "steps": [{"at": "22h30", "level": 33}, {"at": "22:30", "level": 101}, {"at": "sunset"}]}
    answer = put(b, body)
    assert answer["error"]["code"] == "bad-program"
    flaws = {flaw["path"]: flaw["text"] for flaw in answer["error"]["flaws"]}
    assert flaws.keys() == {"steps[0].at", "steps[1].level", "steps[2].level", "stepz"}
    assert flaws["steps[0].at"].startswith('"22h30" cannot be read; write a time such as "22:30"')
    assert flaws["stepz"] == 'unknown key "stepz"; did you mean steps?'
    assert answer["error"]["message"].startswith("4 errors; the first is ")
    assert (b.state()["level"], about(b)) == (33, {"street": 1})


@pytest.mark.parametrize(
    ("fields", "code", "said"),
    [
        ({"body": {"kind": "irrigation", "zones": []}}, "bad-program", "kind light; choose"),
        ({"body": {"kind": "climate"}}, "bad-program", "kind light; choose"),
        ({"body": {"kind": "light"}}, "bad-program", "steps"),
        ({"body": {}}, "bad-program", "kind: light"),
        ({"body": None}, "bad-program", "kind: light"),
        ({"body": [1]}, "bad-program", "kind: light"),
        ({"body": 10**300}, "bad-program", "kind: light"),
        ({"body": STREET | {"steps": [{"at": "sunset", "level": 1e999}]}}, "bad-value", "not a number"),
        ({"program": "water"}, "bad-program", "kind irrigation; choose"),
        ({"program": "Street"}, "bad-value", "ids match"),
        ({"program": 7}, "bad-value", "ids match"),
        ({"program": None}, "bad-value", "ids match"),
        ({"program": "nobodys"}, "unknown-program", "rev 0"),
        ({"rev": "1"}, "bad-value", "rev"),
        ({"rev": True}, "bad-value", "rev"),
        ({"rev": 1.0}, "bad-value", "rev"),
        ({"rev": -1}, "bad-value", "rev"),
        ({"rev": None}, "bad-value", "rev"),
        ({"revision": 1}, "unknown-field", "revision"),
    ],
)
def test_what_cannot_be_is_refused_with_its_remedy_and_has_no_effect(fields: dict[str, Any], code: str, said: str) -> None:
    b = Bench(village(**FIELD), at=NIGHT)
    wanted: dict[str, Any] = {"program": "street", "rev": 1, "body": bright()} | fields
    payload = json.dumps({"id": "r-1", "reply_to": f"{ROOT}/reply/head/phone"} | wanted).encode()
    heard = decoder(b.site).request(f"{ROOT}/ask/head/program-put", payload, False, None, None)
    if isinstance(heard, Refusal):
        assert (heard.code, said in heard.message) == (code, True)
        return
    error = b.ask("program-put", **wanted)["error"]
    assert error["code"] == code
    assert said in json.dumps(error)
    assert (b.state()["level"], about(b)) == (33, {"street": 1, "water": 1})
    assert b.store.memory().programs["street"]["rev"] == 1
    last = audit(b)[-1]
    assert (last["outcome"], last["request"], last["error"]["code"]) == ("rejected", "program-put", code)


def test_a_request_may_be_as_large_as_a_program_and_a_command_may_not() -> None:
    d = decoder(village())
    to = f"{ROOT}/reply/head/phone"
    for size, fits in ((16384, True), (16385, False)):
        payload = b'{"id": "r"}'.ljust(size)
        heard = d.request(f"{ROOT}/ask/head/program-put", payload, False, to, None)
        assert isinstance(heard, Request) == fits
        assert fits or (isinstance(heard, Refusal) and heard.code == "too-large")
    command = d.decode(f"{ROOT}/light/road/set/head", b'{"action": "on"}'.ljust(4097), False)
    assert isinstance(command, Refusal)
    assert command.code == "too-large"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('{"kind": "light", "kind": "light"}', "bad-json"),
        ('{"kind": "light", "steps": NaN}', "bad-value"),
        ("[" * 19 + "]" * 19, None),
        ("[" * 20 + "]" * 20, "bad-json"),
        ("[" * 8000, "bad-json"),
        ("[" * 5000 + "]" * 5000, "bad-json"),
        (r'{"k\ud800": 1}', "bad-json"),
        (r'{"kind": "\ud83d\ude00"}', None),
        ("9" * 5000, "bad-json"),
    ],
)
def test_what_is_no_clean_json_is_refused_where_it_can_be_answered(body: str, code: str | None) -> None:
    d, to = decoder(village()), f"{ROOT}/reply/head/phone"
    heard = d.request(f"{ROOT}/ask/head/program-put", f'{{"body": {body}}}'.encode(), False, to, b"c")
    assert (heard.code if isinstance(heard, Refusal) else None) == code
    assert isinstance(heard, Refusal | Request)
    assert heard.reply_to == to


def test_a_flood_of_mistakes_is_told_in_part_and_with_their_number() -> None:
    error = put(Bench(), {"kind": "light", **{f"k{n}": 1 for n in range(1200)}})["error"]
    assert len(error["flaws"]) == 100
    assert error["message"].startswith("1201 errors, of which 100 are told here; the first is ")


def test_a_new_program_may_be_made_and_stays() -> None:
    b = Bench()
    assert put(b, bright(), 0, "feast")["rev"] == 1
    assert about(b) == {"street": 1, "feast": 1}
    assert put(b, bright(100), 0, "feast")["error"]["code"] == "conflict"
    assert put(b, bright(100), 1, "feast")["rev"] == 2
    assert (listed(b, "feast")["by"], listed(b, "feast")["body"]) == ("head", bright(100))


def test_there_is_a_bound_to_new_programs() -> None:
    b = Bench()
    for n in range(99):
        assert put(b, STREET, 0, f"p{n}")["ok"]
    refused = put(b, STREET, 0, "p99")["error"]
    assert (refused["code"], "100 programs" in refused["message"]) == ("bad-program", True)
    assert put(b, bright(), 1)["ok"]


def test_the_audit_says_who_which_from_which_rev_to_which_and_what() -> None:
    b = Bench(at=NIGHT)
    body = bright()
    del body["steps"][2]
    put(b, body, user="tho", id="r-7")
    entry = audit(b)[-1]
    assert entry == {
        "at": "2026-11-21T16:00:00.000Z", "user": "tho", "device": None, "id": "r-7", "outcome": "accepted",
        "request": "program-put", "program": "street", "rev": 2, "was": {"rev": 1},
        "changed": {"steps[1].level": [33, 67], "steps[2].at": ["sunrise + 10m", None], "steps[2].level": [0, None]},
    }
    rules = [{"days": "sat", "steps": [{"at": f"{h:02}:{m:02}", "level": h} for h in range(4) for m in range(12)]}]
    put(b, body | {"calendar": rules}, 2)
    changed = audit(b)[-1]["changed"]
    assert (len(changed), changed["more"]) == (21, 1 + 96 - 20)


def test_it_is_kept_over_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    b = Bench(at=NIGHT, journal=path)
    put(b, bright(100), user="tho")
    b.advance(3600)
    b = again(b, path)
    assert (b.state()["level"], about(b)) == (100, {"street": 2})
    assert listed(b) == {
        "program": "street", "rev": 2, "by": "tho", "at": "2026-11-21T16:00:00.000Z", "body": bright(100)
    }


def test_it_is_answered_once_the_journal_has_it_and_who_reads_meanwhile_waits_too(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    b = Bench(at=NIGHT, journal=path)
    start = len(b.radio.messages)
    for event in (
        b.request("program-put", program="street", rev=1, body=bright(67)),
        b.request("program-put", program="street", rev=2, body=bright(100)),
        b.request("programs", "tho"), b.request("alarms"),
    ):  # fmt: skip
        b.inbox.put(event)
    b.core.step(b.clock.now())
    assert (b.state()["level"], about(b)) == (100, {"street": 3})
    assert [list(a) for a in b.answers(start)] == [["id", "ok", "alarms"]]
    b.store.step(b.clock.now())
    assert len(b.answers(start)) == 1
    b.core.step(b.clock.now())
    assert [(a.get("rev"), a.get("stored")) for a in b.answers(start)[1:]] == [(2, True), (3, True), (None, None)]
    assert b.answers(start)[-1]["programs"][0]["rev"] == 3


def test_killed_before_it_is_stored_it_was_never_answered_and_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    b = Bench(at=NIGHT, journal=path)
    start = len(b.radio.messages)
    b.inbox.put(b.request("program-put", program="street", rev=1, body=bright(67)))
    b.core.step(b.clock.now())
    assert b.answers(start) == []
    b = again(b, path)
    assert (b.state()["level"], listed(b)["rev"]) == (33, 1)


def test_with_a_card_that_cannot_be_written_it_is_in_force_and_says_that_it_is_not_stored() -> None:
    b = Bench(at=NIGHT)

    def full() -> None:
        raise sqlite3.OperationalError("database or disk is full")

    b.store._before_commit = full
    assert put(b, bright(67)) == {"id": "r-1", "ok": True, "program": "street", "rev": 2, "stored": False}
    assert put(b, bright(100), 2)["stored"] is False
    assert put(b, bright(100), 3) == {"id": "r-1", "ok": True, "program": "street", "rev": 3, "stored": False}
    assert b.state()["level"] == 100
    assert listed(b)["rev"] == 3
    b.store._before_commit = lambda: None
    start = len(b.radio.messages)
    b.advance(6)
    assert b.answers(start) == []
    assert put(b, bright(67), 3) == {"id": "r-1", "ok": True, "program": "street", "rev": 4, "stored": True}


def test_programs_of_every_kind_are_in_force_and_told(tmp_path: Path) -> None:
    both = {key: FIELD.get(key, {}) | GREENHOUSE.get(key, {}) for key in FIELD | GREENHOUSE}
    b = Bench(village(**both), at=NIGHT)
    assert kinds(b) == {"street": "light", "water": "irrigation", "cool": "climate"}
    assert (listed(b, "water")["body"], listed(b, "cool")["body"]) == (WATER, COOL)


def test_one_of_any_kind_is_put_audited_kept_and_put_back(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    for site, name, key, value, changed in (
        (village(**FIELD), "water", "zones", [{"plot": "25m"}], {"zones[0].plot": ["20m", "25m"]}),
        (village(**GREENHOUSE), "cool", "window", "08:00..18:00", {"window": [None, "08:00..18:00"]}),
    ):
        was = WATER if name == "water" else COOL
        b = Bench(site, at=NIGHT, journal=path)
        assert put(b, was | {key: value}, 1, name)["rev"] == 2
        assert audit(b)[-1]["changed"] == changed
        assert put(b, was, 1, name)["error"]["code"] == "conflict"
        b = again(b, path)
        assert (listed(b, name)["rev"], listed(b, name)["by"], listed(b, name)["body"][key]) == (2, "head", value)
        assert put(b, was, 2, name)["rev"] == 3
        assert (listed(b, name)["by"], listed(b, name)["body"]) == (None, was)
        path.unlink()


@pytest.mark.parametrize(
    ("more", "where", "said"),
    [
        ({"zones": [{"plot": "2h"}]}, "zones[0].plot", "max_on is 1h"),
        ({"zones": [{"plot": "50l"}]}, "zones[0].plot", "nothing counts litres here"),
        ({"zones": [{"plit": "20m"}]}, "zones[0].plit", "did you mean plot?"),
        ({"start": "05:00"}, "finish_before", "start already says when"),
        ({"skip_when": {"rain": True}}, "skip_when.rain", "no input has the role rain"),
        ({"kind": "climate"}, "kind", "kind irrigation; choose"),
    ],
)
def test_what_the_village_cannot_do_is_refused(more: dict[str, Any], where: str, said: str) -> None:
    b = Bench(village(**FIELD))
    [flaw] = put(b, WATER | more, 1, "water")["error"]["flaws"]
    assert (flaw["path"], said in flaw["text"]) == (where, True)
    assert listed(b, "water")["body"] == WATER


def test_a_switch_follows_its_program_and_no_program_leaves_it(tmp_path: Path) -> None:
    b = Bench(village(**GREENHOUSE))
    [flaw] = put(b, COOL | {"target": "mist"}, 1, "cool")["error"]["flaws"]
    assert flaw == {"path": "target", "text": "switches.fan follows this program; write target: fan"}
    [flaw] = put(b, COOL | {"when": COOL["when"] | {"sensor": "aer"}}, 1, "cool")["error"]["flaws"]
    assert flaw == {"path": "when.sensor", "text": '"aer" is not among the sensors; did you mean air?'}
    two = [COOL["when"], COOL["when"] | {"quantity": "humidity"}]
    [flaw] = put(b, COOL | {"when": two}, 1, "cool")["error"]["flaws"]
    assert flaw["path"] == "when[1].quantity"


def test_an_id_keeps_its_kind(tmp_path: Path) -> None:
    b = Bench(village(**FIELD))
    assert put(b, WATER, 0, "spare")["rev"] == 1
    [flaw] = put(b, bright(), 1, "spare")["error"]["flaws"]
    assert flaw == {"path": "kind", "text": "spare is a program of kind irrigation; choose another id"}


def test_who_took_the_programs_of_a_kind_sees_every_put() -> None:
    programs = Programs(village(**FIELD), CATALOGUE, {})
    light, irrigation, climate = programs.light(), programs.irrigation(), programs.climate()
    assert (list(light), list(irrigation), list(climate)) == (["street"], ["water"], [])
    moment = Bench().clock.now()
    before = irrigation["water"]
    programs.put("water", WATER | {"zones": [{"plot": "25m"}]}, 1, "head", moment)
    programs.put("feast", STREET, 0, "head", moment)
    assert before.zones[0].for_s == 1200
    assert irrigation["water"].zones[0].for_s == 1500
    assert list(light) == ["street", "feast"]
