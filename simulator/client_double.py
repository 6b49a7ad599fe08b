"""A client of the broker double that looks like paho's, as far as edge/shell/mqtt.py and a phone use it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Concatenate, ParamSpec

from paho.mqtt.client import ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from simulator.broker_double import BrokerDouble, Link, Message, Subscription

IN_FLIGHT = 20  # as paho: so many messages wait for their acknowledgement at once, the others behind them


P = ParamSpec("P")


def _while_thawed(act: Callable[Concatenate[ClientDouble, P], None]) -> Callable[Concatenate[ClientDouble, P], None]:
    """What comes over the link while the process stands still waits in its machine's buffers."""

    def call(self: ClientDouble, /, *arguments: P.args, **named: P.kwargs) -> None:
        if self.frozen:
            self.held.append(lambda: act(self, *arguments, **named))
        else:
            act(self, *arguments, **named)

    return call


class _Socket:
    """What paho hands to on_socket_open and gives out as `socket()`; in memory there is nothing to set."""

    def __init__(self, shut: Callable[[], None]) -> None:
        self._shut = shut

    def setsockopt(self, *_settings: int) -> None:
        """Take it as set."""

    def shutdown(self, _how: int) -> None:
        """Break the link."""
        self._shut()


class Info:
    """What becomes of one published message."""

    __slots__ = ("_broker", "_published", "mid", "rc")

    def __init__(self, mid: int, broker: BrokerDouble, *, sent: bool) -> None:
        self.mid = mid
        self.rc = MQTTErrorCode.MQTT_ERR_SUCCESS if sent else MQTTErrorCode.MQTT_ERR_NO_CONN
        self._broker = broker
        self._published = False

    def is_published(self) -> bool:
        """Whether it was acknowledged, or with QoS 0 sent. Raises RuntimeError where there was no link."""
        if self.rc is not MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise RuntimeError(f"the message was not sent: {self.rc.name}")
        return self._published

    def wait_for_publish(self, timeout: float | None = None) -> None:  # noqa: ARG002  # paho's signature
        """Take what arrives at this moment: virtual time does not pass while one waits. Raises RuntimeError."""
        if not self.is_published():
            self._broker.pump()

    def done(self) -> None:
        """It went through."""
        self._published = True


class ClientDouble:
    """One client, not yet connected. Its session is clean: it ends with its link. Callbacks as paho's version 2."""

    def __init__(self, broker: BrokerDouble, client_id: str, *, five: bool = True) -> None:
        self.on_connect: Callable[..., Any] | None = None
        self.on_disconnect: Callable[..., Any] | None = None
        self.on_connect_fail: Callable[..., Any] | None = None
        self.on_message: Callable[..., Any] | None = None
        self.on_publish: Callable[..., Any] | None = None
        self.on_subscribe: Callable[..., Any] | None = None
        self.on_socket_open: Callable[..., Any] | None = None
        self.name = client_id
        self.frozen = False
        self.held: list[Callable[[], None]] = []
        self._broker = broker
        self.five = five
        self._link: Link | None = None
        self._socket = _Socket(lambda: broker.drop(client_id))
        self._will: Message | None = None
        self._delays = 1.0, 120.0
        self._delay = 0.0
        self._attempt = 0
        self._mid = 0
        self._unacknowledged: dict[int, tuple[Message, Info]] = {}
        self._waiting: deque[int] = deque()
        self._in_flight = 0
        self._most_in_flight = IN_FLIGHT
        self._parted = False

    # --- as paho's ---

    def username_pw_set(self, username: str | None, password: str | None = None) -> None:
        """The double lets everyone in whom it does not `refuse`."""

    def will_set(
        self, topic: str, payload: str | bytes | None = None, qos: int = 0, retain: bool = False, properties: Any = None
    ) -> None:
        """What the broker is to publish when the link breaks. To be called before connecting."""
        self._will = Message(topic, _encoded(payload), qos, retain, properties)

    def reconnect_delay_set(self, min_delay: int = 1, max_delay: int = 120) -> None:
        """Reconnect after `min_delay` seconds, then twice as many each time, up to `max_delay`."""
        self._delays = float(min_delay), float(max_delay)

    def connect_async(self, host: str, port: int = 1883, keepalive: int = 60, **more: Any) -> None:  # paho's signature
        """There is one broker, wherever it is said to be; the link starts with `loop_start`."""

    def loop_start(self) -> None:
        """Begin to connect, and go on trying."""
        self._parted = False
        self._delay = 0.0
        self._try_again(0.0)

    def loop_stop(self) -> None:
        """No callback comes any more."""
        self._parted = True
        self._attempt += 1
        self._link = None

    def disconnect(self) -> None:
        """Part from the broker in good order, after what was sent before."""
        self._attempt += 1
        self._parted = True
        link, self._link = self._link, None
        if link is not None:
            self._broker.send(link, lambda: self._broker.bye(link))
            self._call(self.on_disconnect, _flags_of_end(by_server=False), _code(PacketTypes.DISCONNECT, 0), None)

    def max_inflight_messages_set(self, inflight: int) -> None:
        """Let so many messages wait for their acknowledgement at once; the others wait behind them.

        Raises RuntimeError while there is a link.
        """
        if self._link is not None:
            raise RuntimeError("updating max_inflight_messages on established connection is not supported")
        self._most_in_flight = inflight

    def drop_out_messages(self) -> list[MQTTMessage]:
        """Forget what was not acknowledged: that."""
        found = []
        for mid, (message, _) in self._unacknowledged.items():
            told = MQTTMessage(mid, message.topic.encode())
            told.payload, told.qos, told.retain = message.payload, message.qos, message.retain
            told.properties = message.properties
            found.append(told)
        self._unacknowledged.clear()
        self._waiting.clear()
        self._in_flight = 0
        return found

    def socket(self) -> _Socket | None:
        """What the link runs over; None without one."""
        return self._socket if self._link is not None else None

    def is_connected(self) -> bool:
        """Whether the broker has taken the connection and not ended it."""
        return self._link is not None

    def subscribe(
        self, topic: str | list[tuple[str, Any]], qos: int = 0, options: SubscribeOptions | None = None
    ) -> tuple[MQTTErrorCode, int | None]:
        """Ask for the messages of a filter or several. Raises ValueError for options that the double does not play."""
        filters = [(topic, options or qos)] if isinstance(topic, str) else topic
        wanted = [(name, _subscription(how)) for name, how in filters]
        link = self._link
        if link is None:
            return MQTTErrorCode.MQTT_ERR_NO_CONN, None
        mid = self._next_mid()
        self._broker.send(link, lambda: self._broker.subscribe(link, mid, wanted))
        return MQTTErrorCode.MQTT_ERR_SUCCESS, mid

    def publish(
        self, topic: str, payload: str | bytes | None = None, qos: int = 0, retain: bool = False, properties: Any = None
    ) -> Info:
        """Send; with QoS 1 again after a broken link, until it is acknowledged. Raises ValueError for a bad topic."""
        if "+" in topic or "#" in topic or not topic:
            raise ValueError("Publish topic cannot contain wildcards.")
        if qos not in (0, 1):
            raise ValueError("the double plays QoS 0 and 1")
        message = Message(topic, _encoded(payload), qos, retain, properties)
        link, mid = self._link, self._next_mid()
        info = Info(mid, self._broker, sent=link is not None)
        if qos:
            self._unacknowledged[mid] = message, info
            self._waiting.append(mid)
            self._fill_window()
        elif link is not None:
            self._broker.send(link, partial(self._broker.publish, link, mid, message))
            info.done()
        return info

    # --- as a process ---

    def vanish(self) -> None:
        """The process is killed: no goodbye, no callback; its machine ends the connection, so the will is published."""
        link = self._link
        self.loop_stop()
        self._unacknowledged.clear()
        if link is not None:
            self._broker.broken(link)

    def thaw(self) -> None:
        """The process goes on after it was `frozen`: it finds all that came meanwhile."""
        self.frozen = False
        held, self.held = self.held, []
        for act in held:
            act()

    # --- what comes over the link ---

    @_while_thawed
    def accepted(self, link: Link, largest: int | None) -> None:
        """CONNACK."""
        self._link, self._delay = link, 0.0
        self._waiting, self._in_flight = deque(self._unacknowledged), 0
        properties = Properties(PacketTypes.CONNACK)  # type: ignore[no-untyped-call]
        if self.five and largest is not None:
            properties.MaximumPacketSize = largest
        self._call(self.on_connect, ConnectFlags(session_present=False), _code(PacketTypes.CONNACK, 0), properties)
        self._fill_window()

    @_while_thawed
    def refused(self, code: int) -> None:
        """CONNACK with a reason."""
        self._call(self.on_connect, ConnectFlags(session_present=False), _code(PacketTypes.CONNACK, code), None)
        self._call(self.on_disconnect, _flags_of_end(by_server=False), _code(PacketTypes.DISCONNECT, 128), None)
        self._reconnect()

    @_while_thawed
    def unreachable(self) -> None:
        """Connection refused."""
        self._call(self.on_connect_fail)
        self._reconnect()

    @_while_thawed
    def lost(self, link: Link, code: int) -> None:
        """The link broke, or the broker ended it."""
        if self._link is link:
            self._link = None
            reason = _code(PacketTypes.DISCONNECT, code)
            self._call(self.on_disconnect, _flags_of_end(by_server=self.five), reason, None)
            self._reconnect()

    @_while_thawed
    def subscribed(self, link: Link, mid: int, granted: list[int]) -> None:
        """SUBACK."""
        if link is self._link:
            self._call(self.on_subscribe, mid, [_code(PacketTypes.SUBACK, qos) for qos in granted], None)

    @_while_thawed
    def acknowledged(self, link: Link, mid: int, code: int = 0) -> None:
        """PUBACK."""
        if link is self._link and mid in self._unacknowledged:
            _, info = self._unacknowledged.pop(mid)
            self._in_flight -= 1
            self._call(self.on_publish, mid, _code(PacketTypes.PUBACK, code), None)
            info.done()
            self._fill_window()

    @_while_thawed
    def deliver(self, link: Link, message: Message) -> None:
        """PUBLISH."""
        if link is not self._link:
            return
        told = MQTTMessage(0, message.topic.encode())
        told.payload, told.qos, told.retain = message.payload, message.qos, message.retain
        if self.five:
            told.properties = message.properties or Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        self._call(self.on_message, told)

    def _reconnect(self) -> None:
        if self._parted:
            return
        least, most = self._delays
        self._delay = min(2 * self._delay, most) if self._delay else least
        self._try_again(self._delay)

    def _try_again(self, seconds: float) -> None:
        self._attempt += 1
        attempt = self._attempt

        def dial() -> None:
            if attempt == self._attempt:
                self._call(self.on_socket_open, self._socket)
                self._broker.connect(self.name, self, self._will, lambda: attempt == self._attempt)

        self._broker.after(seconds, dial)

    def _fill_window(self) -> None:
        link = self._link
        while link is not None and self._waiting and self._in_flight < self._most_in_flight:
            mid = self._waiting.popleft()
            self._in_flight += 1
            message = self._unacknowledged[mid][0]
            self._broker.send(link, partial(self._broker.publish, link, mid, message))

    def _next_mid(self) -> int:
        self._mid += 1
        return self._mid

    def _call(self, callback: Callable[..., Any] | None, *arguments: Any) -> None:
        if callback is not None:
            callback(self, None, *arguments)


def _encoded(payload: str | bytes | None) -> bytes:
    return payload if isinstance(payload, bytes) else (payload or "").encode()


def _subscription(how: int | SubscribeOptions) -> Subscription:
    if isinstance(how, int):
        return Subscription(how)
    if how.noLocal or how.retainHandling != SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE:
        raise ValueError("the double plays neither noLocal nor retainHandling")
    return Subscription(how.QoS, bool(how.retainAsPublished))


def _code(packet: int, code: int) -> ReasonCode:
    return ReasonCode(packet, identifier=code)


def _flags_of_end(*, by_server: bool) -> DisconnectFlags:
    return DisconnectFlags(is_disconnect_packet_from_server=by_server)
