"""One mistake at a time, each with the place it is shown at and the beginning of what is said."""

from __future__ import annotations

from collections.abc import Callable

import mistakes_devices
import mistakes_loads
import mistakes_programs
import mistakes_site
import pytest

from edge.shell.site_file import Problem

MISTAKES = [
    case for about in (mistakes_site, mistakes_devices, mistakes_loads, mistakes_programs) for case in about.MISTAKES
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
