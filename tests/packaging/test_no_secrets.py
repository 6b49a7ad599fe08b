"""No file of the repository holds a private key, a token or a password that is anybody's."""

from __future__ import annotations

import math
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from random import Random
from string import ascii_letters, digits

import pytest

ROOT = Path(__file__).resolve().parents[2]
KINDS = {
    "private key": re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/]{20}"),
    "token of a service": re.compile(r"\b(?:AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|glpat-[\w-]{20}|xox[abprs]-[\w-]{10,}|AIza[\w-]{35})\b"),
    "JSON web token": re.compile(r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"),
    "password in an address": re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s/:@{}<$]+:(?!pass|PASS|secret|token)[^\s/:@{}<$]{6,}@[\w.-]+"),
    "hash of a token": re.compile(r"\$7\$\d+\$[A-Za-z0-9+/]{16}\$[A-Za-z0-9+/]{86}=="),
    "hash of a password": re.compile(r"\$(?:[156y]|2[aby])\$[./A-Za-z0-9$]{20,}"),
}
# `password: …`, `TOKEN = "…"`: what stands there is looked at more closely.
NAMED = re.compile(r"""(?i)\b[\w-]*(?:password|passwd|secret|token|api_?key)["']?\s*[:=]\s*["']?([A-Za-z0-9+/_.=-]{8,})""")
# Files in which whatever looks random is suspect, whatever it is called.
CONFIGURATION = re.compile(r"(?:^config/|^systemd/|^\.ci/|^Makefile$|^docs/.*\.(?:json|yaml)$|\.(?:conf|env|service|timer|toml)$)")
RANDOM = re.compile(r"[A-Za-z0-9+/_-]{20,}={0,2}")
RANDOM_BITS = 3.6  # per character: 22 random characters of 64 have 4.2 on average, words, names and paths about 3.3
HEX_BITS = 2.8  # of 32 hexadecimal digits, which have 3.6
TURNS = 4  # from small to large letters to digits and back: words and names have fewer
# Hashes of packages, in locks; UUIDs that follow from a name.
NO_SECRETS = re.compile(r"sha(?:256|384|512)[:-]\S+|\b[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b")

# What looks like a secret, and opens nothing any more or never did.
KNOWN = {
    "3oyRe52RC4j3-1a3lBCVXg": "README.md: of a demo that has ended, whose broker was of its own",
    "2B4DcB6Qmj3GPjmqq9_5tg": "tests/access/test_codes.py: what its picture says",
}


def bits(text: str) -> float:
    """Bits of information in a character of a text, by how often each occurs in it."""
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())


def is_random(word: str) -> bool:
    """Whether letters and digits of a word stand as by chance, as in no name, path or number."""
    kinds = [0 if c.islower() else 1 if c.isupper() else 2 for c in word if c.isalnum()]
    turns = sum(one != other for one, other in pairwise(kinds))
    least = HEX_BITS if re.fullmatch(r"[0-9a-f]{32,}", word) else RANDOM_BITS
    return len(word) >= 16 and bits(word) >= least and turns >= TURNS and 2 in kinds


def suspects(path: str, text: str) -> Iterator[str]:
    """What looks like a secret in a file."""
    for kind, pattern in KINDS.items():
        for found in pattern.finditer(text):
            yield f"{path}: {kind}: {found[0][:60]!r}"
    for found in NAMED.finditer(text):
        if is_random(found[1]):
            yield f"{path}: after a telling name: {found[0][:80]!r}"
    if CONFIGURATION.search(path):
        for found in RANDOM.finditer(NO_SECRETS.sub("", text)):
            if is_random(found[0]):
                yield f"{path}: looks random: {found[0][:60]!r}"


def tracked() -> list[str]:
    """The files of the repository."""
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("this is no checkout of git")
    return [name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def test_no_tracked_file_holds_a_secret() -> None:
    names = tracked()
    assert len(names) > 500
    found = [s for name in names for s in suspects(name, (ROOT / name).read_bytes().decode("utf-8", "replace"))]
    assert [line for line in found if not any(known in line for known in KNOWN)] == []
    assert [known for known in KNOWN if not any(known in line for line in found)] == [], "no longer there: take it off the list"


def test_no_tracked_file_is_one_that_holds_secrets_by_its_kind() -> None:
    kinds = re.compile(r"(?:\.(?:pem|key|p12|pfx|jks|kdbx|ovpn)|(?:^|/)(?:\.env|id_(?:rsa|ed25519|ecdsa)|passwords|bridge-secret|\.netrc|\.pypirc))$")
    assert [name for name in tracked() if kinds.search(name) or "/secrets/" in name] == []


URLSAFE = ascii_letters + digits + "-_"
PLANTED = {
    "config/x.pem": "-----BEGIN EC PRIVATE KEY-----\n" + "MHcCAQEEIBkg4LVWM9nuwNSk3yByxZpYRTBnVCb",
    "docs/en/x.md": "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a",
    "edge/x.py": 'PASSWORD = "' + 'q7Xc2LmT90aZrVw1"',
    "config/x.yaml": "mqtt:\n  host: broker\n  note: " + "Zk3vQ9x_L0aTf7RrB2mYcw",
    "systemd/x.service": "Environment=WHO=" + "b7f9c2d41e8a4d0c9be35f6a1c27d8e0",
    "docs/mqtt.md": "mqtt://bac-tu:" + "Zk3vQ9xL0aTf7R@thon.example:1883",
    "tests/x.py": "$7$101$" + "a" * 16 + "$" + "b" * 86 + "==",
    "README.md": "token: " + "Zk3vQ9x_L0aTf7RrB2mYcw",
    "edge/web/page/x.js": "const t = '" + "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiJ0aG9uIn0.abcdefghijkl'",
}


@pytest.mark.parametrize("path", PLANTED)
def test_planted_a_secret_is_seen(path: str) -> None:
    assert list(suspects(path, f"a line\n{PLANTED[path]}\nanother\n"))


def test_a_token_is_seldom_missed() -> None:
    dice = Random(1)
    tokens = ["".join(dice.choices(URLSAFE, k=22)) for _ in range(1000)] + ["".join(dice.choices("0123456789abcdef", k=32)) for _ in range(1000)]
    assert sum(map(is_random, tokens)) >= 1950


def test_words_names_and_paths_are_not_taken_for_secrets() -> None:
    text = "password_file: secrets/controller\ntoken: <the token>\nExecStart=/opt/village-edge/current/bin/village-edge run\npassword: two\n"
    assert not list(suspects("systemd/x.service", text))
