"""Judgements over what was heard, without a bus; and the words for every one of them, in both languages."""

from __future__ import annotations

import re
import string
from pathlib import Path
from typing import get_args

import pytest

from edge.core import diagnosis, diagnosis_machine, diagnosis_outputs, diagnosis_rights
from edge.core.diagnosis import Device, PortSeen, Seen, Stranger, findings, guess, score, settings, unexplained
from edge.core.diagnosis_dialog import DIALOG
from edge.core.diagnosis_terms import Language, Words
from edge.core.diagnosis_words import WORDS, figures, told
from edge.core.setting_words import _WORDS as SETTING_WORDS
from edge.core.values import Heard, Look, ModelInfo, Setting, Taken

LINE = Setting(9600, "none", 1)
GOOD = {"voltage_v": 231.0, "current_a": 3.0, "power_w": 450.0, "frequency_hz": 50.0, "energy_kwh": 10.0}
ASK = bytes(8)


def heard(*kinds: str) -> tuple[Heard, ...]:
    return tuple(Heard(kind, ASK, slave=9) for kind in kinds)  # type: ignore[arg-type]


def seen(name: str = "meter/a", *kinds: str, values: dict[str, float] | None = None, **more: object) -> Seen:
    device = Device(name, "sdm120", 2, 5.0)
    taken = Taken(values, None if values else "no answer", heard(*(kinds or ("answer",))))
    return Seen(device, taken, **more)  # type: ignore[arg-type]


def codes(*devices: Seen, **more: object) -> list[tuple[str, str]]:
    port = PortSeen("line", "/dev/x", LINE, devices, **more)  # type: ignore[arg-type]
    return [(finding.where, finding.code) for finding in findings(port)]


OTHER = seen("meter/b", values=GOOD)


@pytest.mark.parametrize(
    ("kinds", "code"),
    [
        (("silent", "silent", "silent"), "silent"),
        (("damaged", "damaged", "damaged"), "twins"),
        (("double", "damaged"), "twins"),
        (("damaged", "silent", "damaged"), "garbage"),
        (("answer", "damaged", "damaged", "damaged"), "noisy"),
        (("refused", "refused"), "refusing"),
        (("stranger", "stranger"), "wrong-id"),
        (("dlt645", "dlt645"), "dlt645"),
    ],
)
def test_what_cannot_be_read_is_judged_by_what_came_back(kinds: tuple[str, ...], code: str) -> None:
    assert codes(seen("meter/a", *kinds), OTHER) == [("meter/a", code), ("meter/b", "good")]


def test_damaged_answers_alone_on_a_line_are_not_yet_twins_but_double_ones_are() -> None:
    assert codes(seen("meter/a", "damaged", "damaged")) == [("meter/a", "garbage")]
    assert codes(seen("meter/a", "damaged", "double")) == [("meter/a", "twins")]


def test_what_was_found_elsewhere_explains_a_silence_in_this_order() -> None:
    silent = ("silent", "silent")
    assert codes(seen("meter/a", *silent, setting=Setting(2400, "none", 1), address=7), OTHER)[0][1] == "other-setting"
    assert codes(seen("meter/a", *silent, address=7), OTHER)[0][1] == "other-address"
    assert codes(seen("meter/a", *silent, slow_s=3.0), OTHER)[0][1] == "slow"
    assert codes(seen("meter/a", *silent), OTHER, dlt645=("000000000012", LINE))[0][1] == "dlt645"


def test_one_dl_t_645_meter_among_several_silent_ones_is_not_guessed() -> None:
    found = codes(seen("meter/a", "silent"), seen("meter/c", "silent"), OTHER, dlt645=("000000000012", LINE))
    assert found == [("meter/a", "dlt645-maybe"), ("meter/c", "dlt645-maybe"), ("meter/b", "good")]


def test_nothing_from_anybody_is_said_of_the_port() -> None:
    silent, garbage = seen("meter/a", "silent"), seen("meter/c", "damaged")
    assert codes(silent, seen("meter/c", "silent")) == [("port/line", "port-silent")]
    assert codes(silent, garbage) == [("port/line", "swapped")]
    assert codes(silent, garbage, OTHER)[0] == ("meter/a", "silent")
    assert unexplained([silent, OTHER]) == [silent]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"voltage_v": 150.0}, "odd-voltage"),
        ({"voltage_v": 290.0}, "odd-voltage"),
        ({"frequency_hz": 60.0}, "odd-frequency"),
        ({"power_w": 1000.0}, "over-apparent"),
        ({"power_w": 9000.0, "current_a": 45.0}, "over-rating"),
        ({"voltage_v": 0.5, "current_a": 0.0, "power_w": 0.0}, "dead-phase"),
    ],
)
def test_figures_that_cannot_be_are_named(more: dict[str, float], code: str) -> None:
    assert [found for _, found in codes(seen(values=GOOD | more))] == [code]


def test_a_transformer_the_wrong_way_round_shows_against_other_phases_only() -> None:
    phases = {"power_l1_w": 400.0, "power_l2_w": -300.0, "power_l3_w": 350.0}
    assert codes(seen(values=phases)) == [("meter/a", "reversed")]
    exporting = {name: -abs(watts) for name, watts in phases.items()}
    assert codes(seen(values=exporting)) == [("meter/a", "good")]


def test_a_reading_with_a_fault_in_it_is_told_with_its_share() -> None:
    port = PortSeen("line", "/dev/x", LINE, [seen("meter/a", "answer", "damaged", "answer", "answer", values=GOOD)])
    (finding,) = findings(port)
    assert (finding.code, finding.data["bad"], finding.data["asked"]) == ("noisy", 1, 4)


def test_registers_that_a_device_has_not_count_against_a_model() -> None:
    one = Look("sdm120", GOOD)
    three = Look("sdm630", {"voltage_l1_v": 231.0, "voltage_l2_v": 0.0, "voltage_l3_v": 0.0, "frequency_hz": 50.0})
    assert guess([three, one], "sdm630") == ("sdm120",)
    whole = Look("sdm630", {**three.values, "voltage_l2_v": 229.0, "voltage_l3_v": 230.0})
    assert guess([one, whole], "sdm120") == ("sdm630",)
    one_dead = Look("sdm630", {**three.values, "voltage_l2_v": 229.0})
    assert guess([one, one_dead], "sdm630") == ("sdm630",)


def test_what_refuses_or_is_out_of_bounds_is_no_candidate() -> None:
    assert score(Look("x", GOOD, refused=True)) is None
    assert score(Look("x", GOOD, broken=True)) is None
    assert score(Look("x", GOOD, outside=1)) is None
    assert score(Look("x", {"voltage_v": 0.0})) is None
    assert guess([Look("x", {}, refused=True)]) == ()


def test_models_alike_in_their_registers_are_both_named_unless_one_is_configured() -> None:
    alike = [Look("pzem016", GOOD), Look("pzem004t-v3", GOOD)]
    assert set(guess(alike)) == {"pzem016", "pzem004t-v3"}
    assert guess(alike, "pzem016") == ("pzem016",)
    assert set(guess(alike, "sdm120")) == {"pzem016", "pzem004t-v3"}


def test_settings_are_tried_likeliest_first_and_never_the_one_that_failed() -> None:
    info = ModelInfo("m", "meter", True, (1200, 2400, 4800, 9600), ("none", "even"), (1, 2))
    tried = settings(info, LINE)
    assert str(tried[0]) == "2400 8N1"
    assert LINE not in tried
    assert len(tried) == len(set(tried)) == 7


def test_strangers_are_told_unless_they_are_those_that_were_found() -> None:
    known = Stranger(7, LINE, ("sdm120",))
    same = Stranger(2, LINE, ("sdm120",))
    new = Stranger(8, LINE)
    found = codes(seen("meter/a", "silent", address=7), OTHER, strangers=[known, same, new])
    assert found == [("meter/a", "other-address"), ("meter/b", "good"), ("port/line", "stranger-unknown")]


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("code", WORDS)
def test_both_languages_say_the_same_of_the_same_facts(code: str) -> None:
    words = WORDS[code]
    assert fields(words.vi) == fields(words.en)
    assert len(words.do_vi) == len(words.do_en)
    for vi, en in zip(words.do_vi, words.do_en, strict=True):
        assert fields(vi) == fields(en)


def test_every_finding_that_the_code_can_make_has_words_and_no_words_are_idle() -> None:
    modules = (diagnosis, diagnosis_machine, diagnosis_outputs, diagnosis_rights)
    source = "".join(Path(module.__file__).read_text("utf-8") for module in modules)
    named = set(re.findall(r'"([a-z0-9]+(?:-[a-z0-9]+)*)"', source))
    made = {f"pulse-{verdict}" for verdict in get_args(diagnosis_outputs.Verdict)} | {
        "match-skipped", "match-locked", "match-failed", "lgpio-missing", "lgpio-stub"
    }  # fmt: skip
    assert set(WORDS) <= named | made
    assert made <= set(WORDS)
    assert {code for code in named if code.split("-")[0] in ("clock", "card", "broker", "pulse", "match", "watchdog")} - {
        "clock", "card", "broker", "watchdog"
    } <= set(WORDS)  # fmt: skip


@pytest.mark.parametrize("words", [*SETTING_WORDS.values(), *DIALOG.values()], ids=[*SETTING_WORDS, *DIALOG])
def test_words_of_setting_and_switching_have_the_same_facts(words: Words) -> None:
    assert fields(words.vi) == fields(words.en)


@pytest.mark.parametrize("language", ["vi", "en"])
def test_words_are_made_of_a_findings_facts(language: Language) -> None:
    silent = ("silent", "silent")
    ports = [
        PortSeen("line", "/dev/x", LINE, [seen("meter/a", *kinds), OTHER], [Stranger(9, LINE, ("sdm120",))])
        for kinds in (silent, ("damaged", "damaged"), ("damaged", "silent"), ("refused",), ("stranger",), ("dlt645",))
    ]
    ports += [PortSeen("line", "/dev/x", LINE, gone=why) for why in ("busy", "missing", "forbidden", "it broke")]
    for port in ports:
        for finding in findings(port):
            text, do = told(finding, language)
            assert "{" not in text + "".join(do)


def test_figures_put_first_what_people_look_for() -> None:
    assert figures(GOOD) == "voltage_v 231, power_w 450, energy_kwh 10"
    assert figures({"coil_0": 1.0, "coil_1": 0.0, "coil_2": 1.0}) == "relays on: 0, 2"
    assert figures({"coil_0": 0.0}, "vi") == "rơ-le đang đóng: -"
