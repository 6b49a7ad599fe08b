"""The doctor's round: asks a port's devices, and of those that cannot be read whatever may explain it.

What it comes to is judged in edge/core/diagnosis.py; how a question is put is the probe's, which app.py provides.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from edge.core.diagnosis import Device, PortSeen, Seen, Stranger, guess, rivals, settings, unexplained
from edge.core.site import Site
from edge.core.values import Heard, Look, ModelInfo, Setting, Taken

SLOW_S = 4.0  # an answer that comes later is none
TRY_S = 0.3  # at a setting that is only tried
QUESTION_BITS = 17 * 11  # a question of eight bytes, and as much for an answer's beginning
SWEEP_S = 0.15  # devices think 20 to 100 ms
LOOK_S = 0.5
SAMPLE = 3
NEAR = range(1, 33)  # where people put addresses; the others are for --scan
DLT645_AT = (Setting(2400, "even", 1), Setting(9600, "none", 1), Setting(9600, "even", 1), Setting(2400, "none", 1))


class Probe(Protocol):
    """A serial port as drivers.probing.Probe is. Every method that asks raises `gone` when the port cannot be used."""

    setting: Setting
    gone: type[Exception]

    def why(self, error: Exception) -> str:
        """Why the port cannot be used: `busy`, `missing`, `forbidden`, else in the error's words."""

    def tune(self, setting: Setting) -> None:
        """Ask at this setting from now on."""

    def close(self) -> None:
        """Let go of the port."""

    def ask(self, request: bytes, timeout_s: float, *, rest_s: float = ...) -> Heard:
        """One question; after anything but a sound answer the line rests."""

    def ask_dlt645(self, timeout_s: float) -> Heard:
        """Ask whoever speaks DL/T 645 for its number."""

    def somebody(self, address: int, timeout_s: float, functions: Sequence[int] = ...) -> Heard:
        """Whether anything is at this address."""

    def shortest(self, address: int, model: str) -> bytes:
        """The shortest question that a device of this model surely answers."""

    def read(self, device: str, address: int, model: str) -> Taken:
        """One reading of a device as the controller takes it."""

    def look(self, address: int, model: str, timeout_s: float) -> Look:
        """What the device at `address` says when it is asked as this model is."""

    def factors(self, address: int, model: str, timeout_s: float) -> Mapping[str, float]:
        """What a device multiplies its figures with, such as the ratio of its current transformers."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What is known of models: all of them, and where those that can be told apart have their telling quantities."""

    models: Mapping[str, ModelInfo]
    families: Mapping[str, Collection[tuple[int, int]]]

    @property
    def driven(self) -> list[str]:
        """The models that can be read."""
        return [name for name, info in self.models.items() if info.driven]


@dataclass(frozen=True, slots=True)
class Scan:
    """Which addresses to look at, at which settings, asked by which functions until something comes."""

    addresses: Sequence[int]
    settings: Sequence[Setting]
    functions: Sequence[int] = (4, 3, 1)


def devices_on(site: Site, port: str) -> list[Device]:
    """The configured devices of a serial port, in the order of the configuration."""
    found = [
        Device(f"meter/{name}", meter.model, meter.address, meter.rated_kw)
        for name, meter in site.meters.items()
        if meter.port == port
    ]
    for kind, section in (("sensor", site.sensors), ("board", site.boards)):
        found += [Device(f"{kind}/{n}", d.model, d.address) for n, d in section.items() if d.port == port]
    return found


def speeds_of(devices: Sequence[Device], catalogue: Catalogue, setting: Setting) -> list[Setting]:
    """The settings that the models of a port's devices can have, its own first; without devices, any model's."""
    models = {device.model for device in devices} or set(catalogue.driven)
    speeds = {baudrate for model in models for baudrate in catalogue.models[model].baudrates} - {setting.baudrate}
    return [setting, *(replace(setting, baudrate=baudrate) for baudrate in sorted(speeds))]


def scan_s(scan: Scan) -> float:
    """How long a scan takes at least: three questions to each address that nobody has."""
    wire_s = sum(QUESTION_BITS / setting.baudrate for setting in scan.settings)
    return 3 * len(scan.addresses) * (len(scan.settings) * SWEEP_S + wire_s)


Progress = Callable[[str, int, int], None]  # what is being done, how much of it is done, of how much


def quiet(_what: str, _done: int, _of: int) -> None:
    """Tell nobody."""


class Doctor:
    """Examines one port. `progress` is told what is being done."""

    def __init__(self, name: str, path: str, probe: Probe, catalogue: Catalogue, progress: Progress = quiet) -> None:
        self._name = name
        self._path = path
        self._probe = probe
        self.catalogue = catalogue
        self._progress = progress
        self.setting = probe.setting

    def examine(self, devices: Sequence[Device], scan: Scan | None = None) -> PortSeen:
        """Everything heard of these devices; the port's trouble, where it cannot be used. Writes nothing."""
        try:
            return self._examine(devices, scan)
        except self._probe.gone as error:
            return PortSeen(self._name, self._path, self.setting, gone=self._probe.why(error))
        finally:
            self._probe.close()

    def _examine(self, devices: Sequence[Device], scan: Scan | None) -> PortSeen:
        seen = [self._read(device, i, len(devices)) for i, device in enumerate(devices)]
        if not any(s.taken for s in seen):
            self._probe.somebody(1, SWEEP_S)  # nothing was asked: is the port there at all?
        seen = [self._look(s) for s in seen]
        seen = self._wait(seen)
        seen = self._other_settings(seen)
        strangers = [] if scan is None else self._scan(scan, seen)
        seen, found = self._other_addresses(seen, strangers)
        dlt645 = self._dlt645() if unexplained(seen) else None
        return PortSeen(self._name, self._path, self.setting, seen, found, dlt645)

    def _read(self, device: Device, i: int, count: int) -> Seen:
        self._progress(device.name, i, count)
        info = self.catalogue.models[device.model]
        if not info.driven:
            return Seen(device)
        return Seen(device, self._probe.read(device.name, device.address, device.model))

    def _look(self, seen: Seen) -> Seen:
        """As which other models it makes sense; of one that is read, only those it could be taken for."""
        device = seen.device
        if seen.sensible:
            others = rivals(device.model, self.catalogue.families)
        elif seen.state in ("read", "impossible", "refusing"):
            others = [name for name in self.catalogue.driven if name != device.model]
        else:
            return seen
        looks = self._looks(device.address, [device.model, *others]) if others else []
        factors = self._probe.factors(device.address, device.model, LOOK_S) if seen.state == "read" else {}
        return replace(seen, looks=looks, factors=factors)

    def _looks(self, address: int, models: Sequence[str]) -> list[Look]:
        looks = []
        for i, model in enumerate(models):
            self._progress(f"{address}: {model}?", i, len(models))
            looks.append(self._probe.look(address, model, LOOK_S))
        return looks

    def _wait(self, seen: list[Seen]) -> list[Seen]:
        """Give the silent ones time: is anything slow?"""
        silent = {s.device.name for s in self._asked_at_length(seen) if s.state == "silent"}
        return [self._waited(s) if s.device.name in silent else s for s in seen]

    def _waited(self, seen: Seen) -> Seen:
        self._progress(seen.device.name, 0, 1)
        heard = self._probe.ask(self._probe.shortest(seen.device.address, seen.device.model), SLOW_S)
        return replace(seen, slow_s=heard.after_s) if heard.kind in ("answer", "refused") else seen

    def _other_settings(self, seen: list[Seen]) -> list[Seen]:
        """Look for the unexplained ones at every other setting of their models; one that was found is tried first."""
        at_length = {s.device.name for s in self._asked_at_length(seen)}
        found: dict[str, Setting] = {}
        for s in unexplained(seen):
            tries = settings(self.catalogue.models[s.device.model], self.setting)
            likely = [setting for setting in tries if setting in found.values()]
            others = [setting for setting in tries if setting not in likely]
            setting = self._setting_of(s.device, likely + (others if s.device.name in at_length else []))
            if setting is not None:
                found[s.device.name] = setting
        self._probe.tune(self.setting)
        return [replace(s, setting=found.get(s.device.name)) for s in seen]

    def _asked_at_length(self, seen: Sequence[Seen]) -> list[Seen]:
        """The unexplained ones that everything is tried with: where nobody answers, some stand for all."""
        lost = unexplained(seen)
        return lost if any(s.sound for s in seen) else lost[:SAMPLE]

    def _setting_of(self, device: Device, tries: Sequence[Setting]) -> Setting | None:
        for i, setting in enumerate(tries):
            self._progress(f"{device.name}: {setting}", i, len(tries))
            if self._answers(setting, self._probe.shortest(device.address, device.model)):
                return setting
        return None

    def _answers(self, setting: Setting, request: bytes) -> bool:
        """Whether something sound comes at this setting, twice: once may be a late answer. Impossible settings: no."""
        try:
            self._probe.tune(setting)
            return all(self._probe.ask(request, TRY_S, rest_s=0.0).kind in ("answer", "refused") for _ in range(2))
        except self._probe.gone:  # pseudo-terminals and some adapters refuse a parity or a speed
            return False

    def _other_addresses(self, seen: list[Seen], strangers: list[Stranger]) -> tuple[list[Seen], list[Stranger]]:
        """Who of the unexplained ones is at an address that nobody configured?"""
        lost = unexplained(seen)
        if not lost:
            return seen, strangers
        taken = {s.device.address for s in seen}
        functions = sorted({self._probe.shortest(1, s.device.model)[1] for s in lost}, reverse=True)
        near = Scan([a for a in NEAR if a not in taken], [self.setting], functions)
        there = strangers or self._scan(near, seen)
        free = [t for t in there if t.address not in taken and t.setting == self.setting]
        found: dict[str, int] = {}
        for s in lost:
            own = next((t for t in free if s.device.model in t.models), None)
            if own is not None:
                free.remove(own)
                found[s.device.name] = own.address
        return [replace(s, address=found.get(s.device.name)) for s in seen], there

    def _scan(self, scan: Scan, seen: Sequence[Seen]) -> list[Stranger]:
        """What answers at these addresses, with a guess of what it is; configured devices that were heard are known."""
        known = {(s.device.address, self.setting): s.device.model for s in seen if s.sound}
        count = len(scan.addresses) * len(scan.settings)
        found = []
        for i, setting in enumerate(scan.settings):
            try:
                self._probe.tune(setting)
                for j, address in enumerate(scan.addresses):
                    self._progress(f"{setting}: {address}", i * len(scan.addresses) + j, count)
                    model = known.get((address, setting))
                    if model is not None:
                        found.append(Stranger(address, setting, (model,)))
                    elif self._probe.somebody(address, SWEEP_S, scan.functions).kind in ("answer", "refused"):
                        found.append(self._stranger(address, setting, seen))
            except self._probe.gone:
                continue
        self._probe.tune(self.setting)
        return found

    def _stranger(self, address: int, setting: Setting, seen: Sequence[Seen]) -> Stranger:
        """What it is; where nothing tells, the model that is missing on this port."""
        likely = [s.device.model for s in seen if s.state == "silent"]
        models = sorted(self.catalogue.driven, key=lambda name: name not in likely)
        return Stranger(address, setting, guess(self._looks(address, models), likely[0] if likely else None))

    def _dlt645(self) -> tuple[str, Setting] | None:
        """The number and setting of a meter that speaks DL/T 645."""
        for i, setting in enumerate((self.setting, *DLT645_AT)):
            self._progress(f"DL/T 645: {setting}", i, 1 + len(DLT645_AT))
            try:
                self._probe.tune(setting)
                heard = self._probe.ask_dlt645(LOOK_S)
            except self._probe.gone:
                continue
            finally:
                self._probe.tune(self.setting)
            if heard.kind == "dlt645":
                return heard.data.decode(), setting
        return None
