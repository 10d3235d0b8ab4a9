"""What a step executes: `run`, `action`, or an old form (spec 10 sections 6.6, 6.7, 13.3)."""

from __future__ import annotations

from edge.workflow.build import Build
from edge.workflow.capabilities import LOCAL, check_capabilities, infer_type
from edge.workflow.commands import (
    ShellOptions,
    read_run,
    read_shell_options,
    refuse_nul,
)
from edge.workflow.decode import Decoded
from edge.workflow.execution import Execution
from edge.workflow.model import CommandRun, Run, ScriptRun
from edge.workflow.nodes import MapNode, Node, ScalarNode, go_text
from edge.workflow.publish import is_noop
from edge.workflow.shapes import fail, read_shell

__all__ = ["LEGACY", "Execution", "read_execution", "read_old_run", "read_old_shell"]

#: the old keys of spec 13 section 1.1; none may stand beside `run` or `action`
LEGACY = (
    *("call", "command", "config", "exec", "llm", "messages", "params", "routes"),
    *("script", "shell", "shell_args", "shell_packages", "type", "value"),
)


def read_execution(fields: Decoded, build: Build) -> Execution:
    """Return what a step without `foreach` runs. Raises: FaultError."""
    if fields.has("action"):
        return _action(fields, build)
    if fields.has("run"):
        for key in LEGACY:
            if fields.get(key) is not None:
                fail(fields.at(key), "run", f"run cannot be used together with {key}")
        return _run(fields, build)
    return _legacy(fields, build)


def _action(fields: Decoded, build: Build) -> Execution:
    node = fields.at("action")
    name = node.value if isinstance(node, ScalarNode) else None
    if fields.get("run") is not None:
        fail(node, "action", "run cannot be used together with action", go_text(node))
    for key in LEGACY:
        if fields.get(key) is not None:
            message = f"action cannot be used together with {key}"
            fail(fields.at(key), "action", message, go_text(node))
    if not isinstance(name, str):
        fail(node, "action", "action must be a string", go_text(node))
    if not name.strip():
        fail(node, "action", "action is required")
    # the tables of the actions are of no use to a document of plain commands
    from edge.workflow.actions import read_action

    return read_action(name.strip(), fields, build)


def _run(fields: Decoded, build: Build) -> Execution:
    node = fields.at("run")
    run = read_run(node)
    shell = ShellOptions()
    if fields.has("with"):
        options = fields.at("with")
        if not isinstance(options, MapNode):
            fail(options, "with", "with must be an object", go_text(options))
        shell = read_shell_options(options)
    return _local(fields, build, run, node, shell)


def _local(
    fields: Decoded, build: Build, run: Run, node: Node, shell: ShellOptions, written: str = ""
) -> Execution:
    """Return a command of the local shell, or of the container or host that stands for it."""
    type_ = written or infer_type(fields, build)
    check_capabilities(fields, type_, run, node, has_shell=shell.is_given)
    return Execution(
        run,
        type="" if type_ in LOCAL else type_,
        shell=shell.shell,
        shell_args=shell.shell_args,
        shell_packages=shell.shell_packages,
        prefix=written,
    )


def _legacy(fields: Decoded, build: Build) -> Execution:
    written = fields.text("type").strip()
    if fields.get("exec") is not None:
        from edge.workflow.legacy import read_old_exec

        return read_old_exec(fields, build)
    inputs = _settings(fields)
    if written not in LOCAL or fields.get("call") is not None:
        from edge.workflow.legacy import read_call, read_typed

        if fields.get("call") is not None and written == "":
            return read_call(fields, "", inputs)
        return read_typed(written, fields, inputs, build)
    run, node = read_old_run(fields)
    if run is None:
        return _nothing(fields, build, written)
    return _local(fields, build, run, node, read_old_shell(fields), written)


def _nothing(fields: Decoded, build: Build, written: str) -> Execution:
    """Return what a step without any form does: its container's program, or its outputs alone."""
    if not written and fields.get("container") is not None:
        check_capabilities(fields, "docker", None, fields.node, has_shell=False)
        return Execution(type="docker")
    if not written and is_noop(fields):
        check_capabilities(fields, "noop", None, fields.node, has_shell=False)
        return Execution(type="noop", action="noop")
    # refused when all steps are built: `step_rules`
    return Execution(prefix=written)


def _settings(fields: Decoded) -> MapNode:
    """Return `with`, or its older spelling `config`."""
    found, old = fields.get("with"), fields.get("config")
    if found is not None and old is not None:
        fail(old, "config", 'with and config cannot be used together; use "with"', go_text(old))
    key = "config" if found is None else "with"
    node = old if found is None else found
    if node is None:
        return MapNode(fields.node.line, fields.node.column, {}, {})
    if not isinstance(node, MapNode):
        fail(node, key, f"{key} must be an object", go_text(node))
    return node


def read_old_run(fields: Decoded) -> tuple[Run, Node]:
    """Return `command` and `script`, and their place; None when there is neither.

    Both together are a program that is given the script as a file. Raises: FaultError.
    """
    command = fields.get("command")
    text = fields.text("script").strip()
    node = fields.at("script")
    if text:
        refuse_nul(node, text, "script")
    if command is None:
        return (ScriptRun(text) if text else None), node
    run = read_run(command, "command")
    if not text:
        return run, command
    if not isinstance(run, CommandRun) or len(run.commands) > 1:
        message = "command must be one line when script is given"
        fail(command, "command", message, go_text(command))
    return ScriptRun(text, run.commands[0]), node


def read_old_shell(fields: Decoded) -> ShellOptions:
    """Return the shell keys of the step itself. Raises: FaultError."""
    shell = fields.get("shell")
    words = read_shell(shell) if shell is not None else ()
    return ShellOptions(words, fields.texts("shell_args"), fields.texts("shell_packages"))
