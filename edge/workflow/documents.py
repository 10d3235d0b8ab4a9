"""The documents of a file, and the rules between them (spec 10 section 2)."""

from __future__ import annotations

from collections.abc import Iterable

from edge.workflow.dialect import is_v1
from edge.workflow.nodes import ListNode, MapNode, Node, ScalarNode, go_type
from edge.workflow.problems import DAGError, Problem
from edge.workflow.yaml_reader import Document

__all__ = ["Part", "document_error", "parts_of", "raw_problems"]


class Part:
    """One non-empty document: its root, and its number in the stream, from 0."""

    __slots__ = ("number", "root")

    def __init__(self, number: int, root: MapNode) -> None:
        self.number = number
        self.root = root

    @property
    def prefix(self) -> str:
        """Return what the paths in warnings start with: nothing for the entrypoint."""
        return f"document[{self.number}]." if self.number else ""


def document_error(message: str, node: Node | None = None, field: str = "") -> DAGError:
    """Return the error of a rule about documents, which has no further prefix."""
    line, column = (node.line, node.column) if node is not None else (0, 0)
    return DAGError(message, [Problem(line, column, field, message)], [message])


def parts_of(documents: Iterable[Document], source_file: str) -> list[Part]:
    """Return the documents that are not empty; the first is the entrypoint.

    Raises: DAGError for a document that is no mapping, or none at all.
    """
    parts: list[Part] = []
    for document in documents:
        root = document.root
        if root is None:
            continue
        if not isinstance(root, MapNode):
            raise _not_a_mapping(root, len(parts))
        parts.append(Part(len(parts), root))
    if not parts:
        raise document_error(f'no DAGs found in file "{source_file}"')
    return parts


def _not_a_mapping(root: Node, number: int) -> DAGError:
    kind = "sequence" if isinstance(root, ListNode) else go_type(root)
    reason = f"{kind} was used where mapping is expected"
    message = f"failed to decode document {number}: [{root.line}:{root.column}] {reason}"
    return DAGError(message, [Problem(root.line, root.column, "", reason)], [message])


def raw_problems(documents: list[Document], *, v1_compat: bool = True) -> list[Problem]:
    """Return what the `validate` column of spec 10 section 2 refuses, in document order.

    A 1.30 document may have a name, steps as a map, or none; in its file documents may be empty.
    """
    old = {
        id(document)
        for document in documents
        if v1_compat and isinstance(document.root, MapNode) and is_v1(document.root)
    }
    if old:
        documents = [document for document in documents if document.root is not None]
    if not any(document.root is not None for document in documents):
        return [Problem(1, 1, "", "entrypoint document must not be empty")]
    problems: list[Problem] = []
    names: set[str] = set()
    for index, document in enumerate(documents):
        is_old = id(document) in old
        label = "entrypoint document" if index == 0 else f"document {index + 1}"
        root = document.root
        if root is None or (index == 0 and not isinstance(root, MapNode)):
            problems.append(Problem(document.line, 1, "", f"{label} must not be empty"))
        elif isinstance(root, MapNode):
            problems += _name_problems(root, index, label, names, is_old=is_old)
            if not is_old:
                problems += _steps_problems(root, label)
    return problems


def _name_problems(
    root: MapNode, index: int, label: str, names: set[str], *, is_old: bool
) -> Iterable[Problem]:
    own = root.entries.get("name")
    if index == 0:
        if own is not None and not is_old:
            line, column = root.keys["name"]
            yield Problem(line, column, "name", f"{label} must not define name")
        return
    if own is None:
        yield Problem(root.line, root.column, "name", f"{label} must define name")
        return
    value = own.value if isinstance(own, ScalarNode) else None
    line, column = root.keys["name"]
    if not isinstance(value, str) or not value.strip():
        yield Problem(line, column, "name", f"{label} name must be a non-empty string")
    elif value in names:
        yield Problem(line, column, "name", f'DAG document name "{value}" must be unique')
    else:
        names.add(value)


def _steps_problems(root: MapNode, label: str) -> Iterable[Problem]:
    steps = root.entries.get("steps")
    if steps is None:
        yield Problem(root.line, root.column, "steps", f"{label} must define steps")
    elif not isinstance(steps, ListNode) or not steps.items:
        line, column = root.keys["steps"]
        yield Problem(line, column, "steps", f"{label} steps must be a non-empty sequence")
