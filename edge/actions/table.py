"""Which executor types of spec 13 section 1.1 are built, and where each lives.

An action's module is imported when a step first uses it, so that a run of shell steps pays for no
other.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from importlib import import_module
from importlib.util import find_spec
from typing import TypeAlias, cast

from edge.actions.base import ActionContext, Outcome
from edge.workflow.model import Step

__all__ = ["Action", "find_action", "is_built", "is_importable", "missing_library"]

#: carries a step out once
Action: TypeAlias = Callable[[ActionContext], Awaitable[Outcome]]

_COMMAND = "edge.actions.shell:run_shell"
_CONTAINER = "edge.actions.container:run_container"
#: action, or executor type of all actions of a family -> module and function
_ACTIONS = {
    "": _COMMAND,
    "command": _COMMAND,
    "shell": _COMMAND,
    "dag": "edge.actions.dag:run_dag",
    "exec": _COMMAND,
    "archive": "edge.actions.archive:run_archive",
    "artifact": "edge.actions.artifact:run_artifact",
    "container": _CONTAINER,
    "docker": _CONTAINER,
    "data": "edge.actions.data:run_data",
    "file": "edge.actions.file:run_file",
    "git.checkout": "edge.actions.git_checkout:run_git",
    "foreach": "edge.actions.foreach:run_foreach",
    "http": "edge.actions.http_request:run_http",
    "jq": "edge.actions.jq:run_jq",
    "log": "edge.actions.log:run_log",
    "mail": "edge.actions.mail:run_mail",
    "noop": "edge.actions.noop:run_noop",
    "outputs": "edge.actions.outputs:run_outputs",
    "parallel": "edge.actions.parallel:run_parallel",
    "router": "edge.actions.router:run_router",
    "sftp": "edge.actions.sftp:run_sftp",
    "sqlite": "edge.actions.sqlite:run_sqlite",
    "ssh": "edge.actions.ssh:run_ssh",
    "state": "edge.actions.state:run_state",
    "template": "edge.actions.template:run_template",
    "wait.duration": "edge.actions.wait:wait_duration",
    "wait.file": "edge.actions.wait:wait_file",
    "wait.http": "edge.actions.wait_http:wait_http",
    "wait.until": "edge.actions.wait:wait_until",
}
#: action or executor type -> the library that only it needs, and the extra that brings it
_EXTRAS = {
    "http": ("httpx", "http"),
    "wait.http": ("httpx", "http"),
    "sftp": ("paramiko", "ssh"),
    "ssh": ("paramiko", "ssh"),
}


def is_built(step: Step) -> bool:
    """Tell whether this build can carry the step's action out."""
    return _place(step) is not None


def is_importable(module: str) -> bool:
    """Tell whether a library is installed."""
    return find_spec(module) is not None


def missing_library(step: Step) -> str:
    """Return why the step cannot be carried out for want of an extra; "" when nothing is wanted."""
    key = step.action if step.action in _EXTRAS else step.type
    module, extra = _EXTRAS.get(key, ("", ""))
    if not module or is_importable(module):
        return ""
    what = f'action "{step.action or step.type}" needs the '
    if getattr(sys, "frozen", False):
        return (
            f"{what}library {module}, which this one-file build leaves out: use the one-dir build"
        )
    return f"{what}extra \"{extra}\", which is not installed: pip install 'edge-workflows[{extra}]'"


def find_action(step: Step) -> Action:
    """Return what carries the step out. Raises: KeyError when it is not built."""
    place = _place(step)
    if place is None:
        raise KeyError(step.type)
    module, _, name = place.partition(":")
    return cast("Action", getattr(import_module(module), name))


def _place(step: Step) -> str | None:
    found = _ACTIONS.get(step.action) if step.action else None
    # the empty type is that of commands, and of actions that no process carries out
    is_command = step.type or step.run is not None
    return found or (_ACTIONS.get(step.type) if is_command else None)
