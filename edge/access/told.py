"""What `village-edge broker` says: which files changed, how, and what is to be done next."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from pathlib import Path

from edge.access.directory import Change
from edge.access.people import Registry
from edge.access.settings import Settings

SECRET = re.compile(r"(remote_password ).*")
INCLUDED = Path("/etc/mosquitto/conf.d/village.conf")
SHOWN = ("mosquitto.conf", "district.json")  # what else there is holds hashes, or is long
COUNTED = ("access",)


def what_changed(folder: Path, settings: Settings, changes: Sequence[Change]) -> list[str]:
    """A line for each file, and of those that people read what differs from before."""
    whose = f"the village {settings.site}" if settings.kind == "cabinet" else f"the district {_district(settings)}"
    lines = [f"{folder}: the broker of {whose}"]
    for change in changes:
        state = "new" if change.before is None else "changed" if change.changed else "as it was"
        lines.append(f"  {_name(folder, change.path)}: {state}")
        if change.changed and change.before is not None:
            differing = _difference(change.before, change.now)
            topics = [line for line in differing if line[1:].startswith("topic ")]
            if change.path.name in SHOWN:
                lines += [f"    {line}" for line in differing if line not in topics]
                lines += [f"    and {len(topics)} lines of topics"] if topics else []
            elif change.path.name in COUNTED:
                more = sum(line.startswith("+") for line in differing)
                lines[-1] += f" ({more} lines more, {len(differing) - more} fewer)"
    return lines


def names_of(changes: Sequence[Change]) -> set[str]:
    """The files that were written."""
    return {change.path.name for change in changes if change.changed}


def next_steps(folder: Path, settings: Settings, registry: Registry, changes: Sequence[Change]) -> list[str]:
    """What is left to do, in order."""
    changed = names_of(changes)
    fresh = any(change.path.name == "mosquitto.conf" and change.before is None for change in changes)
    if not changed:
        return ["nothing has changed"]
    steps = []
    if fresh:
        steps.append(f"have mosquitto read it: sudo ln -s {folder / 'mosquitto.conf'} {INCLUDED}")
    if "mosquitto.conf" in changed or "district-ca.pem" in changed:
        steps.append("sudo systemctl restart mosquitto")
    if settings.kind == "cabinet" and settings.district is not None and f"{settings.site}.json" in changed:
        steps.append(f"give {folder / f'{settings.site}.json'} to the district's operator, who runs: "
                     f"sudo village-edge broker --district --accept {settings.site}.json")
    if settings.kind == "district" and "district.json" in changed:
        steps.append(f"give {folder / 'district.json'} to each village; it holds no secret")
    if settings.kind == "cabinet" and all(person.role == "controller" for person in registry.users.values()):
        steps.append('let the first phone in: sudo village-edge pair --name "Bác Tư" --role head')
    return ["next:", *(f"  {n}. {step}" for n, step in enumerate(steps, 1))] if steps else []


def _district(settings: Settings) -> str:
    return settings.card.district if settings.card is not None else ""


def _name(folder: Path, path: Path) -> str:
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)


def _difference(before: str, now: str) -> list[str]:
    both = difflib.unified_diff(before.splitlines(), now.splitlines(), n=0, lineterm="")
    return [
        SECRET.sub(r"\1…", line) for line in both
        if line[:1] in "+-" and line[:3] not in ("+++", "---") and line[1:].strip()
    ]  # fmt: skip
