"""Who may enter, as a table for people."""

from __future__ import annotations

from edge.access.people import Registry
from edge.figures import columns


def table(registry: Registry) -> list[str]:
    """A line for each user, those who enter at the district marked."""
    rows = [("user", "name", "role", "of", "since", "enters")]
    for user, person in registry.users.items():
        where = "here" if person.hash else "at the district"
        rows.append((user, person.name, person.role, person.of, person.made_at[:10], where))
    return columns(rows)
