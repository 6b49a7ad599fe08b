"""The devices of a village that measure: meters, sensors, and the contacts whose pulses are counted."""

from __future__ import annotations

from collections.abc import Mapping

from edge.core import topics
from edge.core.meter_unit import MeterUnit
from edge.core.pulse_unit import Counting, PulseUnit, counting
from edge.core.reading_unit import ReadingUnit, silent_after
from edge.core.recorder import Recorder
from edge.core.site import Meter, Sensor, Site, driven_meters, driven_sensors
from edge.core.tariffs import CURRENCY
from edge.core.values import ModelInfo, Row

Rows = Mapping[str, Row]


def meters(
    site: Site, catalogue: Mapping[str, ModelInfo], kept: Rows, names: topics.Topics, used: int = 0
) -> list[MeterUnit]:
    """The meters that this version reads. `kept`: the journal's table of them. `used`: no life up to it is begun."""
    return [
        _meter(f"meter/{name}", meter, catalogue[meter.model], kept, names, used)
        for name, meter in driven_meters(site, catalogue).items()
    ]


def others(
    site: Site, catalogue: Mapping[str, ModelInfo], pulses: Rows, names: topics.Topics, look_every_s: float
) -> list[ReadingUnit]:
    """The sensors that this version reads, and what counts pulses, looked at every `look_every_s` seconds.

    `pulses`: the journal's table of these.
    """
    found: list[ReadingUnit] = [
        ReadingUnit(
            f"sensor/{name}", catalogue[sensor.model].quantities, sensor.stale, names, Recorder(sensor.record)
        )
        for name, sensor in driven_sensors(site, catalogue).items()
    ]
    silent_s = silent_after(look_every_s)
    countings = _countings(site)
    return found + [PulseUnit(name, means, pulses.get(name), names, silent_s) for name, means in countings.items()]


def called(site: Site) -> dict[str, str]:
    """What people call each of them, by `<kind>/<id>`, also those that this version does not read."""
    found = {f"meter/{name}": meter.name for name, meter in site.meters.items()}
    found |= {f"sensor/{name}": sensor.name for name, sensor in site.sensors.items()}
    return found | {means.device: means.name for means in _countings(site).values()}


def quantities(site: Site, catalogue: Mapping[str, ModelInfo]) -> dict[str, Mapping[str, str]]:
    """What each that is read measures, by `<kind>/<id>`: the quantities and their units."""
    polled: dict[str, Meter | Sensor] = {f"meter/{i}": meter for i, meter in driven_meters(site, catalogue).items()}
    polled |= {f"sensor/{i}": sensor for i, sensor in driven_sensors(site, catalogue).items()}
    found = {name: catalogue[device.model].quantities for name, device in polled.items()}
    for means in _countings(site).values():
        found[means.device] = dict(zip((means.total, means.rate), means.units, strict=True))
    return found


def about(site: Site, catalogue: Mapping[str, ModelInfo]) -> list[dict[str, object]]:
    """What `<root>/about` says of each that is read."""
    found = []
    for name, meter in driven_meters(site, catalogue).items():
        paid = {"tariff": meter.tariff, "billing_day": meter.billing_day}
        found.append(_about_polled("meter", name, meter, catalogue) | paid)
    for name, sensor in driven_sensors(site, catalogue).items():
        found.append(_about_polled("sensor", name, sensor, catalogue) | {"area": sensor.area})
    for name, means in _countings(site).items():
        kind, _, device = means.device.partition("/")
        model = site.counted_inputs()[name].role
        entry = _entry(kind, device, means.name, model, dict(zip((means.total, means.rate), means.units, strict=True)))
        found.append(entry | ({"area": means.area} if kind == "sensor" else {"tariff": None, "billing_day": None}))
    return found


def tariff(site: Site, catalogue: Mapping[str, ModelInfo]) -> dict[str, object] | None:
    """What `<root>/about` says of the village's tariff: that of the first meter that has one."""
    named = (meter.tariff for meter in driven_meters(site, catalogue).values() if meter.tariff is not None)
    first = next(named, None)
    return None if first is None else {"id": first, "currency": CURRENCY}


def _meter(target: str, meter: Meter, info: ModelInfo, kept: Rows, names: topics.Topics, used: int) -> MeterUnit:
    return MeterUnit(
        target, info.quantities, silent_after(meter.poll), meter.rated_kw, kept.get(target), names,
        Recorder(meter.record, meter.dead_band_w), info.counter_step, info.wraps_at, used,
    )


def _countings(site: Site) -> dict[str, Counting]:
    """What the pulses of each counting contact mean, by `input/<id>`."""
    return {name: counting(name.partition("/")[2], found) for name, found in site.counted_inputs().items()}


def _about_polled(
    kind: str, name: str, device: Meter | Sensor, catalogue: Mapping[str, ModelInfo]
) -> dict[str, object]:
    return _entry(kind, name, device.name, device.model, catalogue[device.model].quantities)


def _entry(kind: str, name: str, called_: str, model: str, quantities: Mapping[str, str]) -> dict[str, object]:
    listed = [{"name": quantity, "unit": unit} for quantity, unit in quantities.items()]
    return {"id": name, "kind": kind, "name": called_, "model": model, "quantities": listed}
