"""Telling a meter another address or speed: the only writes to meters that there are.

Eastron SDM: holding registers of two words, a 32-bit float each, written with function 16, one at a time: 0014 the
address, 001C the speed as a code. A meter takes them only in its set mode. (SDM120, SDM230, SDM72 and SDM630 manuals,
"Holding registers"; the frame for 9600 baud, `01 10 00 1C 00 02 04 40 00 00 00 E7 36`, is the one people use.)
PZEM-004T v3, PZEM-014, PZEM-016: function 06 to register 0002, the address; the speed is fixed. (Peacefair's manual,
2.5.)
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from drivers.modbus import sealed

WRITE_ONE, WRITE_MANY = 6, 16
SDM_ADDRESS, SDM_SPEED = 0x0014, 0x001C
PZEM_ADDRESS = 0x0002
_ONE_PHASE = {1200: 5, 2400: 0, 4800: 1, 9600: 2}
_THREE_PHASES = {2400: 0, 4800: 1, 9600: 2, 19200: 3, 38400: 4}


@dataclass(frozen=True, slots=True)
class Settable:
    """How a family of models is set: `speeds` it can be told (baud -> code; none: fixed), and the highest address."""

    family: str
    highest: int
    speeds: Mapping[int, int]


_FAMILIES = {
    "sdm120": Settable("sdm", 247, _ONE_PHASE),
    "sdm220": Settable("sdm", 247, _ONE_PHASE),
    "sdm230": Settable("sdm", 247, _ONE_PHASE),
    "sdm72": Settable("sdm", 247, _THREE_PHASES),
    "sdm630": Settable("sdm", 247, _THREE_PHASES),
    "pzem": Settable("pzem", 247, {}),
}


def settable(model: str) -> Settable | None:
    """How a model is set; None for one that this program does not set."""
    return next((found for start, found in _FAMILIES.items() if model.startswith(start)), None)


def address_request(how: Settable, old: int, new: int) -> bytes:
    """The question that gives the device at `old` the address `new`. Raises ValueError outside 1..`highest`."""
    if not (1 <= old <= how.highest and 1 <= new <= how.highest):
        raise ValueError(f"addresses go from 1 to {how.highest}")
    if how.family == "pzem":
        return sealed(struct.pack(">BBHH", old, WRITE_ONE, PZEM_ADDRESS, new))
    return _float_request(old, SDM_ADDRESS, float(new))


def speed_request(how: Settable, address: int, baudrate: int) -> bytes:
    """The question that sets the speed of the device at `address`. Raises ValueError for a speed it cannot have."""
    if baudrate not in how.speeds:
        speeds = ", ".join(map(str, sorted(how.speeds)))
        remedy = f"write one of {speeds}" if speeds else "its speed is fixed"
        raise ValueError(f"it cannot be set to {baudrate} baud; {remedy}")
    return _float_request(address, SDM_SPEED, float(how.speeds[baudrate]))


def confirmation(request: bytes) -> bytes:
    """The answer that confirms such a question: for function 6 the question itself, for 16 its first six bytes."""
    return request if request[1] == WRITE_ONE else sealed(request[:6])


def _float_request(slave: int, register: int, value: float) -> bytes:
    return sealed(struct.pack(">BBHHBf", slave, WRITE_MANY, register, 2, 4, value))
