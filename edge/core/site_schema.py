"""The JSON Schema of the configuration: what an editor can know of it. The cross-checks are not in it."""

from __future__ import annotations

import re
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from edge.core.site import Site
from edge.core.site_terms import span


class _Untitled(GenerateJsonSchema):
    """Without titles: those that only repeat the key's name would hide the descriptions in an editor."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        return False

    def dict_schema(self, schema: Any) -> dict[str, Any]:
        """Entries by id, and none whose id could not be one."""
        found = super().dict_schema(schema)
        return found | {"additionalProperties": False} if "patternProperties" in found else found

    def default_schema(self, schema: Any) -> dict[str, Any]:
        """Defaults in the words of the file: a duration as it is written, none for what has no such word."""
        inner = self.generate_inner(schema["schema"])
        default = schema.get("default")
        word = span(default) if isinstance(default, float) else default
        fits = isinstance(word, str | int) and re.search(inner.get("pattern", ""), str(word))
        return {**inner, "default": word} if fits else inner


def site_schema() -> dict[str, Any]:
    """The schema of a whole configuration file (draft 2020-12)."""
    schema = Site.model_json_schema(schema_generator=_Untitled)
    return {"$schema": _Untitled.schema_dialect, **schema, "title": "Village configuration"}
