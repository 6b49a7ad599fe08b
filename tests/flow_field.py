"""A field behind one flow input, for tests of what it says."""

from __future__ import annotations

from hypothesis import strategies as st
from villages import village
from water_pipes import Pipes

from edge.core.site import Site

PUMP, A, B, C = "pump/well", "valve/a", "valve/b", "valve/c"
EVERY = st.sampled_from([0.5, 1.0, 7.5, 50.0, 500.0])  # pulses a litre


def field(per_l: float = 7.5, pump: bool = True, **normal: float | None) -> Site:
    """Valves behind one meter, and one pump or none; `normal` by valve, by the file."""
    bounds = {"max_on": "2h", "daily_max": "6h"}
    valves = {
        name: {
            "name": f"Ruộng {name}", "output": {"gpio": 5 + i}, "flow": "water", "default": "20m", **bounds,
            **({"pump": "well"} if pump else {}), **({} if l_min is None else {"normal_l_min": l_min}),
        }
        for i, (name, l_min) in enumerate(normal.items())
    }
    pumps = {"well": {"name": "Bơm", "output": {"gpio": 24}, "zones_at_once": 3, **bounds}} if pump else {}
    inputs = {"water": {"gpio": 16, "role": "flow", "pulses_per_l": per_l}}
    return village(lights={}, inputs=inputs, valves=valves, pumps=pumps)


def pipes(per_l: float = 7.5, pump: bool = True, phase: float = 0.5, **normal: float) -> Pipes:
    """As the file says, so it flows; the meter has been heard for a while."""
    p = Pipes(field(per_l, pump, **(normal or {"a": 12.0, "b": 6.0})), phase=phase)
    p.l_min = {f"valve/{name}": l_min for name, l_min in (normal or {"a": 12.0, "b": 6.0}).items()}
    return p.run(20)
Opened = st.dictionaries(st.sampled_from("abc"), st.just(True))  # which valves are open, all of them flowing
Plan = st.lists(st.tuples(Opened, st.floats(0.3, 400), st.tuples(*[st.floats(0.85, 1.15)] * 3)), max_size=8)
Zones = st.lists(st.tuples(st.sampled_from("abc"), st.floats(150, 500), st.floats(0.85, 1.15)), min_size=8, max_size=12)
Faults = st.sampled_from(["jump", "spike", "back", "restart", "silent"])


def zone(p: Pipes, seconds: float = 300.0, **opened: bool) -> Pipes:
    return p.see(**opened).run(seconds).see(**dict.fromkeys(opened, False)).run(3).see().run(30)
