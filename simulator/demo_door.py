"""Who may enter the demo's broker: this machine's own programs as they are, the phone page with the demo's token.

A plugin of amqtt, which the broker's configuration names.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from amqtt.plugins.base import BaseAuthPlugin
from amqtt.session import Session


class DemoDoor(BaseAuthPlugin):
    """The broker listens on the loopback alone, and the page's server carries nobody in without a password. So who
    gives none is a program on this machine; who gives one must have the token, for phones of the network see the page.
    """

    @dataclass
    class Config:
        """From the broker's configuration."""

        user: str = ""
        token: str = ""

    async def authenticate(self, *, session: Session) -> bool:
        """Whether this login is good."""
        if session.password is None:
            return True
        given, due = f"{session.username}:{session.password}", f"{self.config.user}:{self.config.token}"
        return bool(self.config.token) and hmac.compare_digest(given.encode(), due.encode())
