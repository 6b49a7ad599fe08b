"""The MQTT contract: names of topics, what commands look like, how messages are written. Pure; see docs/mqtt.md."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

import orjson

from edge.core.values import Command, Refusal, Request

CONTRACT = 1
LARGEST_COMMAND = 4096  # bytes
LARGEST_REQUEST = 16384  # bytes: a program may be in it
DEEPEST = 20  # levels of JSON, as of a configuration file
LONGEST_FOR_S = 31 * 86400.0
ID = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
COMMAND_ID = re.compile(r"[\x21-\x7e]{1,64}")
NUMBER = re.compile(r"\d{1,3}(\.\d{1,6})?")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")
STOP = "stop-water"  # a phone's button sends no address for the answer
REPLY = r"[A-Za-z0-9_.-]{1,64}(/[A-Za-z0-9_.-]{1,64})*"  # what may stand below <root>/reply/<user>/
FAR = "far/"  # the prefix under which the bridge to a district delivers

CODES: Mapping[str, str] = {
    "bad-topic": "the topic does not have the form <root>/<kind>/<id>/set/<user> or …/lockout/<user>",
    "unknown-device": "no such device in the configuration",
    "too-large": "the payload is larger than 4 KiB, or that of a request larger than 16 KiB",
    "bad-json": "the payload is neither a plain word, nor a number, nor one JSON object",
    "unknown-field": "the JSON has a field that commands, or this request, do not have",
    "bad-value": "a field has a wrong type or is out of range",
    "bad-action": "the action is missing, unknown, or not one that this kind of device takes",
    "retained": "a retained message is never a command",
    "expired": "it arrived after its expires_at",
    "expiry-required": "a command from afar must carry expires_at",
    "repeated": "this user has used this id within the last 24 hours",
    "locked": "somebody works on the device and has locked it",
    "hand": "the cabinet's own switch stands on hand",
    "output-failed": "the output does not show what was asked, or the controller's software failed at the command",
    "interlock": "a pump runs only while one of its valves is open",
    "not-allowed-now": "its limits, or a danger that was seen, keep it shut now",
    "safe-mode": "the controller ended again and again, and runs in safe mode: only off and close work",
    "no-run": "no run waters this valve now, and none waits to",
    "bad-reply-to": "an answer may only go to a topic below <root>/reply/<user>/",
    "unknown-request": "this version answers no such request",
    "unknown-alarm": "no such alarm is open",
    "unknown-program": "no such program is in force",
    "conflict": "the program was changed since it was read",
    "bad-program": "the program cannot stand; flaws says why",
    "no-history": "the history cannot be read now",
}

ACTIONS: Mapping[str, frozenset[str]] = {
    "light": frozenset({"on", "off", "auto"}),
    "switch": frozenset({"on", "off", "auto"}),
    "pump": frozenset({"on", "off", "auto"}),
    "valve": frozenset({"open", "close", "auto", "pause", "resume", "skip"}),
}
FIELDS = frozenset({"action", "level", "for_s", "until", "volume_l", "id", "expires_at"})
LOCK_FIELDS = frozenset({"locked", "note", "circuit", "id", "expires_at"})
LONGEST_NOTE = 200  # characters
PLAIN = {"ON": "on", "OFF": "off", "OPEN": "open", "CLOSE": "close", "AUTO": "auto"}
ALWAYS = frozenset({"off", "close"})  # what works although expired, repeated, or without the expiry asked for from afar


class BadError(Exception):
    """What a message cannot be obeyed or answered for: a code of CODES, and a text with the remedy."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Topics:
    """The topics of one site."""

    def __init__(self, site_id: str) -> None:
        self.root = f"village/{site_id}"
        self.status = f"{self.root}/status"
        self.time = f"{self.root}/time"
        self.about = f"{self.root}/about"
        self.audit = f"{self.root}/audit"
        self.telemetry = f"{self.root}/telemetry"
        commands = (f"{self.root}/+/+/set/+", f"{self.root}/+/+/lockout/+")
        self.subscriptions = (*commands, *(FAR + topic for topic in commands), f"{self.root}/ask/+/+")

    def of(self, target: str, leaf: str) -> str:
        """`<root>/<kind>/<id>/<leaf>` for the device `<kind>/<id>`."""
        return f"{self.root}/{target}/{leaf}"


class Decoder:
    """Turns what arrives on a command topic into a Command, or into a Refusal that says why not."""

    def __init__(self, topics: Topics, devices: Iterable[str]) -> None:
        """`devices`: every `<kind>/<id>` of the configuration that takes commands."""
        self._topics = topics
        self._devices = frozenset(devices)

    def decode(self, topic: str, payload: bytes, retained: bool) -> Command | Refusal | None:
        """One message. None: no command at all (an empty payload, which clears a retained one; another topic)."""
        far = topic.startswith(FAR)
        own, _, rest = topic.removeprefix(FAR if far else "").partition(self._topics.root + "/")
        parts = rest.split("/")
        if own or len(parts) != 4 or parts[2] not in ("set", "lockout") or not payload:
            return None
        kind, name, leaf, user = parts
        clear = topic if retained else None
        if not (ID.fullmatch(kind) and ID.fullmatch(name)):
            return Refusal("bad-topic", f"{CODES['bad-topic']}; ids match {ID.pattern}", clear=clear)
        target = f"{kind}/{name}"
        if not ID.fullmatch(user):
            return Refusal("bad-topic", f"the user in the topic must match {ID.pattern}", target, clear=clear)
        fields, flaw = _parsed(payload, _fields if leaf == "set" else _lock_fields)
        try:
            if retained:
                raise BadError("retained", "publish commands without the retain flag; this one has been cleared")
            if target not in self._devices:
                raise BadError("unknown-device", f"{target} is not in the configuration: see {self._topics.about}")
            if flaw is not None:
                raise flaw
            return (_command if leaf == "set" else _lockout)(target, kind, user, fields, far)
        except BadError as bad:
            return Refusal(bad.code, bad.message, target, user, _quotable(fields.get("id")), clear)

    def request(
        self, topic: str, payload: bytes, retained: bool, response_topic: str | None, correlation: bytes | None
    ) -> Request | Refusal | None:
        """One message on `<root>/ask/<user>/<name>`; None: it is none. `response_topic` and `correlation` are MQTT 5's.

        The answer may only go below `<root>/reply/<user>/`, so that nobody can make the controller publish a command.
        Who wants all water stopped need not say where the answer is to go.
        """
        own, _, rest = topic.partition(self._topics.root + "/")
        parts = rest.split("/")
        if own or len(parts) != 3 or parts[0] != "ask" or not payload:
            return None
        _, user, name = parts
        clear = topic if retained else None
        if not (ID.fullmatch(user) and ID.fullmatch(name)):
            return Refusal("bad-topic", f"user and name in the topic must match {ID.pattern}", clear=clear)
        fields, flaw = _parsed(payload, _question, LARGEST_REQUEST)
        asked = _quotable(fields.get("id"))
        reply_to = response_topic if response_topic is not None else fields.get("reply_to")
        below = f"{self._topics.root}/reply/{user}/"
        if reply_to is None and name == STOP:
            reply_to = below + STOP
        if not isinstance(reply_to, str) or not re.fullmatch(re.escape(below) + REPLY, reply_to):
            flaw = flaw or BadError("bad-reply-to", f"give a reply_to below {below}")
            return Refusal(flaw.code, flaw.message, None, user, asked, clear)
        if retained:
            flaw = BadError("retained", "publish requests without the retain flag; this one has been cleared")
        elif fields.get("id") is not None and asked is None:
            flaw = BadError("bad-value", "id must be 1 to 64 printable ASCII characters without spaces")
        if flaw is not None:
            return Refusal(flaw.code, flaw.message, None, user, asked, clear, reply_to, correlation)
        return Request(name, user, reply_to, asked, correlation, fields)


def _parsed(
    payload: bytes, read: Callable[[bytes], dict[str, Any]], largest: int = LARGEST_COMMAND
) -> tuple[dict[str, Any], BadError | None]:
    """The fields of a payload, and what is wrong with it if they cannot be had."""
    try:
        if len(payload) > largest:
            raise BadError("too-large", f"{len(payload)} bytes; a message has at most {largest}")
        return read(payload), None
    except BadError as flaw:
        return {}, flaw


def _question(payload: bytes) -> dict[str, Any]:
    """The payload as fields of a request: JSON that can be quoted in an answer."""
    found = _object(payload, 'write a JSON object, such as {"id": "r-1", "reply_to": "<root>/reply/<user>/<client>"}')
    if _deeper(found, DEEPEST):
        raise BadError("bad-json", f"this is nested more than {DEEPEST} levels deep; take levels out")
    try:
        json.dumps(found, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise BadError("bad-json", "an escape names half a character; write the character itself") from None
    return found


def _fields(payload: bytes) -> dict[str, Any]:
    """The payload as fields of a command; plain words and numbers in the form of the JSON they stand for."""
    text = payload.decode("utf-8", "replace")
    if text in PLAIN:
        return {"action": PLAIN[text]}
    if NUMBER.fullmatch(text) and text.isascii():
        return {"action": "on", "level": float(text)}
    return _object(payload, f"write {', '.join(PLAIN)}, a number from 0 to 100, or a JSON object")


def _lock_fields(payload: bytes) -> dict[str, Any]:
    return _object(payload, 'write a JSON object, such as {"locked": true, "note": "thay bóng"}')


def _object(payload: bytes, remedy: str) -> dict[str, Any]:
    """The payload as a JSON object whose fields appear once."""
    try:
        value = JSON.decode(payload.decode("utf-8"))
    except UnicodeDecodeError:
        raise BadError("bad-json", "the payload is not UTF-8") from None
    except (ValueError, RecursionError):
        raise BadError("bad-json", remedy) from None
    if not isinstance(value, dict):
        raise BadError("bad-json", 'the JSON must be one object, such as {"id": "c-1"}')
    return value


def _deeper(value: object, levels: int) -> bool:
    """Whether lists and objects lie in one another more than so many levels deep."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return inside is not None and (levels == 0 or any(_deeper(each, levels - 1) for each in inside))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadError("bad-json", "a field appears twice")
    return found


def _no_constant(name: str) -> float:
    raise BadError("bad-value", f"{name} is not a number")


JSON = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)  # orjson takes duplicate keys


def _command(target: str, kind: str, user: str, fields: dict[str, Any], far: bool) -> Command:
    only(fields, FIELDS, "a command")
    allowed = ACTIONS.get(kind, frozenset())
    action = fields.get("action")
    if not isinstance(action, str) or action not in allowed:
        raise BadError("bad-action", f"a {kind} takes the actions {', '.join(sorted(allowed)) or '(none)'}")
    command_id = _own_id(fields)
    level = number(fields, "level", 0, 100)
    if level is not None and action != "on":
        raise BadError("bad-value", "level goes with the action on")
    if action == "on" and level == 0:
        action, level = "off", None
    command = Command(
        target, action, user, command_id, level, number(fields, "for_s", 1, LONGEST_FOR_S), wall_time(fields, "until"),
        number(fields, "volume_l", 0.1, 1e6), wall_time(fields, "expires_at"), far,
    )
    bounds = [b for b in (command.for_s, command.until, command.volume_l) if b is not None]
    if len(bounds) > 1 or (bounds and action not in ("on", "off", "open")):
        raise BadError("bad-value", "at most one of for_s, until and volume_l, and only with on, off or open")
    if command.volume_l is not None and kind != "valve":
        raise BadError("bad-value", "volume_l is for valves")
    if far and command.expires_at is None and action not in ALWAYS:
        raise BadError("expiry-required", "a command from afar may be old: give expires_at")
    return command


def _lockout(target: str, _kind: str, user: str, fields: dict[str, Any], far: bool) -> Command:
    """A lockout or its release, as a command with the action `lock` or `unlock`."""
    only(fields, LOCK_FIELDS, "a lockout")
    locked, note, circuit = fields.get("locked"), fields.get("note", ""), fields.get("circuit")
    if not isinstance(locked, bool):
        raise BadError("bad-value", "locked must be true or false")
    if not isinstance(note, str) or len(note) > LONGEST_NOTE or not note.isprintable():
        raise BadError("bad-value", f"note must be one line of at most {LONGEST_NOTE} characters")
    if circuit is not None and (not isinstance(circuit, str) or not ID.fullmatch(circuit)):
        raise BadError("bad-value", "circuit must be the id of one of the light's circuits")
    command = Command(
        target, "lock" if locked else "unlock", user, _own_id(fields), expires_at=wall_time(fields, "expires_at"),
        far=far, note=note, circuit=circuit,
    )
    if far and command.expires_at is None:
        raise BadError("expiry-required", "a lockout from afar may be old: give expires_at")
    return command


def only(fields: Mapping[str, Any], known: frozenset[str], what: str) -> None:
    """Raises BadError where there is a field that `what` does not have."""
    unknown = fields.keys() - known
    if unknown:
        raise BadError("unknown-field", f"{ascii(min(unknown))[:40]}: {what} has {', '.join(sorted(known))}")


def _own_id(fields: Mapping[str, Any]) -> str | None:
    command_id = fields.get("id")
    if command_id is not None and (not isinstance(command_id, str) or not COMMAND_ID.fullmatch(command_id)):
        raise BadError("bad-value", "id must be 1 to 64 printable ASCII characters without spaces")
    return command_id


def number(fields: Mapping[str, Any], name: str, least: float, most: float) -> float | None:
    """The number of that field, None where it is left out. Raises BadError for what is none, or out of range."""
    if name not in fields:
        return None
    value = fields[name]
    if type(value) not in (int, float) or not least <= value <= most:  # neither true nor NaN passes
        raise BadError("bad-value", f"{name} must be a number from {least:.15g} to {most:.15g}")
    return float(value)


def wall_time(fields: Mapping[str, Any], name: str) -> float | None:
    """The Unix time of that field, None where it is left out. Raises BadError for what is no RFC 3339 time."""
    if name not in fields:
        return None
    value = fields[name]
    try:
        if isinstance(value, str) and TIME.fullmatch(value) and value.isascii():
            return dt.datetime.fromisoformat(value).timestamp()
    except (ValueError, OverflowError):
        pass
    raise BadError("bad-value", f"{name} must be a time such as 2026-11-21T11:04:15Z")


def _quotable(command_id: object) -> str | None:
    return command_id if isinstance(command_id, str) and COMMAND_ID.fullmatch(command_id) else None


def rfc3339(wall: float) -> str:
    """Unix time as the contract writes it: UTC with milliseconds, such as 2026-11-21T11:04:05.120Z."""
    stamp = dt.datetime.fromtimestamp(round(wall, 3), dt.UTC)
    return stamp.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def encode(message: object) -> bytes:
    """A message as JSON."""
    return orjson.dumps(message)


def on_off(on: bool | None) -> str:
    """What a light, a pump or a switch is, in the word of its topics."""
    return "unknown" if on is None else "ON" if on else "OFF"


def open_closed(on: bool | None) -> str:
    """What a valve is, in the word of its topics."""
    return "unknown" if on is None else "OPEN" if on else "CLOSED"


Outcome = Literal["done", "accepted", "superseded", "rejected", "failed"]


def result(command_id: str | None, user: str | None, outcome: Outcome, **more: object) -> bytes:
    """The outcome of one command."""
    return encode({"id": command_id, "user": user, "outcome": outcome, **more})


def error(code: str, message: str, **more: object) -> dict[str, dict[str, object]]:
    """The `error` of a result that is rejected or failed, or of an answer. `code` is one of CODES."""
    if code not in CODES:
        raise KeyError(code)
    return {"error": {"code": code, "message": message, **more}}
