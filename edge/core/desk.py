"""Where requests are answered: `<root>/ask/<user>/<name>`."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from edge.core import asked, topics, water_desk
from edge.core.alarms import Alarms
from edge.core.bills import Bills
from edge.core.events import Answered, Ask, Effect, Publish
from edge.core.plan_desk import PlanDesk
from edge.core.programs import Programs, Put
from edge.core.questions import ReplayQuestion
from edge.core.schedule import Calendar
from edge.core.site import LightProgram
from edge.core.values import Moment, Request
from edge.core.water_desk import WaterDesk

Key = tuple[str, str]
NAMES = ("alarms", "alarm-ack", "plan", "programs", "program-put", *asked.NAMES, "bill-put", *water_desk.NAMES)
AFTER_PUTS = ("programs", "program-put", "bill-put")  # what must not be said before the puts that came first
CHANGING = ("replay", "bill-put", *water_desk.NAMES)  # told in the audit, also when they are refused
PUT_FIELDS = frozenset({"id", "reply_to", "program", "rev", "body"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back, and what the request changed.

    `payload` None: the files are asked, and the answer comes later. `changes`: its outcome for the audit, with
    `details` and the `device` that it is about; empty if it only read. `after`: a key that the journal must have before
    this is said. `program`: a program was changed, so what lights do and what `about` says may be others.
    """

    payload: dict[str, object] | None
    effects: Sequence[Effect] = field(default=())
    changes: str = ""
    details: Mapping[str, object] = field(default_factory=dict)
    device: str | None = None
    after: Key | None = None
    program: bool = False


@dataclass(slots=True)
class _Waiting:
    """The key that is waited for (None: only for those before it), and what is then said; None if that is said."""

    key: Key | None
    said: tuple[Request, dict[str, object]] | None


class Desk:
    """Answers requests by name.

    A changed program is answered for once the journal has it, so that no rev that somebody has read is ever used for
    another program, whatever is killed when; a bill likewise. While the journal cannot be written nothing waits: the
    answer says so. What only the files know is answered when they have been asked.
    """

    def __init__(
        self, alarms: Alarms, programs: Programs, calendar: Calendar, plans: PlanDesk, known: asked.Known, bills: Bills,
        water: WaterDesk,
    ) -> None:
        """`calendar` is the lights'; it takes every program that is put."""
        self._alarms = alarms
        self._programs = programs
        self._calendar = calendar
        self._plans = plans
        self._known = known
        self._bills = bills
        self._water = water
        self._waiting: deque[_Waiting] = deque()
        self._failing = False

    def start(self, moment: Moment) -> list[Effect]:
        """What the journal is to keep from the start."""
        return self._programs.start(moment)

    @property
    def unreadable(self) -> str:
        """Why programs that were changed are not in force; empty if all are."""
        return "; ".join(self._programs.unreadable.values())

    def answer(self, request: Request, moment: Moment) -> tuple[Answer, list[Effect]]:
        """The answer to a well-formed request, and its effects; one that cannot be met has a code and a remedy."""
        try:
            answer = self._answer(request, moment)
        except topics.BadError as bad:
            answer = _refused({}, bad.code, bad.message, changes=request.name in CHANGING)
        effects = list(answer.effects)
        if answer.payload is None:
            return answer, effects
        if answer.after is not None or (self._waiting and request.name in AFTER_PUTS):
            self._waiting.append(_Waiting(answer.after, (request, answer.payload)))
            return answer, effects + (self._say_all() if self._failing else [])
        return answer, [*effects, _reply(request, answer.payload)]

    def answered(self, event: Answered) -> list[Effect]:
        """What the files said, for whoever asked; beside what was counted stand the bills."""
        payload = event.payload
        periods = payload.get("periods")
        if isinstance(periods, list) and payload.get("period") in ("month", "billing"):
            meter = str(payload["meter"])
            payload = {**payload, "periods": [self._bills.beside(meter, period) for period in periods]}
        return [_reply(event.request, payload)]

    def stored(self, key: Key) -> list[Effect]:
        """The journal has `key`: say what has waited for that. Keys come in the order in which they were put."""
        if not self._waiting or self._waiting[0].key != key:
            return []
        done = [self._waiting.popleft()]
        while self._waiting and self._waiting[0].key is None:
            done.append(self._waiting.popleft())
        return [_reply(*waited.said) for waited in done if waited.said is not None]

    def journal(self, failing: bool) -> list[Effect]:
        """The journal can be written, or cannot."""
        self._failing = failing
        return self._say_all() if failing else []

    def _say_all(self) -> list[Effect]:
        """Say what waits all the same; the keys stay expected, for their rows are still to be written."""
        effects: list[Effect] = []
        for waited in self._waiting:
            if waited.said is not None:
                request, payload = waited.said
                effects.append(_reply(request, payload | ({"stored": False} if "stored" in payload else {})))
                waited.said = None
        return effects

    def _answer(self, request: Request, moment: Moment) -> Answer:
        match request.name:
            case "alarms":
                return Answer({"ok": True, "alarms": self._alarms.listed()})
            case "alarm-ack":
                return self._acknowledge(request, moment)
            case "programs":
                return Answer({"ok": True, "programs": self._programs.listed()})
            case "program-put":
                return self._put(request, moment)
            case "plan":
                return Answer(self._plans.answer(request, moment))
            case "bill-put":
                return self._bill(request, moment)
            case name if name in water_desk.NAMES:
                told, effects = self._water.answer(request, moment)
                return Answer(told, effects, "accepted", {key: told[key] for key in told if key != "ok"})
            case name if name in asked.NAMES:
                return self._ask(request)
        text = f"{request.name}: this version answers {', '.join(NAMES[:-1])} and {NAMES[-1]}"
        return Answer({"ok": False, **topics.error("unknown-request", text)})

    def _ask(self, request: Request) -> Answer:
        """Have the files asked. What is sent to everybody because one asked is in the audit."""
        question = asked.question(request, self._known)
        if isinstance(question, ReplayQuestion):
            details = {"from": question.first, "to": question.last}
            return Answer(None, [Ask(request, question)], "accepted", details)
        return Answer(None, [Ask(request, question)])

    def _bill(self, request: Request, moment: Moment) -> Answer:
        put = self._bills.put(request.fields, request.user, moment)
        bill, was = put.now.told(), put.was.told()
        payload: dict[str, object] = {
            "ok": True, "meter": put.meter, "from": str(put.first), "bill": bill, "was": was, "stored": True,
        }
        details = {"from": str(put.first), "bill": bill, "was": was}
        after = put.key if put.effects else None
        return Answer(payload, put.effects, "accepted", details, f"meter/{put.meter}", after)

    def _acknowledge(self, request: Request, moment: Moment) -> Answer:
        """The alarm is named by `alarm`, or by the request's own `id`. What it keeps shut may open again."""
        named = request.fields.get("alarm", request.id)
        effects = self._alarms.acknowledge(named, request.user) if isinstance(named, str) else None
        if effects is None:
            return _refused({}, "unknown-alarm", "name an open alarm in the field alarm; see the request alarms")
        freed = self._water.acknowledged(str(named), moment)
        return Answer({"ok": True, "alarms": self._alarms.listed()}, [*effects, *freed], "accepted", {"alarm": named})

    def _put(self, request: Request, moment: Moment) -> Answer:
        fields = request.fields
        name, rev = fields.get("program"), fields.get("rev")
        about: dict[str, object] = {"program": None}
        if unknown := fields.keys() - PUT_FIELDS:
            text = f"{ascii(min(unknown))[:40]}: program-put has {', '.join(sorted(PUT_FIELDS))}"
            return _refused(about, "unknown-field", text)
        if not isinstance(name, str) or not topics.ID.fullmatch(name):
            return _refused(about, "bad-value", f"program must be the program's id; ids match {topics.ID.pattern}")
        about = {"program": name}
        if type(rev) is not int or rev < 0:
            text = "rev must be the whole number that it was read at; 0 for a new program"
            return _refused(about, "bad-value", text)
        if "body" not in fields:
            return _refused(about, "bad-value", "body must be the program, in the form of the request programs")
        put = self._programs.put(name, fields["body"], rev, request.user, moment)
        if not isinstance(put, Put):
            return _refused(about, put.code, put.text, put.more)
        payload: dict[str, object] = {"ok": True, "program": name, "rev": put.rev, "stored": True}
        was = {"rev": put.before}
        details: dict[str, object] = {"program": name, "rev": put.rev, "was": was, "changed": put.changed}
        if not put.effects:
            return Answer(payload, changes="accepted", details=details)
        if isinstance(put.program, LightProgram):
            self._calendar.replace(name, put.program)
        return Answer(payload, put.effects, "accepted", details, after=("programs", name), program=True)


def _refused(
    details: Mapping[str, object], code: str, text: str, more: Mapping[str, object] | None = None, *,
    changes: bool = True,
) -> Answer:
    """`changes`: it would have changed something, so that the audit tells of it."""
    error = topics.error(code, text, **(more or {}))
    outcome = "rejected" if changes else ""
    return Answer({"ok": False, **error}, changes=outcome, details={**details, **topics.error(code, text)})


def _reply(request: Request, payload: Mapping[str, object]) -> Publish:
    raw = topics.encode({"id": request.id, **payload})
    return Publish(request.reply_to, raw, correlation=request.correlation)
