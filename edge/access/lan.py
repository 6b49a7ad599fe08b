"""Under which address a phone of the village finds this machine."""

from __future__ import annotations

import socket

PAGE_PORT = 8080  # of village-edge web
NEVER_SENT = ("192.0.2.1", 9)  # TEST-NET-1, RFC 5737: only the way there is asked for


def page_here(port: int = PAGE_PORT) -> str | None:
    """The page's address on the network that this machine's packets leave by; None: it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(NEVER_SENT)
        except OSError:
            return None
        host = str(s.getsockname()[0])
    return None if host.startswith(("127.", "0.")) else f"http://{host}:{port}"
