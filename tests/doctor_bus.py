"""A port of a simulated village that the doctor asks in virtual time: real frames, faults by name, no waiting."""

from __future__ import annotations

from collections.abc import Mapping

from drivers import registers
from drivers.probing import Probe
from edge.core.diagnosis import Finding, PortSeen, findings, telling
from edge.core.site import Site
from edge.core.values import Moment, Setting
from edge.shell.clock import ManualClock
from edge.shell.doctor import Catalogue, Doctor, Scan, devices_on
from edge.shell.site_file import parse_site
from simulator.fast import VillageTime
from simulator.fault_stage import VillageStage
from simulator.faults import Change, Faults, read
from simulator.village import Village
from simulator.virtual_port import MemoryPort, Slaves

HEAD = """
site: {id: desk, name: Desk, latitude: 19.87, longitude: 105.68, timezone: Asia/Ho_Chi_Minh, language: en}
ports:
  line: {device: /dev/serial/by-path/platform-usb-0:1.2:1.0, baudrate: 9600, parity: none}
"""


def site(text: str) -> Site:
    """A village with one port, `line`, and the sections in `text`."""
    return parse_site(HEAD + text, "desk.yaml", registers.catalogue())


class Stage(VillageStage):
    """The village's faults on one line in virtual time."""

    time = "fast"

    def __init__(self, village: Village, clock: ManualClock, slaves: Slaves) -> None:
        super().__init__(village, clock)
        self._slaves = slaves

    def later(self, seconds: float, action: object) -> None:
        raise NotImplementedError

    def broker(self, change: Change) -> None:
        raise NotImplementedError

    clock = card = process = broker

    def bus(self, change: Change) -> None:
        super().bus(change)
        self._slaves.serve(self.village.slaves("line"))


class Ear:
    """The line at one setting. What an exchange takes goes by on the clock."""

    def __init__(self, bus: Bus, setting: Setting) -> None:
        self._bus = bus
        self._port = MemoryPort("line", bus.time, setting.baudrate, bus.slaves, bus.village.wires["line"])

    def listen(self, request: bytes, deadline: float, _gap_s: float) -> bytes:
        self._bus.asked.append(request)
        try:
            return self._port.exchange(request, deadline)
        finally:
            self._bus.clock.advance(max(0.0, self._port.mono() - self._bus.clock.mono()))

    def close(self) -> None:
        """Nothing to let go of."""


class Bus:
    """A line with the devices of `site`; `asked` is every frame that was sent."""

    def __init__(self, configured: Site) -> None:
        self.site = configured
        self.clock = ManualClock(1_795_258_000.0)
        self.time = VillageTime(self.clock)
        self.village = Village(configured, registers.catalogue(), self.clock, 1)
        self.slaves = Slaves(self.village.slaves("line"))
        self.faults = Faults(Stage(self.village, self.clock, self.slaves))  # type: ignore[arg-type]
        self.asked: list[bytes] = []

    def plant(self, fault: str, **fields: object) -> None:
        self.faults.inject(read({"fault": fault, **fields}))

    def probe(self, baudrate: int = 9600) -> Probe:
        def now() -> Moment:
            return self.clock.now()

        return Probe(lambda setting: Ear(self, setting), Setting(baudrate, "none", 1), now, self.clock.advance)

    def doctor(self) -> Doctor:
        families = {name: registers.places(name, telling) for name in registers.models()}
        return Doctor("line", "/dev/x", self.probe(), Catalogue(registers.catalogue(), families))

    def examine(self, scan: Scan | None = None) -> PortSeen:
        return self.doctor().examine(devices_on(self.site, "line"), scan)

    def codes(self) -> Mapping[str, list[str]]:
        """What was found, by device."""
        found: dict[str, list[str]] = {}
        for finding in self.findings():
            found.setdefault(finding.where, []).append(finding.code)
        return found

    def findings(self) -> list[Finding]:
        return findings(self.examine())
