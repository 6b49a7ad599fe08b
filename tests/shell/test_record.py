"""A capture of every model, taken on a simulated line in virtual time: the frames are those of a golden one."""

from __future__ import annotations

import pytest
from doctor_bus import Bus, site
from ruamel.yaml import YAML

from drivers.modbus import check, read_request
from drivers.quantities import Quantity
from drivers.registers import catalogue, load_model, models
from edge.commands.record import capture
from edge.shell.doctor import devices_on

METERS = [name for name in models() if catalogue()[name].kind == "meter"]


@pytest.mark.parametrize("name", METERS)
def test_a_capture_of_any_meter_has_the_frames_of_a_golden_one(name: str) -> None:
    bus = Bus(site(f"meters: {{m: {{name: M, model: {name}, port: line, address: 5}}}}"))
    text, faults = capture(bus.probe(), devices_on(bus.site, "line")[0], bus.clock.now(), None, 4)
    assert faults == []
    golden = YAML(typ="safe", pure=True).load(text)
    model = load_model(name)
    asked = [read_request(5, b.function, b.register, b.count) for b in (*model.factor_plan(11 / 9600), *model.blocks)]
    assert [bytes.fromhex(frame["ask"]) for frame in golden["round"]] == asked
    held: dict[int, bytes] = {}
    for request, frame in zip(asked, golden["round"], strict=True):
        data = check(request, bytes.fromhex(frame["answer"]))
        first = int.from_bytes(request[2:4], "big")
        held |= {first + i: data[2 * i : 2 * i + 2] for i in range(len(data) // 2)}

    def figure(quantity: Quantity) -> float:
        return quantity.decode(b"".join(held[quantity.address + i] for i in range(quantity.count)))

    values = {quantity: figure(place) for quantity, place in model.quantities.items()}
    assert golden["values"] == pytest.approx(values)
    assert list(golden["values"]) == sorted(values, key=lambda q: model.quantities[q].address)


def test_after_a_fault_the_last_whole_round_is_kept() -> None:
    bus = Bus(site("meters: {m: {name: M, model: sdm630, port: line, address: 5}}"))
    bus.plant("slave-noisy", on="meter/m", share=0.35)
    for _ in range(20):
        probe = bus.probe()
        text, faults = capture(probe, devices_on(bus.site, "line")[0], bus.clock.now(), None, 4)
        if not faults and any(heard.kind != "answer" for heard in probe.heard):
            break
    else:
        raise AssertionError("no reading had both a fault and an end")
    golden = YAML(typ="safe", pure=True).load(text)
    asked = [read_request(5, 4, block.register, block.count) for block in load_model("sdm630").blocks]
    assert [bytes.fromhex(frame["ask"]) for frame in golden["round"]] == asked
    for request, frame in zip(asked, golden["round"], strict=True):
        check(request, bytes.fromhex(frame["answer"]))


def test_a_device_that_cannot_be_read_whole_is_said_and_what_came_is_kept() -> None:
    bus = Bus(site("meters: {m: {name: M, model: sdm120, port: line, address: 5}}"))
    bus.plant("slave-as", on="meter/m", model="pzem016")
    text, faults = capture(bus.probe(), devices_on(bus.site, "line")[0], bus.clock.now(), range(10), 4)
    assert len(faults) == 1
    assert "was not read whole" in faults[0]
    golden = YAML(typ="safe", pure=True).load(text)
    assert golden["round"] is None
    assert len(bytes.fromhex(golden["registers"][0]["answer"])) == 25
