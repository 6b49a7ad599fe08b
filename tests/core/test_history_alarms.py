"""What the history and its sinks tell the core becomes alarms; those that count are over once they are seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from villages import Bench

from edge.core.events import HistoryChanged, LinkChanged, MessageRefused, SinkChanged


def shown(bench: Bench, name: str) -> dict[str, Any] | None:
    bench.put(LinkChanged(True))
    return next((a for a in bench.ask("alarms")["alarms"] if a["alarm"] == name), None)


def test_a_history_that_fails_is_told_and_its_end_too() -> None:
    bench = Bench()
    name = f"history-failing:site:{bench.site.site.id}"
    bench.put(HistoryChanged("database or disk is full"))
    bench.runner.advance(11)
    alarm = shown(bench, name)
    assert alarm is not None
    assert alarm["text"]["en"] == "The history cannot be kept: database or disk is full"
    bench.put(HistoryChanged(None))
    bench.runner.advance(11)
    alarm = shown(bench, name)
    assert alarm is not None
    assert alarm["state"] == "cleared"


def test_a_sink_that_refuses_is_told_by_its_name() -> None:
    bench = Bench()
    bench.put(SinkChanged("telemetry", "not authorised"))
    alarm = shown(bench, "sink-refused:sink:telemetry")
    assert alarm is not None
    assert alarm["text"]["en"] == "MQTT refuses the readings: not authorised"


def test_what_was_counted_is_over_once_seen_and_told_anew_when_it_grows(tmp_path: Path) -> None:
    bench = Bench(journal=tmp_path / "journal.db")
    name = "rows-dropped:sink:telemetry"
    bench.put(SinkChanged("telemetry", dropped=3))
    bench.put(SinkChanged("telemetry", dropped=5))
    alarm = shown(bench, name)
    assert alarm is not None
    assert alarm["text"]["en"] == "5 rows were dropped before MQTT had them"
    assert bench.ask("alarm-ack", alarm=name)["ok"]
    assert shown(bench, name) is None
    bench.put(SinkChanged("telemetry", dropped=5))
    assert shown(bench, name) is None
    bench.stop()

    again = Bench(journal=tmp_path / "journal.db")
    again.put(SinkChanged("telemetry", dropped=5, set_aside=1, why="too long"))
    assert shown(again, name) is None
    aside = shown(again, "rows-set-aside:sink:telemetry")
    assert aside is not None
    assert aside["text"]["en"] == "MQTT would not take 1 rows, they are set aside: too long"
    again.put(SinkChanged("telemetry", dropped=6))
    assert shown(again, name) is not None


def test_an_alarm_of_a_sink_that_is_gone_is_over(tmp_path: Path) -> None:
    bench = Bench(journal=tmp_path / "journal.db")
    bench.put(SinkChanged("influxdb", "401"))
    assert shown(bench, "sink-refused:sink:influxdb") is not None
    bench.stop()
    again = Bench(journal=tmp_path / "journal.db")
    again.runner.advance(11)
    alarm = shown(again, "sink-refused:sink:influxdb")
    assert alarm is not None
    assert alarm["state"] == "cleared"


def test_what_was_refused_in_another_process_is_over_unless_it_is_refused_again(tmp_path: Path) -> None:
    bench = Bench(journal=tmp_path / "journal.db")
    bench.put(SinkChanged("telemetry", "not authorized"))
    bench.put(MessageRefused("about: too large"))
    bench.stop()
    again = Bench(journal=tmp_path / "journal.db")
    again.put(MessageRefused("about: too large"))
    again.runner.advance(11)
    refused, message = (shown(again, name) for name in ("sink-refused:sink:telemetry", "message-refused:site:thon"))
    assert refused is not None
    assert message is not None
    assert (refused["state"], message["state"]) == ("cleared", "raised")
