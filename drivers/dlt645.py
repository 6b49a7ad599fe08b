"""DL/T 645-2007, as far as it takes to hear that a meter speaks it in place of Modbus: its address is asked for.

Frame: 68, six bytes of address (binary-coded decimal, last digits first), 68, control, length, data (each byte plus
33), the sum of all that modulo 256, 16. Four bytes FE may go before it to wake the meter. (DL/T 645-2007, chapters 5
and 7: control 13 reads the address of the one meter on the line, which answers with 93.)
"""

from __future__ import annotations

ANYBODY = bytes((0xAA,)) * 6
WAKE = bytes((0xFE,)) * 4
READ_ADDRESS, ADDRESS_READ = 0x13, 0x93
START, END, PLUS = 0x68, 0x16, 0x33
LEAST = 12  # a frame without data


def frame(address: bytes, control: int, data: bytes = b"") -> bytes:
    """A frame with its sum; `address`: six bytes as sent; `data`: at most 200 bytes, not yet raised by 33."""
    body = bytes((START, *address, START, control, len(data))) + bytes((byte + PLUS) % 256 for byte in data)
    return body + bytes((sum(body) % 256, END))


QUESTION = WAKE + frame(ANYBODY, READ_ADDRESS)


def answer(number: int) -> bytes:
    """What the meter of that number (0 to 12 digits) says when asked for its address."""
    address = bytes.fromhex(f"{number:012d}")[::-1]
    return WAKE + frame(address, ADDRESS_READ, address)


def heard(raw: bytes) -> str | None:
    """The number of the meter whose frame is among these bytes, twelve digits; None without a sound frame."""
    for at in range(len(raw) - LEAST + 1):
        if raw[at] != START or raw[at + 7] != START:
            continue
        end = at + LEAST + raw[at + 9]
        if end <= len(raw) and raw[end - 1] == END and sum(raw[at : end - 2]) % 256 == raw[end - 2]:
            return raw[at + 1 : at + 7][::-1].hex()
    return None
