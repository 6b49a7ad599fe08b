"""The programs of a village: what runs when. One model per kind, told apart by `kind`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    PlainValidator,
    Tag,
    WithJsonSchema,
    model_validator,
)

from edge.core.site_base import Block
from edge.core.site_nights import DateTerm, DaysTerm, LunarTerm, MonthDaysTerm
from edge.core.site_terms import (
    AtTerm,
    Id,
    ResumeTerm,
    StepAtTerm,
    WindowTerm,
    Wrong,
    ZoneTerm,
    duration,
    number,
    shown,
    span,
    text,
    whole,
)

DAY_S = 86400.0


class Step(Block):
    """From this time of day a light has this level, in percent. Of steps that fall together the last listed counts."""

    at: StepAtTerm
    level: Annotated[int, whole(0, 100, "percent of the light's circuits")]

    @model_validator(mode="before")
    @classmethod
    def _bounds_in_quotes(cls, data: Any) -> Any:
        for key in data if isinstance(data, Mapping) else ():
            if isinstance(key, str) and key.startswith(("not before", "not after")):
                text = f'"{key}" stands as a key of its own; put the whole time in quotes: "sunset - 10m, {key}"'
                raise Wrong(text, path=(key,))
        return data


def _distinct(steps: list[Step]) -> list[Step]:
    twice = {at for at, count in Counter(step.at for step in steps).items() if count > 1}
    seen = set()
    wrong = []
    for i, step in enumerate(steps):
        if step.at in twice and step.at in seen:
            wrong.append(((i, "at"), "this moment stands twice among the steps; remove one of the two"))
        seen.add(step.at)
    if wrong:
        raise Wrong(wrong[0][1], *wrong[1:], path=wrong[0][0])
    return steps


Steps = Annotated[list[Step], Field(min_length=1, max_length=48), AfterValidator(_distinct)]


class Rule(Block):
    """The steps of particular nights. Exactly one of `days`, `date`, `lunar` and `lunar_day` says which, by the date of
    the night's noon; the first rule that matches wins.

    `days` are weekdays, Monday 0. `lunar` is a range within the twelve regular months, and holds for none of a leap
    month; `lunar_day` is a day of every lunar month, leap months too, 1 to 30. `note` is for people.
    """

    days: DaysTerm | None = None
    date: DateTerm | None = None
    lunar: LunarTerm | None = None
    lunar_day: Annotated[int, whole(1, 30, "day of the lunar month")] | None = None
    note: Annotated[str, text(80)] | None = None
    steps: Steps

    @model_validator(mode="after")
    def _one_matcher(self) -> Rule:
        if (self.days, self.date, self.lunar, self.lunar_day).count(None) != 3:
            raise Wrong("a rule is for one kind of night; write exactly one of days, date, lunar, lunar_day")
        return self


class Photocell(Block):
    """The photocell may move dusk and dawn by `within` seconds, no more."""

    within: Annotated[float, duration("1m", "2h")]


class LightProgram(Block):
    """The levels of a light through the night; a light keeps a step's level until the next step."""

    kind: Literal["light"]
    steps: Steps
    calendar: list[Rule] = Field(default_factory=list, max_length=64)
    photocell: Photocell | None = None


_Found = tuple[tuple[str | int, ...], str]


def _tell(flaws: Iterator[_Found]) -> None:
    """Raise all of them at once, if there are any."""
    if found := list(flaws):
        raise Wrong(found[0][1], *found[1:], path=found[0][0])


class SkipWhen(Block):
    """A run is skipped while it rains and `rain_delay` after, and while the soil is wet: from `soil_above` percent on,
    until it is below `soil_below` again (left out: the same). Probes that are silent skip nothing."""

    rain: bool = False
    rain_delay: Annotated[float, duration("0s", "7d")] = 0.0
    soil_above: Annotated[float, number(0, 100, "percent")] | None = None
    soil_below: Annotated[float, number(0, 100, "percent")] | None = None

    @model_validator(mode="after")
    def _sense(self) -> SkipWhen:
        _tell(self._flaws())
        return self

    def _flaws(self) -> Iterator[_Found]:
        if self.rain_delay and not self.rain:
            yield ("rain_delay",), "this waits after rain, and rain skips nothing here; add rain: true, or remove it"
        if self.soil_below is None:
            return
        if self.soil_above is None:
            yield ("soil_below",), "this ends what soil_above begins; add soil_above, or remove it"
        elif self.soil_below > self.soil_above:
            text = f"soil_below ({self.soil_below:g}) lies above soil_above ({self.soil_above:g})"
            yield ("soil_below",), f"{text}, so soil could be wet and dry at once; write at most {self.soil_above:g}"


class StartWhen(Block):
    """A run of zones whose soil is drier than `soil_below` percent; each ends early where its soil is wetter than
    `soil_above`. Probes that are silent start nothing."""

    soil_below: Annotated[float, number(0, 100, "percent")]
    soil_above: Annotated[float, number(0, 100, "percent")]

    @model_validator(mode="after")
    def _hysteresis(self) -> StartWhen:
        if self.soil_above <= self.soil_below:
            raise Wrong(
                f"soil_above ({self.soil_above:g}) must lie above soil_below ({self.soil_below:g}), or a run would end "
                "as it begins; write a higher value",
                path=("soil_above",),
            )
        return self


def _read_season(value: object) -> dict[int, int]:
    remedy = "write months and percent such as {1: 60, 7: 120}"
    if not isinstance(value, Mapping) or not value:
        raise Wrong(f"{shown(value)} is no season; {remedy}")
    percent = whole(0, 300, "percent of the program's amounts")
    season: dict[int, int] = {}
    wrong: list[tuple[tuple[str | int, ...], str]] = []
    for key, share in value.items():
        month = int(key) if str(key) in _MONTHS else None
        try:
            season[month or 0] = int(str(percent.read(share)))
        except Wrong as error:
            wrong.append(((key,), str(error)))
        if month is None:
            wrong.append(((key,), f"{shown(key)} is no month; {remedy}, months 1 to 12"))
    if wrong:
        raise Wrong(wrong[0][1], *wrong[1:], path=wrong[0][0])
    return season


_MONTHS = tuple(str(month) for month in range(1, 13))
_SEASON_SCHEMA: dict[str, Any] = {
    "type": "object",
    "minProperties": 1,
    "propertyNames": {"enum": list(_MONTHS)},
    "additionalProperties": {"type": "integer", "minimum": 0, "maximum": 300},
    "description": "Percent of the program's amounts by month; a month that is not named has 100.",
}


def _listed(value: object) -> object:
    """What is one of a kind may stand without a list around it."""
    return value if isinstance(value, list | tuple) or value is None else [value]


class _OneOrList:
    """To an editor, that one may stand without a list around it."""

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        found = dict(handler(core))
        return {"anyOf": [found["items"], found]}


class IrrigationProgram(Block):
    """A run of zones on the days named; durations in seconds, `season` in percent by month.

    Exactly one of `start`, `finish_before` and `window` says when: at that time, so that it ends before that time, or
    once within the window as soon as `start_when` holds. Days are all, or `days` of the week (Monday 0), or
    `month_days`, or `every` so many seconds (whole days) from the date `starting` on; and only within `dates`, where
    there are any. `cycle` and `soak` break a zone's time into pieces with rests between; `resume` is how long (s) after
    its planned end a run that was cut by a power failure, or begun late, may still be finished, 0 for never.
    """

    kind: Literal["irrigation"]
    days: DaysTerm | None = None
    month_days: MonthDaysTerm | None = None
    every: Annotated[float, duration("1d", "366d")] | None = None
    starting: DateTerm | None = None
    dates: Annotated[list[DateTerm], BeforeValidator(_listed), Field(max_length=16), _OneOrList()] = Field(
        default_factory=list
    )
    start: AtTerm | None = None
    finish_before: AtTerm | None = None
    window: WindowTerm | None = None
    start_when: StartWhen | None = None
    zones: list[ZoneTerm] = Field(min_length=1, max_length=64)
    cycle: Annotated[float, duration("1m", "1d")] | None = None
    soak: Annotated[float, duration("1m", "1d")] | None = None
    season: Annotated[dict[int, int], PlainValidator(_read_season), WithJsonSchema(_SEASON_SCHEMA)] = Field(
        default_factory=dict
    )
    skip_when: SkipWhen = SkipWhen()
    resume: ResumeTerm = 0.0

    @model_validator(mode="after")
    def _sense(self) -> IrrigationProgram:
        _tell(self._flaws())
        return self

    def _flaws(self) -> Iterator[_Found]:
        if (self.cycle is None) != (self.soak is None):
            yield (), "cycle and soak belong together; write both or neither"
        yield from self._time_flaws()
        yield from self._day_flaws()

    def _time_flaws(self) -> Iterator[_Found]:
        times = [key for key in ("start", "finish_before", "window") if getattr(self, key) is not None]
        if not times:
            yield (), "nothing says when this waters; write exactly one of start, finish_before, window"
        for key in times[1:]:
            yield (key,), f"{times[0]} already says when this waters; write exactly one of start, finish_before, window"
        if self.window is not None and self.start_when is None:
            yield ("window",), "within a window dry soil starts a run; add start_when, or write start in its place"
        if self.window is None and self.start_when is not None:
            text = "dry soil starts a run within a window of the day; add window"
            yield ("start_when",), f"{text} in the place of {times[0]}" if times else text

    def _day_flaws(self) -> Iterator[_Found]:
        ways = [key for key in ("days", "month_days", "every") if getattr(self, key) is not None]
        for key in ways[1:]:
            yield (key,), f"{ways[0]} already says on which days; write at most one of days, month_days, every"
        if self.every is None and self.starting is not None:
            yield ("starting",), "this is where every begins to count; add every, or remove it"
        if self.every is None:
            return
        if self.every % DAY_S:
            yield ("every",), f"{span(self.every)} is no number of whole days; write one such as 2d or 3d"
        if self.starting is None:
            yield ("every",), "from which day on is not said; add a date such as starting: 2026-11-28"
        elif self.starting.first != self.starting.last or len(self.starting.first) < 3:
            yield ("starting",), f"{self.starting} is not one day; write one date with its year such as 2026-11-28"


_COUNTERPARTS = {"on_above": "off_below", "on_below": "off_above"}


class When(Block):
    """A condition with hysteresis, in the quantity's own unit: from `on_above` on until below `off_below`, or from
    below `on_below` until above `off_above`."""

    sensor: Id
    quantity: Annotated[str, text()]
    on_above: Annotated[float, number(-1e6, 1e6, "the quantity's unit")] | None = None
    off_below: Annotated[float, number(-1e6, 1e6, "the quantity's unit")] | None = None
    on_below: Annotated[float, number(-1e6, 1e6, "the quantity's unit")] | None = None
    off_above: Annotated[float, number(-1e6, 1e6, "the quantity's unit")] | None = None

    @model_validator(mode="after")
    def _one_pair(self) -> When:
        given = [key for pair in _COUNTERPARTS.items() for key in pair if getattr(self, key) is not None]
        if len(given) == 1:
            other = next(off if on == given[0] else on for on, off in _COUNTERPARTS.items() if given[0] in (on, off))
            text = f"{given[0]} needs a counterpart, or the switch would flutter; add {other}"
            raise Wrong(text, path=(given[0],))
        if len(given) != 2 or _COUNTERPARTS.get(given[0]) != given[1]:
            raise Wrong("it is not clear when this holds; write on_above and off_below, or on_below and off_above")
        (on_key, on), (off_key, off) = ((key, getattr(self, key)) for key in given)
        side, better = ("below", "lower") if off_key == "off_below" else ("above", "higher")
        if off >= on if side == "below" else off <= on:
            raise Wrong(
                f"{off_key} ({off:g}) must lie {side} {on_key} ({on:g}), or the switch would flutter; "
                f"write a {better} value",
                path=(off_key,),
            )
        return self


class ClimateProgram(Block):
    """A switch that follows sensors within a window of the day: on when `match` (all or any) of the conditions hold.
    `if_stale`: its state when a sensor that it needs is silent."""

    kind: Literal["climate"]
    target: Id
    when: Annotated[list[When], BeforeValidator(_listed), Field(min_length=1, max_length=4), _OneOrList()]
    match: Literal["all", "any"] = "all"
    window: WindowTerm | None = None
    if_stale: Literal["on", "off"] = "off"


_KINDS = ("light", "irrigation", "climate")


def _kind(value: object) -> str | None:
    kind = value.get("kind") if isinstance(value, Mapping) else getattr(value, "kind", None)
    return f"<{kind}>" if kind in _KINDS else None


Program = Annotated[
    Annotated[LightProgram, Tag("<light>")]
    | Annotated[IrrigationProgram, Tag("<irrigation>")]
    | Annotated[ClimateProgram, Tag("<climate>")],
    Discriminator(
        _kind,
        custom_error_type="program_kind",
        custom_error_message="a program has a kind; write kind: light, kind: irrigation or kind: climate",
    ),
]
