"""`data.convert` and `data.pick` (spec 13 section 19)."""

from __future__ import annotations

from edge.actions.base import ActionContext, ActionError, Outcome
from edge.actions.data_formats import decode, encode
from edge.actions.files import read_content
from edge.actions.inprocess import (
    check_stop,
    go_error,
    in_thread,
    operation_of,
    print_from_thread,
    run_in_process,
)
from edge.actions.inputs import Inputs
from edge.core.gojson import go_json
from edge.core.jsontypes import JsonValue
from edge.workflow.jq import JqError, JqSyntaxError, Program

__all__ = ["run_data"]


async def run_data(context: ActionContext) -> Outcome:
    """Print the converted value, or the picked part of it."""
    return await run_in_process(context, _run, ignores_stop=True)


async def _run(context: ActionContext, inputs: Inputs) -> None:
    await in_thread(_convert, context, inputs)


def _convert(context: ActionContext, inputs: Inputs) -> None:
    is_pick = operation_of(context) == "pick"
    value = _input(inputs)
    if is_pick:
        value = _picked(value, inputs.text("select"))
    if is_pick and inputs.flag("raw"):
        text = (value if isinstance(value, str) else _compact(value)) + "\n"
    else:
        text = encode(
            value,
            inputs.text("to") or "json",
            headers=inputs.flag("headers", True),
            delimiter=inputs.text("delimiter"),
            columns=inputs.texts("columns"),
        )
    print_from_thread(context.write_stdout, text.encode("utf-8", "replace"))


def _compact(value: JsonValue) -> str:
    try:
        return "" if value is None else go_json(value)
    except ValueError as exc:
        raise ActionError(f"data pick: {exc}") from None


def _input(inputs: Inputs) -> JsonValue:
    if "data" in inputs.values:
        data = inputs.values["data"]
        if not isinstance(data, str):
            # decoded by the reader of the workflow already
            return data
        text = data
    else:
        path = inputs.path("input")
        try:
            text = read_content(path, 0).decode("utf-8-sig", "replace")
        except OSError as exc:
            raise ActionError(f"data: {go_error('open', exc, path)}") from None
    return decode(
        text,
        inputs.text("from"),
        has_header=inputs.flag("has_header", True),
        delimiter=inputs.text("delimiter"),
        columns=inputs.texts("columns"),
    )


def _whole(value: JsonValue) -> JsonValue:
    """Return a value with integers for the whole numbers that jq made floats."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1 << 53:
        return int(value)
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    return value


def _picked(value: JsonValue, path: str) -> JsonValue:
    """Return the first result of a jq path. Raises: ActionError."""
    try:
        for found in Program(path).run(value, check_stop):
            return _whole(found)
    except (JqError, JqSyntaxError):
        pass
    raise ActionError(f'data pick: failed to resolve select path "{path}"')
