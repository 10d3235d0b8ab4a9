"""What an executor type accepts of a step, and the type of a step that names none.

Spec 10 sections 6.5 (end) and 6.7, spec 13 sections 1.1 and 1.2.
"""

from __future__ import annotations

from edge.workflow.build import Build
from edge.workflow.decode import Decoded
from edge.workflow.model import CommandRun, Run, ScriptRun
from edge.workflow.nodes import Node, go_text
from edge.workflow.shapes import fail

__all__ = ["LOCAL", "SUB_DAG", "check_capabilities", "infer_type"]

#: names of the local executor in old files
LOCAL = frozenset(("", "command", "shell"))
#: types that start runs of a DAG
SUB_DAG = frozenset(("dag", "subworkflow", "parallel", "dag_enqueue"))

_COMMAND = frozenset(
    (
        *LOCAL,
        *("ssh", "docker", "container", "http", "jq", "postgres", "sqlite", "redis", "harness"),
        *("file", "wait", "git", "state", "data", "artifact", "archive", "s3", "outputs"),
        *("k8s", "kubernetes"),
        # reserved names; no build of ours executes them
        *("gha", "github_action", "github-action"),
    )
)
_SEVERAL = LOCAL | {"ssh", "docker", "container"}
_SCRIPT = LOCAL | {
    *("ssh", "http", "jq", "postgres", "sqlite", "redis", "template", "harness"),
    *("gha", "github_action", "github-action"),
}
_SHELL = LOCAL | {"ssh"}
_CONTAINER = frozenset(("docker", "container", "harness"))
_CALL = SUB_DAG | {"action"}


def infer_type(fields: Decoded, build: Build) -> str:
    """Return the executor type of a step that names none; "" = local shell."""
    if fields.get("container") is not None:
        return "docker"
    if build.has_container:
        return "container"
    if build.has_ssh:
        return "ssh"
    return "redis" if build.has_redis else ""


def check_capabilities(
    fields: Decoded, type_: str, run: Run, node: Node, *, has_shell: bool, has_call: bool = False
) -> None:
    """Refuse what the type cannot take; `node` is the place of command or script.

    Raises: FaultError.
    """
    if isinstance(run, ScriptRun):
        if run.command and type_ not in _COMMAND:
            _refuse(node, "command", type_, "command field", run.command)
        if type_ not in _SCRIPT:
            _refuse(node, "script", type_, "script field", run.text)
    elif isinstance(run, CommandRun):
        if type_ not in _COMMAND:
            _refuse(node, "command", type_, "command field", go_text(node))
        if len(run.commands) > 1 and type_ not in _SEVERAL:
            message = f'action "{type_}" supports only one command'
            fail(node, "command", message, go_text(node))
    if has_shell and type_ not in _SHELL:
        _refuse(node, "shell", type_, "shell configuration")
    container = fields.get("container")
    if container is not None and type_ not in _CONTAINER:
        _refuse(container, "container", type_, "container field", go_text(container))
    if has_call and type_ not in _CALL:
        _refuse(fields.at("call"), "call", type_, "call field", fields.text("call"))
    selector = fields.get("worker_selector")
    if selector is not None and type_ not in SUB_DAG:
        _refuse(selector, "worker_selector", type_, "worker_selector field", go_text(selector))


def _refuse(node: Node, field: str, type_: str, what: str, value: str | None = None) -> None:
    fail(node, field, f'action "{type_}" does not support {what}', value)
