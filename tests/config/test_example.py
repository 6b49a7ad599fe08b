"""The shipped example, read with the catalogue that the product has."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from edge.core.site import (
    At,
    BoardOutput,
    Circuit,
    GpioOutput,
    IrrigationProgram,
    LightProgram,
    PlainInput,
    Site,
    driven_meters,
)
from edge.shell.app import catalogue
from edge.shell.site_file import load, password_file

PLACE = {"id": "x", "name": "X", "latitude": 20, "longitude": 105, "timezone": "Asia/Saigon", "language": "vi"}


def site(example: Path) -> Site:
    return load(example, catalogue())


def test_every_meter_is_driven(example: Path) -> None:
    village = site(example)
    assert list(driven_meters(village, catalogue())) == ["cabinet-1", "culture-house", "pump-house"]


def test_values_arrive_in_the_units_the_models_promise(example: Path) -> None:
    village = site(example)
    road = village.lights["main-road"]
    assert road.restrike == 60.0
    assert road.circuits["a"] == Circuit(output=GpioOutput(gpio=17, active="low"), lamps=8, lamp_w=60.0)
    assert village.lights["lanes"].circuits["a"].output == BoardOutput(board="cabinet-board", coil=0)
    assert (village.mqtt.protocol, village.mqtt.user) == ("5", "controller")
    assert (village.limits.switching.burst, village.limits.switching.per) == (20, 60.0)
    assert village.meters["cabinet-1"].rated_kw == 5.0


def test_times_of_day_arrive_as_anchor_and_offset(example: Path) -> None:
    street = site(example).programs["street"]
    assert isinstance(street, LightProgram)
    assert [(step.at, step.level) for step in street.steps] == [
        (At("sunset", -600.0), 100),
        (At("clock", 81_000.0), 33),
        (At("sunrise", 600.0), 0),
    ]


def test_irrigation_arrives_whole(example: Path) -> None:
    water = site(example).programs["morning-water"]
    assert isinstance(water, IrrigationProgram)
    assert water.days == {0, 2, 4}
    assert [(zone.for_s, zone.volume_l) for zone in water.zones] == [(1200, None), (1200, None), (None, 200), (None, 200)]
    assert (water.season[7], water.resume, water.skip_when.soil_above) == (120, 7200.0, 35.0)


def test_all_of_the_example_is_driven(example: Path) -> None:
    assert site(example).not_driven(catalogue()) == []


def test_contacts_are_wired_to_ground_and_a_cut_wire_opens_the_door(example: Path) -> None:
    assert {name: (contact.gpio, contact.active) for name, contact in site(example).read_inputs().items()} == {
        "input/cabinet-switch": (6, "low"),
        "input/pump-switch": (10, "low"),
        "input/cabinet-door": (13, "high"),
        "input/mains": (19, "low"),
        "input/photocell": (26, "low"),
        "input/rain": (20, "low"),
        "input/tank": (21, "low"),
        "feedback/main-road/b": (5, "low"),
    }


def test_a_contact_may_be_wired_the_other_way_and_a_float_says_it_with_low_is(example: Path) -> None:
    bare = {"site": PLACE, "lights": {}, "inputs": {"door": {"gpio": 13, "role": "door", "active": "low"}}}
    assert Site.model_validate(bare).read_inputs()["input/door"].active == "low"
    tank = {"gpio": 23, "role": "level", "low_is": "full"}
    assert Site.model_validate(bare | {"inputs": {"tank": tank}}).read_inputs()["input/tank"].active == "low"
    with pytest.raises(ValidationError, match="active"):
        Site.model_validate(bare | {"inputs": {"tank": tank | {"active": "high"}}})
    rain = site(example).inputs["rain"]
    assert isinstance(rain, PlainInput)
    assert rain.active == "low"


def test_the_password_file_lies_under_the_configuration(example: Path) -> None:
    assert password_file(site(example), example) == example.parent / "secrets" / "controller"


def test_sections_that_are_not_there_are_empty(village: str) -> None:
    bare = Site.model_validate({"site": PLACE})
    assert (bare.mqtt.host, bare.mqtt.port, bare.mqtt.protocol) == ("127.0.0.1", 1883, "5")
    assert (bare.limits.switching.burst, bare.limits.switching.per) == (20, 60.0)
    assert bare.lights == bare.meters == bare.programs == {}
    assert bare.site.timezone == "Asia/Ho_Chi_Minh", "the old name is not known on Debian 13"
