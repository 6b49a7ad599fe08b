"""Model files of the village's own, and files with errors: every error at once, with file, line and remedy."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers import registers
from drivers.model_errors import read
from drivers.registers import FOLDER, Model, ModelError, broken, catalogue, load_model, models, read_model_file

ROOT = Path(__file__).parents[2]
SHIPPED = sorted(FOLDER.glob("*.yaml"))
DTSU666 = (FOLDER / "dtsu666.yaml").read_text("utf-8")
TOLD = re.compile(r"(?P<file>[^:]+):(?P<line>\d+):(?P<column>\d+): (?:(?P<path>[^ ]+): )?(?P<what>[^;]+); (?P<remedy>.+)")

# What a technician may write wrong in dtsu666.yaml: in place of what stands there, and what is said of it.
MISTAKES = [
    ("function: 3", "function: 6", "function: this cannot stand here; write 3 or 4"),
    ("function: 3\n", "", "function: this key is missing; write it"),
    ("max_registers: 40", "max_registers: 400", "max_registers: this is out of range; write at most 125"),
    ("max_registers: 40", "max_registers: forty", "max_registers: this is no such number; write one"),
    ("max_registers: 40", "max_register: 40", "max_register: there is no such key; write max_registers"),
    ("timeout_s: 0.5", "timeout_s: 0", "timeout_s: this is out of range; write more than 0"),
    ("unit: Hz", "unit: kHz", 'quantities.frequency_hz.unit: "kHz" is no unit here; scale the value to one of V, A, W, VA, var, Hz, kWh, kvarh, kVAh, °C, %, lx, l, or to ""'),
    ("  frequency_hz:", "  frequency:", "quantities.frequency.unit: a quantity in Hz ends with _hz; rename frequency or correct the unit"),
    ("limits: [0, 70]", "limits: [70, 0]", "quantities.frequency_hz.limits: the limits leave nothing between them; write the lower one first"),
    ("limits: [0, 70]", "limits: 70", "quantities.frequency_hz.limits: this is no list; write [ ] around it"),
    ("limits: [0, 70]", "limits: [0]", "quantities.frequency_hz.limits.1: this key is missing; write it"),
    ("{address: 0x2044", "{address: 0x2040", "quantities.frequency_hz.address: frequency_hz lies in a range that is forbidden; correct one of the two"),
    ("{address: 0x2044", "{address: 0x12044", "quantities.frequency_hz.address: this is out of range; write at most 65535"),
    ("{address: 0x2044", "{address: 0xFFFF", "quantities.frequency_hz.address: a float32 does not fit there; the last register is 0xFFFF"),
    ("{address: 0x2044", "{adress: 0x2044", "quantities.frequency_hz.adress: there is no such key; write address"),
    ("times: [voltage_ratio], unit: V, limits: [0, 500]}\n  voltage_l2", "times: [ratio], unit: V, limits: [0, 500]}\n  voltage_l2", "quantities.voltage_l1_v.times.0: ratio is not among the factors (current_ratio, voltage_ratio); add it there or take it out here"),
    ("{energy_kwh: 0x401E", "{energi_kwh: 0x401E", "variants.0.addresses.energi_kwh: energi_kwh is not among the quantities; correct the name"),
    ("[0x2022, 0x2029]", "[0x2029, 0x2022]", "forbidden.0: this is no range; write its first and its last register"),
    ("baudrates: [1200", "baudrates: [12", "link.baudrates.0: this is out of range; write at least 300"),
    ("parities: [none", "parities: [keine", "link.parities.0: this cannot stand here; write none, even or odd"),
    ("kind: meter", "kind: metre", "kind: this cannot stand here; write meter or sensor"),
]


def flaws(text: str) -> list[str]:
    try:
        read(text, "dtsu666", "models/dtsu666.yaml")
    except ModelError as error:
        return str(error).splitlines()
    return []


@pytest.mark.parametrize(("good", "bad", "said"), MISTAKES, ids=lambda text: text[:24])
def test_every_mistake_is_told_with_its_line_and_its_remedy(good: str, bad: str, said: str) -> None:
    assert good in DTSU666
    text = DTSU666.replace(good, bad, 1)
    line = DTSU666[: DTSU666.index(good)].count("\n") + 1

    found = dict(re.fullmatch(r"models/dtsu666\.yaml:(\d+):\d+: (.*)", each).group(2, 1) for each in flaws(text))  # type: ignore[union-attr]

    assert int(found.pop(said)) == (line if bad else 1)
    misspelt = "no such key" in said
    assert all("this key is missing; write it" in other for other in found) if misspelt else not found


def test_all_mistakes_are_told_at_once() -> None:
    text = DTSU666.replace("unit: Hz", "unit: kHz").replace("max_registers: 40", "max_registers: 400")
    text = text.replace("[0x2022, 0x2029]", "[0x2029, 0x2022]").replace("{address: 0x101E", "{adress: 0x101E")
    text = text.replace("parities: [none", "parities: [keine")
    found = flaws(text)
    assert {line.split(": ")[1] for line in found} == {
        "link.parities.0", "max_registers", "forbidden.0", "quantities.frequency_hz.unit", "quantities.energy_kwh.adress",
        "quantities.energy_kwh.address",
    }  # fmt: skip
    assert [int(line.split(":")[1]) for line in found] == sorted(int(line.split(":")[1]) for line in found)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1), ("- a\n", 1), ("title", 1), ("title: [a\nkind: meter\n", 2), ("title: a\n\tkind: b\n", 2), ("a: b: c", 1),
        ("title: a\ntitle: b\n", 2), ("{" * 100, 1), ("[" * 100_000, 1), ("a: &x [*x]", 1), ("title: '\n", 2),
        ("title: 2026-13-45\n", 1), ("? [a]\n: 1\n", 1), ("!!python/object:os.system {}", 1), ("a: \x00", 1),
    ],
    ids=range(15),
)  # fmt: skip
def test_what_is_no_model_at_all_is_told_as_well(text: str, line: int) -> None:
    found = flaws(text)
    assert found
    assert all(TOLD.fullmatch(each) for each in found), found
    assert int(found[0].split(":")[1]) in (line, 1)


def mutated(text: str, draw: random.Random) -> str:
    """A file as it comes out when someone types in it who does not look."""
    lines = text.splitlines()
    deeds: list[Callable[[int], None]] = [
        lines.__delitem__,
        lambda i: lines.insert(i, lines[i]),
        lambda i: lines.__setitem__(i, lines[i].replace(":", "", 1)),
        lambda i: lines.__setitem__(i, "  " + lines[i]),
        lambda i: lines.__setitem__(i, lines[i][: draw.randrange(len(lines[i]) + 1)]),
        lambda i: lines.__setitem__(i, re.sub(r"\d+", str(draw.choice([-1, 10**6, 10**30, 0])), lines[i], count=1)),
        lambda i: lines.__setitem__(i, lines[i].replace("0x", draw.choice(["x", "0", "0xG"]), 1)),
        lambda i: lines.__setitem__(i, re.sub(r"[a-z]", draw.choice("aäđ%:#[{}"), lines[i], count=1)),
        lambda i: lines.__setitem__(i, re.sub(r": .*", ": " + draw.choice(["", "on", "~", "[]", "{}", ".nan", "'"]), lines[i])),
        lambda i: lines.insert(i, draw.choice(["x: 1", "---", "...", "\t", "*a", "&a b", "\ufeff", "<<: 1"])),
    ]
    for _ in range(draw.randint(1, 3)):
        if lines:
            draw.choice(deeds)(draw.randrange(len(lines)))
    return "\n".join(lines) + "\n"


@pytest.mark.slow
@given(st.sampled_from(SHIPPED), st.integers(0, 2**32))
@settings(max_examples=300, deadline=None)
def test_a_file_someone_typed_in_is_good_or_told_with_line_and_remedy(path: Path, seed: int) -> None:
    text = mutated(path.read_text("utf-8"), random.Random(seed))
    error = model = None
    try:
        model = read(text, path.stem, path.name)
    except ModelError as found:
        error = found
    if isinstance(model, Model):
        for form in model.forms:
            assert all(b.register >= 0 and b.end <= 0x10000 for b in [*form.blocks, *form.probes])
    if error is not None:
        lines = text.count("\n") + 1
        assert error.problems
        for problem, line in zip(error.problems, str(error).splitlines(), strict=True):
            assert TOLD.fullmatch(line), line
            assert 1 <= problem.line <= lines
            assert problem.column >= 1


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The village's own folder of models."""
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv(registers.OWN_VARIABLE, str(folder))
    return folder


def test_a_villages_own_file_makes_a_model_known_and_comes_before_a_shipped_one(own: Path) -> None:
    (own / "dtsu666-old.yaml").write_text(DTSU666)
    (own / "sdm120.yaml").write_text((FOLDER / "sdm120.yaml").read_text("utf-8").replace("max_registers: 50", "max_registers: 2"))

    assert "dtsu666-old" in models()
    assert catalogue()["dtsu666-old"].driven
    assert len(load_model("sdm120").blocks) == 8
    assert broken() == []


def test_a_broken_file_leaves_the_others_and_the_configuration_that_names_it_in_force(own: Path) -> None:
    (own / "probe.yaml").write_text(DTSU666.replace("kind: meter", "kind: sensor").replace("function: 3", "function: 9"))

    info = catalogue()["probe"]
    assert (info.kind, info.driven) == ("sensor", False)
    assert {9600, 19200} <= set(info.baudrates)
    assert "probe" not in models()
    assert "sdm120" in models()
    with pytest.raises(ModelError, match=r"probe\.yaml:\d+:\d+: function: this cannot stand here; write 3 or 4"):
        load_model("probe")
    assert [error.file for error in broken()] == [str(own / "probe.yaml")]


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("My Meter.yaml", b"", "a model is named for its file; name it with small letters"),
        ("latin.yaml", b"title: \xe9\n", "this is not UTF-8 text; save the file"),
        ("big.yaml", b"#" * 70_000, "the file is larger than 64 KiB"),
    ],
)
def test_a_file_that_is_no_text_is_told(own: Path, name: str, content: bytes, why: str) -> None:
    (own / name).write_bytes(content)
    with pytest.raises(ModelError, match=re.escape(why)):
        read_model_file(own / name)


def test_a_file_that_cannot_be_read_is_told(own: Path) -> None:
    with pytest.raises(ModelError, match="the file cannot be read"):
        read_model_file(own / "nowhere.yaml")
