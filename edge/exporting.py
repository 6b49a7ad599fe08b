"""What the history has, as lines of a CSV file: the readings themselves, or what they come to by the hour.

The file is read a piece at a time, each of one moment, so that a year needs no more memory than a week, and the
controller that writes it never waits for long.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

from edge.core import gauges
from edge.core.counter import COUNTER
from edge.core.energy import Terms
from edge.core.metering import metered
from edge.core.periods import day_of, day_start
from edge.core.questions import EnergyQuestion
from edge.core.rollup import Figures, joined, summed, unpacked
from edge.core.site import Site
from edge.core.values import ModelInfo, Moment
from edge.figures import Language, csv_exact, csv_figure, csv_line, csv_text
from edge.shell.energy_reader import EnergyReader
from edge.shell.history_file import connect_readonly
from edge.shell.history_rows import Layout, layouts, rows_between, still
from edge.shell.history_series import Fresh
from edge.shell.rollups import HOUR, Rollups

ROWS_DAYS, HOURS_DAYS = 1, 7  # read in one piece
TOTALS = ("_kwh", "_kvarh", "_kvah", "_l")  # what only grows: of an hour, where it stood at its end
LOOKED_AT = 10_000  # rows at each end, to find the first and the last day: those without marks are fewer
MEAN_DIGITS = 7  # as float registers have; a mean has more, which nobody measured
QUALITIES = {"vi": ("tốt", "nghi ngờ"), "en": ("good", "suspect")}
WORDS = {
    "vi": {"at": "Thời điểm", "device": "Thiết bị", "name": "Tên", "quality": "Chất lượng", "life": "Đời",
           "mean": "trung bình", "end": "cuối giờ", "kwh": "Tiêu thụ (kWh)", "guessed": "trong đó ước tính (kWh)",
           "unmeasured": "Không đo được (s)"},
    "en": {"at": "Time", "device": "Device", "name": "Name", "quality": "Quality", "life": "Life", "mean": "mean",
           "end": "at the end", "kwh": "Consumed (kWh)", "guessed": "of it estimated (kWh)",
           "unmeasured": "Not measured (s)"},
}  # fmt: skip


class Export:
    """The history of one village in the file `history`, read while others write it."""

    def __init__(
        self, site: Site, catalogue: Mapping[str, ModelInfo], history: Path, language: Language, moment: Moment
    ) -> None:
        """Opens it. Raises sqlite3.Error."""
        self.zone = ZoneInfo(site.site.timezone)
        self._names = gauges.called(site)
        self._meters = metered(site, catalogue)
        self._reader = EnergyReader(site, catalogue, {})
        self._rollups = Rollups(self.zone, {device: meter.terms for device, meter in self._meters.items()})
        self._language = language
        self._moment = moment
        self._db = connect_readonly(history)
        self._layouts = layouts(self._db)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    @property
    def devices(self) -> list[str]:
        """Every device that the history has had a reading of, also those that are in no configuration any more."""
        return sorted({layout.device for layout in self._layouts.values()})

    def bounds(self) -> tuple[dt.date, dt.date] | None:
        """The first and the last day of which there can be something; None: there is nothing."""
        query = (
            "SELECT min(hour), max(hour) FROM marks UNION ALL SELECT min(start), max(start) FROM rollups UNION ALL "
            "SELECT min(at) / 1000, NULL FROM (SELECT at FROM rows ORDER BY sequence LIMIT ?1) UNION ALL "
            "SELECT NULL, max(at) / 1000 FROM (SELECT at FROM rows ORDER BY sequence DESC LIMIT ?1)"
        )
        found = [at for pair in self._db.execute(query, (LOOKED_AT,)) for at in pair if at is not None]
        return (day_of(min(found), self.zone), day_of(max(found), self.zone)) if found else None

    def rows(self, first: dt.date, last: dt.date, devices: Collection[str]) -> Iterator[tuple[float, str]]:
        """Every reading from `first` to `last`, both days included, as lines in the order of time, the head first; each
        with the time (Unix s) that it is of. Raises sqlite3.Error and ValueError for a file that is damaged."""
        of = self._of(devices)
        names = _names(of)
        words = WORDS[self._language]
        head = [words[name] for name in ("at", "device", "name", "quality", "life")] + names
        yield day_start(first, self.zone), csv_line(head, self._language)
        for start, end in self._pieces(first, last, ROWS_DAYS):
            with still(self._db):
                for raw in rows_between(self._db, start, end, of.keys()):
                    layout = of[raw.layout]
                    values = dict(zip(layout.names, raw.values(layout), strict=True))
                    quality = QUALITIES[self._language][raw.quality != 0]
                    cells = [*self._who(raw.at / 1000, layout.device), quality, str(raw.life)]
                    cells += [csv_exact(values.get(name), self._language) for name in names]
                    yield raw.at / 1000, csv_line(cells, self._language)

    def hours(self, first: dt.date, last: dt.date, devices: Collection[str]) -> Iterator[tuple[float, str]]:
        """Likewise a line for each hour and device: means, where counters stood at the end, and what was consumed."""
        of = self._of(devices)
        names = _names(of)
        words = WORDS[self._language]
        heads = [f"{name} ({words['end' if name.endswith(TOTALS) else 'mean']})" for name in names]
        more = [words[name] for name in ("kwh", "guessed", "unmeasured")]
        head = [words["at"], words["device"], words["name"], *heads, *more]
        yield day_start(first, self.zone), csv_line(head, self._language)
        for start, end in self._pieces(first, last, HOURS_DAYS):
            lines: dict[tuple[float, str], str] = {}
            with still(self._db):
                for device in devices:
                    theirs = {i: layout for i, layout in of.items() if layout.device == device}
                    used = self._consumed(device, start, end)
                    for hour, figures in self._figures(theirs, start, end).items():
                        cells = [*self._who(hour, device), *(self._figure(figures.get(name), name) for name in names)]
                        lines[hour, device] = csv_line(cells + used.get(hour, ["", "", ""]), self._language)
            for hour, device in sorted(lines):
                yield hour, lines[hour, device]

    def _pieces(self, first: dt.date, last: dt.date, days: int) -> Iterator[tuple[float, float]]:
        day, over = first, last + dt.timedelta(days=1)
        while day < over:
            after = min(day + dt.timedelta(days=days), over)
            yield day_start(day, self.zone), day_start(after, self.zone)
            day = after

    def _of(self, devices: Collection[str]) -> dict[int, Layout]:
        return {i: layout for i, layout in self._layouts.items() if layout.device in devices}

    def _who(self, at: float, device: str) -> list[str]:
        local = dt.datetime.fromtimestamp(at, self.zone)
        return [f"{local:%Y-%m-%d %H:%M:%S}", device, csv_text(self._names.get(device, ""))]

    def _figures(self, of: Mapping[int, Layout], start: float, end: float) -> dict[float, dict[str, Figures]]:
        """What the readings of each hour come to, by quantity: as rolled up, or as they will be."""
        found: dict[float, dict[str, Figures]] = {}
        query = "SELECT start, body FROM rollups WHERE layout = ? AND span = ? AND start >= ? AND start < ?"
        for i, layout in of.items():
            for hour, body in self._db.execute(query, (i, HOUR, start, end)):
                here = found.setdefault(hour, {})
                for name, figures in zip(layout.names, unpacked(body, len(layout.names)), strict=True):
                    both = joined((here.get(name), figures))
                    here |= {} if both is None else {name: both}
        fresh = Fresh(self._db, of, self._rollups, (start, end))
        for hour in fresh.hours:
            if start <= hour < end:
                here = found.setdefault(hour, {})
                for name, new in _summed(fresh, hour, of).items():
                    kept = here.get(name)
                    here[name] = new if kept is None or new.n >= kept.n else kept
        return found

    def _consumed(self, device: str, start: float, end: float) -> dict[float, list[str]]:
        """What a meter counted in each hour, as cells; empty for what is no meter, or is none any more."""
        terms: Terms | None = self._meters[device].terms if device in self._meters else None
        if terms is None or not any(COUNTER in of.names for of in self._layouts.values() if of.device == device):
            return {}
        question = EnergyQuestion(device, "hour", start, end)
        return {
            hour.start: [
                csv_figure(hour.kwh, 4, self._language), csv_figure(hour.interpolated_kwh, 4, self._language),
                csv_figure(hour.unmeasured_s, 0, self._language),
            ]
            for hour in self._reader.periods(self._db, question, self._moment)
        }

    def _figure(self, found: Figures | None, name: str) -> str:
        if found is None:
            return ""
        if name.endswith(TOTALS):
            return csv_exact(found.most, self._language)
        return csv_exact(found.mean, self._language, MEAN_DIGITS)


def _names(of: Mapping[int, Layout]) -> list[str]:
    """Every quantity of these layouts once, in the order in which they have them."""
    return list(dict.fromkeys(name for layout in of.values() for name in layout.names))


def _summed(fresh: Fresh, hour: int, of: Mapping[int, Layout]) -> dict[str, Figures]:
    values: dict[str, list[float | None]] = {}
    for raw in fresh.rows(hour):
        layout = of[raw.layout]
        for name, value in zip(layout.names, raw.values(layout), strict=True):
            values.setdefault(name, []).append(value)
    return {name: figures for name, each in values.items() if (figures := summed(each)) is not None}
