"""Who may enter, as a table for people."""

from __future__ import annotations

from edge.access.people import EVERY, Registry


def table(registry: Registry) -> list[str]:
    """A line for each user, those who enter at the district marked."""
    rows = [("user", "name", "role", "of", "since", "enters")]
    for user, person in registry.users.items():
        of = "every village" if person.sites == [EVERY] else " ".join(person.sites)
        where = "here" if person.hash else "at the district"
        rows.append((user, person.name, person.role, of, person.made_at[:10], where))
    wide = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    return ["  ".join(cell.ljust(w) for cell, w in zip(row, wide, strict=True)).rstrip() for row in rows]
