"""A step's surroundings for the tests of in-process actions: what it prints is kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import trio
import trio.testing

from edge.actions.base import Outcome, StateStore
from edge.actions.table import find_action
from edge.core.jsontypes import JsonObject
from edge.workflow.action_table import type_of
from edge.workflow.model import DAG, Step
from edge.workflow.values import Scope, Source

_LIMIT_S = 20.0


class Context:
    """Stands for the node: keeps what is printed; `stop` cancels the work."""

    def __init__(
        self,
        action: str,
        options: JsonObject | None = None,
        *,
        cwd: Path | str = "/",
        env: dict[str, str] | None = None,
        dag: DAG | None = None,
    ) -> None:
        self.dag = dag or DAG(name="t")
        type_ = type_of(action)
        assert type_ is not None
        self.step = Step(name="a", type=type_, action=action, options=options or {})
        scope = Scope(params={"P": "p"}).child([("S", "api")], Source.DAG_ENV)
        self.scope = scope.child((env or {}).items(), Source.MANAGED)
        self.cwd = str(cwd)
        self.default_shell = ""
        self.container_id = ""
        self.state: StateStore | None = None
        self.out = b""
        self.err = b""
        self._work = trio.CancelScope()

    def write_stdout(self, data: bytes) -> None:
        self.out += data

    def write_stderr(self, data: bytes) -> None:
        self.err += data

    def open_scope(self, *, ignores_stop: bool) -> trio.CancelScope:
        self.ignores_stop = ignores_stop
        return self._work

    def stop(self) -> None:
        self._work.cancel()

    def note_command(self, *_: Any) -> None:
        raise AssertionError("no command")

    async def run_process(self, argv: Sequence[str], executable: str) -> int:
        raise AssertionError("no process")

    async def run(self) -> Outcome:
        with trio.fail_after(_LIMIT_S):
            return await find_action(self.step)(self)


async def act(
    action: str, options: JsonObject | None = None, *, cwd: Path | str = "/", **more: Any
) -> tuple[Outcome, str]:
    """Carry an action out; return how it ended and what it printed."""
    context = Context(action, options, cwd=cwd, **more)
    outcome = await context.run()
    return outcome, context.out.decode()


async def ended_by_stop(context: Context) -> bool:
    """Stop the action while it blocks; tell whether it ended by that (spec 13 section 26)."""
    outcome: list[Outcome] = []

    async def run() -> None:
        outcome.append(await context.run())

    with trio.fail_after(2):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run)
            await trio.testing.wait_all_tasks_blocked(0.05)
            assert outcome == []
            context.stop()
    return outcome == [Outcome(1, "context canceled")]
