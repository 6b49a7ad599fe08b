"""The doctor on a simulated line in virtual time: each fault that it is to name, six at once, and no word of a sound one."""

from __future__ import annotations

import pytest
from doctor_bus import Bus, site

from edge.core.diagnosis_words import told
from edge.shell.doctor import Scan
from simulator.relay_board import RelayBoard

STREET = """
meters:
  cabinet: {name: Cabinet, model: sdm630, port: line, address: 1, rated_kw: 5}
  hall: {name: Hall, model: sdm120, port: line, address: 2}
  pump: {name: Pump, model: pzem016, port: line, address: 3}
  lanes: {name: Lanes, model: dtsu666, port: line, address: 4}
boards:
  relays: {model: waveshare-relay-8, port: line, address: 10}
"""
SIX = """
meters:
  good: {name: Good, model: sdm630, port: line, address: 1, rated_kw: 5}
  model: {name: Model, model: sdm120, port: line, address: 2}
  address: {name: Address, model: pzem016, port: line, address: 3}
  speed: {name: Speed, model: sdm120, port: line, address: 4}
  twins: {name: Twins, model: sdm120, port: line, address: 5}
  protocol: {name: Protocol, model: dtsu666, port: line, address: 6}
  ratio: {name: Ratio, model: sdm630, port: line, address: 8, rated_kw: 5}
"""


def street() -> Bus:
    return Bus(site(STREET))


def test_a_sound_line_is_all_right_and_nothing_is_written() -> None:
    bus = street()
    assert bus.codes() == {
        "meter/cabinet": ["good"], "meter/hall": ["good"], "meter/pump": ["good"], "meter/lanes": ["good"],
        "board/relays": ["good"],
    }  # fmt: skip
    assert {frame[1] for frame in bus.asked} <= {1, 3, 4}


def test_six_faults_at_once_are_all_named() -> None:
    bus = Bus(site(SIX))
    bus.plant("slave-as", on="meter/model", model="sdm630")
    bus.plant("slave-moved", on="meter/address", to=7)
    bus.plant("slave-baud", on="meter/speed", baudrate=2400)
    bus.plant("slave-twins", on="meter/twins")
    bus.plant("slave-dlt645", on="meter/protocol")
    bus.plant("slave-scaled", on="meter/ratio", times=40)
    bus.plant("illegal-tap", on="meter/ratio", watts=800)

    found = {finding.where: finding for finding in bus.findings()}

    assert {where: finding.code for where, finding in found.items()} == {
        "meter/good": "good", "meter/model": "other-model", "meter/address": "other-address",
        "meter/speed": "other-setting", "meter/twins": "twins", "meter/protocol": "dlt645", "meter/ratio": "over-rating",
    }  # fmt: skip
    assert found["meter/model"].data["guess"] == "sdm630"
    assert found["meter/address"].data["found"] == 7
    assert str(found["meter/speed"].data["found"]) == "2400 8N1"
    assert found["meter/protocol"].data["number"] == "210800000006"
    assert found["meter/ratio"].data["value"] == "32000"
    assert {frame[1] for frame in bus.asked} <= {1, 3, 4, 0xFE}  # FE: DL/T 645's way to wake a meter
    for finding in found.values():
        for language in ("vi", "en"):
            text, do = told(finding, language)  # type: ignore[arg-type]
            assert text
            assert finding.code == "good" or do


@pytest.mark.parametrize(
    ("device", "code"), [("meter/hall", "silent"), ("meter/cabinet", "silent"), ("board/relays", "silent")]
)
def test_a_dead_device_is_silent_and_the_others_are_right(device: str, code: str) -> None:
    bus = street()
    bus.plant("slave-dead", on=device)
    codes = bus.codes()
    assert codes.pop(device) == [code]
    assert set(map(tuple, codes.values())) == {("good",)}


@pytest.mark.parametrize("model", ["sdm120", "sdm630", "pzem016", "dtsu666", "ddsu666", "iem3155"])
@pytest.mark.parametrize("there", ["sdm120", "sdm630", "pzem016", "dtsu666", "ddsu666", "iem3155"])
def test_any_meter_in_the_place_of_another_is_recognised(model: str, there: str) -> None:
    bus = Bus(site(f"meters: {{m: {{name: M, model: {model}, port: line, address: 5}}}}"))
    bus.plant("slave-as", on="meter/m", model=there)
    bus.plant("illegal-tap", on="meter/m", watts=800)
    (finding,) = bus.findings()
    if model == there:
        assert finding.code == "good", finding
    else:
        assert finding.code == "other-model"
        assert there in str(finding.data["guess"]).split(" / ")
        assert model not in str(finding.data["guess"]).split(" / ")


def test_a_board_where_a_meter_should_be_is_recognised() -> None:
    bus = Bus(site("meters: {m: {name: M, model: sdm120, port: line, address: 10}}"))
    bus.slaves.serve([RelayBoard(10, 8, lambda *_: None)])
    (finding,) = bus.findings()
    assert (finding.code, finding.data["guess"]) == ("other-model", "waveshare-relay-8")


def test_a_late_answer_is_told_apart_from_none() -> None:
    bus = street()
    bus.plant("slave-late", on="meter/hall", by="3s")
    (finding,) = [f for f in bus.findings() if f.where == "meter/hall"]
    assert finding.code == "slow"
    assert 3 <= float(str(finding.data["slow_s"])) < 4


def test_a_noisy_device_is_told_apart_from_two_with_one_address() -> None:
    bus = street()
    bus.plant("slave-noisy", on="meter/cabinet", share=0.3)
    assert bus.codes()["meter/cabinet"] in (["noisy"], ["good"])
    seen = [bus.codes()["meter/cabinet"] for _ in range(5)]
    assert ["noisy"] in seen
    assert ["twins"] not in seen


def test_another_address_in_the_answer_is_named() -> None:
    bus = street()
    bus.plant("slave-wrong-id", on="meter/hall")
    (finding,) = [f for f in bus.findings() if f.where == "meter/hall"]
    assert (finding.code, finding.data["slave"]) == ("wrong-id", 3)


def test_swapped_wires_and_a_dead_line_are_said_once_for_the_port() -> None:
    bus = street()
    bus.plant("slave-swapped", on="port/line")
    assert bus.codes() == {"port/line": ["swapped"]}
    bus.faults.clear_all()
    bus.plant("slave-dead", on="port/line")
    assert bus.codes() == {"port/line": ["port-silent"]}


def test_a_port_at_another_speed_than_all_of_its_many_devices_is_found_for_each_of_them() -> None:
    meters = ", ".join(f"m{i}: {{name: M, model: sdm120, port: line, address: {i}}}" for i in range(1, 9))
    bus = Bus(site(f"meters: {{{meters}}}"))
    for i in range(1, 9):
        bus.plant("slave-baud", on=f"meter/m{i}", baudrate=4800)
    assert bus.codes() == {f"meter/m{i}": ["other-setting"] for i in range(1, 9)}
    assert all(str(finding.data["found"]) == "4800 8N1" for finding in bus.findings())


def test_of_many_devices_on_a_dead_line_some_stand_for_all() -> None:
    meters = ", ".join(f"m{i}: {{name: M, model: sdm120, port: line, address: {i}}}" for i in range(1, 31))
    bus = Bus(site(f"meters: {{{meters}}}"))
    bus.plant("slave-dead", on="port/line")
    before = bus.clock.mono()
    assert bus.codes() == {"port/line": ["port-silent"]}
    assert bus.clock.mono() - before < 240


def test_a_port_that_is_gone_is_said_and_nothing_else() -> None:
    bus = street()
    bus.plant("adapter-gone", on="port/line")
    assert bus.codes() == {"port/line": ["port-fault"]}


def test_a_scan_finds_what_nobody_configured_at_any_speed() -> None:
    bus = Bus(site("meters: {m: {name: M, model: sdm120, port: line, address: 5},"
                   " n: {name: N, model: sdm120, port: line, address: 6}}"))  # fmt: skip
    bus.plant("slave-moved", on="meter/n", to=200)
    bus.plant("slave-baud", on="meter/n", baudrate=2400)
    probe = bus.probe()
    settings = [probe.setting, *(type(probe.setting)(b, "none", 1) for b in (2400, 4800))]
    seen = bus.examine(Scan(range(190, 210), settings))
    assert [(s.address, str(s.setting)) for s in seen.strangers] == [(200, "2400 8N1")]
    assert seen.strangers[0].models == ("sdm120",)


def test_factors_of_transformers_are_told_to_be_compared() -> None:
    bus = Bus(site("meters: {m: {name: M, model: dtsu666, port: line, address: 4}}"))
    slave = bus.village.slaves("line")[0]
    values = dict(slave.values())  # type: ignore[union-attr]
    bus.slaves.serve([type(slave)(4, slave.model, lambda: values | {"current_ratio": 40.0})])  # type: ignore[union-attr,call-arg,arg-type]
    (finding,) = bus.findings()
    assert (finding.code, finding.data["factors"]) == ("factors", "current_ratio 40, voltage_ratio 1")
