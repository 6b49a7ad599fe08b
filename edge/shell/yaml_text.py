"""Plain data -> YAML as the example configuration writes it: what is small on one line, hours in quotes."""

from __future__ import annotations

import io
from collections.abc import Mapping

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString


def written(data: object) -> str:
    """`data` (mappings, lists, text, numbers) as the text of a YAML file."""
    yaml = YAML(typ="rt", pure=True)
    yaml.default_flow_style = None
    yaml.width = 10_000
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = io.StringIO()
    yaml.dump(_quoted(data), out)
    return out.getvalue()


def _quoted(value: object) -> object:
    match value:
        case str() if value[:1].isdigit():
            return DoubleQuotedScalarString(value)
        case Mapping():
            return {key: _quoted(inside) for key, inside in value.items()}
        case list():
            return [_quoted(inside) for inside in value]
        case _:
            return value
