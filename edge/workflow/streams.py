"""`stdout` and `stderr` of a step: a file, an artifact, published outputs (spec 10 section 7.7)."""

from __future__ import annotations

from functools import partial

from edge.workflow.decode import Decoded
from edge.workflow.model import StdoutOutputs
from edge.workflow.model_steps import StdoutField
from edge.workflow.nodes import MapNode, Node, ScalarNode, go_text, json_of
from edge.workflow.problems import Findings
from edge.workflow.publish import DECODERS, RESERVED, word
from edge.workflow.shapes import fail

__all__ = ["Streams", "read_streams"]


class Streams:
    """Where a step's streams go besides its logs; attributes are named like those of Step."""

    __slots__ = ("stderr", "stderr_artifact", "stdout", "stdout_artifact", "stdout_outputs")

    def __init__(self) -> None:
        self.stdout = ""
        self.stdout_artifact = ""
        self.stdout_outputs: StdoutOutputs | None = None
        self.stderr = ""
        self.stderr_artifact = ""


def read_streams(fields: Decoded) -> Streams:
    """Read both. Raises: FaultError with every fault."""
    found = Findings()
    made = Streams()
    for stream in ("stdout", "stderr"):
        found.read(partial(_stream, fields, stream, made), None)
    if made.stdout and made.stdout == made.stderr:
        message = (
            f'stdout and stderr cannot point to the same file "{made.stdout}"; '
            "use 'log_output: merged' instead"
        )
        found.read(lambda: fail(fields.at("stderr"), "stderr", message), None)
    found.raise_any()
    return made


def _stream(fields: Decoded, stream: str, made: Streams) -> None:
    node = fields.get(stream)
    if node is None:
        return
    if isinstance(node, ScalarNode) and isinstance(node.value, str):
        setattr(made, stream, node.value)
        return
    if not isinstance(node, MapNode):
        fail(node, stream, f"{stream} must be a string path or an object", go_text(node))
    if not node.entries:
        fail(node, stream, f"{stream} object must not be empty", go_text(node))
    if stream == "stderr" and "outputs" in node.entries:
        fail(node.entries["outputs"], stream, "stderr.outputs is not supported", go_text(node))
    known = ("artifact", "outputs") if stream == "stdout" else ("artifact",)
    if any(key not in known for key in node.entries):
        message = f"{stream} object supports only {' and '.join(known)}"
        fail(node, stream, message, go_text(node))
    if "artifact" in node.entries:
        setattr(made, f"{stream}_artifact", _artifact(node.entries["artifact"], stream))
    if "outputs" in node.entries:
        made.stdout_outputs = _stdout_outputs(node.entries["outputs"])


def _artifact(node: Node, stream: str) -> str:
    """Return a path below the run's artifact directory."""
    field = f"{stream}.artifact"
    value = node.value if isinstance(node, ScalarNode) else None
    if not isinstance(value, str):
        fail(node, field, "path must be a string", go_text(node))
    path = value.strip()
    if not path:
        fail(node, field, "path must not be empty", value)
    if path[0] in "/\\" or (len(path) > 1 and path[1] == ":" and path[0].isalpha()):
        fail(node, field, "artifact path must be relative", value)
    parts = path.replace("\\", "/").split("/")
    if ".." in parts:
        fail(node, field, "artifact path must not contain parent directory segments", value)
    if parts[-1] in ("", "."):
        fail(node, field, "artifact path must name a file", value)
    if "\0" in path:
        fail(node, field, "artifact path cannot hold a NUL character")
    return path


def _stdout_outputs(node: Node) -> StdoutOutputs:
    """Return what stdout publishes for the caller of the DAG (mechanism D)."""
    field = "stdout.outputs"
    if isinstance(node, ScalarNode) and isinstance(node.value, str):
        name = node.value.strip()
        if not name:
            fail(node, field, "field name must not be empty", node.value)
        return StdoutOutputs(field=name)
    if not isinstance(node, MapNode):
        fail(node, field, "must be a field name or an object", go_text(node))
    entries = node.entries
    for key, value in entries.items():
        if key not in ("field", "decode", "select", "fields"):
            fail(value, field, f'unknown field "{key}"', go_text(node))
    if "fields" in entries:
        if len(entries) > 1:
            fail(node, field, "fields cannot be used with field, decode, or select", go_text(node))
        listed = entries["fields"]
        if not isinstance(listed, MapNode):
            fail(listed, field, "fields must be an object", go_text(listed))
        if not listed.entries:
            fail(listed, field, "fields must not be empty", go_text(listed))
        return StdoutOutputs(
            fields=tuple(_stdout_field(name, value) for name, value in listed.entries.items())
        )
    texts = {}
    for key, value in entries.items():
        text = word(value)
        if text is None:
            fail(value, field, f"{key} must be a string", go_text(value))
        texts[key] = text
    decode, select = _decoding(node, field, "", texts.get("decode", ""), texts.get("select", ""))
    return StdoutOutputs(field=texts.get("field", ""), decode=decode, select=select)


def _stdout_field(name: str, node: Node) -> StdoutField:
    field, prefix = "stdout.outputs", f"fields.{name}: "
    if not isinstance(node, MapNode) or not any(key in node.entries for key in RESERVED):
        return StdoutField(name=name, is_literal=True, value=json_of(node))
    entries = node.entries
    for key, value in entries.items():
        if key not in RESERVED:
            fail(value, field, f'{prefix}unknown field "{key}"', go_text(node))
    if "path" in entries:
        fail(entries["path"], field, f"{prefix}path is only valid when from is file")
    if "from" in entries and word(entries["from"]) != "stdout":
        fail(entries["from"], field, f'{prefix}from must be "stdout"', go_text(entries["from"]))
    if "value" in entries:
        if len(entries) > 1:
            other = "from" if "from" in entries else "decode or select"
            fail(node, field, f"{prefix}value and {other} cannot be used together", go_text(node))
        return StdoutField(name=name, is_literal=True, value=json_of(entries["value"]))
    texts = {}
    for key in ("decode", "select"):
        text = word(entries[key]) if key in entries else ""
        if text is None:
            fail(entries[key], field, f"{prefix}{key} must be a string", go_text(entries[key]))
        texts[key] = text
    decode, select = _decoding(node, field, prefix, texts["decode"], texts["select"])
    return StdoutField(name=name, decode=decode or "text", select=select)


def _decoding(node: MapNode, field: str, prefix: str, decode: str, select: str) -> tuple[str, str]:
    """Return decoder and path; a path alone means JSON."""
    at = node.entries.get("decode", node)
    if decode and decode not in DECODERS:
        fail(at, field, f'{prefix}decode must be one of "text", "json", or "yaml"', decode)
    if select and decode == "text":
        fail(at, field, f'{prefix}select requires decode to be "json" or "yaml"', select)
    return (decode or ("json" if select else "")), select
