"""index.html as it is sent: with an import map that gives each file its hash, and with what is needed first preloaded.

Two lines of the file are replaced, `<!-- importmap -->` and `<!-- modulepreload -->`; its own links get hashes too, and
`<html>` gets `data-page`, by which the page knows whether the server has a newer one.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

INDEX = "/index.html"
MAIN = "/app/main.js"
FIRST_WORDS = "/lang/vi.json"  # most who come read Vietnamese
MAPPED = (".js", ".json", ".css", ".svg")
BARE = {"lit-html": "/vendor/lit-html.js", "mqtt": "/vendor/mqtt.esm.js"}
STATIC_IMPORT = re.compile(
    r"""(?:^|;)[ \t]*(?:import|export)\b(?:[^"';()]*?\bfrom)?\s*["']([^"'\n]+)["']""", re.MULTILINE
)
OWN_LINK = re.compile(r"""\b(href|src)="(/[^"?#]*)\"""")


@dataclass(frozen=True, slots=True)
class Index:
    """The page's HTML, and what a content security policy calls its one inline script: `sha256-…`."""

    html: bytes
    script_hash: str


def rendered(files: Mapping[str, bytes], versions: Mapping[str, str], page: str) -> Index:
    """Index.html out of the files, by their paths; `page` is the hash over all of them."""

    def versioned(path: str) -> str:
        return f"{path}?v={versions[path]}"

    imports = import_map(versions)
    preloads = [f'<link rel="modulepreload" href="{html.escape(versioned(path))}">' for path in reached(files)]
    if FIRST_WORDS in files:
        preloads.append(f'<link rel="preload" as="fetch" crossorigin href="{versioned(FIRST_WORDS)}">')
    text = files[INDEX].decode("utf-8")
    text = OWN_LINK.sub(lambda m: f'{m[1]}="{versioned(m[2])}"' if m[2] in versions else m[0], text)
    text = text.replace("<html", f'<html data-page="{page}"', 1)
    text = text.replace("<!-- importmap -->", f'<script type="importmap">{imports}</script>', 1)
    text = text.replace("<!-- modulepreload -->", "\n".join(preloads), 1)
    digest = base64.b64encode(hashlib.sha256(imports.encode()).digest()).decode()
    return Index(text.encode(), f"sha256-{digest}")


def import_map(versions: Mapping[str, str]) -> str:
    """The import map's text: from each module, catalogue, stylesheet and drawing to its address with the hash."""
    imports = {path: f"{path}?v={v}" for path, v in versions.items() if path.endswith(MAPPED)}
    imports |= {name: imports[path] for name, path in BARE.items() if path in imports}
    text = json.dumps({"imports": imports}, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return text.replace("<", "\\u003c")  # nothing in it can end the script


def reached(files: Mapping[str, bytes]) -> list[str]:
    """Every module that main.js needs before it can run, the nearest first."""
    found = [MAIN] if MAIN in files else []
    for path in found:
        found += [near for near in dict.fromkeys(imported(path, files[path])) if near in files and near not in found]
    return found[1:]


def imported(path: str, module: bytes) -> Iterator[str]:
    """The paths of what the module at `path` imports statically, whether or not there is such a file."""
    for match in STATIC_IMPORT.finditer(module.decode("utf-8")):
        name = match[1]
        yield BARE.get(name) or posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
