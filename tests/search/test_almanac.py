"""The second opinion that the search judges by, against the calendar itself: random programs, at random times."""

from __future__ import annotations

import datetime as dt
import random

import pytest
from search.hamlet import hamlet

from edge.core.assembly import light_calendar
from edge.core.site import Site


@pytest.mark.slow
def test_two_opinions_on_hundreds_of_programs_are_one() -> None:
    rules = set()
    for seed in range(150):
        draw = random.Random(seed)
        village = hamlet(draw)
        calendar = light_calendar(Site.model_validate(village.config))
        for name in village.config["programs"]:
            for _ in range(20):
                wall = village.start + draw.uniform(0, 6 * 86400)
                mine, other = calendar.standing(name, wall), village.almanac.standing(name, wall)
                assert mine is not None
                when = dt.datetime.fromtimestamp(wall, dt.UTC)
                assert (mine.level, mine.since, mine.next_step) == other, f"seed {seed}, {name} at {when}"
                rule = calendar.rule_of(name, calendar.night_of(wall))
                rules |= {key for key in ("days", "date", "lunar_day") if rule and getattr(rule, key) is not None}
    assert rules == {"days", "date", "lunar_day"}
