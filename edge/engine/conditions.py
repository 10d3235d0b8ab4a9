"""Evaluating preconditions (spec 12 section 5)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from edge.actions.base import ActionError
from edge.actions.invocation import SelectedShell, find_program
from edge.actions.status import exit_error
from edge.engine.evaluation import CommandRunner, evaluate, start_failure
from edge.engine.events import Verdict
from edge.engine.substitution import SubstitutionError
from edge.workflow.field_policy import policy_of
from edge.workflow.model import Precondition
from edge.workflow.values import Scope, resolve

__all__ = ["CheckResult", "check_all", "matches"]

_CONDITION = "preconditions[].condition"
_COMPARISON = "preconditions[].condition of a comparison"
_DIRECT = "preconditions[].condition without a shell"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The verdict on a list of conditions, and one text per entry (empty = met)."""

    verdict: Verdict
    errors: tuple[str, ...]


class _EvaluationError(Exception):
    """A condition could not be evaluated."""


async def check_all(
    conditions: Sequence[Precondition],
    *,
    scope: Scope,
    shell: SelectedShell,
    cwd: str,
    run: CommandRunner,
) -> CheckResult:
    """Evaluate every condition in order, also after one that is not met."""
    verdict = Verdict.MET
    errors = []
    for condition in conditions:
        check = _Check(condition, scope, shell, cwd, run)
        try:
            error = await check.run()
        except _EvaluationError as exc:
            error = str(exc)
            verdict = Verdict.ERROR
        else:
            if error and verdict is Verdict.MET:
                verdict = Verdict.NOT_MET
        errors.append(error)
    return CheckResult(verdict, tuple(errors))


def matches(text: str, expected: str) -> bool:
    """Tell whether a line equals `expected`, or `re:` is found in one."""
    lines = text.split("\n")
    if expected.startswith("re:"):
        pattern = re.compile(expected[3:])
        return any(pattern.search(line) for line in lines)
    return expected in lines


class _Check:
    """One condition."""

    def __init__(
        self,
        condition: Precondition,
        scope: Scope,
        shell: SelectedShell,
        cwd: str,
        run: CommandRunner,
    ) -> None:
        self._condition = condition
        self._scope = scope
        self._shell = shell
        self._cwd = cwd
        self._run = run

    async def run(self) -> str:
        """Return why it is not met; empty when it is. Raises: _EvaluationError."""
        condition = self._condition
        if condition.expected:
            error = await self._compare()
        else:
            error = await self._command()
        if not condition.negate:
            return error
        return "" if error else "condition was not met: condition matched but negate is true"

    async def _compare(self) -> str:
        condition = self._condition
        if condition.eval:
            text = await self._evaluate(condition.eval)
        else:
            text = resolve(condition.condition, policy_of(_COMPARISON), self._scope)
        try:
            is_match = matches(text, condition.expected)
        except re.error as exc:
            raise _EvaluationError(f"expected regexp is invalid: {exc}") from exc
        if is_match:
            return ""
        return f'condition was not met: expected "{condition.expected}", got "{text}"'

    async def _command(self) -> str:
        text = self._condition.condition
        if self._shell.is_direct:
            argv: tuple[str, ...] = (resolve(text, policy_of(_DIRECT), self._scope),)
        else:
            resolved = resolve(text, policy_of(_CONDITION), self._scope)
            argv = self._shell_argv(resolved)
        try:
            result = await self._run(argv, find_program(argv[0], self._scope, self._cwd))
        except ActionError as exc:
            return f"condition was not met: {exc}"
        except (OSError, ValueError) as exc:
            return f"condition was not met: {start_failure(exc, argv[0], self._cwd)}"
        error = exit_error(result.status)
        return f"condition was not met: {error}" if error else ""

    def _shell_argv(self, text: str) -> tuple[str, ...]:
        args = self._shell.argv[1:]
        if args[-1:] == ("-c",):
            args = args[:-1]
        return (self._shell.argv[0], *args, "-c", text)

    async def _evaluate(self, text: str) -> str:
        """Return the text with its commands replaced by what they print."""
        shell = "sh" if self._shell.is_direct else self._shell.argv[0]
        try:
            policy = policy_of("preconditions[].eval")
            return await evaluate(
                text, self._scope, policy, shell=shell, cwd=self._cwd, run=self._run
            )
        except SubstitutionError as exc:
            raise _EvaluationError(
                f"failed to evaluate the value: Error=phase substitute: {exc}"
            ) from exc
