"""How the code of a diary is written, and read from what a person typed off a page."""

from __future__ import annotations

import argparse

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base32
GROUPS, LETTERS = 4, 5
_LOOKS_LIKE = str.maketrans("OIL", "011")


def code(text: str) -> str:
    """A code as typed: small letters, blanks and other hyphens are as good, and O, I and L are read as 0 and 1."""
    letters = "".join(text.upper().split()).replace("-", "").translate(_LOOKS_LIKE)
    if len(letters) != GROUPS * LETTERS or not set(letters) <= set(ALPHABET):
        form = "-".join(["XXXXX"] * GROUPS)
        raise argparse.ArgumentTypeError(f"{text!r} is no code of a diary: write it as on the page, {form}")
    return grouped(letters)


def grouped(letters: str) -> str:
    """The letters in groups, with hyphens between."""
    return "-".join(letters[n : n + LETTERS] for n in range(0, len(letters), LETTERS))
