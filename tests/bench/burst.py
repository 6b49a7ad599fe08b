"""A burst of commands, as fast as the broker takes them: is each answered once, and do the lights end up right?

A client sends 10,000 commands, `on` or `off` at random, to 16 lights (switching limits off, broker queue of 100,000) and
counts the results and the last state of each light. The controller is the real one, once with the simulated village's
lines and once with lines in its own memory. The floor is a bare paho client that sends each message back. The counts are
printed, and judged by nobody.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter

from common import Client, ground, parser, say, told, village

LIGHTS = 16


class Burst:
    """So many commands to the lights under `root`; what came back."""

    def __init__(self, port: int, root: str, answer: str) -> None:
        self._root = root
        self._answer = answer
        self.answers: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.states: dict[str, tuple[str, str]] = {}
        self.wanted: dict[str, tuple[str, str]] = {}
        self._client = Client(port, [f"{root}/+/{answer}", f"{root}/+/state"], self._heard)

    def _heard(self, topic: str, payload: bytes) -> None:
        *_, light, leaf = topic.split("/")
        message = json.loads(payload)
        if leaf == self._answer:
            self.answers[message["id"]] += 1
            self.outcomes[message.get("outcome", "echoed")] += 1
        if leaf == "state":
            self.states[light] = (str(message.get("command")), str(message.get("observed")))

    def run(self, commands: int, draw: random.Random, user: str) -> float:
        """Send them all; the time until the last is answered, or until nothing has come for 10 s (s)."""
        began = heard_at = time.perf_counter()
        for n in range(commands):
            light, action = f"lamp-{draw.randint(1, LIGHTS)}", draw.choice(("on", "off"))
            self.wanted[light] = (f"c-{n}", action.upper())
            self._client.publish(f"{self._root}/{light}/set{user}", json.dumps({"action": action, "id": f"c-{n}"}).encode())
        heard = 0
        while (len(self.answers) < commands or self.states.keys() < self.wanted.keys()) and time.perf_counter() < heard_at + 10:
            self._client.listen(time.perf_counter() + 0.01)
            if self.answers.total() != heard:
                heard, heard_at = self.answers.total(), time.perf_counter()
        self._client.listen(time.perf_counter() + 0.5)  # a second answer would come after the first
        return heard_at - began

    def tell(self, name: str, commands: int, seconds: float) -> float:
        """Print the counts; commands a second."""
        rate = len(self.answers) / seconds
        more = sum(n - 1 for n in self.answers.values())
        right = sum(self.states.get(light) == wanted for light, wanted in self.wanted.items())
        outcomes = ", ".join(f"{n} {outcome}" for outcome, n in self.outcomes.items())
        print(f"{name}: {len(self.answers)} of {commands} answered ({outcomes}), {more} more than once; {seconds:.2f} s, {rate:.0f}/s")
        if "echoed" not in self.outcomes:
            print(f"  final states right: {right} of {len(self.wanted)}")
        return rate


def main(commands: int, seed: int) -> None:
    with ground() as here:
        here.up(here.daemon("bench-sim", village("bench-sim", LIGHTS)))
        here.up(here.daemon("bench-mock", village("bench-mock", LIGHTS), simulated=False), pins="mock")
        here.echo()
        rates = []
        for name, root, user, answer in (
            ("simulated lines", "village/bench-sim/light", "/bench", "result"),
            ("lines in memory", "village/bench-mock/light", "/bench", "result"),
            ("bare paho echo", "echo", "", "state"),
        ):
            say(f"{commands} commands: {name}")
            burst = Burst(here.broker.port, root, answer)
            rates.append(burst.tell(name, commands, burst.run(commands, random.Random(seed), user)))
    simulated, memory, floor = rates
    told("burst-memory", memory, "commands/s", floor, 0)
    told("burst", simulated, "commands/s", floor, 0)


if __name__ == "__main__":
    options = parser(__doc__)
    options.add_argument("--commands", type=int, default=10_000, help="how many (default: 10000)")
    options.add_argument("--seed", type=int, default=1, help="of lights and actions (default: 1)")
    given = options.parse_args()
    main(given.commands, given.seed)
