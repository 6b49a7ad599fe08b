"""What becomes of a consumer's rows on their way over a link that may lose, cut, refuse and delay. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class StoredRow(NamedTuple):
    """One device's reading as the history keeps it. `at_ms`: Unix ms when it was read. `quality`: 0 good, 1 suspect."""

    sequence: int
    at_ms: int
    device: str
    values: Mapping[str, float]
    quality: int
    life: int
