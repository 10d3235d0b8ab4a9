"""`run` and `exec`: commands and scripts (spec 10 section 6.6, 11 section 7.4, 13 section 2)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from edge.actions.base import ActionContext, ActionError, Outcome
from edge.actions.invocation import (
    Invocation,
    command_invocation,
    direct_invocation,
    find_program,
    script_invocation,
    select_shell,
)
from edge.actions.status import exit_error
from edge.workflow.field_policy import policy_of
from edge.workflow.model import CommandRun, ExecRun, ScriptRun
from edge.workflow.values import resolve
from edge.workflow.words import split_words

__all__ = ["run_shell"]


async def run_shell(context: ActionContext) -> Outcome:
    """Carry out the step's `run` once. Never raises for a failing command."""
    run = context.step.run
    if isinstance(run, ScriptRun):
        return await _run_script(context, run)
    if isinstance(run, ExecRun):
        return await _run_exec(context, run)
    assert isinstance(run, CommandRun)
    return await _run_commands(context, run)


async def _run_exec(context: ActionContext, run: ExecRun) -> Outcome:
    try:
        invocation = direct_invocation((run.command, *run.args), context.scope)
    except ActionError as exc:
        return Outcome(1, str(exc))
    context.note_command(1, invocation.shown, invocation.argv)
    return await _run(context, invocation)


async def _run_commands(context: ActionContext, run: CommandRun) -> Outcome:
    """Run the commands one after another, up to the first that fails."""
    for number, text in enumerate(run.commands, 1):
        outcome = await _run_command(context, number, text)
        if outcome.error:
            if len(run.commands) == 1:
                return outcome
            return Outcome(outcome.code, f"command {number} failed: {outcome.error}")
    return Outcome(0)


async def _run_command(context: ActionContext, number: int, text: str) -> Outcome:
    step = context.step
    shell = select_shell(step, context.dag, context.scope, context.default_shell)
    try:
        invocation = command_invocation(text, shell, context.scope, step.shell_packages)
    except ActionError as exc:
        return Outcome(1, str(exc))
    context.note_command(number, invocation.shown)
    return await _run(context, invocation)


async def _run_script(context: ActionContext, run: ScriptRun) -> Outcome:
    shell = select_shell(context.step, context.dag, context.scope, context.default_shell)
    path = ""
    try:
        has_shebang = run.text.startswith("#!") and context.step.shell is None
        policy = shell.text_policy
        if has_shebang or run.command:
            policy = policy_of("steps[].run")
        text = resolve(run.text, policy, context.scope)
        path = _write_script(text)
        if run.command:
            # The v1 form `command` + `script`: the program is called as it is written.
            invocation = direct_invocation(split_words(run.command) or (), context.scope)
            context.note_command(1, invocation.shown)
            invocation = Invocation((*invocation.argv, path))
        else:
            invocation = script_invocation(
                text,
                path,
                shell,
                context.scope,
                has_shebang=has_shebang,
                packages=context.step.shell_packages,
            )
        outcome = await _run(context, invocation)
        return replace(outcome, private_file=path)
    except ActionError as exc:
        return Outcome(1, str(exc))
    except OSError as exc:
        return Outcome(1, f"failed to set up step: failed to write the script: {exc.strerror}")
    finally:
        if path:
            try:
                os.unlink(path)
            except FileNotFoundError:
                pass


def _write_script(text: str) -> str:
    """Write a private executable file outside of the workflow's directories; return its path."""
    folder = os.environ.get("TMPDIR") or "/tmp"
    path = os.path.join(folder, f"edge-script-{os.urandom(8).hex()}")
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o700)
    try:
        with open(fd, "wb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
    except OSError:
        os.unlink(path)
        raise
    return path


async def _run(context: ActionContext, invocation: Invocation) -> Outcome:
    argv: Sequence[str] = invocation.argv
    try:
        executable = find_program(argv[0], context.scope, context.cwd)
        status = await context.run_process(argv, executable)
    except ActionError as exc:
        return Outcome(1, str(exc))
    except OSError as exc:
        return Outcome(1, f"fork/exec {argv[0]}: {(exc.strerror or str(exc)).lower()}")
    except ValueError as exc:
        # A NUL byte in the text or in a variable.
        return Outcome(1, f"failed to set up step: {exc}")
    return Outcome(max(status, -1), exit_error(status))
