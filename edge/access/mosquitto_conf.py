"""A broker's settings -> the part of mosquitto's configuration that is ours. Pure; mosquitto 2.0, mosquitto.conf(5)."""

from __future__ import annotations

import hashlib
from pathlib import Path

from edge.access.rights import LINK, order_topics, out_topics, queued_topics
from edge.access.settings import LOOPBACK, Settings, Tls, parted
from edge.core.topics import FAR

REMARK = "written by `village-edge broker`: change it with that command, what is changed here is lost"
KEEPALIVE_S = 20  # a bridge that has died is told of at the district after one and a half times this
LARGEST_PACKET = 1024 * 1024  # bytes; a request's answer of 1,000 points has about 50,000
MOST_QUEUED = 100_000  # mosquitto's 1,000 drops commands without a word to anybody


def configuration(settings: Settings, folder: Path, bridge_secret: str | None) -> str:
    """The file to be included by mosquitto's own. `bridge_secret` None: there is no bridge."""
    lines = [f"# {REMARK}", *_listener(settings.listen)]
    if settings.tls is not None:
        lines += _tls_listener(settings.tls)
    lines += [
        "", "allow_anonymous false", f"password_file {folder / 'passwords'}", f"acl_file {folder / 'access'}",
        "", "# small messages are not held back for each other", "set_tcp_nodelay true",
        f"max_queued_messages {MOST_QUEUED}", f"max_packet_size {LARGEST_PACKET}",
        "", *_persistence(settings),
    ]  # fmt: skip
    if bridge_secret is not None:
        lines += ["", *_bridge(settings, folder, bridge_secret)]
    return "\n".join(lines) + "\n"


def _listener(address: str) -> list[str]:
    host, port = parted(address)
    note = "# for this machine: the controller, the page's server" if LOOPBACK.fullmatch(host) else (
        "# WITHOUT TLS, over a network: whoever can listen there reads tokens; only for a network you trust"
    )
    return ["", note, f"listener {port} {host}"]


def _tls_listener(tls: Tls) -> list[str]:
    host, port = parted(tls.listen)
    return [
        "", "# for those who come over a network", f"listener {port} {host}", f"certfile {tls.cert}",
        f"keyfile {tls.key}", "tls_version tlsv1.2",
    ]  # fmt: skip


def _persistence(settings: Settings) -> list[str]:
    """A cabinet's controller tells all that is retained at each connect: nothing has to outlive the broker, so the
    card is spared. A district must know its villages also while one is offline."""
    if settings.kind == "cabinet":
        return ["# the controller tells everything anew at each connect: the card is spared", "persistence false"]
    return [
        "# villages that are offline are known after a restart too", "persistence true", "autosave_interval 300",
        "autosave_on_changes false", "persistent_client_expiration 7d",
    ]  # fmt: skip


def _bridge(settings: Settings, folder: Path, secret: str) -> list[str]:
    """At the district its session is clean: what is sent down while the link is away is nowhere, and never carried out.
    At the cabinet it is kept: that an alarm is over must go up, for the district retains it until then."""
    card, user = settings.district, settings.bridge
    assert card is not None
    assert user is not None
    host, port = parted(card.broker)
    root = f"village/{settings.site}"
    client = hashlib.sha256(secret.encode()).hexdigest()[:12]  # who could guess it could throw the bridge out
    lines = [
        f"# the district: {card.district}", "connection district", f"address {host}:{port}",
        f"remote_clientid village-{settings.site}-{client}", f"remote_username {user}", f"remote_password {secret}",
        "bridge_protocol_version mqttv311", "cleansession true", "local_cleansession false", "try_private true",
        "start_type automatic", "restart_timeout 2 30", f"keepalive_interval {KEEPALIVE_S}",
        "notifications true", f"notification_topic {root}/{LINK}",
    ]  # fmt: skip
    if card.tls:
        own = f"bridge_cafile {folder / 'district-ca.pem'}"
        lines += ["bridge_capath /etc/ssl/certs" if card.ca is None else own, "bridge_tls_version tlsv1.2"]
    lines += [f"topic {topic} out {int(topic in queued_topics(root))}" for topic in out_topics(root)]
    lines += [f'topic {topic} in 1 {FAR} ""' for topic in order_topics(root)]
    return [*lines, f"topic {root}/ask/+/+ in 1"]
