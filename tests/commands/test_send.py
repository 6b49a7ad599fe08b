"""`village-edge send` against a real broker and a controller that answers by script."""

from __future__ import annotations

import datetime as dt
import socket
from typing import Any

import pytest
from fake_controller import Answer, FakeController, does, parsed
from support import Mosquitto, free_port

from edge.commands import send

Said = pytest.CaptureFixture[str]


def typed(broker: Mosquitto, *words: str) -> int:
    return send.run(parsed(send, "--user", "head", *words, "--mqtt", f"127.0.0.1:{broker.port}"))


def test_it_says_what_the_light_does_now(mosquitto: Mosquitto, controller: FakeController, capsys: Said) -> None:
    controller.answer = does("done")
    assert typed(mosquitto, "light/main-road", "on", "--level", "33", "--for", "2h") == 0
    assert capsys.readouterr().out == (
        "done in 7 ms: light/main-road ON, level 33 until 2099-11-21 20:15 (override by head)\n"
    )
    ((topic, command),) = controller.received
    assert topic == "light/main-road/set/head"
    expires = dt.datetime.fromisoformat(command.pop("expires_at")) - dt.datetime.now(dt.UTC)
    assert dt.timedelta(seconds=5) < expires < dt.timedelta(seconds=10)
    assert command.pop("id").startswith("c-")
    assert command == {"action": "on", "level": 33, "for_s": 7200}


def test_every_command_has_its_own_id(mosquitto: Mosquitto, controller: FakeController) -> None:
    controller.answer = does("done")
    typed(mosquitto, "light/main-road", "off")
    typed(mosquitto, "light/main-road", "off")
    assert len({command["id"] for _, command in controller.received}) == 2


def test_until_is_a_time_in_the_village(mosquitto: Mosquitto, controller: FakeController) -> None:
    controller.answer = does("done")
    typed(mosquitto, "light/main-road", "on", "--until", "21:30")
    typed(mosquitto, "light/main-road", "on", "--until", "2099-01-02 03:04")
    first, second = (dt.datetime.fromisoformat(command["until"]) for _, command in controller.received)
    assert (first.hour, first.minute, first.second) == (14, 30, 0)
    assert dt.timedelta() < first - dt.datetime.now(dt.UTC) <= dt.timedelta(days=1)
    assert second == dt.datetime(2099, 1, 1, 20, 4, tzinfo=dt.UTC)


def locked(state: str, **more: object) -> Answer:
    """A script: the light is locked, or free again, and says so."""

    def answer(controller: FakeController, topic: str, command: dict[str, Any]) -> None:
        said = {"state": state, "observed": state, "circuits": [{"id": "a", "locked": True}, {"id": "b"}], **more}
        controller.say_later("light/main-road/state", said, retain=True)
        result = {"id": command["id"], "user": "tech", "outcome": "done", "state": state, "took_ms": 2}
        controller.say_later("light/main-road/result", result)

    return answer


def test_a_technician_locks_a_light_and_releases_it(
    mosquitto: Mosquitto, controller: FakeController, capsys: Said
) -> None:
    as_tech = ["--user", "tech"]
    controller.answer = locked("OFF", reason="lockout", by="tech")
    assert typed(mosquitto, "light/main-road", "lock", "--note", "thay bóng", *as_tech) == 0
    controller.answer = locked("ON", level=33, reason="program")
    assert typed(mosquitto, "light/main-road", "unlock", *as_tech) == 0
    assert capsys.readouterr().out.splitlines() == [
        "done in 2 ms: light/main-road OFF (lockout by tech)",
        "done in 2 ms: light/main-road ON, level 33 (program), circuit a locked",
    ]
    (topic, command), (again, release) = controller.received
    assert topic == again == "light/main-road/lockout/tech"
    assert {k: v for k, v in command.items() if k not in ("id", "expires_at")} == {"locked": True, "note": "thay bóng"}
    assert release.keys() == {"locked", "id", "expires_at"}
    assert release["locked"] is False


def test_one_circuit_may_be_locked_alone(mosquitto: Mosquitto, controller: FakeController) -> None:
    controller.answer = locked("OFF")
    for action in ("lock", "unlock"):
        assert typed(mosquitto, "light/main-road", action, "--circuit", "a", "--user", "tech") == 0
    assert [(command["locked"], command["circuit"]) for _, command in controller.received] == [(True, "a"), (False, "a")]


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (["on", "--note", "x"], "--note goes with lock"),
        (["unlock", "--note", "x"], "--note goes with lock"),
        (["off", "--circuit", "a"], "--circuit goes with lock and unlock"),
        (["lock", "--for", "2h"], "a lockout stands until unlock"),
        (["unlock", "--level", "0"], "a lockout stands until unlock"),
    ],
)
def test_what_does_not_go_with_a_lockout_is_refused_before_connecting(
    capsys: Said, words: list[str], remedy: str
) -> None:
    assert send.run(parsed(send, "light/main-road", *words, "--mqtt", f"127.0.0.1:{free_port()}")) == 2
    said = capsys.readouterr().err
    assert remedy in said
    assert "broker" not in said


@pytest.mark.parametrize("when", ["25:00", "soon", "2001-01-01 00:00"])
def test_an_end_that_is_none_is_refused_before_sending(
    mosquitto: Mosquitto, controller: FakeController, capsys: Said, when: str
) -> None:
    assert typed(mosquitto, "light/main-road", "on", "--until", when) == 2
    assert f"--until {when}" in capsys.readouterr().err
    assert controller.received == []


@pytest.mark.parametrize(
    ("outcome", "error", "words"),
    [
        ("rejected", {"code": "unknown-device", "message": "no such device"}, "rejected in 7 ms (unknown-device)"),
        ("rejected", {"code": "expired", "message": "too late"}, "--expires"),
        ("failed", {"code": "output-failed", "message": "the output does not show it"}, "the output does not show it"),
        ("superseded", None, "a later command for light/main-road came first"),
    ],
)
def test_a_refusal_is_told_with_its_reason(
    mosquitto: Mosquitto, controller: FakeController, capsys: Said, outcome: str, error: object, words: str
) -> None:
    controller.answer = does(outcome, **({"error": error} if error else {}))
    assert typed(mosquitto, "light/main-road", "on") == 1
    said = capsys.readouterr()
    assert words in said.err
    assert said.out == ""


def test_accepted_waits_for_what_follows(mosquitto: Mosquitto, controller: FakeController, capsys: Said) -> None:
    def twice(*asked: object) -> None:
        does("accepted")(*asked)
        does("done")(*asked)

    controller.answer = twice
    assert typed(mosquitto, "light/main-road", "on") == 0
    first, last = capsys.readouterr().out.splitlines()
    assert first.startswith("accepted: waiting up to 30 s")
    assert last.startswith("done in 7 ms: light/main-road ON")


def test_accepted_is_enough_when_time_is_up(mosquitto: Mosquitto, controller: FakeController, capsys: Said) -> None:
    controller.answer = does("accepted")
    assert typed(mosquitto, "light/main-road", "on", "--timeout", "0.3s") == 0
    assert "village-edge watch light/main-road" in capsys.readouterr().out


@pytest.mark.slow
def test_a_silent_controller_is_told(mosquitto: Mosquitto, controller: FakeController, capsys: Said) -> None:
    assert typed(mosquitto, "light/main-road", "on", "--timeout", "0.3s") == 2
    assert "did not answer within 0.3 s" in capsys.readouterr().err
    assert typed(mosquitto, "light/main-road", "lock", "--timeout", "0.3s") == 2
    assert "may head lock devices on this broker?" in capsys.readouterr().err


def test_no_broker(capsys: Said) -> None:
    at = f"127.0.0.1:{free_port()}"
    assert send.run(parsed(send, "light/main-road", "on", "--mqtt", at)) == 2
    assert capsys.readouterr().err == (
        f"no broker answers at {at}: start the broker, or name another with --mqtt HOST:PORT\n"
    )


def test_something_that_is_no_broker(capsys: Said) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        at = f"127.0.0.1:{mute.getsockname()[1]}"
        assert send.run(parsed(send, "light/main-road", "on", "--mqtt", at, "--timeout", "0.3s")) == 2
    assert f"{at} does not answer as an MQTT broker does" in capsys.readouterr().err


@pytest.mark.slow
def test_no_controller(mosquitto: Mosquitto, capsys: Said) -> None:
    assert typed(mosquitto, "light/main-road", "on") == 2
    assert "no controller of any site is known to the broker" in capsys.readouterr().err


def test_a_controller_that_went_away(mosquitto: Mosquitto, controller: FakeController, capsys: Said) -> None:
    controller.say("status", "offline", retain=True)
    assert typed(mosquitto, "light/main-road", "on") == 2
    assert "the controller of nguyen-ly is offline" in capsys.readouterr().err
    assert controller.received == []


def test_several_sites_must_be_told_apart(mosquitto: Mosquitto, controller: FakeController, capsys: Said) -> None:
    other = FakeController(mosquitto.port, "dong-xa")
    try:
        assert typed(mosquitto, "light/main-road", "on") == 2
        assert "say which with --site dong-xa or nguyen-ly" in capsys.readouterr().err
        other.answer = does("done")
        assert typed(mosquitto, "light/main-road", "on", "--site", "dong-xa") == 0
        assert (len(other.received), controller.received) == (1, [])
    finally:
        other.leave()


@pytest.mark.slow
def test_a_broker_that_dies_is_told(mosquitto: Mosquitto, controller: FakeController, capsys: Said) -> None:
    controller.answer = lambda *_: mosquitto.kill()
    assert typed(mosquitto, "light/main-road", "on") == 2
    assert "has gone away before the outcome came" in capsys.readouterr().err


def test_a_broker_that_wants_a_password_is_told(mosquitto: Mosquitto, capsys: Said) -> None:
    config = mosquitto.log.with_name("mosquitto.conf")
    config.write_text(config.read_text().replace("allow_anonymous true", "allow_anonymous false"))
    mosquitto.stop()
    mosquitto.start()
    assert typed(mosquitto, "light/main-road", "on") == 2
    assert "does not let us in: Not authorized" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["main-road", "on"],
        ["light/Main Road", "on"],
        ["light/main-road", "explode"],
        ["light/main-road", "on", "--for", "two hours"],
        ["light/main-road", "on", "--for", ""],
        ["light/main-road", "on", "--for", "1h", "--until", "21:30"],
        ["light/main-road", "on", "--user", "Trưởng thôn"],
        ["light/main-road", "on", "--mqtt", "127.0.0.1:mqtt"],
    ],
)
def test_what_cannot_be_meant_is_refused_at_once(words: list[str], capsys: Said) -> None:
    with pytest.raises(SystemExit) as ended:
        parsed(send, *words)
    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err
