"""Plain data -> YAML as the example configuration writes it: what is small on one line, what is no word in quotes."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

PLAIN = re.compile(r"[A-Za-z][\w-]*( [\w+-]+)*")  # what needs no quotes, such as sunset - 10m


def written(data: object) -> str:
    """`data` (mappings, lists, text, numbers) as the text of a YAML file."""
    yaml = YAML(typ="rt", pure=True)
    yaml.default_flow_style = False
    yaml.width = 10_000
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = io.StringIO()
    yaml.dump(_styled(data), out)
    return out.getvalue()


def _styled(value: object) -> object:
    match value:
        case str() if not PLAIN.fullmatch(value):
            return DoubleQuotedScalarString(value)
        case Mapping():
            block = CommentedMap((key, _styled(inside)) for key, inside in value.items())
            if not any(isinstance(inside, Mapping | list) for inside in value.values()):
                block.fa.set_flow_style()
            return block
        case list():
            return [_styled(inside) for inside in value]
        case _:
            return value
