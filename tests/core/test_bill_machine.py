"""Bills and questions against a model of them: people put bills and ask, the files answer in any order, and the process
is killed at any point.

Who asks gets the answer to his own question, and beside what was counted stands the bill that was last answered for.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from villages import Bench, village

from edge.core.events import Answered, Ask, Publish, RequestReceived
from edge.core.values import Request

METERS = {
    name: {"name": name, "model": "sdm630", "port": "bus", "address": n, "rated_kw": 5, "billing_day": n}
    for n, name in enumerate(("cabinet", "house"), 1)
}
IN_MEMORY = Path("/dev/shm")  # a journal there outlives its process as on a card
MONTHS = st.sampled_from(["2026-08", "2026-08", "2026-09"])
FIGURES = st.integers(0, 2000) | st.none()
USERS = st.sampled_from(["head", "tho"])


class BillMachine(RuleBasedStateMachine):
    """The model: the figures of each bill; and who waits for which answer."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory(dir=IN_MEMORY if IN_MEMORY.is_dir() else None)
        self.bills: dict[tuple[str, str], dict[str, float]] = {}
        self.waiting: list[tuple[Request, str, str, dict[str, Any]]] = []
        self.asked = 0
        self.begin()

    def begin(self) -> None:
        self.bench = Bench(village(meters=METERS), journal=Path(self._folder.name) / "journal.db", look_every_s=7200.0)

    def teardown(self) -> None:
        self.bench.stop()
        self._folder.cleanup()

    @rule(user=USERS, meter=st.sampled_from(list(METERS)), month=MONTHS, figures=st.dictionaries(st.sampled_from(["kwh", "amount"]), FIGURES))
    def put(self, user: str, meter: str, month: str, figures: dict[str, int | None]) -> None:
        answer = self.bench.ask("bill-put", user, meter=meter, **{"from": month}, **figures)
        assert answer["ok"] is bool(figures)
        if not figures:
            return
        was = self.bills.pop((meter, month), {})
        now = {name: value for name, value in (was | figures).items() if value is not None}
        if now:
            self.bills[meter, month] = now
        assert (answer["was"], answer["bill"], answer["stored"]) == (told(was), told(now), True)

    @rule(user=USERS, meter=st.sampled_from(list(METERS)), month=MONTHS, kwh=st.integers(0, 2000), amount=FIGURES, complete=st.booleans(), at_once=st.booleans())
    def question(self, user: str, meter: str, month: str, kwh: int, amount: int | None, complete: bool, at_once: bool) -> None:
        self.asked += 1
        day = f"{month}-{METERS[meter]['billing_day']:02}T00:00:00+07:00"
        where = f"{self.bench.root}/reply/{user}/phone-{self.asked}"
        fields = {"meter": meter, "period": "billing", "from": day, "to": f"{month}-10T00:00:00+07:00"}
        request = Request("energy", user, where, f"r-{self.asked}", bytes([self.asked % 256]), fields)
        effects = self.bench.controller.handle(RequestReceived(request), self.bench.clock.now())
        (ask,) = [effect for effect in effects if isinstance(effect, Ask)]
        period = {"from": day, "kwh": kwh, "amount": amount, "measured": 1.0, "complete": complete}
        self.waiting.append((ask.request, meter, month, period))
        if at_once:
            self.answer(len(self.waiting) - 1)

    @precondition(lambda self: self.waiting)
    @rule(which=st.integers(0, 9))
    def answer(self, which: int) -> None:
        request, meter, month, period = self.waiting.pop(which % len(self.waiting))
        payload = {"ok": True, "meter": meter, "period": "billing", "periods": [period]}
        effects = self.bench.controller.handle(Answered(request, payload), self.bench.clock.now())
        (said,) = [effect for effect in effects if isinstance(effect, Publish)]
        assert (said.topic, said.correlation, said.retain) == (request.reply_to, request.correlation, False)
        answer = json.loads(said.payload)
        shown = answer["periods"][0]
        bill = self.bills.get((meter, month), {})
        assert (answer["id"], shown["bill"]) == (request.id, told(bill))
        more = {name: bill[name] - period[name] for name in bill if period["complete"] and period[name] is not None}
        assert shown["difference"] == told(more)

    @precondition(lambda self: self.asked > 2)
    @rule()
    def kill(self) -> None:
        self.waiting.clear()
        self.begin()


def told(figures: dict[str, Any]) -> dict[str, Any] | None:
    return {"kwh": figures.get("kwh"), "amount": figures.get("amount")} if figures else None


TestBills = BillMachine.TestCase
TestBills.settings = settings(max_examples=40, stateful_step_count=20, phases=[Phase.generate])  # shrinking takes a minute
TestBills.pytestmark = [pytest.mark.slow]
