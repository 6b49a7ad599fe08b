"""Answers over HTTP: a file, a JSON object, a line for a person."""

from __future__ import annotations

import json
from collections.abc import Mapping

from aiohttp import web

from edge.web import headers
from edge.web.assets import Asset

READING = ("GET", "HEAD")


def of_file(request: web.BaseRequest, asset: Asset, index: bool) -> web.Response:
    """The file, packed if the browser takes that; 304 when it has it. `index`: it is the page itself."""
    packed = asset.packed if headers.takes_gzip(request.headers.get("Accept-Encoding", "")) else None
    told = {
        "Cache-Control": _kept(request, asset, index),
        "ETag": f'"{asset.version}{"-gz" if packed else ""}"',
        "Vary": "Accept-Encoding",
    }
    if headers.known(request.headers.get("If-None-Match", ""), asset.version):
        return web.Response(status=304, headers=told)
    if packed:
        told["Content-Encoding"] = "gzip"
    return web.Response(body=packed or asset.body, headers=told | {"Content-Type": asset.content_type})


def of_json(content: Mapping[str, object], status: int = 200) -> web.Response:
    """What is true now, and so is not kept."""
    text = json.dumps(content, ensure_ascii=False) + "\n"
    return _told(text, "application/json", status, {})


def of_text(text: str, status: int, more: Mapping[str, str] | None = None) -> web.Response:
    """A line for a person, with more headers."""
    return _told(text.rstrip("\n") + "\n", "text/plain; charset=utf-8", status, more or {})


def _told(text: str, content_type: str, status: int, more: Mapping[str, str]) -> web.Response:
    told = {"Cache-Control": headers.NOT_KEPT, "Content-Type": content_type, **more}
    return web.Response(body=text.encode(), status=status, headers=told)


def _kept(request: web.BaseRequest, asset: Asset, index: bool) -> str:
    if index:
        return headers.INDEX_KEPT
    return headers.IMMUTABLE if request.query.get("v") == asset.version else headers.REVALIDATED
