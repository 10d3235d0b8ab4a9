"""What is asked around a step's executions: its preconditions, and whether to repeat it.

Spec 12 sections 5 and 6. What follows from the answers is the machine's business.
"""

from __future__ import annotations

from collections.abc import Sequence

from edge.actions.invocation import select_shell
from edge.core.record import StepOutputs
from edge.engine.check_command import CheckCommand
from edge.engine.conditions import CheckResult, check_all
from edge.engine.environment import process_environ
from edge.engine.events import ConditionsChecked, RepeatChecked, Verdict
from edge.engine.masking import Masker
from edge.engine.processes import Spawner
from edge.workflow.model import DAG, Precondition, Step
from edge.workflow.values import Scope, Source

__all__ = ["StepChecks"]


class StepChecks:
    """The checks of one node; `kill` ends the one that runs."""

    def __init__(
        self,
        key: str,
        step: Step,
        dag: DAG,
        *,
        spawner: Spawner,
        run_id: str,
        default_shell: str,
        masker: Masker,
    ) -> None:
        self._key = key
        self._step = step
        self._dag = dag
        self._spawner = spawner
        self._run_id = run_id
        self._default_shell = default_shell
        self._masker = masker
        self._command: CheckCommand | None = None

    async def preconditions(self, scope: Scope, cwd: str) -> ConditionsChecked:
        """Evaluate the step's preconditions."""
        result = await self._check(self._step.preconditions, scope, cwd)
        errors = tuple(map(self._masker.text, result.errors))
        return ConditionsChecked(self._key, result.verdict, errors)

    async def repeat(self, scope: Scope, cwd: str, outputs: StepOutputs | None) -> RepeatChecked:
        """Evaluate the condition of the repeat policy as a precondition of the same shape.

        It sees the step's own new output variable (spec 11 section 3).
        """
        policy = self._step.repeat_policy
        assert policy is not None
        if outputs is not None and outputs.variable:
            scope = scope.child([(outputs.variable, outputs.value or "")], Source.OUTPUT)
        condition = Precondition(condition=policy.condition, expected=policy.expected)
        result = await self._check((condition,), scope, cwd)
        error = ""
        if result.verdict is Verdict.ERROR:
            reason = self._masker.text(result.errors[0])
            error = f"failed to evaluate the condition of repeat_policy: {reason}"
        return RepeatChecked(self._key, result.verdict is Verdict.MET, error)

    async def _check(
        self, conditions: Sequence[Precondition], scope: Scope, cwd: str
    ) -> CheckResult:
        env = process_environ(scope)
        self._command = CheckCommand(self._spawner, self._run_id, env, cwd)
        shell = select_shell(self._step, self._dag, scope, self._default_shell)
        return await check_all(conditions, scope=scope, shell=shell, cwd=cwd, run=self._command)

    def kill(self) -> None:
        """SIGKILL the command of the check."""
        if self._command is not None:
            self._command.kill()
