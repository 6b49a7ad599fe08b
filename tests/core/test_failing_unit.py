"""What fails for one device costs no other: the street is lit though the field's room is broken, and the other way round."""

from __future__ import annotations

import logging

import pytest
from farms import MORNING, FarmBench, farm
from villages import STREET, street

from edge.core.values import Moment

FIELD, ROAD = "core-failing:site:thon", "core-failing:light:road"


def village() -> FarmBench:
    return FarmBench(farm({"street": STREET, "morning": MORNING}, lights={"road": street(meter=None)}))


def fails(_: Moment) -> list[object]:
    raise KeyError("input/tank")


def test_the_street_is_lit_though_the_field_fails(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    b = village()
    assert b.order({"action": "open", "for_s": 600})["outcome"] in ("done", "accepted")
    b.advance(10)
    assert b.open() == "1 P"
    with monkeypatch.context() as broken:
        broken.setattr(b.controller._water, "step", fails)
        b.advance(16)
        assert b.open() == ""  # nobody renewed the leases
        assert b.send("ON")["outcome"] == "accepted"
        b.advance(25)
        assert b.on() == "abc"
        assert b.send("OFF")["outcome"] == "done"
        b.advance_to("2026-11-21T18:00:00+07:00")
        assert b.on() == "abc"
        alarm = b.alarm(FIELD)
        assert alarm is not None
        assert (alarm["state"], alarm["data"]["why"]) == ("raised", "KeyError: 'input/tank'")
        assert any(r.levelno == logging.ERROR and r.exc_info and "site/thon" in r.message for r in caplog.records)
    b.advance(30)
    assert (b.alarm(FIELD) or {})["state"] == "cleared"
    assert b.order("CLOSE")["outcome"] == "done"


def test_the_field_is_watered_though_a_light_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    b = village()
    light = b.controller._lights["light/road"]
    monkeypatch.setattr(light, "step", fails)
    light.wake = b.clock.mono()
    b.advance(2)
    assert b.order({"action": "open", "for_s": 60})["outcome"] in ("done", "accepted")
    b.advance(10)
    assert b.open() == "1 P"
    b.advance(90)
    assert b.open() == ""
    assert (b.alarm(ROAD) or {})["state"] == "raised"
