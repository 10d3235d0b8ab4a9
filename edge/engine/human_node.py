"""A human task at work: no process and no logs, only a question (spec 12 section 14)."""

from __future__ import annotations

from collections.abc import Mapping

from edge.engine.events import NodeExited, NodeResolved
from edge.engine.node import NodeRun
from edge.engine.run_context import RunContext
from edge.workflow.field_policy import policy_of
from edge.workflow.human import HUMAN_TASK
from edge.workflow.model import Step
from edge.workflow.values import resolve

__all__ = ["HumanTaskRun", "node_run"]


def node_run(run: RunContext, key: str, step: Step, given: Mapping[str, str]) -> NodeRun:
    """Return what carries a node out; `given`: variables that the engine sets for it."""
    kind = HumanTaskRun if step.action == HUMAN_TASK else NodeRun
    return kind(run, key, step, given)


class HumanTaskRun(NodeRun):
    """Opens the task; that people answer it is nothing that a run waits for."""

    def _make_logs(self, name: str) -> None:
        """Open none."""

    def _name_streams(self) -> None:
        """Name none."""

    async def execute(self) -> NodeExited:
        """Resolve the prompt, which is fixed from now on."""
        prompt = resolve(
            str(self.step.options.get("prompt", "")),
            policy_of("steps[].approval.prompt"),
            self.scope,
        )
        task = {**self.step.options, "prompt": self._run.masker.text(prompt)}
        self._run.post(NodeResolved(self.key, {"humanTask": task}))
        return NodeExited(self.key, 0)
