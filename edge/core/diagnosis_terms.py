"""What the tables of a diagnosis's words are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Language = Literal["vi", "en"]


@dataclass(frozen=True, slots=True)
class Words:
    """What one code says; fields in braces come from the finding's data."""

    vi: str
    en: str
    do_vi: tuple[str, ...] = ()
    do_en: tuple[str, ...] = ()
