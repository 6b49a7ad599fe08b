"""What the pulses of one flow input prove, while the same valves stand open, or none: pure arithmetic, no memory.

A pulse tells that 1/`per_l` litres have flowed since the one before, and its absence that less has. So each verdict
needs the time of some pulses, whatever its shortest time is; with n pulses a second at the normal flow:

- none: no pulse for NONE_S and for 4/n s (less than a quarter of the normal flow), or less than a tenth of it for
  NONE_S and 30/n s. The first SOON_S after a change do not count.
- high: more than 1.5 times the normal flow for HIGH_S and 4/n s, and in either half of these. The first FILL_S do not
  count, and of a pipe that takes longer to fill the later half tells; the earlier one, of a valve that has opened and
  is only seen to some seconds later.
- low: less than 0.7 times the normal flow over the whole zone but its first FILLED_S.
- leak: more than 0.3 l/min for certain in 20 s, or in 1 or 5 minutes, SETTLE_S after the last valve closed.

Meters of one pulse or more in 5 s at normal flow so show none, high and a leak above 6/`per_l` l/min (at least 0.6)
within 30 s. Slower ones, and smaller leaks, need as much longer as stated above.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.core.pulse_track import Track

SOON_S, FILL_S, FILLED_S, SETTLE_S = 5.0, 12.0, 20.0, 10.0
NONE_S, HIGH_S = 20.0, 15.0
NONE, LOW, GOOD, HIGH = 0.1, 0.7, 0.75, 1.5  # of the normal flow
LOW_AFTER_S = 170.0  # after its opening a zone is judged, and at its end
WHOLE_S = 100.0  # a shorter zone, without its first FILLED_S, is not judged and teaches nothing
LEAST_PULSES = 10  # that teach a flow, each of them a tenth of it at most
LEAST_L_MIN = 2.0  # a valve that is not known lets through more, so far as it must be told from none at all
LEAK_L_MIN = 0.3
LEAK_WATCH_S = 10.0
LEAK_SPAN_S = 5.0  # a valve may be seen to have opened only some seconds after the water knew
LEAK_WINDOWS_S = (20.0, 60.0, 300.0)
OVER_S = 60.0


@dataclass(slots=True)
class Stretch:
    """A time in which the same valves were open. `flowing`: those of them through which water can flow. `since` and
    `first` (the last pulse of the first look after FILLED_S) are monotonic s; `pulses` came since then, `more` after
    that look."""

    opened: frozenset[str]
    flowing: frozenset[str]
    since: float
    first: float | None = None
    pulses: int = 0
    more: int = 0
    judged: bool = False

    @property
    def whole(self) -> bool:
        """Whether all that is open flows, so that the flow is that of known valves."""
        return bool(self.flowing) and self.flowing == self.opened

    def take(self, new: int, last: float) -> None:
        """So many pulses were seen in a look, the last of them then."""
        if last <= self.since + FILLED_S:
            return
        self.pulses += new
        if self.first is None:
            self.first = last
        else:
            self.more += new


def is_none(track: Track, stretch: Stretch, normal: float | None) -> bool:
    """Nothing flows, though it should. `normal` (l/min): of all valves that flow; None: not known."""
    if track.looked_at is None:
        return False
    begin = max(stretch.since + SOON_S, track.clean_since)
    expected = normal if normal is not None else max(LEAST_L_MIN, _seen(track, stretch))
    per_s = expected / 60 * track.per_l
    since = begin if track.last_at is None else max(begin, track.last_at)
    if track.looked_at - since >= max(NONE_S, 4 / per_s):
        return True
    window_s = max(NONE_S, 30 / per_s)
    after = track.looked_at - window_s
    return normal is not None and after >= begin and track.pulses(after) + 1 < NONE * per_s * window_s


def is_high(track: Track, stretch: Stretch, normal: float) -> float | None:
    """The flow (l/min) if it is far above `normal`."""
    if track.last_at is None:
        return None
    not_before = max(stretch.since + FILL_S, track.clean_since)
    window_s = max(HIGH_S, 4 / (normal / 60 * track.per_l))
    begin, half = track.back(window_s, not_before), track.back(window_s / 2, not_before)
    if begin is None or half is None:
        return None
    if half <= begin:
        return None
    l_min = track.l_min(track.steady(begin), track.last_at - begin)
    sooner = track.l_min(track.pulses(begin, half), half - begin)
    later = track.l_min(track.pulses(half), track.last_at - half)
    return l_min if min(l_min, sooner, later) > HIGH * normal else None


def mean(track: Track, stretch: Stretch) -> float | None:
    """The flow (l/min) over the stretch, from pulse to pulse; None: it was too short, or disturbed."""
    if not stretch.whole or track.clean_since > stretch.since + FILLED_S or track.looked_at is None:
        return None
    watched = track.looked_at - stretch.since - FILLED_S
    if watched < WHOLE_S:
        return None
    if stretch.first is None or track.last_at is None or not stretch.more:
        return track.l_min(stretch.pulses, watched)
    return track.l_min(stretch.more, track.last_at - stretch.first)


def at_most(track: Track, stretch: Stretch) -> float:
    """More (l/min) cannot have flowed on average over a stretch that has a `mean`."""
    assert track.looked_at is not None
    most = track.l_min(stretch.pulses + 1, track.looked_at - stretch.since - FILLED_S)
    if stretch.first is None or stretch.first >= track.looked_at:
        return most
    return min(most, track.l_min(stretch.more + 1, track.looked_at - stretch.first))


def leaks(track: Track, closed_since: float) -> float | None:
    """The flow (l/min) through closed valves, if there is any to speak of."""
    if track.looked_at is None:
        return None
    begin = max(closed_since + SETTLE_S, track.clean_since)
    if track.looked_at - begin < LEAK_WATCH_S:
        return None
    for window_s in LEAK_WINDOWS_S:
        after = max(begin, track.looked_at - window_s)
        pulses = track.steady(after)
        if track.l_min(pulses - 1, window_s) > LEAK_L_MIN and track.span(after) >= LEAK_SPAN_S:
            return track.l_min(pulses, track.looked_at - after)
    return None


def leak_is_over(track: Track, closed_since: float) -> bool:
    """Nothing has come through closed valves for a minute, or for as long as a small leak takes for a pulse."""
    if track.looked_at is None:
        return False
    since = max(closed_since, track.clean_since, track.last_at or closed_since)
    return track.looked_at - since >= max(OVER_S, 1.5 / (LEAK_L_MIN / 60 * track.per_l))


def _seen(track: Track, stretch: Stretch) -> float:
    """What flows now at least (l/min), by what the stretch has shown."""
    if stretch.first is None or track.last_at is None or stretch.more < 5 or track.clean_since > stretch.first:
        return 0.0
    return track.l_min(stretch.more, track.last_at - stretch.first)
