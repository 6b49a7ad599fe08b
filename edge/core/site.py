"""The validated village: the whole form of a configuration, as frozen models. Knows nothing of files.

`site_reading.read` turns plain data into a Site and reports every error at once; `Site.model_validate` alone checks the
form but not what the parts say of each other.
"""

from __future__ import annotations

import difflib
import zoneinfo
from collections.abc import Mapping
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, PlainValidator, WithJsonSchema, model_validator

from edge.core.site_base import Block
from edge.core.site_devices import (
    Board,
    BoardOutput,
    Circuit,
    Contact,
    DoorInput,
    Feedback,
    FlowInput,
    GpioOutput,
    HandInput,
    Heartbeat,
    Input,
    LevelInput,
    Light,
    Meter,
    Output,
    PlainInput,
    Port,
    Pump,
    S0Input,
    Sensor,
    Switch,
    Valve,
)
from edge.core.site_nights import DateRange, LunarRange
from edge.core.site_programs import (
    ClimateProgram,
    IrrigationProgram,
    LightProgram,
    Photocell,
    Program,
    Rule,
    SkipWhen,
    StartWhen,
    Step,
    When,
)
from edge.core.site_terms import At, Id, Name, Window, Wrong, Zone, duration, number, shown, text, whole
from edge.core.values import ModelInfo

__all__ = [
    "At", "Board", "BoardOutput", "Circuit", "ClimateProgram", "Contact", "DateRange", "DoorInput", "Feedback",
    "FlowInput", "GpioOutput", "HandInput", "Heartbeat", "History", "Influx", "Input", "IrrigationProgram",
    "LevelInput", "Light", "LightProgram", "Limits", "LunarRange", "Meter", "Mqtt", "Output", "Photocell", "Place",
    "PlainInput", "Port", "Program", "Pump", "Rule", "S0Input", "Sensor", "Site", "SkipWhen", "StartWhen", "Step",
    "Switch", "Switching", "Valve", "When", "Window", "Zone", "driven_meters", "driven_sensors",
]  # fmt: skip

_OLD_ZONES = {"Asia/Saigon": "Asia/Ho_Chi_Minh"}  # browsers still say it, and Debian 13 does not know it


def _read_zone_name(value: object) -> str:
    remedy = "write an IANA name such as Asia/Ho_Chi_Minh"
    if not isinstance(value, str):
        raise Wrong(f"{shown(value)} is no time zone; {remedy}")
    name = _OLD_ZONES.get(value, value)
    try:
        zoneinfo.ZoneInfo(name)
    except (OSError, ValueError, zoneinfo.ZoneInfoNotFoundError):
        near = difflib.get_close_matches(name, zoneinfo.available_timezones(), 1, 0.85)
        raise Wrong(f"{shown(value)} is no time zone; {f'did you mean {near[0]}?' if near else remedy}") from None
    return name


def _read_protocol(value: object) -> str:
    if isinstance(value, int | str) and not isinstance(value, bool) and str(value) in ("5", "3.1.1"):
        return str(value)
    raise Wrong(f"{shown(value)} is no MQTT version spoken here; write 5 or 3.1.1")


class Place(Block):
    """The village: where it lies (degrees, north and east positive), what it is called, and the power (kW) that it may
    draw at once by its contract: pumps wait while lights and other pumps leave no room for them."""

    id: Id
    name: Name
    latitude: Annotated[float, number(-65.7, 65.7, "degrees", "the sun must rise and set every day")]
    longitude: Annotated[float, number(-180, 180, "degrees")]
    timezone: Annotated[
        str, PlainValidator(_read_zone_name), WithJsonSchema({"type": "string", "examples": ["Asia/Ho_Chi_Minh"]})
    ]
    language: Literal["vi", "en"]
    contracted_kw: Annotated[float, number(0.1, 10_000, "kW")] | None = None


class Mqtt(Block):
    """The broker. A relative `password_file` lies under the configuration file's folder. `drain_limit`: rows a second
    at which a backlog of telemetry is sent."""

    host: Annotated[str, text(255)] = "127.0.0.1"
    port: Annotated[int, whole(1, 65535, "the broker's TCP port")] = 1883
    protocol: Annotated[
        Literal["5", "3.1.1"], PlainValidator(_read_protocol), WithJsonSchema({"enum": [5, "5", "3.1.1"]})
    ] = "5"
    user: Id | None = None
    password_file: Annotated[str, text(255)] | None = None
    drain_limit: Annotated[int, whole(0, 1_000_000, "rows a second; 0 for no bound")] = 2000

    @model_validator(mode="after")
    def _password_of_whom(self) -> Mqtt:
        if self.password_file is not None and self.user is None:
            raise Wrong("a password_file without a user; add user: controller, or remove it", path=("password_file",))
        return self


class Switching(Block):
    """At most `burst` changes of one output in `per` seconds; a burst of 0 sets no bound."""

    burst: Annotated[int, whole(0, 10_000, "changes of one output; 0 for no bound")] = 20
    per: Annotated[float, duration("1s", "1d")] = 60.0


class History(Block):
    """What is kept of readings: rows leave it when they are older than `keep`, or when it is larger than `max_mb`;
    `commit`: how long rows wait to be written together."""

    keep: Annotated[float, duration("1d", "7300d")] = 1100 * 86400.0
    max_mb: Annotated[int, whole(50, 100_000, "megabytes on the card")] = 1500
    commit: Annotated[float, duration("1s", "10m")] = 60.0


def _read_url(value: object) -> str:
    remedy = "write the server's address such as http://192.168.1.5:8086"
    if not isinstance(value, str):
        raise Wrong(f"{shown(value)} is no address; {remedy}")
    try:
        found = urlsplit(value)
        whole_ = found.scheme in ("http", "https") and bool(found.hostname) and (found.port or 1) > 0
    except ValueError:
        whole_ = False
    if not whole_ or found.query or found.fragment or found.username or not value.isprintable() or " " in value:
        raise Wrong(f"{shown(value)} is no address of a server; {remedy}, without user, ? or #")
    return value.rstrip("/")


class Influx(Block):
    """An InfluxDB (version 2's interface) that is sent every row. A relative `token_file` lies under the configuration
    file's folder."""

    url: Annotated[
        str, PlainValidator(_read_url), WithJsonSchema({"type": "string", "examples": ["http://192.168.1.5:8086"]})
    ]
    org: Annotated[str, text(64)]
    bucket: Annotated[str, text(64)]
    token_file: Annotated[str, text(255)] | None = None


class Limits(Block):
    """The bounds that stand above every wish."""

    switching: Switching = Switching()


class Site(Block):
    """One village: the place, the broker, the wiring and the programs, each section by id."""

    site: Place
    mqtt: Mqtt = Mqtt()
    limits: Limits = Limits()
    history: History = History()
    influx: Influx | None = None
    heartbeat: Heartbeat | None = None
    ports: dict[Id, Port] = Field(default_factory=dict)
    meters: dict[Id, Meter] = Field(default_factory=dict)
    lights: dict[Id, Light] = Field(default_factory=dict)
    boards: dict[Id, Board] = Field(default_factory=dict)
    inputs: dict[Id, Input] = Field(default_factory=dict)
    pumps: dict[Id, Pump] = Field(default_factory=dict)
    valves: dict[Id, Valve] = Field(default_factory=dict)
    switches: dict[Id, Switch] = Field(default_factory=dict)
    sensors: dict[Id, Sensor] = Field(default_factory=dict)
    programs: dict[Id, Program] = Field(default_factory=dict)

    def outputs(self) -> dict[str, Output]:
        """What each output is wired to: `pump/<id>`, `valve/<id>`, `switch/<id>` and `light/<id>/<circuit>`."""
        sections = (("pump", self.pumps), ("valve", self.valves), ("switch", self.switches))
        found = {f"{kind}/{name}": device.output for kind, section in sections for name, device in section.items()}
        circuits = ((name, key, c) for name, light in self.lights.items() for key, c in light.circuits.items())
        return found | {f"light/{name}/{key}": circuit.output for name, key, circuit in circuits}

    def read_inputs(self) -> dict[str, Contact | LevelInput]:
        """The contacts that are read: `input/<id>`, and `feedback/<light>/<circuit>`."""
        read: dict[str, Contact | LevelInput] = {
            f"input/{name}": found
            for name, found in self.inputs.items()
            if not isinstance(found, FlowInput | S0Input)
        }
        for name, light in self.lights.items():
            for key, circuit in light.circuits.items():
                if circuit.feedback:
                    read[f"feedback/{name}/{key}"] = circuit.feedback
        return read

    def counted_inputs(self) -> dict[str, FlowInput | S0Input]:
        """The contacts whose pulses are counted, by `input/<id>`."""
        return {
            f"input/{name}": found for name, found in self.inputs.items() if isinstance(found, FlowInput | S0Input)
        }

    def not_driven(self, catalogue: Mapping[str, ModelInfo]) -> list[tuple[str, str]]:
        """What is valid but has no effect in this version: (key path, plain text), in the order of the file's form."""
        read = driven_meters(self, catalogue).keys(), driven_sensors(self, catalogue).keys()
        return [
            (f"{section}.{name}", f"{device.model} is not driven yet; nothing reads this {section[:-1]}")
            for section, driven in zip(("meters", "sensors"), read, strict=True)
            for name, device in getattr(self, section).items()
            if name not in driven
        ]


def driven_meters(site: Site, catalogue: Mapping[str, ModelInfo]) -> dict[str, Meter]:
    """The meters of `site` whose model this version can read."""
    return {name: meter for name, meter in site.meters.items() if _driven(meter, catalogue)}


def driven_sensors(site: Site, catalogue: Mapping[str, ModelInfo]) -> dict[str, Sensor]:
    """The sensors of `site` whose model this version can read."""
    return {name: sensor for name, sensor in site.sensors.items() if _driven(sensor, catalogue)}


def _driven(device: Meter | Sensor, catalogue: Mapping[str, ModelInfo]) -> bool:
    info = catalogue.get(device.model)
    return info is not None and info.driven
