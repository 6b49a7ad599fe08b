"""The page itself, as it is in edge/web/page: whole, and such as the policy allows."""

from __future__ import annotations

import json
import re

import pytest

from edge.web.assets import PAGE, Assets
from edge.web.index import BARE, imported, rendered

FILES = {f"/{path.relative_to(PAGE).as_posix()}": path for path in sorted(PAGE.rglob("*")) if path.is_file()}
OWN = [path for path in FILES if path.endswith(".js") and not path.startswith("/vendor/")]
LARGEST_FIRST_LOAD = 160_000  # bytes packed, without headers; the goal is 150 kB


def test_every_file_of_the_page_is_of_a_type_that_is_served() -> None:
    assets = Assets()
    assert [path for path in FILES if assets.find(path) is None] == []


@pytest.mark.parametrize("path", OWN)
def test_whatever_a_module_imports_is_there(path: str) -> None:
    module = FILES[path].read_bytes()
    late = re.findall(rb"""\bimport\(\s*["']([^"'`]+)["']\s*\)""", module)
    wanted = [*imported(path, module), *(BARE.get(name.decode(), name.decode()) for name in late)]
    assert [name for name in wanted if name not in FILES] == []


def test_index_has_both_places_that_are_filled_and_the_import_map_comes_before_every_module() -> None:
    index = FILES["/index.html"].read_text("utf-8")
    assert index.count("<!-- importmap -->") == index.count("<!-- modulepreload -->") == 1
    html = _sent()
    assert "<!--" not in html
    first = min(html.index("modulepreload"), html.index('type="module"'))
    assert html.index('<script type="importmap">') < first
    assert re.match(r'<!doctype html>\s*<html data-page="[0-9a-f]{12}"', html)


def test_nothing_in_index_is_forbidden_by_its_own_policy() -> None:
    html = _sent()
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|<iframe|<base", html, re.IGNORECASE)
    scripts = re.findall(r"<script\b([^>]*)>(.*?)</script>", html, re.DOTALL)
    assert [bool(text) for _, text in scripts] == [True] + [False] * (len(scripts) - 1)
    assert "importmap" in scripts[0][0]
    assert not re.search(r"""(?:href|src)=["'](?:https?:)?//""", html)


def test_what_the_manifest_names_is_there() -> None:
    manifest = json.loads(FILES["/manifest.webmanifest"].read_text("utf-8"))
    assert manifest["start_url"] == "/"
    assert [icon["src"] for icon in manifest["icons"] if icon["src"] not in FILES] == []


def test_the_first_load_is_small() -> None:
    assets = Assets()
    paths = {"/", "/vendor/mqtt.esm.js", *re.findall(r'(?:href|src)="(/[^"?]+)', _sent())}
    size = 0
    for path in paths:
        asset = assets.find(path)
        assert asset is not None, path
        size += len(asset.packed or asset.body)
    assert size < LARGEST_FIRST_LOAD


def _sent() -> str:
    files = {path: file.read_bytes() for path, file in FILES.items()}
    return rendered(files, dict.fromkeys(files, "0" * 12), "0" * 12).html.decode()
