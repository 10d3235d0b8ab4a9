"""Names, ids and dependencies across the steps of a document (spec 10 section 6.2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from edge.workflow.decode import Decoded
from edge.workflow.model import DAG, Step
from edge.workflow.problems import Fault, FaultError
from edge.workflow.routers import link_routers
from edge.workflow.words import is_name

__all__ = ["NamedStep", "find_cycle", "name_steps"]

_RESERVED_IDS = frozenset(["env", "params", "args", "stdout", "stderr", "output", "outputs"])
_RESERVED_NAMES = frozenset(("__agent__", "ask_user"))


class NamedStep:
    """A built step with what is needed to settle its name; `step.name` is not final yet.

    `prefix` is that of a generated name; members of a group share their `position` in the list.
    """

    __slots__ = ("depends", "fields", "name", "path", "position", "prefix", "step")

    def __init__(
        self,
        *,
        step: Step,
        name: str,
        prefix: str,
        depends: tuple[str, ...],
        fields: Decoded,
        path: str,
        position: int,
    ) -> None:
        self.step = step
        self.name = name
        self.prefix = prefix
        self.depends = depends
        self.fields = fields
        self.path = path
        self.position = position


def name_steps(built: Sequence[NamedStep], *, chain: bool, dialect: str = "v2") -> tuple[Step, ...]:
    """Settle names, check identities, rewrite `depends` to names; in a chain add the implied ones.

    The names of Dagu 1.30 have rules of their own (spec 10 section 13.1).
    Raises: FaultError with every finding, identity first.
    """
    names = _names(built)
    is_old = dialect == "v1"
    faults = [*_check_ids(built, names, is_old), *_check_names(built, names, is_old)]
    by_id = {item.step.id: name for item, name in zip(built, names, strict=True) if item.step.id}
    known = set(names)
    steps = []
    for index, item in enumerate(built):
        depends = []
        for wanted in item.depends:
            if wanted in known:
                depends.append(wanted)
            elif wanted in by_id:
                depends.append(by_id[wanted])
            else:
                faults.append(_unknown_dependency(item, names[index], wanted))
        steps.append(replace(item.step, name=names[index], depends=tuple(dict.fromkeys(depends))))
    if faults:
        raise FaultError(faults)
    linked = link_routers(steps, built, chain=chain)
    return _chained(linked, built) if chain else linked


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


def _names(built: Sequence[NamedStep]) -> list[str]:
    """Return the name of each step: written, else the id, else `<prefix>_<n>`."""
    names = [item.name or item.step.id for item in built]
    taken = {name for name in names if name}
    for index, item in enumerate(built):
        if names[index]:
            continue
        number = index + 1
        while f"{item.prefix}_{number}" in taken:
            number += 1
        names[index] = f"{item.prefix}_{number}"
        taken.add(names[index])
    return names


def _check_ids(built: Sequence[NamedStep], names: list[str], is_old: bool) -> Iterable[Fault]:
    seen: set[str] = set()
    owners = {name: index for index, name in enumerate(names)}
    for index, item in enumerate(built):
        id_ = item.step.id
        if not id_:
            continue
        if not is_name(id_.replace("-", "_") if is_old else id_):
            yield _fault(
                item,
                "id",
                "invalid step ID format: must match ^[a-zA-Z][a-zA-Z0-9_]*$ "
                "(use '_' instead of '-')",
                id_,
            )
        elif len(id_.encode()) > 40 and not is_old:
            yield _fault(item, "id", "step ID must be at most 40 characters", id_)
        elif id_.lower() in _RESERVED_IDS:
            yield _fault(item, "id", f"step ID '{id_}' is a reserved word", id_)
        if id_ in seen:
            yield _fault(item, "id", f"duplicate step ID: {id_}", id_)
        seen.add(id_)
        if owners.get(id_, index) != index and names[index] != id_:
            message = f"step ID '{id_}' conflicts with another step's name"
            yield _fault(item, "id", message, id_)
    for index, item in enumerate(built):
        name = names[index]
        if name in seen and item.step.id != name:
            message = f"step name '{name}' conflicts with another step's ID"
            yield _fault(item, "name", message, name)


def _check_names(built: Sequence[NamedStep], names: list[str], is_old: bool) -> Iterable[Fault]:
    seen: set[str] = set()
    limit = 40 if is_old else 255
    for item, name in zip(built, names, strict=True):
        if len(name.encode("utf-8", "surrogatepass")) > limit:
            message = f"step name must be at most {limit} characters"
            yield _fault(item, "name", message, name, section="name")
        if name in _RESERVED_NAMES:
            yield _fault(item, "name", f"step name '{name}' is reserved by type: agent", name)
        if name in seen:
            yield _fault(item, "name", "step name must be unique", name)
        seen.add(name)


def _unknown_dependency(item: NamedStep, name: str, wanted: str) -> Fault:
    message = f"step {name} depends on non-existent step {wanted}"
    return _fault(item, "depends", message, wanted, section="depends")


def _fault(item: NamedStep, key: str, message: str, value: str, *, section: str = "steps") -> Fault:
    node = item.fields.at(key)
    return Fault(
        node.line,
        node.column,
        f"{item.path}.{key}",
        message,
        bullet=f"field '{section}': {message} (value: {value}) ({item.path})",
    )


def _chained(steps: Sequence[Step], built: Sequence[NamedStep]) -> tuple[Step, ...]:
    """Make every step depend on all steps of the position before it, and on what it lists.

    Only a 1.30 document lists anything in a chain; an empty list takes the implied ones away.
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
        is_free = item.fields.get("depends") is not None and not item.depends
        implied = () if is_free else before
        chained.append(replace(step, depends=tuple(dict.fromkeys((*implied, *step.depends)))))
        current.append(step.name)
    return tuple(chained)
