"""What becomes of a consumer's rows on their way over a link that may lose, cut, refuse and delay. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from edge.core.bucket import Bucket
from edge.core.ranges import Range, Ranges
from edge.core.suspects import Rows, Suspects
from edge.core.values import StoredRow

WINDOW = 20  # messages under way at once
FOR_LIVE = 4  # of them, those that only live rows may have
ROWS = 60  # in a message
PATIENCE_S = 30.0
STAND_BACK_S = 60.0  # between two tries where the topic is refused, or where nothing is taken
MOST_REPLAYS = 100
LIMIT_HOLDS_S = 86400.0  # for so long a limit that was found by trying is believed
NOT_AUTHORISED, TOPIC_INVALID, QUOTA_EXCEEDED = 0x87, 0x90, 0x97  # MQTT 5, section 3.4.2.1

Lane = Literal["live", "backlog", "replay"]
Stored = Literal["live", "backlog"]


class Source(Protocol):
    """Where rows come from; see edge/shell/cursor.py."""

    def pending(self, lane: Stored, limit: int, beyond: int = 0) -> list[StoredRow]:
        """At most `limit` rows of the lane that the consumer has not, those with the lowest sequences above `beyond`;
        none: there are no more."""

    def between(self, first: int, last: int, limit: int) -> list[StoredRow]:
        """At most `limit` rows from sequence `first` to `last`, whoever has them."""


class Batch(NamedTuple):
    """One message: its rows as `payload`, `size` bytes on the wire, handed out at monotonic time `at`."""

    number: int
    lane: Lane
    rows: Rows
    payload: bytes
    size: int
    at: float


class Settled(NamedTuple):
    """What the history is to be told: what was acknowledged, and which rows were set aside and why."""

    acknowledged: list[Range]
    set_aside: list[tuple[int, str]]


@dataclass(slots=True)
class _Lane:
    beyond: int = 0
    left: Rows = ()  # read already, but without room in the message before
    empty: bool = False


@dataclass(slots=True)
class _Refusal:
    """Why nothing goes, since nothing is taken whatever it is."""

    why: str | None = None
    until: float = -math.inf
    wait_s: float = 1.0
    answered: bool = False  # by a broker that kept the link: another link may fare better at once


@dataclass(slots=True)
class _Replay:
    """Stretches to be sent once more: the first is under way, and sent up to before `at`."""

    stretches: list[Range] = field(default_factory=list)
    at: int = 0
    left: Rows = ()


class Delivery:
    """A window of messages over one link after another. Rows are `acknowledged`, set aside, under way, or yet to go.

    What was under way when a link broke is sent again, so each break costs at most a window of duplicates. The shell
    asks `next` until it gives nothing, and again whenever something was told or `wakeup` has come.
    """

    def __init__(
        self, acknowledged: Ranges, set_aside: set[int], drain_limit: float, encode: Callable[[Lane, Rows], bytes],
        envelope: int = 0,
    ) -> None:
        """`drain_limit`: rows a second of backlog and replay, 0 for no bound. `envelope`: bytes on the wire around what
        `encode` makes. `acknowledged` and `set_aside` are added to."""
        self.acknowledged = acknowledged
        self.set_aside = set_aside
        self.up = False
        self._encode = encode
        self._envelope = envelope
        self._bucket = Bucket(drain_limit, ROWS)
        self._lanes: dict[Stored, _Lane] = {"live": _Lane(), "backlog": _Lane()}
        self._replay = _Replay()
        self._under_way: dict[int, Batch] = {}
        self._count = 0
        self._newest_taken = self._before_link = 0
        self._largest, self._window = math.inf, WINDOW  # as the broker says
        self._found_largest, self._found_until = math.inf, -math.inf  # as was found by trying
        self._again = False  # rows that came back are to be sent before others
        self._lost: set[int] = set()  # what was under way when the link broke, and has not been taken since
        self._suspects: Suspects | None = None
        self._guilty: set[int] = set()
        self._live_before = False
        self._refusal = _Refusal()
        self._settled = Settled([], [])

    @property
    def refused(self) -> str | None:
        """Why nothing goes now although there is a link; None where rows flow or nothing is known."""
        return self._refusal.why

    # --- what the link does ---

    def linked(self, largest: int | None = None, window: int = WINDOW) -> None:
        """There is a new link, which takes messages of at most `largest` bytes, and so many at once."""
        self.up = True
        self._largest = largest or math.inf
        self._window = min(window, WINDOW)
        self._before_link = self._newest_taken
        if self._refusal.answered:
            self._refusal.until = 0.0
        self._begin_again()

    def unlinked(self, mono: float, why: str, *, ours: bool = False, too_large: bool = False) -> None:
        """The link is gone, and with it what was under way. `ours`: we cut it. `too_large`: the broker said so."""
        lost = list(self._under_way.values())
        self.up = False
        self._begin_again()
        if ours:  # a row is to blame only if others behind it were taken, or over this link before it, one by one
            others = self._newest_taken > (lost[0].number if lost and self._suspects is None else self._before_link)
            blamed = lost[:1] if others else []
        else:
            blamed = lost
        if self._suspects is not None:
            if ours and not blamed:
                self._suspects.probe, self._suspects.probing = not self._suspects.probe, False
            for batch in reversed(lost):
                if batch not in blamed and batch.rows[0].sequence in self._suspects:
                    self._suspects.add(batch.rows, first=True)
            for batch in blamed:
                self._fail(batch, mono, why)
        elif blamed:
            again = [b for b in blamed if too_large or any(row.sequence in self._lost for row in b.rows)]
            self._lost = {row.sequence for batch in blamed for row in batch.rows}
            if again:
                self._be_careful(again)

    def taken(self, number: int) -> None:
        """The message was acknowledged."""
        batch = self._under_way.pop(number, None)
        if batch is None:
            return
        self._newest_taken = max(self._newest_taken, number)
        self._refusal = _Refusal()
        for found in _stretches(batch.rows):
            self.acknowledged.add(*found)
            self._settled.acknowledged.append(found)
        if self._lost:
            self._lost.difference_update(row.sequence for row in batch.rows)
        if self._suspects is not None:
            self._suspects.taken(batch.rows, batch.size)
            self._learn(self._suspects, batch.at)
        if not self._under_way:
            for lane in self._lanes.values():
                if lane.empty and lane.beyond:  # there may be what was held when its turn came
                    lane.beyond, lane.empty = 0, False

    def rejected(self, number: int, code: int, why: str, mono: float) -> None:
        """The message was refused with a reason code of MQTT 5, 0x80 or above."""
        batch = self._under_way.get(number)
        if batch is None:
            return
        if code in (NOT_AUTHORISED, TOPIC_INVALID):
            self._put_back(batch)
            self._stand_back(mono, why, STAND_BACK_S)
        elif code == QUOTA_EXCEEDED:
            self._put_back(batch)
            wait_s = self._refusal.wait_s
            self._stand_back(mono, why if wait_s >= STAND_BACK_S else self._refusal.why, wait_s)
            self._refusal.wait_s = min(2 * wait_s, STAND_BACK_S)
        else:
            del self._under_way[number]
            if self._suspects is None:
                self._be_careful([batch])
            else:
                self._fail(batch, mono, why)

    def overdue(self, mono: float) -> bool:
        """Whether the oldest message under way has waited too long, so that the link is to be made anew."""
        oldest = next(iter(self._under_way.values()), None)
        return oldest is not None and mono >= oldest.at + PATIENCE_S

    # --- what there is to send ---

    def more(self) -> None:
        """There may be more rows than there were."""
        for lane in self._lanes.values():
            lane.empty = False

    def replay(self, first: int, last: int) -> None:
        """Send these sequences once more, after what is to be sent more than once already. Where MOST_REPLAYS wait, the
        last of them is widened: more is sent than was asked for, never less."""
        waiting = self._replay.stretches
        if len(waiting) >= MOST_REPLAYS:
            before, behind = waiting.pop()
            first, last = min(first, before), max(last, behind)
        waiting.append((first, last))

    def next(self, mono: float, source: Source) -> Batch | None:
        """The next message to be sent now, which then counts as under way; None: nothing for the moment."""
        if not self.up or mono < self._refusal.until:
            return None
        if self._suspects is not None and not self._suspects and not self._under_way:
            self._trust_again()
        one_by_one = self._suspects is not None or self._refusal.until > -math.inf
        under_way = len(self._under_way)
        if under_way >= (1 if one_by_one or self._again else self._window):
            return None
        if self._again:
            self._begin_again()
        if self._suspects is not None:
            return self._next_careful(mono, source, self._suspects)
        only_live = sum(batch.lane != "live" for batch in self._under_way.values()) >= max(1, self._window - FOR_LIVE)
        return self._next_of(("live",) if only_live else ("live", "backlog", "replay"), mono, source)

    def wakeup(self, mono: float) -> float | None:
        """When to ask again although nothing is told; None: not before something is."""
        times = [batch.at + PATIENCE_S for batch in list(self._under_way.values())[:1]]
        if self.up and self._refusal.until > mono:
            times.append(self._refusal.until)
        elif self.up and (not self._lanes["backlog"].empty or self._replay.stretches):
            times.append(self._bucket.open_at(mono))
        return min((at for at in times if at > mono), default=None)

    def settled(self) -> Settled:
        """What the history has not been told yet."""
        found, self._settled = self._settled, Settled([], [])
        return found

    # --- within ---

    def _next_of(self, lanes: Sequence[Lane], mono: float, source: Source, limit: int = ROWS) -> Batch | None:
        for lane in lanes:
            while lane == "live" or self._bucket.open_at(mono) <= mono:
                rows = self._fetch_replay(source) if lane == "replay" else self._fetch(lane, source)
                if not rows:
                    break
                batch, left = self._pack(lane, rows, mono, limit)
                self._went(lane, rows[len(rows) - len(left) - 1].sequence, left)
                if batch is not None:
                    if lane != "live":
                        self._bucket.take(len(batch.rows))
                    return batch
        return None

    def _next_careful(self, mono: float, source: Source, suspects: Suspects) -> Batch | None:
        """Live rows and what is looked at take turns; another row first where that is to show whether any is taken."""
        self._live_before = not self._live_before
        if self._live_before and not suspects.full and (batch := self._next_of(("live",), mono, source)):
            return batch
        if suspects.probe and not suspects.full and (batch := self._next_of(("live", "backlog"), mono, source, 1)):
            suspects.probing = True
            return batch
        while (rows := suspects.next()) is not None:
            batch, left = self._pack("backlog", rows, mono)
            if left:
                suspects.add(left, first=True)
            if batch is not None:
                return batch
        return None

    def _fetch(self, lane: Stored, source: Source) -> Rows:
        state = self._lanes[lane]
        while not state.empty:
            rows, state.left = state.left or source.pending(lane, ROWS, state.beyond), ()
            if not rows:
                state.empty = True
                state.beyond = state.beyond if self._under_way else 0
            elif fresh := [row for row in rows if self._suspects is None or row.sequence not in self._suspects]:
                return fresh
            else:
                state.beyond = rows[-1].sequence
        return ()

    def _fetch_replay(self, source: Source) -> Rows:
        replay = self._replay
        while replay.stretches:
            first, last = replay.stretches[0]
            at = max(first, replay.at)
            if rows := replay.left or (source.between(at, last, ROWS) if at <= last else ()):
                return rows
            if any(batch.lane == "replay" for batch in self._under_way.values()):
                break
            del replay.stretches[0]
            replay.at = 0
        return ()

    def _went(self, lane: Lane, sequence: int, left: Rows) -> None:
        if lane == "replay":
            self._replay.at, self._replay.left = sequence + 1, left
        else:
            self._lanes[lane].beyond, self._lanes[lane].left = sequence, left

    def _pack(self, lane: Lane, rows: Rows, mono: float, limit: int = ROWS) -> tuple[Batch | None, Rows]:
        """A message with the first of these rows, as many as it has room for, and the others. None: the first is too
        large for any message, and is set aside."""
        found = self._found_largest if mono < self._found_until else math.inf
        most = min(len(rows), limit)
        while True:
            payload = self._encode(lane, rows[:most])
            size = len(payload) + self._envelope
            if size <= min(self._largest, found) or (most == 1 and size <= self._largest):
                break
            if most == 1:
                self._put_aside(rows[0].sequence, f"its message has {size} bytes, and the broker takes {self._largest}")
                return None, rows[1:]
            most = max(1, min(most // 2, int(most * min(self._largest, found) / size)))
        self._count += 1
        batch = Batch(self._count, lane, rows[:most], payload, size, mono)
        self._under_way[self._count] = batch
        return batch, rows[most:]

    def _begin_again(self) -> None:
        """Nothing is under way: what was is fetched anew."""
        sent = [batch.rows[0].sequence for batch in self._under_way.values() if batch.lane == "replay"]
        self._replay.at, self._replay.left = min(sent, default=self._replay.at), ()
        self._lanes = {"live": _Lane(), "backlog": _Lane()}
        self._under_way.clear()
        self._again = False

    def _put_back(self, batch: Batch) -> None:
        del self._under_way[batch.number]
        if self._suspects is not None:
            self._suspects.add(batch.rows, first=True)
        else:
            self._again = True
            if batch.lane == "replay":
                self._replay.at = min(self._replay.at, batch.rows[0].sequence)

    def _stand_back(self, mono: float, why: str | None, seconds: float, *, answered: bool = True) -> None:
        self._refusal = _Refusal(why, mono + seconds, self._refusal.wait_s, answered)

    def _be_careful(self, batches: Sequence[Batch]) -> None:
        self._suspects = Suspects()
        for batch in batches:
            self._suspects.add(batch.rows)

    def _fail(self, batch: Batch, mono: float, why: str) -> None:
        assert self._suspects is not None
        guilty, nothing_taken = self._suspects.failed(batch.rows, batch.size)
        if guilty is not None:
            self._put_aside(guilty.sequence, why)
        if nothing_taken:
            self._stand_back(mono, why, STAND_BACK_S, answered=self.up)

    def _put_aside(self, sequence: int, why: str) -> None:
        self._guilty.add(sequence)
        if self._suspects is not None:
            self._suspects.forget(sequence)
        if sequence not in self.acknowledged and sequence not in self.set_aside:
            self.set_aside.add(sequence)
            self._settled.set_aside.append((sequence, why))

    def _learn(self, suspects: Suspects, mono: float) -> None:
        largest = suspects.too_large(frozenset(self._guilty))
        if largest is not None:
            self._found_largest, self._found_until = largest, mono + LIMIT_HOLDS_S

    def _trust_again(self) -> None:
        """No row is looked at any more."""
        self._suspects = None
        self._guilty.clear()
        self._lost.clear()


def _stretches(rows: Rows) -> list[Range]:
    """Their sequences, in order, as ranges."""
    found: list[Range] = []
    for sequence in sorted(row.sequence for row in rows):
        if found and found[-1][1] == sequence - 1:
            found[-1] = found[-1][0], sequence
        else:
            found.append((sequence, sequence))
    return found
