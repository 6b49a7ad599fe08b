"""Counts starts that ended badly, so that a controller that cannot stay up comes up in safe mode.

MOST starts within WINDOW_S (s), none of which ended in good order: the next is safe mode. It gives normal operation
another try after each of PAUSES_S in turn, with the count one short of MOST, so that one more bad end brings it back.
All times are monotonic and of this boot. The file lies in a directory that a reboot empties (systemd's
RuntimeDirectory); what cannot be read there counts as nothing, and what cannot be written keeps nobody from starting.
"""

from __future__ import annotations

import json
import logging
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from edge.shell.clock import Clock
from edge.shell.files import replace_file

log = logging.getLogger(__name__)
FILE = "starts"
MOST = 5
WINDOW_S = 600.0
PAUSES_S = (1800.0, 3600.0, 7200.0)
LONGEST_ERROR = 300  # characters
UNKNOWN = "unknown"  # nobody told how it ended, and nobody will


@dataclass(frozen=True, slots=True)
class Start:
    """One start of normal operation: when (monotonic s), how it ended as `end_of` names it, and the last error that it
    logged."""

    at: float
    ended: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Safe:
    """Safe mode stands: since when, and until when normal operation is left alone (monotonic s)."""

    since: float
    until: float


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of the starts of the boot `boot`, oldest first. `tries`: how often safe mode has given normal
    operation another try since it last went well for WINDOW_S. `was`: the safe mode that came just
    before, until that is told."""

    boot: str
    starts: tuple[Start, ...] = ()
    tries: int = 0
    safe: Safe | None = None
    was: Safe | None = None


def folder(asked: Path | None, environment: Mapping[str, str]) -> Path | None:
    """Where starts are counted: where somebody says, else the RuntimeDirectory of the systemd unit; None: nowhere."""
    given = environment.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    return asked if asked is not None else Path(given) if given else None


def begun(record: Record, mono: float) -> Record:
    """The record after another start at `mono`: with `safe` where it is to be safe mode."""
    if record.safe is not None:
        if mono < record.safe.until:
            return record
        record = tried_again(record, mono)
    recent = tuple(start for start in record.starts if mono - WINDOW_S < start.at <= mono)
    if len(recent) >= MOST:
        pause_s = PAUSES_S[min(record.tries, len(PAUSES_S) - 1)]
        return replace(record, starts=recent, safe=Safe(mono, mono + pause_s))
    again = record if recent else Record(record.boot, was=record.was)
    return replace(again, starts=(*recent, Start(mono)))


def tried_again(record: Record, mono: float) -> Record:
    """The record of a safe mode that ends at `mono` for normal operation to be tried."""
    counted = tuple(replace(s, at=mono, ended=s.ended or UNKNOWN) for s in record.starts[-(MOST - 1) :])
    return replace(record, starts=counted, tries=record.tries + 1, safe=None, was=record.safe)


def with_last(record: Record, ended: str | None = None, error: str | None = None) -> Record:
    """The record with more known of the last start; nothing is changed while safe mode stands."""
    if record.safe is not None or not record.starts:
        return record
    last = record.starts[-1]
    return replace(record, starts=(*record.starts[:-1], Start(last.at, ended or last.ended, error or last.error)))


def written(record: Record) -> bytes:
    """The record as the file has it."""
    return json.dumps(asdict(record)).encode()


def read(content: bytes, boot: str, mono: float) -> Record:
    """The record in a file. One of another boot, and what is no record, is an empty one; times that this boot cannot
    have are left out."""
    fresh = Record(boot)
    try:
        found = json.loads(content)
        if found["boot"] != boot:
            return fresh
        safe, was = _safe(found["safe"], mono), _safe(found.get("was"), mono)
        starts = [Start(_time(s["at"]), _text(s["ended"]), _text(s["error"])) for s in found["starts"]]
        tries = found["tries"]
        if type(tries) is not int or tries < 0:
            return fresh
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return fresh
    return Record(boot, tuple(s for s in starts if s.at <= mono)[-MOST:], tries, safe, was)


def _safe(found: Any, mono: float) -> Safe | None:
    if found is None:
        return None
    since, until = _time(found["since"]), _time(found["until"])
    return Safe(since, min(until, since + PAUSES_S[-1])) if since <= mono else None


def _time(value: object) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):  # type: ignore[arg-type] # it is a number then
        raise ValueError(value)
    return float(value)  # type: ignore[arg-type]


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return None if value is None else value[:LONGEST_ERROR]
    raise ValueError(value)


class Starts:
    """The record in its file. Nothing here raises."""

    def __init__(self, where: Path, clock: Clock) -> None:
        """`where` is made if new."""
        self._path = where / FILE
        self._clock = clock
        moment = clock.now()
        try:
            where.mkdir(parents=True, exist_ok=True)
            content = self._path.read_bytes()
        except OSError as error:
            if not isinstance(error, FileNotFoundError):
                log.warning("%s: %s; starts are not counted", self._path, error.strerror)
            content = b""
        self.record = read(content, moment.boot, moment.mono)
        self._counting = True
        self.past: tuple[float, dict[str, Any]] | None = None

    def begin(self) -> Safe | None:
        """This process starts: safe mode if it is to be that, else None. Then `past` has the safe mode that came just
        before, if one did: since when (monotonic s) it stood, and the data of its alarm."""
        record = begun(self.record, self._clock.mono())
        if record.safe is None and record.was is not None:
            self.past = record.was.since, why(replace(record, starts=record.starts[:-1]))
            record = replace(record, was=None)
        self._keep(record)
        return self.record.safe

    def ended(self, how: str) -> None:
        """The last start ended so; said by another process, after it."""
        if self.record.starts and self.record.starts[-1].ended is None:
            self._keep(with_last(self.record, ended=how))

    def error(self, text: str) -> None:
        """This start has logged an error."""
        if self._counting:
            self._keep(with_last(self.record, error=" ".join(text.split())[:LONGEST_ERROR]))

    def try_again(self) -> None:
        """Safe mode ends, so that the next start is normal operation."""
        self._keep(tried_again(self.record, self._clock.mono()))

    def forget(self) -> None:
        """The process ends in good order: what was before counts no more."""
        self._counting = False
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("%s cannot be removed: %s", self._path, error.strerror)

    def _keep(self, record: Record) -> None:
        self.record = record
        try:
            replace_file(self._path, written(record), mode=0o600)
        except OSError as error:
            log.warning("%s cannot be written: %s; starts are not counted", self._path, error.strerror)


class ErrorNote(logging.Handler):
    """Notes the last error that is logged with the start, so that safe mode can say it."""

    def __init__(self, starts: Starts) -> None:
        super().__init__(logging.ERROR)
        self._starts = starts

    def emit(self, record: logging.LogRecord) -> None:
        """Note it."""
        try:
            text = record.getMessage()
            if record.exc_info is not None and record.exc_info[1] is not None:
                text += f": {record.exc_info[1]!r}"
            self._starts.error(text)
        except Exception:
            self.handleError(record)


# --- how a start ended ---


def end_of(environment: Mapping[str, str]) -> str | None:
    """How the service's process ended, as systemd tells it to ExecStopPost (systemd.exec(5), $SERVICE_RESULT,
    $EXIT_CODE, $EXIT_STATUS): `watchdog`, `timeout`, `oom-kill`, `signal SEGV`, `exit 1`. None: nobody tells."""
    result, status = environment.get("SERVICE_RESULT"), environment.get("EXIT_STATUS", "")
    if not result:
        return None
    if result in _RESULTS:
        return result
    return f"{'exit' if environment.get('EXIT_CODE') == 'exited' else 'signal'} {status}" if status else result


_RESULTS: Mapping[str, tuple[str, str]] = {
    "watchdog": ("it hung (watchdog)", "bị treo (watchdog)"),
    "timeout": ("it took too long to start or stop", "khởi động hoặc dừng quá lâu"),
    "oom-kill": ("out of memory", "hết bộ nhớ"),
}


def _words(ended: str) -> tuple[str, str]:
    if ended == UNKNOWN:
        return "nobody noted why", "không rõ vì sao"
    if ended in _RESULTS:
        return _RESULTS[ended]
    how, _, which = ended.partition(" ")
    if how == "signal":
        return f"killed by signal {which}", f"bị tín hiệu {which} ngắt"
    return (f"exit status {which}", f"mã thoát {which}") if which else (ended, ended)


def why(record: Record) -> dict[str, Any]:
    """What the alarm `safe-mode` says of it: `why` and `why_vi`, `minutes` until normal operation is tried again, how
    each start `ended`, and the last `error` that was logged, where there was one."""
    ends = Counter(start.ended or UNKNOWN for start in record.starts)
    told = [(count, *_words(ended)) for ended, count in ends.most_common()]
    errors = [start.error for start in record.starts if start.error]
    last = f"; {errors[-1]}" if errors else ""
    safe = record.safe or record.was
    return {
        "why": ", ".join(f"{count} × {en}" for count, en, _ in told) + last,
        "why_vi": ", ".join(f"{count} × {vi}" for count, _, vi in told) + last,
        "minutes": 0 if safe is None else round((safe.until - safe.since) / 60),
        "ended": [start.ended or UNKNOWN for start in record.starts],
        "error": errors[-1] if errors else None,
    }
