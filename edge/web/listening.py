"""What it takes to listen: a port, and a certificate for https; and what to do when one cannot be had."""

from __future__ import annotations

import errno
import os
import resource
import socket
import ssl
from pathlib import Path

ENOUGH_FILES = 4096  # a link takes two


class CannotServe(Exception):
    """The server cannot begin; the text says why and names the remedy."""


def tls(cert: Path, key: Path) -> ssl.SSLContext:
    """What --cert and --key make. Raises CannotServe."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        for file in (cert, key):
            file.open("rb").close()
        context.load_cert_chain(cert, key, password=_no_passphrase)
    except ssl.SSLError as error:
        raise CannotServe(
            f"{cert} and {key} are no certificate and its own key in PEM format ({error.reason or error}):"
            " `openssl x509 -noout -text -in FILE` shows what a certificate is for"
        ) from error
    except OSError as error:
        remedy = "name a file that this user may read"
        raise CannotServe(f"{error.filename} cannot be read ({error.strerror}): {remedy}") from error
    return context


def _no_passphrase() -> str:
    raise CannotServe("the key has a passphrase, and nobody is there to type it: take it off with `openssl pkey`")


def cannot_listen(error: OSError, host: str, port: int) -> CannotServe:
    """Why this address cannot be listened on, in words."""
    if error.errno == errno.EADDRINUSE:
        words = f"another program has this port (`ss -ltnp 'sport = :{port}'` names it): end it, or take another port"
    elif error.errno == errno.EACCES:
        words = "a port below 1024 needs a right that this user has not: take 8080, or 8443 for https"
    elif error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        words = "this machine has no such address: give --listen 0.0.0.0:PORT, which is all that it has"
    else:
        words = os.strerror(error.errno) if error.errno else str(error)
    return CannotServe(f"cannot listen on {host}:{port}: {words}")


def allow_files() -> None:
    """As many open files as all links need, as far as the system lets this user."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = ENOUGH_FILES if hard == resource.RLIM_INFINITY else min(hard, ENOUGH_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
