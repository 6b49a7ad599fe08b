"""Mistakes in meters, sensors, boards and inputs, one at a time: what is right, what is wrong in its place, and what is said."""

from __future__ import annotations

MISTAKES: list[tuple[str, str, list[str]]] = [
    ("model: sdm120", "model: sdm12o", ['5:30 meters.m1.model: "sdm12o" is no known model; did you mean sdm120?']),
    (
        "model: sdm120",
        "model: relays-8",
        ['5:30 meters.m1.model: "relays-8" is a board, not a meter; write one of: fast-only, pzem016, sdm120, sdm630'],
    ),
    (
        "port: bus, address: 1,",
        "port: bsu, address: 1,",
        ['5:44 meters.m1.port: "bsu" is not among the ports; did you mean bus?'],
    ),
    (
        "address: 1,",
        "address: 248,",
        [
            "5:58 meters.m1.address: 248 is out of range; write a whole number from 1 to 247 (the device's Modbus address)"
        ],
    ),
    (
        "address: 1,",
        "address: 21,",
        [
            "27:52 sensors.s1.address: address 21 on port bus is used twice, here and at meters.m1; give one of the devices"
        ],
    ),
    (
        "poll: 10s",
        "poll: 10",
        [
            "5:67 meters.m1.poll: 10 has no unit; write a duration with its unit from 1s to 1h, for example 10s, 20m, 2h or 1d"
        ],
    ),
    (
        "poll: 10s",
        "poll: 2m",
        [
            "5:79 meters.m1.record: record (1m) is shorter than poll (2m), and nothing new would be there to record; write"
        ],
    ),
    (
        "poll: 10s",
        "poll: 2h",
        [
            '5:67 meters.m1.poll: "2h" is out of range; write a duration with its unit from 1s to 1h, for example 10s, 20m,'
        ],
    ),
    (
        "poll: 10s",
        "poll: ten seconds",
        [
            '5:67 meters.m1.poll: "ten seconds" cannot be read; write a duration with its unit from 1s to 1h, for example'
        ],
    ),
    (
        "record: 60s}",
        "record: 60s, billing_day: 31}",
        [
            "5:98 meters.m1.billing_day: 31 is out of range; write a whole number from 1 to 28 (so that every month has it)"
        ],
    ),
    (
        "record: 60s}",
        "record: 60s, rated_kw: 0}",
        ["5:95 meters.m1.rated_kw: 0 is out of range; write a number from 0.01 to 10000, in kW"],
    ),
    (
        "role: hand, of",
        "role: hands, of",
        [
            '17:25 inputs.hand.role: "hands" is not possible here; write role: hand, door, mains, photocell, flow, s0, rain or level'
        ],
    ),
    ("of: [road]", "of: [raod]", ['17:36 inputs.hand.of[0]: "raod" is not among the lights; did you mean road?']),
    (
        "of: [road]",
        "of: road",
        ['17:35 inputs.hand.of: "road" stands where a list must; write [one, two] or lines beginning with -'],
    ),
    (
        "of: [road]",
        "of: [road], active: closed",
        ['17:51 inputs.hand.active: "closed" is not possible here; write one of: low, high'],
    ),
    (
        "low_is: empty",
        "low_is: empty, active: low",
        ['19:48 inputs.tank.active: unknown key "active"; write one of: gpio, low_is, role'],
    ),
    ("of: [road]", "of: []", ["17:31 inputs.hand.of: there are none; write at least 1"]),
    (
        "low_is: empty",
        "low_is: dry",
        ['19:41 inputs.tank.low_is: "dry" is not possible here; write one of: empty, full'],
    ),
    (
        ", pulses_per_l: 7.5",
        "",
        ['18:3 inputs.flow.pulses_per_l: the key "pulses_per_l" is missing; add pulses_per_l: 7.5'],
    ),
    (
        "flow: {gpio: 16, role: flow, pulses_per_l: 7.5}",
        "flow: {gpio: 16, role: flow, pulses_per_l: 7.5}\n  shop: {gpio: 20, role: s0, pulses_per_kwh: 0}",
        [
            '19:3 inputs.shop.name: the key "name" is missing; add name: Đường trục thôn',
            "19:46 inputs.shop.pulses_per_kwh: 0 is out of range; write a number from 0.1 to 100000, in pulses per kWh",
        ],
    ),
    (
        "flow: {gpio: 16, role: flow, pulses_per_l: 7.5}",
        "flow: {gpio: 16, role: flow, pulses_per_l: 7.5}\n  m1: {gpio: 20, role: s0, name: Quán, pulses_per_kwh: 800}",
        [
            '19:3 inputs.m1: "m1" is also among the meters, and what this input counts is told as meter/m1 too; give',
        ],
    ),
    (
        "  s1: {name: Đất, model: soil, port: bus",
        "  flow: {name: Đất, model: soil, port: bus",
        [
            '18:3 inputs.flow: "flow" is also among the sensors, and what this input counts is told as sensor/flow too;',
            '23:68 valves.v1.soil: "s1" is not among the sensors; write one of: flow',
            '34:53 programs.cool.when.sensor: "s1" is not among the sensors;',
        ],
    ),
    (
        "role: level, low_is",
        "role: door, low_is",
        [
            '19:32 inputs.tank.low_is: unknown key "low_is"; write one of: active, gpio, role',
            '21:84 pumps.p1.stop_when.tank: "tank" is an input with role door, and this needs level; there is none yet; add it first,',
        ],
    ),
    (
        "stale: 30m",
        "stale: 30s",
        [
            "27:87 sensors.s1.stale: stale (30s) is shorter than poll (1m), so every reading would be stale before the next;"
        ],
    ),
    (
        "boards:\n",
        "boards:\n  empty:\n",
        ["15:3 boards.empty: has no value; fill it in or remove the key (write a block of `key: value` lines)"],
    ),
]
