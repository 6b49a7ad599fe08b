"""Mistakes in the site itself, its parts, ports, broker and limits, one at a time: what is right, what is wrong in its place, and what is said."""

from __future__ import annotations

MISTAKES: list[tuple[str, str, list[str]]] = [
    (
        "latitude: 21.35",
        "latitude: 70",
        [
            "1:48 site.latitude: 70 is out of range; write a number from -65.7 to 65.7, in degrees (the sun must rise and"
        ],
    ),
    (
        "latitude: 21.35",
        'latitude: "21.35"',
        ['1:48 site.latitude: "21.35" is text in quotes; write a number from -65.7 to 65.7, in degrees (the sun must'],
    ),
    (
        "latitude: 21.35",
        "latitude: .nan",
        [
            "1:48 site.latitude: nan is not a number to count with; write a number from -65.7 to 65.7, in degrees (the sun"
        ],
    ),
    (
        "latitude: 21.35",
        "latitude: true",
        ["1:48 site.latitude: true is not a number; write a number from -65.7 to 65.7, in degrees (the sun must rise"],
    ),
    (
        "id: tan-binh",
        "id: Tan_Binh",
        ['1:12 site.id: "Tan_Binh" is no id; write 1 to 32 of a-z, 0-9 and -, beginning with a letter or digit,'],
    ),
    (
        "timezone: Asia/Ho_Chi_Minh",
        "timezone: Asia/Hanoi",
        ['1:83 site.timezone: "Asia/Hanoi" is no time zone; write an IANA name such as Asia/Ho_Chi_Minh'],
    ),
    ("language: vi", "language: fr", ['1:111 site.language: "fr" is not possible here; write one of: vi, en']),
    (", language: vi", "", ['1:1 site.language: the key "language" is missing; add language: vi']),
    (
        "parity: none",
        "parity: mark",
        ['3:55 ports.bus.parity: "mark" is not possible here; write one of: none, even, odd'],
    ),
    (
        "baudrate: 9600",
        "baudrate: 9600.5",
        [
            "3:41 ports.bus.baudrate: 9600.5 is not a whole number; write a whole number from 300 to 1000000 (bits a second)"
        ],
    ),
    (
        "baudrate: 9600",
        "baudrate: 19200",
        ["3:41 ports.bus.baudrate: sdm120, soil cannot be set to 19200; write one of: 2400, 4800, 9600"],
    ),
    (
        "parity: none",
        "parity: even",
        ["3:55 ports.bus.parity: soil cannot be set to even; write one of: none"],
    ),
    (
        "parity: none",
        "parity: none, stopbits: 2",
        ["3:71 ports.bus.stopbits: relays-8, sdm120, soil cannot be set to 2; write one of: 1"],
    ),
    (
        "parity: none",
        "parity: none, rts: high",
        ['3:66 ports.bus.rts: "high" is not possible here; write one of: send-high, send-low'],
    ),
    (
        "device: /dev/ttyUSB0, ",
        "",
        ['3:3 ports.bus.device: the key "device" is missing; add device: /dev/serial/by-path/platform-usb-0:1.2:1.0'],
    ),
    (
        "model: sdm120",
        "model: fast-only",
        [
            "3:41 ports.bus.baudrate: fast-only cannot be set to 9600; the models on this port have no baudrate in common, so"
        ],
    ),
    ("sensors:", "sensor:", ['26:1 sensor: unknown key "sensor"; did you mean sensors?']),
    (
        "ports:\n",
        "mqtt: {protocol: 4}\nports:\n",
        ["2:18 mqtt.protocol: 4 is no MQTT version spoken here; write 5 or 3.1.1"],
    ),
    (
        "ports:\n",
        "mqtt: {password_file: x}\nports:\n",
        ["2:23 mqtt.password_file: a password_file without a user; add user: controller, or remove it"],
    ),
    (
        "ports:\n",
        "mqtt: {port: 0}\nports:\n",
        ["2:14 mqtt.port: 0 is out of range; write a whole number from 1 to 65535 (the broker's TCP port)"],
    ),
    (
        "ports:\n",
        "heartbeat: {gpio: 17}\nports:\n",
        [
            "2:19 heartbeat.gpio: GPIO 17 is used twice, here and at lights.road.circuits.a.output.gpio; choose a free line"
        ],
    ),
    (
        "ports:\n",
        "heartbeat: {gpio: 16}\nports:\n",
        ["2:19 heartbeat.gpio: GPIO 16 is used twice, here and at inputs.flow.gpio; choose a free line for one"],
    ),
    (
        "ports:\n",
        "heartbeat: {gpio: 1}\nports:\n",
        ["2:19 heartbeat.gpio: 1 is out of range; write a whole number from 2 to 27 (GPIO by its BCM number; 0 and 1"],
    ),
    (
        "ports:\n",
        "heartbeat: {gpio: 11, active: low}\nports:\n",
        ['2:23 heartbeat.active: unknown key "active"; write one of: gpio'],
    ),
    (
        "ports:\n",
        "heartbeat: 11\nports:\n",
        ["2:12 heartbeat: 11 stands where keys must; write a block of `key: value` lines"],
    ),
    (
        "ports:\n",
        "limits: {switching: {burst: -1, per: 60s}}\nports:\n",
        [
            "2:29 limits.switching.burst: -1 is out of range; write a whole number from 0 to 10000 (changes of one output; 0 for no"
        ],
    ),
    (
        "ports:\n",
        "limits: {switching: {burst: 5, per: 60}}\nports:\n",
        [
            "2:37 limits.switching.per: 60 has no unit; write a duration with its unit from 1s to 1d, for example 10s, 20m, 2h or 1d"
        ],
    ),
]
