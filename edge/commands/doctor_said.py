"""What the doctor found, in the order in which it found it: printed as it comes, and kept for the page and programs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from edge.core.diagnosis_words import MARKS
from edge.core.diagnosis_words import told as words

if TYPE_CHECKING:
    from edge.core.diagnosis import Finding, PortSeen
    from edge.core.diagnosis_outputs import Match, Pulse
    from edge.core.diagnosis_terms import Language
    from edge.shell.commission_machine import Machine


class Said:
    """Everything found in one run. `quiet`: nothing is printed, for who wants JSON."""

    def __init__(self, language: Language, *, quiet: bool) -> None:
        self.language = language
        self.ports: list[tuple[PortSeen, list[Finding]]] = []
        self.machine: tuple[Machine, list[Finding]] | None = None
        self.pulses: list[tuple[Pulse, list[Finding]]] = []
        self.matches: list[tuple[Match, list[Finding]]] = []
        self.failed = False  # something could not be turned off
        self._quiet = quiet

    def port(self, seen: PortSeen, told: list[Finding]) -> None:
        """A serial port was asked."""
        self.ports.append((seen, told))
        models = {s.device.name: f" ({s.device.model}, {s.device.address})" for s in seen.devices}
        self._print(f"{seen.name}: {seen.path}, {seen.setting}", told, models)

    def computer(self, which: Machine, told: list[Finding]) -> None:
        """The machine was looked at."""
        self.machine = which, told
        self._print(f"{which.model or 'machine'}: {which.system}, {which.kernel}", told)

    def pulse(self, pulse: Pulse, told: list[Finding]) -> None:
        """An output was pulsed, or not."""
        self.pulses.append((pulse, told))
        self._print("", told)

    def match(self, match: Match, told: list[Finding]) -> None:
        """A circuit was switched while the meters were read, or not."""
        self.matches.append((match, told))
        self._print("", told)

    def say(self, text: str) -> None:
        """Something for the person who stands there, which is no finding."""
        print(text, file=sys.stderr if self._quiet else sys.stdout, flush=True)

    @property
    def status(self) -> int:
        """The exit status: 2 where a port could not be asked or an output could not be turned off, else 1 or 0."""
        if self.failed or any(seen.gone for seen, _ in self.ports):
            return 2
        return int(any(finding.severity == "wrong" for finding in self._all()))

    def as_json(self) -> dict[str, object]:
        """For programs: each part that was asked for."""
        found: dict[str, object] = {}
        if self.ports or not (self.machine or self.pulses or self.matches):
            found["ports"] = [
                {"port": s.name, "device": s.path, "setting": str(s.setting), "findings": self._plain(told)}
                for s, told in self.ports
            ]
        if self.machine is not None:
            which, told = self.machine
            found["machine"] = {
                "model": which.model, "serial": which.serial, "system": which.system, "kernel": which.kernel,
                "findings": self._plain(told),
            }  # fmt: skip
        if self.pulses:
            found["outputs"] = [
                {"output": p.output, "place": str(p.place), "verdict": p.verdict, "findings": self._plain(told)}
                for p, told in self.pulses
            ]
        if self.matches:
            found["match"] = [
                {"output": m.output, "meter": m.meter, "moved_w": {n: round(w, 1) for n, w in m.movers.items()},
                 "findings": self._plain(told)}
                for m, told in self.matches
            ]  # fmt: skip
        return found

    def _all(self) -> Iterable[Finding]:
        parts: list[Sequence[Finding]] = [told for _, told in self.ports]
        parts += [told for _, told in self.pulses]
        parts += [told for _, told in self.matches]
        if self.machine is not None:
            parts.append(self.machine[1])
        return (finding for part in parts for finding in part)

    def _print(self, title: str, told: Sequence[Finding], models: Mapping[str, str] | None = None) -> None:
        if self._quiet:
            return
        if title:
            print(title)
        for finding in told:
            text, do = words(finding, self.language)
            print(f"  {MARKS[finding.severity]} {finding.where}{(models or {}).get(finding.where, '')}: {text}")
            for line in do:
                print(f"      - {line}")
        sys.stdout.flush()

    def _plain(self, told: Sequence[Finding]) -> list[dict[str, object]]:
        return [
            {"where": f.where, "code": f.code, "severity": f.severity, "text": words(f, self.language)[0],
             "do": words(f, self.language)[1], "data": {key: _plain(value) for key, value in f.data.items()}}
            for f in told
        ]  # fmt: skip


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, dict) else value if isinstance(value, int | float | str) else str(value)
