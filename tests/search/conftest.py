"""What the searches share."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Thousands of lines that say what was done to the village."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
