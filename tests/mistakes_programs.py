"""Mistakes in programs, one at a time: what is right, what is wrong in its place, and what is said."""

from __future__ import annotations

MISTAKES: list[tuple[str, str, list[str]]] = [
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
]
