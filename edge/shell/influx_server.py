"""A server of InfluxDB's second interface, seen from the sink: how it is opened, and what a person is told of it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from edge.core.posting import Answer
from edge.core.site import Influx
from edge.core.values import StoredRow

REMEDY = "pip install village-edge[influx]"


class Server(Protocol):
    """One request at a time, answered from any thread; see influx_http.InfluxServer."""

    def post(self, rows: Sequence[StoredRow], done: Callable[[Answer], None]) -> None:
        """Send these rows."""

    def close(self) -> None:
        """Cut off what is under way."""


class Unusable(Exception):
    """The server cannot even be asked; says what to do."""


def installed() -> bool:
    """Whether the library is there; it is not imported."""
    return importlib.util.find_spec("influxdb_client") is not None


def opener(influx: Influx, site: str, token_file: Path | None) -> Callable[[], Server]:
    """What opens the server: imports influxdb-client and reads the token only then, so that either may come later."""

    def open_server() -> Server:
        token = None if token_file is None else _token(token_file)
        try:
            from edge.shell.influx_http import InfluxServer
        except ImportError as error:
            importlib.invalidate_caches()
            raise Unusable(f"influxdb-client is not installed ({error}): {REMEDY}") from None
        return InfluxServer(influx.url, influx.org, influx.bucket, site, token)

    return open_server


def _token(path: Path) -> str:
    try:
        token = path.read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "no text"
        raise Unusable(f"influx.token_file: {path}: {why}; write the server's token into it") from None
    if not token or not (token.isascii() and token.isprintable()) or " " in token:
        raise Unusable(f"influx.token_file: {path} does not hold one token; write the server's token into it")
    return token


def remedy(answer: Answer, influx: Influx) -> str:
    """What a person is told of an answer that is `refused`."""
    url, org, bucket = influx.url, influx.org, influx.bucket
    said = f"{answer.status} {answer.words}".strip()
    if answer.distrusted:
        return f"no connection to {url} that can be trusted ({answer.words}): mend its certificate, or influx.url"
    if answer.status == 401 and influx.token_file is None:
        return f"the server wants a token ({said}): name a file with one in influx.token_file"
    if answer.status == 401:
        return f"the server does not know the token ({said}): put one that it knows into {influx.token_file}"
    if answer.status == 403:
        return f"the token may not write there ({said}): give it the right to write to the bucket {bucket}"
    if answer.status == 404:
        return f"no bucket {bucket} of {org} at {url} ({said}): make it there, or mend influx.bucket and influx.org"
    if answer.status < 300:
        return f"what answers at {url} is no InfluxDB ({said} and not 204): mend influx.url"
    if answer.status < 400:
        return f"{url} sends us elsewhere ({said}): put the server's own address into influx.url"
    return f"the server refuses everything ({said}): mend influx.url, or the server"
