"""`village-edge check`: is this configuration good, and what will this version make of it?"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.core.site import Site

SUMMARY = (
    "Check a configuration and print every error in it with its line and column; then say what this version drives of "
    "it and what it passes over. Errors in tariffs, and in model files of the village's own, are printed as well, and "
    "what is not installed and the file asks for. Exits 0 when all is good, 1 when it is not."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `check`."""
    parser.add_argument("file", type=Path, metavar="FILE", help="the village's configuration (YAML)")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")


def run(args: argparse.Namespace) -> int:
    """0 for a good configuration, 1 for a bad one, a model file with errors or a library that is missing."""
    from edge.core.site import FlowInput, S0Input, driven_meters, driven_sensors
    from edge.shell.app import broken_models, catalogue
    from edge.shell.site_file import ConfigError, load
    from edge.shell.tariff_files import broken_tariffs

    models = catalogue()
    try:
        site = load(args.file, models)
    except ConfigError as error:
        if args.json:
            problems = [problem._asdict() for problem in error.problems]
            print(json.dumps({"ok": False, "file": str(args.file), "problems": problems}, ensure_ascii=False))
        else:
            print(error, file=sys.stderr)
            print(f"{_count(len(error.problems), 'problem')} in all", file=sys.stderr)
        return 1
    models_wrong = broken_models()
    tariffs_wrong = [line for error in broken_tariffs(args.file) for line in str(error).splitlines()]
    if models_wrong or tariffs_wrong:
        _print_files(args, models_wrong, tariffs_wrong)
        return 1
    if lacking := _lacking(site):
        if args.json:
            print(json.dumps({"ok": False, "file": str(args.file), "lacking": lacking}, ensure_ascii=False))
        else:
            print("\n".join(f"{args.file}: {line}" for line in lacking), file=sys.stderr)
        return 1
    counted = [type(found) for found in site.counted_inputs().values()]
    driven = {
        "lights": len(site.lights),
        "circuits": sum(len(light.circuits) for light in site.lights.values()),
        "meters": len(driven_meters(site, models)) + counted.count(S0Input),
        "sensors": len(driven_sensors(site, models)) + counted.count(FlowInput),
        "pumps": len(site.pumps),
        "valves": len(site.valves),
        "switches": len(site.switches),
    }
    passed_over = site.not_driven(models)
    warnings = _warnings(site, args.file)
    if args.json:
        answer = {
            "ok": True, "file": str(args.file), "site": site.site.id, "driven": driven,
            "heartbeat": None if site.heartbeat is None else {"gpio": site.heartbeat.gpio},
            "not_driven": [{"path": path, "why": why} for path, why in passed_over],
            "warnings": [{"path": path, "why": why} for path, why in warnings],
        }  # fmt: skip
        print(json.dumps(answer, ensure_ascii=False))
        return 0
    named = {what: _count(number, "switch" if what == "switches" else what[:-1]) for what, number in driven.items()}
    named["lights"] += f" with {named.pop('circuits')}"
    told = [words for what, words in named.items() if driven[what] or what not in ("pumps", "valves", "switches")]
    beats = "" if site.heartbeat is None else f" The heartbeat is on GPIO {site.heartbeat.gpio}."
    print(f"{args.file}: good. {site.site.name} ({site.site.id}): {', '.join(told)} driven.{beats}")
    for title, found in (("Not driven yet:", passed_over), ("Warnings:", warnings)):
        if found:
            print(title)
        for path, why in found:
            print(f"  {path}: {why}")
    return 0


def _print_files(args: argparse.Namespace, models: list[str], tariffs: list[str]) -> None:
    """What is wrong with files that the configuration names."""
    if args.json:
        found = {name: wrong for name, wrong in (("models", models), ("tariffs", tariffs)) if wrong}
        print(json.dumps({"ok": False, "file": str(args.file), **found}, ensure_ascii=False))
        return
    without_price = "tariff files; what their meters cost is not reckoned"
    for wrong, what in ((models, "model files; their devices are not read"), (tariffs, without_price)):
        if wrong:
            print("\n".join(wrong), file=sys.stderr)
            print(f"{_count(len(wrong), 'problem')} in {what}", file=sys.stderr)


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 'es' if word.endswith('ch') else 's'}"


def _lacking(site: Site) -> list[str]:
    """What the file asks for and this installation has not."""
    from edge.shell.influx_server import REMEDY, installed

    if site.influx is None or installed():
        return []
    return [f"influx: influxdb-client is not installed here, and nothing would be written; {REMEDY}"]


def _warnings(site: Site, config: Path) -> list[tuple[str, str]]:
    """What is no error of the file but will trouble the daemon on this machine."""
    from edge.core.site import ClimateProgram, LightProgram
    from edge.shell.site_file import password_file, token_file

    found = []
    secret = password_file(site, config)
    if secret is not None and not secret.is_file():
        found.append(("mqtt.password_file", f"{secret} is not there; write the broker's password into it"))
    token = token_file(site, config)
    if token is not None and not token.is_file():
        found.append(("influx.token_file", f"{token} is not there; write the server's token into it"))
    found += [
        (f"lights.{name}", "no program; it changes only when a person asks")
        for name, light in site.lights.items()
        if light.program is None
    ]
    cells = [name for name, contact in site.inputs.items() if contact.role == "photocell"]
    if not cells:
        found += [
            (f"programs.{name}.photocell", "no input has the role photocell: the sun's times stand")
            for name, program in site.programs.items()
            if isinstance(program, LightProgram) and program.photocell is not None
        ]
    fed = {valve.pump for valve in site.valves.values()}
    found += [(f"pumps.{name}", "no valve names it, so it never runs") for name in site.pumps if name not in fed]
    found += [
        (f"programs.{name}", f"switches.{program.target} does not name it, so nothing follows it")
        for name, program in site.programs.items()
        if isinstance(program, ClimateProgram) and site.switches[program.target].program != name
    ]
    found += [(f"inputs.{name}", f"{cells[0]} is the photocell that counts, this one is not") for name in cells[1:]]
    return found
