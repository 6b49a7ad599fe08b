"""`village-edge bill`: what the paper bills say, entered and set beside what the meters counted."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from edge.typed import Failed, add_connection_arguments, amount, identifier, month, plainly, seconds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge.asking import Asker
    from edge.report.month import Period

SUMMARY = """\
Enter what the paper bill of a meter says: the kWh, the money with its tax, or both. It is kept in the controller and
shown beside what was counted in the same billing period. Without --kwh, --amount and --remove: list the billing periods
of the last year, with what was counted, what the bill says, and by how much the bill says more (+) or less.
"""
EXAMPLES = """\
examples:

  village-edge bill
  village-edge bill --meter cabinet-1 --month 2026-10 --kwh 512 --amount 1234567
  village-edge bill --meter cabinet-1 --month 2026-10 --remove

A billing period begins on the meter's billing_day, and --month names the month in which it begins: with billing_day 15,
2026-10 is 15 October to 14 November. Figures have no marks between thousands: 1234567, not 1.234.567.

exit status: 0 done, 1 refused, 2 nobody answered
"""
LISTED_MONTHS = 12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `bill`."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("--meter", type=identifier, metavar="ID", help="the meter that the bill is of (in the list: only this one)")
    add("--month", type=month, metavar="YYYY-MM", help="the month in which the bill's period begins")
    add("--kwh", type=amount, metavar="N", help="the energy that the bill says")
    add("--amount", type=amount, metavar="N", help="the money that the bill says, with its tax")
    add("--remove", action="store_true", help="take the bill back")
    add("--site", type=identifier, help="the village's id (default: the only one on this broker)")
    add("--timeout", type=seconds, default=5.0, metavar="TIME", help="wait so long for each answer (default: 5s)")
    add_connection_arguments(parser)


@plainly
def run(args: argparse.Namespace) -> int:
    """List, or enter: 0; 1 if the controller refuses it, 2 if nobody answered."""
    from edge.asking import Asker
    from edge.shell.clock import SystemClock
    from edge.sites import the_village

    clock = SystemClock()
    entering = _entering(args)
    site, about = the_village(args, clock)
    asker = Asker(args, site, clock)
    try:
        if entering is None:
            _list(args, asker, about, clock.now().wall)
        else:
            _enter(args, asker, about, entering)
    finally:
        asker.close()
    return 0


def _entering(args: argparse.Namespace) -> dict[str, object] | None:
    """The fields of the bill that is to be put; None: nothing is. Raises Failed."""
    figures = {name: value for name in ("kwh", "amount") if (value := getattr(args, name)) is not None}
    if not figures and not args.remove:
        if args.month is not None:
            raise Failed(2, "--month goes with --kwh, --amount or --remove: say what the bill of that month says")
        return None
    if figures and args.remove:
        raise Failed(2, "--remove takes the whole bill back: give it without --kwh and --amount")
    if args.meter is None or args.month is None:
        raise Failed(2, "say whose bill it is: --meter ID and --month YYYY-MM, in which its billing period begins")
    return {"kwh": None, "amount": None} if args.remove else dict(figures)


def _enter(args: argparse.Namespace, asker: Asker, about: Mapping[str, Any], figures: dict[str, object]) -> None:
    import datetime as dt

    from edge.report.month import midnight, periods, zone_of_village

    fields = {"meter": args.meter, "from": f"{args.month:%Y-%m}", **figures}
    answer = asker.ask("bill-put", fields)
    if not answer["stored"]:
        print("entered, but the memory card cannot be written: a restart would lose it", file=sys.stderr)
    if answer["bill"] is None:
        was = "there was none" if answer["was"] is None else f"it said {_told(answer['was'])}"
        print(f"{args.meter}, period from {answer['from']}: no bill; {was}")
        return
    zone = zone_of_village(about)
    start = midnight(dt.date.fromisoformat(answer["from"]), zone)
    found, _ = periods(asker.ask, args.meter, "billing", start, start + dt.timedelta(days=1))
    print(f"{args.meter}, {answer['from']} to {found[0].last}: the bill says {_told(answer['bill'])}")
    print(f"counted: {_counted(found[0])}")
    if (more := found[0].difference) is not None:
        told = _told({"kwh": more.kwh, "amount": more.amount}, signed=True)
        print(f"difference, the bill less what was counted: {told}")
    elif not found[0].complete:
        print("the period is not over: the difference is told when it is")


def _list(args: argparse.Namespace, asker: Asker, about: Mapping[str, Any], now: float) -> None:
    import datetime as dt

    from edge.report.month import meters, midnight, month_after, periods, zone_of_village

    zone = zone_of_village(about)
    today = dt.datetime.fromtimestamp(now, zone)
    start = midnight(month_after(today.date().replace(day=1), -LISTED_MONTHS), zone)
    known = [id_ for id_, _ in meters(about)]
    if args.meter is not None and args.meter not in known:
        raise Failed(1, f"no meter {args.meter} counts energy; there are {', '.join(known) or 'none'}")
    columns = ("kWh counted", "cost", "kWh on bill", "bill", "kWh more", "more")
    print(f"{'meter':<16} {'from':<10} {'to':<10} " + " ".join(f"{name:>12}" for name in columns))
    for meter in known if args.meter is None else [args.meter]:
        found, _ = periods(asker.ask, meter, "billing", start, today)
        for period in found:
            if period.kwh is not None or period.bill is not None:
                print(f"{meter:<16} {period.start.date()} {period.last} " + " ".join(f"{c:>12}" for c in _row(period)))


def _row(period: Period) -> list[str]:
    from edge.report.month import UNKNOWN

    bill, more = period.bill or UNKNOWN, period.difference or UNKNOWN
    return [
        _figure(period.kwh, 1), _figure(period.amount, 0), _figure(bill.kwh, 1), _figure(bill.amount, 0),
        _figure(more.kwh, 1, signed=True), _figure(more.amount, 0, signed=True),
    ]  # fmt: skip


def _counted(period: Period) -> str:
    told = _told({"kwh": period.kwh, "amount": period.amount})
    return f"{told} ({period.measured * 100:.1f} % of the time was measured)"


def _told(bill: Mapping[str, float | None], *, signed: bool = False) -> str:
    words = [] if bill["kwh"] is None else [f"{_figure(bill['kwh'], 1, signed=signed)} kWh"]
    words += [] if bill["amount"] is None else [f"{_figure(bill['amount'], 0, signed=signed)} in money"]
    return ", ".join(words) or "nothing is known"


def _figure(value: float | None, decimals: int, *, signed: bool = False) -> str:
    if value is None:
        return "-"
    return f"{value:{'+' if signed else ''},.{decimals}f}"
