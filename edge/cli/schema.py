"""`edge schema dag [path]`: the JSON schema of workflow files (spec 30 section 1.8)."""

from __future__ import annotations

import json

from edge.cli.flags import Command, Parsed
from edge.core.errors import UserError
from edge.core.jsontypes import JsonValue

__all__ = ["command", "run"]


def command(name: str) -> Command:
    """Return the arguments of the command."""
    return Command(
        name, "dag [path]", "Print the JSON schema of workflow files, or a part of it.", (), 1, 2
    )


def run(parsed: Parsed) -> int:
    """Print the schema or the node at a dotted path."""
    from edge.workflow.jsonschema import dag_schema

    which = parsed.positionals[0]
    if which == "config":
        raise UserError("schema config is not available in this version of edge yet")
    if which != "dag":
        raise UserError(
            f'schema navigation failed: unknown schema "{which}"; available schemas: config, dag'
        )
    node: JsonValue = dag_schema()
    path = parsed.positionals[1] if len(parsed.positionals) > 1 else ""
    for part in path.split(".") if path else ():
        node = _step(node, part)
        if node is None:
            raise UserError(f'schema navigation failed: path "{path}" not found')
    print(json.dumps(node, indent=2, ensure_ascii=False))
    return 0


def _step(node: JsonValue, part: str) -> JsonValue:
    """Go one word down: properties, then the properties of items, then the bare key."""
    for _ in range(2):
        if not isinstance(node, dict):
            return None
        inner = node.get("properties")
        if isinstance(inner, dict) and part in inner:
            return inner[part]
        items = node.get("items")
        if not isinstance(items, dict):
            return node.get(part)
        node = items
    return None
