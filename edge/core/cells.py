"""The cabinet's photocell as each light program that follows it sees it."""

from __future__ import annotations

from edge.core.photocell import Photocell
from edge.core.schedule import Calendar
from edge.core.values import Moment


class Cells:
    """One Photocell for each program that has the key `photocell`, while the cabinet has such an input."""

    def __init__(self, calendar: Calendar, there: bool) -> None:
        """`there`: whether an input has the role photocell."""
        self._calendar = calendar
        self._there = there
        self._dark: bool | None = None
        self._cells: dict[str, Photocell] = {}

    def of(self, program: str | None, moment: Moment) -> Photocell | None:
        """The cell of a program; None where none has a say in it. A program that is changed keeps what its cell saw."""
        within_s = self._calendar.within_s(program) if program is not None and self._there else 0.0
        if program is None or not within_s:
            return None
        cell = self._cells.get(program)
        if cell is None:
            cell = self._cells[program] = Photocell(self._calendar, program, within_s)
            cell.see(self._dark, moment)
        cell.within_s = within_s
        return cell

    def see(self, dark: bool | None, moment: Moment) -> None:
        """The photocell says so; None: it cannot be known."""
        self._dark = dark
        for cell in self._cells.values():
            cell.see(dark, moment)

    def fault(self, moment: Moment) -> str | None:
        """What the photocell is stuck at, "dark" or "light"; None: it is believed, or nobody follows it."""
        faults = (cell.fault(moment) for cell in self._cells.values())
        return next((fault.removeprefix("stuck ") for fault in faults if fault), None)
