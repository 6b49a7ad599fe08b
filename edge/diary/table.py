"""The diaries of plots as CSV: a line for each watering, and one for each day without."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

from edge.diary.gathering import KINDS, Day, Diary
from edge.diary.words import OUTCOMES, WORDS, noted, reason
from edge.figures import BOM, Language, csv_exact, csv_figure, csv_line, csv_text
from edge.shell.journal_runs import Share

WATERING = ("started", "finished", "planned_min", "planned_l", "done_min", "litres", "program", "user", "ended", "why")
MEAN_DIGITS = 5


def table(diaries: Sequence[Diary], language: Language) -> str:
    """The whole file. What the sensors saw and what people did stands on the first line of a day."""
    words = WORDS[language]
    titles = [words["lux"] if kind == "light" else words[kind] for kind in KINDS]
    of_day = [f"{title} {words[name]}" for title in titles for name in ("min", "mean", "max")]
    named = [words[name] for name in ("date", "area", "plot", *WATERING)]
    head = [*named, *of_day, words["notes"], words["run"]]
    lines = [csv_line(head, language)]
    for diary in diaries:
        lines += [csv_line(cells, language) for day in diary.days for cells in _rows(diary, day, language)]
    return BOM + "".join(lines)


def _rows(diary: Diary, day: Day, language: Language) -> Iterator[list[str]]:
    which = [str(day.date), csv_text(diary.area or ""), csv_text(diary.name)]
    noting = csv_text("; ".join(f"{_time(note.at, diary)[11:16]} {noted(note, language)}" for note in day.notes))
    seen = [cell for kind in KINDS for cell in _figures(day, kind, language)]
    for share in day.shares or (None,):
        watering = [""] * len(WATERING) if share is None else _watering(diary, share, language)
        yield [*which, *watering, *seen, noting, "" if share is None else share.run.id]
        seen, noting = [""] * len(seen), ""


def _watering(diary: Diary, share: Share, language: Language) -> list[str]:
    zone, run = share
    return [
        _time(zone.started, diary), _time(zone.ended, diary), _minutes(zone.planned_s, language),
        csv_exact(zone.planned_l, language), _minutes(zone.done_s, language), csv_figure(zone.litres, 1, language),
        run.program or "", run.user or "", OUTCOMES[language].get(zone.outcome or "", zone.outcome or ""),
        csv_text(reason(zone, language)),
    ]  # fmt: skip


def _figures(day: Day, kind: str, language: Language) -> list[str]:
    found = day.figures.get(kind)
    if found is None:
        return ["", "", ""]
    return [csv_exact(figure, language, MEAN_DIGITS) for figure in (found.least, found.mean, found.most)]


def _minutes(seconds: float | None, language: Language) -> str:
    return "" if seconds is None else csv_figure(seconds / 60, 1, language)


def _time(at: float | None, diary: Diary) -> str:
    return "" if at is None else f"{dt.datetime.fromtimestamp(at, diary.zone):%Y-%m-%d %H:%M:%S}"
