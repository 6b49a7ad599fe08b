"""What the server counts, as Prometheus reads it (text format 0.0.4). No address, user or payload is in it."""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Callable
from pathlib import Path

PAGE_BYTES = resource.getpagesize()
HELP = {
    "requests_total": ("counter", "answers over HTTP, by status"),
    "links_total": ("counter", "links to the broker that were begun"),
    "links_refused_total": ("counter", "links that were refused before they were begun, by reason"),
    "links_ended_total": ("counter", "links that ended, by reason"),
    "logins_total": ("counter", "logins that the broker accepted"),
    "failed_logins_total": ("counter", "logins that the broker refused"),
    "carried_bytes_total": ("counter", "bytes carried, by direction"),
}


class Counts:
    """Counters that only grow, and gauges that are asked for when somebody looks."""

    def __init__(self) -> None:
        self._counted: Counter[tuple[str, str]] = Counter()
        self._gauges: list[tuple[str, str, Callable[[], int]]] = []

    def add(self, name: str, label: str = "", count: int = 1) -> None:
        """Count; `label` is such as `reason="origin"`."""
        self._counted[name, label] += count

    def gauge(self, name: str, about: str, read: Callable[[], int]) -> None:
        """Have `read` asked at every look."""
        self._gauges.append((name, about, read))

    def text(self, broker_reachable: bool) -> str:
        """Everything."""
        lines: list[str] = []
        for name, (kind, about) in HELP.items():
            rows = sorted((label, n) for (of, label), n in self._counted.items() if of == name) or [("", 0)]
            lines += _heading(f"village_web_{name}", kind, about)
            lines += [f"village_web_{name}{f'{{{label}}}' if label else ''} {n}" for label, n in rows]
        reachable = ("broker_reachable", "whether the broker's port can be reached", lambda: broker_reachable)
        for name, about, read in [*self._gauges, reachable]:
            lines += [*_heading(f"village_web_{name}", "gauge", about), f"village_web_{name} {int(read())}"]
        used = resource.getrusage(resource.RUSAGE_SELF)
        lines += _heading("process_cpu_seconds_total", "counter", "time on a processor")
        lines.append(f"process_cpu_seconds_total {used.ru_utime + used.ru_stime:.3f}")
        lines += _heading("process_resident_memory_bytes", "gauge", "resident memory")
        lines.append(f"process_resident_memory_bytes {resident()}")
        return "\n".join(lines) + "\n"


def resident() -> int:
    """This process's resident memory (bytes)."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * PAGE_BYTES


def _heading(name: str, kind: str, about: str) -> list[str]:
    return [f"# HELP {name} {about}", f"# TYPE {name} {kind}"]
