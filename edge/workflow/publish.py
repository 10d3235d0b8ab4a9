"""What a step publishes: `output`, `outputs`, `output_schema` (spec 10 section 7.7, 11 section 8).

Literals keep their references; `stdout` and `stderr` are read by `streams`.
"""

from __future__ import annotations

from functools import partial

from edge.core.jsontypes import JsonObject
from edge.workflow.decode import Decoded
from edge.workflow.model import OutputDecl, OutputEntry
from edge.workflow.nodes import ListNode, MapNode, Node, ScalarNode, go_text, json_of
from edge.workflow.problems import Fault, FaultError, Findings
from edge.workflow.shapes import fail
from edge.workflow.words import is_name

__all__ = ["DECODERS", "RESERVED", "Published", "is_noop", "read_published", "word"]

#: keys that make an entry a source; without one an object is a literal
RESERVED = ("value", "from", "path", "decode", "select")
_SOURCES = ("stdout", "stderr", "file")
DECODERS = ("text", "json", "yaml")
_NAME_PATTERN = "^[A-Za-z][A-Za-z0-9_]*$"


class Published:
    """The fields of a step that say what it publishes; attributes are named like those of Step."""

    __slots__ = (
        "output",
        "output_entries",
        "output_schema",
        "outputs",
    )

    def __init__(self) -> None:
        self.output = ""
        self.output_entries: tuple[OutputEntry, ...] = ()
        self.output_schema: JsonObject | None = None
        self.outputs: tuple[OutputDecl, ...] = ()


def is_noop(fields: Decoded) -> bool:
    """Return whether a step without anything to execute only publishes (spec 10 section 6.4).

    True for a map-form `output` of literals and files, with no container and no sub-DAG.
    """
    node = fields.get("output")
    if not isinstance(node, MapNode) or not node.entries:
        return False
    if any(fields.get(key) is not None for key in ("container", "call", "parallel", "foreach")):
        return False
    sources = (
        value.entries.get("from")
        for value in node.entries.values()
        if isinstance(value, MapNode) and "from" in value.entries
    )
    return all(isinstance(item, ScalarNode) and item.value == "file" for item in sources)


def read_published(fields: Decoded) -> Published:
    """Read them all. Raises: FaultError with every fault."""
    found = Findings()
    made = Published()
    output = fields.get("output")
    if isinstance(output, MapNode):
        entries = (
            found.read(partial(_entry, key, value), None) for key, value in output.entries.items()
        )
        made.output_entries = tuple(entry for entry in entries if entry is not None)
    elif output is not None:
        made.output = found.read(lambda: _variable(output), "")
    made.output_schema = found.read(lambda: _schema(fields.get("output_schema")), None)
    if fields.has("outputs"):
        made.outputs = found.read(lambda: _declared(fields), ())
    found.raise_any()
    return made


def _variable(node: Node) -> str:
    value = node.value if isinstance(node, ScalarNode) else None
    if not isinstance(value, str):
        fail(node, "output", "output must be a string or object", go_text(node))
    return value.strip().removeprefix("$").strip()


def _entry(key: str, node: Node) -> OutputEntry:
    """Return one key of a map-form `output`."""

    def bad(at: Node, reason: str) -> FaultError:
        return FaultError([Fault(at.line, at.column, "output", f"output.{key}: {reason}")])

    if not isinstance(node, MapNode) or not any(name in node.entries for name in RESERVED):
        return OutputEntry(key=key, value=json_of(node))
    entries = node.entries
    for name, value in entries.items():
        if name not in RESERVED:
            raise bad(value, f'unknown field "{name}"')
    if "value" in entries:
        if "from" in entries:
            raise bad(node, "value and from cannot be used together")
        if len(entries) > 1:
            raise bad(node, "path, decode, and select are only valid with from")
        return OutputEntry(key=key, value=json_of(entries["value"]))
    if "from" not in entries:
        raise bad(node, "entry must specify either a literal value or from")
    source = word(entries["from"])
    if source not in _SOURCES:
        raise bad(entries["from"], 'from must be one of "stdout", "stderr", or "file"')
    path = word(entries.get("path"))
    if source == "file" and not path:
        raise bad(entries.get("path", node), "path is required when from is file")
    if source != "file" and "path" in entries:
        raise bad(entries["path"], "path is only valid when from is file")
    decode = word(entries.get("decode")) if "decode" in entries else "text"
    if decode not in DECODERS:
        raise bad(entries["decode"], 'decode must be one of "text", "json", or "yaml"')
    select = word(entries.get("select"))
    if "select" in entries and select is None:
        raise bad(entries["select"], "select must be a string")
    if select and decode == "text":
        raise bad(entries["select"], 'select requires decode to be "json" or "yaml"')
    return OutputEntry(key=key, source=source, path=path or "", decode=decode, select=select or "")


def word(node: Node | None) -> str | None:
    """Return a text, trimmed; None for anything else."""
    value = node.value if isinstance(node, ScalarNode) else None
    return value.strip() if isinstance(value, str) else None


def _schema(node: Node | None) -> JsonObject | None:
    if node is None:
        return None
    if not isinstance(node, MapNode):
        message = "output_schema must be an inline JSON Schema object"
        fail(node, "output_schema", message, go_text(node))
    kind = node.entries.get("type")
    if kind is not None and not (isinstance(kind, ScalarNode) and kind.value == "object"):
        fail(kind, "output_schema", "output_schema must resolve to an object schema", go_text(kind))
    made = json_of(node)
    assert isinstance(made, dict)
    return made


def _declared(fields: Decoded) -> tuple[OutputDecl, ...]:
    """Return the declared outputs (mechanism A)."""
    node = fields.at("outputs")
    if not fields.text("id").strip():
        fail(node, "outputs", "a step with outputs must define id")
    if not isinstance(node, ListNode) or not node.items:
        fail(node, "outputs", "outputs must be a non-empty sequence", go_text(node))
    seen: set[str] = set()
    return tuple(_declaration(item, index, seen) for index, item in enumerate(node.items))


def _declaration(node: Node, index: int, seen: set[str]) -> OutputDecl:
    def bad(at: Node, reason: str) -> FaultError:
        return FaultError([Fault(at.line, at.column, "outputs", f"outputs[{index}]: {reason}")])

    if not isinstance(node, MapNode):
        raise bad(node, "item must be an object")
    entries = node.entries
    for key, value in entries.items():
        if key not in ("name", "type", "path"):
            raise bad(value, f'unknown field "{key}"')
    written = entries.get("name")
    if written is None:
        raise bad(node, "name is required")
    name = written.value if isinstance(written, ScalarNode) else None
    if not isinstance(name, str):
        raise bad(written, "name must be a string")
    if not name:
        raise bad(written, "name is required")
    if not is_name(name):
        raise bad(written, f'name must match "{_NAME_PATTERN}"')
    if name in seen:
        raise bad(written, f'duplicate output name "{name}"')
    seen.add(name)
    if "type" in entries and "path" in entries:
        raise bad(entries["path"], "type and path cannot be used together")
    if "path" in entries:
        path = word(entries["path"])
        if not path:
            raise bad(entries["path"], "path must be a non-empty string")
        return OutputDecl(name, path=path)
    kind = word(entries["type"]) if "type" in entries else "string"
    if kind not in ("string", "json"):
        raise bad(entries["type"], 'type must be "string" or "json"')
    return OutputDecl(name, kind)
