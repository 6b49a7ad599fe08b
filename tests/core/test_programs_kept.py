"""Programs of every kind, in the file and in the journal, over restarts."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from programs_bench import GREENHOUSE, NIGHT, UNREADABLE, about, again, bright, kinds, listed, put
from villages import STREET, Bench, Line, street, village

from edge.core.events import Persist


def test_what_was_put_stands_above_the_file_until_it_is_the_files_again(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    b = Bench(at=NIGHT, journal=path)
    put(b, bright(67))
    b = again(b, path, site=village(programs={"street": bright(100)}))
    assert (b.state()["level"], listed(b)["rev"], listed(b)["by"]) == (67, 2, "head")
    assert put(b, bright(100), 2)["rev"] == 3  # as --reset does
    assert (listed(b)["by"], listed(b)["at"], listed(b)["body"]) == (None, None, bright(100))
    b = again(b, path, site=village(programs={"street": bright(0)}))
    assert (b.state()["level"], listed(b)["rev"], listed(b)["by"]) == (0, 4, None)


def test_a_file_that_has_taken_up_what_was_put_owns_it_again(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    b = Bench(at=NIGHT, journal=path)
    put(b, bright(67))
    b = again(b, path, site=village(programs={"street": bright(67)}))
    assert (listed(b)["rev"], listed(b)["by"]) == (2, None)
    b = again(b, path, site=village(programs={"street": bright(100)}))
    assert (b.state()["level"], listed(b)["rev"]) == (100, 3)


def test_a_change_of_the_file_is_a_change_that_whoever_read_before_must_read(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    b = Bench(at=NIGHT, journal=path)
    b = again(b, path, site=village(programs={"street": bright(67)}))
    assert (b.state()["level"], listed(b)["rev"]) == (67, 2)
    assert put(b, bright(0), 1)["error"]["code"] == "conflict"
    b = again(b, path)
    assert listed(b)["rev"] == 2


def test_a_rev_is_not_used_again_for_a_program_that_left_the_file_and_came_back(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    both = village({"road": street()}, {"other": bright(0)})
    b = Bench(both, journal=path)
    put(b, bright(67), 1, "other")
    put(b, bright(0), 2, "other")
    b = again(b, path, site=village())
    assert about(b) == {"street": 1}
    assert put(b, bright(67), 3, "other")["error"]["code"] == "unknown-program"
    b = again(b, path, site=both)
    assert listed(b, "other")["rev"] == 3
    b = again(b, path, site=village())
    assert put(b, bright(67), 0, "other")["rev"] == 4


def test_one_that_the_file_has_as_another_kind_now_gives_way_to_it(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    b = Bench(journal=path)
    put(b, bright(), 0, "cool")
    b = again(b, path, site=village(**GREENHOUSE))
    assert (about(b), kinds(b)["cool"], listed(b, "cool")["by"]) == ({"street": 1, "cool": 2}, "climate", None)
    assert b.alarm(UNREADABLE) is None
    b = again(b, path, site=village(**GREENHOUSE))
    assert about(b) == {"street": 1, "cool": 2}


@pytest.mark.parametrize("body", ["", "{", '{"kind": "light"}', '{"kind": "light", "steps": [{"at": "noonish", "level": 3}]}', "[" * 9999])
def test_one_that_cannot_be_read_any_more_gives_way_to_the_files_with_an_alarm_until_it_is_put_again(
    tmp_path: Path, body: str
) -> None:
    path = tmp_path / "journal.db"
    b = Bench(at=NIGHT, journal=path)
    put(b, bright(67))
    with sqlite3.connect(path) as db:
        db.execute("UPDATE programs SET body = ?", (body,))
    b = again(b, path)
    assert (b.state()["level"], listed(b)["rev"], listed(b)["by"], listed(b)["body"]) == (33, 3, None, STREET)
    raised = b.alarm(UNREADABLE)
    assert raised is not None
    assert (raised["state"], raised["severity"]) == ("raised", "warning")
    assert "programs.street" in raised["text"]["en"]
    b = again(b, path)
    assert listed(b)["rev"] == 3
    assert put(b, bright(67), 2)["error"]["code"] == "conflict"
    assert put(b, bright(67), 3)["rev"] == 4
    b.advance(1)
    cleared = b.alarm(UNREADABLE)
    assert cleared is not None
    assert cleared["state"] == "cleared"
    b = again(b, path)
    assert (b.state()["level"], listed(b)["rev"]) == (67, 4)


def test_one_that_only_the_journal_had_and_that_cannot_be_read_is_not_in_force_but_its_revs_are_used_up(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    b = Bench(journal=path)
    put(b, bright(), 0, "feast")
    with sqlite3.connect(path) as db:
        db.execute("UPDATE programs SET body = '' WHERE id = 'feast'")
    b = again(b, path)
    assert about(b) == {"street": 1}
    assert "programs.feast" in str(b.alarm(UNREADABLE))
    assert put(b, bright(), 0, "feast")["rev"] == 3


def test_lights_of_other_programs_are_left_alone() -> None:
    lights = {"road": street(), "lane": street(circuits=1, program="lane")}
    lights["lane"]["circuits"]["a"]["output"]["gpio"] = 25
    b = Bench(village(lights, {"lane": STREET}), at=NIGHT)
    b.advance(60)
    line = b.lines["light/lane/a"]
    assert isinstance(line, Line)
    before, state = len(line.writes), b.state("lane")
    put(b, bright(0))
    assert b.on("road") == ""
    assert (len(line.writes), b.state("lane")) == (before, state)


def test_the_first_change_after_a_restore_goes_beyond_the_revs_that_may_have_been(tmp_path: Path) -> None:
    b = Bench(journal=tmp_path / "journal.db")
    put(b, bright(67))
    b.store.put(Persist(("sequences", "revs"), {"reserved": 5000}))
    b.store.step(b.clock.now())
    after = again(b, tmp_path / "journal.db")
    assert about(after)["street"] == 2
    assert put(after, bright(100), rev=2)["rev"] == 5001
