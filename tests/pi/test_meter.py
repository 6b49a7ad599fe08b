"""A meter on the emulated Pi's USB adapter: the guest's own driver and serial layer, a slave of ours at the far end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pi_house import RELEASES, PiHouse

from drivers.registers import load_model
from simulator.slaves import Slave, SlavePort

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
MEASURED = {
    "voltage_v": 231.5, "current_a": 2.25, "power_w": 512.0, "power_factor": 0.75, "frequency_hz": 50.125,
    "energy_kwh": 1234.5, "export_kwh": 0.25, "total_kwh": 1234.75,
}  # fmt: skip - each is a 32-bit float without a remainder
READINGS = 20


@contextmanager
def slave(link: Path, values: dict[str, float]) -> Iterator[None]:
    """An SDM120 at address 1 on a pseudo-terminal, in a thread of its own."""
    ready, ended = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        port = SlavePort(link, [Slave(1, load_model("sdm120"), lambda: values)])
        ready.set()
        await ended.wait()
        port.close()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    yield
    loop.call_soon_threadsafe(ended.set)
    thread.join()
    loop.close()


def test_a_meter_on_the_usb_adapter_is_read_and_published(card: Path, tmp_path: Path) -> None:
    village = PiHouse(tmp_path, card, RELEASES)
    values = dict(MEASURED)
    with slave(tmp_path / "rs485", values), village.powered(serial=(tmp_path / "rs485").resolve()):
        village.start()
        assert village.next_values("cabinet") == MEASURED
        values["energy_kwh"] = 1235.75
        village.next_values("cabinet")  # it may have been under way
        assert village.next_values("cabinet")["energy_kwh"] == 1235.75
        while (told := village.asked("bus")["ports"][0]["devices"][0])["exchanges"] < READINGS:
            village.next_values("cabinet")
        assert told["good"] == told["exchanges"], told
