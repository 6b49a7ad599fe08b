"""How long thirty days of the example village take in virtual time: `python tests/bench/simulate.py [days]`.

Every device is asked once a minute. The floor does the same number of polls in a bare loop: the question's frame, the
answer's from the meter's values, its checksum, decoding, and a row into SQLite in memory. Times are of the processor,
so that a machine with other work measures the same; days that pass the wall clock's goal (45 s for 30) need an idle one.
"""

from __future__ import annotations

import argparse
import sqlite3
import time
from pathlib import Path

import orjson

from drivers.modbus import check, read_request
from drivers.registers import load_model
from edge.core.site import Site, driven_meters
from edge.shell.app import catalogue
from edge.shell.site_file import load
from simulator.fast import Fast
from simulator.report import DAY_S, Sampler
from simulator.virtual_port import Slaves

NGUYEN_LY = Path(__file__).parents[2] / "config" / "nguyen-ly.yaml"
POLL_S = 60.0
START = 1_767_243_600.0  # 2026-01-01 12:00 in Vietnam


def simulated(site: Site, days: int) -> float:
    """Seconds for the whole village."""
    began = time.process_time()
    fast = Fast(site, catalogue(), START, 1, poll_s=POLL_S)
    Sampler(fast).advance(days * DAY_S)
    took = time.process_time() - began
    fast.close()
    return took


def floor(site: Site, days: int) -> float:
    """Seconds for the polls alone."""
    fast = Fast(site, catalogue(), START, 1)
    meters = driven_meters(site, catalogue())
    lines = {port: Slaves(fast.village.slaves(port)) for port in site.ports}
    models = {name: load_model(meter.model) for name, meter in meters.items()}
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.execute("CREATE TABLE history (sequence INTEGER PRIMARY KEY, at REAL, device TEXT, row BLOB)")
    began = time.process_time()
    for minute in range(round(days * DAY_S / POLL_S)):
        for name, meter in meters.items():
            model = models[name]
            values: dict[str, float] = {}
            for block in model.blocks:
                question = read_request(meter.address, model.function, block.register, block.count)
                values |= model.decode(block, check(question, lines[meter.port].answer(question)))
            row = minute * POLL_S, name, orjson.dumps(values)
            db.execute("INSERT INTO history (at, device, row) VALUES (?, ?, ?)", row)
    took = time.process_time() - began
    fast.close()
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("days", type=int, nargs="?", default=30)
    days = parser.parse_args().days
    site = load(NGUYEN_LY, catalogue())
    least = floor(site, days)
    took = simulated(site, days)
    print(f"simulate-{days}d: {took:.1f} s (ratio {took / least:.2f} to floor {least:.1f} s)")


if __name__ == "__main__":
    main()
