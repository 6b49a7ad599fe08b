"""Events into the core, and effects out of it: frozen, without behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edge.core.questions import Question
from edge.core.values import Command, Moment, Reading, Refusal, Request, Row

# --- events: into the core ---


@dataclass(frozen=True, slots=True)
class Tick:
    """Nothing happened but time."""


@dataclass(frozen=True, slots=True)
class CommandReceived:
    """Somebody asked for something; `received` is when it reached this process."""

    command: Command | Refusal
    received: Moment


@dataclass(frozen=True, slots=True)
class RequestReceived:
    """Somebody asks; a request that cannot even be answered arrives as a CommandReceived with its Refusal."""

    request: Request


@dataclass(frozen=True, slots=True)
class OutputObserved:
    """What an output says of itself. `on` None: it cannot be known, and `error` says why."""

    output: str
    on: bool | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class InputChanged:
    """What a contact says: `input/<id>`, or `feedback/<light>/<circuit>`.

    `on`: what it is named for holds (the contactor is closed, the switch is on hand, the door is open, the mains are
    there, it is dark). None: it cannot be known, and `error` says why.
    """

    input: str
    on: bool | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ReadingsTaken:
    """A poll of `device` ended: with a reading, or with None and the reason."""

    device: str
    reading: Reading | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class PulsesCounted:
    """A look at a counting contact, `input/<id>`: `count` pulses since this process began to count, at least 0.

    `at` and `last_at` are monotonic seconds of this boot: of the look, and of the last pulse (None: none came yet).
    """

    input: str
    count: int
    at: float
    last_at: float | None


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """The link to the broker came up or went down."""

    up: bool


@dataclass(frozen=True, slots=True)
class ClockChanged:
    """The wall clock was set, or its trust changed. `source` names who vouches for it."""

    source: str


@dataclass(frozen=True, slots=True)
class Stored:
    """The journal has `key` on the disk."""

    key: tuple[str, str]


@dataclass(frozen=True, slots=True)
class JournalChanged:
    """The journal can be written (`failing` None), or cannot, and why."""

    failing: str | None


@dataclass(frozen=True, slots=True)
class HistoryChanged:
    """The history can be written (`failing` None), or cannot, and why. `lost`: rows that were never kept, since the
    beginning."""

    failing: str | None
    lost: int = 0


@dataclass(frozen=True, slots=True)
class SinkChanged:
    """How one of those who are sent the history's rows fares.

    `refused`: why nothing goes to it now although it can be reached; None when rows flow or it is merely away.
    `set_aside`: how many rows it would not take, one by one; `why` says what was wrong with the last of them.
    `dropped`: how many rows left the history before it had them. Both since the beginning.
    """

    sink: str
    refused: str | None = None
    set_aside: int = 0
    dropped: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True)
class MessageRefused:
    """The broker does not take some of the controller's own messages, and `why`: their topics, each with the reason.
    None: it takes them all."""

    why: str | None


@dataclass(frozen=True, slots=True)
class LeasesExpired:
    """The core did not renew in time, and these outputs were turned off for it; `count`: since this process began."""

    outputs: tuple[str, ...]
    count: int


@dataclass(frozen=True, slots=True)
class Answered:
    """What the files say to a question that the core had asked; `payload` is the answer without its id."""

    request: Request
    payload: Mapping[str, object]


Event = (
    Tick | CommandReceived | RequestReceived | OutputObserved | InputChanged | ReadingsTaken | PulsesCounted
    | LinkChanged | ClockChanged | Stored | JournalChanged | HistoryChanged | SinkChanged | MessageRefused
    | LeasesExpired | Answered
)


# --- effects: out of the core ---


@dataclass(frozen=True, slots=True)
class Write:
    """Drive an output. With `after`, only once the journal has that key; an OFF never waits and cancels what waits.

    `lease_s`: an ON for so long (s); whoever holds it turns the output off when it runs out without being renewed by
    another such Write, also when the core hangs. None: for good, as lights are.
    """

    output: str
    on: bool
    after: tuple[str, str] | None = None
    lease_s: float | None = None


@dataclass(frozen=True, slots=True)
class Persist:
    """Keep a row in the journal under (table, id), in place of the one before; None removes it.

    `tell`: have it answered with Stored, once for each such Persist and in their order.
    """

    key: tuple[str, str]
    row: Row | None
    tell: bool = False


@dataclass(frozen=True, slots=True)
class Publish:
    """Send a message while the link is up; what is retained is sent again when the link comes back.

    `correlation` goes along with an answer, on MQTT 5.
    """

    topic: str
    payload: bytes
    retain: bool = False
    qos: int = 1
    correlation: bytes | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """Keep a reading in the history. `mono` and `boot` are when it was read by the clock that nobody sets, `trusted`
    says whether the reading's own time may be believed."""

    reading: Reading
    mono: float
    boot: str
    trusted: bool


@dataclass(frozen=True, slots=True)
class Ask:
    """Have the files asked what the core does not know; Answered follows."""

    request: Request
    question: Question


@dataclass(frozen=True, slots=True)
class Failed:
    """The core could not decide for `device`, and this is why: for all others it goes on as ever."""

    device: str
    error: Exception


Effect = Write | Persist | Publish | Record | Ask | Failed
