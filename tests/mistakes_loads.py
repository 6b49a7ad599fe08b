"""Mistakes in lights, pumps, valves and switches, one at a time: what is right, what is wrong in its place, and what is said."""

from __future__ import annotations

MISTAKES: list[tuple[str, str, list[str]]] = [
    ("meter: m1", "meter: m2", ['9:12 lights.road.meter: "m2" is not among the meters; write one of: m1']),
    ("meter: m1", "metre: m1", ['9:5 lights.road.metre: unknown key "metre"; did you mean meter?']),
    (
        "program: night",
        "program: cool",
        ['10:14 lights.road.program: "cool" is a program of kind climate, and this needs light; write one of: night'],
    ),
    (
        "program: night",
        "program: nigth",
        ['10:14 lights.road.program: "nigth" is not among the programs; did you mean night?'],
    ),
    (
        "gpio: 17",
        "gpio: 1",
        [
            "12:26 lights.road.circuits.a.output.gpio: 1 is out of range; write a whole number from 2 to 27 (GPIO by its BCM number; 0 and 1"
        ],
    ),
    (
        "gpio: 17",
        "gpio: 5",
        [
            "13:81 lights.road.circuits.b.feedback.gpio: GPIO 5 is used twice, here and at lights.road.circuits.a.output.gpio; choose a free line"
        ],
    ),
    (
        "gpio: 17",
        "gpio: 24",
        [
            "21:34 pumps.p1.output.gpio: GPIO 24 is used twice, here and at lights.road.circuits.a.output.gpio; choose a free line"
        ],
    ),
    (
        "gpio: 17, active: low",
        "gpio: 17, active: down",
        ['12:38 lights.road.circuits.a.output.active: "down" is not possible here; write one of: low, high'],
    ),
    (
        "{gpio: 17, active: low}",
        "17",
        [
            "12:19 lights.road.circuits.a.output: an output is a line or a board's relay; write {gpio: 17}, {gpio: 17, active: low} or"
        ],
    ),
    (
        "{gpio: 17, active: low}",
        "{gpio: 17, board: box}",
        [
            "12:11 lights.road.circuits.a.output: an output is a line or a board's relay; write {gpio: 17}, {gpio: 17, active: low} or"
        ],
    ),
    (
        "gpio: 17, active",
        "gpoi: 17, active",
        [
            '12:11 lights.road.circuits.a.output.gpio: the key "gpio" is missing; add gpio: 17',
            '12:20 lights.road.circuits.a.output.gpoi: unknown key "gpoi"; did you mean gpio?',
        ],
    ),
    (
        "lamps: 8, lamp_w: 60}\n",
        "lamps: 0, lamp_w: 60}\n",
        ["12:51 lights.road.circuits.a.lamps: 0 is out of range; write a whole number from 1 to 10000"],
    ),
    (
        "lamps: 8, lamp_w: 60}\n",
        "lamps: 8, lamp_w: 0}\n",
        ["12:62 lights.road.circuits.a.lamp_w: 0 is out of range; write a number from 0.1 to 10000, in W for one lamp"],
    ),
    (
        "board: box",
        "board: bix",
        ['13:27 lights.road.circuits.b.output.board: "bix" is not among the boards; did you mean box?'],
    ),
    ("coil: 0", "coil: 8", ["13:38 lights.road.circuits.b.output.coil: relays-8 has no coil 8; write 0 to 7"]),
    (
        "    circuits:\n",
        "    circuits: {}\n    circuit:\n",
        [
            "11:5 lights.road.circuits: there are none; write at least 1",
            '12:5 lights.road.circuit: unknown key "circuit"; did you mean circuits?',
        ],
    ),
    (
        "      a: {output: {gpio: 17",
        "      A: {output: {gpio: 17",
        [
            '12:7 lights.road.circuits.A: "A" is no id; write 1 to 32 of a-z, 0-9 and -, beginning with a letter or digit, such as'
        ],
    ),
    (
        "{gpio: 25}",
        "{board: box, coil: 0}",
        [
            "23:47 valves.v1.output.coil: coil 0 of box is used twice, here and at lights.road.circuits.b.output; choose a free coil"
        ],
    ),
    (
        "{gpio: 25}",
        "{board: small, coil: 0}",
        ['23:36 valves.v1.output.board: "small" is not among the boards; write one of: box'],
    ),
    (
        "feedback: {gpio: 5}",
        "feedback: {gpio: 5, active: 0}",
        ['13:92 lights.road.circuits.b.feedback.active: 0 is not possible here; write one of: low, high'],
    ),
    (
        "stop_when: {tank",
        "stop_when: {flow",
        ['21:84 pumps.p1.stop_when.flow: "flow" is an input with role flow, and this needs level; write one of: tank'],
    ),
    (
        "max_on: 2h, daily_max: 6h",
        "max_on: 7h, daily_max: 6h",
        ["21:47 pumps.p1.max_on: max_on (7h) is longer than daily_max (6h); write at most the daily_max"],
    ),
    (
        "default: 20m",
        "default: 2h",
        ["23:109 valves.v1.default: default (2h) is longer than max_on (1h); write at most 1h"],
    ),
    ("pump: p1", "pump: p2", ['23:46 valves.v1.pump: "p2" is not among the pumps; write one of: p1']),
    (
        "flow: flow",
        "flow: tank",
        ['23:56 valves.v1.flow: "tank" is an input with role level, and this needs flow; write one of: flow'],
    ),
    ("soil: s1", "soil: s9", ['23:68 valves.v1.soil: "s9" is not among the sensors; write one of: s1']),
    (
        "program: cool",
        "program: night",
        ['25:62 switches.fan.program: "night" is a program of kind light, and this needs climate; write one of: cool'],
    ),
    ("name: Đường", "name: 5", ["8:11 lights.road.name: 5 is not text; put it in quotes"]),
    (
        "name: Đường",
        'name: ""',
        ['8:11 lights.road.name: "" is not a line of text; write 1 to 64 characters on one line'],
    ),
    (
        "name: Đường",
        "name: [x]",
        ["8:5 lights.road.name: a list is not a line of text; write 1 to 64 characters on one line"],
    ),
    (
        "name: Đường",
        "name:",
        ["8:5 lights.road.name: has no value; fill it in or remove the key (write 1 to 64 characters on one line)"],
    ),
]
