"""What was consumed, from what a meter's counter showed: differences, never the figure itself.

A counter is cumulative, so what flowed while nobody looked is in the next reading: a gap loses nothing, but when in it
the energy flowed is not known. Between two lives of a counter (see edge/core/counter.py) there is no difference to
take: a rollover counts exactly, and around a reset or a replaced meter a short time is estimated from the power shown
and stated as interpolated. What cannot be known is stated as time that was not measured. Nothing is ever negative.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from edge.core.counter import LATE_S
from edge.core.plausible import MARGIN, resolution

SHORT_RECORDS = 5.0  # readings that are no further apart than so many record intervals follow each other without a gap
SHORT_S = 300.0  # and so do those that are no further apart than this
MISREAD_SHORTS = 2.0  # so many times as long a counter may have been misread
AS_MUCH_AGAIN = 2.0  # where power was seen at both ends of a short time, no more than so many times it flowed between
W_S_PER_KWH = 3_600_000.0


@dataclass(frozen=True, slots=True)
class Terms:
    """What is known of one meter's counter: the most that can flow (kW), the least it moves by and what it shows 0 in
    place of (kWh), and how often it is recorded (s). None: nobody knows."""

    rated_kw: float | None = None
    step: float = 0.01
    wraps_at: float | None = None
    record_s: float = 60.0

    @property
    def short_s(self) -> float:
        """Up to how far apart two readings leave no gap (s)."""
        return max(SHORT_RECORDS * self.record_s, SHORT_S)


@dataclass(frozen=True, slots=True)
class Stand:
    """What a counter showed at `at` (Unix s): its life, its figure (kWh), and the power beside it (W) if there was."""

    at: float
    life: int
    kwh: float
    watts: float | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """What flowed from `start` to `end` (Unix s): `kwh`, of it `interpolated_kwh` estimated; for `unmeasured_s` of that
    time nobody can say.

    `short`: readings stand so close at both ends that a share of it by time still counts as measured.
    """

    start: float
    end: float
    kwh: float
    interpolated_kwh: float = 0.0
    unmeasured_s: float = 0.0
    short: bool = False


@dataclass(frozen=True, slots=True)
class Stretch:
    """Readings of one life that follow each other: the first and the last of them, and how many there are. The counter
    did not fall between, nor jump beyond what the power shown explains."""

    first: Stand
    last: Stand
    readings: int = 1


@dataclass(slots=True)
class Share:
    """What falls to one period; the figures as of a Span."""

    kwh: float = 0.0
    interpolated_kwh: float = 0.0
    unmeasured_s: float = 0.0


def between(before: Stand, after: Stand, terms: Terms) -> Span:
    """What flowed between two readings; `after` is the earlier one only where a clock was set back."""
    seconds = max(after.at - before.at, 0.0)
    short = seconds <= terms.short_s
    if after.life == before.life:  # it falls only where a clock was wrong
        return Span(before.at, after.at, max(after.kwh - before.kwh, 0.0), short=short)
    rolled = None if terms.wraps_at is None else terms.wraps_at - before.kwh + after.kwh
    most = _most_kwh(before, after, terms, seconds + LATE_S)
    if rolled is not None and after.life == before.life + 1 and most is not None and 0 <= rolled <= most:
        return Span(before.at, after.at, rolled, short=short)
    flow = _estimate(before, after, terms)
    if not short or flow is None or after.life < before.life:
        return Span(before.at, after.at, 0.0, unmeasured_s=seconds, short=short)
    shown = _shown(before, after, terms)
    kwh = max(flow, shown)
    return Span(before.at, after.at, kwh, kwh - shown, short=short)


def stretches(stands: Iterable[Stand], terms: Terms) -> list[Stretch]:
    """What these readings come to, in whatever order they are given; in order of time."""
    found: list[Stretch] = []
    for stand in sorted(stands, key=lambda stand: (stand.at, stand.life, stand.kwh)):
        known = found[-1] if found else None
        if known is None or known.last.life != stand.life or _leaps(known.last, stand, terms):
            found.append(Stretch(stand, stand))
        else:
            last = stand if stand.kwh >= known.last.kwh else replace(stand, kwh=known.last.kwh)  # a clock was wrong
            found[-1] = Stretch(known.first, last, known.readings + 1)
    return found


def extended(known: Sequence[Stretch], stands: Iterable[Stand], terms: Terms) -> list[Stretch]:
    """Stretches whose own readings are no longer there, with others that have come: what lies within them says nothing
    new, what lies outside goes before and after."""
    new = list(stands)
    before = stretches((stand for stand in new if stand.at < known[0].first.at), terms)
    return [*before, *known, *stretches((stand for stand in new if stand.at > known[-1].last.at), terms)]


def spread(known: Sequence[Stretch], borders: Sequence[float], terms: Terms, now: float) -> list[Share]:
    """What falls between each border (Unix s, ascending) and the next, from stretches in order of time.

    What lies within a period counts as it was measured, whatever gaps it has. Of what lies across a border each side
    gets its share by time; that is interpolated, unless the readings stand close. Time before the first reading, and
    since the last one if that is long ago, was not measured as far as it has passed by `now` (Unix s).
    """
    shares = [Share() for _ in borders[1:]]
    for span in [*_spans(known, terms), *_silences(known, borders, terms, now)]:
        _share(span, borders, shares)
    return shares


def _spans(known: Sequence[Stretch], terms: Terms) -> list[Span]:
    """The stretches and what is between them. Nothing flows twice where a clock was set back; and a life in which the
    counter was only misread, and after which it goes on where it stood, is passed over."""
    found: list[Span] = []
    top: Stand | None = None  # where the counter stands
    left: Stand | None = None  # where it stood when the present life began, and what was found by then
    by_then = 0
    for here in known:
        first, owed = here.first, 0.0
        if top is not None and first.life >= top.life:
            if left is not None and _goes_on(left, top, first, terms):
                del found[by_then:]
                found.append(Span(left.at, first.at, first.kwh - left.kwh, short=first.at - left.at <= terms.short_s))
                left = None
            else:
                if first.life > top.life:
                    left, by_then = top, len(found)
                else:
                    owed = max(top.kwh - first.kwh, 0.0)
                found.append(between(top, first, terms))
        found.append(Span(first.at, here.last.at, max(here.last.kwh - first.kwh - owed, 0.0)))
        if top is None or here.last.life > top.life or (here.last.life == top.life and here.last.kwh >= top.kwh):
            top = here.last
        elif here.last.life == top.life:
            top = replace(here.last, kwh=top.kwh)
    return found


def _silences(known: Sequence[Stretch], borders: Sequence[float], terms: Terms, now: float) -> Iterable[Span]:
    begin, end = borders[0], min(now, borders[-1])
    heard = known[0].first.at if known else end
    if (until := min(heard, end)) > begin:
        yield Span(begin, until, 0.0, unmeasured_s=until - begin)
    if known and end - known[-1].last.at > terms.short_s:
        last = known[-1].last.at
        yield Span(last, end, 0.0, unmeasured_s=end - last)


def _share(span: Span, borders: Sequence[float], shares: list[Share]) -> None:
    first = bisect_right(borders, span.start) - 1
    if 0 <= first < len(shares) and span.end <= borders[first + 1]:
        _add(shares[first], span.kwh, span.interpolated_kwh, span.unmeasured_s)
        return
    n, length = max(first, 0), span.end - span.start
    while n < len(shares) and borders[n] < span.end:
        part = (min(span.end, borders[n + 1]) - max(span.start, borders[n])) / length
        kwh = span.kwh * part
        _add(shares[n], kwh, span.interpolated_kwh * part if span.short else kwh, span.unmeasured_s * part)
        n += 1


def _add(share: Share, kwh: float, interpolated_kwh: float, unmeasured_s: float) -> None:
    share.kwh += kwh
    share.interpolated_kwh += interpolated_kwh
    share.unmeasured_s += unmeasured_s


def _watts(*stands: Stand) -> list[float]:
    return [max(stand.watts, 0.0) for stand in stands if stand.watts is not None]


def _most_kwh(before: Stand, after: Stand, terms: Terms, seconds: float) -> float | None:
    """The most that can have flowed in that time, by the rated power, else by the power seen; None: nobody can say."""
    most_w = terms.rated_kw * 1000 * MARGIN if terms.rated_kw is not None else None
    if most_w is None and (seen := _watts(before, after)):
        most_w = AS_MUCH_AGAIN * max(seen)
    if most_w is None:
        return None
    return most_w * seconds / W_S_PER_KWH + resolution(before.kwh, terms.step)


def _estimate(before: Stand, after: Stand, terms: Terms) -> float | None:
    """What flowed by the power seen at both ends, or at one; None where there is none."""
    seen = _watts(before, after)
    if not seen:
        return None
    watts = sum(seen) / len(seen)
    if terms.rated_kw is not None:
        watts = min(watts, terms.rated_kw * 1000 * MARGIN)
    return watts * (after.at - before.at) / W_S_PER_KWH


def _shown(before: Stand, after: Stand, terms: Terms) -> float:
    """What a new counter shows of a short time, if it can have begun near 0 or where the one before stood; else 0."""
    most = _likely_kwh(before, after, terms)
    bound = _most_kwh(before, after, terms, after.at - before.at)
    for begun in (0.0, before.kwh):
        if most is not None and bound is not None and 0 <= after.kwh - begun <= min(most, bound):
            return after.kwh - begun
    return 0.0


def _likely_kwh(before: Stand, after: Stand, terms: Terms) -> float | None:
    """What can have flowed if the power between was not quite another one than that seen; None: none was seen."""
    seen = _watts(before, after)
    if not seen:
        return None
    step = resolution(max(before.kwh, after.kwh), terms.step)
    return AS_MUCH_AGAIN * (max(seen) * (after.at - before.at) / W_S_PER_KWH + step)


def _leaps(before: Stand, after: Stand, terms: Terms) -> bool:
    """Whether the counter grew by more than the power shown explains."""
    most = _likely_kwh(before, after, terms)
    return most is not None and after.kwh - before.kwh > most


def _goes_on(left: Stand, top: Stand, stand: Stand, terms: Terms) -> bool:
    """Whether the counter, after some readings that led to `top`, is again where it must have come to from `left`."""
    seconds = stand.at - left.at
    if not 0 <= seconds <= MISREAD_SHORTS * terms.short_s:
        return False
    most = _most_kwh(left, stand, terms, seconds + LATE_S)
    if stand.life == top.life:
        if not _leaps(top, stand, terms):
            return False
        most = _likely_kwh(left, stand, terms)
    return most is not None and 0 <= stand.kwh - left.kwh <= most
