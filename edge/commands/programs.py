"""`village-edge programs`: the programs in force: shown, compared with the file's, put and put back."""

from __future__ import annotations

import argparse
import datetime as dt
import difflib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from edge.typed import Failed, add_connection_arguments, identifier, plainly, seconds

if TYPE_CHECKING:
    from edge.asking import Asker
    from edge.core.site import Site

SUMMARY = (
    "Show the programs in force, with rev, who changed them and which devices follow them; or compare them with the "
    "configuration file's, put one from a file, or put the configuration's back. Exit status: 0 done, or no "
    "difference; 1 refused, not confirmed, or --diff found one; 2 a bad configuration, or nobody answered."
)

ALL = True  # what --diff is without an id


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    add = parser.add_argument
    add("--config", type=Path, required=True, metavar="FILE", help="the village's configuration (YAML)")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--json", action="store_true", help="list them as one JSON object a program, one a line")
    what.add_argument("--show", type=identifier, metavar="ID", help="print one as YAML, such as --put takes")
    what.add_argument("--diff", type=identifier, nargs="?", const=ALL, metavar="ID",
                      help="how those in force (or that one) differ from the configuration's")
    what.add_argument("--reset", type=identifier, metavar="ID", help="put the configuration's program back")
    what.add_argument("--put", nargs=2, metavar=("FILE", "ID"), help="put the program in FILE (YAML) in force as ID")
    add("--rev", type=_rev, metavar="N", help="with --put and --reset: only if it still has this rev")
    add("--save", type=Path, metavar="FILE", help="with --put and --reset: keep the former program in this new file")
    add("--yes", action="store_true", help="with --reset: do not ask")
    add("--timeout", type=seconds, default=5.0, metavar="TIME", help="wait so long (default: 5s)")
    add_connection_arguments(parser)


def _rev(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is no rev: write the whole number that the list shows")
    return int(text)


@plainly
def run(args: argparse.Namespace) -> int:
    """0 done or the same, 1 refused or different, 2 a bad configuration or no answer."""
    from edge.asking import Asker
    from edge.shell.app import catalogue
    from edge.shell.clock import SystemClock
    from edge.shell.site_file import ConfigError, load

    try:
        site = load(args.config, catalogue())
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    asker = Asker(args, site.site.id, SystemClock())
    try:
        return _Programs(args, site, asker).carry_out()
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        asker.close()


class _Programs:
    """What is in force, what the configuration has, and what is to be done about it."""

    def __init__(self, args: argparse.Namespace, site: Site, asker: Asker) -> None:
        from edge.core.program_words import plain

        self._args = args
        self._site = site
        self._asker = asker
        self._zone = ZoneInfo(site.site.timezone)
        self._files = {name: plain(p) for name, p in site.programs.items()}
        self._in_force: dict[str, dict[str, Any]] = {}

    def carry_out(self) -> int:
        args = self._args
        body: object = None
        if (args.rev is not None or args.save is not None) and not (args.put or args.reset):
            raise Failed(2, "--rev and --save go with --put FILE ID or --reset ID: nothing else changes a program")
        if args.put:
            body = self._from_file(Path(args.put[0]), args.put[1])
        answer = self._asker.ask("programs", {})
        self._in_force = {found["program"]: found for found in answer["programs"]}
        if args.put:
            return self._put(args.put[1], body, "put")
        if args.reset:
            return self._reset(args.reset)
        if args.diff is not None:
            return self._diff(None if args.diff is ALL else args.diff)
        if args.show:
            found = self._known(args.show)
            print(f"# {args.show}, rev {found['rev']}, {self._whose(found)}\n{self._words(found)}", end="")
            return 0
        self._list()
        return 0

    # --- looking ---

    def _list(self) -> None:
        followers = self._asker.followers()
        if self._args.json:
            for name, found in self._in_force.items():
                more = {"used_by": _used_by(found, followers.get(name, [])), "differs": self._differs(name)}
                print(json.dumps(found | more, ensure_ascii=False))
            return
        print(f"{'program':<20} {'kind':<10} {'rev':>4}  {'changed':<40} used by")
        for name, found in self._in_force.items():
            used = ", ".join(_used_by(found, followers.get(name, []))) or "-"
            print(f"{name:<20} {found['body']['kind']:<10} {found['rev']:>4}  {self._whose(found):<40} {used}")
        for name in self._in_force:
            if self._differs(name):
                print(f"{name} differs from {self._args.config}; see --diff {name}")

    def _diff(self, only: str | None) -> int:
        names = [only] if only else list(dict.fromkeys([*self._files, *self._in_force]))
        different = [name for name in names if self._differs(name)]
        for name in names:
            if name not in self._files:
                self._known(name)
        for name in different:
            print(self._compared(name), end="")
        if not different:
            print(f"{only or 'every program'}: as in {self._args.config}")
        return 1 if different else 0

    def _differs(self, name: str) -> bool:
        found = self._in_force.get(name)
        return self._words(found) != self._words(self._file(name))

    def _compared(self, name: str, back: bool = False) -> str:
        """The unified diff from the file's to the one in force; `back`: the other way round."""
        found = self._in_force.get(name)
        now = "not in force" if found is None else f"in force: {name}, rev {found['rev']}, {self._whose(found)}"
        there = f"{self._args.config}: programs.{name}" if name in self._files else f"{self._args.config}: no {name}"
        sides = [(there, self._words(self._file(name))), (now, self._words(found))]
        (old, before), (new, after) = reversed(sides) if back else sides
        return "".join(difflib.unified_diff(before.splitlines(True), after.splitlines(True), old, new))

    def _file(self, name: str) -> dict[str, Any] | None:
        return {"body": self._files[name]} if name in self._files else None

    def _known(self, name: str) -> dict[str, Any]:
        if name not in self._in_force:
            known = ", ".join(self._in_force) or "none"
            raise Failed(1, f"no program {name} is in force; there are: {known}")
        return self._in_force[name]

    def _whose(self, found: Mapping[str, Any]) -> str:
        if found["by"] is None:
            return "as in the controller's configuration"
        at = dt.datetime.fromisoformat(found["at"]).astimezone(self._zone)
        return f"by {found['by']}, {at:%Y-%m-%d %H:%M}"

    def _words(self, found: Mapping[str, Any] | None) -> str:
        """A program as the configuration would have it; "" for none."""
        from edge.core.program_words import plain
        from edge.core.site_reading import read_program
        from edge.shell.yaml_text import written

        if found is None:
            return ""
        program, _ = read_program(found["body"], "read", self._site, {})
        body = found["body"] if program is None else plain(program)
        if isinstance(season := body.get("season"), dict):  # in JSON a month can only be text
            body |= {"season": {int(month) if month.isdigit() else month: share for month, share in season.items()}}
        return written(body)

    # --- changing ---

    def _from_file(self, path: Path, name: str) -> object:
        from edge.shell.app import catalogue
        from edge.shell.site_file import load_program
        from edge.typed import identifier

        try:
            identifier(name)
        except argparse.ArgumentTypeError as error:
            raise Failed(2, f"--put {path} {name}: {error}") from None
        return load_program(path, name, self._site, catalogue())

    def _reset(self, name: str) -> int:
        if name not in self._files:
            known = ", ".join(self._files) or "none"
            raise Failed(1, f"{self._args.config} has no program {name} to go back to; it has: {known}")
        self._known(name)
        if not self._differs(name):
            print(f"{name} is as in {self._args.config}: nothing to put back")
            return 0
        print(self._compared(name, back=True), end="")
        if not (self._args.yes or _agreed(f"Put {name} back to the configuration's? [y/N] ")):
            raise Failed(1, "nothing was changed")
        return self._put(name, self._files[name], "put back")

    def _put(self, name: str, body: object, did: str) -> int:
        args = self._args
        former = self._in_force.get(name)
        undo = self._keep(former) if former is not None and args.save is not None else None
        rev = args.rev if args.rev is not None else former["rev"] if former is not None else 0
        try:
            answer = self._asker.ask("program-put", {"program": name, "rev": rev, "body": body})
        except Failed as failed:
            if failed.status != 1:
                raise Failed(failed.status, f"{failed}; look with --diff {name} whether it is in force") from None
            if undo is not None:  # refused: there is nothing to undo
                undo.unlink()
            raise
        if former is not None and answer["rev"] == former["rev"]:
            print(f"{name} is so already: rev {answer['rev']}")
            return 0
        before = "" if former is None else f", it had {former['rev']}"
        print(f"{name} {did}: rev {answer['rev']}{before}")
        if not answer.get("stored"):
            print("in force, but the memory card cannot be written: a restart would lose it", file=sys.stderr)
        if undo is not None:
            print(f"undo: village-edge programs --config {args.config} --put {undo} {name}")
        elif former is not None:
            print(f"the former one, for --put:\n{self._words(former)}", end="")
        return 0

    def _keep(self, former: Mapping[str, Any]) -> Path:
        path: Path = self._args.save
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(self._words(former))
        except FileExistsError:
            raise Failed(2, f"--save {path}: this file exists; name a new one") from None
        except OSError as error:
            raise Failed(2, f"--save {path}: {error.strerror}; name a file that can be written") from None
        return path


def _used_by(found: Mapping[str, Any], followers: list[str]) -> list[str]:
    """Who follows a program by its name, or else what it waters."""
    zones = found["body"].get("zones", ())
    return followers or list(dict.fromkeys(f"valve/{valve}" for zone in zones for valve in zone))


def _agreed(question: str) -> bool:
    try:
        return input(question).strip().lower() in ("y", "yes")
    except EOFError:
        print()
        return False
