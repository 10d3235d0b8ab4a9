"""The JSON schema of the configuration file, made from the table of keys (spec 30 section 2)."""

from __future__ import annotations

from edge.config.keys import FLAT, INERT, KEYS
from edge.core.jsontypes import JsonObject

__all__ = ["config_schema"]

_KINDS: dict[str, JsonObject] = {
    "str": {"type": ["string", "number", "boolean", "null"]},
    "path": {"type": ["string", "null"]},
    "zone": {"type": ["string", "null"]},
    "bool": {"type": ["boolean", "string", "null"]},
    "count": {"type": ["integer", "string", "null"], "minimum": 0},
    "port": {"type": ["integer", "string", "null"], "minimum": 0, "maximum": 65535},
    "seconds": {"type": ["number", "string", "null"]},
    "list": {"type": ["array", "string", "null"]},
    "pairs": {"type": ["object", "array", "string", "null"]},
}


def config_schema() -> JsonObject:
    """Return the schema of `config.yaml`.

    Keys that are unknown are ignored with a warning, but below `edge` they are errors.
    """
    root: JsonObject = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "edge configuration",
        "type": "object",
        "properties": {},
    }
    for name, key in KEYS.items():
        shape: JsonObject = {
            "description": "Environment: " + ", ".join(f"EDGE_{word}" for word in key.env),
            **(_KINDS.get(key.kind) or {"enum": [*key.kind.split("|"), None]}),
        }
        _put(root, name.split("."), shape)
    for name in sorted(INERT):
        _put(root, name.split("."), {"description": "Accepted without effect."})
    for name, target in FLAT.items():
        shape = {"deprecated": True, "description": f"Old name of {target}.", "type": "string"}
        _put(root, [name], shape)
    properties = root["properties"]
    assert isinstance(properties, dict)
    edge = properties["edge"]
    assert isinstance(edge, dict)
    _close(edge)
    return root


def _put(node: JsonObject, path: list[str], shape: JsonObject) -> None:
    properties = node.setdefault("properties", {})
    assert isinstance(properties, dict)
    if len(path) == 1:
        properties.setdefault(path[0], shape)
        return
    inner = properties.setdefault(path[0], {"type": ["object", "null"]})
    assert isinstance(inner, dict)
    _put(inner, path[1:], shape)


def _close(node: JsonObject) -> None:
    properties = node.get("properties")
    if isinstance(properties, dict):
        node["additionalProperties"] = False
        for inner in properties.values():
            assert isinstance(inner, dict)
            _close(inner)
