"""The container that the steps of a run share (spec 13 sections 1.7 and 4.4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from edge.actions.base import ActionError
from edge.actions.container_engine import ContainerEngine
from edge.actions.container_resolved import container_env, make_engine, resolved_container
from edge.actions.container_spec import ContainerSpec, container_spec, with_limits
from edge.workflow.model import DAG
from edge.workflow.values import Scope

__all__ = ["SharedContainer"]


class SharedContainer:
    """One container, made or found by `open`; `close` removes one that was made."""

    def __init__(self, dag: DAG, scope: Scope, cwd: str, warn: Callable[[str], None]) -> None:
        self._dag = dag
        self._scope = scope
        self._cwd = cwd
        self._warn = warn
        self._engine: ContainerEngine | None = None
        self._made = ""
        self._removes = True

    async def open(self) -> str:
        """Return the id or name to run commands in. Raises: ActionError."""
        made = self._dag.container
        assert made is not None
        engine = self._engine = make_engine(self._dag, self._scope, warn=self._warn)
        env = tuple(f"{name}={value}" for name, value in container_env(made, self._scope))
        spec = container_spec(
            resolved_container(made, self._scope), env, cwd=self._cwd, environ=self._scope.host
        )
        await engine.check()
        if not spec.image:
            await engine.wait_running(spec.name)
            return spec.name
        await self._refuse_existing(engine, spec)
        await engine.ensure_image(spec)
        spec = with_limits(spec, self._dag.resources)
        spec = replace(spec, host={**spec.host, "Init": True})
        self._removes = spec.removes
        self._made = await engine.create(spec, spec.create_body(keep_alive=True))
        await engine.start(
            self._made,
            hint="; an image without `sh` needs startup: entrypoint or command",
        )
        await engine.wait_ready(self._made, spec)
        return self._made

    async def _refuse_existing(self, engine: ContainerEngine, spec: ContainerSpec) -> None:
        found = await engine.find(spec.name) if spec.name else None
        if found is None:
            return
        state = found.get("State")
        is_running = isinstance(state, dict) and state.get("Running") is True
        ending = " and is running" if is_running else ""
        raise ActionError(f'container with name "{spec.name}" already exists{ending}')

    async def close(self) -> None:
        """Stop and remove the container, unless it is to be kept. Bounded and shielded."""
        if self._made and self._engine is not None:
            await self._engine.stop(self._made)
            if self._removes:
                await self._engine.remove(self._made)
