"""A server that speaks InfluxDB's second interface, on influxdb-client: rows in, one answer out. Imported only where a
village has one."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

from influxdb_client import InfluxDBClient, Point, WriteService
from influxdb_client.rest import ApiException
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.response import HTTPResponse

from edge.core.posting import Answer
from edge.core.values import StoredRow

log = logging.getLogger(__name__)
CONNECT_MS = 10_000
SILENT_MS = 20_000
MOST_OF_AN_ANSWER = 4096  # bytes that are looked at
MOST_WORDS = 200
OF_TRUST = ("CERTIFICATE_VERIFY_FAILED", "WRONG_VERSION_NUMBER")
LONGEST_WAIT_S = 600.0  # that a server may ask for


class InfluxServer:
    """One server and bucket. One request at a time, in a thread of its own, so that nobody waits for it."""

    def __init__(self, url: str, org: str, bucket: str, site: str, token: str | None) -> None:
        """`token` None: none is sent, for servers without rights. https is checked against the system's authorities."""
        self._org, self._bucket, self._site, self._token = org, bucket, site, token
        self._client = InfluxDBClient(url, token, org=org, timeout=(CONNECT_MS, SILENT_MS), retries=False)
        self._service = WriteService(self._client.api_client)
        self._line: HTTPConnection | None = None
        self._pools = self._client.api_client.rest_client.pool_manager
        self._pools.pool_classes_by_scheme = _watched(self._opened)

    def post(self, rows: Sequence[StoredRow], done: Callable[[Answer], None]) -> None:
        """Send these rows; `done` is called with the answer, from another thread. Returns at once."""
        threading.Thread(target=lambda: done(self._write(rows)), name="influxdb-http", daemon=True).start()

    def close(self) -> None:
        """Cut off what is under way, if anything is; its `done` is called all the same. No more can be sent."""
        line = self._line
        if line is not None and (open_socket := line.sock) is not None:
            try:
                socket.socket.shutdown(open_socket, socket.SHUT_RDWR)  # the plain one: TLS would ask the other side
            except OSError:
                log.debug("the connection had ended")
        self._pools.clear()

    def _opened(self, line: HTTPConnection) -> None:
        self._line = line

    def _write(self, rows: Sequence[StoredRow]) -> Answer:
        try:
            lines = "\n".join(line(self._site, row) for row in rows)
            _, status, _ = self._service.post_write_with_http_info(
                self._org, self._bucket, lines, precision="ms", urlopen_kw={"redirect": False}
            )
        except ApiException as error:
            if not error.status:
                reason = str(error.reason)
                return Answer(0, self._short(reason), distrusted=any(word in reason for word in OF_TRUST))
            return Answer(int(error.status), self._short(_words(error)), _wait(error))
        except (HTTPError, OSError) as error:
            return Answer(0, self._short(str(error).rpartition("): ")[2]))
        except Exception as error:  # a thread that ends without an answer would leave the rows on their way for ever
            log.exception("a request to the server of the readings failed")
            return Answer(0, self._short(repr(error)))
        return Answer(int(status))

    def _short(self, text: str) -> str:
        """As much as a person reads, on one line, and not the token, should somebody have sent it back."""
        if self._token is not None:
            text = text.replace(self._token, "…")
        plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return plain if len(plain) <= MOST_WORDS else plain[: MOST_WORDS - 1] + "…"


def line(site: str, row: StoredRow) -> str:
    """The row as one point in InfluxDB's line protocol, its time in ms.

    The measurement is the device's kind and the tags are site and device, so that the same reading sent twice is the
    same point; its figures are fields, and so are `life` and `quality` (0 good, 1 suspect).
    """
    kind, _, device = row.device.partition("/")
    point = Point(kind).tag("site", site).tag("device", device).field("life", row.life).field("quality", row.quality)
    for name, value in row.values.items():
        point.field(name, float(value))
    return str(point.time(row.at_ms, "ms").to_line_protocol())


def _words(error: ApiException) -> str:
    """What the server says of itself: `message` in the second interface, `error` in the first, or plain text."""
    body = str(error.body or "").strip()
    try:
        found = json.loads(body)
        said = str(found.get("message") or found.get("error") or body)
    except (ValueError, AttributeError, RecursionError):
        said = str(error.reason) if not body or body.startswith("<") else body
    return said


def _wait(error: ApiException) -> float:
    asked = str((error.headers or {}).get("Retry-After", ""))
    return min(float(asked), LONGEST_WAIT_S) if asked.isascii() and asked.isdigit() else 0.0


def _watched(opened: Callable[[HTTPConnection], None]) -> dict[str, Any]:
    """urllib3's pools, of connections that tell when they are opened, and that read no endless answer."""

    class Plain(HTTPConnection):
        def connect(self) -> None:
            opened(self)
            super().connect()

        def request(self, *args: Any, **kwargs: Any) -> None:
            super().request(*args, **kwargs | {"preload_content": False})

        def getresponse(self) -> HTTPResponse:  # type: ignore[override] # as urllib3's own
            answer = super().getresponse()
            body = answer.read(MOST_OF_AN_ANSWER, decode_content=False)
            if len(body) >= MOST_OF_AN_ANSWER:
                self.close()  # what is left of it would be taken for the next answer
            clean = body.decode("utf-8", "replace").encode()  # influxdb-client stumbles over anything else
            said = HTTPResponse(BytesIO(clean), answer.headers, answer.status, preload_content=False)
            said.reason = answer.reason
            return said

    class Secure(Plain, HTTPSConnection):
        pass

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
