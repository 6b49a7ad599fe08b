"""Which circuits of a light burn, worked out anew: a second opinion on edge/core/circuits.py, of which nothing is used
here. Circuits go by their place in the configuration, nights by their number (days since 1970).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

FIRST_ORDINAL = 719163  # of 1970-01-01, where 0001-01-01 is 1


def of_night(watts: Sequence[float], night: int) -> list[int]:
    """The order of that night: circuits of one size change places among themselves, each night the next one first."""
    order = []
    for i, size in enumerate(watts):
        equal = [j for j, other in enumerate(watts) if other == size]
        order.append(equal[(equal.index(i) + night + FIRST_ORDINAL) % len(equal)])
    return order


def over_a_start(watts: Sequence[float], order: Sequence[int], burnt: Collection[int], places: int) -> list[int]:
    """The order after a start at which `burnt` are those that burn: if they are what the level asks for, they come first
    among their equals."""
    if Counter(watts[i] for i in burnt) != Counter(watts[:places]):
        return list(order)
    firsts = {size: [i for i in order if i in burnt and watts[i] == size] for size in watts}
    return [
        (firsts[size] + [j for j in order if j not in burnt and watts[j] == size])[list(watts[:place]).count(size)]
        for place, size in enumerate(watts)
    ]


def burning(watts: Sequence[float], order: Sequence[int], places: int, frozen: Sequence[bool | None]) -> list[bool]:
    """Which burn at the level of so many places. `frozen`: what each that is locked stays at; None: it is not.

    The place of one that is locked and dark goes to the first of its size that would rest; one that is locked and
    burns takes the last place of its size whose holder is free.
    """
    burns = [bool(stays) for stays in frozen]
    for size in set(watts):
        equal = [i for i in order if watts[i] == size]
        count = list(watts[:places]).count(size)
        holders, resting = equal[:count], equal[count:]
        for place, i in enumerate(holders):
            spare = next((j for j in resting if frozen[j] is not False), None)
            if frozen[i] is False and spare is not None:
                holders[place] = spare
                resting.remove(spare)
        for _ in [i for i in resting if frozen[i]]:
            free = [i for i in holders if frozen[i] is None]
            if free:
                holders.remove(free[-1])
        for i in holders:
            burns[i] = frozen[i] is not False
    return burns


def sizes(watts: Sequence[float], places: int, frozen: Sequence[bool | None]) -> Counter[float]:
    """How many of each size burn, whichever they are."""
    found: Counter[float] = Counter()
    for size in set(watts):
        locked = sum(1 for i, stays in enumerate(frozen) if watts[i] == size and stays)
        free = sum(1 for i, stays in enumerate(frozen) if watts[i] == size and stays is None)
        wanted = sum(w == size for w in watts[:places])
        found[size] = max(locked, min(wanted, locked + free))
    return +found
