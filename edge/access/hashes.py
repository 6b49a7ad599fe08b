"""Tokens, and their hashes as mosquitto keeps them: `$7$<iterations>$<salt>$<hash>`, PBKDF2-HMAC-SHA512.

mosquitto 2.0, src/password_mosq.c and apps/mosquitto_passwd: a salt of 12 bytes, 64 bytes of hash, both in base64. Few
iterations are enough: there is no guessing 128 random bits, and each connecting phone costs the broker one hash.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets

ITERATIONS = 101  # mosquitto_passwd's own
TOKEN_BYTES = 16
HASH = re.compile(r"\$7\$([1-9][0-9]{0,6})\$([A-Za-z0-9+/]+={0,2})\$([A-Za-z0-9+/]+={0,2})")


def new_token() -> str:
    """128 random bits, as 22 characters that stand in an address as they are."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def hashed(token: str) -> str:
    """What a file of passwords holds for this token; another at each call, for the salt is new."""
    salt = secrets.token_bytes(12)
    return f"$7${ITERATIONS}${_text(salt)}${_text(_digest(token, salt, ITERATIONS))}"


def fits(token: str, known: str) -> bool:
    """Whether `known` is a hash of this token."""
    found = HASH.fullmatch(known)
    if found is None:
        return False
    try:
        salt, digest = base64.b64decode(found[2], validate=True), base64.b64decode(found[3], validate=True)
    except binascii.Error:
        return False
    return hmac.compare_digest(_digest(token, salt, int(found[1])), digest)


def _digest(token: str, salt: bytes, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha512", token.encode("utf-8"), salt, iterations)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")
