"""Programs put and read over the desk, for tests."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from villages import STREET, Bench

ROOT = "village/thon"
NIGHT = "2026-11-21T23:00:00+07:00"  # 33 %, by the file's street
UNREADABLE = "program-unreadable:site:thon"


def bright(level: int = 67) -> dict[str, Any]:
    """The street, with another level from 22:30 on."""
    body = copy.deepcopy(STREET)
    body["steps"][1]["level"] = level
    return body
COOL: dict[str, Any] = {
    "kind": "climate", "target": "fan",
    "when": {"sensor": "air", "quantity": "temperature_c", "on_above": 33, "off_below": 30},
}  # fmt: skip
GREENHOUSE: dict[str, Any] = {
    "programs": {"cool": COOL},
    "switches": {
        "fan": {"name": "Quạt", "output": {"gpio": 4}, "max_on": "1h", "program": "cool"},
        "mist": {"name": "Sương", "output": {"gpio": 12}, "max_on": "1h"},
    },
    "sensors": {"air": {"name": "Khí", "model": "xy-md02", "port": "bus", "address": 9}},
}
WATER: dict[str, Any] = {
    "kind": "irrigation", "finish_before": "sunrise + 1h", "zones": [{"plot": "20m"}], "season": {"11": 50}
}
FIELD: dict[str, Any] = {
    "programs": {"water": WATER},
    "valves": {"plot": {"name": "Thửa", "output": {"gpio": 4}, "max_on": "1h", "daily_max": "2h", "default": "20m"}},
}


def listed(b: Bench, name: str = "street") -> dict[str, Any]:
    return {found["program"]: found for found in b.ask("programs")["programs"]}[name]


def put(b: Bench, body: object, rev: object = 1, name: str = "street", user: str = "head", **more: Any) -> dict[str, Any]:
    return b.ask("program-put", user, program=name, rev=rev, body=body, **more)


def about(b: Bench) -> dict[str, int]:
    return {p["id"]: p["rev"] for p in json.loads(b.radio.retained[f"{ROOT}/about"])["programs"]}


def audit(b: Bench) -> list[dict[str, Any]]:
    return [json.loads(m.payload) for m in b.radio.messages if m.topic == f"{ROOT}/audit"]


def again(b: Bench, path: Path, **more: Any) -> Bench:
    """The process is killed once all is stored, and started again."""
    assert b.store._db is not None
    b.store._db.close()
    return Bench(more.pop("site", b.site), journal=path, clock=b.clock, lines=b.lines)


def kinds(b: Bench) -> dict[str, str]:
    return {p["id"]: p["kind"] for p in json.loads(b.radio.retained[f"{ROOT}/about"])["programs"]}
