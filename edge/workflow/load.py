"""From YAML text to a validated DAG; the verdict of `validate` (spec 10 sections 1 to 5, 14)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from edge.core.memory import collection_paused
from edge.workflow.advice import called_by_run, deprecations, order_warning
from edge.workflow.base import merge_documents
from edge.workflow.base_config import base_error, base_node, overlay, workspace_of
from edge.workflow.changes import replace
from edge.workflow.decode import check_mapping
from edge.workflow.dialect import is_v1, normalise
from edge.workflow.documents import Part, document_error, parts_of, raw_problems
from edge.workflow.model import DAG
from edge.workflow.nodes import MapNode, ScalarNode
from edge.workflow.problems import (
    DAGError,
    Fault,
    FaultError,
    Problem,
    RegistryError,
    ValidationReport,
)
from edge.workflow.root import Inherited, build_dag
from edge.workflow.shapes import is_null
from edge.workflow.yaml_reader import Document, read_documents

__all__ = ["LoadOptions", "load_dag", "validate_text"]

_DECODE = "decoding failed due to the following error(s):"
#: what a list, an index and the scheduler read of a document (spec 10 section 3)
_METADATA = frozenset(
    "name group description type labels tags consts params env schedule skip_if_successful"
    " catchup_window overlap_policy worker_selector queue timeout_sec delay_sec restart_wait_sec"
    " max_active_steps max_active_runs max_clean_up_time_sec run_config retry_policy".split()
)
#: what the scheduler takes from the document alone, whatever the base says
_SCHEDULING = frozenset(("schedule", "catchup_window", "overlap_policy", "skip_if_successful"))


class LoadOptions:
    """How a text is loaded, where it differs from a start of the file itself.

    `v1_compat` False refuses the language of Dagu 1.30 (spec 10 section 13.1). `workspace_base`
    gives the text of a workspace's base configuration, "" without one. `is_dag` tells whether the
    store has a DAG of a name; it is asked for warnings only. `metadata_only` reads what lists show,
    without any base configuration; `as_child` leaves out the base's handlers (section 2);
    `for_scheduler` takes schedules from the document alone (section 3).
    """

    __slots__ = (
        "as_child",
        "for_scheduler",
        "is_dag",
        "metadata_only",
        "v1_compat",
        "workspace_base",
    )

    def __init__(
        self,
        *,
        v1_compat: bool = True,
        workspace_base: Callable[[str], str] | None = None,
        is_dag: Callable[[str], bool] | None = None,
        metadata_only: bool = False,
        as_child: bool = False,
        for_scheduler: bool = False,
    ) -> None:
        self.v1_compat = v1_compat
        self.workspace_base = workspace_base
        self.is_dag = is_dag
        self.metadata_only = metadata_only
        self.as_child = as_child
        self.for_scheduler = for_scheduler


_DEFAULT = LoadOptions()


def load_dag(
    text: str,
    *,
    name: str | None = None,
    default_name: str = "",
    base_text: str = "",
    source_file: str = "",
    options: LoadOptions = _DEFAULT,
) -> DAG:
    """Load the entrypoint document over the base configuration, and the local sub-DAGs.

    `name` overrides the document's own; `default_name` is used when it has none, then the stem of
    `source_file`. The sub-DAGs are in `local_dags`, by name; theirs is empty, they see the same
    ones (spec 10 section 2). Raises: DAGError with every problem of the first bad document.
    """
    with collection_paused():
        documents = read_documents(text)
        return _load(text, documents, name, default_name, base_text, source_file, options)


def _load(
    text: str,
    documents: list[Document],
    name: str | None,
    default_name: str,
    base_text: str,
    source_file: str,
    options: LoadOptions,
) -> DAG:
    parts = parts_of(documents, source_file)
    names = {_own_name(part.root) for part in parts[1:]}
    loader = _Loader(base_text, source_file, options, names)
    effective = name or _own_name(parts[0].root) or default_name or _stem(source_file)
    entry = loader.load(parts[0], effective, text)
    if len(parts) == 1 or options.metadata_only:
        return entry
    local: dict[str, DAG] = {}
    for part in parts[1:]:
        own = _local_name(part, {entry.name, *local})
        local[own] = loader.load(part, own, None)
    warnings, old = list(entry.warnings), list(entry.deprecations)
    for dag in local.values():
        warnings += dag.warnings
        old += dag.deprecations
    return replace(
        entry,
        local_dags=local,
        warnings=tuple(dict.fromkeys(warnings)),
        deprecations=tuple(dict.fromkeys(old)),
    )


def validate_text(
    text: str,
    *,
    source_file: str = "",
    base_text: str = "",
    default_name: str = "",
    raw_checks: bool = True,
    options: LoadOptions = _DEFAULT,
) -> ValidationReport:
    """Return the verdict of `validate`; never raises for a bad text.

    `raw_checks` are the rules of a file given by path: no root name, steps as a sequence, no empty
    document (spec 10 section 2).
    """
    with collection_paused():
        try:
            documents = read_documents(text)
            problems = raw_problems(documents, v1_compat=options.v1_compat) if raw_checks else []
            if problems:
                bullet = "\n".join(problem.message for problem in problems)
                return ValidationReport(errors=tuple(problems), bullets=(bullet,))
            dag = _load(text, documents, None, default_name, base_text, source_file, options)
        except DAGError as exc:
            return ValidationReport(errors=exc.problems, bullets=exc.bullets)
        from edge.workflow.notices import find_notices

        root = next(document.root for document in documents if document.root is not None)
        assert isinstance(root, MapNode)
        return ValidationReport(
            errors=(),
            warnings=(*dag.warnings, *dag.deprecations),
            notices=find_notices(dag, root),
        )


class _Loader:
    """Loads the documents of one file."""

    def __init__(
        self, base_text: str, source_file: str, options: LoadOptions, local: set[str]
    ) -> None:
        self._base_text = base_text
        self._source_file = source_file
        self._options = options
        self._local = local
        #: label of document 0, for those that have none
        self._workspace = ""

    def load(self, part: Part, name: str, text: str | None) -> DAG:
        """Build one document; `text` None = its own text is written from the tree."""
        options = self._options
        written, root = part.root, part.root
        dialect, spelling = "v2", []
        if options.v1_compat and is_v1(written):
            dialect = "v1"
            try:
                done = normalise(written, prefix=part.prefix)
            except FaultError as exc:
                raise _decode_error(exc.faults, part.number) from None
            root, spelling = done.root, done.warnings
        _check_root(root, part.number)
        workspace = workspace_of(root) if options.workspace_base is not None else ""
        if part.number == 0:
            self._workspace = workspace
        base_text, base = self._base(workspace or self._workspace)
        merged = self._merged(base, root, dialect, part.number)
        errors: list[FaultError] = []
        inherited = Inherited() if base is None else base.inherited
        dag = build_dag(
            merged,
            name,
            inherited,
            errors,
            dialect=dialect,
            metadata_only=options.metadata_only,
        )
        if errors:
            raise _build_error(errors, part.number)
        warnings = list(dag.warnings)
        if dialect == "v2":
            warnings += order_warning(written, dag.type, part.prefix)
        elif not options.metadata_only:
            warnings += called_by_run(written, self._is_dag, part.prefix)
        if text is None:
            from edge.workflow.yaml_writer import to_yaml

            text = to_yaml(written)
        return replace(
            dag,
            dialect=dialect,
            source_file=self._source_file,
            text=text,
            base_text=base_text,
            warnings=tuple(dict.fromkeys(warnings)),
            deprecations=tuple(dict.fromkeys([*spelling, *deprecations(written, part.prefix)])),
        )

    def _base(self, workspace: str) -> tuple[str, _Base | None]:
        """Return text and tree of the base configuration that holds for a workspace."""
        if self._options.metadata_only:
            return "", None
        lookup = self._options.workspace_base
        over = lookup(workspace) if workspace and lookup is not None else ""
        base = _read_base(self._base_text, over, self._options.v1_compat)
        if not over.strip() or base is None:
            return self._base_text, base
        from edge.workflow.yaml_writer import to_yaml

        return to_yaml(base.node), base

    def _merged(self, base: _Base | None, root: MapNode, dialect: str, number: int) -> MapNode:
        options = self._options
        if options.metadata_only:
            return _only(root, _METADATA)
        if base is None:
            return root
        left_out = set(_SCHEDULING) if options.for_scheduler else set()
        if options.as_child or number > 0:
            left_out.add("handler_on")
        if dialect == "v1":
            left_out.add("type")
        node = base.node
        if left_out & node.entries.keys():
            node = _only(node, node.entries.keys() - left_out)
        return merge_documents(node, root, number)

    def _is_dag(self, name: str) -> bool:
        asked = self._options.is_dag
        return name in self._local or (asked is not None and asked(name))


class _Base:
    """A base configuration, checked in full, and what of it is merged after reading."""

    __slots__ = ("inherited", "node")

    def __init__(self, node: MapNode, inherited: Inherited) -> None:
        self.node = node
        self.inherited = inherited


@lru_cache(maxsize=16)
def _read_base(text: str, workspace_text: str, v1_compat: bool) -> _Base | None:
    node = overlay(
        _base_document(text, v1_compat),
        _base_document(workspace_text, v1_compat) if workspace_text else None,
    )
    if node is None:
        return None
    errors: list[FaultError] = []
    try:
        _check_root(node, 0)
        dag = build_dag(node, "base", Inherited(), errors)
        if errors:
            raise _build_error(errors, 0)
    except DAGError as exc:
        raise base_error(exc, "decode") from None
    return _Base(node, Inherited(dag.params, dag.consts))


def _base_document(text: str, v1_compat: bool) -> MapNode | None:
    node = base_node(text)
    if node is None or not v1_compat or not is_v1(node):
        return node
    try:
        return normalise(node).root
    except FaultError as exc:
        raise base_error(_decode_error(exc.faults, 0), "decode") from None


def _only(node: MapNode, names: frozenset[str] | set[str]) -> MapNode:
    entries = {key: value for key, value in node.entries.items() if key in names}
    return MapNode(node.line, node.column, entries, node.keys)


def _own_name(root: MapNode) -> str:
    node = root.entries.get("name")
    written = node.value if isinstance(node, ScalarNode) else None
    return written.strip() if isinstance(written, str) else ""


def _local_name(part: Part, taken: set[str]) -> str:
    name = _own_name(part.root)
    at = part.root.entries.get("name", part.root)
    written = at.value if isinstance(at, ScalarNode) else None
    if not name and (written is None or isinstance(written, str)):
        message = f"DAG at index {part.number} must have a name in multi-DAG file"
        raise document_error(message, at, "name")
    if name in taken:
        raise document_error(f'duplicate DAG name "{name}" found', at, "name")
    return name


def _stem(path: str) -> str:
    file = path.rpartition("/")[2]
    return file.removesuffix(".yaml").removesuffix(".yml")


def _check_root(root: MapNode, number: int) -> None:
    """Check keys and types of the root. Raises: DAGError."""
    faults = check_mapping(root, "root")
    if not faults and not is_null(root.entries.get("labels")) and "tags" in root.entries:
        line, column = root.keys["tags"]
        text = "labels and deprecated tags cannot both be set"
        message = f"failed to process document {number}: {text}"
        raise DAGError(message, [Problem(line, column, "tags", text)], [message])
    if faults:
        raise _decode_error(faults, number)


def _decode_error(faults: tuple[Fault, ...] | list[Fault], number: int) -> DAGError:
    lines = [fault.text for fault in faults if fault.text]
    head = f"failed to process document {number}: {_DECODE}"
    return DAGError(
        f"{head}\n\n" + "\n".join(lines),
        [Problem(fault.line, fault.column, fault.field, fault.message) for fault in faults],
        [f"{head}\n" + "\n".join(lines)],
    )


def _build_error(errors: list[FaultError], number: int) -> DAGError:
    registry = [
        fault for error in errors if isinstance(error, RegistryError) for fault in error.faults
    ]
    if registry:
        # nothing that uses the actions can be judged
        text = "; ".join(fault.text for fault in registry)
        message = f"failed to process document {number}: {text}"
        return DAGError(message, [_problem(fault, "") for fault in registry], [message])
    bullets: list[str] = []
    problems: list[Problem] = []
    for error in errors:
        bullets.append(_bullet(error))
        problems.extend(_problem(fault, error.base) for fault in error.faults)
    bullets = list(dict.fromkeys(bullets))
    message = f"failed to process document {number}: failed to build DAG: " + "; ".join(bullets)
    return DAGError(message, dict.fromkeys(problems), bullets)


def _problem(fault: Fault, base: str) -> Problem:
    path = f"{base}.{fault.field}" if base and fault.field else base or fault.field
    return Problem(fault.line, fault.column, path, fault.message)


def _bullet(error: FaultError) -> str:
    texts = [fault.text for fault in error.faults if fault.text]
    if not error.section:
        return "; ".join(texts)
    where = f" ({error.base})" if error.base != "defaults" else ""
    if error.decoding:
        inner = "defaults" if error.base == "defaults" else error.section
        lines = "\n".join(texts)
        return f"field '{error.section}': field '{inner}': {_DECODE}\n{lines}{where}"
    return "; ".join(f"field '{error.section}': {text}" for text in texts) + where
