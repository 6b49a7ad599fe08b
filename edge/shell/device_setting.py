"""Giving a device another address or speed: nothing is written before the bus was asked, and it is read afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from edge.core.diagnosis_terms import Language
from edge.core.diagnosis_words import figures
from edge.core.setting_words import say
from edge.core.values import Heard, Setting, Taken

ASK_S = 0.5


class Probe(Protocol):
    """A serial port as drivers.probing.Probe is; `refused` is what `write` raises where a device will not."""

    setting: Setting
    refused: type[Exception]

    def tune(self, setting: Setting) -> None:
        """Ask at this setting from now on."""

    def somebody(self, address: int, timeout_s: float) -> Heard:
        """Whether anything is at this address."""

    def read(self, device: str, address: int, model: str) -> Taken:
        """One reading of a device as the controller takes it."""

    def write(self, request: bytes) -> bool:
        """Have a device keep a setting; whether it confirmed that."""


class NotSet(Exception):
    """Why nothing was changed, or why that is not certain; in the technician's language."""


@dataclass(frozen=True, slots=True)
class Wish:
    """The device of `model` at `old` shall have this address and this setting, by the frame `request`."""

    model: str
    old: int
    address: int
    setting: Setting
    request: bytes


class Setter:
    """Carries a wish out on one port, which runs at the setting that the device has now."""

    def __init__(self, probe: Probe, wish: Wish, language: Language) -> None:
        self._probe = probe
        self._wish = wish
        self._language = language
        self.before = probe.setting

    def look(self) -> str:
        """What is there now, in words. Raises NotSet for what must not be changed: absent, shared, its place taken."""
        wish = self._wish
        taken = self._probe.read("device", wish.old, wish.model)
        if any(heard.kind in ("damaged", "double") for heard in taken.heard):
            raise NotSet(self._say("shared"))
        if taken.values is None:
            raise NotSet(self._say("absent", error=taken.error))
        if wish.address != wish.old and self._probe.somebody(wish.address, ASK_S).kind != "silent":
            raise NotSet(self._say("taken", new=wish.address))
        return self._say("there", model=wish.model, figures=figures(taken.values, self._language))

    def write(self) -> str:
        """Have it done, and read the device as it should be now; that, in words. Raises NotSet."""
        wish = self._wish
        try:
            self._probe.write(wish.request)
        except self._probe.refused as error:
            raise NotSet(self._say("refused", error=error)) from None
        self._probe.tune(wish.setting)
        taken = self._probe.read("device", wish.address, wish.model)
        if taken.values is not None:
            told = figures(taken.values, self._language)
            return say(self._language, "done", at=wish.address, setting=wish.setting, figures=told)
        self._probe.tune(self.before)
        still = self._probe.read("device", wish.old, wish.model).values is not None
        raise NotSet(self._say("unchanged" if still else "restart"))

    def _say(self, code: str, **facts: object) -> str:
        known = {"model": self._wish.model, "old": self._wish.old, "setting": self.before}
        return say(self._language, code, **(known | facts))
