"""The page's files, read once: each with its type, the hash that its address carries, and a packed copy."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edge.web.index import INDEX, Index, rendered

PAGE = Path(__file__).parent / "page"
HASH_DIGITS = 12  # of SHA-256 in hexadecimal: 48 bits, no two of a page's files share them by chance
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/vnd.microsoft.icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".md": "text/markdown; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}


class PageMissing(Exception):
    """There is no page to serve; the text names the remedy."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: `packed` is its gzip, None where that is no smaller; `version` is the hash of `body`."""

    content_type: str
    body: bytes
    packed: bytes | None
    version: str


class Assets:
    """All files below one folder, by the path of their address. What is not of a known type is not served."""

    def __init__(self, folder: Path = PAGE) -> None:
        """Reads every file. Raises PageMissing when there is no index.html."""
        files = {
            f"/{path.relative_to(folder).as_posix()}": path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.suffix in TYPES and path.is_file() and not path.is_symlink()
        }
        if INDEX not in files:
            raise PageMissing(f"there is no page in {folder}: install village-edge again, with what `web` needs")
        versions = {path: version(body) for path, body in files.items()}
        self.page = version("".join(f"{path} {v}\n" for path, v in versions.items()).encode())
        index: Index = rendered(files, versions, self.page)
        self.script_hash = index.script_hash
        self._assets: Mapping[str, Asset] = {
            path: _asset(path, body) for path, body in (files | {INDEX: index.html}).items()
        }

    def find(self, path: str) -> Asset | None:
        """The file at this path of an address, such as /app/main.js; / is the page itself. None: there is none."""
        return self._assets.get(INDEX if path == "/" else path)


def version(body: bytes) -> str:
    """The hash that an address carries as `v`."""
    return hashlib.sha256(body).hexdigest()[:HASH_DIGITS]


def _asset(path: str, body: bytes) -> Asset:
    packed = gzip.compress(body, 9, mtime=0)
    kind = TYPES["." + path.rpartition(".")[2]]
    return Asset(kind, body, packed if len(packed) < len(body) else None, version(body))
