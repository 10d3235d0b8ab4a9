"""Dynamic evaluation: a text whose commands are replaced by what they print (spec 11 section 11).

Used by `eval` of preconditions and of parameters. Only the written text is scanned for commands: an
inserted value and a command's output are data.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from edge.actions.base import ActionError
from edge.actions.invocation import find_program
from edge.actions.status import exit_error
from edge.engine.substitution import SubstitutionError, split_commands
from edge.workflow.values import Policy, Scope, resolve

__all__ = ["CommandResult", "CommandRunner", "evaluate", "start_failure"]

_LIMIT_S = 2.0


@dataclass(frozen=True, slots=True)
class CommandResult:
    """A finished command: exit status (negative = signal) and its output where it was wanted."""

    status: int
    stdout: bytes = b""
    stderr: bytes = b""
    timed_out: bool = False


class CommandRunner(Protocol):
    """Runs a short command."""

    async def __call__(
        self,
        argv: Sequence[str],
        executable: str,
        *,
        capture: bool = False,
        limit_s: float | None = None,
    ) -> CommandResult:
        """Run it to its end. Raises: OSError when it cannot be started."""
        ...


async def evaluate(
    text: str, scope: Scope, policy: Policy, *, shell: str, cwd: str, run: CommandRunner
) -> str:
    """Return the text with references and commands replaced.

    Raises: SubstitutionError; its text goes on after `phase substitute: `.
    """
    found = []
    for part in split_commands(text):
        resolved = resolve(part.text, policy, scope)
        if part.is_command:
            resolved = await _output_of(resolved, scope, shell, cwd, run)
        found.append(resolved)
    return "".join(found)


async def _output_of(command: str, scope: Scope, shell: str, cwd: str, run: CommandRunner) -> str:
    failed = f'failed to execute command "{command}"'
    try:
        result = await run(
            (shell, "-c", command),
            find_program(shell, scope, cwd),
            capture=True,
            limit_s=_LIMIT_S,
        )
    except ActionError as exc:
        raise SubstitutionError(f"{failed}: {exc}") from exc
    except (OSError, ValueError) as exc:
        raise SubstitutionError(f"{failed}: {start_failure(exc, shell, cwd)}") from exc
    if result.timed_out:
        raise SubstitutionError(f"{failed}: timed out after {_LIMIT_S:g}s")
    if error := exit_error(result.status):
        stderr = result.stderr.decode("utf-8", "replace")
        raise SubstitutionError(f"{failed}: {error}\nstderr={stderr}")
    return result.stdout.decode("utf-8", "replace").strip()


def start_failure(exc: Exception, program: str, cwd: str) -> str:
    """Return why a program could not be started."""
    if isinstance(exc, OSError):
        reason = (exc.strerror or str(exc)).lower()
        if not os.path.isdir(cwd):
            return f"chdir {cwd}: {reason}"
        return f"fork/exec {program}: {reason}"
    return str(exc)
