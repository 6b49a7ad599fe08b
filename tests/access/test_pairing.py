"""Letting phones in and putting them out, on a real mosquitto."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from access_bench import GuardedBroker, Phone
from support import until

MakePhone = Callable[..., Phone]
Capsys = pytest.CaptureFixture[str]


def test_a_paired_phone_enters_at_once_and_is_thrown_out_at_once(
    cabinet: GuardedBroker, phone: MakePhone, capsys: Capsys
) -> None:
    bac_tu = cabinet.pair(capsys, "--name", "Bác Tư", "--role", "head")
    assert bac_tu.user == "bac-tu"
    stays = cabinet.pair(capsys, "--name", "Cô Lan", "--role", "viewer")
    first, second = phone(cabinet, bac_tu), phone(cabinet, stays)
    assert not first.refused
    assert not second.refused
    began = time.monotonic()
    assert cabinet.run("unpair", "bac-tu") == 0
    until(lambda: first.out, 60, "the phone to be thrown out")
    print(f"thrown out after {time.monotonic() - began:.3f} s")
    assert not second.out
    until(lambda: phone(cabinet, bac_tu).refused, 5, "a refusal")
