"""What a step executes, as read from any of its forms (spec 10 sections 6.6, 6.7)."""

from __future__ import annotations

from collections.abc import Mapping

from edge.core.jsontypes import JsonValue
from edge.workflow.model import Router, Run, ScriptRun, Shell, SubDAG

__all__ = ["Execution"]

_NONE: Mapping[str, JsonValue] = {}


class Execution:
    """The part of a `Step` that says what runs; attributes are named like those of `Step`.

    `prefix` is that of a generated step name (spec 10 section 6.2).
    """

    __slots__ = (
        "action",
        "options",
        "prefix",
        "router",
        "run",
        "shell",
        "shell_args",
        "shell_packages",
        "sub_dag",
        "type",
    )

    def __init__(
        self,
        run: Run = None,
        *,
        type: str = "",
        action: str = "",
        options: Mapping[str, JsonValue] = _NONE,
        shell: Shell | None = None,
        shell_args: tuple[str, ...] = (),
        shell_packages: tuple[str, ...] = (),
        sub_dag: SubDAG | None = None,
        router: Router | None = None,
        prefix: str = "",
    ) -> None:
        self.run = run
        self.type = type
        self.action = action
        self.options = options
        self.shell = shell
        self.shell_args = shell_args
        self.shell_packages = shell_packages
        self.sub_dag = sub_dag
        self.router = router
        self.prefix = prefix or type or _run_prefix(run)


def _run_prefix(run: Run) -> str:
    if run is None:
        return "step"
    return "script" if isinstance(run, ScriptRun) else "cmd"
