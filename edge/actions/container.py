"""`docker.run`, `container.run`, and steps in a `container:` (spec 13 section 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edge.actions.base import ActionContext, ActionError, Outcome
from edge.actions.container_engine import ContainerEngine, Output
from edge.actions.container_resolved import container_env, make_engine, resolved_container
from edge.actions.container_spec import ContainerSpec, container_spec, with_limits, with_spec
from edge.actions.inprocess import run_in_process
from edge.actions.inputs import Inputs
from edge.core.jsontypes import JsonObject
from edge.workflow.field_policy import policy_of
from edge.workflow.model import CommandRun
from edge.workflow.values import Scope, Source, resolve
from edge.workflow.words import split_words

__all__ = ["run_container", "wrapped"]

_SET_UP = "failed to setup container: "


async def run_container(context: ActionContext) -> Outcome:
    """Run the step's commands in a container of its own, of the run, or of somebody else."""
    outcome = await run_in_process(context, _run)
    return replace(outcome, shows_stderr=outcome.code != 0)


async def _run(context: ActionContext, inputs: Inputs) -> None:
    spec, scope = _spec(context, inputs)
    commands = _commands(context, scope)
    engine = make_engine(
        context.dag,
        context.scope,
        stop_signal=context.step.signal_on_stop,
        warn=context.scope.warn,
    )
    output = Output(context.write_stdout, context.write_stderr)
    if spec is None:
        if not context.container_id:
            raise ActionError("docker step configuration is required")
        shared = _shared_options(context)
        await _exec_all(engine, context.container_id, shared, commands, output)
        return
    try:
        await engine.check()
    except ActionError as exc:
        raise ActionError(f"{_SET_UP}{exc}") from exc
    if not spec.image:
        await engine.wait_running(spec.name)
        await _exec_all(engine, spec.name, spec, commands, output)
        return
    if spec.name and (found := await engine.find(spec.name)) is not None:
        state = found.get("State")
        if isinstance(state, dict) and state.get("Running") is True:
            _warn_limits(context)
            await _exec_all(engine, spec.name, spec, commands, output)
            return
        await engine.remove(spec.name)
    try:
        await engine.ensure_image(spec)
    except ActionError as exc:
        raise ActionError(f"{_SET_UP}{exc}") from exc
    await _in_new(engine, spec, commands, output)


def _spec(context: ActionContext, inputs: Inputs) -> tuple[ContainerSpec | None, Scope]:
    """Return the step's container, None for the run's, and what its commands can see."""
    step, scope = context.step, context.scope
    environ = scope.host
    limits = context.dag.resources
    if step.container is not None:
        made = resolved_container(step.container, scope)
        pairs = container_env(step.container, scope)
        own = {**scope.of_source(Source.STEP_ENV), **dict(pairs)}
        env = tuple(f"{name}={value}" for name, value in own.items())
        spec = container_spec(made, env, cwd=context.cwd, environ=environ)
        return with_limits(spec, limits), scope.child(pairs, Source.STEP_ENV)
    if inputs.values:
        spec = with_spec(inputs.values, cwd=context.cwd, environ=environ)
        return with_limits(spec, limits), scope
    return None, scope


def _warn_limits(context: ActionContext) -> None:
    limits = context.dag.resources
    if (limits.cpu_millis or limits.memory_bytes) and context.scope.warn is not None:
        context.scope.warn("resource limits do not reach a container that runs already")


def _shared_options(context: ActionContext) -> ContainerSpec:
    """Return how commands run in the container of the run."""
    made = context.dag.container
    assert made is not None
    resolved = resolved_container(made, context.scope)
    env = tuple(f"{name}={value}" for name, value in container_env(made, context.scope))
    options: JsonObject = {"Env": list(env)} if env else {}
    if resolved.user:
        options["User"] = resolved.user
    if resolved.working_dir:
        options["WorkingDir"] = resolved.working_dir
    return ContainerSpec(name=context.container_id, exec=options, shell=resolved.shell)


def _commands(context: ActionContext, scope: Scope) -> list[str]:
    run = context.step.run
    texts = run.commands if isinstance(run, CommandRun) else ()
    found = []
    for number, text in enumerate(texts, 1):
        command = resolve(text, policy_of("steps[].run in a container"), scope)
        context.note_command(number, command)
        found.append(command)
    return found


def wrapped(command: str, shell: Sequence[str]) -> tuple[str, ...]:
    """Return the words of a command text, for the container's shell when it has one."""
    if not shell:
        words = split_words(command)
        if not words:
            raise ActionError(f'the command "{command}" has no words or an open quote')
        return tuple(words)
    flags = [word for word in shell[1:] if word.startswith("-")]
    has_carrier = any("c" in word[1:] for word in flags if not word.startswith("--"))
    return (*shell, *(() if has_carrier else ("-c",)), command)


async def _in_new(
    engine: ContainerEngine, spec: ContainerSpec, commands: list[str], output: Output
) -> None:
    is_many = len(commands) > 1
    command = wrapped(commands[0], spec.shell) if len(commands) == 1 else ()
    body = spec.create_body(keep_alive=is_many, command=command)
    ident = await engine.create(spec, body)
    is_over = False
    try:
        if is_many:
            await engine.start(ident, hint="; an image without `sh` needs startup: entrypoint")
            await engine.wait_ready(ident, spec)
            await _exec_all(engine, ident, spec, commands, output)
        else:
            code = await engine.run_once(ident, output)
            is_over = True
            if code:
                raise ActionError(f"exit status {code}", code)
    finally:
        if spec.removes:
            await engine.remove(ident)
        elif not is_over:
            await engine.stop(ident)


async def _exec_all(
    engine: ContainerEngine,
    ident: str,
    spec: ContainerSpec,
    commands: list[str],
    output: Output,
) -> None:
    """Run the commands one after another, up to the first that fails."""
    if not commands:
        raise ActionError(f'a command is required to run in the container "{ident[:64]}"')
    for number, text in enumerate(commands, 1):
        code = await engine.exec_in(ident, wrapped(text, spec.shell), spec.exec, output)
        if code:
            failure = f"exec failed with exit code: {code}"
            if len(commands) > 1:
                failure = f"command {number} failed: {failure}"
            raise ActionError(failure, code)
