"""DIR/safe.json: all that is known of a village once its configuration cannot be trusted, or nobody is left to read it.

A daemon writes it at each valid configuration. `village-edge safe` drives by it, and safe mode answers by it. It holds
no secret: of the broker's password only where it lies.

    {"version": 3,
     "outputs": [
      {"output": "light/main-road/a", "safe": "hold", "watts": 480.0, "group": "meter/cabinet-1", "restrike": 60.0,
       "gpio": 17, "active_low": true},
      {"output": "light/lanes/a", "safe": "off", …, "port": "rs485", "device": "/dev/serial/by-path/…",
       "baudrate": 9600, "parity": "none", "stopbits": 1, "rts": null, "address": 10, "coil": 0}, …],
     "village": {"site": {"id": "nguyen-ly", …}, "devices": […], "tariff": …},
     "broker": {"host": "127.0.0.1", "port": 1883, "protocol": "5", "user": null, "password_file": null}}

`site`, `devices` and `tariff` are those of `<root>/about`. Version 1 had outputs on GPIO lines only, version 2 neither
village nor broker; both are read as well.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edge.shell.files import replace_file

FILE = "safe.json"
VERSION = 3
READABLE = (1, 2, VERSION)
NEVER_ON = ("pump", "valve", "switch")  # kinds of outputs that go off, whatever the file says

Entry = Mapping[str, Any]


class NoSafeFile(Exception):
    """There is no safe.json that can be read; the text names the remedy."""


def safe_entries(site: Any) -> list[dict[str, Any]]:
    """What `save` keeps of a validated site: its outputs, those that can do most harm first.

    Pumps stop before valves close on them; valves, pumps and switches go off, lights do what their `safe` says.
    """
    entries = []
    for kind, section in (("pump", site.pumps), ("valve", site.valves), ("switch", site.switches)):
        for name, device in section.items():
            entries.append({"output": f"{kind}/{name}", "safe": "off"} | _wiring(site, device.output))
    for name, light in site.lights.items():
        group = f"meter/{light.meter}" if light.meter else f"light/{name}"
        for key, circuit in light.circuits.items():
            of_lights = {"watts": circuit.lamps * circuit.lamp_w, "group": group, "restrike": light.restrike}
            entry = {"output": f"light/{name}/{key}", "safe": light.safe} | of_lights
            entries.append(entry | _wiring(site, circuit.output))
    return entries


def _wiring(site: Any, wiring: Any) -> dict[str, Any]:
    if hasattr(wiring, "gpio"):
        return {"gpio": wiring.gpio, "active_low": wiring.active == "low"}
    board = site.boards[wiring.board]
    port = site.ports[board.port]
    return {
        "port": board.port, "device": port.device, "baudrate": port.baudrate, "parity": port.parity,
        "stopbits": port.stopbits, "rts": port.rts, "address": board.address, "coil": wiring.coil,
    }  # fmt: skip


def save(path: Path, entries: Sequence[Entry], more: Mapping[str, Any] | None = None) -> None:
    """Put `entries` into the file in place of those before, whole or not at all, also over a power cut; `more` has
    `village` and `broker`.

    Raises OSError.
    """
    text = json.dumps({"version": VERSION, "outputs": list(entries), **(more or {})}, indent=1, ensure_ascii=False)
    replace_file(path, (text + "\n").encode("utf-8", "replace"))


def content(path: Path) -> dict[str, Any]:
    """The file: its `outputs`, a list not yet judged one by one, and with version 3 `village` and `broker`. Raises
    NoSafeFile."""
    remedy = "it is written when `village-edge run` starts with a valid configuration; --state names its directory"
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as e:
        raise NoSafeFile(f"{path} cannot be read ({e}): {remedy}") from e
    known = isinstance(found, dict) and found.get("version") in READABLE
    if not known or not isinstance(found.get("outputs"), list):
        raise NoSafeFile(f"{path} is of no version that can be read ({' or '.join(map(str, READABLE))}): {remedy}")
    return dict(found)


def load(path: Path) -> list[Any]:
    """The entries of the file. Raises NoSafeFile."""
    outputs: list[Any] = content(path)["outputs"]
    return outputs
