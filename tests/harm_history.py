"""The history and those who are sent it, held against what was seen of them from outside."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import paho.mqtt.client as paho
import pytest
from e2e_house import ROOT
from harm_house import copied
from paho.mqtt.enums import CallbackAPIVersion

from edge.core.packing import unpack
from edge.core.ranges import Ranges

if TYPE_CHECKING:
    from influx_servers import Points

Row = tuple[int, str, tuple[tuple[str, float], ...], int, int]  # Unix ms, device, values, quality, life


@dataclass
class Kept:
    """What copies of the files say, so that looking changes nothing: rows, and per consumer what it has."""

    rows: dict[int, Row] = field(default_factory=dict)
    held: set[int] = field(default_factory=set)
    has: dict[str, Ranges] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    aside: dict[str, set[int]] = field(default_factory=dict)
    reserved: int = 0

    @classmethod
    def copied(cls, state: Path) -> Kept:
        """Fails if a database is not whole, or was moved aside as corrupt."""
        kept = cls()
        for database, take in (("journal.db", kept._take_journal), ("history.db", kept._take_history)):
            with copied(state, database) as db:
                if db is not None:
                    take(db)
        return kept

    def _take_journal(self, db: sqlite3.Connection) -> None:
        if db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'sequences'").fetchone():  # killed in the middle of its making
            self.reserved = (db.execute("SELECT reserved FROM sequences WHERE id = 'history'").fetchone() or [0])[0]

    def _take_history(self, db: sqlite3.Connection) -> None:
        layouts = {i: (device, json.loads(names)) for i, device, names in db.execute("SELECT * FROM layouts")}
        for sequence, at, layout, quality, life, body in db.execute("SELECT sequence, at, layout, quality, life, body FROM rows"):
            device, names = layouts[layout]
            pairs = zip(names, unpack(body, len(names)), strict=True)
            values = tuple(sorted((name, value) for name, value in pairs if value is not None))
            self.rows[sequence] = (at, device, values, quality, life)
        self.held = {sequence for (sequence,) in db.execute("SELECT sequence FROM held")}
        for consumer, has, dropped in db.execute("SELECT id, acknowledged, dropped FROM consumers"):
            self.has[consumer] = Ranges(map(tuple, json.loads(has)))
            self.dropped[consumer] = dropped
            self.aside[consumer] = set()
        for consumer, sequence in db.execute("SELECT consumer, sequence FROM set_aside"):
            self.aside[consumer].add(sequence)


class Telemetry:
    """Whoever is sent the history over MQTT: every row that it was ever sent, and how often."""

    def __init__(self, port: int) -> None:
        self.rows: dict[int, Row] = {}
        self.again = 0
        self.wrong: list[str] = []
        self._subscribed = threading.Event()
        self.client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self.client.on_connect = lambda client, *_: client.subscribe(f"{ROOT}/telemetry", 1)
        self.client.on_subscribe = lambda *_: self._subscribed.set()
        self.client.on_message = self._heard
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert self._subscribed.wait(5)

    def _heard(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        for sequence, at, device, values, quality, life in json.loads(message.payload)["rows"]:
            row = (at, device, tuple(sorted(values.items())), quality, life)
            known = self.rows.setdefault(sequence, row)
            self.again += known is row
            if known != row:
                self.wrong.append(f"{sequence} is {known} and {row}")

    def close(self) -> None:
        """Hear no more."""
        self.client.disconnect()
        self.client.loop_stop()


@dataclass
class Account:
    """Everything that was ever seen of a history: what was there must stay, and a sequence names one row for ever."""

    rows: dict[int, Row] = field(default_factory=dict)
    looks: int = 0

    def settle(self, kept: Kept) -> None:
        """Hold the files against what they said before (I10), and each consumer's account against itself (I11)."""
        self.looks += 1
        gone = self.rows.keys() - kept.rows.keys()
        assert not gone, f"rows that were on the disk are gone: {sorted(gone)[:5]}"
        other = [s for s, row in self.rows.items() if kept.rows[s] != row]
        assert not other, f"sequences that name other rows than before: {[(s, self.rows[s], kept.rows[s]) for s in other[:3]]}"
        if kept.rows:
            assert max(kept.rows) <= kept.reserved, "a sequence was given out that the journal has not reserved"
        self.rows |= {s: row for s, row in kept.rows.items() if s not in kept.held}
        for consumer, has in kept.has.items():
            assert not kept.dropped[consumer], f"{consumer}: nothing is old enough to be dropped"
            acknowledged = {s for s in kept.rows if s in has}
            assert not acknowledged & kept.held, f"{consumer} has rows that were held from it"
            assert not acknowledged & kept.aside[consumer], f"{consumer} has what it would not take"

    def heard(self, consumer: str, kept: Kept, sent: dict[int, Row]) -> Iterator[str]:
        """What contradicts the independent listener: what it was sent is on the disk, as it was sent (I9)."""
        for sequence, row in sent.items():
            if sequence not in kept.rows:
                yield f"{sequence} was sent and is not on the disk: {row}"
            elif kept.rows[sequence] != row:
                yield f"{sequence} was sent as {row}, and is {kept.rows[sequence]} on the disk"
        for first, last in kept.has.get(consumer, ()):
            yield from (f"{s} is acknowledged and was never sent" for s in range(first, last + 1) if s in kept.rows and s not in sent)


def recorded_often(config: Path, server: str | None = None) -> None:
    """Meters are recorded every second and committed every second, and sent to `server` as well."""
    text = config.read_text("utf-8").replace("record: 60s", "record: 1s") + "\nhistory: {commit: 1s}\n"
    if server is not None:
        text += f"influx: {{url: '{server}', org: xa, bucket: village}}\n"
    config.write_text(text, "utf-8")


def stored(state: Path) -> dict[int, Row]:
    """The rows on the disk of a controller that runs."""
    kept = Kept()
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(f"file:{state}/history.db?mode=ro", uri=True)) as db:
        db.execute("BEGIN")  # one picture of layouts and rows
        kept._take_history(db)
    return kept.rows


def missing(rows: dict[int, Row], points: Points) -> list[Row]:
    """The rows that a server has not, or has otherwise."""
    wrong = []
    for row in rows.values():
        at, device, values, quality, life = row
        kind, _, name = device.partition("/")
        fields = {field: pytest.approx(value, rel=1e-11) for field, value in values}
        if points.get((f"{kind},device={name},site={ROOT.partition('/')[2]}", at)) != fields | {"quality": quality, "life": life}:
            wrong.append(row)
    return wrong
