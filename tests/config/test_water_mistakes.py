"""Mistakes in pumps, valves, switches and the programs of irrigation and climate: where each is shown, and its remedy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from edge.core.site import Site, Switch
from edge.core.site_reading import read
from edge.core.values import ModelInfo
from edge.shell.site_file import Problem
from edge.shell.yaml_nodes import parse, plain

WATER = '{kind: irrigation, days: "mon,wed", finish_before: sunrise + 1h, zones: [{v1: 20m}], season: {1: 60}}'
VALVE = "  v1: {name: Thửa, output: {gpio: 25}, pump: p1, flow: flow, soil: s1, max_on: 60m, daily_max: 2h, default: 20m}"
PUMP = "  p1: {name: Bơm, output: {gpio: 24}, max_on: 2h, daily_max: 6h, stop_when: {tank: empty}}"
WHEN = "{sensor: s1, quantity: soil, on_above: 33, off_below: 30}"
FAN = "{name: Quạt, output: {gpio: 12}, max_on: 4h, program: cool}"
LAG = "v1's max_on is 1h, 3s of it for the pump's lag"
ONE_OF = "write exactly one of start, finish_before, window"


def water(rest: str) -> dict[str, str]:
    """The village's irrigation program with `rest` in place of its zones and times."""
    return {WATER: f"{{kind: irrigation, {rest}}}"}


ZONE = "zones: [{v1: 20m}]"
SOIL = "start_when: {soil_below: 20, soil_above: 30}"
MISTAKES: list[tuple[dict[str, str], list[str]]] = [
    # when it waters
    (water(ZONE), [f"programs.water: nothing says when this waters; {ONE_OF}"]),
    (water(f'{ZONE}, start: "05:00", finish_before: "06:00"'), [f"programs.water.finish_before: start already says when this waters; {ONE_OF}"]),
    (
        water(f'{ZONE}, start: "05:00", window: "05:00..08:00", {SOIL}'),
        [f"programs.water.window: start already says when this waters; {ONE_OF}"],
    ),
    (water(f'{ZONE}, window: "05:00..08:00"'), ["programs.water.window: within a window dry soil starts a run; add start_when, or write start"]),
    (
        water(f'{ZONE}, start: "05:00", {SOIL}'),
        ["programs.water.start_when: dry soil starts a run within a window of the day; add window in the place of start"],
    ),
    (water(f"{ZONE}, start: 05:00:00"), ['programs.water.start: "05:00:00" cannot be read; write a time such as "22:30", or sunset - 10m']),
    # on which days
    (
        water(f'{ZONE}, start: "05:00", days: mon, month_days: "1,15", every: 2d, starting: 2026-11-28'),
        [
            "programs.water.month_days: days already says on which days; write at most one of days, month_days, every",
            "programs.water.every: days already says on which days; write at most one of days, month_days, every",
        ],
    ),
    (water(f'{ZONE}, start: "05:00", every: 2d'), ["programs.water.every: from which day on is not said; add a date such as starting: 2026-11-28"]),
    (water(f'{ZONE}, start: "05:00", starting: 2026-11-28'), ["programs.water.starting: this is where every begins to count; add every, or remove it"]),
    (
        water(f'{ZONE}, start: "05:00", every: 36h, starting: 11-28'),
        [
            "programs.water.every: 36h is no number of whole days; write one such as 2d or 3d",
            "programs.water.starting: 11-28 is not one day; write one date with its year such as 2026-11-28",
        ],
    ),
    (
        water(f'{ZONE}, start: "05:00", every: 2d, starting: 2026-11-28..2026-11-30'),
        ["programs.water.starting: 2026-11-28..2026-11-30 is not one day; write one date with its year such as 2026-11-28"],
    ),
    (water(f'{ZONE}, start: "05:00", month_days: "0"'), ['programs.water.month_days: "0" cannot be read; write days of the month with commas']),
    (water(f'{ZONE}, start: "05:00", dates: 31-12'), ["programs.water.dates: there is no 31-12; write a date such as 2026-11-28, 09-02"]),
    (water(f'{ZONE}, start: "05:00", dates: [12-31, 13-01]'), ["programs.water.dates[1]: there is no 13-01; write a date such as 2026-11-28"]),
    # soil and rain
    (
        water(f'{ZONE}, window: "05:00..08:00", start_when: {{soil_below: 30, soil_above: 30}}'),
        ["programs.water.start_when.soil_above: soil_above (30) must lie above soil_below (30), or a run would end as it begins; write a"],
    ),
    (
        water(f'{ZONE}, window: "05:00..08:00", start_when: {{soil_below: 30}}'),
        ['programs.water.start_when.soil_above: the key "soil_above" is missing; add soil_above: 35'],
    ),
    (
        water(f'{ZONE}, start: "05:00", skip_when: {{soil_above: 30, soil_below: 31, rain_delay: 6h}}'),
        [
            "programs.water.skip_when.soil_below: soil_below (31) lies above soil_above (30), so soil could be wet and dry at once; write at",
            "programs.water.skip_when.rain_delay: this waits after rain, and rain skips nothing here; add rain: true, or remove it",
        ],
    ),
    (
        water(f'{ZONE}, start: "05:00", skip_when: {{soil_below: 31}}'),
        ["programs.water.skip_when.soil_below: this ends what soil_above begins; add soil_above, or remove it"],
    ),
    (
        water(f'{ZONE}, start: "05:00", skip_when: {{rain: true}}'),
        ["programs.water.skip_when.rain: no input has the role rain; add one such as rain: {gpio: 20, role: rain}, or remove this line"],
    ),
    (
        water(f'{ZONE}, start: "05:00", skip_when: {{soil_above: 30}}') | {" soil: s1,": ""},
        ["programs.water.skip_when.soil_above: no valve of this program has a probe in its soil; add soil to one of them, or remove"],
    ),
    (
        water(f'{ZONE}, window: "05:00..08:00", {SOIL}') | {" soil: s1,": ""},
        ["programs.water.zones[0].v1: start_when goes by the soil, and no probe is in this one's; add soil to valves.v1, or remove"],
    ),
    (
        {"  s1: {name: Đất, model: soil": "  s1: {name: Đất, model: air", "quantity: soil": "quantity: humidity_pct"},
        ["valves.v1.soil: s1 (air) does not measure moisture_pct; name a soil probe, or remove this line"],
    ),
    # litres and times
    (
        water('zones: [{v1: 200l}], start: "05:00"') | {" flow: flow,": ""},
        ["programs.water.zones[0].v1: nothing counts litres here; write a time such as 20m, or add flow to valves.v1"],
    ),
    (
        water('zones: [{v1: 1h}], start: "05:00"'),
        [
            f"programs.water.zones[0].v1: 1h is too long at a stretch: {LAG}; write at most 3597s, or cut it into pieces, such as cycle: 10m"
        ],
    ),
    (
        water('zones: [{v1: 50m}], start: "05:00", season: {7: 130}'),
        ["programs.water.zones[0].v1: 65m in a month of 130 % is too long at a stretch: v1's max_on is 1h, 3s of it for the pump's"],
    ),
    (
        water('zones: [{v1: 100m}], start: "05:00", cycle: 61m, soak: 10m'),
        ["programs.water.zones[0].v1: 100m is too long at a stretch: v1's max_on is 1h, 3s of it for the pump's lag; write a cycle of at"],
    ),
    (
        water('zones: [{v1: 50m}], start: "05:00"') | {"max_on: 2h, daily_max: 6h": "max_on: 30m, daily_max: 6h"},
        ["programs.water.zones[0].v1: 50m is too long at a stretch: p1's max_on is 30m; write at most 30m, or cut it into pieces,"],
    ),
    (
        water('zones: [{v1: 1000l}], start: "05:00"') | {"default: 20m}": "default: 20m, normal_l_min: 10}"},
        ["programs.water.zones[0].v1: 100m is too long at a stretch: v1's max_on is 1h, 3s of it for the pump's lag; write at most"],
    ),
    (
        water('zones: [{v1: 50m}, {v1: 50m}, {v1: 50m}, {v1: 10m}], start: "05:00"'),
        ["programs.water.zones[2].v1: this program keeps v1 open for 150m in all, and its daily_max is 2h; write less"],
    ),
    (
        water('zones: [{v1: 50m}, {v1: 50m}], start: "05:00"') | {"max_on: 2h, daily_max: 6h": "max_on: 1h, daily_max: 90m"},
        ["programs.water.zones: p1 would run for at least 100m, and its daily_max is 90m; write less"],
    ),
    (
        water('zones: [{v1: 50m}], start: "05:00", cycle: 10m, soak: 7h'),
        ["programs.water.soak: with its pauses a run would take longer than a day; write shorter times"],
    ),
    (
        {"max_on: 60m, daily_max": "max_on: 8s, daily_max", "default: 20m": "default: 8s", "v1: 20m": "v1: 5s"},
        ["valves.v1.max_on: max_on (8s) leaves no time for water: p1 starts 5s after the valve opens and stops 3s before it closes;"],
    ),
    # power
    (
        {"language: vi}": "language: vi, contracted_kw: 3}"},
        ["pumps.p1.rated_w: site.contracted_kw needs to know what each pump draws; add rated_w: 750, in W as on its plate"],
    ),
    (
        {"language: vi}": "language: vi, contracted_kw: 3}", "daily_max: 6h": "daily_max: 6h, rated_w: 3500"},
        ["site.contracted_kw: p1 alone draws 3.5 kW and would never start; write at least 3.5"],
    ),
    ({"language: vi}": "language: vi, contracted_kw: 0}"}, ["site.contracted_kw: 0 is out of range; write a number from 0.1 to 10000, in kW"]),
    # hand
    ({"of: [road]": "of: [pump/p2]"}, ['inputs.hand.of[0]: "p2" is not among the pumps; write one of: p1']),
    ({"of: [road]": "of: [valve/v1, switch/fun]"}, ['inputs.hand.of[1]: "fun" is not among the switches; did you mean fan?']),
    ({"of: [road]": "of: [meter/m1]"}, ['inputs.hand.of[0]: no switch rules "meter/m1"; write a light\'s id, or pump/ID, valve/ID, switch/ID']),
    # switches
    ({"max_on: 4h, p": "max_on: 4h, daily_max: 3h, p"}, ["switches.fan.max_on: max_on (4h) is longer than daily_max (3h); write at most the daily_max"]),
    ({"max_on: 4h, p": "max_on: 4h, default: 5h, p"}, ["switches.fan.default: default (5h) is longer than max_on (4h); write at most 4h"]),
    ({"max_on: 4h, p": "max_on: 10m, min_on: 20m, p"}, ["switches.fan.min_on: min_on (20m) is longer than max_on (10m); write at most 10m"]),
    # climate
    ({", off_below: 30": ""}, ["programs.cool.when.on_above: on_above needs a counterpart, or the switch would flutter; add off_below"]),
    ({"on_above: 33, ": ""}, ["programs.cool.when.off_below: off_below needs a counterpart, or the switch would flutter; add on_above"]),
    ({", on_above: 33, off_below: 30": ""}, ["programs.cool.when: it is not clear when this holds; write on_above and off_below, or on_below"]),
    ({"off_below: 30": "on_below: 30"}, ["programs.cool.when: it is not clear when this holds; write on_above and off_below, or on_below"]),
    ({"off_below: 30": "off_below: 30, off_above: 34"}, ["programs.cool.when: it is not clear when this holds; write on_above and off_below,"]),
    (
        {"on_above: 33, off_below: 30": "on_below: 33, off_above: 30"},
        ["programs.cool.when.off_above: off_above (30) must lie above on_below (33), or the switch would flutter; write a higher value"],
    ),
    (
        {WHEN: f"[{WHEN}, {WHEN.replace('s1', 's2')}, {WHEN.replace('30', '33')}]"},
        [
            'programs.cool.when[1].sensor: "s2" is not among the sensors; write one of: s1',
            "programs.cool.when[2].off_below: off_below (33) must lie below on_above (33), or the switch would flutter;",
        ],
    ),
    ({WHEN: "[]"}, ["programs.cool.when: there are none; write at least 1"]),
    ({WHEN: f"[{', '.join([WHEN] * 5)}]"}, ["programs.cool.when: there are too many; write at most 4"]),
    ({WHEN: "warm"}, ['programs.cool.when: "warm" stands where keys must; write a block of `key: value` lines']),
    ({WHEN: "{quantity: soil, on_above: 33, off_below: 30}"}, ['programs.cool.when.sensor: the key "sensor" is missing; add sensor: air-1']),
    ({f"when: {WHEN}": f"when: {WHEN}, match: both"}, ['programs.cool.match: "both" is not possible here; write one of: all, any']),
    ({f"when: {WHEN}": f"when: {WHEN}, if_stale: hold"}, ['programs.cool.if_stale: "hold" is not possible here; write one of: on, off']),
]  # fmt: skip


def changed(village: str, changes: Mapping[str, str]) -> str:
    for right, wrong in changes.items():
        assert village.count(right) == 1, right
        village = village.replace(right, wrong)
    return village


@pytest.mark.parametrize(("changes", "said"), MISTAKES, ids=[said[0][:70] for _, said in MISTAKES])
def test_a_mistake_is_shown_where_it_stands_with_its_remedy(
    village: str, problems: Callable[[str], list[Problem]], changes: dict[str, str], said: list[str]
) -> None:
    shown = [f"{problem.path}: {problem.message}" for problem in problems(changed(village, changes))]
    assert [text[: len(start)] for text, start in zip(sorted(shown), sorted(said), strict=True)] == sorted(said)
    assert all("; " in text for text in shown)


GOOD: list[dict[str, str]] = [
    water('zones: [{v1: 200l}], start: sunset - 1h, month_days: "1,15,31", dates: 11-01..04-30'),
    water(f'{ZONE}, start: "05:00", every: 3d, starting: 2026-11-28, dates: [11-01..04-30, 2026-06-01]'),
    water(f'{ZONE}, window: "22:00..05:00", {SOIL}, resume: within 1h'),
    water('zones: [{v1: 110m}], start: "05:00", cycle: 30m, soak: 1h'),
    water('zones: [{v1: 100m}], start: "05:00", season: {' + ", ".join(f"{month}: 50" for month in range(1, 13)) + "}"),
    water(f'{ZONE}, start: "05:00", skip_when: {{soil_above: 30, soil_below: 30}}'),
    {"of: [road]": "of: [road, light/road, pump/p1, valve/v1, switch/fan]"},
    {"stop_when: {tank: empty}": "stop_when: {tank: full}"},
    {"language: vi}": "language: vi, contracted_kw: 3.5}", "daily_max: 6h": "daily_max: 6h, rated_w: 3500"},
    {WHEN: f"[{WHEN}, {{sensor: s1, quantity: soil, on_below: 3, off_above: 4}}]", "max_on: 4h, p": "p"},
]


@pytest.mark.parametrize("changes", GOOD, ids=[next(iter(c.values()))[:60] for c in GOOD])
def test_what_can_be_is_good(village: str, problems: Callable[[str], list[Problem]], changes: dict[str, str]) -> None:
    assert problems(changed(village, changes)) == []


UNREADABLE = [
    ("max_on: 60m", "max_on: 60", "valves.v1.max_on"),
    ("lead: 5s", "lead: five", "pumps.p1.lead"),
    ("flow: flow,", "flow: 5,", "valves.v1.flow"),
    ("soil: s1,", "soil: 5,", "valves.v1.soil"),
    ("role: rain", "role: rainy", "inputs.rain.role"),
    ("rated_w: 750", "rated_w: lots", "pumps.p1.rated_w"),
    ("contracted_kw: 3", "contracted_kw: three", "site.contracted_kw"),
    ("start: sunset - 1h", "start: dusk", "programs.water.start"),
    ("every: 2d", "every: 2", "programs.water.every"),
    ("starting: 2026-11-28", "starting: soon", "programs.water.starting"),
    ("cycle: 30m", "cycle: 30", "programs.water.cycle"),
    ("soak: 10m", "soak: 10", "programs.water.soak"),
    ("rain: true", "rain: 1", "programs.water.skip_when.rain"),
    ("soil_above: 30, ", "soil_above: much, ", "programs.water.skip_when.soil_above"),
    ("soil_below: 25", "soil_below: little", "programs.water.skip_when.soil_below"),
    ("dates: [11-01..04-30]", "dates: [11-01..4-30]", "programs.water.dates[0]"),
    ("on_above: 33", "on_above: warm", "programs.cool.when.on_above"),
    ("min_on: 2m", "min_on: 2", "switches.fan.min_on"),
    ("max_on: 4h", "max_on: 4", "switches.fan.max_on"),
]


@pytest.mark.parametrize(("right", "wrong", "path"), UNREADABLE, ids=[path for _, _, path in UNREADABLE])
def test_what_cannot_be_read_is_one_error_and_makes_up_no_other(
    village: str, problems: Callable[[str], list[Problem]], right: str, wrong: str, path: str
) -> None:
    rest = "rain_delay: 6h, soil_above: 30, soil_below: 25}"
    whole = changed(village, water(
        "zones: [{v1: 80m}, {v1: 30l}], start: sunset - 1h, every: 2d, starting: 2026-11-28, dates: [11-01..04-30], "
        f"cycle: 30m, soak: 10m, skip_when: {{rain: true, {rest}"
    ) | {
        "language: vi}": "language: vi, contracted_kw: 3}", "max_on: 2h, daily_max: 6h": "lead: 5s, rated_w: 750, max_on: 2h, daily_max: 6h",
        "  tank:": "  rain: {gpio: 20, role: rain}\n  tank:", "max_on: 4h": "max_on: 4h, min_on: 2m, default: 2h",
    })  # fmt: skip
    assert problems(whole) == []
    assert [problem.path for problem in problems(changed(whole, {right: wrong}))] == [path]


def test_what_stands_alone_is_a_list_of_one(village: str, catalogue: dict[str, ModelInfo]) -> None:
    def programs(changes: dict[str, str]) -> Mapping[str, Any]:
        root, _ = parse(changed(village, changes))
        assert root is not None
        site, flaws = read(plain(root), catalogue)
        assert isinstance(site, Site), flaws
        return site.programs

    alone = programs(water(f'{ZONE}, start: "05:00", dates: 11-01..04-30'))
    assert alone == programs(water(f'{ZONE}, start: "05:00", dates: [11-01..04-30]') | {WHEN: f"[{WHEN}]"})


def test_a_switch_is_on_for_an_hour_or_as_long_as_it_may() -> None:
    bare = {"name": "Quạt", "output": {"gpio": 12}}
    lasts = [({}, 3600), ({"max_on": "4h"}, 3600), ({"max_on": "20m"}, 1200), ({"daily_max": "30m"}, 1800), ({"default": "5m", "max_on": "20m"}, 300)]
    for limits, seconds in lasts:
        assert Switch.model_validate(bare | limits).default == seconds
