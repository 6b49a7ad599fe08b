"""The last word before an output is switched on, against a plain account of what was switched when."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.core.limits import APART_S, Switching

OUTPUTS = ("a", "b")
PER_S, RESTRIKE_S = 60.0, 7.0
# Waits that meet the limits exactly, and just not.
WAITS = st.sampled_from([0.0, 0.001, 1.0, 5.0, RESTRIKE_S, APART_S - 0.001, APART_S, 20.0, PER_S - 0.001, PER_S])
DEEDS = st.lists(st.tuples(WAITS, st.sampled_from(OUTPUTS), st.booleans()), max_size=60)


@given(st.integers(0, 5), DEEDS)
def test_on_waits_for_exactly_what_it_must(burst: int, deeds: list[tuple[float, str, bool]]) -> None:
    switching = Switching(burst, PER_S)
    done: list[tuple[float, str, bool]] = []
    now = 1000.0
    for wait_s, output, on in deeds:
        now += wait_s
        if on:
            own = [at for at, of, _ in done if of == output]
            must = [at + RESTRIKE_S for at, of, was in done if of == output and not was]
            must += [at + APART_S for at, of, was in done if of != output and was]
            must += [own[-burst] + PER_S] if burst and len(own) >= burst else []
            hold = switching.on_allowed_at(output, "meter", RESTRIKE_S)
            assert (hold.at <= now) == (max(must, default=0.0) <= now), hold
            if hold.at > now:
                assert hold.at == max(must)
                continue
            assert not burst or sum(at > now - PER_S for at in own) < burst
        switching.switched(output, "meter", on, now)
        done.append((now, output, on))
