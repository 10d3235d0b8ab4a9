"""`edge schema dag|config [path]`: JSON schemas of our files (spec 30 section 1.8)."""

from __future__ import annotations

import json
from collections.abc import Iterator

from edge.cli.flags import Command, Parsed
from edge.core.errors import UserError
from edge.core.jsontypes import JsonObject, JsonValue

__all__ = ["command", "run"]


def command(name: str) -> Command:
    """Return the arguments of the command."""
    return Command(
        name,
        "<dag|config> [path]",
        "Print the JSON schema of workflow files or of the configuration, or a part of it.",
        (),
        1,
        2,
    )


def run(parsed: Parsed) -> int:
    """Print the schema or the node at a dotted path."""
    root = _schema(parsed.positionals[0])
    node: JsonValue = root
    path = parsed.positionals[1] if len(parsed.positionals) > 1 else ""
    for part in path.split(".") if path else ():
        found = next(_below(root, node, part, set()), None)
        if found is None:
            raise UserError(f'schema navigation failed: path "{path}" not found')
        node = found
    print(json.dumps(node, indent=2, ensure_ascii=False))
    return 0


def _schema(which: str) -> JsonObject:
    if which == "dag":
        from edge.workflow.jsonschema import dag_schema

        return dag_schema()
    if which == "config":
        from edge.config.schema import config_schema

        return config_schema()
    raise UserError(
        f'schema navigation failed: unknown schema "{which}"; available schemas: config, dag'
    )


def _below(root: JsonObject, node: JsonValue, part: str, seen: set[str]) -> Iterator[JsonValue]:
    """Yield what one word further down may mean: properties, then items, then the bare key.

    References and alternatives are looked through: `steps.run` is a field of a step.
    """
    if not isinstance(node, dict):
        return
    inner = node.get("properties")
    if isinstance(inner, dict) and part in inner:
        yield inner[part]
    reference = node.get("$ref")
    if isinstance(reference, str) and reference not in seen:
        defs = root["$defs"]
        assert isinstance(defs, dict)
        target = defs[reference.removeprefix("#/$defs/")]
        yield from _below(root, target, part, seen | {reference})
    alternatives = node.get("anyOf")
    for shape in alternatives if isinstance(alternatives, list) else ():
        yield from _below(root, shape, part, seen)
    yield from _below(root, node.get("items"), part, seen)
    if part in node:
        yield node[part]
