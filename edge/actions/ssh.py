"""`ssh.run`, and untyped steps under a root `ssh` (spec 13 section 5)."""

from __future__ import annotations

from functools import partial

from edge.actions.base import ActionContext, ActionError, Outcome
from edge.actions.inprocess import in_thread, print_from_thread, run_in_process
from edge.actions.inputs import Inputs
from edge.actions.ssh_session import SshSession, check_files, connect
from edge.actions.ssh_target import (
    home_of,
    read_target,
    remote_command,
    remote_script,
    root_options,
)
from edge.workflow.field_policy import policy_of
from edge.workflow.model import CommandRun, ScriptRun
from edge.workflow.values import resolve

__all__ = ["run_ssh"]


async def run_ssh(context: ActionContext) -> Outcome:
    """Run the step's commands or script on its host, over one connection."""
    return await run_in_process(context, _run)


async def _run(context: ActionContext, inputs: Inputs) -> None:
    target = read_target(
        inputs.values, root_options(context.dag.ssh, context.scope), home_of(context.scope)
    )
    shell = target.shell
    if not shell and context.step.shell is not None:
        words = context.step.shell.argv + context.step.shell_args
        shell = tuple(
            resolve(word, policy_of("steps[].with.shell"), context.scope) for word in words
        )
    lines = _lines(context, has_shell=bool(shell))
    if not lines:
        return
    script = remote_script(lines, _working_dir(context))
    await in_thread(check_files, target)
    session = await connect(target)
    work = partial(_in_thread, context, session, remote_command(shell), script)
    code = await in_thread(work, interrupt=session.interrupt)
    if code:
        raise ActionError(f"ssh execution failed: Process exited with status {code}", 1)


def _in_thread(context: ActionContext, session: SshSession, command: str, script: str) -> int:
    try:
        session.open()
        return session.run(
            command,
            script,
            partial(print_from_thread, context.write_stdout),
            partial(print_from_thread, context.write_stderr),
        )
    finally:
        session.close()


def _lines(context: ActionContext, *, has_shell: bool) -> list[str]:
    """Return the remote text with its references resolved; remote variables stay."""
    run = context.step.run
    name = "steps[].run over SSH" if has_shell else "steps[].run over SSH without a shell"
    if isinstance(run, ScriptRun):
        text = resolve(run.text, policy_of(name), context.scope)
        return (
            [text]
            if not run.command
            else [resolve(run.command, policy_of(name), context.scope), text]
        )
    if not isinstance(run, CommandRun):
        return []
    lines = []
    for number, command in enumerate(run.commands, 1):
        line = resolve(command, policy_of(name), context.scope)
        context.note_command(number, line)
        lines.append(line)
    return lines


def _working_dir(context: ActionContext) -> str:
    """Return the remote directory; the DAG's is a local one."""
    text = context.step.working_dir
    return resolve(text, policy_of("steps[].working_dir"), context.scope) if text else ""
