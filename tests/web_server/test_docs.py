"""The page of documentation names every figure and every reason that the server gives, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from web_house import Serving

from edge.web import carrier, server

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [DOCS / language / "page.md" for language in ("en", "vi")]


@pytest.mark.parametrize("document", PAGES, ids=lambda file: file.parent.name)
def test_every_metric_is_explained_and_no_other(served: Serving, document: Path) -> None:
    said = set(re.findall(r"^# TYPE (\S+) ", served.ask("/metrics").body.decode(), re.MULTILINE))
    named = set(re.findall(r"`((?:village_web|process)_[a-z_]+)", document.read_text("utf-8")))
    assert named == said


@pytest.mark.parametrize("document", PAGES, ids=lambda file: file.parent.name)
def test_every_reason_is_named_and_no_other(document: Path) -> None:
    ended, refused = re.findall(r"^\| .*`village_web_links_(?:ended|refused)_total\{reason=…\}` \| (.*) \|$", document.read_text("utf-8"), re.MULTILINE)
    assert set(re.findall(r"`([a-z-]+)`", ended)) == {v.reason for v in vars(carrier).values() if isinstance(v, carrier.End)}
    source = Path(server.__file__).read_text("utf-8")
    assert set(re.findall(r"`([a-z-]+)`", refused)) == set(re.findall(r'_refuse\(\s*"([a-z-]+)"', source))
