"""Which sequences a consumer has: disjoint ranges, both ends included, in order."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

Range = tuple[int, int]


class Ranges:
    """A set of whole numbers that is mostly a few long stretches."""

    def __init__(self, ranges: Iterable[Range] = ()) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in ranges:
            self.add(first, last)

    def __iter__(self) -> Iterator[Range]:
        return iter(zip(self._firsts, self._lasts, strict=True))

    def __contains__(self, number: int) -> bool:
        n = bisect_right(self._firsts, number) - 1
        return n >= 0 and number <= self._lasts[n]

    def __len__(self) -> int:
        """How many stretches there are."""
        return len(self._firsts)

    def add(self, first: int, last: int) -> None:
        """Take in every number from `first` to `last`. Raises ValueError where that is none."""
        if last < first:
            raise ValueError(f"no range from {first} to {last}")
        low = bisect_left(self._lasts, first - 1)  # the first stretch that touches it or lies behind
        high = bisect_right(self._firsts, last + 1)
        if low < high:
            first, last = min(first, self._firsts[low]), max(last, self._lasts[high - 1])
        self._firsts[low:high], self._lasts[low:high] = [first], [last]

    def forget_below(self, number: int) -> None:
        """Take everything below `number` as in it, in one stretch from 1: nothing is left there to ask for."""
        if number > 1:
            self.add(1, number - 1)

    def missing(self, first: int, last: int) -> Iterator[Range]:
        """The stretches from `first` to `last` that are not in it, in order."""
        at = first
        for n in range(bisect_left(self._lasts, first), len(self._firsts)):
            if self._firsts[n] > last:
                break
            if self._firsts[n] > at:
                yield at, self._firsts[n] - 1
            at = self._lasts[n] + 1
        if at <= last:
            yield at, last
