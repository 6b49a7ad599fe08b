"""A village without a clock, to put faults upon."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drivers.registers import catalogue
from edge.shell.clock import ManualClock
from edge.shell.site_file import parse_site
from simulator.fault_stage import VillageStage
from simulator.faults import Change, Faults, read
from simulator.village import Village

TWO_LIGHTS = """
site: {id: test, name: Test, latitude: 19.87, longitude: 105.68, timezone: Asia/Ho_Chi_Minh, language: en}
ports:
  rs485: {device: /dev/ttyUSB0, baudrate: 9600, parity: none}
  spare: {device: /dev/ttyUSB1, baudrate: 9600, parity: none}
meters:
  cabinet: {name: Cabinet, model: sdm630, port: rs485, address: 1}
  hall: {name: Hall, model: sdm120, port: rs485, address: 2}
lights:
  road:
    name: Road
    meter: cabinet
    circuits:
      a: {output: {gpio: 17, active: low}, lamps: 8, lamp_w: 60}
      b: {output: {gpio: 27, active: low}, lamps: 8, lamp_w: 60, feedback: {gpio: 5}}
  hall:
    name: Hall
    meter: hall
    circuits: {a: {output: {gpio: 23, active: high}, lamps: 6, lamp_w: 30}}
"""
CONFIG = TWO_LIGHTS + """
inputs:
  switch: {gpio: 6, role: hand, of: [road]}
  door: {gpio: 13, role: door}
  mains: {gpio: 19, role: mains, active: high}
  photocell: {gpio: 26, role: photocell}
  rain: {gpio: 20, role: rain}
  water: {gpio: 21, role: flow, pulses_per_l: 10}
"""


class Scene(VillageStage):
    """A stage of which only the village plays; everything else is written down."""

    time = "fast"

    def __init__(self) -> None:
        self.manual = ManualClock(1_795_258_000.0)  # a quarter to six in the evening
        site = parse_site(CONFIG, "test.yaml", catalogue())
        super().__init__(Village(site, catalogue(), self.manual, 1), self.manual)
        self.wired = {name: (contact.gpio, int(contact.active == "high")) for name, contact in site.read_inputs().items()}
        self.told: list[tuple[str, Change]] = []
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.faults = Faults(self)
        for pin, level in ((17, 0), (27, 1), (23, 1)):  # road/a and the hall burn, road/b does not
            self.village.board.claim(pin, level, 1)

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        self.timers.append((seconds, action))

    def broker(self, change: Change) -> None:
        self.told.append(("broker", change))

    def clock(self, change: Change) -> None:
        self.told.append(("clock", change))

    def card(self, change: Change) -> None:
        self.told.append(("card", change))

    def process(self, change: Change) -> None:
        self.told.append(("process", change))

    def put(self, name: str, on: str | None = None, **values: Any) -> str:
        fields = {"fault": name, **({"on": on} if on else {}), **values}
        return str(self.faults.inject(read(fields)))

    def meter(self, name: str = "cabinet") -> dict[str, float]:
        return self.village.world.quantities(name, self.manual.mono())

    def power(self, name: str = "cabinet") -> float:
        return self.meter(name)["power_w"]

    def grown(self, name: str = "cabinet", seconds: float = 3600) -> float:
        """What the counter counts in that time, in kWh."""
        before = self.meter(name)["energy_kwh"]
        self.manual.advance(seconds)
        return self.meter(name)["energy_kwh"] - before

    def holds(self) -> set[str]:
        """The contacts that say that what they are named for holds, by their lines."""
        return {name for name, (pin, active) in self.wired.items() if self.village.board.level(pin) == active}

    def watts(self) -> dict[str, float]:
        return {load: self.village.world.watts(load) for load in self.village.world.loads}
WHOLE = {"road/a": 480.0, "road/b": 0.0, "hall/a": 180.0}
QUIET = {"input/mains", "input/photocell"}  # that hold while nothing is wrong: it is dark, and road/b is off
SWITCH, DOOR, MAINS, CELL = (f"input/{name}" for name in ("switch", "door", "mains", "photocell"))
PROMISED = """
slave-dead slave-late slave-noisy slave-wrong-id adapter-gone
slave-moved slave-as slave-baud slave-scaled slave-twins slave-dlt645 slave-swapped
relay-welded relay-open lamps-burnt illegal-tap breaker meter-reset meter-rollover meter-replaced meter-stuck mains-cut
broker-away broker-slow broker-refusing broker-mute
hand-on door-open photocell-covered photocell-lit feedback-missing input-stuck pulses
clock-wrong clock-jump clock-untrusted card-full card-slow card-read-only process-killed process-frozen core-hung
"""
