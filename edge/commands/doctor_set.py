"""The part of `village-edge doctor` that writes: another address or speed for one device."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.core.diagnosis_terms import Language
    from edge.core.site import Site
    from edge.shell.clock import Clock
    from edge.shell.device_setting import Setter, Wish


def change(args: argparse.Namespace, site: Site, clock: Clock) -> int:
    """0 when the device is as asked; 1 when it was not changed; 2 when that could not be tried."""
    from edge.commands.doctor import TICK
    from edge.core.diagnosis import Finding
    from edge.core.diagnosis_words import told
    from edge.shell.app import device_of, probe
    from edge.shell.device_setting import NotSet, Setter

    language: Language = args.lang or site.site.language
    try:
        port = _port(args, site)
        bus = probe(site, args.sim, clock, port, TICK.wait)
        if args.baudrate is not None:
            bus.tune(replace(bus.setting, baudrate=args.baudrate))
        wish = _wish(args, bus.setting)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    try:
        return _carry_out(args, Setter(bus, wish, language), wish, language, port)
    except NotSet as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 1
    except bus.gone as error:
        code = bus.why(error)
        known = code if code in ("busy", "missing", "forbidden") else "port-fault"
        facts = {"path": str(device_of(site, args.sim, port)), "why": code}
        text, do = told(Finding(port, known, "wrong", facts), language)
        print("\n".join([text, *(f"  - {line}" for line in do)]), file=sys.stderr)
        return 2
    finally:
        bus.close()


def _carry_out(args: argparse.Namespace, setter: Setter, wish: Wish, language: Language, port: str) -> int:
    from edge.core.setting_words import say

    print(setter.look())
    frame = wish.request.hex(" ").upper()
    code, new = ("address", wish.address) if args.set_address else ("speed", wish.setting.baudrate)
    print(say(language, code, old=wish.old, new=new, setting=setter.before, frame=frame))
    print(say(language, "pzem" if wish.model.startswith("pzem") else "sdm", old=wish.old))
    if not args.yes and not _sure(say(language, "sure")):
        print(say(language, "left"))
        return 1
    print(setter.write())
    print(say(language, "undo", command=_undo(args, wish, setter.before.baudrate, port)))
    print(say(language, "config"))
    return 0


def _port(args: argparse.Namespace, site: Site) -> str:
    if args.port is not None or len(site.ports) == 1:
        return str(args.port or next(iter(site.ports)))
    raise ValueError(f"say on which port with --port NAME; there are {', '.join(site.ports) or 'none'}")


def _wish(args: argparse.Namespace, setting: object) -> Wish:
    """Raises ValueError, naming the remedy."""
    from edge.core.values import Setting
    from edge.shell.app import setting_request
    from edge.shell.device_setting import Wish

    assert isinstance(setting, Setting)
    if args.set_address and args.set_baud:
        raise ValueError("one at a time: --set-address or --set-baud")
    if args.model is None:
        raise ValueError("say what the device is with --model, such as --model sdm120")
    if args.set_address:
        old, new = args.set_address
        if old == new:
            raise ValueError(f"the device has the address {new} already")
        return Wish(args.model, old, new, setting, setting_request(args.model, old, address=new))
    old, speed = args.set_baud
    if speed == setting.baudrate:
        raise ValueError(f"the port asks at {speed} baud: name the speed that the device has now with --baudrate")
    request = setting_request(args.model, old, baudrate=speed)
    return Wish(args.model, old, old, replace(setting, baudrate=speed), request)


def _sure(question: str) -> bool:
    try:
        return input(question).strip().lower() == "y"
    except EOFError:
        print()
        return False


def _undo(args: argparse.Namespace, wish: Wish, before: int, port: str) -> str:
    what = f"--set-address {wish.address} {wish.old}" if args.set_address else f"--set-baud {wish.old} {before}"
    speed = f" --baudrate {wish.setting.baudrate}" if args.set_baud or args.baudrate else ""
    return f"village-edge doctor --config {args.config} --port {port}{speed} {what} --model {wish.model}"
