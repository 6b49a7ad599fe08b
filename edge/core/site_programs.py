"""The programs of a village: what runs when. One model per kind, told apart by `kind`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
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
    text,
    whole,
)


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


class SkipWhen(Block):
    """A run is skipped while it rains and `rain_delay` after, and while the soil is wet: from `soil_above` percent on,
    until it is below `soil_below` again (left out: the same). Probes that are silent skip nothing."""

    rain: bool = False
    rain_delay: Annotated[float, duration("0s", "7d")] = 0.0
    soil_above: Annotated[float, number(0, 100, "percent")] | None = None
    soil_below: Annotated[float, number(0, 100, "percent")] | None = None


class StartWhen(Block):
    """A run of zones whose soil is drier than `soil_below` percent; each ends early where its soil is wetter than
    `soil_above`. Probes that are silent start nothing."""

    soil_below: Annotated[float, number(0, 100, "percent")]
    soil_above: Annotated[float, number(0, 100, "percent")]


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
    dates: list[DateTerm] = Field(default_factory=list, max_length=16)
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
    def _cycle_with_soak(self) -> IrrigationProgram:
        if (self.cycle is None) != (self.soak is None):
            raise Wrong("cycle and soak belong together; write both or neither")
        return self


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
    def _hysteresis(self) -> When:
        if self.off_below is not None and self.on_above is not None and self.off_below >= self.on_above:
            raise Wrong(
                f"off_below ({self.off_below:g}) must lie below on_above ({self.on_above:g}), or the switch would "
                "flutter; write a lower value",
                path=("off_below",),
            )
        return self


def _listed(value: object) -> object:
    """One condition may stand without a list around it."""
    return [value] if isinstance(value, Mapping | When) else value


class ClimateProgram(Block):
    """A switch that follows sensors within a window of the day: on when `match` (all or any) of the conditions hold.
    `if_stale`: its state when a sensor that it needs is silent."""

    kind: Literal["climate"]
    target: Id
    when: Annotated[list[When], BeforeValidator(_listed)] = Field(min_length=1, max_length=4)
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
