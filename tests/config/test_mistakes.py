"""One mistake at a time, each with the place it is shown at and the beginning of what is said."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from edge.shell.site_file import Problem

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
    ("model: sdm120", "model: sdm12o", ['5:30 meters.m1.model: "sdm12o" is no known model; did you mean sdm120?']),
    (
        "model: sdm120",
        "model: relays-8",
        ['5:30 meters.m1.model: "relays-8" is a board, not a meter; write one of: fast-only, pzem016, sdm120, sdm630'],
    ),
    (
        "model: sdm120",
        "model: fast-only",
        [
            "3:41 ports.bus.baudrate: fast-only cannot be set to 9600; the models on this port have no baudrate in common, so"
        ],
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
    (
        "feedback: {gpio: 5}",
        "feedback: {gpio: 5, active: 0}",
        ['13:92 lights.road.circuits.b.feedback.active: 0 is not possible here; write one of: low, high'],
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
    ("target: fan", "target: fen", ['34:33 programs.cool.target: "fen" is not among the switches; did you mean fan?']),
    (
        "sensor: s1, q",
        "sensor: s2, q",
        ['34:53 programs.cool.when.sensor: "s2" is not among the sensors; write one of: s1'],
    ),
    (
        "off_below: 30",
        "off_below: 34",
        [
            "34:98 programs.cool.when.off_below: off_below (34) must lie below on_above (33), or the switch would flutter; write a lower value"
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
        "kind: light",
        "kind: lights",
        [
            '30:11 programs.night.kind: "lights" is not possible here; write kind: light, kind: irrigation or kind: climate'
        ],
    ),
    (
        "kind: light\n    ",
        "",
        ["29:3 programs.night.kind: a program has a kind; write kind: light, kind: irrigation or kind: climate"],
    ),
    (
        "at: sunset - 10m",
        "at: dusk",
        [
            '31:18 programs.night.steps[0].at: "dusk" cannot be read; write a time such as "22:30", or sunset - 10m, sunrise, sunrise + 1h'
        ],
    ),
    (
        "at: sunset - 10m",
        "at: sunset - 7h",
        [
            '31:18 programs.night.steps[0].at: "sunset - 7h" is more than 6h from the sunset; write at most 6h, or a time by the clock'
        ],
    ),
    (
        'at: "22:30"',
        'at: "24:30"',
        [
            '31:50 programs.night.steps[1].at: "24:30" cannot be read; write a time such as "22:30", or sunset - 10m, sunrise, sunrise + 1h'
        ],
    ),
    (
        'at: "22:30"',
        "at: 2230",
        [
            '31:50 programs.night.steps[1].at: 2230 cannot be read; write a time such as "22:30", or sunset - 10m, sunrise, sunrise + 1h'
        ],
    ),
    (
        "level: 33",
        "level: 101",
        [
            "31:66 programs.night.steps[1].level: 101 is out of range; write a whole number from 0 to 100 (percent of the light's circuits)"
        ],
    ),
    (
        "level: 33",
        "level: 33.5",
        [
            "31:66 programs.night.steps[1].level: 33.5 is not a whole number; write a whole number from 0 to 100 (percent of the light's"
        ],
    ),
    (
        "at: sunrise, level",
        'at: "22:30", level',
        ["31:76 programs.night.steps[2].at: this moment stands twice among the steps; remove one of the two"],
    ),
    (
        '[{at: sunset - 10m, level: 100}, {at: "22:30", level: 33}, {at: sunrise, level: 0}]',
        "[]",
        ["31:5 programs.night.steps: there are none; write at least 1"],
    ),
    (
        'days: "sat,sun", steps',
        'days: "sat,sun", lunar_day: 15, steps',
        [
            "32:16 programs.night.calendar[0]: a rule is for one kind of night; write exactly one of days, date, lunar, lunar_day"
        ],
    ),
    (
        'days: "sat,sun", steps',
        "steps",
        [
            "32:16 programs.night.calendar[0]: a rule is for one kind of night; write exactly one of days, date, lunar, lunar_day"
        ],
    ),
    (
        'days: "sat,sun"',
        'days: "sat,son"',
        [
            '32:23 programs.night.calendar[0].days: "son" is no weekday; write weekdays with commas between, of mon, tue, wed, thu, fri, sat, sun'
        ],
    ),
    (
        'days: "sat,sun"',
        'lunar: "13-1"',
        [
            '32:24 programs.night.calendar[0].lunar: 13-1 is no lunar date; write lunar month-day, or a range of them, such as "1-1" or'
        ],
    ),
    (
        'days: "sat,sun"',
        "lunar_day: 31",
        [
            "32:28 programs.night.calendar[0].lunar_day: 31 is out of range; write a whole number from 1 to 30 (day of the lunar month)"
        ],
    ),
    ("{v1: 20m}", "{v2: 20m}", ['33:88 programs.water.zones[0].v2: "v2" is not among the valves; write one of: v1']),
    (
        "{v1: 20m}",
        "{v1: 20}",
        [
            "33:83 programs.water.zones[0]: 20 cannot be read; write one valve and its amount such as {plot-1: 20m} or {plot-1: 200l}"
        ],
    ),
    (
        "{v1: 20m}",
        "v1",
        [
            '33:83 programs.water.zones[0]: a zone names one valve, not "v1"; write one valve and its amount such as {plot-1: 20m} or'
        ],
    ),
    ("{v1: 20m}", "{v1: 0l}", ['33:83 programs.water.zones[0]: "0l" is out of range; write 1l to 100000l']),
    (
        "season: {1: 60}",
        "season: {13: 60}",
        [
            '33:108 programs.water.season.13: "13" is no month; write months and percent such as {1: 60, 7: 120}, months 1 to 12'
        ],
    ),
    (
        "season: {1: 60}",
        "season: {1: lots}",
        [
            '33:107 programs.water.season.1: "lots" is not a number; write a whole number from 0 to 300 (percent of the program\'s amounts)'
        ],
    ),
    ("season: {1: 60}", "cycle: 10m", ["33:3 programs.water: cycle and soak belong together; write both or neither"]),
    (
        "season: {1: 60}",
        "resume: 2h",
        [
            '33:103 programs.water.resume: "2h" cannot be read; write within and a duration up to 1d such as within 2h, or never'
        ],
    ),
    (
        "season: {1: 60}",
        'skip_when: {rain: "yes"}',
        ['33:113 programs.water.skip_when.rain: "yes" is neither true nor false; write true or false, without quotes'],
    ),
    (
        "quantity: soil, on_above",
        "quantity: soil, window: 8-18, on_above",
        ['34:73 programs.cool.when.window: unknown key "window"; write one of: off_above, off_below, on_above, on_below, quantity, sensor'],
    ),
    ("sensors:", "sensor:", ['26:1 sensor: unknown key "sensor"; did you mean sensors?']),
    (
        "boards:\n",
        "boards:\n  empty:\n",
        ["15:3 boards.empty: has no value; fill it in or remove the key (write a block of `key: value` lines)"],
    ),
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


@pytest.mark.parametrize(("right", "wrong", "said"), MISTAKES, ids=[wrong.strip() for _, wrong, _ in MISTAKES])
def test_a_mistake_is_shown_where_it_stands_with_its_remedy(
    village: str, problems: Callable[[str], list[Problem]], right: str, wrong: str, said: list[str]
) -> None:
    assert village.count(right) == 1
    found = problems(village.replace(right, wrong))
    shown = [f"{problem.line}:{problem.column} {problem.path}: {problem.message}" for problem in found]
    assert [text[: len(start)] for text, start in zip(shown, said, strict=True)] == said
    assert all("; " in problem.message for problem in found), "what is wrong; what to write instead"


def test_the_village_without_mistakes_is_good(village: str, problems: Callable[[str], list[Problem]]) -> None:
    assert problems(village) == []
