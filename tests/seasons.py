"""A season of four plots in one weather, watered as soil and rain ask and by fixed times.

`python -m tests.seasons` plays 120 days of both, prints what came of it, and ends with 1 if that is not as it should
be; `--pictures docs` also draws docs/season.en.svg and docs/season.vi.svg. It takes some minutes.
"""

from __future__ import annotations

import argparse
import datetime as dt
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

from drivers.registers import catalogue
from edge.shell.site_file import load
from simulator import report_svg as svg
from simulator.fast import Fast
from simulator.report import DAY_S, Report, Sampler, report, summary
from simulator.report_water import Plot, Water
from simulator.report_water_page import BLUE, GREY, WORDS, plot_drawn, rain_drawn

FOLDER = Path(__file__).parents[1] / "simulator" / "seasons"
START = dt.date(2026, 2, 15)
DAYS, POLL_S = 120, 600.0
RAINY_MM = 20.0  # a week with so much rain is a rainy one
OFF_PLAN = 0.02  # of what was planned
THIRST_S = DAY_S  # no plot stays longer below the soil_below of its program
PROBE_PCT = 0.1  # a probe shows no less


@dataclass(frozen=True, slots=True)
class Season:
    """Both ways of watering, over the same days."""

    by_soil: Report
    by_clock: Report

    def off_plan(self) -> dict[str, float]:
        """By plot, how far what was delivered is from what was planned and not skipped, as a share of that; both ways
        of watering."""
        found = {}
        for way, water in (("soil", _water(self.by_soil)), ("clock", _water(self.by_clock))):
            for plot in water.plots:
                planned = sum(plot.planned)
                found[f"{plot.id} by the {way}"] = sum(plot.delivered) / planned - 1 if planned else 0.0
        return found

    def shut_s(self) -> float:
        """For how long a pump ran while all its valves were shut."""
        return sum(a.shut_s for found in (self.by_soil, self.by_clock) for a in _water(found).pumps.values())

    def weeks(self) -> list[tuple[float, float, float]]:
        """Of each whole week: mm of rain, litres by soil and rain, litres by the clock."""
        rain = _weekly(_water(self.by_soil).rain)
        return list(zip(rain, *(_weekly(_litres(_water(r))) for r in (self.by_soil, self.by_clock)), strict=True))

    def dry_s(self) -> dict[str, float]:
        """By plot that the soil decides for: how long it was below its `soil_below` at most, at a stretch, as far
        as a probe can tell."""
        return {plot.id: _longest_below(plot) for plot in _water(self.by_soil).plots[:2]}

    def flaws(self) -> Iterator[str]:
        """What is not as it should be."""
        for plot, off in self.off_plan().items():
            if abs(off) > OFF_PLAN:
                yield f"{plot}: delivered is {off:+.1%} off what was planned"
        if self.shut_s():
            yield f"{self.shut_s():.0f} s of pump without an open valve"
        for n, (mm, soil, clock) in enumerate(self.weeks()):
            if mm >= RAINY_MM and not soil < clock:
                yield f"week {n + 1}, {mm:.0f} mm of rain: {soil:.0f} l by the soil, {clock:.0f} l by the clock"
        for plot, seconds in self.dry_s().items():
            if seconds > THIRST_S:
                yield f"{plot}: {seconds / 3600:.0f} h below its soil_below"
        for found in (self.by_soil, self.by_clock):
            for alarm in found.alarms:
                yield f"alarm {alarm.id}: {alarm.text}"

    def told(self) -> str:
        """The comparison in plain words."""
        weeks = self.weeks()
        rainy = [week for week in weeks if week[0] >= RAINY_MM]
        lines = [f"weeks with {RAINY_MM:g} mm of rain or more: {len(rainy)} of {len(weeks)}"]
        for name, chosen in (("in rainy weeks", rainy), ("in all weeks", weeks)):
            soil, clock = (sum(week[i] for week in chosen) for i in (1, 2))
            lines.append(f"  {name:<16} {soil:.0f} l by soil and rain, {clock:.0f} l by the clock")
        dry = ", ".join(f"{plot} {seconds / 3600:.0f} h" for plot, seconds in self.dry_s().items())
        return "\n".join([*lines, f"longest below soil_below: {dry}"])


def played(days: int = DAYS, start: dt.date = START) -> Season:
    """Both, from noon of `start` on."""
    return Season(_played("by-the-soil", days, start), _played("by-the-clock", days, start))


def _played(name: str, days: int, start: dt.date) -> Report:
    site = load(FOLDER / f"{name}.yaml", catalogue())
    noon = dt.datetime.combine(start, dt.time(12), ZoneInfo(site.site.timezone)).timestamp()
    fast = Fast(site, catalogue(), noon, 1, poll_s=POLL_S)
    try:
        sampler = Sampler(fast)
        sampler.advance(days * DAY_S)
        return report(fast, sampler, 1)
    finally:
        fast.close()


def _water(found: Report) -> Water:
    assert found.water is not None
    return found.water


def _litres(water: Water) -> list[float]:
    return [sum(day) for day in zip(*(plot.delivered for plot in water.plots), strict=True)]


def _weekly(days: list[float]) -> list[float]:
    return [sum(days[n : n + 7]) for n in range(0, len(days) - 6, 7)]


def _longest_below(plot: Plot) -> float:
    longest, since = 0.0, None
    for at, percent in plot.moisture:
        since = None if percent >= plot.dry - PROBE_PCT else at if since is None else since
        longest = max(longest, 0.0 if since is None else at - since)
    return longest


# --- the picture ---

TEXTS = {
    "en": ("litres a week: by soil and rain", "by the clock", "Plot"),
    "vi": ("lít mỗi tuần: theo đất và mưa", "theo giờ cố định", "Thửa"),
}
STYLE = "text{font:10px system-ui,sans-serif;fill:#5a6673} svg{--line:#ccd3db}"
WEEKS_HIGH, TITLE_HIGH = 60, 18


def drawn(season: Season, language: str) -> str:
    """Rain, plots 1 and 3, and the weeks' litres, as one picture."""
    found = replace(season.by_soil, language=language)
    water, words, (soil, clock, plot) = _water(found), WORDS[language], TEXTS[language]
    legend = [(words["delivered"], BLUE), (words["skipped"], GREY)]
    parts = [([(f"{words['rain']}, {words['mm']}", "")], rain_drawn(water, found))]
    for n in (0, 2):
        thin = replace(water.plots[n], moisture=water.plots[n].moisture[::4])
        titles = [(f"{plot} {n + 1}", ""), (words["moisture"], "#4c9f70"), *legend]
        parts.append((titles, plot_drawn(thin, found, len(thin.delivered))))
    parts.append(([(soil, BLUE), (clock, GREY)], _weeks_drawn(season)))
    y, body = 0.0, []
    for titles, picture in parts:
        body.append(_title(titles, y + 12))
        shape = re.match(r'<svg viewBox="[-\d.]+ [-\d.]+ ([\d.]+) ([\d.]+)"', picture)
        assert shape is not None
        wide, high = map(float, shape.groups())
        body.append(picture.replace("<svg ", f'<svg y="{y + TITLE_HIGH:g}" width="{wide:g}" height="{high:g}" ', 1))
        y += TITLE_HIGH + high + 4
    size = f'viewBox="0 0 {svg.WIDTH} {y:g}" width="{2 * svg.WIDTH}" height="{2 * y:g}"'
    paper = f'<style>{STYLE}</style><rect width="100%" height="100%" fill="#fff"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{paper}{"".join(body)}</svg>\n'


def _title(titles: list[tuple[str, str]], y: float) -> str:
    x, parts = 2.0, []
    for words, colour in titles:
        if colour:
            parts.append(svg.box(x, y - 8, 8, 8, colour))
            x += 11
        parts.append(svg.text(x, y, words, "start"))
        x += 5.6 * len(words) + 12
    return "".join(parts)


def _weeks_drawn(season: Season) -> str:
    weeks = season.weeks()
    top = svg.round_up(max(max(week[1:]) for week in weeks))
    width, parts = svg.PLOT / len(weeks), svg.grid(WEEKS_HIGH, top)
    for n, (_, soil, clock) in enumerate(weeks):
        for litres, left, colour in ((soil, 0.1, BLUE), (clock, 0.5, GREY)):
            tall = litres / top * WEEKS_HIGH
            parts.append(svg.box((n + left) * width, WEEKS_HIGH - tall, width * 0.38, tall, colour))
    return svg.svg([*parts, *svg.dates(season.by_soil, WEEKS_HIGH, 7 * len(weeks))], WEEKS_HIGH + 16, 6)


def main() -> int:
    """0; 1 if something is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("days", type=int, nargs="?", default=DAYS)
    parser.add_argument("--pictures", type=Path, metavar="DIR")
    args = parser.parse_args()
    season = played(args.days)
    for found in (season.by_soil, season.by_clock):
        print(summary(found), end="\n\n")
    print(season.told())
    if args.pictures is not None:
        for language in ("en", "vi"):
            (args.pictures / f"season.{language}.svg").write_text(drawn(season, language), encoding="utf-8")
    flaws = list(season.flaws())
    print("\n".join(flaws), end="\n" if flaws else "")
    return 1 if flaws else 0


if __name__ == "__main__":
    sys.exit(main())
