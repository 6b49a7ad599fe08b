"""The table of faults: their names, where they act, what they take. simulator/faults.py says what is done with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from drivers import registers
from edge.core.site_terms import Wrong, duration, number, shown, span, whole

Value = int | float | bool | str
LIVE, FAST = "live", "fast"
CIRCUIT, METER, BOARD, PORT = "circuit", "meter", "board", "port"
FEEDBACK, INPUT, HAND, DOOR, PHOTOCELL = "feedback", "input", "hand", "door", "photocell"
COUNTER, FLOW, RAIN, LEVEL = "counter", "flow", "rain", "level"
PUMP, VALVE, SWITCH, SENSOR, PROBE = "pump", "valve", "switch", "sensor", "probe"
_EXAMPLES = {
    CIRCUIT: "light/main-road/b", METER: "meter/cabinet-1", BOARD: "board/cabinet-board", PORT: "port/rs485",
    FEEDBACK: "light/main-road/b",
    INPUT: "input/cabinet-door", HAND: "input/cabinet-switch", DOOR: "input/cabinet-door", PHOTOCELL: "input/photocell",
    COUNTER: "input/main-flow", FLOW: "input/main-flow", RAIN: "input/rain", LEVEL: "input/tank",
    PUMP: "pump/pump-1", VALVE: "valve/plot-1", SWITCH: "switch/greenhouse-fan", SENSOR: "sensor/soil-1",
    PROBE: "sensor/soil-1",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter: how it is read (raising Wrong), what it means, how it is written. `default` None: it must be."""

    read: Callable[[object], object]
    means: str
    example: str
    default: Value | None = None
    shown: Callable[[Value], str] = str


@dataclass(frozen=True, slots=True)
class Kind:
    """What is to be known of one fault.

    `place`: world, bus, broker, clock, card or process. `on`: what it can be on (a circuit, or one with feedback; a
    pump, valve or switch; a meter; a sensor, or one that feels the soil's water; a relay board; a port; an input, one
    of that role or one that counts), nothing for the village as a whole.
    `lasts`: it stands until it is taken back; else it happens once. `times`: real (live), virtual (fast) or both;
    `instead` is what to do in the other time.
    """

    name: str
    place: str
    summary: str
    on: tuple[str, ...] = ()
    params: Mapping[str, Param] = field(default_factory=dict)
    lasts: bool = True
    times: frozenset[str] = frozenset({LIVE, FAST})
    instead: str = ""

    @property
    def example(self) -> str:
        """Something it could be on in the example village."""
        return _EXAMPLES[self.on[0]]

    @property
    def usage(self) -> str:
        """How it is typed, as `slave-late on=meter/cabinet-1 by=3s`; what may be left out in brackets."""
        parts = [f"on={self.example}"] if self.on else []
        for name, param in self.params.items():
            typed = f"{name}={param.example}"
            parts.append(typed if param.default is None else f"[{typed}]")
        return " ".join([self.name, *parts])


def _seconds(means: str, example: str, low: str, high: str, default: float | None = None) -> Param:
    return Param(duration(low, high).read, means, example, default, span)


def _offset(value: object) -> float:
    """A duration with a sign: `-30d`, `+2m`."""
    if not isinstance(value, str) or value[:1] not in ("+", "-"):
        raise Wrong(f"{shown(value)} cannot be read; write a sign, a number and its unit, for example +2m or -30d")
    return duration("0s", "3660d").read(value[1:]) * (-1 if value[0] == "-" else 1)  # type: ignore[operator]


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise Wrong(f"{shown(value)} is neither; write true or false")
    return value


def _signed(value: Value) -> str:
    return ("-" if value < 0 else "+") + span(abs(value))


def _yes_no(value: Value) -> str:
    return "true" if value else "false"


def _model(value: object) -> str:
    try:
        return registers.load_model(str(value)).name
    except ValueError as error:
        raise Wrong(str(error)) from None


def _topic(value: object) -> str:
    if not isinstance(value, str) or not value or value.startswith("/") or "#" in value[:-1]:
        raise Wrong(f"{shown(value)} is no topic; write what follows village/<site>/, for example telemetry")
    return value


_OFFSET = {"by": Param(_offset, "how far, with a sign", "+2m", None, _signed)}
_ON_SLAVE = (METER, BOARD, PORT, SENSOR)
_ON_RELAY = (CIRCUIT, PUMP, VALVE, SWITCH)

_TABLE = (
    # The bus: `on` one meter, sensor or relay board, or a port and so everything that answers on it.
    Kind("slave-dead", "bus", "a meter, sensor or relay board does and says nothing", _ON_SLAVE),
    Kind("slave-late", "bus", "a meter, sensor or relay board answers late", _ON_SLAVE,
         {"by": _seconds("how late", "3s", "0.01s", "10m")}),
    Kind("slave-noisy", "bus", "a share of a device's answers arrives cut or corrupted", _ON_SLAVE,
         {"share": Param(number(0, 1, "a share of 1").read, "the share of its answers", "0.5", 0.5)}),
    Kind("slave-wrong-id", "bus", "a meter, sensor or relay board answers under another address", _ON_SLAVE),
    Kind("slave-moved", "bus", "a meter has another address than the configuration says", (METER,),
         {"to": Param(whole(1, 247, "a Modbus address").read, "its address", "7")}),
    Kind("slave-as", "bus", "another model of meter is there than the configuration says", (METER,),
         {"model": Param(_model, "the model that is there", "sdm630")}),
    Kind("slave-baud", "bus", "a meter or relay board is set to another speed than its port", (METER, BOARD),
         {"baudrate": Param(whole(300, 1_000_000, "baud").read, "its speed", "2400")}),
    Kind("slave-scaled", "bus", "a meter's CT ratio is wrong: it shows so many times the current and power", (METER,),
         {"times": Param(number(0.001, 1000, "times").read, "how many times", "40")}),
    Kind("slave-twins", "bus", "a second device has a meter's or relay board's address", (METER, BOARD)),
    Kind("slave-dlt645", "bus", "a meter speaks DL/T 645 in place of Modbus", (METER,)),
    Kind("slave-swapped", "bus", "the wires A and B are swapped at the adapter", (PORT,)),
    Kind("adapter-gone", "bus", "the serial adapter is pulled out; taken back, it is there again", (PORT,)),
    # The world.
    Kind("relay-welded", "world", "a relay's contact stays closed: what hangs on it is on always", _ON_RELAY),
    Kind("relay-open", "world", "a relay's contact stays open: what hangs on it is off always", _ON_RELAY),
    Kind("lamps-burnt", "world", "lamps of a circuit are dead and draw nothing", (CIRCUIT,),
         {"n": Param(whole(1, 1000).read, "how many", "2", 1)}),
    Kind("illegal-tap", "world", "somebody draws power behind a meter", (METER,),
         {"watts": Param(number(1, 20000, "W").read, "how much, in W", "800")}),
    Kind("breaker", "world", "the breaker behind a meter is off: nothing on it burns, it counts nothing", (METER,)),
    Kind("meter-reset", "world", "a meter's counter is set to 0", (METER,), lasts=False),
    Kind("meter-rollover", "world", "a meter's counter passes its highest figure and begins again at 0", (METER,),
         {"after": Param(number(0.001, 1000, "kWh").read, "kWh it still counts before", "0.1", 0.1)}, lasts=False),
    Kind("meter-replaced", "world", "another meter takes a meter's place", (METER,),
         {"start": Param(number(0, 1e6, "kWh").read, "kWh on the new one's counter", "0.2", 0.0)}, lasts=False),
    Kind("meter-stuck", "world", "a meter's counter stands still; it shows power all the same", (METER,)),
    Kind("board-restarted", "world", "a relay board loses its power for a moment: all its relays fall", (BOARD,),
         lasts=False),
    Kind("board-unpowered", "world", "a relay board has no power: all its relays are open, it answers nothing",
         (BOARD,)),
    Kind("mains-cut", "world", "the mains are away: no lamp burns, no meter answers", (),
         {"backup": Param(_flag, "whether the meters have a supply of their own", "true", False, _yes_no)}),
    # The cabinet's contacts.
    Kind("hand-on", "world", "the cabinet's switch stands on hand: its lights burn whatever their relays do", (HAND,)),
    Kind("door-open", "world", "the cabinet's door is open", (DOOR,)),
    Kind("photocell-covered", "world", "a photocell sees night whatever the sun does", (PHOTOCELL,)),
    Kind("photocell-lit", "world", "a lamp shines on a photocell: it sees day whatever the sun does", (PHOTOCELL,)),
    Kind("feedback-missing", "world", "a contactor's auxiliary contact is torn off: its line stays open", (FEEDBACK,)),
    Kind("input-stuck", "world", "a contact says the same whatever is true", (INPUT,),
         {"active": Param(_flag, "whether it says that what it is named for holds", "true", None, _yes_no)}),
    Kind("pulses", "world", "pulses come at a counting contact, as when water flows", (COUNTER,),
         {"rate": Param(number(0.001, 50, "pulses a second").read, "how many a second", "5")}),
    # The field.
    Kind("leak", "world", "water runs out behind a flow input whatever the valves do", (FLOW,),
         {"l_min": Param(number(0.01, 1000, "litres a minute").read, "how much, in l/min", "2")}),
    Kind("burst", "world", "the pipe behind a valve is burst: it takes three times the flow, the plot gets little",
         (VALVE,)),
    Kind("dripper-blocked", "world", "the drippers of a valve are blocked: 0.4 of its flow comes through", (VALVE,)),
    Kind("valve-stuck", "world", "a valve stays as it is said to be, whatever its relay does", (VALVE,),
         {"open": Param(_flag, "whether water passes it", "true", None, _yes_no)}),
    Kind("well-dry", "world", "there is no water where a pump draws it: it runs dry, its floats say empty", (PUMP,)),
    Kind("pump-stuck", "world", "a pump runs whatever its line says: its contactor is welded", (PUMP,)),
    Kind("probe-stale", "world", "a soil probe shows the same whatever the soil does", (PROBE,)),
    Kind("flow-meter-dead", "world", "a water meter gives no pulses, though water flows", (FLOW,)),
    Kind("rain-stuck", "world", "a rain gauge says the same whatever falls", (RAIN,),
         {"falling": Param(_flag, "whether it says that it rains", "true", None, _yes_no)}),
    Kind("float-stuck", "world", "a float in a tank hangs", (LEVEL,),
         {"full": Param(_flag, "whether it hangs where the tank is full, not empty", "true", None, _yes_no)}),
    # The broker.
    Kind("broker-away", "broker", "no broker is there"),
    Kind("broker-slow", "broker", "every message takes long to and from the broker",
         params={"by": _seconds("how long", "3s", "0.01s", "10m")}),
    Kind("broker-refusing", "broker", "the broker refuses the controller's name and password"),
    Kind("broker-mute", "broker", "the broker takes everything and acknowledges nothing"),
    Kind("broker-denies", "broker", "the broker takes no message of one topic; only MQTT 5 is told so",
         params={"topic": Param(_topic, "the topic, below village/<site>", "telemetry")}),
    Kind("broker-limits", "broker", "the broker takes no large message, and ends the link that brings one",
         params={"bytes": Param(whole(100, 1_000_000, "bytes").read, "the largest that it takes, in bytes", "2000")}),
    # The clock of the controller's machine.
    Kind("clock-wrong", "clock", "the wall clock is off, and put right when taken back", params=_OFFSET),
    Kind("clock-jump", "clock", "the wall clock jumps, once", params=_OFFSET, lasts=False),
    Kind("clock-untrusted", "clock", "nobody vouches for the wall clock"),
    # The card.
    Kind("card-full", "card", "the card takes nothing more"),
    Kind("card-slow", "card", "every commit takes long",
         params={"by": _seconds("how long", "2s", "0.01s", "10m")}),
    Kind("card-read-only", "card", "the card has turned read-only"),
    # The controller.
    Kind("process-killed", "process", "the controller is killed (SIGKILL) and starts again",
         params={"down": _seconds("when it starts again", "3s", "0s", "1d", 3.0)}, lasts=False),
    Kind("process-frozen", "process", "the controller stands still, and goes on when taken back"),
    Kind("core-hung", "process", "the controller's core stands still, its other threads go on"),
    Kind("pi-rebooted", "process", "the Pi loses its power and starts again: lines fall to their pulls",
         params={"down": _seconds("for how long", "40s", "1s", "30d", 40.0)}, lasts=False,
         times=frozenset({FAST}), instead="in real time kill the controller with process-killed"),
)  # fmt: skip

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in _TABLE}
