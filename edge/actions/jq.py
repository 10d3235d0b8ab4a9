"""`jq.filter`: a jq filter over JSON (spec 13 section 7)."""

from __future__ import annotations

import math
import sys

from edge.actions.base import ActionContext, ActionError, Outcome
from edge.actions.files import read_content
from edge.actions.inprocess import (
    check_stop,
    go_error,
    in_thread,
    print_from_thread,
    run_in_process,
)
from edge.actions.inputs import Inputs, resolve_path
from edge.core.gojson import go_json
from edge.core.jsontypes import JsonValue
from edge.workflow.jq import JqError, JqSyntaxError, Program
from edge.workflow.json_text import decode_json
from edge.workflow.nodes import decimal_text

__all__ = ["run_jq"]

_SET_UP = "failed to set up step: jq: "
_INDENT = "    "


async def run_jq(context: ActionContext) -> Outcome:
    """Print each result. An error while the filter runs is told on stderr and is no failure."""
    return await run_in_process(context, _run, ignores_stop=True)


async def _run(context: ActionContext, inputs: Inputs) -> None:
    await in_thread(_filter, context, inputs)


def _filter(context: ActionContext, inputs: Inputs) -> None:
    value = _input(context, inputs)
    try:
        program = Program(inputs.text("filter"))
    except JqSyntaxError as exc:
        raise ActionError(f"failed to parse jq filter: {exc}") from None
    is_raw = inputs.flag("raw")
    try:
        for found in program.run(value, check_stop):
            result = _finite(found)
            text = _raw(result) if is_raw else go_json(result, indent=_INDENT)
            print_from_thread(context.write_stdout, (text + "\n").encode("utf-8", "replace"))
    except (JqError, ValueError) as exc:
        line = f"failed to run jq query: error: {exc}\n"
        print_from_thread(context.write_stderr, line.encode("utf-8", "replace"))


def _finite(value: JsonValue) -> JsonValue:
    """Return a value as JSON can have it: no number is null, the infinite ones the largest."""
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else math.copysign(sys.float_info.max, value)
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return value


def _raw(value: JsonValue) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return decimal_text(value) if isinstance(value, float) else go_json(value)


def _input(context: ActionContext, inputs: Inputs) -> JsonValue:
    """Return the value that the filter is given. Raises: ActionError."""
    if "data" in inputs.values:
        data = inputs.values["data"]
        if not isinstance(data, str):
            return data
        if data.startswith("file://"):
            text = _read(context, data.removeprefix("file://").strip())
        else:
            text = data
        if not text.strip():
            raise ActionError(f"{_SET_UP}with.data must not be empty")
    elif inputs.text("input"):
        text = _read(context, inputs.text("input"))
    else:
        raise ActionError(f"{_SET_UP}no input provided: set with.data or with.input")
    try:
        return decode_json(text)
    except ValueError as exc:
        raise ActionError(f"failed to parse jq input: {exc}") from None


def _read(context: ActionContext, name: str) -> str:
    path = resolve_path(context, name)
    try:
        return read_content(path, 0).decode("utf-8", "replace")
    except OSError as exc:
        reason = go_error("open", exc, path)
        raise ActionError(f'{_SET_UP}reading input file "{name}": {reason}') from None
