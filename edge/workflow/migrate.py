"""A workflow file with old forms as one in the newest language (spec 10 section 13).

Text is edited in place, so comments and layout stay. What has no new form is left and named. The
result is loaded and compared with the original: a file that would mean something else is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from edge.workflow.dialect import is_v1
from edge.workflow.dialect_keys import CHILDREN, RENAMED, ROOT_MOVED
from edge.workflow.load import LoadOptions, load_dag
from edge.workflow.migrate_check import difference, step_names
from edge.workflow.migrate_forms import Left, StepForm
from edge.workflow.migrate_source import Edits, Piece, Source, nested, plain, render, value_of
from edge.workflow.migrate_walk import children, outer_steps, written_steps
from edge.workflow.model import DAG, DAGType
from edge.workflow.nodes import MapNode
from edge.workflow.problems import DAGError, Problem
from edge.workflow.yaml_reader import read_documents, without_directives
from edge.workflow.yaml_writer import flow_text, scalar_source

__all__ = ["Migration", "migrate"]


class Migration:
    """The new text; `left` are the old forms that stay, `notes` what a person should know."""

    __slots__ = ("left", "notes", "text")

    def __init__(self, text: str, left: list[str], notes: list[str]) -> None:
        self.text = text
        self.left = left
        self.notes = notes


def migrate(text: str, *, source_file: str = "", base_text: str = "") -> Migration:
    """Return the file in the newest language.

    Raises: DAGError when the file cannot be loaded, or when the result would mean something else.
    """
    old = load_dag(text, source_file=source_file, base_text=base_text)
    work = _Work(text.removeprefix("\ufeff").replace("\r\n", "\n"), old)
    work.run()
    if work.left:
        return Migration(work.written(text), work.left, work.notes)
    strict = LoadOptions(v1_compat=False)

    def loaded() -> DAG:
        return load_dag(
            work.written(text), source_file=source_file, base_text=base_text, options=strict
        )

    try:
        new = loaded()
        if step_names(old) != step_names(new):
            work.keep_names([new, *new.local_dags.values()])
            new = loaded()
    except DAGError as exc:
        work.left += [str(problem) for problem in exc.problems]
    else:
        found = difference(old, new)
        if found:
            message = f"the migrated file would mean something else: {found}"
            raise DAGError(message, [Problem(0, 0, "", message)], [message])
    return Migration(work.written(text), work.left, work.notes)


class _Document:
    """One document of the text as it is now."""

    __slots__ = ("dag", "is_v1", "root")

    def __init__(self, root: MappingNode, dag: DAG, is_old: bool) -> None:
        self.root, self.dag, self.is_v1 = root, dag, is_old


class _Work:
    """The passes over one file; each composes anew, so that places are true."""

    def __init__(self, text: str, dag: DAG) -> None:
        self.text = text
        self.left: list[str] = []
        self.notes: list[str] = []
        roots = [part.root for part in read_documents(text) if isinstance(part.root, MapNode)]
        self._old = [is_v1(root) for root in roots]
        self._dags = [dag, *dag.local_dags.values()]

    def written(self, original: str) -> str:
        """Return the text with the line ends and the mark of the original."""
        mark = "\ufeff" if original.startswith("\ufeff") else ""
        return mark + (self.text.replace("\n", "\r\n") if "\r\n" in original else self.text)

    def run(self) -> None:
        self._pass(self._respell)
        self._pass(self._rebuild_root)
        self._pass(self._step_types)
        skipped: set[str] = set()
        while self._pass(
            lambda document, source, edits: self._steps(document, source, edits, skipped)
        ):
            pass
        self._pass(self._explicit_order)

    def _pass(self, change: Callable[[_Document, Source, Edits], None]) -> bool:
        source = Source(self.text)
        edits = Edits()
        for document in self._documents():
            change(document, source, edits)
        self.text = edits.apply(self.text)
        return bool(edits)

    def _documents(self) -> Iterator[_Document]:
        loader = yaml.SafeLoader(without_directives(self.text))
        roots = []
        while loader.check_node():
            root = loader.get_node()
            if isinstance(root, MappingNode):
                roots.append(root)
        for root, dag, is_old in zip(roots, self._dags, self._old, strict=True):
            yield _Document(root, dag, is_old)

    # -- keys

    def _respell(self, document: _Document, source: Source, edits: Edits) -> None:
        if document.is_v1:
            self._keys(document.root, "root", edits, set())

    def _keys(self, node: Node, context: str, edits: Edits, seen: set[int]) -> None:
        if id(node) in seen:
            return  # an alias: its anchor was respelled
        seen.add(id(node))
        if context == "steps":
            for step in children(node):
                self._keys(step, "step", edits, seen)
            return
        if not isinstance(node, MappingNode):
            return
        names = {name.value for name, _ in node.value}
        for name, value in node.value:
            new = RENAMED.get(context, {}).get(name.value, name.value)
            if new != name.value and new not in names and name.value != "executor":
                edits.add(name.start_mark.index, name.end_mark.index, new)
            if new == "preconditions":
                for item in value.value if isinstance(value, SequenceNode) else [value]:
                    self._conditions(item, edits)
            elif new in CHILDREN.get(context, {}):
                self._keys(value, CHILDREN[context][new], edits, seen)

    def _conditions(self, node: Node, edits: Edits) -> None:
        if isinstance(node, MappingNode):
            for name, _ in node.value:
                if name.value.lower() == "command" and value_of(node, "condition") is None:
                    edits.add(name.start_mark.index, name.end_mark.index, "condition")

    # -- the root

    def _rebuild_root(self, document: _Document, source: Source, edits: Edits) -> None:
        root = document.root
        if not root.value:
            return
        flow, column = bool(root.flow_style), root.start_mark.column
        pieces = source.pieces(root)
        before = [(piece.key, piece.value) for piece in pieces]
        pieces = self._moved(pieces, source, column, flow)
        for piece in pieces:
            if piece.key == "tags" and value_of(root, "labels") is None:
                piece.key = "labels"
            elif piece.key == "type" and plain(piece.node) == "controller":
                piece.value = " agent"
        if document.is_v1:
            pieces = self._old_defaults(document, pieces, column)
        if [(piece.key, piece.value) for piece in pieces] != before:
            edits.add(*source.span(root), render(pieces, column, flow=flow))

    def _moved(self, pieces: list[Piece], source: Source, column: int, flow: bool) -> list[Piece]:
        """Put what 1.30 had at the root into the object it belongs to now."""
        below: dict[str, list[Piece]] = {}
        kept: list[Piece] = []
        for piece in pieces:
            if piece.key not in ROOT_MOVED:
                kept.append(piece)
                continue
            outer, inner = ROOT_MOVED[piece.key]
            if outer not in below:
                below[outer] = []
                if all(other.key != outer for other in pieces):
                    kept.append(Piece(outer, ""))
            below[outer].append(
                Piece(inner, piece.value, piece.node, lead=piece.lead, column=piece.column)
            )
        for at, piece in enumerate(kept):
            if piece.key not in below:
                continue
            own: list[Piece] = []
            if isinstance(piece.node, MappingNode) and piece.node.value:
                own = source.pieces(piece.node)
            made = nested(piece.key, [*own, *below[piece.key]], column, flow=flow)
            made.lead = piece.lead
            kept[at] = made
        return kept

    def _old_defaults(self, document: _Document, pieces: list[Piece], column: int) -> list[Piece]:
        """Say what 1.30 did by itself: a chain, in the directory of the file."""
        dag = document.dag
        new = []
        if dag.type is DAGType.CHAIN and not any(
            piece.key == "type" and plain(piece.node) for piece in pieces
        ):
            pieces = [piece for piece in pieces if piece.key != "type"]
            new.append(Piece("type", " chain", column=column))
        if any(piece.key == "working_dir" for piece in pieces):
            pieces = [piece for piece in pieces if piece.key != "dir"]
        elif not dag.working_dir:
            new.append(Piece("working_dir", " .", column=column))
        pieces = _one_list(pieces)
        if new and pieces:
            new[0].lead, pieces[0].lead = pieces[0].lead, ""
        return [*new, *pieces]

    def _step_types(self, document: _Document, source: Source, edits: Edits) -> None:
        """Turn `step_types` into `actions`: the type goes into the template."""
        types = value_of(document.root, "step_types")
        if not isinstance(types, MappingNode):
            return
        new = Edits()
        try:
            if value_of(document.root, "actions") is not None:
                raise Left("step_types beside actions has no new form")
            for name, _ in document.root.value:
                if name.value == "step_types":
                    new.add(name.start_mark.index, name.end_mark.index, "actions")
            for _, entry in types.value:
                _step_type(entry, source, new, is_old=document.is_v1)
        except Left as exc:
            mark = types.start_mark
            self.left.append(f"{mark.line + 1}:{mark.column + 1}: step_types: {exc}")
        else:
            edits.extend(new)

    # -- steps

    def _steps(self, document: _Document, source: Source, edits: Edits, skipped: set[str]) -> None:
        prefix = (
            f"document[{self._dags.index(document.dag)}]."
            if document.dag is not self._dags[0]
            else ""
        )
        custom = _custom(document.root)
        seen: set[int] = set()
        for path, node in written_steps(document.root):
            where = prefix + path
            if id(node) in seen or where in skipped:
                continue
            seen.add(id(node))
            try:
                self._step(node, source, edits, where, document.is_v1, custom)
            except Left as exc:
                skipped.add(where)
                self.left.append(
                    f"{node.start_mark.line + 1}:{node.start_mark.column + 1}: {where}: {exc}"
                )

    def _step(
        self,
        node: Node,
        source: Source,
        edits: Edits,
        where: str,
        is_old: bool,
        custom: set[str],
    ) -> None:
        if isinstance(node, ScalarNode):
            if isinstance(plain(node), str):
                _scalar_step(node, source, edits)
            return
        if not isinstance(node, MappingNode) or not node.value:
            return
        form = StepForm(source, node, is_v1=is_old, custom=custom)
        before = [(piece.key, piece.value) for piece in form.pieces]
        if is_old and (form.has("dir") or form.has("precondition") or form.has("preconditions")):
            if form.has("working_dir"):
                form.pieces = [piece for piece in form.pieces if piece.key != "dir"]
            form.pieces = _one_list(form.pieces)
        if form.is_old:
            form.convert()
            self.notes += [f"{where}: {note}" for note in form.notes]
        if [(piece.key, piece.value) for piece in form.pieces] != before:
            edits.add(*source.span(node), form.text())

    def keep_names(self, new: list[DAG]) -> None:
        """Write the names that were made from an old form and would be made otherwise now."""
        by_dag = dict(zip(map(id, self._dags), new, strict=True))

        def change(document: _Document, source: Source, edits: Edits) -> None:
            before, after = document.dag.steps, by_dag[id(document.dag)].steps
            nodes = outer_steps(document.root)
            if len(nodes) != len(before) or len(before) != len(after):
                return
            for node, one, other in zip(nodes, before, after, strict=True):
                if one.name != other.name and isinstance(node, MappingNode):
                    form = StepForm(source, node, is_v1=False)
                    form.pieces.insert(0, Piece("name", f" {one.name}", column=form.column))
                    edits.add(*source.span(node), form.text())

        self._pass(change)

    def _explicit_order(self, document: _Document, source: Source, edits: Edits) -> None:
        """Write the order of a 1.30 chain that has `depends` as a graph."""
        if not document.is_v1 or document.dag.type is not DAGType.CHAIN:
            return
        nodes = [node for node in outer_steps(document.root) if isinstance(node, MappingNode)]
        if len(nodes) != len(document.dag.steps) or not any(
            value_of(node, "depends") is not None for node in nodes
        ):
            return
        for name, value in document.root.value:
            if name.value == "type":
                edits.add(value.start_mark.index, value.end_mark.index, "graph")
        for node, step in zip(nodes, document.dag.steps, strict=True):
            form = StepForm(source, node, is_v1=True)
            form.pieces = [piece for piece in form.pieces if piece.key != "depends"]
            if step.depends:
                names = ", ".join(scalar_source(name) for name in step.depends)
                form.pieces.append(Piece("depends", f" [{names}]", column=form.column))
            edits.add(*source.span(node), form.text())


def _one_list(pieces: list[Piece]) -> list[Piece]:
    """Return pieces whose preconditions are one list under the new key."""
    found = [piece for piece in pieces if piece.key in ("precondition", "preconditions")]
    if not found or (len(found) == 1 and not isinstance(found[0].node, MappingNode)):
        return pieces
    found.sort(key=lambda piece: piece.key != "precondition")
    items: list[str] = []
    for piece in found:
        text = piece.value.strip()
        if isinstance(piece.node, SequenceNode):
            items += [_as_flow(item) for item in piece.node.value]
        elif isinstance(piece.node, MappingNode):
            items.append(_as_flow(piece.node))
        elif text:
            items.append(text)
    first = pieces.index(next(piece for piece in pieces if piece in found))
    made = Piece("preconditions", " [" + ", ".join(items) + "]", column=pieces[first].column)
    made.lead = pieces[first].lead
    kept = [piece for piece in pieces if piece not in found]
    return [*kept[:first], made, *kept[first:]]


def _as_flow(node: Node) -> str:
    (document,) = read_documents(yaml.serialize(node))
    assert document.root is not None
    return flow_text(document.root)


def _step_type(entry: Node, source: Source, edits: Edits, *, is_old: bool) -> None:
    template = value_of(entry, "template") if isinstance(entry, MappingNode) else None
    if not isinstance(entry, MappingNode) or not isinstance(template, MappingNode):
        raise Left("a type without a template has no new form")
    pieces = source.pieces(entry)
    form = StepForm(source, template, is_v1=is_old)
    form.pieces[:0] = [piece for piece in pieces if piece.key == "type"]
    form.convert()
    start = source.span(template)[0]
    for piece, (name, _) in zip(pieces, entry.value, strict=True):
        if piece.key == "template":
            colon = source.text.index(":", name.end_mark.index)
            piece.value = source.text[colon + 1 : start] + form.text()
    kept = [piece for piece in pieces if piece.key != "type"]
    column = entry.value[0][0].start_mark.column
    edits.add(*source.span(entry), render(kept, column, flow=bool(entry.flow_style)))


def _custom(root: MappingNode) -> set[str]:
    names: set[str] = set()
    for key in ("actions", "step_types"):
        node = value_of(root, key)
        if isinstance(node, MappingNode):
            names |= {name.value for name, _ in node.value}
    return names


def _scalar_step(node: ScalarNode, source: Source, edits: Edits) -> None:
    """Turn `- cmd` into `- run: cmd`."""
    start = node.start_mark.index
    end = source.end(node)
    written = source.text[start:end]
    if "\n" in written:
        head, *rest = written.split("\n")
        written = "\n".join([head, *("  " + line if line.strip() else line for line in rest)])
    line = source.text[source.text.rfind("\n", 0, start) + 1 : start]
    is_block_item = not line.strip(" -")
    edits.add(start, end, f"run: {written}" if is_block_item else f"{{run: {written}}}")
