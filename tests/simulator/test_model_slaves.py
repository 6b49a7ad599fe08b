"""Every model through its simulated slave: what the slave has is what the reader reads."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.modbus import Line
from drivers.modbus_reader import ModbusReader
from drivers.registers import Model, catalogue, load_model, models
from edge.core.values import Reading
from edge.shell.clock import ManualClock
from edge.shell.site_file import parse_site
from simulator.fast import VillageTime
from simulator.fault_bus import sound
from simulator.slaves import Slave
from simulator.village import Village
from simulator.virtual_port import MemoryPort, Slaves
from simulator.world import Harm

SITE = """
site: {id: test, name: Test, latitude: 19.87, longitude: 105.68, timezone: Asia/Ho_Chi_Minh, language: en}
ports:
  one: {device: /dev/ttyUSB0, baudrate: 9600, parity: none}
meters:
  pump: {name: Pump, model: pzem016, port: one, address: 1}
  house: {name: House, model: dtsu666, port: one, address: 2}
lights:
  road: {name: Road, meter: pump, circuits: {a: {output: {gpio: 17}, lamps: 8, lamp_w: 60}}}
sensors:
  soil-1: {name: Soil, model: rs485-soil-moisture-temperature, port: one, address: 21}
  air-1: {name: Air, model: xy-md02, port: one, address: 23}
  light-1: {name: Light, model: rs485-illuminance, port: one, address: 24}
"""


def first_reading(slaves: Slaves, model: Model, address: int, clock: ManualClock) -> Reading:
    port = MemoryPort("line", VillageTime(clock), 9600, slaves, sound())
    reader = ModbusReader("x", Line(port, port.mono, 9600), address, model)
    for _ in range(40):
        clock.advance(max(reader.ready_at() - clock.mono(), 0))
        turn = reader.ask(clock.now())
        if turn.reading is not None:
            return turn.reading
    raise AssertionError("no reading in 40 exchanges")


@pytest.mark.parametrize("name", models())
@given(draw=st.data())
@settings(max_examples=25, deadline=None)
def test_what_a_slave_has_is_read(name: str, draw: st.DataObject) -> None:
    model = load_model(name)
    form = draw.draw(st.sampled_from(model.forms))
    held = {n: float(draw.draw(st.integers(1, 60))) for n in form.factors}
    for n, q in form.quantities.items():
        step = q.scale if q.type != "float32" else 0.25
        low, high = q.limits
        steps = draw.draw(st.integers(0, min(round((high - low) / step), 2**20)))
        own = (1 if n in model.telling and not steps else steps) * step + low
        for factor in q.times:
            own *= held[factor]
        held[n] = own
    slaves = Slaves([Slave(7, form, lambda: held)])

    reading = first_reading(slaves, model, 7, ManualClock(0.0))

    assert dict(reading.quantities) == pytest.approx({n: held[n] for n in model.quantities}, rel=3e-7, abs=1e-6)


def test_the_village_plays_meters_and_sensors_of_every_kind_and_a_counter_begins_again_where_its_model_says() -> None:
    clock = ManualClock(1_795_258_000.0)
    village = Village(parse_site(SITE, "test.yaml", catalogue()), catalogue(), clock, 1)
    slaves = Slaves(village.slaves("one"))
    village.world.reset("pump", 9999.98, clock.mono())
    village.board.claim(17, 1, 1)

    read = {
        name: first_reading(slaves, load_model(model), address, clock).quantities
        for name, model, address in (
            ("pump", "pzem016", 1), ("house", "dtsu666", 2), ("soil-1", "rs485-soil-moisture-temperature", 21),
            ("air-1", "xy-md02", 23), ("light-1", "rs485-illuminance", 24),
        )
    }  # fmt: skip

    assert village.silent() == []
    assert read["pump"]["power_w"] == 480.0
    assert 9999.98 <= read["pump"]["energy_kwh"] < 9999.99
    assert read["house"]["energy_kwh"] > 0
    wall = clock.now().wall
    assert read["soil-1"]["moisture_pct"] == pytest.approx(village.soil.probe_pct("soil-1", wall), abs=0.06)
    assert read["soil-1"]["temperature_c"] == pytest.approx(village.surroundings.soil_c(wall), abs=0.06)
    assert read["air-1"]["temperature_c"] == pytest.approx(village.surroundings.air_c(wall), abs=0.06)
    assert read["light-1"]["illuminance_lux"] == pytest.approx(village.surroundings.illuminance_lux(wall), rel=0.05, abs=1)

    clock.advance(3600)
    assert first_reading(slaves, load_model("pzem016"), 1, clock).quantities["energy_kwh"] < 1


def test_sensors_and_boards_live_on_when_the_mains_are_away() -> None:
    village = Village(parse_site(SITE, "test.yaml", catalogue()), catalogue(), ManualClock(0.0), 1)
    powered = village.wires["one"]
    village.world.suffer(Harm(cut=True), 0.0)
    assert powered.carry(bytes((1, 4, 0)), 0.0)[1] == b""
    assert powered.carry(bytes((21, 3, 0)), 0.0)[1] == bytes((21, 3, 0))
