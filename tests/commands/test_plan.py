"""Runs of watering in `village-edge plan`: by the file, and of a controller that answers by script."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fake_controller import FakeController, parsed
from support import Mosquitto

from edge.commands import plan

Said = pytest.CaptureFixture[str]
CONFIG = Path(__file__).parents[2] / "config" / "nguyen-ly.yaml"
LIGHT = {"at": "2026-11-26T15:30:00.000Z", "device": "light/main-road", "level": 33, "circuits": ["c"], "reason": "program",
         "program": "street", "step": "22:30", "rule": "", "within_s": 0.0}  # fmt: skip


def run(at: str, *zones: tuple[str, float | None, float | None], by_soil: bool = False) -> dict[str, Any]:
    shares = [{"device": f"valve/{name}", "for_s": for_s, "volume_l": litres} for name, for_s, litres in zones]
    return {"at": at, "until": "2026-11-27T00:00:00.000Z", "latest_end": "2026-11-27T02:00:00.000Z", "run": "w:2026-11-27:0",
            "program": "morning-water", "by_soil": by_soil, "zones": shares}  # fmt: skip


@pytest.fixture
def planning(controller: FakeController) -> None:
    runs = [run("2026-11-25T21:49:10.000Z", ("plot-1", 840.0, None), ("plot-3", None, 140.0)),
            run("2026-11-26T21:00:00.000Z", ("plot-2", 1500.0, None), by_soil=True)]  # fmt: skip

    def answer(fake: FakeController, _: str, request: dict[str, Any]) -> None:
        payload = {"id": request["id"], "ok": True, "trusted": True, "changes": [LIGHT], "held": [], "runs": runs}
        fake.say_later(request["reply_to"].removeprefix("village/nguyen-ly/"), payload)

    controller.answer = answer


def typed(broker: Mosquitto, *words: str) -> int:
    at = f"127.0.0.1:{broker.port}"
    return plan.run(parsed(plan, "--config", str(CONFIG), "--ask", "--user", "head", *words, "--mqtt", at))


@pytest.mark.usefixtures("planning")
def test_runs_of_watering_stand_among_the_lights_changes(mosquitto: Mosquitto, capsys: Said) -> None:
    assert typed(mosquitto) == 0
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()[1:]] == [
        "Thu 26/11/2026 04:49:10 program/morning-water    waters plot-1 14m, plot-3 140l",
        "Thu 26/11/2026 22:30:00 light/main-road            33%  c                program street: 22:30",
        "Fri 27/11/2026 04:00:00 program/morning-water    waters plot-2 25m, when the soil is dry, until 07:00",
    ]
    assert typed(mosquitto, "--json") == 0
    first, second, _ = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (first["device"], first["at"], first["until"]) == (
        "program/morning-water", "2026-11-26T04:49:10+07:00", "2026-11-27T07:00:00+07:00",
    )
    assert second == LIGHT | {"at": "2026-11-26T22:30:00+07:00"}


def test_by_the_file_the_examples_runs_are_worked_out_with_their_season(capsys: Said) -> None:
    assert plan.run(parsed(plan, "--config", str(CONFIG), "--from", "2026-11-23", "--days", "7")) == 0
    runs = [line for line in capsys.readouterr().out.splitlines() if "program/morning-water" in line]
    assert [line[:14] for line in runs] == ["Mon 23/11/2026", "Wed 25/11/2026", "Fri 27/11/2026"]
    assert {line.partition("waters ")[2] for line in runs} == {"plot-1 14m, plot-2 14m, plot-3 140l, plot-4 140l"}
