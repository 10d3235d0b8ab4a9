"""References that a workflow's author should look at (spec 11 section 10).

Pure inspection of the first document: nothing is evaluated, no run ever shows a notice, and none
changes a verdict.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge.workflow.field_policy import FIELDS, Policy
from edge.workflow.inspection import Text, texts_of
from edge.workflow.model import DAG, Step
from edge.workflow.nodes import ListNode, MapNode, Node, ScalarNode
from edge.workflow.places import node_at, place_of
from edge.workflow.problems import Notice, Place
from edge.workflow.quoting import is_within, quoted_spans
from edge.workflow.references import (
    CONTEXT_FIELDS,
    TOKEN,
    Reference,
    is_context_path,
    parse_reference,
)
from edge.workflow.words import is_env_name

__all__ = ["MAX_NOTICES", "find_notices"]

#: nobody reads more; what comes behind is left out
MAX_NOTICES = 5000

#: outputs of actions that declare them themselves
_WORKTREE_OUTPUTS = {
    "git.worktree.add": ("path", "branch", "commit", "worktree_created", "branch_created"),
    "git.worktree.remove": ("path", "branch", "worktree_removed", "branch_deleted"),
}


_STEP_PATH = re.compile(r"steps\[[0-9]+\](?:\.foreach\.steps\[[0-9]+\])*")


class _Finding:
    """Why a reference has no value here; `text` follows `because`."""

    __slots__ = ("is_defect", "reason", "text")

    def __init__(self, text: str, reason: str, *, is_defect: bool = False) -> None:
        self.text = text
        self.reason = reason
        self.is_defect = is_defect


def find_notices(dag: DAG, root: MapNode) -> tuple[Notice, ...]:
    """Return the notices of a loaded document, each field and token once; `root` is its text."""
    return _Inspection(dag, root).run()


class _Inspection:
    """One pass over one document."""

    def __init__(self, dag: DAG, root: MapNode) -> None:
        self._dag = dag
        self._root = root
        own = _count(root.entries.get("env"))
        self._inherited = max(0, len(dag.env) - own)
        self._env = frozenset(entry.name for entry in dag.env)
        self._params = frozenset(param.name for param in dag.params if param.default is not None)
        self._steps = {step.id: step for step in dag.steps if step.id}
        self._by_name = {step.name: step for step in dag.steps}
        self._last: tuple[Step, set[str]] | None = None
        self._own: tuple[Step, frozenset[str]] | None = None
        self._notices: dict[tuple[str, str], Notice] = {}

    def run(self) -> tuple[Notice, ...]:
        texts = texts_of(self._dag, inherited_env=self._inherited)
        others: list[Text] = []
        for text in texts:
            # an `env` entry of root, step or handler: those come first
            if text.earlier is not None and not text.is_container:
                self._text(text)
                continue
            others.append(text)
        self._consts()
        for text in others:
            self._text(text)
        return tuple(self._notices.values())

    # texts

    def _text(self, text: Text) -> None:
        policy = FIELDS[text.field].policy
        if "$" not in text.text or policy is Policy.LITERAL:
            return
        path = self._spelled(text)
        found = list(_references(text.text))
        for wanted in (True, False):
            for token, reference in found:
                if (reference.kind == "steps") is wanted:
                    self._add(path, token, self._strict(reference, text, path), text.step)
        if text.earlier is not None:
            for token, name in _unqualified(text.text):
                if not self._is_named(name, text):
                    because = f"${name} had no value when {path} was evaluated."
                    because += f" unknown env.{name} binding."
                    finding = _Finding(because, "unknown_env_binding")
                    self._add(path, token, finding, text.step)

    def _spelled(self, text: Text) -> str:
        """Return the path as the file has it: one command may stand in a list."""
        if text.field == "dotenv[]":
            # the loader puts `.env` first
            node = self._root.entries.get("dotenv")
            for index, item in enumerate(node.items if isinstance(node, ListNode) else ()):
                if isinstance(item, ScalarNode) and item.value == text.text:
                    return f"dotenv[{index}]"
            return "dotenv"
        if text.field == "steps[].run" and text.path.endswith(".run"):
            node = node_at(self._root, text.path)
            if isinstance(node, ListNode) and len(node.items) == 1:
                return f"{text.path}[0]"
        return text.path

    def _consts(self) -> None:
        """Inspect `consts`: nothing but the entries above is known."""
        node = self._root.entries.get("consts")
        known = set(self._dag.consts)
        entries: list[tuple[str, Node]] = []
        for item in node.items if isinstance(node, ListNode) else ():
            entries += item.entries.items() if isinstance(item, MapNode) else ()
        known -= {name for name, _ in entries}
        for name, value in entries:
            if isinstance(value, ScalarNode) and isinstance(value.value, str):
                path = f"consts.{name}"
                for token, reference in _references(value.value):
                    finding = self._in_consts(reference, known, path)
                    self._add(path, token, finding, None, place=(value.line, value.column))
            known.add(name)

    def _in_consts(self, reference: Reference, known: set[str], path: str) -> _Finding | None:
        if reference.kind == "consts":
            return None if reference.name in known else _no_const(reference, path)
        if reference.kind == "steps":
            return _no_scope(path)
        if reference.kind == "params":
            return _no_param(reference, path)
        if reference.kind == "env":
            return _no_env(reference, path)
        if reference.kind == "context":
            return _no_context(reference, path)
        if reference.kind in ("payload", "foreach"):
            return _unavailable(reference, path, is_defect=False)
        return None

    def _add(
        self,
        path: str,
        token: str,
        finding: _Finding | None,
        step: Step | None,
        place: Place | None = None,
    ) -> None:
        if finding is None or (path, token) in self._notices or len(self._notices) >= MAX_NOTICES:
            return
        self._notices[path, token] = Notice(
            field=path,
            token=token,
            because=finding.text,
            reason=finding.reason,
            kind="defect" if finding.is_defect else "runtime_only",
            place=self._place(path, step) if place is None else place,
        )

    def _place(self, path: str, step: Step | None) -> Place:
        """Return where a field stands; in a group of steps the indexes of the file differ."""
        own = _STEP_PATH.match(path)
        if step is not None and own is not None and step.line:
            node = node_at(self._root, own[0])
            if node is None or node.line != step.line:
                return step.line, 1
        return place_of(self._root, path)

    # references

    def _strict(self, reference: Reference, text: Text, path: str) -> _Finding | None:
        """Return what is wrong with a reference of a field; None = it may have a value."""
        name = reference.name
        match reference.kind:
            case "steps":
                return None if text.in_body else self._step_output(reference, text, path)
            case "foreach":
                if text.in_body:
                    return None
                return _unavailable(reference, path, is_defect=True)
            case "consts":
                return None if name in self._dag.consts else _no_const(reference, path)
            case "params":
                return None if name in self._params else _no_param(reference, path)
            case "payload":
                if self._params:
                    return None
                return _unavailable(reference, path, is_defect=False)
            case "env":
                return None if self._is_named(name, text) else _no_env(reference, path)
            case "context":
                is_known = self._is_known_context(name, text)
                return None if is_known else _no_context(reference, path)
        return None

    def _is_named(self, name: str, text: Text) -> bool:
        """Tell whether an environment name has a value where the text stands."""
        if text.earlier is not None:
            if name in text.earlier:
                return True
            if not text.is_container:
                return text.step is not None and name in self._env
        return name in self._env or (text.step is not None and name in self._names_of(text.step))

    def _names_of(self, step: Step) -> frozenset[str]:
        """Return the names of a step's own `env`; kept for the next text of that step."""
        if self._own is None or self._own[0] is not step:
            self._own = (step, frozenset(entry.name for entry in step.env))
        return self._own[1]

    def _is_known_context(self, name: str, text: Text) -> bool:
        if "context" not in FIELDS[text.field].namespaces:
            return False
        if name == "step.id":
            return text.step is not None and bool(text.step.id)
        return name == "dag.name" or (name == "step.name" and text.step is not None)

    def _step_output(self, reference: Reference, text: Text, path: str) -> _Finding | None:
        owner = text.step
        has_scope = "steps" in FIELDS[text.field].namespaces
        if owner is None or text.is_handler or not has_scope:
            return _no_scope(path)
        producer = self._steps.get(reference.name)
        if producer is None:
            because = "the referenced step id does not exist"
            return _of_step(because, "unknown_step_id", path)
        if producer is owner:
            because = "a step cannot reference its own output"
            return _of_step(because, "self_reference", path)
        if reference.output not in _outputs(producer):
            because = "the referenced output name is not declared"
            return _of_step(because, "unknown_output_name", path)
        # most references are to a direct predecessor; all of them cost much in a long chain
        name = producer.name
        if name not in owner.depends and name not in self._predecessors(owner):
            because = "the owning step does not depend on the producing step"
            return _of_step(because, "missing_dependency", path)
        return None

    def _predecessors(self, step: Step) -> set[str]:
        """Return the names of all steps before one; kept for the next text of that step."""
        if self._last is not None and self._last[0] is step:
            return self._last[1]
        by_name = self._by_name
        found: set[str] = set()
        pending = list(step.depends)
        while pending:
            name = pending.pop()
            if name not in found:
                found.add(name)
                pending += by_name[name].depends if name in by_name else ()
        self._last = (step, found)
        return found


def _references(text: str) -> Iterator[tuple[str, Reference]]:
    """Yield the strict references that no backslash takes the meaning from."""
    for match in TOKEN.finditer(text):
        slashes, braced = match["slashes"], match["braced"]
        if braced is not None and len(slashes) % 2 == 0:
            reference = parse_reference(braced)
            if reference is not None:
                yield match[0][len(slashes) :], reference


def _unqualified(text: str) -> Iterator[tuple[str, str]]:
    """Yield the plain `$X` and `${X}` that the engine would replace."""
    spans = quoted_spans(text)
    for match in TOKEN.finditer(text):
        slashes = match["slashes"]
        name = match["name"] or match["braced"]
        if len(slashes) % 2 or name is None or not is_env_name(name) or name == "params":
            continue
        if not is_within(spans, match.start() + len(slashes)):
            yield match[0][len(slashes) :], name


def _count(node: Node | None) -> int:
    """Return the number of entries of an `env` of any form."""
    if isinstance(node, MapNode):
        return len(node.entries)
    if not isinstance(node, ListNode):
        return 0
    return sum(len(item.entries) if isinstance(item, MapNode) else 1 for item in node.items)


def _outputs(step: Step) -> tuple[str, ...]:
    names = tuple(output.name for output in step.outputs)
    return names + _WORKTREE_OUTPUTS.get(step.action, ())


# the texts


def _missing(what: str, path: str, why: str) -> str:
    return f"{what} had no value when {path} was evaluated. {why}"


def _no_scope(path: str) -> _Finding:
    text = f"{path} has no step-output lookup scope."
    return _Finding(text, "namespace_unavailable", is_defect=True)


def _of_step(because: str, reason: str, path: str) -> _Finding:
    return _Finding(f"{because} when {path} was evaluated.", reason, is_defect=True)


def _no_const(reference: Reference, path: str) -> _Finding:
    what = f"consts.{reference.name}"
    text = _missing(what, path, f"unknown {what} binding.")
    return _Finding(text, "unknown_const_name", is_defect=True)


def _no_param(reference: Reference, path: str) -> _Finding:
    what = f"params.{reference.name}"
    return _Finding(_missing(what, path, f"unknown {what} binding."), "")


def _no_env(reference: Reference, path: str) -> _Finding:
    what = f"env.{reference.name}"
    return _Finding(_missing(what, path, f"unknown {what} binding."), "unknown_env_binding")


def _no_context(reference: Reference, path: str) -> _Finding | None:
    what = f"context.{reference.name}"
    if reference.name in CONTEXT_FIELDS:
        why = f"{what} is populated during a DAG run."
        return _Finding(_missing(what, path, why), "namespace_unavailable")
    if not is_context_path(what):
        return None
    text = _missing(what, path, f"unknown context field {what}.")
    return _Finding(text, "unknown_context_field", is_defect=True)


def _unavailable(reference: Reference, path: str, *, is_defect: bool) -> _Finding:
    what = "params" if reference.kind == "payload" else f"foreach.{reference.name}"
    text = _missing(what, path, f"{what} is unavailable in this context.")
    return _Finding(text, "namespace_unavailable", is_defect=is_defect)
