"""What the configuration says of each meter whose energy is counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edge.core.energy import Terms
from edge.core.site import S0Input, Site, driven_meters
from edge.core.values import ModelInfo

PULSES_RECORD_S = 60.0


@dataclass(frozen=True, slots=True)
class Metered:
    """One meter: what is known of its counter, the id of its tariff, and the day on which its billing period begins."""

    terms: Terms
    tariff: str | None = None
    billing_day: int = 1


def metered(site: Site, catalogue: Mapping[str, ModelInfo]) -> dict[str, Metered]:
    """Every meter that this version reads, also those that give pulses, by `meter/<id>`."""
    found = {
        f"meter/{name}": Metered(
            Terms(meter.rated_kw, info.counter_step, info.wraps_at, meter.record), meter.tariff, meter.billing_day or 1
        )
        for name, meter in driven_meters(site, catalogue).items()
        if (info := catalogue[meter.model])
    }
    for name, contact in site.counted_inputs().items():
        if isinstance(contact, S0Input):
            terms = Terms(contact.rated_kw, 1 / contact.pulses_per_kwh, None, PULSES_RECORD_S)
            found[f"meter/{name.partition('/')[2]}"] = Metered(terms)
    return found


def terms_of(site: Site, catalogue: Mapping[str, ModelInfo]) -> dict[str, Terms]:
    """What is known of each meter's counter, by `meter/<id>`."""
    return {device: meter.terms for device, meter in metered(site, catalogue).items()}
