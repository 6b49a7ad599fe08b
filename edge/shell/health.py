"""What systemd, the broker and the page say of the controller of this machine."""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
from contextlib import closing
from dataclasses import dataclass

from edge.client import Down, Message, Up
from edge.typed import Address

PAGE_S = 2.0  # an answer that takes longer is none
SYSTEMCTL_S = 5.0
TLS_PORT = 8443  # of a page with a certificate of its own
SAFE_MODE = "safe-mode"
SHOWN = ("LoadState", "ActiveState", "SubState", "NRestarts", "ActiveEnterTimestampMonotonic", "Result")


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as systemd has it: `since` (s since boot) it has been active; `restarts` since somebody started it."""

    name: str
    loaded: bool
    state: str
    since: float
    restarts: int
    result: str

    def troubles(self, now: float, steady_s: float, *, fresh: bool) -> list[str]:
        """What is wrong with it `now` (s since boot); `fresh`: a restart is."""
        if not self.loaded:
            return [f"systemd has no unit {self.name}: install it with systemd/install.sh, or give another with --unit"]
        if fresh and self.restarts > 0:
            return [f"{self.name}: it ended and was started again, {self.restarts} times; {self._look}"]
        if self.state != "active (running)":
            why = "" if self.result == "success" else f", last time: {self.result}"
            return [f"{self.name}: {self.state}{why}; {self._look}"]
        if now - self.since < steady_s:
            return [f"{self.name}: running for {max(0.0, now - self.since):.0f} s only, {steady_s:.0f} s are asked for"]
        return []

    @property
    def _look(self) -> str:
        return f"journalctl -u {self.name} -n 50 says why"


def unit_now(name: str) -> Unit:
    """The unit as it is now; one that is not loaded where there is no systemd."""
    command = ["systemctl", "show", name, *(f"--property={each}" for each in SHOWN)]
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command; the name is whoever's who runs it
            command, capture_output=True, text=True, check=False, timeout=SYSTEMCTL_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return Unit(name, False, "unknown", 0.0, 0, "success")
    shown = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    state = f"{shown.get('ActiveState')} ({shown.get('SubState')})"
    since = int(shown.get("ActiveEnterTimestampMonotonic") or 0) / 1e6
    loaded = shown.get("LoadState") == "loaded"
    return Unit(name, loaded, state, since, int(shown.get("NRestarts") or 0), shown.get("Result", "success"))


class Heard:
    """What the broker has of the controller with the topics below `root`, which should have that version."""

    def __init__(self, root: str, version: str) -> None:
        self._root = root
        self._version = version
        self._link = "the broker has not answered yet: systemctl status mosquitto"
        self._last: dict[str, bytes] = {}

    def take(self, event: Message | Up | Down) -> None:
        """Something happened on the link."""
        match event:
            case Message():
                self._last[event.topic.removeprefix(f"{self._root}/")] = event.payload
            case Up():
                self._link = ""
            case Down():
                self._link = f"{event.why}: {event.remedy}"
                self._last.clear()

    def troubles(self) -> list[str]:
        """What is wrong by what was heard until now."""
        if self._link:
            return [self._link]
        status = self._last.get("status")
        if status is None:
            return ["the broker knows nothing of the controller: village-edge broker, then restart the controller"]
        if status != b"online":
            return [f"the broker says that the controller is {status.decode('utf-8', 'replace')}"]
        found = _version_in(self._last.get("about", b""))
        wrong = []
        if found != self._version:
            wrong.append(f"the version {found} runs, and {self._version} is installed: restart the controller")
        if any(topic.startswith(f"alarm/{SAFE_MODE}") and payload for topic, payload in self._last.items()):
            wrong.append("the controller is in safe mode: it ended again and again; the journal says why")
        return wrong


def _version_in(about: bytes) -> str:
    try:
        return str(json.loads(about)["version"])
    except (ValueError, KeyError, TypeError):
        return "unknown"


def page_trouble(at: Address) -> str | None:
    """Why the page of this machine cannot be had; None: it can."""
    told = [_asked(http.client.HTTPConnection(at.host, at.port, timeout=PAGE_S))]
    if told[0] is not None and at.port != TLS_PORT:
        anybody = ssl._create_unverified_context()  # noqa: S323, SLF001 - this machine itself, and nothing is told to it
        told.append(_asked(http.client.HTTPSConnection(at.host, TLS_PORT, timeout=PAGE_S, context=anybody)))
    return None if None in told else f"the page at {at}: {told[0]}; systemctl status village-edge-web"


def _asked(connection: http.client.HTTPConnection) -> str | None:
    """What is wrong with the answer; None: nothing."""
    try:
        with closing(connection):
            connection.request("GET", "/health")
            answer = connection.getresponse()
            text = answer.read(500).decode("utf-8", "replace").strip()
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    return None if answer.status == http.client.OK else f"{answer.status} {text}"
