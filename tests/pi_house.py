"""The controller on the emulated Pi, with a broker beside it, as its user and in the directories of a real one."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pi_image import ROOT, kernel
from pi_lines import Lines
from pi_machine import Pi, copied
from support import until

from edge.shell.app import catalogue
from edge.shell.site_file import load
from simulator.wiring import relays, target_of

SITE = ROOT / "tests" / "pi" / "site.yaml"
BROKER = b"listener 1883 127.0.0.1\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\n"
TOPICS = "village/pi"
STATE = "/var/lib/village-edge"
PID, STATUS, LOG = "/run/daemon.pid", "/run/daemon.status", "/root/daemon.log"
AS_USER = "setpriv --reuid=village-edge --regid=village-edge --groups=gpio,dialout"
RUN = f"{AS_USER} village-edge run --config /brought/site.yaml --state {STATE}"
PROCESS = f"rm -f {STATUS}; (cd {STATE}; sh -c 'echo $$ >{PID}; exec {RUN}' >>{LOG} 2>&1; echo $? >{STATUS}) &"
SAFE = f"cd {STATE} && {AS_USER} village-edge safe --state {STATE}"
EVENING = dt.time(20, 0, tzinfo=dt.timezone(dt.timedelta(hours=7)))  # the street's program has its lights on
ONLINE_S, LINE_S = 90.0, 15.0


@dataclass(frozen=True)
class Behaviour:
    """A kernel and what it does with a line whose process has ended: an input again, or driven on (`persists`)."""

    name: str
    series: str
    persists: bool
    more: str = ""


RELEASES = Behaviour("6.1", "6.1", persists=False)
PERSISTS = Behaviour("6.12 with persist_gpio_outputs=1", "6.12", True, "pinctrl_bcm2835.persist_gpio_outputs=1")
TOLD_NOT_TO = Behaviour("6.12 with persist_gpio_outputs=0", "6.12", False, "pinctrl_bcm2835.persist_gpio_outputs=0")


def wired(config: Path = SITE) -> tuple[dict[int, int], dict[int, str]]:
    """What hangs on the lines of a site, by BCM number: the level at which each relay is on, and the output's name."""
    found = relays(load(config, catalogue()))
    return {line: relay.active for line, relay in found.items()}, {line: target_of(relay.load) for line, relay in found.items()}


def evening() -> float:
    """Today at eight in the evening in the village (Unix s)."""
    return dt.datetime.combine(dt.datetime.now(EVENING.tzinfo).date(), EVENING).timestamp()


class PiHouse:
    """One card, powered again and again; `lines` has all that its lines ever did, None leaves them untraced."""

    def __init__(self, folder: Path, card: Path, behaviour: Behaviour, lines: Lines | None = None) -> None:
        self.lines = lines
        self._folder = folder
        self._card = copied(card, folder / "card.img")
        self._behaviour = behaviour
        self._began = time.monotonic()
        self.pi: Pi

    @contextmanager
    def powered(self, *, serial: Path | None = None, site: str | None = None, trusted: bool = True) -> Iterator[Pi]:
        """Power on until the end of the block, at eight in the evening and as much later as this house is old."""
        files = {"site.yaml": (SITE.read_text("utf-8") if site is None else site).encode(), "mosquitto.conf": BROKER}
        now = evening() + time.monotonic() - self._began
        self.note("power on")
        with Pi(
            self._card, kernel(self._behaviour.series), self._folder, now=now, trusted=trusted, lines=self.lines,
            serial=serial, files=files, more=self._behaviour.more,
        ) as self.pi:  # fmt: skip
            self.pi.run("mosquitto -d -c /brought/mosquitto.conf")
            yield self.pi
            if self.pi.on:
                self.note("power off")

    def note(self, text: str) -> None:
        """Tell beside the lines what is done now."""
        if self.lines is not None:
            self.lines.note(text)

    # --- the controller ---

    def begin(self) -> None:
        """Start it, and return at once."""
        self.note("the controller is started")
        self.pi.run(PROCESS)

    def start(self) -> float:
        """Start it; how long until a client that waits for it hears that it is online (s of the guest's clock)."""
        self.note("the controller is started")
        uptime = "cut -d' ' -f1 /proc/uptime"
        hear = f"mosquitto_sub -R -C 1 -W {ONLINE_S:.0f} -t {TOPICS}/status"
        status, said = self.pi.try_(f"{uptime}; {PROCESS} {hear} && {uptime}", ONLINE_S + 10)
        assert status == 0, f"not online after {ONLINE_S:g} s: {said} {self.log()}"
        before, word, after = said.split()
        assert word == "online"
        self.note("it is online")
        return float(after) - float(before)

    def end(self, signal: str = "TERM") -> int:
        """Send it a signal; its exit status once it has gone, as a shell has it: 137 after KILL."""
        self.note(f"kill -{signal} of the controller")
        status = self.pi.run(f"kill -{signal} $(cat {PID}); while [ ! -s {STATUS} ]; do sleep 0.02; done; cat {STATUS}")
        self.note("its process has ended")
        return int(status)

    def cut(self) -> None:
        """The power goes, and nobody is asked."""
        self.note("power cut")
        self.pi.cut()

    def safe(self) -> str:
        """What `village-edge safe` says, run as the unit's ExecStopPost runs it."""
        self.note("village-edge safe")
        said = self.pi.run(SAFE)
        self.note("it has ended")
        return said

    def log(self) -> str:
        """What the controller has said since the card was new."""
        return self.pi.try_(f"cat {LOG}")[1]

    # --- the broker ---

    def command(self, device: str, payload: str) -> None:
        """Publish a command as a village head would."""
        self.note(f"command to {device}: {payload}")
        self.pi.run(f"mosquitto_pub -q 1 -t {TOPICS}/{device}/set/head -m '{payload}'")

    def heard(self, topic: str, deadline_s: float = 20.0) -> str:
        """The retained message of a topic, or its next one."""
        return self.pi.run(f"mosquitto_sub -C 1 -W {deadline_s:.0f} -t {TOPICS}/{topic}", deadline_s + 10)

    def next_values(self, meter: str) -> dict[str, float]:
        """What a meter measures next."""
        return json.loads(self.pi.run(f"mosquitto_sub -R -C 1 -W 20 -t {TOPICS}/meter/{meter}/reading", 30))["values"]

    def asked(self, question: str) -> dict[str, Any]:
        """What the controller answers to a request (docs/mqtt.md)."""
        answer = f"{TOPICS}/reply/head/pi"
        hear = f"mosquitto_sub -R -C 1 -W 20 -t {answer}"
        ask = f"""mosquitto_pub -q 1 -t {TOPICS}/ask/head/{question} -m '{{"reply_to":"{answer}"}}'"""
        said = self.pi.run(f"{{ sleep 1; {ask}; }} & {hear}; wait", 40)
        return json.loads(said)

    def observed(self, device: str, wanted: str) -> None:
        """Return when the controller says that it sees the device so."""
        until(lambda: json.loads(self.heard(f"{device}/state"))["observed"] == wanted, LINE_S, f"{device} to be seen {wanted}")

    # --- the lines ---

    def lit(self, wanted: set[int]) -> None:
        """Return when exactly these relays are on."""
        assert self.lines is not None
        lines = self.lines
        until(lambda: lines.lit() == wanted, LINE_S, f"relays {sorted(wanted)} to be on, not {sorted(lines.lit())}")
