"""Names, ids and dependencies across the steps of a document (spec 10 section 6.2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from edge.workflow.build import Build
from edge.workflow.changes import replace
from edge.workflow.decode import Decoded
from edge.workflow.model import DAG, Step
from edge.workflow.problems import Fault, FaultError
from edge.workflow.routers import link_routers
from edge.workflow.step_rules import check_rules
from edge.workflow.words import is_name

__all__ = ["NamedStep", "find_cycle", "name_handler", "name_steps"]

_RESERVED_IDS = frozenset(["env", "params", "args", "stdout", "stderr", "output", "outputs"])
_RESERVED_NAMES = frozenset(("__agent__", "ask_user"))
_NOBODY: frozenset[str] = frozenset()


class NamedStep:
    """A built step with what is needed to settle its name; `step.name` is not final yet.

    `prefix` is that of a generated name; members of a group share their `position` in the list.
    `depends` is None when the step says nothing about it. `body` holds the steps of a `foreach`.
    """

    __slots__ = ("body", "depends", "fields", "name", "path", "position", "prefix", "step")

    def __init__(
        self,
        *,
        step: Step,
        name: str,
        prefix: str,
        depends: tuple[str, ...] | None,
        fields: Decoded,
        path: str,
        position: int = 0,
        body: Sequence[NamedStep] = (),
    ) -> None:
        self.step = step
        self.name = name
        self.prefix = prefix
        self.depends = depends
        self.fields = fields
        self.path = path
        self.position = position
        self.body = body


class _Scope:
    """Where names are settled: a document, or the body of step `owner` with what it sees."""

    __slots__ = ("identity", "ids", "is_v1", "names", "order", "owner", "rules")

    def __init__(
        self,
        *,
        is_v1: bool,
        owner: str = "",
        names: frozenset[str] = _NOBODY,
        ids: frozenset[str] = _NOBODY,
        outer: _Scope | None = None,
    ) -> None:
        self.is_v1 = is_v1
        self.owner = owner
        self.names = names
        self.ids = ids
        #: faults of identity, of dependencies, and of the rules across steps, in that order
        self.identity: list[Fault] = [] if outer is None else outer.identity
        self.order: list[Fault] = [] if outer is None else outer.order
        self.rules: list[Fault] = [] if outer is None else outer.rules

    def body_of(self, name: str, names: Iterable[str], ids: Iterable[str]) -> _Scope:
        return _Scope(
            is_v1=self.is_v1,
            owner=name,
            names=self.names.union(names),
            ids=self.ids.union(ids),
            outer=self,
        )

    def raise_any(self) -> None:
        faults = [*self.identity, *self.order, *self.rules]
        if faults:
            raise FaultError(faults)


def name_steps(built: Sequence[NamedStep], build: Build, *, chain: bool) -> tuple[Step, ...]:
    """Settle names, check identities, rewrite `depends` to names; in a chain add the implied ones.

    Raises: FaultError with every finding, identity first.
    """
    scope = _Scope(is_v1=build.dialect == "v1")
    steps = _settle(built, scope, chain=chain)
    if chain:
        steps = _chained(steps, built)
    scope.rules.extend(check_rules(steps, built, build))
    scope.raise_any()
    return steps


def name_handler(item: NamedStep, build: Build) -> Step:
    """Settle the body of a handler; its own name is given. Raises: FaultError."""
    scope = _Scope(is_v1=build.dialect == "v1")
    ids = [item.step.id] if item.step.id else []
    step = _with_body(replace(item.step, name=item.name), item, scope, [item.name], ids)
    scope.rules.extend(check_rules((step,), (item,), build))
    scope.raise_any()
    return step


def find_cycle(dag: DAG) -> tuple[str, ...]:
    """Return the names along one cycle of `depends`, the first repeated at the end; () if none."""
    depends = {step.name: step.depends for step in dag.steps}
    done: set[str] = set()
    for start in depends:
        # an explicit stack: thousands of steps in a row are ordinary
        trail: dict[str, None] = {}
        stack: list[tuple[str, int]] = [(start, 0)]
        while stack:
            name, index = stack.pop()
            if index == 0:
                if name in done:
                    continue
                if name in trail:
                    path = list(trail)
                    return (*path[path.index(name) :], name)
                trail[name] = None
            wanted = depends.get(name, ())
            if index < len(wanted):
                stack.append((name, index + 1))
                stack.append((wanted[index], 0))
            else:
                done.add(name)
                trail.pop(name, None)
    return ()


def _settle(built: Sequence[NamedStep], scope: _Scope, *, chain: bool = False) -> tuple[Step, ...]:
    names = _names(built, scope)
    scope.identity.extend(_check_ids(built, names, scope))
    scope.identity.extend(_check_names(built, names, scope))
    by_id = {item.step.id: name for item, name in zip(built, names, strict=True) if item.step.id}
    known = set(names)
    steps = []
    for item, name in zip(built, names, strict=True):
        depends = []
        for wanted in item.depends or ():
            if wanted in known:
                depends.append(wanted)
            elif wanted in by_id:
                depends.append(by_id[wanted])
            else:
                scope.order.append(_unknown_dependency(item, name, wanted, scope))
        step = replace(item.step, name=name, depends=tuple(dict.fromkeys(depends)))
        approval = step.approval
        if approval is not None and approval.rewind_to not in known and approval.rewind_to in by_id:
            target = by_id[approval.rewind_to]
            step = replace(step, approval=replace(approval, rewind_to=target))
        steps.append(_with_body(step, item, scope, names, by_id))
    try:
        return link_routers(steps, built, chain=chain)
    except FaultError as exc:
        scope.rules.extend(exc.faults)
        return tuple(steps)


def _with_body(
    step: Step, item: NamedStep, scope: _Scope, names: Iterable[str], ids: Iterable[str]
) -> Step:
    if step.foreach is None:
        return step
    body = _settle(item.body, scope.body_of(step.name, names, ids))
    return replace(step, foreach=replace(step.foreach, steps=body))


def _names(built: Sequence[NamedStep], scope: _Scope) -> list[str]:
    """Return the name of each step: written, else the id, else `<prefix>_<n>`.

    A generated name keeps clear of what a body sees too.
    """
    names = [item.name or item.step.id for item in built]
    taken = {name for name in names if name} | scope.names | scope.ids
    for index, item in enumerate(built):
        if names[index]:
            continue
        number = index + 1
        while f"{item.prefix}_{number}" in taken:
            number += 1
        names[index] = f"{item.prefix}_{number}"
        taken.add(names[index])
    return names


def _check_ids(built: Sequence[NamedStep], names: list[str], scope: _Scope) -> Iterable[Fault]:
    seen: set[str] = set()
    owners = {name: index for index, name in enumerate(names)}
    for index, item in enumerate(built):
        id_ = item.step.id
        if not id_:
            continue
        reason = _id_fault(id_, scope)
        if reason:
            yield _fault(item, "id", reason, id_, scope)
        if id_ in seen:
            yield _fault(item, "id", f"duplicate step ID: {id_}", id_, scope)
        seen.add(id_)
        if owners.get(id_, index) != index and names[index] != id_:
            message = f"step ID '{id_}' conflicts with another step's name"
            yield _fault(item, "id", message, id_, scope)
        if id_ != names[index]:
            yield from _collisions(item, "id", "ID", id_, scope)
    for index, item in enumerate(built):
        name = names[index]
        if name in seen and item.step.id != name:
            message = f"step name '{name}' conflicts with another step's ID"
            yield _fault(item, "name", message, name, scope)


def _id_fault(id_: str, scope: _Scope) -> str:
    """Return what is wrong with an id by itself; a document of Dagu 1.30 may use `-`."""
    if not is_name(id_.replace("-", "_") if scope.is_v1 else id_):
        return "invalid step ID format: must match ^[a-zA-Z][a-zA-Z0-9_]*$ (use '_' instead of '-')"
    if len(id_) > 40 and not scope.is_v1:
        return "step ID must be at most 40 characters"
    if id_.lower() in _RESERVED_IDS:
        return f"step ID '{id_}' is a reserved word"
    return ""


def _check_names(built: Sequence[NamedStep], names: list[str], scope: _Scope) -> Iterable[Fault]:
    seen: set[str] = set()
    longest = 40 if scope.is_v1 else 255
    for item, name in zip(built, names, strict=True):
        if len(name.encode("utf-8", "surrogatepass")) > longest:
            message = f"step name must be at most {longest} characters"
            yield _fault(item, "name", message, name, scope, section="name")
        if name in _RESERVED_NAMES:
            message = f"step name '{name}' is reserved by type: agent"
            yield _fault(item, "name", message, name, scope)
        if name in seen:
            yield _fault(item, "name", "step name must be unique", name, scope)
        seen.add(name)
        yield from _collisions(item, "name", "name", name, scope)


def _collisions(item: NamedStep, key: str, what: str, text: str, scope: _Scope) -> Iterable[Fault]:
    """Yield the fault of a body step that is called like something outside."""
    for kind, visible in (("name", scope.names), ("ID", scope.ids)):
        if text in visible:
            message = (
                f'foreach step {scope.owner} body step {what} "{text}" collides with a visible'
                f" step {kind}"
            )
            yield _placed(item, key, message, text, "foreach.steps")
            return


def _unknown_dependency(item: NamedStep, name: str, wanted: str, scope: _Scope) -> Fault:
    if not scope.owner:
        message = f"step {name} depends on non-existent step {wanted}"
        return _placed(item, "depends", message, wanted, "depends")
    if wanted in scope.names or wanted in scope.ids:
        message = f"foreach step {scope.owner} body dependencies must stay inside foreach.steps"
    else:
        message = (
            f"foreach step {scope.owner} body step {name} depends on non-existent body step"
            f" {wanted}"
        )
    return _placed(item, "depends", message, wanted, "foreach.steps")


def _fault(
    item: NamedStep, key: str, message: str, value: str, scope: _Scope, *, section: str = "steps"
) -> Fault:
    if scope.owner:
        message, section = f"foreach step {scope.owner} body: {message}", "foreach.steps"
    return _placed(item, key, message, value, section)


def _placed(item: NamedStep, key: str, message: str, value: str, section: str) -> Fault:
    node = item.fields.at(key)
    return Fault(
        node.line,
        node.column,
        f"{item.path}.{key}",
        message,
        bullet=f"field '{section}': {message} (value: {value}) ({item.path})",
    )


def _chained(steps: Sequence[Step], built: Sequence[NamedStep]) -> tuple[Step, ...]:
    """Make every step depend on all steps of the position before it.

    Only a document of Dagu 1.30 has `depends` here: it adds to the implied ones, `[]` removes them.
    """
    chained: list[Step] = []
    before: tuple[str, ...] = ()
    current: list[str] = []
    last = -1
    for step, item in zip(steps, built, strict=True):
        if item.position != last:
            if current:
                before = tuple(current)
            current = []
            last = item.position
        implied = () if item.depends == () else before
        chained.append(replace(step, depends=tuple(dict.fromkeys((*implied, *step.depends)))))
        current.append(step.name)
    return tuple(chained)
