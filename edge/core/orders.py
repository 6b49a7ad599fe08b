"""Commands, handed each to its device; and what becomes of one that the software itself fails at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from edge.core import topics
from edge.core.alarms import Alarms
from edge.core.commands import Commanded, Commands
from edge.core.events import CommandReceived, Effect, Write
from edge.core.failures import AGAIN_S, Failures
from edge.core.values import Command, Moment, Refusal, Request
from edge.core.waterworks import Waterworks


class Orders:
    """Has each device obey its own commands. One that fails at a command costs the others nothing.

    An OFF works all the same: its outputs are told off, and until the device has taken it, it does nothing else, for it
    would turn on again what it believes to be on.
    """

    def __init__(
        self, devices: Mapping[str, Commanded], water: Waterworks, commands: Commands, alarms: Alarms,
        failures: Failures,
    ) -> None:
        """`devices` by the targets of their commands, `<kind>/<id>`."""
        self._devices = devices
        self._water = water
        self._commands = commands
        self._alarms = alarms
        self._failures = failures
        # The OFFs that are still to be taken, by their targets or their request: whose each is, and how it takes it.
        self._untaken: dict[str, tuple[Commanded, Callable[[Moment], list[Effect]]]] = {}

    def take(self, event: CommandReceived, moment: Moment) -> list[Effect]:
        """Have a command obeyed, or say why it is not."""
        command = event.command
        if isinstance(command, Refusal):
            return self._commands.refuse(command, moment)
        if (bad := self._commands.objection(command, moment)) is not None:
            return self._refuse(command, bad, moment)
        device = self._devices[command.target]
        name = self._commands.name(command, moment)
        effects: list[Effect] = []
        with self._failures.alone(device, "command", moment, effects):
            if (bad := device.objection(command, moment)) is not None:
                return self._refuse(command, bad, moment)
            was = device.stands(command.target, moment)
            effects += device.command(command, name, event.received, moment)
            if command.action in topics.PLAIN.values():  # all others leave it as it was told to be
                self._untaken.pop(command.target, None)
            self._alarms.watch(device.conditions(), moment)
            now = device.stands(command.target, moment)
            return effects + self._commands.taken(command, name, was, now, moment)
        with self._failures.alone(device, "abandon", moment, effects):
            effects += device.abandon(command.target, name, moment)
        if command.action in topics.ALWAYS:
            outputs = device.outputs_of(command.target)
            effects += self._off(
                command.target, device, outputs, lambda at: device.command(command, name, event.received, at), moment
            )
        return effects + self._commands.failed(command, name, event.received, moment)

    def stop(self, request: Request, answer: Callable[[], list[Effect]], moment: Moment) -> list[Effect]:
        """Have all water stopped; `answer` does it and says so."""
        water = self._water
        effects: list[Effect] = []
        with self._failures.alone(water, "command", moment, effects):
            effects += answer()
            self._untaken.pop(topics.STOP, None)
            return effects
        effects += self._off(topics.STOP, water, water.targets, lambda at: water.stop_all(at)[1], moment)
        return effects + self._commands.failed_request(request, moment)

    def obeyed(self, unit: object, moment: Moment, effects: list[Effect]) -> bool:
        """Have `unit` take the OFFs that it has not taken yet; whether none is left."""
        left = False
        for key in [key for key, (device, _) in self._untaken.items() if device is unit]:
            device, again = self._untaken[key]
            with self._failures.alone(device, "command", moment, effects):
                effects += again(moment)
                del self._untaken[key]
            left = left or key in self._untaken
        return not left

    def _off(
        self, key: str, device: Commanded, outputs: Iterable[str], again: Callable[[Moment], list[Effect]],
        moment: Moment,
    ) -> list[Effect]:
        self._untaken[key] = device, again
        device.wake = min(device.wake, moment.mono + AGAIN_S)
        return [Write(output, False) for output in outputs]

    def _refuse(self, command: Command, bad: tuple[str, str], moment: Moment) -> list[Effect]:
        return self._commands.refuse(Refusal(*bad, command.target, command.user, command.id), moment)
