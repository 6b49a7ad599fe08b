"""Model files: every one loads, reads back what it encodes, and means what captured frames mean."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from ruamel.yaml import YAML

from drivers.modbus import COIL_OFF, COIL_ON, READ_COILS, check, read_request, write_coil_request
from drivers.model import USUAL_CHARACTER_S
from drivers.registers import (
    FOLDER,
    Block,
    BoardModel,
    Model,
    Quantity,
    boards,
    catalogue,
    load_board,
    load_model,
    models,
)

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.yaml"), key=lambda p: p.stem)
METERS_AND_SENSORS = [path for path in GOLDEN if path.stem in models()]


def table(**quantities: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": "m",
        "title": "m",
        "kind": "meter",
        "source": "this test",
        "link": {"baudrates": [9600], "parities": ["none"], "stopbits": [1]},
        "function": 4,
        "max_registers": 50,
        "timeout_s": 0.3,
        "worst_latency_s": 1.0,
        "turnaround_s": 0.0,
        "quantities": {n: {"unit": "", "limits": [-(2**63), 2**63]} | q for n, q in quantities.items()},
    }


def read(model: Model, answers: Callable[[Block], bytes]) -> dict[str, float]:
    """All that a reader makes of a device's answers: factors first."""
    factors: dict[str, float] = {}
    for block in model.factor_plan(USUAL_CHARACTER_S):
        factors |= model.decode(block, answers(block))
    return {n: v for block in model.blocks for n, v in model.decode(block, answers(block), factors).items()}


def data_of(model: Model, values: dict[str, float], register: int, count: int) -> bytes:
    words = model.encode(values)
    return b"".join(words.get(a, 0).to_bytes(2, "big") for a in range(register, register + count))


@pytest.mark.parametrize("name", models())
@given(draw=st.data())
@settings(max_examples=20)
def test_every_form_of_a_model_reads_back_what_it_encodes(name: str, draw: st.DataObject) -> None:
    for model in load_model(name).forms:
        factors = {n: draw.draw(st.integers(1, 100)) * q.scale for n, q in model.factors.items()}
        values = dict(factors)
        for n, q in model.quantities.items():
            steps = 1000 if q.type == "float32" else round(1 / q.scale)
            share = draw.draw(st.floats(0, 1))
            value = round((q.limits[0] + (q.limits[1] - q.limits[0]) * share) * steps) / steps
            values[n] = math.prod((factors[f] for f in q.times), start=value)

        found = read(model, lambda b, m=model, v=values: data_of(m, v, b.register, b.count))

        assert found == pytest.approx({n: values[n] for n in model.quantities}, rel=2e-7, abs=1e-9)


@pytest.mark.parametrize("name", models())
def test_every_model_is_described_and_can_be_brought_back_into_step(name: str) -> None:
    model = load_model(name)
    info = catalogue()[name]

    assert info.driven
    assert info.quantities == {n: q.unit for n, q in model.quantities.items()}
    assert (info.wraps_at, info.counter_step) == (model.wraps_at, model.counter_step)
    kinds = [(p.count, p.function) for p in model.probes]
    assert len(set(kinds)) == len(kinds) >= 2
    assert all(p.count <= max(model.max_registers, 2) for p in model.probes)
    assert 9600 in info.baudrates
    assert all(len(line) <= 120 for line in (FOLDER / f"{name}.yaml").read_text("utf-8").splitlines())


@pytest.mark.parametrize("name", [*models(), *boards()])
def test_every_model_has_a_golden_capture(name: str) -> None:
    assert name in [path.stem for path in GOLDEN]


@pytest.mark.parametrize("name", boards())
def test_a_boards_documented_frames_are_those_that_are_sent_and_mean_what_they_meant(name: str) -> None:
    model, golden = load_board(name), YAML(typ="safe", pure=True).load(GOLDEN[0].parent / f"{name}.yaml")
    slave = golden["address"]
    for frame in golden["read"]:
        ask = read_request(slave, READ_COILS, 0, model.coils)
        assert ask == bytes.fromhex(frame["ask"])
        (packed,) = check(ask, bytes.fromhex(frame["answer"]))
        assert [coil for coil in range(model.coils) if packed >> coil & 1] == frame["on"]
    for frame in golden["write"]:
        ask = write_coil_request(slave, frame["coil"], COIL_ON if frame["on"] else COIL_OFF)
        assert ask == bytes.fromhex(frame["ask"])
        assert check(ask, ask) == (b"\xff\x00" if frame["on"] else b"\x00\x00")
    assert model.timed_on is not None
    for frame in golden["timed_on"]:
        ticks = round(frame["for_s"] / model.timed_on.unit_s)
        assert 1 <= ticks <= model.timed_on.most
        ask = write_coil_request(slave, model.timed_on.address + frame["coil"], ticks)
        assert ask == bytes.fromhex(frame["ask"])


@pytest.mark.parametrize("name", boards())
def test_every_board_is_described(name: str) -> None:
    model, info = load_board(name), catalogue()[name]
    assert (info.kind, info.driven, info.coils, info.timed_on) == ("board", True, model.coils, model.timed_on is not None)
    assert 9600 in info.baudrates
    assert model.worst_latency_s >= model.timeout_s


def test_a_board_with_more_coils_than_one_byte_says_is_refused() -> None:
    fields = load_board("waveshare-relay-8").model_dump()
    with pytest.raises(ValidationError, match="coils"):
        BoardModel.model_validate(fields | {"coils": 9})


def test_a_meter_is_no_board_and_a_board_no_meter() -> None:
    with pytest.raises(ValueError, match=r"no relay board 'sdm120'; there are waveshare-relay-8"):
        load_board("sdm120")
    with pytest.raises(ValueError, match=r"no model 'waveshare-relay-8'; there are ddsu666, .*sdm120"):
        load_model("waveshare-relay-8")


def answered(ask: bytes, answer: str) -> tuple[Block, bytes]:
    """What a captured question asked for, and the data that came."""
    register, count = int.from_bytes(ask[2:4], "big"), int.from_bytes(ask[4:6], "big")
    return Block(register, count, (), ask[1]), check(ask, bytes.fromhex(answer))


@pytest.mark.parametrize("path", METERS_AND_SENSORS, ids=lambda p: p.stem)
def test_published_frames_mean_what_they_meant(path: Path) -> None:
    model, golden = load_model(path.stem), YAML(typ="safe", pure=True).load(path)
    for frame in golden.get("single", []):
        voltage = model.quantities["voltage_l1_v"]
        ask = read_request(golden["address"], model.function, voltage.address, 2)
        assert ask == bytes.fromhex(frame.get("ask", ask.hex()))
        value = voltage.decode(check(ask, bytes.fromhex(frame["answer"])))
        assert value == frame["value"]
        assert value == pytest.approx(frame["published"], abs=0.006)
    for frame in golden.get("captures", []):
        block, data = answered(bytes.fromhex(frame["ask"]), frame["answer"])
        assert block.function == model.function
        assert model.decode(replace(block, names=tuple(frame["values"])), data) == frame["values"]
    for ask in map(bytes.fromhex, golden.get("asks", [])):
        register, count = int.from_bytes(ask[2:4], "big"), int.from_bytes(ask[4:6], "big")
        assert read_request(golden["address"], model.function, register, count) == ask
        assert register in [q.address for q in model.quantities.values() if q.count == count]


@pytest.mark.parametrize("path", METERS_AND_SENSORS, ids=lambda p: p.stem)
def test_a_golden_round_is_what_is_asked_and_means_what_it_meant(path: Path) -> None:
    golden = YAML(typ="safe", pure=True).load(path)
    for model, form in zip(load_model(path.stem).forms, [golden, *golden.get("other_forms", [])], strict=True):
        asks = {
            block: read_request(golden["address"], block.function, block.register, block.count)
            for block in [*model.factor_plan(USUAL_CHARACTER_S), *model.blocks]
        }
        assert list(asks.values()) == [bytes.fromhex(frame["ask"]) for frame in form["round"]]
        answers = {
            block: check(ask, bytes.fromhex(frame["answer"]))
            for (block, ask), frame in zip(asks.items(), form["round"], strict=True)
        }
        assert read(model, answers.__getitem__) == form["values"]


@pytest.mark.parametrize(
    ("coded", "registers", "value"),
    [
        ({"type": "float32"}, "43 66 33 34", 230.20001),
        ({"type": "float32", "words": "low first"}, "33 34 43 66", 230.20001),
        ({"type": "int16", "scale": 0.1}, "FF FE", -0.2),
        ({"type": "uint16", "scale": 0.1}, "08 D1", 225.7),
        ({"type": "int32"}, "FF FF FF FE", -2),
        ({"type": "int32", "words": "low first"}, "00 01 FF FF", -65535),
        ({"type": "uint32"}, "FF FF FF FE", 4294967294),
        ({"type": "int64", "scale": 0.001}, "00 00 00 00 00 4F 2C AF", 5188.783),
        ({"type": "int64", "words": "low first"}, "00 02 00 01 00 00 00 00", 65538),
    ],
)
def test_every_coding_is_read_and_written(coded: dict[str, Any], registers: str, value: float) -> None:
    quantity = Quantity.model_validate({"address": 0, "unit": "V", "limits": [-1e12, 1e12], **coded})

    assert quantity.decode(bytes.fromhex(registers)) == value
    assert quantity.encode(value) == bytes.fromhex(registers)


@pytest.mark.parametrize(
    ("type_", "value"), [("uint16", -1), ("uint16", 65536), ("int16", 40000), ("int32", math.nan), ("float32", 1e39)]
)
def test_what_a_register_cannot_say_is_not_written(type_: str, value: float) -> None:
    quantity = Quantity.model_validate({"address": 0, "unit": "V", "limits": [0, 1], "type": type_})
    with pytest.raises(ValueError, match="does not fit"):
        quantity.encode(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 500.1, -0.1])
def test_an_impossible_value_is_left_out(value: float) -> None:
    model = load_model("sdm630")
    block = model.blocks[0]
    read = {"voltage_l1_v": 230.0, "voltage_l2_v": value}
    decoded = model.decode(block, data_of(model, read, block.register, block.count))
    assert decoded["voltage_l1_v"] == 230.0
    assert block.names == (*list(decoded)[:1], "voltage_l2_v", *list(decoded)[1:])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"max_registers": 1}, "more registers than max_registers"),
        ({"function": 6}, "function"),
        ({"surprise": 1}, "surprise"),
        ({"quantities": {"a": {"address": 0, "unit": "", "limits": [1, 1]}}}, "leave nothing between"),
        ({"quantities": {}}, "quantities"),
    ],
)
def test_a_model_that_cannot_be_meant_is_refused(change: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Model.model_validate(table(a={"address": 0}) | change)


def test_an_unknown_model_is_named_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"no model 'sdm999'; there are ddsu666, .*sdm120"):
        load_model("sdm999")


def test_the_catalogue_has_every_model() -> None:
    known = catalogue()

    assert set(known) == {*models(), *boards()}
    assert all(info.driven for info in known.values())
    assert known["sdm120"].baudrates == (1200, 2400, 4800, 9600)
    assert (known["pzem016"].wraps_at, known["pzem016"].counter_step) == (9999.99, 0.001)
    assert (known["waveshare-relay-8"].coils, known["waveshare-relay-8"].timed_on) == (8, True)


@given(st.floats(width=32))
def test_a_float_is_told_short_and_stays_the_same_float(value: float) -> None:
    quantity = Quantity.model_validate({"address": 0, "unit": "V", "limits": [-1e12, 1e12]})
    raw = struct.pack(">f", value)

    told = quantity.decode(raw)

    assert math.isnan(told) if math.isnan(value) else struct.pack(">f", told) == raw
    digits = repr(told).lower().split("e")[0].strip("-0.").replace(".", "").rstrip("0")
    assert len(digits) <= 9 or math.isinf(value)
