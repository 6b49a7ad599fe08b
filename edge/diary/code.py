"""The code that ties a page of the diary to the files that it was made from.

It is the beginning (100 bits) of a SHA-256 over what the page was made from, in Crockford's base32: digits and letters
that are not taken for each other. It says whether the files still say the same; it is no signature, for whoever can
write the files can make another page with a code of its own.
"""

from __future__ import annotations

import hashlib
import json

from edge.diary.gathering import KINDS, Diary
from edge.diary.spelling import ALPHABET, GROUPS, LETTERS, grouped

FORM = 1  # of what is hashed; another form makes other codes
_FIGURES = 6  # decimals: more of a sum are no reading's


def code_of(diary: Diary) -> str:
    """The code, such as 7K2QF-0XW8D-M3N5P-9TRVA."""
    bits = int.from_bytes(hashlib.sha256(canonical(diary)).digest(), "big") >> 256 - GROUPS * LETTERS * 5
    letters = ""
    for _ in range(GROUPS * LETTERS):
        bits, last = divmod(bits, 32)
        letters = ALPHABET[last] + letters
    return grouped(letters)


def canonical(diary: Diary) -> bytes:
    """What is hashed: one JSON array a line. First what the diary is of; then each watering as the journal has it, each
    note, and each day's figures, by kind: how many readings, the least, their sum and the most."""
    lines: list[list[object]] = [
        ["village-edge diary", FORM, diary.site, f"valve/{diary.valve}", str(diary.first), str(diary.last),
         str(diary.zone)]
    ]
    for share in diary.shares:
        zone, run = share
        lines.append([
            "zone", zone.id, zone.valve, _plain(zone.planned_s), _plain(zone.planned_l), _plain(zone.done_s),
            _plain(zone.litres), _plain(zone.started), _plain(zone.ended), zone.outcome, zone.why,
            run.id, run.program, run.user, run.cause, _plain(run.slot), run.outcome, run.why,
        ])
    lines += [["note", _plain(note.at), note.user, note.action, note.text] for note in diary.notes]
    for day in diary.days:
        for kind in KINDS:
            if (found := day.figures.get(kind)) is not None:
                source = diary.sources[kind]
                figures = [found.n, _plain(found.least), _plain(found.total), _plain(found.most)]
                lines.append(["day", str(day.date), kind, source.device, source.quantity, *figures])
    dumped = (json.dumps(line, ensure_ascii=False, separators=(",", ":")) for line in lines)
    return "\n".join(dumped).encode()


def _plain(value: float | None) -> float | None:
    """The same text for the same figure, whether it was kept as a whole number or not."""
    return None if value is None else round(float(value), _FIGURES) + 0.0
