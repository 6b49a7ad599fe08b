"""`village-edge doctor --outputs` and `--match`: the part of it that switches, with somebody who stands there."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from edge.typed import Failed

if TYPE_CHECKING:
    from edge.commands.doctor_said import Said
    from edge.core.site import Site
    from edge.shell.app import Probe
    from edge.shell.clock import Clock
    from edge.shell.commission_hands import Hands
    from edge.shell.commission_match import Matcher

ENDS = (signal.SIGTERM, signal.SIGHUP)  # a session over the network that breaks off


class Terminal:
    """The person at the terminal; with --yes nobody, and all goes on."""

    def __init__(self, said: Said, *, there: bool) -> None:
        self._said = said
        self.there = there

    def say(self, text: str) -> None:
        """Tell."""
        self._said.say(text)

    def ask(self, text: str) -> str:
        """What was typed, in small letters; `q` at its end. Where nobody is there: Enter."""
        if not self.there:
            return ""
        print(text, end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        return line.strip().lower() if line else "q"


def switch(args: argparse.Namespace, site: Site, clock: Clock, said: Said) -> None:
    """Pulse, then match, as asked for. Everything is off when this ends, however it ends. Raises Failed."""
    from edge.core.diagnosis_dialog import say
    from edge.shell.commission_hands import burnt_before, chosen, locked_outputs
    from edge.shell.commission_pulse import state_of

    if args.yes and args.sim is None:
        raise Failed(2, say(said.language, "yes"))
    try:
        pulsed = [] if args.outputs is None else chosen(site, args.outputs)
        matched = [] if args.match is None else chosen(site, args.match, ("light",))
        if unfit := [name for name in matched if name.partition("/")[0] not in ("light", "pump")]:
            raise ValueError(f"{', '.join(unfit)}: --match takes lights and pumps")
        state = state_of(args.state)
        if args.state is not None and state is None:
            said.say(say(said.language, "no-state", path=args.state))
        with _alone(args, said), _ended_by_signals():
            locked = locked_outputs(site, state)
            hands, ports = _hands(args, site, clock, said, burnt_before(state))
            try:
                _carry_out(args, site, clock, said, hands, ports, (pulsed, matched), locked)
            finally:
                _let_go(hands, ports, said)
    except (ValueError, OSError) as error:
        raise Failed(2, str(error)) from None


def _carry_out(
    args: argparse.Namespace, site: Site, clock: Clock, said: Said, hands: Hands, ports: dict[str, Probe],
    wanted: tuple[list[str], list[str]], locked: set[str],
) -> None:
    from edge.core.diagnosis_dialog import say
    from edge.core.diagnosis_outputs import match_findings, pulse_findings
    from edge.core.site import driven_meters
    from edge.shell.app import catalogue
    from edge.shell.commission_match import Matcher
    from edge.shell.commission_pulse import Pulser, Quit
    from edge.shell.site_file import line_of

    def where(key: list[str]) -> int:
        return line_of(args.config, key)

    person = Terminal(said, there=not args.yes)
    pulsed, matched = wanted
    try:
        pulser = Pulser(site, hands, person, said.language, where, locked)
        if pulsed:
            person.say(say(said.language, "begin", count=len(pulsed)))
        for output in pulsed:
            pulse = pulser.pulse(output)
            said.pulse(pulse, pulse_findings(pulse))
        meters = list(driven_meters(site, catalogue()))
        wrong = {pulse.output for pulse, _ in said.pulses if pulse.verdict in ("inverted", "nothing", "other")}
        matcher = Matcher(site, hands, ports, meters, person, said.language, clock, where, locked, wrong)
        if matched and _may_match(matcher, len(matched)):
            for output in matched:
                match = matcher.match(output)
                said.match(match, match_findings(match))
    except Quit:
        return


def _may_match(matcher: Matcher, count: int) -> bool:
    """Whether there is something to read, and the person wants it. Raises Failed."""
    from edge.core.diagnosis_dialog import say
    from edge.shell.commission_match import PORT_S, ROUNDS, SETTLE_S
    from edge.shell.commission_pulse import count_minutes

    if not matcher.meters:
        raise Failed(2, say(matcher.language, "no-meters"))
    each_s = 2 * SETTLE_S + 3 * ROUNDS * PORT_S
    facts = {"count": count, "meters": ", ".join(matcher.meters), "minutes": count_minutes(count, each_s)}
    return matcher.person.ask(say(matcher.language, "match-begin", **facts)) == ""


def _hands(
    args: argparse.Namespace, site: Site, clock: Clock, said: Said, burnt: dict[str, float | None]
) -> tuple[Hands, dict[str, Probe]]:
    from edge.commands.doctor import TICK
    from edge.core.diagnosis_dialog import say
    from edge.shell import safe_file
    from edge.shell.app import gpio_inputs, gpio_outputs, heartbeat_of, probe
    from edge.shell.commission_beat import Beat
    from edge.shell.commission_guard import Guard
    from edge.shell.commission_hands import Hands, Wiring

    if args.sim is not None:
        os.environ.update(GPIOZERO_PIN_FACTORY="village", VILLAGE_SIM=str(args.sim))
    ports = {name: probe(site, args.sim, clock, name, TICK.wait) for name in site.ports}
    guard = Guard(safe_file.safe_entries(site), args.sim)

    def resting(output: str, for_s: float) -> None:
        said.say(say(said.language, "rest", output=output, for_s=f"{for_s:.0f}"))

    wiring = Wiring(gpio_outputs(site), ports, gpio_inputs(site))
    beat = Beat(heartbeat_of(site), clock.mono)
    return Hands(site, wiring, clock, TICK.wait, guard, beat, resting, burnt), ports


def _let_go(hands: Hands, ports: dict[str, Probe], said: Said) -> None:
    """Off, whatever is pressed meanwhile."""
    from edge.core.diagnosis_dialog import say

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        failed = hands.close()
        for port in ports.values():
            port.close()
    finally:
        signal.signal(signal.SIGINT, before)
    if failed:
        said.failed = True
        print(say(said.language, "left-on", what="; ".join(failed)), file=sys.stderr)


@contextmanager
def _alone(args: argparse.Namespace, said: Said) -> Iterator[None]:
    """While no controller works with the state directory. Raises Failed where one does."""
    from edge.core.diagnosis_dialog import say
    from edge.shell.commission_pulse import state_of
    from edge.shell.state_dir import StateUnusable, lock

    if state_of(args.state) is None:
        yield
        return
    try:
        handle = lock(args.state)
    except StateUnusable:
        raise Failed(2, say(said.language, "busy", path=args.state)) from None
    try:
        yield
    finally:
        os.close(handle)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """What ends a process ends it as Ctrl-C does: everything goes off first."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in ENDS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
