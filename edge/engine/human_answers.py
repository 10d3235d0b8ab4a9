"""Completing a human task: its input, and the change of the record (spec 12 section 14). Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from edge.core.errors import UserError
from edge.core.jsontypes import JsonObject, JsonValue
from edge.core.record import NodeRecord, RunRecord, StepOutputs
from edge.core.status import NodeStatus, RunStatus
from edge.engine.answers import Person, canonical, enqueue_resume
from edge.workflow.human import HUMAN_TASK
from edge.workflow.model import DAG, Step
from edge.workflow.param_values import coerce, value_text
from edge.workflow.schema_check import compile_schema

__all__ = ["complete", "parse_inputs", "parse_json_input", "task_input"]


def parse_inputs(texts: Sequence[str]) -> dict[str, str]:
    """Read `key=value` texts. Raises: UserError."""
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UserError("--input must use key=value form")
        if key in found:
            raise UserError(f'--input contains duplicate key "{key}"')
        found[key] = value
    return found


def parse_json_input(text: str) -> JsonObject:
    """Read the one JSON object. Raises: UserError."""
    prefix = "invalid --inputs-json JSON value: "

    def members(pairs: list[tuple[str, JsonValue]]) -> JsonObject:
        found: JsonObject = {}
        for key, value in pairs:
            if key in found:
                raise UserError(f'{prefix}invalid JSON value: duplicate JSON member "{key}"')
            found[key] = value
        return found

    def refuse(word: str) -> JsonValue:
        raise ValueError(f"invalid character {word[0]!r} looking for beginning of value")

    try:
        value, end = json.JSONDecoder(object_pairs_hook=members, parse_constant=refuse).raw_decode(
            text.lstrip(" \t\r\n")
        )
        rest = text.lstrip(" \t\r\n")[end:]
    except (ValueError, RecursionError) as exc:
        raise UserError(f"{prefix}invalid JSON value: {exc}") from None
    if rest.strip(" \t\r\n"):
        raise UserError(f"{prefix}invalid JSON value: must contain exactly one JSON object")
    if not isinstance(value, dict):
        raise UserError(f"{prefix}input must be a JSON object")
    return value


def task_input(
    dag: DAG,
    step_id: str,
    *,
    texts: Mapping[str, str] | None = None,
    values: JsonObject | None = None,
) -> JsonObject:
    """Return the checked input of a task, defaults applied. Raises: UserError.

    `texts` are coerced to the types of the form, `values` are not.
    """
    step = _step(dag, step_id)
    prefix = f'invalid input for human task step "{step_id}": '
    given: JsonObject = dict(values or {})
    form = step.options.get("form")
    if not isinstance(form, dict):
        if given or texts:
            raise UserError(f"{prefix}this human task does not accept input")
        return {}
    compiled = compile_schema(form)
    for key, text in (texts or {}).items():
        rules = compiled.properties.get(key, {})
        kind = rules.get("type") if isinstance(rules, dict) else None
        try:
            given[key] = coerce(text, kind if isinstance(kind, str) else "string")
        except ValueError as exc:
            raise UserError(f"{prefix}{key}: {exc}") from None
    filled = compiled.apply_defaults(given)
    if error := compiled.validate(filled):
        reason = f"human task form validation failed: parameter validation failed: {error}"
        raise UserError(prefix + reason)
    assert isinstance(filled, dict)
    if len(canonical(filled).encode("utf-8", "replace")) > dag.max_output_size:
        raise UserError(
            f'human task step "{step_id}": human task input exceeded maximum size limit of'
            f" {dag.max_output_size} bytes"
        )
    return filled


def complete(record: RunRecord, step_id: str, given: JsonObject, by: Person) -> tuple[str, bool]:
    """Complete a task; return what to say, and whether the record has changed.

    Raises: UserError when it cannot be completed, or was completed with another input.
    """
    node = next(node for node in record.nodes if node.step.get("id") == step_id)
    if "humanTaskInput" in node.extra:
        return _again(record, node, step_id, given, by)
    if record.status is not RunStatus.WAITING:
        raise UserError(f"DAG-run {record.ref} is not waiting (status: {record.status.word})")
    if node.status is not NodeStatus.WAITING:
        raise UserError(f'human task step "{step_id}" is not waiting (status: {node.status.word})')
    node.status = NodeStatus.SUCCEEDED
    node.finished_ms = by.at_ms
    node.extra.update(
        humanTaskInput=given, humanTaskCompletedBy=by.name, humanTaskCompletedById=by.id
    )
    declared = {key: value_text(given[key]) for key in sorted(given)}
    outputs = StepOutputs(declared=declared)
    node.publish(outputs, outputs)
    if _has_waiting(record):
        return f"Completed human task {step_id}; DAG-run remains waiting.", True
    enqueue_resume(record, by.at_ms)
    return f"Completed human task {step_id}; DAG-run queued for resume.", True


def _again(
    record: RunRecord, node: NodeRecord, step_id: str, given: JsonObject, by: Person
) -> tuple[str, bool]:
    before = node.extra["humanTaskInput"]
    if not isinstance(before, dict) or canonical(before) != canonical(given):
        raise UserError(f'human task step "{step_id}" was already completed with different input')
    said = f"Human task {step_id} was already completed"
    if record.status is RunStatus.WAITING and not _has_waiting(record):
        enqueue_resume(record, by.at_ms)
        return f"{said}; DAG-run queued for resume.", True
    return f"{said}.", False


def _has_waiting(record: RunRecord) -> bool:
    return any(node.status is NodeStatus.WAITING for node in record.nodes)


def _step(dag: DAG, step_id: str) -> Step:
    for step in dag.steps:
        if step.id == step_id:
            if step.action != HUMAN_TASK:
                raise UserError(f'step "{step_id}" is not a human task')
            return step
    raise UserError(f'human task step ID "{step_id}" was not found')
