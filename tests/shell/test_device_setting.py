"""A device gets another address or speed: asked before, read after, and nothing written where that could do harm."""

from __future__ import annotations

import struct

import pytest
from doctor_bus import Bus, Ear, site

from drivers.modbus import sealed
from drivers.probing import Probe
from drivers.settings import address_request, settable, speed_request
from edge.core.values import Setting
from edge.shell.device_setting import NotSet, Setter, Wish

TWO = """
meters:
  a: {name: A, model: sdm120, port: line, address: 1}
  b: {name: B, model: sdm120, port: line, address: 2}
  p: {name: P, model: pzem016, port: line, address: 3}
"""
SPEEDS = {0: 2400, 1: 4800, 2: 9600, 5: 1200}


class Sets(Bus):
    """Meters that keep what they are told: an SDM while `in_set_mode`, a PZEM always."""

    def __init__(self) -> None:
        super().__init__(site(TWO))
        self.in_set_mode = True
        self.restarts_first = False
        self.where = {1: "meter/a", 2: "meter/b", 3: "meter/p"}
        self.writes: list[bytes] = []

    def probe(self, baudrate: int = 9600) -> Probe:
        return Probe(lambda s: _Ear(self, s), Setting(baudrate, "none", 1), self.clock.now, self.clock.advance)

    def told(self, frame: bytes) -> bytes:
        self.writes.append(frame)
        device = self.where[frame[0]]
        if frame[1] == 6:
            assert frame[2:4] == b"\x00\x02"
            self._move(device, int.from_bytes(frame[4:6], "big"))
            return frame
        if not self.in_set_mode:
            return sealed(bytes((frame[0], 0x90, 4)))
        register, value = int.from_bytes(frame[2:4], "big"), struct.unpack(">f", frame[7:11])[0]
        if self.restarts_first:
            return sealed(frame[:6])
        if register == 0x14:
            self._move(device, int(value))
        else:
            assert register == 0x1C
            self.plant("slave-baud", on=device, baudrate=SPEEDS[int(value)])
        return sealed(frame[:6])

    def _move(self, device: str, to: int) -> None:
        self.plant("slave-moved", on=device, to=to)


class _Ear(Ear):
    def listen(self, request: bytes, deadline: float, gap_s: float) -> bytes:
        bus = self._bus
        assert isinstance(bus, Sets)
        return bus.told(request) if request[1] in (6, 16) else super().listen(request, deadline, gap_s)


def setter(bus: Sets, model: str, old: int, *, address: int | None = None, speed: int | None = None) -> Setter:
    how = settable(model)
    assert how is not None
    probe = bus.probe()
    if address is not None:
        wish = Wish(model, old, address, probe.setting, address_request(how, old, address))
    else:
        assert speed is not None
        wish = Wish(model, old, old, Setting(speed, "none", 1), speed_request(how, old, speed))
    return Setter(probe, wish, "en")


def test_an_address_is_given_and_read_back() -> None:
    bus = Sets()
    to_set = setter(bus, "sdm120", 1, address=9)
    assert to_set.look().startswith("At address 1 (9600 8N1) is sdm120: voltage_v 2")
    assert bus.writes == []
    assert to_set.write().startswith("Done, and read back at address 9 (9600 8N1): voltage_v 2")
    assert [frame[:4].hex(" ") for frame in bus.writes] == ["01 10 00 14"]


def test_a_pzem_is_told_by_function_6() -> None:
    bus = Sets()
    to_set = setter(bus, "pzem016", 3, address=30)
    to_set.look()
    assert "read back at address 30" in to_set.write()
    assert bus.writes[0][:6].hex(" ") == "03 06 00 02 00 1e"


def test_a_speed_is_set_and_read_back_at_that_speed() -> None:
    bus = Sets()
    to_set = setter(bus, "sdm120", 1, speed=2400)
    to_set.look()
    assert "read back at address 1 (2400 8N1)" in to_set.write()


def test_a_taken_address_is_refused_before_anything_is_written() -> None:
    bus = Sets()
    with pytest.raises(NotSet, match="address 2 is taken"):
        setter(bus, "sdm120", 1, address=2).look()
    with pytest.raises(NotSet, match="address 3 is taken"):
        setter(bus, "sdm120", 1, address=3).look()
    assert bus.writes == []


def test_a_taken_address_is_refused_though_its_device_cannot_be_understood() -> None:
    bus = Sets()
    bus.plant("slave-noisy", on="meter/b", share=1.0)

    def look_often() -> None:
        for _ in range(10):  # of its harmed answers some are cut to nothing
            setter(bus, "sdm120", 1, address=2).look()

    with pytest.raises(NotSet, match="address 2 is taken"):
        look_often()


def test_what_is_not_there_or_another_model_is_not_written_to() -> None:
    bus = Sets()
    with pytest.raises(NotSet, match="no sdm120 can be read at address 77"):
        setter(bus, "sdm120", 77, address=9).look()
    with pytest.raises(NotSet, match="no sdm120 can be read at address 3"):
        setter(bus, "sdm120", 3, address=9).look()
    assert bus.writes == []


def test_two_devices_at_one_address_are_not_both_moved() -> None:
    bus = Sets()
    bus.plant("slave-twins", on="meter/a")
    with pytest.raises(NotSet, match="If two devices share it, both would change"):
        setter(bus, "sdm120", 1, address=9).look()


def test_a_meter_outside_its_set_mode_refuses_and_the_remedy_is_said() -> None:
    bus = Sets()
    bus.in_set_mode = False
    to_set = setter(bus, "sdm120", 1, address=9)
    to_set.look()
    with pytest.raises(NotSet, match="hold the button until it shows -SET-"):
        to_set.write()


def test_a_meter_that_keeps_its_address_until_it_restarts_is_found_where_it_was() -> None:
    bus = Sets()
    bus.restarts_first = True
    to_set = setter(bus, "sdm120", 1, address=9)
    to_set.look()
    with pytest.raises(NotSet, match=r"still at address 1 \(9600 8N1\)"):
        to_set.write()


def test_a_meter_that_is_nowhere_afterwards_is_said_to_be() -> None:
    bus = Sets()
    to_set = setter(bus, "sdm120", 1, address=9)
    to_set.look()
    bus.restarts_first = True
    bus.plant("slave-dead", on="meter/a")
    with pytest.raises(NotSet, match="neither as before nor as it should be"):
        to_set.write()
