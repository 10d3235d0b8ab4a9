"""`action` and its `with` (spec 10 section 6.7, spec 13 section 1).

Loaded only for a document that uses one: the tables are of no use to plain commands.
"""

from __future__ import annotations

import re
from typing import NoReturn

from edge.workflow.action_table import (
    CLOSED,
    OPERATIONS,
    REQUIRED,
    is_remote,
    known_actions,
    type_of,
)
from edge.workflow.build import Build
from edge.workflow.capabilities import LOCAL, check_capabilities, infer_type
from edge.workflow.commands import read_run
from edge.workflow.decode import Decoded
from edge.workflow.exec_arguments import read_exec
from edge.workflow.execution import Execution
from edge.workflow.git_worktrees import check_worktree
from edge.workflow.model import Run, SubDAG
from edge.workflow.nodes import MapNode, Node, ScalarNode, go_text, json_of
from edge.workflow.routers import read_router
from edge.workflow.shapes import fail, is_null
from edge.workflow.sub_dags import read_sub_params
from edge.workflow.with_checks import check_executor
from edge.workflow.with_schema import check_inputs

__all__ = ["read_action", "read_inputs", "unknown_action"]

#: actions whose `with.command` is what the step runs
_COMMANDS = ("ssh.run", "docker.run", "container.run", "k8s.run", "kubernetes.run")
_SCOPED = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\.[^{}]+\}")


def read_action(name: str, fields: Decoded, build: Build) -> Execution:
    """Return what an action executes, custom ones and `human.task` excepted. Raises: FaultError."""
    node = fields.at("action")
    inputs = read_inputs(fields)
    place = fields.at("with") if fields.has("with") else node
    if "@" in name or name.startswith("source:"):
        return _remote(name, inputs, fields)
    type_ = type_of(name)
    if type_ is None:
        unknown_action(node, "action", name, [*build.actions, *known_actions()])
    _check_known(name, inputs, place)
    if name == "exec":
        return _exec(inputs, fields, build)
    if type_ in ("dag", "dag_enqueue"):
        return _sub_dag(name, type_, inputs, fields)
    if name == "router.route":
        _check_plain(fields, "router")
        router = read_router(inputs.entries.get("value"), inputs.entries.get("routes"), place, True)
        extra = {key: json_of(value) for key, value in inputs.entries.items()}
        extra.pop("value", None)
        extra.pop("routes", None)
        build.warnings.extend(
            f"line {place.line}: with.{key} is not an input of router.route and is ignored"
            for key in extra
        )
        return Execution(type="router", action=name, router=router)
    rest, run = _lifted(name, inputs)
    operation = name.partition(".")[2]
    run_node = inputs.entries.get("command", place)
    check_capabilities(fields, type_, run, run_node, has_shell=False)
    if name.startswith("git.worktree."):
        check_worktree(operation.partition(".")[2], rest, fields, place)
    else:
        rest = _completed(name, type_, rest, place)
        check_inputs(type_, rest, build.warnings, name)
        if type_ in OPERATIONS or type_ in ("log", "k8s", "kubernetes"):
            check_executor(type_, operation, rest, place)
    options = {key: json_of(value) for key, value in rest.entries.items()}
    template = options.get("template")
    if name == "template.render" and isinstance(template, str):
        options["template"] = template.strip()
    return Execution(run, type=type_, action=name, options=options)


def read_inputs(fields: Decoded) -> MapNode:
    """Return `with`, empty when absent. Raises: FaultError."""
    node = fields.at("with")
    if not fields.has("with"):
        return MapNode(node.line, node.column, {}, {})
    if not isinstance(node, MapNode):
        fail(node, "with", "with must be an object", go_text(node))
    return node


def unknown_action(node: Node, field: str, name: str, known: list[str]) -> NoReturn:
    """Raise the error of an action or type that nobody knows, naming the nearest known one."""
    from difflib import get_close_matches

    meant = get_close_matches(name.lower(), known, n=1, cutoff=0.7)
    if not meant:
        meant = [item for item in known if item.partition(".")[0] == name.lower()][:1]
    hint = f'; did you mean "{meant[0]}"?' if meant else ""
    fail(node, field, f'unknown action "{name}"{hint}', name)


def _remote(name: str, inputs: MapNode, fields: Decoded) -> Execution:
    if not is_remote(name):
        fail(
            fields.at("action"),
            "action",
            "versioned action references must use official action@version or GitHub"
            " owner/repo@version",
            name,
        )
    _check_plain(fields, "action")
    options = {key: json_of(value) for key, value in inputs.entries.items()}
    return Execution(type="action", action=name, options=options)


def _check_plain(fields: Decoded, type_: str) -> None:
    check_capabilities(fields, type_, None, fields.node, has_shell=False)


def _check_known(name: str, inputs: MapNode, place: Node) -> None:
    """Check the names and presence of inputs."""
    if name == "noop" and inputs.entries:
        fail(place, "with", "noop does not accept with", go_text(inputs))
    allowed = CLOSED.get(name)
    for key, value in inputs.entries.items():
        if allowed is not None and key not in allowed:
            fail(value, f"with.{key}", f"{name} does not support with.{key}")
    for key in REQUIRED.get(name, ()):
        _require_text(key, inputs, place)
    if name.endswith(".import") and is_null(inputs.entries.get("import")):
        fail(inputs.entries.get("import", place), "with.import", "with.import is required")
    if name == "chat.completion" and is_null(inputs.entries.get("messages")):
        _require_text("prompt", inputs, place)
    if name == "template.render":
        _check_template(inputs, place)
    if name == "jq.filter":
        _check_jq(inputs, place)


def _require_text(key: str, inputs: MapNode, place: Node) -> None:
    node = inputs.entries.get(key)
    field = f"with.{key}"
    if node is None:
        fail(place, field, f"{field} is required")
    value = node.value if isinstance(node, ScalarNode) else None
    if not isinstance(value, str) or not value.strip():
        fail(node, field, f"{field} must be a non-empty string", go_text(node))


def _check_template(inputs: MapNode, place: Node) -> None:
    template, reference = inputs.entries.get("template"), inputs.entries.get("template_ref")
    if (template is None) == (reference is None):
        message = "template.render requires exactly one of with.template or with.template_ref"
        fail(place, "with", message)
    if template is not None:
        _require_text("template", inputs, place)
        return
    assert reference is not None
    value = reference.value if isinstance(reference, ScalarNode) else None
    if not isinstance(value, str) or not _SCOPED.fullmatch(value.strip()):
        fail(
            reference,
            "with.template_ref",
            "with.template_ref must be one complete scoped value reference such as ${env.NAME}",
            go_text(reference),
        )


def _check_jq(inputs: MapNode, place: Node) -> None:
    data = inputs.entries.get("data")
    if data is not None and "input" in inputs.entries:
        fail(place, "with", "jq.filter does not allow both with.data and with.input")
    if isinstance(data, ScalarNode) and isinstance(data.value, str) and not data.value.strip():
        fail(data, "with.data", "with.data must not be empty")


def _exec(inputs: MapNode, fields: Decoded, build: Build) -> Execution:
    run = read_exec(inputs, "with")
    type_ = infer_type(fields, build)
    if type_ not in LOCAL:
        fail(
            fields.at("action"),
            "exec",
            "exec is only supported for direct command execution",
            "exec",
        )
    _check_plain(fields, "")
    return Execution(run, action="exec", prefix="cmd")


def _sub_dag(name: str, type_: str, inputs: MapNode, fields: Decoded) -> Execution:
    if type_ == "dag" and fields.get("parallel") is not None:
        type_ = "parallel"
    _check_plain(fields, type_)
    queue = inputs.entries.get("queue")
    if queue is not None:
        _require_text("queue", inputs, queue)
    dag = inputs.entries["dag"]
    target = SubDAG(
        go_text(dag).strip(),
        read_sub_params(inputs.entries.get("params"), "with.params"),
        "" if queue is None else go_text(queue).strip(),
    )
    return Execution(type=type_, action=name, sub_dag=target)


def _lifted(name: str, inputs: MapNode) -> tuple[MapNode, Run]:
    """Return the inputs without the command, and what it runs."""
    command = inputs.entries.get("command")
    if name not in _COMMANDS or is_null(command):
        return inputs, None
    assert command is not None
    if name.startswith(("k8s.", "kubernetes.")):
        # an argv for the container, not a list of commands
        return inputs, None
    run = read_run(command, "with.command")
    rest = {key: value for key, value in inputs.entries.items() if key != "command"}
    return MapNode(inputs.line, inputs.column, rest, inputs.keys), run


def _completed(name: str, type_: str, inputs: MapNode, place: Node) -> MapNode:
    """Put in what the action's name says; a different explicit value is refused."""
    word = name.partition(".")[2]
    key = {"sftp": "direction", "redis": "command"}.get(type_)
    if key is None:
        return inputs
    if type_ == "redis":
        word = word.upper()
    node = inputs.entries.get(key)
    if node is not None:
        text = go_text(node)
        if (text.upper() if type_ == "redis" else text) != word:
            fail(node, f"with.{key}", f'{key} must be "{word}" for this action', text)
    entries = {**inputs.entries, key: ScalarNode(place.line, place.column, word)}
    return MapNode(inputs.line, inputs.column, entries, inputs.keys)
