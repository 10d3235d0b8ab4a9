"""Steps and handlers: their containers and their fields (spec 10 sections 6.1, 6.4, 7.6)."""

from __future__ import annotations

from collections.abc import Iterator

from edge.workflow.build import Build
from edge.workflow.containers import read_container
from edge.workflow.decode import Decoded, decode
from edge.workflow.execution import Execution
from edge.workflow.fanout import body_nodes, read_foreach, read_parallel
from edge.workflow.fields import CONTEXTS
from edge.workflow.human import HUMAN_TASK, is_human_task, read_approval, read_human_task
from edge.workflow.identity import NamedStep, name_handler, name_steps
from edge.workflow.model import Foreach, Handlers, OutputDecl, Step
from edge.workflow.nodes import ListNode, MapNode, Node, ScalarNode, go_text
from edge.workflow.placement import read_dependencies, read_inputs, read_labels_of_worker
from edge.workflow.problems import Fault, FaultError, Findings
from edge.workflow.publish import Published, read_published
from edge.workflow.runs import read_execution
from edge.workflow.shapes import fail, is_null, read_depends, read_log_output
from edge.workflow.step_policies import Policies, read_policies, with_defaults
from edge.workflow.streams import Streams, read_streams

__all__ = ["HANDLER_NAMES", "MAX_STEPS", "build_handlers", "build_steps"]

HANDLER_NAMES = {
    "init": "onInit",
    "success": "onSuccess",
    "failure": "onFailure",
    "abort": "onAbort",
    "exit": "onExit",
    "wait": "onWait",
}
#: a document with more is refused: it would not load within 2 s (the aim is 5,000 in a run)
MAX_STEPS = 10_000
_NOTHING = Execution()
_NO_POLICIES = Policies()
_NO_STREAMS = Streams()
_NOT_PUBLISHED = Published()
# most steps have none of these: a look saves the readers, which counts over thousands of steps
_POLICIES = frozenset(CONTEXTS["defaults"])
_PUBLISHING = frozenset(("output", "output_schema", "outputs", "stderr", "stdout"))


class _Item:
    """A step as it stands in the file."""

    __slots__ = ("name", "node", "path", "position")

    def __init__(self, node: Node, path: str, position: int, name: str = "") -> None:
        self.node = node
        self.path = path
        self.position = position
        self.name = name


def build_steps(node: Node | None, build: Build) -> tuple[Step, ...]:
    """Build every step; names settled, `depends` rewritten to names.

    Raises: FaultError; building stops at the first bad step. Faults across steps come together.
    """
    if node is None or is_null(node):
        return ()
    built: list[NamedStep] = []
    for item in _items(node):
        if len(built) >= MAX_STEPS:
            fail(item.node, "steps", f"a workflow can have at most {MAX_STEPS} steps")
        try:
            built.append(_build_item(item, build))
        except FaultError as exc:
            raise exc.within(item.path, "steps") from None
    return name_steps(built, build, chain=build.is_chain and isinstance(node, ListNode))


def build_handlers(node: Node | None, build: Build) -> Handlers:
    """Build the handlers; their names are forced, a written name or `depends` has no effect."""
    found: dict[str, Step] = {}
    if not isinstance(node, MapNode):
        return Handlers()
    for event, value in node.entries.items():
        if is_null(value) or (isinstance(value, MapNode) and not value.entries):
            continue
        path = f"handler_on.{event}"
        try:
            fields = decode(value, "step")
            made = _step(fields, build.inside(handler=event), value.line, path)
        except FaultError as exc:
            raise exc.within(path, "handlers") from None
        made.name = HANDLER_NAMES[event]
        found[event] = name_handler(made, build)
    return Handlers(**found)


def _build_item(item: _Item, build: Build) -> NamedStep:
    node = item.node
    if isinstance(node, ScalarNode) and isinstance(node.value, str):
        node = MapNode(node.line, node.column, {"command": node}, {"command": (node.line, 1)})
        fields = Decoded(node)
    elif isinstance(node, MapNode):
        fields = decode(node, "step")
    else:
        fail(node, "", "invalid step data", go_text(node))
    made = _step(fields, build, node.line, item.path)
    made.name = item.name or made.name
    made.position = item.position
    # documents of Dagu 1.30 add to the order of a chain
    if made.depends is not None and build.is_chain and build.dialect != "v1":
        fail(
            fields.at("depends"),
            "depends",
            f"step '{made.name or made.step.id}': depends field is not allowed for DAGs with type"
            " 'chain'; use type 'graph' for explicit dependencies",
            "[" + " ".join(made.depends) + "]",
        )
    return made


def _items(node: Node) -> Iterator[_Item]:
    """Yield the steps of all containers; members of a group share their position."""
    if isinstance(node, MapNode):
        for index, name in enumerate(sorted(node.entries)):
            yield _Item(node.entries[name], f"steps.{name}", index, name.strip())
        return
    if not isinstance(node, ListNode):
        raise FaultError(
            [Fault(node.line, node.column, "steps", "steps must be an array or a map")]
        )
    for position, child in enumerate(node.items):
        path = f"steps[{position}]"
        if isinstance(child, ListNode):
            for index, member in enumerate(child.items):
                yield _Item(member, f"{path}[{index}]", position)
        else:
            yield _Item(child, path, position)


def _step(fields: Decoded, build: Build, line: int, path: str) -> NamedStep:
    """Build one step; its name stands as written, its body is not named yet."""
    custom = ""
    if build.actions:
        from edge.workflow.action_expansion import expand_action

        fields, custom = expand_action(fields, build)
    found = Findings()
    executed = _NOTHING
    foreach: Foreach | None = None
    body: list[NamedStep] = []
    form_outputs: tuple[OutputDecl, ...] = ()
    is_human = is_human_task(fields)
    if is_human:
        task = found.read(lambda: read_human_task(fields, build.handler), None)
        if task is not None:
            executed = Execution(action=HUMAN_TASK, options=task.options, prefix="step")
            form_outputs = task.outputs
    elif fields.get("foreach") is not None:
        executed = Execution(type="foreach")
        foreach = found.read(lambda: read_foreach(fields), None)
        if foreach is not None:
            body = found.read(lambda: _body(fields, build, path), body)
    else:
        executed = found.read(lambda: read_execution(fields, build), _NOTHING)
    merged = with_defaults(fields, build, is_human=is_human)
    policies = _NO_POLICIES
    if not _POLICIES.isdisjoint(merged.node.entries):
        policies = found.read(lambda: read_policies(merged, build.dialect), _NO_POLICIES)
    streams, shown = _NO_STREAMS, _NOT_PUBLISHED
    if not is_human and not _PUBLISHING.isdisjoint(fields.node.entries):
        streams = found.read(lambda: read_streams(fields), _NO_STREAMS)
        shown = found.read(lambda: read_published(fields), _NOT_PUBLISHED)
    container = found.read(lambda: read_container(fields.get("container")), None)
    parallel = found.read(lambda: read_parallel(fields.get("parallel")), None)
    approval = found.read(lambda: read_approval(fields.get("approval")), None)
    labels = found.read(lambda: read_labels_of_worker(fields.get("worker_selector")), {})
    inputs = found.read(lambda: read_inputs(fields.get("inputs")), ())
    files = found.read(lambda: read_dependencies(fields.get("dependencies")), ())
    found.raise_any()
    depends = fields.get("depends")
    log_output = fields.get("log_output")
    step = Step(
        name=fields.text("name").strip(),
        id=fields.text("id").strip(),
        description=fields.text("description").strip(),
        run=executed.run,
        type="parallel" if parallel and executed.type == "dag" else executed.type,
        action=executed.action,
        options=executed.options,
        custom_action=custom,
        sub_dag=executed.sub_dag,
        parallel=parallel,
        foreach=foreach,
        router=executed.router,
        approval=approval,
        container=container,
        worker_selector=labels,
        shell=executed.shell,
        shell_args=executed.shell_args,
        shell_packages=executed.shell_packages,
        env=policies.env,
        working_dir=fields.text("working_dir"),
        stdout=streams.stdout,
        stderr=streams.stderr,
        stdout_artifact=streams.stdout_artifact,
        stderr_artifact=streams.stderr_artifact,
        stdout_outputs=streams.stdout_outputs,
        output=shown.output,
        output_entries=shown.output_entries,
        output_schema=shown.output_schema,
        outputs=form_outputs or shown.outputs,
        inputs=inputs,
        dependencies=files,
        log_output=None if log_output is None else read_log_output(log_output),
        timeout_s=policies.timeout_s,
        retry_policy=policies.retry_policy,
        repeat_policy=policies.repeat_policy,
        continue_on=policies.continue_on,
        preconditions=policies.preconditions,
        mail_on_error=policies.mail_on_error,
        signal_on_stop=policies.signal_on_stop,
        line=line,
    )
    return NamedStep(
        step=step,
        name=step.name,
        prefix=custom or executed.prefix,
        depends=None if depends is None else read_depends(depends),
        fields=fields,
        path=path,
        body=body,
    )


def _body(fields: Decoded, build: Build, path: str) -> list[NamedStep]:
    """Build the steps of a `foreach`; they have no defaults and an order of their own."""
    node = fields.at("foreach")
    assert isinstance(node, MapNode)
    inner = build.inside(in_body=True)
    found = []
    for index, item in enumerate(body_nodes(node)):
        place = f"foreach.steps[{index}]"
        try:
            found.append(_build_item(_Item(item, f"{path}.{place}", index), inner))
        except FaultError as exc:
            faults = [
                Fault(
                    fault.line,
                    fault.column,
                    f"{place}.{fault.field}" if fault.field else place,
                    fault.message,
                    fault.value,
                    bullet=fault.bullet,
                )
                for fault in exc.faults
            ]
            raise FaultError(faults, decoding=exc.decoding) from None
    return found
