"""Users' names -> ids that may stand in topics."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

LONGEST = 32  # characters of an id


def plain_id(name: str) -> str:
    """`Bác Tư` as `bac-tu`: small letters without their marks, all else as hyphens; empty where nothing is left."""
    bare = unicodedata.normalize("NFKD", name.replace("đ", "d").replace("Đ", "D"))
    letters = "".join(c for c in bare if not unicodedata.combining(c)).lower()
    return _cut(re.sub(r"[^a-z0-9]+", "-", letters).strip("-"), LONGEST)


def joined(first: str, second: str) -> str:
    """`bac-tu` and `nguyen-ly` as `bac-tu-nguyen-ly`; what is too long loses the end of the longer one first."""
    over = len(first) + 1 + len(second) - LONGEST
    if over > 0:
        shorter = min(max(len(first) - over, 8), len(first))
        first = _cut(first, shorter)
        second = _cut(second, LONGEST - 1 - len(first))
    return f"{first}-{second}"


def free_id(wanted: str, taken: Collection[str]) -> str:
    """`wanted`, or the first of `wanted-2`, `wanted-3`, … that is not taken."""
    number, found = 1, wanted
    while found in taken:
        number += 1
        tail = f"-{number}"
        found = _cut(wanted, LONGEST - len(tail)) + tail
    return found


def _cut(text: str, longest: int) -> str:
    return text[:longest].rstrip("-")
