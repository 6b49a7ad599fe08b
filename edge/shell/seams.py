"""Where virtual time, and a simulated village, differ from this machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from edge.core.controller import Controller
from edge.shell.boards import POLL_S
from edge.shell.leases import Apart, in_a_thread
from edge.shell.mqtt_client import Broker


@dataclass(frozen=True, slots=True)
class Seams:
    """By default nowhere.

    `make_client` as for MqttLink. `look_every_s`: how often outputs and inputs are read. `line_mono`: a port's name ->
    the monotonic time of its line, where that runs ahead of the clock while an exchange takes its time. `board_poll_s`:
    how often relay boards are read. `watched` may put an observer around the core. `before_commit` as for StoreWorker
    and HistoryWorker. `apart` as for LeaseKeeper. `open_influx` opens another server than the one of `influx:`; see
    sinks/influxdb.py.
    """

    make_client: Callable[[Broker], Any] | None = None
    look_every_s: float = 1.0
    board_poll_s: float = POLL_S
    line_mono: Mapping[str, Callable[[], float]] = field(default_factory=dict)
    watched: Callable[[Controller], Controller] = lambda controller: controller
    before_commit: Callable[[], None] = lambda: None
    apart: Apart = in_a_thread
    open_influx: Callable[[], Any] | None = None
