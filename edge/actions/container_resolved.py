"""A `container:` and the engine with their references resolved (spec 11 section 3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from edge.actions.container_engine import ContainerEngine
from edge.actions.engine_client import EngineClient
from edge.actions.engine_endpoint import read_endpoint
from edge.actions.inputs import resolve_inputs
from edge.core.jsontypes import JsonObject
from edge.workflow.field_policy import policy_of
from edge.workflow.model import DAG, Container
from edge.workflow.values import Scope, Source, resolve

__all__ = ["container_env", "make_engine", "resolved_container"]


def resolved_container(made: Container, scope: Scope) -> Container:
    """Return the container with its texts resolved; its `env` stays as it is."""

    def text(value: str) -> str:
        return resolve(value, policy_of("container"), scope)

    def texts(values: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(text, values))

    return replace(
        made,
        exec=text(made.exec),
        image=text(made.image),
        name=text(made.name),
        user=text(made.user),
        working_dir=text(made.working_dir),
        network=text(made.network),
        ports=texts(made.ports),
        command=texts(made.command),
        shell=texts(made.shell),
        volumes=texts(made.volumes),
    )


def container_env(made: Container, scope: Scope) -> list[tuple[str, str]]:
    """Return the container's variables; later entries see earlier ones."""
    found: dict[str, str] = {}
    for entry in made.env:
        value = resolve(entry.value, policy_of("container.env"), scope)
        found[entry.name] = value
        scope = scope.child([(entry.name, value)], Source.STEP_ENV)
    return list(found.items())


def make_engine(
    dag: DAG,
    scope: Scope,
    *,
    stop_signal: str = "",
    warn: Callable[[str], None] | None = None,
) -> ContainerEngine:
    """Return the engine of the service's environment, with the DAG's credentials.

    Raises: ActionError.
    """
    auths = dag.registry_auths
    texts: JsonObject = {"": auths} if isinstance(auths, str) else dict(auths)
    resolved = resolve_inputs(texts, scope)
    return ContainerEngine(
        EngineClient(read_endpoint(scope.host)),
        auths=str(resolved[""]) if isinstance(auths, str) else resolved,
        environ=scope.host,
        stop_signal=stop_signal or "SIGTERM",
        grace_s=float(dag.max_clean_up_time_s),
        warn=warn,
    )
