"""From YAML text to a validated DAG; the verdict of `validate` (spec 10 sections 1 to 5, 14)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

from edge.workflow.base import merge_documents
from edge.workflow.decode import check_mapping
from edge.workflow.model import DAG
from edge.workflow.nodes import ListNode, MapNode, Node, ScalarNode, go_type
from edge.workflow.problems import (
    NOT_YET,
    DAGError,
    Fault,
    FaultError,
    Problem,
    ValidationReport,
)
from edge.workflow.root import Inherited, build_dag
from edge.workflow.shapes import is_null
from edge.workflow.yaml_reader import Document, read_documents

__all__ = ["load_dag", "validate_text"]

_DECODE = "decoding failed due to the following error(s):"


def load_dag(
    text: str,
    *,
    name: str | None = None,
    default_name: str = "",
    base_text: str = "",
    source_file: str = "",
) -> DAG:
    """Load the entrypoint document over the base configuration.

    `name` overrides the document's own; `default_name` is used when it has none, then the stem of
    `source_file`. Raises: DAGError with every problem found.
    """
    documents = [document for document in read_documents(text) if document.root is not None]
    if not documents:
        raise _document_error(f'no DAGs found in file "{source_file}"')
    root = documents[0].root
    if not isinstance(root, MapNode):
        assert root is not None
        raise _not_a_mapping(root)
    if len(documents) > 1:
        raise _more_documents(documents[1])
    base, inherited = _base(base_text)
    _check_root(root)
    merged = root if base is None else merge_documents(base, root)
    errors: list[FaultError] = []
    own_name = root.entries.get("name")
    written = own_name.value if isinstance(own_name, ScalarNode) else None
    effective = name or (written.strip() if isinstance(written, str) else "")
    effective = effective or default_name or _stem(source_file)
    dag = build_dag(merged, effective, inherited, errors)
    if errors:
        raise _build_error(errors)
    return replace(dag, source_file=source_file, text=text, base_text=base_text)


def validate_text(
    text: str,
    *,
    source_file: str = "",
    base_text: str = "",
    default_name: str = "",
    raw_checks: bool = True,
) -> ValidationReport:
    """Return the verdict of `validate`; never raises for a bad text.

    `raw_checks` are the rules of a file given by path: no root name, steps as a sequence, no empty
    document (spec 10 section 2).
    """
    try:
        problems = _raw_problems(read_documents(text)) if raw_checks else []
        if problems:
            bullet = "\n".join(problem.message for problem in problems)
            return ValidationReport(errors=tuple(problems), bullets=(bullet,))
        dag = load_dag(
            text, default_name=default_name, base_text=base_text, source_file=source_file
        )
    except DAGError as exc:
        return ValidationReport(errors=exc.problems, bullets=exc.bullets)
    return ValidationReport(errors=(), warnings=dag.warnings)


def _stem(path: str) -> str:
    file = path.rpartition("/")[2]
    return file.removesuffix(".yaml").removesuffix(".yml")


def _document_error(message: str) -> DAGError:
    return DAGError(message, [Problem(0, 0, "", message)], [message])


def _not_a_mapping(root: Node) -> DAGError:
    kind = {"[]interface {}": "sequence"}.get(go_type(root), go_type(root))
    reason = f"{kind} was used where mapping is expected"
    message = f"failed to decode document 0: [{root.line}:{root.column}] {reason}"
    return DAGError(message, [Problem(root.line, root.column, "", reason)], [message])


def _more_documents(document: Document) -> DAGError:
    message = f"more than one document in a file is {NOT_YET}"
    return DAGError(message, [Problem(document.line, 1, "", message)], [message])


@lru_cache(maxsize=8)
def _base(text: str) -> tuple[MapNode | None, Inherited]:
    """Return the base document, checked in full, and what is merged after reading."""
    if not text.strip():
        return None, Inherited()
    try:
        documents = [document.root for document in read_documents(text) if document.root]
    except DAGError as exc:
        message = f"failed to unmarshal base config: {exc}"
        raise DAGError(message, _of_base(exc.problems), [message]) from None
    if not documents:
        return None, Inherited()
    node = documents[0]
    if not isinstance(node, MapNode):
        message = f"failed to unmarshal base config: expected a mapping, got {go_type(node)}"
        raise DAGError(message, [Problem(0, 0, "base config", message)], [message])
    errors: list[FaultError] = []
    try:
        _check_root(node)
        dag = build_dag(node, "base", Inherited(), errors)
        if errors:
            raise _build_error(errors)
    except DAGError as exc:
        message = "failed to decode base config: " + "; ".join(exc.bullets)
        raise DAGError(message, _of_base(exc.problems), [message]) from None
    return node, Inherited(dag.params, dag.consts)


def _of_base(problems: Iterable[Problem]) -> list[Problem]:
    """Say in the message that the place is in the base configuration, not in the file."""
    return [
        Problem(
            0,
            0,
            "base config",
            f"line {problem.line}, column {problem.column}: {problem.field}: {problem.message}",
        )
        for problem in problems
    ]


def _check_root(root: MapNode) -> None:
    """Check keys and types of the root. Raises: DAGError."""
    faults = check_mapping(root, "root")
    if not faults and not is_null(root.entries.get("labels")) and "tags" in root.entries:
        line, column = root.keys["tags"]
        text = "labels and deprecated tags cannot both be set"
        message = f"failed to process document 0: {text}"
        raise DAGError(message, [Problem(line, column, "tags", text)], [message])
    if not faults:
        return
    lines = [fault.text for fault in faults if fault.text]
    problems = [Problem(fault.line, fault.column, fault.field, fault.message) for fault in faults]
    if all(fault.message == NOT_YET for fault in faults):
        message = "failed to process document 0: " + "; ".join(lines)
        raise DAGError(message, problems, lines)
    raise DAGError(
        f"failed to process document 0: {_DECODE}\n\n" + "\n".join(lines),
        problems,
        [f"failed to process document 0: {_DECODE}\n" + "\n".join(lines)],
    )


def _build_error(errors: list[FaultError]) -> DAGError:
    bullets: list[str] = []
    problems: list[Problem] = []
    for error in errors:
        bullets.append(_bullet(error))
        problems.extend(_problem(fault, error.base) for fault in error.faults)
    bullets = list(dict.fromkeys(bullets))
    message = "failed to process document 0: failed to build DAG: " + "; ".join(bullets)
    return DAGError(message, dict.fromkeys(problems), bullets)


def _problem(fault: Fault, base: str) -> Problem:
    path = f"{base}.{fault.field}" if base and fault.field else base or fault.field
    return Problem(fault.line, fault.column, path, fault.message)


def _bullet(error: FaultError) -> str:
    texts = [fault.text for fault in error.faults if fault.text]
    if not error.section:
        return "; ".join(texts)
    where = f" ({error.base})" if error.base != "defaults" else ""
    if all(fault.message == NOT_YET for fault in error.faults):
        return "; ".join(f"field '{error.base}.{fault.field}': {NOT_YET}" for fault in error.faults)
    if error.decoding:
        inner = "defaults" if error.base == "defaults" else error.section
        lines = "\n".join(texts)
        return f"field '{error.section}': field '{inner}': {_DECODE}\n{lines}{where}"
    return "; ".join(f"field '{error.section}': {text}" for text in texts) + where


def _raw_problems(documents: list[Document]) -> list[Problem]:
    """Return the problems of the `validate` column of spec 10 section 2, in document order."""
    problems: list[Problem] = []
    if not any(document.root is not None for document in documents):
        return [Problem(1, 1, "", "entrypoint document must not be empty")]
    names: set[str] = set()
    for index, document in enumerate(documents):
        label = "entrypoint document" if index == 0 else f"document {index + 1}"
        root = document.root
        if root is None or (index == 0 and not isinstance(root, MapNode)):
            problems.append(Problem(document.line, 1, "", f"{label} must not be empty"))
        elif isinstance(root, MapNode):
            problems.extend(_raw_document(root, index, label, names))
    return problems


def _raw_document(root: MapNode, index: int, label: str, names: set[str]) -> Iterable[Problem]:
    own = root.entries.get("name")
    if index == 0 and own is not None:
        line, column = root.keys["name"]
        yield Problem(line, column, "name", f"{label} must not define name")
    elif index and own is None:
        yield Problem(root.line, root.column, "name", f"{label} must define name")
    elif index:
        value = own.value if isinstance(own, ScalarNode) else None
        line, column = root.keys["name"]
        if not isinstance(value, str) or not value.strip():
            yield Problem(line, column, "name", f"{label} name must be a non-empty string")
        elif value in names:
            yield Problem(line, column, "name", f'DAG document name "{value}" must be unique')
        else:
            names.add(value)
    steps = root.entries.get("steps")
    if steps is None:
        yield Problem(root.line, root.column, "steps", f"{label} must define steps")
    elif not isinstance(steps, ListNode) or not steps.items:
        line, column = root.keys["steps"]
        yield Problem(line, column, "steps", f"{label} steps must be a non-empty sequence")
