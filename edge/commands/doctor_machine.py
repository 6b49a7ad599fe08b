"""`village-edge doctor --machine`: the computer in the cabinet."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.commands.doctor_said import Said
    from edge.core.site import Site
    from edge.shell.commission_places import Places


def look(args: argparse.Namespace, site: Site, said: Said, places: Places | None = None) -> None:
    """Look at everything that the machine says of itself, and judge it. `places`: where its files are."""
    from edge.core.diagnosis_machine import machine_findings
    from edge.shell.commission_machine import see, which
    from edge.shell.commission_places import Places

    where = places or Places()
    seen = see(site, args.config, args.state, where, simulated=args.sim is not None)
    said.computer(which(where), machine_findings(seen))
