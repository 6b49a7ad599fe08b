"""`village-edge water` and what `send` says of valves, against a real broker and a controller that answers by script."""

from __future__ import annotations

import datetime as dt
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fake_controller import Answer, FakeController, parsed
from kept_runs import MORNING, keep, run_of
from support import Mosquitto, free_port

from edge.commands import send, water
from edge.shell.history_file import connect_readonly
from edge.shell.journal_runs import runs_between

Said = pytest.CaptureFixture[str]


def typed(broker: Mosquitto, *words: str) -> int:
    return water.run(parsed(water, *words, "--user", "head", "--mqtt", f"127.0.0.1:{broker.port}"))


def answering(**payload: object) -> Answer:
    def answer(controller: FakeController, _: str, request: dict[str, Any]) -> None:
        controller.say_later(request["reply_to"].removeprefix("village/nguyen-ly/"), {"id": request["id"], "ok": True, **payload})

    return answer


def asked(controller: FakeController) -> tuple[str, dict[str, Any]]:
    """The one request that came, without what every request has."""
    ((topic, request),) = controller.received
    controller.received.clear()
    return topic, {key: value for key, value in request.items() if key not in ("id", "reply_to")}


def test_all_water_is_stopped(mosquitto: Mosquitto, controller: FakeController, capsys: Said) -> None:
    for ended, told in (([], "no run was under way"), (["a:1"], "1 run ended"), (["a:1", "b:2"], "2 runs ended")):
        controller.answer = answering(cancelled=ended)
        assert typed(mosquitto, "stop") == 0
        assert asked(controller) == ("ask/head/stop-water", {})
        assert f"every pump stops; {told}. See" in capsys.readouterr().out


def test_watering_is_put_off_for_a_time_until_a_time_and_no_more(
    mosquitto: Mosquitto, controller: FakeController, capsys: Said
) -> None:
    controller.answer = answering(until="2099-11-21T23:00:00.000Z")
    assert typed(mosquitto, "delay", "1d") == 0
    assert asked(controller) == ("ask/head/rain-delay", {"for_s": 86400.0})
    assert capsys.readouterr().out == "no program waters before 2099-11-22 06:00\n"
    assert typed(mosquitto, "delay", "2099-11-22 06:00") == 0
    assert asked(controller) == ("ask/head/rain-delay", {"until": "2099-11-21T23:00:00.000Z"})
    assert typed(mosquitto, "delay", "off") == 0
    assert asked(controller) == ("ask/head/rain-delay", {})
    assert "put off no more" in capsys.readouterr().out


def test_a_time_that_is_none_is_not_asked_for(mosquitto: Mosquitto, controller: FakeController, capsys: Said) -> None:
    for time in ("soon", "2001-01-01 00:00"):
        assert typed(mosquitto, "delay", time) == 1
        assert "or a duration such as 24h, or off" in capsys.readouterr().err
    assert controller.received == []


def test_a_refusal_and_silence_have_their_own_status(
    mosquitto: Mosquitto, controller: FakeController, capsys: Said
) -> None:
    def refuse(on: FakeController, _: str, request: dict[str, Any]) -> None:
        error = {"code": "unknown-request", "message": "this version answers other requests"}
        on.say_later(request["reply_to"].removeprefix("village/nguyen-ly/"), {"id": request["id"], "ok": False, "error": error})

    controller.answer = refuse
    assert typed(mosquitto, "stop") == 1
    assert "refused (unknown-request)" in capsys.readouterr().err
    assert water.run(parsed(water, "stop", "--mqtt", f"127.0.0.1:{free_port()}")) == 2


@pytest.fixture
def runs(tmp_path: Path) -> list[dict[str, object]]:
    """As the request answers them."""
    path = tmp_path / "journal.db"
    valves = [{"valve": "valve/plot-1", "litres": 236.4}, {
        "valve": "valve/plot-3", "planned_s": None, "planned_l": 200.0, "done_s": 95.0, "litres": 18.0,
        "outcome": "cut_short", "why": "",
    }]  # fmt: skip
    keep(path, run_of("morning-water", MORNING, *valves, outcome="cut_short"))
    going = {"valve": "valve/plot-2", "done_s": 60.0, "litres": None, "ended": None, "outcome": None}
    keep(path, run_of("", MORNING + 3600, going, user="head", ended=None, outcome=None))
    with closing(connect_readonly(path)) as db:
        return runs_between(db, MORNING, MORNING + 86400)[0]


def test_runs_are_a_line_a_zone(
    mosquitto: Mosquitto, controller: FakeController, runs: list[dict[str, object]], capsys: Said
) -> None:
    controller.answer = answering(runs=runs)
    assert typed(mosquitto, "runs", "--from", "2026-11-02", "--valve", "plot-1") == 0
    topic, fields = asked(controller)
    assert (topic, fields["from"], fields["device"]) == ("ask/head/runs", "2026-11-01T17:00:00.000Z", "valve/plot-1")
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "due               valve   by             planned  done    litres  began             ended             outcome",
        "2026-11-02 06:00  plot-2  head           20 min   60 s    -       2026-11-02 06:00  -                 under way",
        "2026-11-02 05:00  plot-1  morning-water  20 min   20 min  236     2026-11-02 05:00  2026-11-02 05:30  cut short",
        "2026-11-02 05:00  plot-3  morning-water  200 l    95 s    18      2026-11-02 05:00  2026-11-02 05:30  cut short",
    ]
    assert said.err == ""


def test_runs_go_a_week_back_come_as_json_and_say_when_there_are_more(
    mosquitto: Mosquitto, controller: FakeController, runs: list[dict[str, object]], capsys: Said
) -> None:
    controller.answer = answering(runs=runs, more=True)
    assert typed(mosquitto, "runs", "--json") == 0
    _, fields = asked(controller)
    start, end = (dt.datetime.fromisoformat(fields[name]) for name in ("from", "to"))
    assert end - start == dt.timedelta(days=7, seconds=1)
    said = capsys.readouterr()
    assert [json.loads(line) for line in said.out.splitlines()] == runs
    assert "ask for fewer days" in said.err
    controller.answer = answering(runs=[])
    assert typed(mosquitto, "runs") == 0
    assert "nothing was watered" in capsys.readouterr().out


# --- one valve ---

RUN = {"id": "head:2026-11-21:c-1", "zone": 1, "zones": 1, "planned_s": 1200, "done_s": 30, "planned_l": None, "litres": 5.04, "phase": "watering"}


def watering(controller: FakeController, topic: str, command: dict[str, Any]) -> None:
    """A script: the valve opens, and says for whom."""
    state = {"state": "OPEN", "observed": "OPEN", "reason": "override", "by": "head", "run": RUN, "until": None}
    controller.say_later("valve/plot-1/state", state, retain=True)
    result = {"id": command["id"], "user": "head", "outcome": "done", "state": "OPEN", "took_ms": 9}
    controller.say_later("valve/plot-1/result", result)


def sent(broker: Mosquitto, *words: str) -> int:
    return send.run(parsed(send, "--user", "head", *words, "--mqtt", f"127.0.0.1:{broker.port}"))


def test_a_valve_is_opened_for_a_time_or_for_litres_and_says_how_far_it_is(
    mosquitto: Mosquitto, controller: FakeController, capsys: Said
) -> None:
    controller.answer = watering
    for words, field in ((["--for", "20m"], {"for_s": 1200.0}), (["--litres", "200"], {"volume_l": 200.0}), ([], {})):
        assert sent(mosquitto, "valve/plot-1", "open", *words) == 0
        topic, command = asked(controller)
        command.pop("expires_at")
        assert (topic, command) == ("valve/plot-1/set/head", {"action": "open"} | field)
        told = "done in 9 ms: valve/plot-1 OPEN (override by head), watering zone 1 of 1, 0.5 of 20 min, 5 l\n"
        assert capsys.readouterr().out == told


@pytest.mark.parametrize("action", ["close", "pause", "resume", "skip", "auto"])
def test_what_a_valve_waters_is_moved(mosquitto: Mosquitto, controller: FakeController, action: str) -> None:
    controller.answer = watering
    assert sent(mosquitto, "valve/plot-1", action) == 0
    topic, command = asked(controller)
    assert (topic, command.pop("action"), command.keys()) == ("valve/plot-1/set/head", action, {"expires_at"})


@pytest.mark.parametrize("words", [["valve/plot-1", "close"], ["light/road", "on"], ["pump/pump-1", "on"]])
def test_litres_are_for_the_opening_of_a_valve(capsys: Said, words: list[str]) -> None:
    assert send.run(parsed(send, *words, "--litres", "20", "--mqtt", f"127.0.0.1:{free_port()}")) == 2
    assert "--litres goes with the opening of a valve" in capsys.readouterr().err


@pytest.mark.parametrize("litres", ["0", "0.01", "-3", "1e3", "many", "1.234.567"])
def test_litres_are_a_number_of_them(capsys: Said, litres: str) -> None:
    with pytest.raises(SystemExit):
        parsed(send, "valve/plot-1", "open", f"--litres={litres}")
    assert "write litres such as 200" in capsys.readouterr().err
