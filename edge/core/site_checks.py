"""What the parts of a configuration say of each other: references, lines used twice, what a model can do.

Every check yields flaws (path, text) and never stops at the first. A name that stands in the file but could not be read
is known all the same: its own error is enough.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from edge.core.site import (
    Board,
    BoardOutput,
    ClimateProgram,
    GpioOutput,
    HandInput,
    IrrigationProgram,
    Meter,
    Output,
    Port,
    Sensor,
    Site,
    When,
)
from edge.core.site_water_checks import water_checks
from edge.core.values import ModelInfo

Path = tuple[str | int, ...]
UNREAD = "0-unread-0"  # stands for a name that could not be read; its own error is enough
_Found = tuple[Path, str]


class Flaw(NamedTuple):
    """One error: the path of the key it is at, and what is wrong and what to write instead.

    `on_key`: the key itself is wrong, not its value.
    """

    path: Path
    text: str
    on_key: bool = False


def spelled(path: Path) -> str:
    """A key path as people write it: `programs.street.steps[0].at`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return "".join(parts).lstrip(".")


def nearest(word: str, known: Iterable[str]) -> str:
    """What to write in place of `word`, as the end of an error's text."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, 1)
    if near:
        return f"did you mean {near[0]}?"
    return f"write one of: {', '.join(names)}" if names else "there is none yet; add it first, or remove this line"


def cross_checks(site: Site, catalogue: Mapping[str, ModelInfo], known: Mapping[str, Collection[str]]) -> list[Flaw]:
    """Every contradiction in `site`; `known` has the names of each section, also those that could not be read."""
    checks = _Checks(site, catalogue, known)
    found = (
        checks.models(), checks.lines(), checks.coils(), checks.addresses(), checks.ports(), checks.devices(),
        checks.inputs(), checks.programs(), water_checks(site, catalogue, known),
    )  # fmt: skip
    return [Flaw(path, text) for each in found for path, text in each]


@dataclass(frozen=True, slots=True)
class _Checks:
    site: Site
    catalogue: Mapping[str, ModelInfo]
    known: Mapping[str, Collection[str]]

    def _refer(self, path: Path, section: str, name: str | None) -> Iterator[_Found]:
        if name not in (None, UNREAD) and name not in self.known.get(section, ()):
            yield path, f'"{name}" is not among the {section}; {nearest(str(name), self.known.get(section, ()))}'

    def _refer_program(self, path: Path, name: str | None, kind: str) -> Iterator[_Found]:
        yield from self._refer(path, "programs", name)
        program = self.site.programs.get(name) if name else None
        if program is not None and program.kind != kind:
            fit = [key for key, other in self.site.programs.items() if other.kind == kind]
            yield path, f'"{name}" is a program of kind {program.kind}, and this needs {kind}; {_choose(fit)}'

    def _refer_input(self, path: Path, name: str | None, role: str) -> Iterator[_Found]:
        yield from self._refer(path, "inputs", name)
        found = self.site.inputs.get(name) if name else None
        if found is not None and found.role != role:
            fit = [key for key, other in self.site.inputs.items() if other.role == role]
            yield path, f'"{name}" is an input with role {found.role}, and this needs {role}; {_choose(fit)}'

    def _outputs(self) -> Iterator[tuple[Path, Output]]:
        for name, light in self.site.lights.items():
            for key, circuit in light.circuits.items():
                yield ("lights", name, "circuits", key, "output"), circuit.output
        for section in ("pumps", "valves", "switches"):
            for name, device in getattr(self.site, section).items():
                yield (section, name, "output"), device.output

    def models(self) -> Iterator[_Found]:
        """Models are known and of the section's kind."""
        for section, kind in (("meters", "meter"), ("sensors", "sensor"), ("boards", "board")):
            fit = [name for name, info in self.catalogue.items() if info.kind == kind]
            for name, device in getattr(self.site, section).items():
                path = (section, name, "model")
                info = self.catalogue.get(device.model)
                if info is None:
                    yield path, f'"{device.model}" is no known model; {nearest(device.model, fit)}'
                elif info.kind != kind:
                    yield path, f'"{device.model}" is a {info.kind}, not a {kind}; {_choose(fit)}'

    def lines(self) -> Iterator[_Found]:
        """Every GPIO line serves one thing."""
        used: dict[int, Path] = {}
        lines = [((*path, "gpio"), out.gpio) for path, out in self._outputs() if isinstance(out, GpioOutput)]
        for name, light in self.site.lights.items():
            for key, circuit in light.circuits.items():
                if circuit.feedback:
                    lines.append((("lights", name, "circuits", key, "feedback", "gpio"), circuit.feedback.gpio))
        lines += [(("inputs", name, "gpio"), found.gpio) for name, found in self.site.inputs.items()]
        if self.site.heartbeat is not None:
            lines.append((("heartbeat", "gpio"), self.site.heartbeat.gpio))
        for path, gpio in lines:
            first = used.setdefault(gpio, path)
            if first is not path:
                yield path, f"GPIO {gpio} is used twice, here and at {spelled(first)}; choose a free line for one"

    def coils(self) -> Iterator[_Found]:
        """Boards exist and have the coil; every coil serves one thing; valves and pumps need a board's own timer."""
        used: dict[tuple[str, int], Path] = {}
        for path, out in self._outputs():
            if not isinstance(out, BoardOutput):
                continue
            yield from self._refer((*path, "board"), "boards", out.board)
            first = used.setdefault((out.board, out.coil), path)
            if first is not path:
                text = f"coil {out.coil} of {out.board} is used twice, here and at {spelled(first)}; choose a free coil"
                yield (*path, "coil"), text
            board = self.site.boards.get(out.board)
            info = self.catalogue.get(board.model) if board else None
            if info is None or info.kind != "board":
                continue
            if out.coil >= info.coils:
                yield (*path, "coil"), f"{info.name} has no coil {out.coil}; write 0 to {info.coils - 1}"
            if path[0] in ("valves", "pumps") and not info.timed_on:
                text = (
                    f"{info.name} cannot switch off by itself, which {path[0]} need if the controller dies; "
                    "use a GPIO line or a board with a timed-on function"
                )
                yield (*path, "board"), text

    def addresses(self) -> Iterator[_Found]:
        """Ports exist; an address answers once on a port."""
        used: dict[tuple[str, int], Path] = {}
        for section in ("meters", "sensors", "boards"):
            for name, device in getattr(self.site, section).items():
                path = (section, name)
                yield from self._refer((*path, "port"), "ports", device.port)
                first = used.setdefault((device.port, device.address), path)
                if first is not path:
                    text = (
                        f"address {device.address} on port {device.port} is used twice, here and at {spelled(first)}; "
                        "give one of the devices another address"
                    )
                    yield (*path, "address"), text

    def ports(self) -> Iterator[_Found]:
        """A serial device is one port; its settings are among those of every model on it."""
        used: dict[str, str] = {}
        for name, port in self.site.ports.items():
            first = used.setdefault(port.device, name)
            if first != name:
                text = f"{port.device} is also the device of ports.{first}; move its devices to one port"
                yield ("ports", name, "device"), text
            yield from self._settings(name, port)

    def _settings(self, name: str, port: Port) -> Iterator[_Found]:
        devices: list[Meter | Sensor | Board] = [*self.site.meters.values(), *self.site.sensors.values()]
        devices += self.site.boards.values()
        models = sorted({device.model for device in devices if device.port == name})
        infos = [self.catalogue[model] for model in models if model in self.catalogue]
        for key, choices in (("baudrate", "baudrates"), ("parity", "parities"), ("stopbits", "stopbits")):
            value = getattr(port, key)
            offered = [set(getattr(info, choices)) for info in infos]
            common = sorted(set.intersection(*offered)) if offered else []
            cannot = [info.name for info, can in zip(infos, offered, strict=True) if value not in can]
            if cannot:
                remedy = (
                    f"write one of: {', '.join(map(str, common))}"
                    if common
                    else f"the models on this port have no {key} in common, so put some on another port"
                )
                yield ("ports", name, key), f"{', '.join(cannot)} cannot be set to {value}; {remedy}"

    def devices(self) -> Iterator[_Found]:
        """What lights, pumps, valves and switches refer to; and a meter's tariff, where it is known which there are."""
        if "tariffs" in self.known:
            for name, meter in self.site.meters.items():
                yield from self._refer(("meters", name, "tariff"), "tariffs", meter.tariff)
        for name, light in self.site.lights.items():
            yield from self._refer(("lights", name, "meter"), "meters", light.meter)
            yield from self._refer_program(("lights", name, "program"), light.program, "light")
        for name, pump in self.site.pumps.items():
            yield from self._refer(("pumps", name, "meter"), "meters", pump.meter)
            for tank in pump.stop_when:
                yield from self._refer_input(("pumps", name, "stop_when", tank), tank, "level")
        for name, valve in self.site.valves.items():
            yield from self._refer(("valves", name, "pump"), "pumps", valve.pump)
            yield from self._refer_input(("valves", name, "flow"), valve.flow, "flow")
            yield from self._refer(("valves", name, "soil"), "sensors", valve.soil)
        for name, switch in self.site.switches.items():
            path = ("switches", name, "program")
            yield from self._refer_program(path, switch.program, "climate")
            program = self.site.programs.get(switch.program or "")
            targets = self.known.get("switches", ())
            if isinstance(program, ClimateProgram) and program.target != name and program.target in targets:
                text = f'"{switch.program}" has the target {program.target}; write target: {name} there'
                yield path, f"{text}, or name another program here"

    def inputs(self) -> Iterator[_Found]:
        """The cabinet's switch rules lights that there are; a counting input shares its id with no meter or sensor."""
        for name, found in self.site.inputs.items():
            if isinstance(found, HandInput):
                for i, target in enumerate(found.targets()):
                    kind, _, of = target.partition("/")
                    yield from self._refer(("inputs", name, "of", i), _SECTION_OF[kind], of)
            section = {"s0": "meters", "flow": "sensors"}.get(found.role, "")
            if name in self.known.get(section, ()):
                text = (
                    f'"{name}" is also among the {section}, and what this input counts is told as '
                    f"{section[:-1]}/{name} too; give one of them another id"
                )
                yield ("inputs", name), text

    def programs(self) -> Iterator[_Found]:
        """What irrigation and climate programs refer to."""
        for name, program in self.site.programs.items():
            path = ("programs", name)
            if isinstance(program, IrrigationProgram):
                for i, zone in enumerate(program.zones):
                    yield from self._refer((*path, "zones", i, zone.valve), "valves", zone.valve)
            elif isinstance(program, ClimateProgram):
                yield from self._refer((*path, "target"), "switches", program.target)
                for i, when in enumerate(program.when):
                    yield from self._refer((*path, "when", i, "sensor"), "sensors", when.sensor)
                    yield from self._quantity((*path, "when", i, "quantity"), when)

    def _quantity(self, path: Path, when: When) -> Iterator[_Found]:
        sensor = self.site.sensors.get(when.sensor)
        info = self.catalogue.get(sensor.model) if sensor else None
        quantity = when.quantity
        if info and info.quantities and quantity not in info.quantities:
            text = f'{info.name} has no quantity "{quantity}"; {nearest(quantity, info.quantities)}'
            yield path, text


_SECTION_OF = {"light": "lights", "pump": "pumps", "valve": "valves", "switch": "switches"}


def _choose(fit: list[str]) -> str:
    return f"write one of: {', '.join(sorted(fit))}" if fit else "there is none yet; add it first, or remove this line"
