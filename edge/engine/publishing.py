"""Structured outputs: `output` as a map, `output_schema`, `stdout.outputs` (spec 11 section 8.5).

Decoded values become JSON texts here; no error text shows what a step has printed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from edge.core.jsontypes import JsonObject, JsonValue
from edge.core.record import StepOutputs
from edge.engine.files import read_regular
from edge.engine.output_file import OutputError
from edge.workflow.field_policy import policy_of
from edge.workflow.json_path import PathError, select
from edge.workflow.json_text import compact, decode_json
from edge.workflow.model import OutputEntry, StdoutOutputs, Step
from edge.workflow.values import Policy, Scope, resolve

__all__ = ["Sources", "publish"]

_LITERAL = policy_of("steps[].output")
_FIELD = policy_of("steps[].stdout.outputs.fields")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What the outputs of a finished execution are made from."""

    stdout: str
    stderr: str
    scope: Scope
    cwd: str
    limit_bytes: int
    #: what the action itself publishes
    action: JsonObject | None = None


def publish(step: Step, sources: Sources) -> StepOutputs | None:
    """Return what a step publishes beside its declared outputs; None for nothing.

    Raises: OutputError.
    """
    published: JsonObject = {}
    value: str | None = None
    if step.output:
        value = sources.stdout.strip()
    if step.output_schema is not None:
        value = _checked(step.output_schema, sources.stdout)
    if step.output_entries:
        found = {entry.key: _entry(entry, sources) for entry in step.output_entries}
        value = _compact(found)
        published.update(found)
    if step.stdout_outputs is not None:
        published.update(_stdout_outputs(step.stdout_outputs, sources))
    if sources.action:
        published.update(sources.action)
    if value is None and not published:
        return None
    text = _compact(published) if published else ""
    for item in (text, value or ""):
        if len(item.encode("utf-8", "surrogateescape")) > sources.limit_bytes:
            raise OutputError(f"outputs exceeded maximum size limit of {sources.limit_bytes} bytes")
    return StepOutputs(variable=step.output, value=value, published=text)


def _compact(value: JsonValue) -> str:
    try:
        return compact(value)
    except ValueError as exc:
        raise OutputError(f"outputs cannot be written as JSON: {exc}") from None


def _entry(entry: OutputEntry, sources: Sources) -> JsonValue:
    if not entry.source:
        return _resolved(entry.value, _LITERAL, sources.scope)
    try:
        if entry.source == "file":
            text = _read_file(resolve(entry.path, _LITERAL, sources.scope), sources)
        else:
            text = sources.stdout if entry.source == "stdout" else sources.stderr
        return _decoded(text, entry.decode, entry.select)
    except ValueError as exc:
        raise OutputError(f"output.{entry.key}: {exc}") from None


def _stdout_outputs(outputs: StdoutOutputs, sources: Sources) -> JsonObject:
    try:
        if outputs.fields:
            return {
                item.name: _resolved(item.value, _FIELD, sources.scope)
                if item.is_literal
                else _decoded(sources.stdout, item.decode or "text", item.select)
                for item in outputs.fields
            }
        if outputs.field:
            decode = outputs.decode or ("json" if outputs.select else "text")
            return {outputs.field: _decoded(sources.stdout, decode, outputs.select)}
        value = _decoded(sources.stdout, outputs.decode or "json", outputs.select)
    except ValueError as exc:
        raise OutputError(f"stdout.outputs: {exc}") from None
    if not isinstance(value, dict):
        raise OutputError(
            "stdout.outputs: decoded stdout outputs must be an object when field is omitted"
        )
    return value


def _resolved(value: JsonValue, policy: Policy, scope: Scope) -> JsonValue:
    """Resolve every text inside a literal; keys stay."""
    if isinstance(value, str):
        return resolve(value, policy, scope)
    if isinstance(value, list):
        return [_resolved(item, policy, scope) for item in value]
    if isinstance(value, dict):
        return {key: _resolved(item, policy, scope) for key, item in value.items()}
    return value


def _decoded(text: str, decode: str, path: str) -> JsonValue:
    """Decode a text and follow a path into it. Raises: ValueError, which shows none of it."""
    text = text.strip()
    if decode == "text":
        return text
    value = _json(text) if decode == "json" else _yaml(text)
    if not path:
        return value
    try:
        return select(value, path)
    except PathError as exc:
        raise ValueError(f'failed to resolve select path "{path}": {exc}') from None


def _json(text: str) -> JsonValue:
    try:
        return decode_json(text)
    except ValueError:
        raise ValueError("failed to decode JSON") from None


def _yaml(text: str) -> JsonValue:
    # The reader is there already when the DAG came from a file.
    from edge.workflow.nodes import json_of
    from edge.workflow.problems import DAGError
    from edge.workflow.yaml_reader import read_documents

    try:
        documents = read_documents(text)
        root = documents[0].root if documents else None
        return None if root is None else json_of(root)
    except (DAGError, RecursionError):
        raise ValueError("failed to decode YAML") from None


def _checked(schema: JsonObject, text: str) -> str:
    """Return stdout as compact JSON when it matches a schema. Raises: OutputError."""
    from edge.workflow.schema_check import SchemaError, compile_schema

    text = text.strip()
    try:
        value = decode_json(text)
    except ValueError:
        raise OutputError("output_schema requires stdout to contain a JSON value") from None
    try:
        error = compile_schema(schema).validate(value, echo=False)
    except SchemaError as exc:
        raise OutputError(f"output_schema cannot be used: {exc}") from None
    if error:
        raise OutputError(f"stdout JSON does not match output_schema: {error}")
    return _compact(value)


def _read_file(path: str, sources: Sources) -> str:
    """Return a file's text. Raises: ValueError."""
    limit = sources.limit_bytes
    try:
        data = read_regular(os.path.join(sources.cwd, path), limit)
    except OSError as exc:
        raise ValueError(f'failed to read "{path}": {exc.strerror}') from None
    if len(data) > limit:
        raise ValueError(f"output exceeded maximum size limit of {limit} bytes")
    return data.decode("utf-8", "surrogateescape")
