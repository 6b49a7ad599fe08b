"""A village as a panel of MQTT Dash, a simple phone app: the form of the list that the app takes on `metrics/exchange`.

The form was read off panels that people have published; the app describes it nowhere.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence

EXCHANGE = "metrics/exchange"  # the topic on which the app waits for a panel
AMBER, BLUE, GREEN, RED, GREY, WHITE = -16384, -12544769, -8271996, -1754827, -8355712, -1
TEXT, SWITCH, RANGE = 1, 2, 3
SHOWN = ("power_w", "energy_kwh", "moisture_pct", "temperature_c", "humidity_pct", "illuminance_lux", "flow_l_min")


def metrics(site: str, devices: Sequence[Mapping[str, object]], user: str) -> list[dict[str, object]]:
    """The tiles of the village `site`, switched in the name of `user`; `devices` are those of `<root>/about`.

    A tile shows what is observed, never what it has sent. A valve has one tile to see and two to tap, for what is seen
    of it (`CLOSED`) is another word than what is asked of it (`CLOSE`).
    """
    root = f"village/{site}"
    tiles = [_text("Tủ điều khiển", f"{root}/status")]
    for device in devices:
        tiles += _of(device, f"{root}/{device['kind']}/{device['id']}", user)
    if any(device["kind"] == "valve" for device in devices):
        tiles.append(_button("DỪNG TƯỚI TẤT CẢ", f"{root}/ask/{user}/stop-water", "{}", RED))
    return [tile | {"longId": number} for number, tile in enumerate(tiles, start=1)]


def _of(device: Mapping[str, object], at: str, user: str) -> Iterator[dict[str, object]]:
    name, to = str(device["name"]), f"{at}/set/{user}"
    match device["kind"]:
        case "light":
            yield _switch(name, at, to, AMBER, "ic_bulb")
            levels = device.get("levels")
            if isinstance(levels, list) and len(levels) > 2:
                yield _level(f"{name}: mức sáng", f"{at}/value/level", to)
            yield _button(f"{name}: tự động", to, "AUTO", WHITE)
        case "switch":
            yield _switch(name, at, to, BLUE, "ic_propeller")
            yield _button(f"{name}: tự động", to, "AUTO", WHITE)
        case "valve":
            yield _text(name, f"{at}/value")
            yield _button(f"{name}: tưới", to, "OPEN", BLUE)
            yield _button(f"{name}: dừng", to, "CLOSE", GREY)
        case "pump":
            yield _text(name, f"{at}/value")
            yield _button(f"{name}: dừng", to, "OFF", GREY)
        case "meter" | "sensor":
            yield from _figures(name, at, device)


def _figures(name: str, at: str, device: Mapping[str, object]) -> Iterator[dict[str, object]]:
    quantities = device["quantities"]
    assert isinstance(quantities, list)
    units = {str(each["name"]): str(each["unit"]) for each in quantities}
    for quantity in SHOWN:
        if quantity in units:
            yield _text(name, f"{at}/value/{quantity}", f" {units[quantity]}")


def _text(name: str, topic: str, unit: str = "") -> dict[str, object]:
    shown = {"mainTextSize": "LARGE", "prefix": "", "postfix": unit, "textColor": WHITE}
    return _tile(TEXT, name, topic, "") | shown


def _switch(name: str, at: str, to: str, colour: int, icon: str) -> dict[str, object]:
    looks = {"iconOn": icon, "iconOff": icon, "onColor": colour, "offColor": GREY}
    return _tile(SWITCH, name, f"{at}/value", to) | looks | {"payloadOn": "ON", "payloadOff": "OFF"}


def _button(name: str, to: str, payload: str, colour: int) -> dict[str, object]:
    """Tapped, it sends one and the same; it shows nothing of its own."""
    looks = {"iconOn": "ic_radio", "iconOff": "ic_radio", "onColor": colour, "offColor": colour}
    says = {"payloadOn": payload, "payloadOff": payload, "enableIntermediateState": False}
    return _tile(SWITCH, name, "", to) | looks | says


def _level(name: str, topic: str, to: str) -> dict[str, object]:
    bounds = {"minValue": 0.0, "maxValue": 100.0, "decimalPrecision": 0, "displayPayloadValue": True}
    return _tile(RANGE, name, topic, to) | bounds | {"prefix": "", "postfix": " %", "progressColor": AMBER}


def _tile(kind: int, name: str, topic: str, to: str) -> dict[str, object]:
    """What all tiles have. Nothing is published retained; a tile follows `topic` alone (`updateLastPayloadOnPub`)."""
    return {
        "type": kind, "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{name} {topic} {to}")), "name": name, "topic": topic,
        "topicPub": to, "enablePub": bool(to), "qos": 1, "retained": False, "updateLastPayloadOnPub": False,
        "enableIntermediateState": True, "enteredIntermediateStateAt": 0, "intermediateStateTimeout": 0,
        "jsonPath": "", "jsOnReceive": "", "jsOnDisplay": "", "jsOnTap": "", "jsBlinkExpression": "",
        "lastPayload": "", "lastActivity": 0,
    }
