"""Model files: every one loads, reads back what it encodes, and means what captured frames mean."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from ruamel.yaml import YAML

from drivers.modbus import COIL_OFF, COIL_ON, READ_COILS, check, read_request, write_coil_request
from drivers.registers import BoardModel, Model, Quantity, boards, catalogue, load_board, load_model, models

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.yaml"), key=lambda p: p.stem)
SUFFIX = {"V": "_v", "A": "_a", "W": "_w", "Hz": "_hz", "kWh": "_kwh", "": ""}


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
        "quantities": {n: {"unit": "V", "limits": [-(2**63), 2**63]} | q for n, q in quantities.items()},
    }


def data_of(model: Model, values: dict[str, float], register: int, count: int) -> bytes:
    words = model.encode(values)
    return b"".join(words.get(a, 0).to_bytes(2, "big") for a in range(register, register + count))


@pytest.mark.parametrize("name", models())
def test_every_model_reads_back_what_it_encodes(name: str) -> None:
    model = load_model(name)
    values = {
        n: float(f"{q.limits[0] + (q.limits[1] - q.limits[0]) * (0.3 + 0.01 * i):.6g}")
        for i, (n, q) in enumerate(model.quantities.items())
    }

    read: dict[str, float] = {}
    for block in model.blocks:
        read |= model.decode(block, data_of(model, values, block.register, block.count))

    assert read == values


@pytest.mark.parametrize("name", models())
def test_every_model_is_described_and_can_be_brought_back_into_step(name: str) -> None:
    model = load_model(name)
    info = catalogue()[name]

    assert info.driven
    assert info.quantities == {n: q.unit for n, q in model.quantities.items()}
    assert all(n.endswith(SUFFIX[unit]) for n, unit in info.quantities.items())
    lengths = [b.count for b in model.blocks]
    assert len(set(lengths)) == len(lengths)
    assert len(model.probes) >= 4
    assert all(p.count <= model.max_registers and p.names for p in model.probes)
    assert model.worst_latency_s >= model.timeout_s


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
    with pytest.raises(ValueError, match=r"no model 'waveshare-relay-8'; there are sdm120, sdm630"):
        load_model("waveshare-relay-8")


@pytest.mark.parametrize("path", [path for path in GOLDEN if path.stem in models()], ids=lambda p: p.stem)
def test_captured_frames_mean_what_they_meant(path: Path) -> None:
    model, golden = load_model(path.stem), YAML(typ="safe", pure=True).load(path)
    voltage = next(q for n, q in model.quantities.items() if n.startswith("voltage"))
    for frame in golden["single"]:
        ask = read_request(golden["address"], model.function, voltage.address, 2)
        assert ask == bytes.fromhex(frame.get("ask", ask.hex()))
        value = voltage.decode(check(ask, bytes.fromhex(frame["answer"])))
        assert value == frame["value"]
        assert value == pytest.approx(frame["published"], abs=0.006)

    values: dict[str, float] = {}
    for block, frame in zip(model.blocks, golden["round"], strict=True):
        ask = read_request(golden["address"], model.function, block.register, block.count)
        assert ask == bytes.fromhex(frame["ask"])
        values |= model.decode(block, check(ask, bytes.fromhex(frame["answer"])))
    assert values == golden["values"]


def test_the_pzems_low_word_first_capture_is_understood() -> None:
    low = {"type": "uint32", "words": "low first"}
    model = Model.model_validate(
        table(
            voltage_v={"address": 0, "type": "uint16", "scale": 0.1},
            current_a={"address": 1, "scale": 0.001, **low},
            power_w={"address": 3, "scale": 0.1, **low},
            energy_kwh={"address": 5, "scale": 0.001, **low},
            frequency_hz={"address": 7, "type": "uint16", "scale": 0.1},
            power_factor={"address": 8, "type": "uint16", "scale": 0.01},
        )
    )
    ask = read_request(1, 4, 0, 10)
    answer = "01 04 14 08 D1 00 6C 00 00 00 F4 00 00 00 26 00 00 01 F4 00 64 00 00 51 34"

    (block,) = model.blocks
    assert model.decode(block, check(ask, bytes.fromhex(answer))) == {
        "voltage_v": 225.7,
        "current_a": 0.108,
        "power_w": 24.4,
        "energy_kwh": 0.038,
        "frequency_hz": 50.0,
        "power_factor": 1.0,
    }


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


def test_the_sdm630_takes_three_requests_and_no_more_characters_than_needed() -> None:
    assert [(b.register, b.count) for b in load_model("sdm630").blocks] == [(0x00, 18), (0x34, 24), (0x156, 2)]


def test_neighbours_share_a_request_up_to_the_gap_and_the_models_limit() -> None:
    model = Model.model_validate(
        table(a={"address": 0}, b={"address": 22}, c={"address": 45}, d={"address": 47}) | {"max_registers": 24}
    )
    assert [(b.register, b.count, b.names) for b in model.blocks] == [(0, 24, ("a", "b")), (45, 4, ("c", "d"))]


@given(st.lists(st.integers(0, 300), min_size=1, max_size=20, unique=True), st.integers(2, 60), st.integers(0, 40))
def test_blocks_hold_every_quantity_once_and_keep_the_limits(addresses: list[int], most: int, gap: int) -> None:
    quantities = {f"q{a}": {"address": 2 * a} for a in addresses}
    model = Model.model_validate(table(**quantities) | {"max_registers": most, "max_gap": gap})

    assert sorted(n for b in model.blocks for n in b.names) == sorted(quantities)
    assert all(b.count <= most for b in model.blocks)
    assert {p.count for p in model.probes} >= {b.count for b in model.blocks}
    for one, other in zip(model.blocks, model.blocks[1:], strict=False):
        assert other.register - (one.register + one.count) > gap or other.register + 2 - one.register > most


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"max_registers": 1}, "more registers than max_registers"),
        ({"function": 6}, "function"),
        ({"surprise": 1}, "surprise"),
        ({"quantities": {"a": {"address": 0, "unit": "V", "limits": [1, 1]}}}, "leave nothing between"),
        ({"quantities": {}}, "quantities"),
    ],
)
def test_a_model_file_that_cannot_be_meant_is_refused(change: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Model.model_validate(table(a={"address": 0}) | change)


def test_an_unknown_model_is_named_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"no model 'sdm999'; there are sdm120, sdm630"):
        load_model("sdm999")


def test_the_catalogue_has_what_is_driven_and_what_is_planned() -> None:
    known = catalogue()

    assert set(models()) < set(known)
    assert known["sdm120"].baudrates == (1200, 2400, 4800, 9600)
    assert not known["pzem016"].driven
    assert (known["waveshare-relay-8"].coils, known["waveshare-relay-8"].timed_on) == (8, True)


@given(st.floats(width=32))
def test_a_float_is_told_short_and_stays_the_same_float(value: float) -> None:
    quantity = Quantity.model_validate({"address": 0, "unit": "V", "limits": [-1e12, 1e12]})
    raw = struct.pack(">f", value)

    told = quantity.decode(raw)

    assert math.isnan(told) if math.isnan(value) else struct.pack(">f", told) == raw
    digits = repr(told).lower().split("e")[0].strip("-0.").replace(".", "").rstrip("0")
    assert len(digits) <= 9 or math.isinf(value)
