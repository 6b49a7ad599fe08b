"""Many mistakes in one file are all shown, and none of them makes another one up."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from edge.core.values import ModelInfo
from edge.shell.site_file import ConfigError, Problem, parse_site

MISTAKES = {
    "latitude: 21.35": "latitude: 80",
    "name: Tủ điện, model: sdm120": "nam: Tủ điện, model: sdm130",
    "gpio: 17": "gpio: 0",
    "lamps: 8, lamp_w: 60, feedback: {gpio: 5}": "lamps: many, lamp_w: 60, feedback: {gpio: 24}",
    "board: box": "board: bx",
    "model: relays-8": "model: relays-9",
    "of: [road]": "of: [5, raod]",
    "max_on: 60m, daily_max: 2h": "max_on: 60, daily_max: 2h",
    "soil: s1": "soil: s2",
    "address: 21": "address: 10",
    "{at: sunset - 10m, level: 100}": "{at: sunset - 10m, level: 1000}",
    "zones: [{v1: 20m}]": "zones: [{v1: 20}, {v9: 20m}]",
    "target: fan": "target: fun",
}


def test_every_mistake_is_shown_in_the_order_of_the_file(
    village: str, problems: Callable[[str], list[Problem]]
) -> None:
    text = village
    for right, wrong in MISTAKES.items():
        assert text.count(right) == 1
        text = text.replace(right, wrong)
    found = problems(text)
    assert [(problem.line, problem.path) for problem in found] == [
        (1, "site.latitude"),
        (5, "meters.m1.name"),
        (5, "meters.m1.nam"),
        (5, "meters.m1.model"),
        (12, "lights.road.circuits.a.output.gpio"),
        (13, "lights.road.circuits.b.output.board"),
        (13, "lights.road.circuits.b.lamps"),
        (13, "lights.road.circuits.b.feedback.gpio"),
        (15, "boards.box.model"),
        (15, "boards.box.address"),
        (17, "inputs.hand.of[0]"),
        (17, "inputs.hand.of[1]"),
        (23, "valves.v1.soil"),
        (23, "valves.v1.max_on"),
        (31, "programs.night.steps[0].level"),
        (33, "programs.water.zones[0]"),
        (33, "programs.water.zones[1].v9"),
        (34, "programs.cool.target"),
    ]


def test_what_refers_to_an_unreadable_part_is_no_second_error(
    village: str, problems: Callable[[str], list[Problem]]
) -> None:
    for right, wrong, path in (
        ("model: sdm120, port: bus", "model: [], port: bus", "meters.m1.model"),
        ("device: /dev/ttyUSB0", "device: 5", "ports.bus.device"),
        ("kind: climate", "kind: weather", "programs.cool.kind"),
        ("role: flow", "role: water", "inputs.flow.role"),
        ("{gpio: 24}", "{gpio: 99}", "pumps.p1.output.gpio"),
        ("model: soil", "modl: soil, model: 7", "sensors.s1.model"),
    ):
        assert {found.path for found in problems(village.replace(right, wrong))} - {"sensors.s1.modl"} == {path}


def test_the_text_is_one_line_a_problem(village: str, catalogue: dict[str, ModelInfo]) -> None:
    text = village.replace("gpio: 17", "gpio: 0").replace("language: vi", "language: de")
    with pytest.raises(ConfigError) as caught:
        parse_site(text, "/etc/v.yaml", catalogue)
    first, second = str(caught.value).splitlines()
    assert first == '/etc/v.yaml:1:111: site.language: "de" is not possible here; write one of: vi, en'
    assert second == (
        "/etc/v.yaml:12:26: lights.road.circuits.a.output.gpio: 0 is out of range; write a whole number from 2 to 27 "
        "(GPIO by its BCM number; 0 and 1 belong to the HAT's EEPROM)"
    )


def test_a_valve_needs_a_board_that_switches_off_by_itself(
    village: str, problems: Callable[[str], list[Problem]]
) -> None:
    boards = "  box: {model: relays-8, port: bus, address: 10}\n"
    with_small = village.replace(boards, boards + "  small: {model: relays-4, port: bus, address: 11}\n")
    assert problems(with_small) == []
    assert problems(with_small.replace("{gpio: 25}", "{board: box, coil: 1}")) == []
    [found] = problems(with_small.replace("{gpio: 25}", "{board: small, coil: 1}"))
    assert (found.line, found.column, found.path) == (24, 36, "valves.v1.output.board")
    assert "relays-4 cannot switch off by itself" in found.message


def test_a_quantity_must_be_one_that_the_sensor_has(village: str, problems: Callable[[str], list[Problem]]) -> None:
    airy = village.replace("model: soil", "model: air").replace(" soil: s1,", "")
    assert problems(airy.replace("quantity: soil", "quantity: temperature_c")) == []
    [found] = problems(airy.replace("quantity: soil", "quantity: temperature_f"))
    assert (found.line, found.column) == (34, 67)
    assert found.message == 'air has no quantity "temperature_f"; did you mean temperature_c?'


def test_two_ports_cannot_be_one_device(village: str, problems: Callable[[str], list[Problem]]) -> None:
    port = "  bus: {device: /dev/ttyUSB0, baudrate: 9600, parity: none}\n"
    [found] = problems(village.replace(port, port + port.replace("bus", "bus-2")))
    assert (found.line, found.column, found.path) == (4, 19, "ports.bus-2.device")


def test_a_switch_and_its_program_name_each_other(village: str, problems: Callable[[str], list[Problem]]) -> None:
    second = village.replace("switches:\n", "switches:\n  mist: {name: Sương, output: {gpio: 13}, program: cool}\n")
    [found] = problems(second)
    assert (found.line, found.path) == (25, "switches.mist.program")
    assert '"cool" has the target fan; write target: mist there' in found.message
