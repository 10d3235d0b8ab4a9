"""Every text of a document that may hold references, with its field (spec 11 sections 3 and 10).

The order is that of notices: the `env` of the root, of all steps, of the handlers; then the other
fields, the root's first, then step by step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from edge.core.jsontypes import JsonValue
from edge.workflow.model import DAG, Container, EnvVar, Precondition, RetryPolicy, Step
from edge.workflow.model_steps import CommandRun, ExecRun, RepeatPolicy, ScriptRun

__all__ = ["Text", "Texts", "texts_of"]

#: (action, key of `with`) that stays as it is written
_LITERAL_OPTIONS = frozenset((("template.render", "template"), ("human.task", "form")))


class Above:
    """The names of the `env` entries above one, without a set for each of thousands."""

    __slots__ = ("_first", "_index", "_names")

    def __init__(self, names: frozenset[str], first: dict[str, int], index: int) -> None:
        self._names = names
        self._first = first
        self._index = index

    def __contains__(self, name: str) -> bool:
        return name in self._names or self._first.get(name, self._index) < self._index


class Text:
    """One text: where it stands, the field of the policy table, and who owns it.

    `earlier` is not None for an entry of an `env` list: the names of the entries above it.
    `is_container` tells that these come after the step's own `env`; `in_body` that it belongs to a
    `foreach` body.
    """

    __slots__ = (
        "earlier",
        "field",
        "in_body",
        "is_container",
        "is_handler",
        "path",
        "step",
        "text",
    )

    def __init__(
        self,
        path: str,
        text: str,
        field: str,
        *,
        step: Step | None = None,
        is_handler: bool = False,
        in_body: bool = False,
        earlier: Above | None = None,
        is_container: bool = False,
    ) -> None:
        self.path = path
        self.text = text
        self.field = field
        self.step = step
        self.is_handler = is_handler
        self.in_body = in_body
        self.earlier = earlier
        self.is_container = is_container


Texts = Iterator[Text]


def texts_of(dag: DAG, *, inherited_env: int = 0) -> Texts:
    """Yield every text of the document, `consts` apart.

    `inherited_env` is the number of `env` entries that come from the base configuration.
    """
    names = frozenset(entry.name for entry in dag.env[:inherited_env])
    yield from _env(dag.env[inherited_env:], "env", "env", names)
    owners = list(_owners(dag))
    for owner in owners:
        yield from owner.env()
    yield from _root(dag)
    for owner in owners:
        yield from owner.texts()


def _env(
    entries: Sequence[EnvVar], path: str, field: str, names: frozenset[str] = frozenset()
) -> Texts:
    first: dict[str, int] = {}
    for index, entry in enumerate(entries):
        first.setdefault(entry.name, index)
    for index, entry in enumerate(entries):
        yield Text(f"{path}[{index}]", entry.value, field, earlier=Above(names, first, index))


def _root(dag: DAG) -> Texts:
    for index, text in enumerate(dag.dotenv):
        yield Text(f"dotenv[{index}]", text, "dotenv[]")
    for text in dag.shell.argv if dag.shell else ():
        yield Text("shell", text, "shell")
    for index, text in enumerate(dag.shell_args):
        yield Text(f"shell_args[{index}]", text, "shell_args[]")
    yield Text("working_dir", dag.working_dir, "working_dir")
    if dag.container is not None:
        yield from _container(dag.container, "container")
    yield from _preconditions(dag.preconditions, "preconditions")
    if isinstance(dag.worker_selector, Mapping):
        yield from _selector(dag.worker_selector, "worker_selector", "worker_selector")


def _selector(labels: Mapping[str, str], path: str, field: str) -> Texts:
    for key, value in labels.items():
        yield Text(f"{path}.{key}", key, field)
        yield Text(f"{path}.{key}", value, field)


def _preconditions(checks: Sequence[Precondition], path: str) -> Texts:
    for index, check in enumerate(checks):
        if check.eval:
            yield Text(f"{path}[{index}].eval", check.eval, "preconditions[].eval")
        else:
            field = "preconditions[].condition"
            if check.expected:
                field += " of a comparison"
            yield Text(f"{path}[{index}].condition", check.condition, field)


def _container(container: Container, path: str) -> Texts:
    for entry in _env(container.env, f"{path}.env", "container.env"):
        entry.is_container = True
        yield entry
    for name in ("exec", "image", "name", "user", "working_dir", "network"):
        yield Text(f"{path}.{name}", getattr(container, name), "container")
    for name in ("volumes", "ports", "command", "shell"):
        for index, text in enumerate(getattr(container, name)):
            yield Text(f"{path}.{name}[{index}]", text, "container")


def _nested(value: JsonValue | Mapping[str, JsonValue], path: str, field: str) -> Texts:
    """Yield every string inside of a value."""
    pending: list[tuple[JsonValue | Mapping[str, JsonValue], str]] = [(value, path)]
    while pending:
        found, place = pending.pop()
        if isinstance(found, str):
            yield Text(place, found, field)
        elif isinstance(found, Mapping):
            pending += [(item, f"{place}.{key}") for key, item in reversed(list(found.items()))]
        elif isinstance(found, list):
            numbered = enumerate(found)
            pending += [(item, f"{place}[{index}]") for index, item in reversed(list(numbered))]


def _owners(dag: DAG) -> Iterator[_Owner]:
    for index, step in enumerate(dag.steps):
        yield _Owner(step, f"steps[{index}]")
    for event in ("init", "success", "failure", "abort", "exit", "wait"):
        step_or_none: Step | None = getattr(dag.handlers, event)
        if step_or_none is not None:
            yield _Owner(step_or_none, f"handler_on.{event}", is_handler=True)


class _Owner:
    """A step or handler at a path, the texts of its `foreach` body included."""

    def __init__(
        self, step: Step, path: str, *, is_handler: bool = False, in_body: bool = False
    ) -> None:
        self._step = step
        self._path = path
        self._is_handler = is_handler
        self._in_body = in_body

    def _own(self, texts: Texts) -> Texts:
        for text in texts:
            text.step = self._step
            text.is_handler = self._is_handler
            text.in_body = text.in_body or self._in_body
            yield text

    def _body(self) -> Iterator[_Owner]:
        foreach = self._step.foreach
        for index, step in enumerate(foreach.steps if foreach is not None else ()):
            yield _Owner(step, f"{self._path}.foreach.steps[{index}]", in_body=True)

    def env(self) -> Texts:
        """Yield the `env` entries."""
        yield from self._own(_env(self._step.env, f"{self._path}.env", "steps[].env"))
        for body in self._body():
            yield from body.env()

    def texts(self) -> Texts:
        """Yield everything else."""
        yield from self._own(self._others())
        for body in self._body():
            yield from body.texts()

    def _others(self) -> Texts:
        step, path = self._step, self._path
        yield from self._executed()
        for text in step.shell.argv if step.shell else ():
            yield Text(f"{path}.shell", text, "steps[].with.shell")
        for index, text in enumerate(step.shell_args):
            yield Text(f"{path}.shell_args[{index}]", text, "steps[].with.shell_args[]")
        yield Text(f"{path}.working_dir", step.working_dir, "steps[].working_dir")
        if step.container is not None:
            yield from _container(step.container, f"{path}.container")
        yield from _preconditions(step.preconditions, f"{path}.preconditions")
        yield from self._streams()
        if step.retry_policy is not None:
            yield from _numbers(step.retry_policy, f"{path}.retry_policy", "steps[].retry_policy")
        repeat = step.repeat_policy
        if repeat is not None:
            yield from _numbers(repeat, f"{path}.repeat_policy", "steps[].repeat_policy")
            field = "steps[].repeat_policy.condition"
            yield Text(f"{path}.repeat_policy.condition", repeat.condition, field)
        yield from self._children()

    def _executed(self) -> Texts:
        step, path = self._step, self._path
        run = step.run
        if isinstance(run, ScriptRun):
            yield Text(f"{path}.run", run.text, "steps[].run")
            yield Text(f"{path}.run", run.command, "steps[].run")
        elif isinstance(run, ExecRun):
            yield Text(f"{path}.with.command", run.command, "steps[].with of exec")
            for index, text in enumerate(run.args):
                yield Text(f"{path}.with.args[{index}]", text, "steps[].with of exec")
        elif isinstance(run, CommandRun):
            is_list = len(run.commands) > 1
            for index, text in enumerate(run.commands):
                yield Text(
                    f"{path}.run[{index}]" if is_list else f"{path}.run", text, "steps[].run"
                )
        for key, value in step.options.items():
            if (step.action, key) not in _LITERAL_OPTIONS:
                yield from _nested(value, f"{path}.with.{key}", "steps[].with")

    def _streams(self) -> Texts:
        step, path = self._step, self._path
        yield Text(f"{path}.stdout", step.stdout, "steps[].stdout")
        yield Text(f"{path}.stderr", step.stderr, "steps[].stderr")
        yield Text(f"{path}.stdout.artifact", step.stdout_artifact, "steps[].stdout.artifact")
        yield Text(f"{path}.stderr.artifact", step.stderr_artifact, "steps[].stderr.artifact")
        for entry in step.output_entries:
            place = f"{path}.output.{entry.key}"
            if entry.source:
                yield Text(f"{place}.path", entry.path, "steps[].output")
            else:
                yield from _nested(entry.value, place, "steps[].output")
        for field in step.stdout_outputs.fields if step.stdout_outputs else ():
            if field.is_literal:
                place = f"{path}.stdout.outputs.fields.{field.name}"
                yield from _nested(field.value, place, "steps[].stdout.outputs.fields")

    def _children(self) -> Texts:
        step, path = self._step, self._path
        if step.sub_dag is not None:
            yield Text(f"{path}.with.dag", step.sub_dag.name, "steps[].with.dag")
            yield Text(f"{path}.with.params", step.sub_dag.params, "steps[].with.params")
        yield from _selector(
            step.worker_selector, f"{path}.worker_selector", "steps[].worker_selector"
        )
        if step.parallel is not None:
            yield Text(f"{path}.parallel.variable", step.parallel.variable, "steps[].parallel")
            for index, item in enumerate(step.parallel.items):
                place = f"{path}.parallel.items[{index}]"
                part = "value" if isinstance(item, str) else "params"
                literal: JsonValue = item if isinstance(item, str) else dict(item)
                yield from _nested(literal, f"{place}.{part}", "steps[].parallel")
        if step.router is not None:
            yield Text(f"{path}.with.value", step.router.value, "steps[].with")
        if step.approval is not None:
            yield Text(f"{path}.approval.prompt", step.approval.prompt, "steps[].approval.prompt")
        foreach = step.foreach
        if foreach is not None:
            items: JsonValue = (
                foreach.items if isinstance(foreach.items, str) else list(foreach.items)
            )
            yield from _nested(items, f"{path}.foreach.items", "steps[].foreach")
            yield Text(f"{path}.foreach.key", foreach.key, "steps[].foreach", in_body=True)
            for name, value in foreach.collect.items():
                place = f"{path}.foreach.collect.{name}"
                yield Text(place, value, "steps[].foreach", in_body=True)


def _numbers(policy: RetryPolicy | RepeatPolicy, path: str, field: str) -> Texts:
    """Yield the numbers of a policy that are texts."""
    pairs = (("limit", policy.limit), ("interval_sec", policy.interval_s))
    for name, value in (*pairs, ("max_interval_sec", policy.max_interval_s)):
        if isinstance(value, str):
            yield Text(f"{path}.{name}", value, field)
