"""Which executor types of spec 13 section 1.1 are built, and where each lives.

An action's module is imported when a step first uses it, so that a run of shell steps pays for no
other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import TypeAlias, cast

from edge.actions.base import ActionContext, Outcome
from edge.workflow.model import Step

__all__ = ["Action", "find_action", "is_built"]

#: carries a step out once
Action: TypeAlias = Callable[[ActionContext], Awaitable[Outcome]]

_COMMAND = "edge.actions.shell:run_shell"
#: executor type -> module and function
_ACTIONS = {
    "": _COMMAND,
    "command": _COMMAND,
    "shell": _COMMAND,
    "exec": _COMMAND,
    "file": "edge.actions.file:run_file",
    "log": "edge.actions.log:run_log",
    "noop": "edge.actions.noop:run_noop",
    "outputs": "edge.actions.outputs:run_outputs",
    "router": "edge.actions.router:run_router",
}


def is_built(step: Step) -> bool:
    """Tell whether this build can carry the step's action out."""
    return step.type in _ACTIONS


def find_action(step: Step) -> Action:
    """Return what carries the step out. Raises: KeyError when it is not built."""
    module, _, name = _ACTIONS[step.type].partition(":")
    return cast("Action", getattr(import_module(module), name))
