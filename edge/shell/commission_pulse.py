"""The polarity pulse: one output OFF, ON for a moment, OFF, let go, and a person who says what moved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edge.core.diagnosis_dialog import say
from edge.core.diagnosis_outputs import Place, Pulse, Verdict
from edge.core.diagnosis_terms import Language
from edge.core.site import Site
from edge.shell.commission_hands import Hands, key_of, place_of

BEFORE_S = 1.0  # an inverted one is on for so long
PULSE_S: Mapping[str, float] = {"light": 3.0, "switch": 1.0, "valve": 1.0, "pump": 1.0}
AFTER_S = 1.0
QUIT, SKIP, YES, WRONG = "q", "s", "y", "w"


class Person(Protocol):
    """Whoever stands at the cabinet. `there`: whether anybody does; a script has nobody who sees."""

    there: bool

    def say(self, text: str) -> None:
        """Tell."""

    def ask(self, text: str) -> str:
        """The answer, small and without spaces around; `q` when there is nobody any more."""


class Quit(Exception):
    """The person does not want to go on."""


@dataclass(frozen=True, slots=True)
class Pulser:
    """Pulses outputs of a site. `line_of` says where the configuration has a key; `locked`: what stays as it is."""

    site: Site
    hands: Hands
    person: Person
    language: Language
    line_of: Callable[[list[str]], int]
    locked: set[str]

    def pulse(self, output: str) -> Pulse:
        """One output, as far as the person wants. Raises Quit; whatever a driver does is in the answer."""
        key, place = key_of(output), place_of(self.site, output)

        def found(verdict: Verdict, error: str = "") -> Pulse:
            return Pulse(output, place, verdict, ".".join(key), self.line_of(key), error=error)

        if output in self.locked:
            return found("locked")
        if not self._may(output, place):
            return found("skipped")
        try:
            contact = self._move(output)
        except Exception as error:  # whatever a driver does, it is said and the others are tried
            return found("failed", error=str(error) or type(error).__name__)
        verdict, other = self._seen()
        if verdict == "right":
            self.hands.keep_off(output)
        return Pulse(output, place, verdict, ".".join(key), self.line_of(key), other, feedback=contact)

    def _may(self, output: str, place: Place) -> bool:
        """Whether to go. A pump's contactor is tried without its motor, and only by a word that nobody types by chance.
        """
        kind = output.partition("/")[0]
        facts = {"output": output, "name": name_of(self.site, output), "place": place, "for_s": f"{PULSE_S[kind]:g}"}
        self.person.say(say(self.language, "next", **facts))
        if kind == "pump":
            word = say(self.language, "dry-word")
            self.person.say(say(self.language, "dry"))
            return self._answer(say(self.language, "sure-dry", word=word)) == word
        return self._answer(say(self.language, "go")) == ""

    def _answer(self, question: str) -> str:
        answer = self.person.ask(question)
        if answer == QUIT:
            raise Quit
        return answer

    def _move(self, output: str) -> tuple[bool | None, bool | None, bool | None] | None:
        """OFF, ON, OFF, and let go; what the feedback contact said at the end of each."""
        hands, for_s = self.hands, PULSE_S[output.partition("/")[0]]
        self.person.say(say(self.language, "off"))
        hands.settle(output)
        hands.pause(BEFORE_S)
        before = hands.contact(output)
        self.person.say(say(self.language, "on"))
        try:
            hands.on(output, for_s)
            hands.pause(for_s)
            during = hands.contact(output)
        finally:
            hands.off(output)
        self.person.say(say(self.language, "off-again"))
        hands.pause(AFTER_S)
        after = hands.contact(output)
        hands.let_go(output)  # who is wired the other way round must not stay on while the person thinks
        return (before, during, after) if hands.has_contact(output) else None

    def _seen(self) -> tuple[Verdict, str]:
        """What the person saw, and what moved in its place."""
        if not self.person.there:
            return "unseen", ""
        while True:
            match self._answer(say(self.language, "moved")):
                case "y":
                    return "right", ""
                case "w":
                    return "other", self._answer(say(self.language, "which"))
                case "n":
                    inverted = self._answer(say(self.language, "inverted")) == YES
                    return "inverted" if inverted else "nothing", ""


def name_of(site: Site, output: str) -> str:
    """What people call it: its device's name."""
    section, name, *_ = key_of(output)
    return str(getattr(site, section)[name].name)


def count_minutes(outputs: int, each_s: float) -> int:
    """How long so many take, in whole minutes."""
    return max(1, round(outputs * each_s / 60))


def state_of(path: Path | None) -> Path | None:
    """The state directory, if it is there."""
    return path if path is not None and path.is_dir() else None
