"""Scenarios: each that is shipped is seen, each of its expectations can fail, and what cannot be read is said in place."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from simulator.fault_kinds import KINDS
from simulator.scenario_file import See
from simulator.scenarios import FOLDER, Report, Scenario, ScenarioError, load, parse_scenario, play

CONFIG = Path(__file__).parents[2] / "config" / "nguyen-ly.yaml"
DOCS = CONFIG.parents[1] / "docs"
SHIPPED = sorted(FOLDER.glob("*.yaml"))
each = pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
MINI = """
title: {en: One, vi: Một}
text: {en: One light., vi: Một đèn.}
start: 2026-11-21 20:00
lasts: 5m
when:
  - {at: "20:01", do: {send: light/main-road, payload: 0}}
  - {at: "20:02", do: {fault: relay-welded, on: light/main-road/b, name: weld}}
  - {at: "20:03", do: {clear: weld}}
see:
"""


def mini(*see: str, before: str = MINI) -> Scenario:
    return parse_scenario(before + "".join(f"  - {{{s}}}\n" for s in see), "mini.yaml")


def told(scenario: Scenario) -> list[bool]:
    return [seen.ok for seen in play(scenario, CONFIG).seen]


def altered(see: See) -> See:
    """The same expectation of something that never is."""
    return replace(see, tests={"above": 1e12} if {"above", "below"} & see.tests.keys() else {"is": "never this"})


@pytest.mark.slow
@each
def test_each_scenario_is_seen_and_each_of_its_expectations_can_fail(path: Path) -> None:
    scenario = load(path)
    report = play(replace(scenario, see=(*scenario.see, *map(altered, scenario.see))), CONFIG)
    half = len(scenario.see)
    assert [str(seen) for seen in report.seen[:half] if not seen.ok] == []
    assert [str(seen) for seen in report.seen[half:] if seen.ok] == []


@pytest.mark.slow
@pytest.mark.parametrize("path", [p for p in SHIPPED if load(p).when], ids=lambda p: p.stem)
def test_without_what_happens_in_it_a_scenario_is_not_seen(path: Path) -> None:
    report = play(replace(load(path), when=()), CONFIG)
    assert not report.ok
    assert "NOT SEEN" in str(report)


def test_the_stories_are_there_in_both_languages() -> None:
    told = [load(path) for path in SHIPPED]
    assert {path.stem for path in SHIPPED} >= {
        "ordinary-night", "wedding", "dead-meter", "noisy-bus", "broker-away", "mains-cut", "daemon-killed",
        "clock-untrusted", "meter-replaced", "relay-welded", "adapter-gone",
        "watering", "rain-skip", "probe-silent", "power-cut-while-watering", "leak", "burst-pipe", "dripper-blocked",
        "valve-stuck", "well-dry",
    }  # fmt: skip
    for scenario in told:
        assert {len(scenario.title), len(scenario.text)} == {2}
        assert min(len(words) for words in scenario.text.values()) > 100
        assert scenario.text["vi"] != scenario.text["en"]
        assert len(scenario.see) >= 6
    for language in ("en", "vi"):
        assert len({scenario.title[language] for scenario in told}) == len(told)


# --- water ---

WATER = """
title: {en: Water, vi: Nước}
text: {en: A valve and a pump that are stuck., vi: Van và bơm bị kẹt.}
start: 2026-04-01 12:00
lasts: 30m
config: {programs: {morning-water: null, cool: null}, switches: null}
when:
  - {at: "12:05", do: {fault: valve-stuck, on: valve/plot-1, open: true, name: valve}}
  - {at: "12:06", do: {fault: pump-stuck, on: pump/pump-1, name: pump}}
  - {at: "12:16", do: {clear: pump}}
  - {at: "12:17", do: {clear: valve}}
see:
"""


def test_what_flows_what_a_plot_got_and_what_a_pump_draws_can_be_seen() -> None:
    scenario = mini(
        'at: "12:10", water: valve/plot-1, above: 11.9, below: 12.1',
        'from: "12:00", to: "12:05", water: valve/plot-1, is: 0',
        'at: "12:11", litres: valve/plot-1, above: 57, below: 61',
        'by: "12:20", litres: valve/plot-1, above: 119',
        'from: "12:18", to: "12:30", litres: valve/plot-1, above: 119.9, below: 120.8',
        'from: "12:00", to: "12:30", litres: valve/plot-2, is: 0',
        'from: "12:07", to: "12:15", watts: pump/pump-1, is: 750',
        'by: "12:20", watts: pump/pump-1, is: 0',
        'from: "12:00", to: "12:30", output: pump/pump-1, is: "off"',
        'at: "12:10", litres: valve/plot-1, above: 61',
        'from: "12:08", to: "12:30", litres: valve/plot-1, above: 119',
        before=WATER,
    )
    assert told(scenario) == [True] * 9 + [False] * 2


@pytest.mark.parametrize(
    ("see", "why"),
    [
        ("water: light/main-road", "is no valve; write its id, such as valve/plot-1"),
        ("watts: valve/plot-1", "is no pump or switch"),
        ("output: valve/plot-1/a", "is no circuit"),
        ("litres: valve/plot-1, field: x", "only a topic has fields"),
    ],
)
def test_what_has_no_water_cannot_be_asked_for_it(see: str, why: str) -> None:
    with pytest.raises(ScenarioError, match=why):
        mini(f'at: "20:01", {see}, is: 0')


def test_a_valve_that_is_not_there_is_named() -> None:
    with pytest.raises(ScenarioError, match="there is no valve/plot-9 that is played; there are valve/plot-1"):
        told(mini('at: "20:01", water: valve/plot-9, is: 0'))


# --- what `at`, `by`, `from` and `to` mean ---


@pytest.mark.slow
def test_at_a_time_within_a_tolerance() -> None:
    seen = told(
        mini(
            'at: "20:01", within: 0s, output: light/main-road/a, is: "off"',
            'at: "20:01", within: 1s, output: light/main-road/a, is: "on"',
            'at: "20:02", output: light/main-road/a, is: "on"',
            'at: "20:02", within: 59s, output: light/main-road/a, is: "on"',
            'at: "20:02", within: 61s, output: light/main-road/a, is: "on"',
        )
    )
    assert seen == [True, True, False, False, True]


@pytest.mark.slow
def test_by_a_time_counts_from_what_happened_last_before_it() -> None:
    seen = told(
        mini(
            'by: "20:02", topic: light/main-road/state, field: level, is: 0',
            'by: "20:03", lamps: light/main-road/b, is: 480',
            'by: "20:04", lamps: light/main-road/b, is: 0',
            'by: "20:02", topic: light/main-road/state, field: level, is: 33',
            'by: "20:04", from: "20:03", lamps: light/main-road/b, above: 481',
        )
    )
    assert seen == [True, True, True, False, False]


@pytest.mark.slow
def test_from_a_time_to_another_it_must_be_so_all_the_while() -> None:
    scenario = mini(
        'from: "20:01", to: "20:05", output: light/main-road/b, is: "off"',
        'from: "20:02", to: "20:03", lamps: light/main-road/b, above: 0',
        'from: "20:02", to: "20:04", lamps: light/main-road/b, above: 0',
        'from: "20:01", to: "20:04", topic: light/main-road/state, field: circuits.b.on, is: false',
        'from: "20:00", to: "20:05", topic: light/main-road/nothing, is: null',
        'from: "20:00", to: "20:05", topic: light/main-road/state, field: no.such.field, not: 1',
        'from: "20:04", to: "20:05", topic: light/main-road/value, is: "OFF"',
        'from: "20:04", to: "20:05", topic: light/main-road/value/level, is: 0',
    )
    report = play(scenario, CONFIG)
    # At 20:03 exactly the relay is mended, and the second and third look at that moment too.
    assert [seen.ok for seen in report.seen] == [True, False, False, True, True, True, True, True]
    assert report.seen[2].at == pytest.approx(180)
    assert str(report.seen[2]) == (
        "NOT SEEN 11-21 20:03:00  lamps light/main-road/b above 0, from 20:02 to 20:04; it was 0.0"
    )  # fmt: skip
    assert str(report).startswith("seen     11-21 20:01:00  output light/main-road/b is \"off\", from 20:01 to 20:05")


@pytest.mark.slow
def test_the_same_scenario_is_told_the_same_twice_and_configuration_is_laid_over() -> None:
    scenario = mini('at: "20:00", within: 30s, topic: light/main-road/state, field: level, is: 100')
    reports: list[Report] = [play(scenario, CONFIG, seed) for seed in (1, 1)]
    assert str(reports[0]) == str(reports[1])
    dim = "config: {programs: {street: {steps: [{at: sunset, level: 33}, {at: sunrise, level: 0}], calendar: null}}}"
    assert told(scenario) == [True]
    assert told(mini('at: "20:00", within: 30s, topic: light/main-road/state, field: level, is: 33', before=MINI.replace("when:", dim + "\nwhen:"))) == [True]
    wrong = replace(scenario, config={"programs": {"street": {"kind": "lite"}}})
    with pytest.raises(ScenarioError, match=r"mini.yaml:1:1: config.programs.street.kind: "):
        play(wrong, CONFIG)


# --- what cannot be read ---


@pytest.mark.parametrize(
    ("was", "now", "place", "words"),
    [
        ("lasts: 5m\n", "", ":2:1", "lasts: lasts is missing; add it"),
        ("lasts: 5m", "lasts: 5", ":5:8", "lasts: 5 has no unit"),
        ("lasts", "last", ":5:1", 'last: unknown key "last"; did you mean lasts?'),
        ("start: 2026-11-21 20:00", "start: tonight", ":4:8", "write a local time such as 2026-11-21 16:00"),
        ("vi: Một}", "vn: Một}", ":2:18", 'title.vn: unknown key "vn"; write one of: en, vi'),
        ('at: "20:01"', "at: noonish", ":7:10", 'when[0].at: "noonish" cannot be read; write a time such as "19:00"'),
        ('at: "20:01"', 'at: "day 0 20:01"', ":7:10", "when[0].at: "),
        ("payload: 0", "paylod: 0", ":7:47", 'when[0].do.paylod: unknown key "paylod"; did you mean payload?'),
        ("send: light/main-road", "send: main-road", ":7:30", '"main-road" is no device; write its kind and id'),
        ("fault: relay-welded", "fault: relay-weld", ":8:31", 'there is no fault "relay-weld"; did you mean relay-welded?'),
        ("on: light/main-road/b, name", "name", ":8:31", "relay-welded needs what it is on; add on=light/main-road/b"),
        ("clear: weld", "clear: wold", ":9:31", 'no fault above has the name "wold"; write one of: weld'),
        ("{clear: weld}", "weld", ":9:23", "write one of: {send: DEVICE, payload: …}, {fault: NAME, …}, {clear: NAME}"),
        ("output: light/main-road/a, ", "", ":11:5", "say what is to be seen: one of topic, output, lamps"),
        ("output: light/main-road/a", "output: main-road", ":11:27", '"main-road" is no circuit; write the light'),
        (", is: on", "", ":11:5", "say how it is to be: is, not, above, below"),
        ("is: on", "above: on", ":11:53", "see[0].above: \"on\" cannot be compared so; write a number"),
        ('at: "20:04"', 'from: "20:04"', ":11:5", "say when: at (and within), by (and from), or from and to"),
        ('at: "20:04"', 'at: "20:04", field: x', ":11:26", "only a topic has fields; leave it out"),
        ("output: light/main-road/a", "topic: village/x/state", ":11:26", "is no topic; write what follows village/SITE/"),
        ("see:\n", "see: {}\nmore:\n", ":10:6", "see: write a list, each entry after a dash"),
        ("when:\n", "when: [\n", ":", ""),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said_with_its_place_and_remedy(was: str, now: str, place: str, words: str) -> None:
    text = MINI + '  - {at: "20:04", output: light/main-road/a, is: on}\n'
    assert parse_scenario(text, "mini.yaml").see
    assert was in text
    with pytest.raises(ScenarioError) as refused:
        parse_scenario(text.replace(was, now, 1), "mini.yaml")
    said = str(refused.value)
    assert any(line.startswith(f"mini.yaml{place}") and words in line for line in said.splitlines()), said


def test_every_error_is_found_at_once() -> None:
    text = MINI.replace("5m", "5").replace("20:02", "25:02").replace("en: One,", "en: 1,")
    with pytest.raises(ScenarioError) as refused:
        parse_scenario(text, "mini.yaml")
    assert [found.path for found in refused.value.problems] == ["title.en", "lasts", "when[1].at", "see"]


def test_a_scenario_that_sees_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="a scenario that sees nothing shows nothing"):
        parse_scenario(MINI.replace("see:", "see: []"), "mini.yaml")
    for made, words in ((b"", "the file is empty"), (b"\xff", "not UTF-8"), (b"# " + b"x" * 70000, "larger than 64 KiB")):
        (tmp_path / "s.yaml").write_bytes(made)
        with pytest.raises(ScenarioError, match=words):
            load(tmp_path / "s.yaml")
    with pytest.raises(ScenarioError, match="cannot be read"):
        load(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("was", "now", "words"),
    [
        ("on: light/main-road/b", "on: light/main-rode/b", "relay-welded cannot be on light/main-rode/b; did you mean light/main-road/b?"),
        ("output: light/main-road/a", "output: light/lanes/b", "there is no light/lanes/b that is played; there are light/culture-house/a"),
        ('at: "20:04"', 'at: "20:06"', "20:06 lies outside of the scenario; write day 2 for the next day, or let it last longer"),
        ('at: "20:01"', 'at: "19:59"', "19:59 lies outside of the scenario"),
    ],
)  # fmt: skip
def test_what_the_village_has_not_is_said_before_it_begins(was: str, now: str, words: str) -> None:
    text = MINI + '  - {at: "20:04", output: light/main-road/a, is: on}\n'
    with pytest.raises(ScenarioError, match=re.escape(words)) as refused:
        play(parse_scenario(text.replace(was, now), "mini.yaml"), CONFIG)
    assert re.match(r"mini.yaml:\d+:\d+: ", str(refused.value))


# --- the pages ---


@pytest.mark.parametrize("language", ["en", "vi"])
def test_the_page_names_every_fault_and_every_scenario(language: str) -> None:
    page = (DOCS / language / "scenarios.md").read_text("utf-8")
    listed = set(re.findall(r"^\| (.*?) \|", page, re.MULTILINE))
    named = {word for cell in listed for word in re.findall(r"`([a-z0-9-]+)(?: [^`]*)?`", cell)}
    assert named == set(KINDS)
    files = {word for cell in listed for word in re.findall(r"`([a-z-]+)\.yaml`", cell)}
    assert files == {path.stem for path in SHIPPED}
    for cell in listed:
        for name, parameters in re.findall(r"`([a-z0-9-]+) ([^`]+)`", cell):
            for key in re.findall(r"(\w+)=", parameters):
                assert key in {"on", *KINDS[name].params}, cell


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "vi"])
def test_the_example_on_the_page_is_seen(language: str) -> None:
    page = (DOCS / language / "scenarios.md").read_text("utf-8")
    example = parse_scenario(page.split("```yaml\n")[1].split("```")[0], "page")
    report = play(example, CONFIG)
    assert report.ok, str(report)
    printed = page.split("```console\n")[-1].split("```")[0].splitlines()[1:]
    assert str(play(load(FOLDER / "relay-welded.yaml"), CONFIG)).splitlines() == printed
