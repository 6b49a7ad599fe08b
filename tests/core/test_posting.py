"""Requests that are answered as a whole: each row arrives or is set aside, whatever a server answers meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.posting import FIRST_ROWS, HELD_UP_S, MOST_DOUBTFUL, MOST_ROWS, Answer, Parcels, judged


class Row(NamedTuple):
    sequence: int


class Village:
    """Rows that are to go, and what became of each; the pure half of the sink."""

    def __init__(self, count: int) -> None:
        self.left = list(range(1, count + 1))
        self.acknowledged: list[int] = []
        self.aside: dict[int, str] = {}
        self.parcels: Parcels[Row] = Parcels()
        self.mono = 0.0
        self.requests: list[list[int]] = []

    def send(self, answer: Callable[[list[int]], Answer]) -> bool:
        """One request, or False where there is nothing to send now."""
        rows = self.parcels.next(self.mono, self._pending)
        if not rows:
            return False
        numbers = [row.sequence for row in rows]
        self.requests.append(numbers)
        heard = answer(numbers)
        verdict = judged(heard)
        if verdict == "taken":
            assert self.parcels.taken() == rows
            self.acknowledged += numbers
            self.left = [n for n in self.left if n not in numbers]
        elif verdict == "rows":
            row = self.parcels.refused_rows(heard.words, self.mono, heard.status == 413)
            if row is not None:
                self.aside[row.sequence] = heard.words
                self.left.remove(row.sequence)
        else:
            self.parcels.back(heard.slow)
        return True

    def go_on(self, answer: Callable[[list[int]], Answer], most: int = 5_000) -> None:
        """Until nothing is left to send, now or later."""
        for _ in range(most):
            if not self.send(answer):
                if self.parcels.wake is None:
                    return
                assert self.parcels.wake > self.mono
                self.mono = self.parcels.wake
        raise AssertionError(f"no end after {most} requests: {self.left}")

    def _pending(self, limit: int, but: Collection[int]) -> list[Row]:
        return [Row(n) for n in self.left if n not in but][:limit]


class Server:
    """Keeps what it takes; refuses a request with a bad row in it, of which it may keep the others."""

    def __init__(self, bad: Collection[int] = (), most: int = 10_000, partial: bool = False) -> None:
        self.bad, self.most, self.partial = bad, most, partial
        self.has: set[int] = set()

    def __call__(self, numbers: list[int]) -> Answer:
        if len(numbers) > self.most:
            return Answer(413, "too large")
        good = [n for n in numbers if n not in self.bad]
        if len(good) == len(numbers) or self.partial:
            self.has.update(good)
        return Answer(204) if len(good) == len(numbers) else Answer(400, f"bad: {min(set(numbers) - set(good))}")


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (Answer(204), "taken"), (Answer(200, "welcome to our network"), "refused"), (Answer(301), "refused"),
        (Answer(400), "rows"), (Answer(413), "rows"), (Answer(422), "rows"),
        (Answer(401), "refused"), (Answer(403), "refused"), (Answer(404), "refused"), (Answer(405), "refused"),
        (Answer(0, "refused"), "later"), (Answer(0, "expired", distrusted=True), "refused"),
        (Answer(408), "later"), (Answer(429, wait_s=3), "later"),
        (Answer(500), "later"), (Answer(503), "later"), (Answer(507), "later"), (Answer(599), "later"),
    ],
)  # fmt: skip
def test_what_an_answer_means(answer: Answer, verdict: str) -> None:
    assert judged(answer) == verdict


def test_one_bad_row_is_found_in_few_requests_and_set_aside_with_the_servers_words() -> None:
    village, server = Village(500), Server(bad={333})
    village.go_on(server)
    assert village.aside == {333: "bad: 333"}
    assert sorted(village.acknowledged) == [n for n in range(1, 501) if n != 333]
    assert village.requests.count([333]) == 3
    assert len(village.requests) < 30


def test_rows_that_are_good_do_not_wait_for_one_that_is_not() -> None:
    village, server = Village(60), Server(bad={7})
    while village.send(server):
        pass
    assert village.mono == 0
    assert village.left == [7]
    assert village.parcels.wake == 10


def test_the_last_row_of_all_is_set_aside_on_the_word_of_its_neighbours() -> None:
    village = Village(8)
    village.go_on(Server(bad={8}))
    assert village.aside.keys() == {8}
    assert village.mono < HELD_UP_S


def test_a_server_that_takes_no_row_at_all_is_not_believed_about_any() -> None:
    village = Village(1000)
    for _ in range(600):
        if not village.send(lambda _: Answer(400, "no such database")):
            village.mono = village.parcels.wake or village.mono
    assert village.parcels.held_up == "no such database"
    assert village.aside == {}
    assert len({number for request in village.requests for number in request}) <= FIRST_ROWS + MOST_DOUBTFUL
    village.go_on(Server())
    assert sorted(village.acknowledged) == list(range(1, 1001))
    assert village.parcels.held_up is None


def test_a_request_grows_with_what_is_taken_and_shrinks_with_what_the_link_or_the_server_does_not_carry() -> None:
    village, server = Village(6_000), Server()
    for _ in range(8):
        village.send(server)
    assert [len(request) for request in village.requests][-2:] == [MOST_ROWS, MOST_ROWS]
    village.send(lambda _: Answer(0, "", slow=True))
    village.send(server)
    assert len(village.requests[-1]) == 250  # of the 500 rows that were left
    server.most = 300
    village.go_on(server)
    assert sorted(village.acknowledged) == list(range(1, 6_001))
    assert sum(len(request) > 300 for request in village.requests[10:]) < 10


@given(
    count=st.integers(1, 60), bad=st.sets(st.integers(1, 60), max_size=12), most=st.integers(1, 60), partial=st.booleans(),
    fates=st.lists(st.sampled_from(["do", "do", "away", "slow", "full", "token", "kept and not said", "400"]), max_size=60),
)  # fmt: skip
def test_every_row_arrives_or_is_set_aside_whatever_is_answered(
    count: int, bad: set[int], most: int, partial: bool, fates: list[str]
) -> None:
    bad = {n for n in bad if n <= count}
    village, server = Village(count), Server(bad, most, partial)

    def harmed(fate: str, numbers: list[int]) -> Answer:
        if fate == "kept and not said":
            server(numbers)
            return Answer(0, "connection reset")
        said = {"away": Answer(0), "slow": Answer(0, slow=True), "full": Answer(507), "token": Answer(401), "400": Answer(400, "for no reason")}
        return server(numbers) if fate == "do" else said[fate]

    for fate in fates:
        if not village.send(lambda numbers, fate=fate: harmed(fate, numbers)):  # type: ignore[misc]
            village.mono = village.parcels.wake if village.parcels.wake is not None else village.mono
    village.left.append(count + 1)  # another reading, to vouch for the server
    village.go_on(server)
    village.left.append(count + 2)
    village.go_on(server)
    everything = set(range(1, count + 3))
    assert set(village.acknowledged) | village.aside.keys() == everything
    assert len(village.acknowledged) + len(village.aside) == len(everything)
    assert set(village.acknowledged) <= server.has <= everything - bad
    wrongly = village.aside.keys() - bad  # three times "400" for no reason, in between others were taken
    assert len(wrongly) <= fates.count("400") // 3
