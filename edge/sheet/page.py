"""The commissioning sheet as one HTML file: what one run of the doctor found, and blanks for the pen."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

from edge.core.diagnosis import Finding, PortSeen, Seen
from edge.core.diagnosis_outputs import HEADER, Match, Place, Pulse
from edge.core.diagnosis_words import MARKS, told
from edge.core.site import Site
from edge.figures import Language, day, figure
from edge.printed import FACE, FORM, document, form, signatures
from edge.sheet.words import NOTHING, TRIALS, WHOLE, WORDS

STYLE = f"""
body {{ font: 8pt/1.3 {FACE}; }}
{FORM}""" + """
@page { size: A4; margin: 10mm 11mm; }
:root { --ink: #1c2430; --faint: #5d6875; --line: #c3cad2; --bar: #2f5f8f; --wrong: #b3261e; }
body { margin: 0 auto; padding: 12px; max-width: 190mm; background: #fff; color: var(--ink); }
h1 { font-size: 14pt; margin: 0; } h2 { font-size: 9.5pt; margin: 3mm 0 .8mm; break-after: avoid; }
p { margin: .5mm 0; } small { font-size: 7pt; }
header { border-bottom: .6mm solid var(--bar); padding-bottom: 1mm; margin-bottom: 2mm; display: flex;
  justify-content: space-between; align-items: baseline; gap: 4mm; }
table { border-collapse: collapse; width: 100%; font-size: 7.6pt; line-height: 1.25; }
thead { display: table-header-group; } tr { break-inside: avoid; }
th { text-align: left; font-weight: 400; color: var(--faint); vertical-align: bottom; font-size: 7pt; }
td, th { padding: .7mm 0 .7mm 2mm; border-bottom: .15mm solid var(--line); vertical-align: top; }
td:first-child, th:first-child { padding-left: 0; }
td.pen { border-bottom: .2mm dotted var(--ink); } th.pen { width: 26mm; }
th.box, td.box { width: 16mm; text-align: center; }
.box i { display: inline-block; width: 3.4mm; height: 3.4mm; border: .25mm solid var(--ink); vertical-align: middle; }
td small { display: block; } .wrong { color: var(--wrong); font-weight: 600; }
ul { margin: .5mm 0; padding-left: 4mm; } li { margin: .4mm 0; break-inside: avoid; }
.machine { columns: 2; column-gap: 7mm; list-style: none; padding-left: 0; }
.rule { border-bottom: .2mm dotted var(--ink); height: 6mm; }
section, .end { break-inside: avoid; } footer { margin-top: 2mm; }
"""
BOX = '<td class="box"><i></i></td>'
PEN = '<td class="pen"></td>'


@dataclass(frozen=True, slots=True)
class Sheet:
    """Everything that goes onto it. `config`: the hash of the configuration; `places`: where each output is wired to;
    `machine`: model, serial number and system, and its `findings`, where the machine was looked at."""

    site: Site
    made: dt.datetime
    version: str
    config: str
    places: dict[str, Place]
    ports: Sequence[tuple[PortSeen, Sequence[Finding]]] = ()
    machine: tuple[str, str, str] = ("", "", "")
    findings: Sequence[Finding] = ()
    pulses: Sequence[tuple[Pulse, Sequence[Finding]]] = ()
    matches: Sequence[tuple[Match, Sequence[Finding]]] = field(default_factory=list)


def page(sheet: Sheet, language: Language) -> str:
    """The whole file, in that language."""
    words = WORDS[language]
    village = f"{sheet.site.site.name} ({sheet.site.site.id})"
    made = f"{day(sheet.made.date())} {sheet.made:%H:%M}"
    body = [
        f"<header><h1>{words['title']}</h1><b>{escape(sheet.site.site.name)}, {day(sheet.made.date())}</b></header>",
        form([
            (words["site"], village, False), (words["made"], made, False), (words["cabinet"], "", False),
            (words["machine"], sheet.machine[0], False), (words["serial"], sheet.machine[1], False),
            (words["version"], sheet.version, False), (words["system"], sheet.machine[2], False),
            (words["config"], sheet.config, False), (words["by"], "", False),
        ]),
        _machine(sheet, language), _outputs(sheet, language), _devices(sheet, language), _inputs(sheet, language),
        _alarms(sheet, language), _left(sheet, language),
        _end(language),
    ]  # fmt: skip
    return document(f"{words['title']}: {sheet.site.site.name}", STYLE, "\n".join(body), language)


def _end(language: Language) -> str:
    words = WORDS[language]
    signs = signatures([words[who] for who in ("installer", "head", "witness")], words["sign"])
    return f'<div class="end">{signs}<footer><small>{words["note"]}</small></footer></div>'


def _machine(sheet: Sheet, language: Language) -> str:
    if not sheet.findings:
        return ""
    items = "".join(f"<li>{_marked(finding, language)}</li>" for finding in sheet.findings)
    return f'<h2>{WORDS[language]["computer"]}</h2><ul class="machine">{items}</ul>'


def _outputs(sheet: Sheet, language: Language) -> str:
    pulses = {pulse.output: (pulse, findings) for pulse, findings in sheet.pulses}
    matches = {match.output: (match, findings) for match, findings in sheet.matches}
    rows = []
    for output, place in sheet.places.items():
        cells = f"<td>{_named(sheet.site, output)}</td><td>{escape(str(place))}</td>"
        cells += f"<td>{_pulse(pulses.get(output), language)}</td><td>{_match(matches.get(output), language)}</td>"
        rows.append(f"<tr>{cells}{BOX}</tr>")
    if sheet.site.heartbeat is not None:
        place = Place(gpio=sheet.site.heartbeat.gpio, active="high")
        rows.append(f"<tr><td>heartbeat</td><td>{place}</td><td>{NOTHING}</td><td>{NOTHING}</td>{BOX}</tr>")
    return _table("outputs", ("output", "place", "polarity", "meter"), (), ("seen",), rows, language) if rows else ""


def _pulse(found: tuple[Pulse, Sequence[Finding]] | None, language: Language) -> str:
    words = WORDS[language]
    if found is None:
        return NOTHING
    pulse, findings = found
    said = words[pulse.verdict] + (f": {escape(pulse.other)}" if pulse.other else "")
    feedback = [each for each in findings if each.code.startswith("feedback")]
    more = "".join(f"<small>{MARKS[each.severity]} {words['feedback']}</small>" for each in feedback)
    return _span(said, findings[0].severity == "wrong") + more


def _match(found: tuple[Match, Sequence[Finding]] | None, language: Language) -> str:
    words = WORDS[language]
    if found is None:
        return NOTHING
    match, findings = found
    if match.left or match.error:
        return words.get(match.left, words["failed"])
    moved = ", ".join(f"{name} {figure(watts, 0, language, signed=True)} W" for name, watts in match.movers.items())
    said = _span(escape(moved) or words["none"], findings[0].severity == "wrong")
    return f"{said}<small>{words['configured']}: {escape(match.meter or NOTHING)}</small>"


def _devices(sheet: Sheet, language: Language) -> str:
    rows = []
    for port, findings in sheet.ports:
        wrong = {finding.where for finding in findings if finding.severity == "wrong"}
        for seen in port.devices:
            device = seen.device
            ratio = ", ".join(f"{figure(v, 0, language)}" for v in seen.factors.values()) or NOTHING
            meter = device.name.startswith("meter/")
            cells = f"<td>{_named(sheet.site, device.name)}</td><td>{device.model}</td>"
            cells += f"<td>{port.name}, {device.address}</td><td>{ratio if meter else ''}</td>"
            said = _span(_reading(seen, language), device.name in wrong)
            rows.append(f"<tr>{cells}<td>{said}</td>{(PEN + PEN) if meter else '<td></td><td></td>'}</tr>")
    heads = ("device", "model", "address", "ratio", "reading")
    return _table("meters", heads, ("plate", "display"), (), rows, language) if rows else ""


def _reading(seen: Seen, language: Language) -> str:
    values = None if seen.taken is None else seen.taken.values
    if values is None:
        return WORDS[language]["not_read"]
    finding = Finding(seen.device.name, "good", "right", {"values": values})
    if "energy_kwh" not in values:
        return escape(told(finding, language)[0])
    power = f", {figure(values['power_w'], 0, language)} W" if "power_w" in values else ""
    return f"{figure(values['energy_kwh'], 2, language)} kWh{power}"


def _inputs(sheet: Sheet, language: Language) -> str:
    words = WORDS[language]
    contacts = {**sheet.site.read_inputs(), **sheet.site.counted_inputs()}
    rows = []
    for name, contact in contacts.items():
        kind, _, rest = name.partition("/")
        role = f"{words['feedback-of']} light/{rest}" if kind == "feedback" else words[getattr(contact, "role", "hand")]
        line = f"GPIO {contact.gpio} (pin {HEADER[contact.gpio]}), active {contact.active}"
        rows.append(f"<tr><td>{escape(rest)}</td><td>{escape(role)}</td><td>{line}</td>{BOX}{PEN}</tr>")
    return _table("inputs", ("input", "role", "line"), ("remarks",), ("tested",), rows, language) if rows else ""


def _alarms(sheet: Sheet, language: Language) -> str:
    rows = []
    for code in _triable(sheet.site):
        alarm, how = TRIALS[code][language]
        rows.append(f"<tr><td>{alarm}<small>{code}</small></td><td>{escape(how)}</td>{BOX}{PEN}</tr>")
    rows += [f"<tr><td></td><td>{escape(line)}</td>{BOX}{PEN}</tr>" for line in WHOLE[language]]
    return _table("alarms", ("alarm", "try"), ("remarks",), ("comes",), rows, language)


def _triable(site: Site) -> list[str]:
    roles = {contact.role for contact in site.inputs.values()}
    found = {
        "device-silent": bool(site.meters or site.sensors or site.boards),
        "stuck-off": any(light.meter for light in site.lights.values()),
        "hand-on": "hand" in roles, "door-open": "door" in roles, "mains-lost": "mains" in roles,
        "flow-none": any(valve.flow for valve in site.valves.values()),
        "level-stop": any(pump.stop_when for pump in site.pumps.values()),
    }  # fmt: skip
    return [code for code in TRIALS if found[code]]


def _left(sheet: Sheet, language: Language) -> str:
    words = WORDS[language]
    parts: Iterable[Sequence[Finding]] = [f for _, f in (*sheet.ports, *sheet.pulses, *sheet.matches)]
    wrong = [each for part in (sheet.findings, *parts) for each in part if each.severity == "wrong"]
    items = []
    for finding in wrong:
        _, do = told(finding, language)
        remedy = f"<br><small>{escape('; '.join(do))}</small>" if do else ""
        items.append(f"<li>{_marked(finding, language)}{remedy}</li>")
    listed = f"<ul>{''.join(items)}</ul>" if items else f"<p>{words['nothing_left']}</p>"
    return f'<h2>{words["left"]}</h2>{listed}<p class="faint">{words["remarks"]}:</p>{"<div class=rule></div>" * 3}'


def _marked(finding: Finding, language: Language) -> str:
    text = escape(told(finding, language)[0])
    return f"{MARKS[finding.severity]} <b>{escape(finding.where)}</b>: {_span(text, finding.severity == 'wrong')}"


def _span(html: str, wrong: bool) -> str:
    return f'<span class="wrong">{html}</span>' if wrong else html


def _named(site: Site, target: str) -> str:
    """What people call it, and what it is called here."""
    kind, name, *_ = target.split("/")
    sections = {
        "light": site.lights, "switch": site.switches, "valve": site.valves, "pump": site.pumps, "meter": site.meters,
        "sensor": site.sensors,
    }  # fmt: skip
    device = sections[kind].get(name) if kind in sections else None  # type: ignore[attr-defined]
    return f"{escape(str(device.name))}<small>{target}</small>" if device is not None else escape(target)


def _table(
    title: str, heads: Sequence[str], pens: Sequence[str], boxes: Sequence[str], rows: Sequence[str], language: Language
) -> str:
    """A table with columns that are told, then boxes to tick, then room for the pen."""
    words = WORDS[language]
    cells = "".join(f"<th>{words[head]}</th>" for head in heads)
    cells += "".join(f'<th class="box">{words[head]}</th>' for head in boxes)
    cells += "".join(f'<th class="pen">{words[head]}</th>' for head in pens)
    head = f"<thead><tr>{cells}</tr></thead>"
    table = f'<div class="scroll"><table>{head}<tbody>{"".join(rows)}</tbody></table></div>'
    return f"<section><h2>{words[title]}</h2>{table}</section>"
