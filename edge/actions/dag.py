"""`dag.run`: runs another DAG as a child of this run (spec 12 section 12, spec 13 section 16)."""

from __future__ import annotations

import re

from edge.actions.base import ActionContext, Outcome
from edge.actions.children import ChildEnd, ChildError
from edge.core.gojson import go_json
from edge.core.status import RunStatus
from edge.core.subruns import SubRun
from edge.workflow.field_policy import policy_of
from edge.workflow.values import resolve

__all__ = ["exit_code_of", "run_dag"]

_SET_UP = "failed to set up step: "
_EXIT = re.compile(r"exit status (\d{1,9})")


async def run_dag(context: ActionContext) -> Outcome:
    """Run the child to its end; print its result."""
    target = context.step.sub_dag
    assert target is not None
    name = resolve(target.name, policy_of("steps[].with.dag"), context.scope)
    params = resolve(target.params, policy_of("steps[].with.params"), context.scope)
    children = context.children
    child = SubRun(run_id=children.run_id(name, params), name=name, params=params)
    try:
        await children.find(name)
        children.note((child,))
        end = await children.run(child)
    except ChildError as exc:
        return Outcome(1, f"{_SET_UP}{exc}")
    try:
        context.write_stdout(_printed(end))
    except ValueError as exc:
        return Outcome(1, f"the result of the sub-DAG cannot be printed: {exc}")
    match end.status:
        case RunStatus.SUCCEEDED:
            return Outcome(0, published=end.values)
        case RunStatus.PARTIALLY_SUCCEEDED:
            return Outcome(0, end.error, published=end.values, is_partial=True)
        case _:
            return Outcome(exit_code_of(end.reason), end.reason)


def _printed(end: ChildEnd) -> bytes:
    text = go_json(end.to_json(), indent="  ")
    return text.encode("utf-8", "surrogateescape") + b"\n"


def exit_code_of(error: str) -> int:
    """Return the code that an error names (spec 13 section 1.4), the last one; 1 for none."""
    codes = _EXIT.findall(error)
    if codes:
        return int(codes[-1]) or 1
    return -1 if "signal:" in error else 1
