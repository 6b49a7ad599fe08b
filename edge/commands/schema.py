"""`village-edge schema`: the form of a configuration, for editors that complete and check while one types."""

from __future__ import annotations

import argparse
import json

SUMMARY = (
    "Print the JSON Schema of the configuration. An editor with YAML support uses it when the file's first line is "
    "`# yaml-language-server: $schema=site.schema.json`."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`schema` has no options."""


def run(args: argparse.Namespace) -> int:  # noqa: ARG001 - every command has this form
    """Always 0."""
    print(schema_text(), end="")
    return 0


def schema_text() -> str:
    """The JSON Schema as config/site.schema.json holds it."""
    from edge.core.site_schema import site_schema

    return json.dumps(site_schema(), indent=2, ensure_ascii=False) + "\n"
