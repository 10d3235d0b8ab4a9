"""Parameters: declarations in the file and overrides from the caller (spec 10 section 9).

A caller's words and a declaration's text share one grammar: blanks separate tokens, a token is
`name=value` or `value`, and a value may be `"quoted"` (backslash escapes) or in backticks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from edge.core.errors import UserError
from edge.workflow.model import DAG, ParamDef
from edge.workflow.nodes import ListNode, MapNode, Node, ScalarNode, go_text, go_type
from edge.workflow.problems import NOT_YET
from edge.workflow.shapes import fail, is_null
from edge.workflow.words import is_name

__all__ = [
    "ParamOverrides",
    "ResolvedParams",
    "parse_override_text",
    "parse_overrides",
    "read_params",
    "resolve_params",
]

_ENTRY = re.compile(r"([^\s=\"'`{}\[\]]+)=", re.ASCII)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}
_RICH_LATER = frozenset(
    (
        *("eval", "type", "required", "enum", "minimum", "maximum"),
        *("min_length", "max_length", "pattern"),
    )
)
#: names that every DAG accepts
_ALWAYS = frozenset(("WEBHOOK_PAYLOAD", "WEBHOOK_HEADERS"))


@dataclass(frozen=True, slots=True)
class ParamOverrides:
    """What the caller gave: (name or "", value) in order."""

    items: tuple[tuple[str, str], ...] = ()
    #: the caller's JSON text when that is what was given
    json_text: str = ""

    @property
    def positional_count(self) -> int:
        return sum(not name for name, _ in self.items)


@dataclass(frozen=True)
class ResolvedParams:
    """The parameters of a run: all values are text; positional names are "1", "2", ..."""

    items: tuple[tuple[str, str], ...] = ()
    json_text: str = ""

    @cached_property
    def raw(self) -> str:
        """Return the text of the `params` member: the pairs, space-joined."""
        return " ".join(self.as_list())

    def as_list(self) -> list[str]:
        """Return `K=V` texts."""
        return [f"{name}={value}" for name, value in self.items]

    def as_dict(self) -> dict[str, str]:
        """Return name -> value."""
        return dict(self.items)

    def payload_json(self) -> str | None:
        """Return the value of `${params}` and DAG_PARAMS_JSON; None without any parameter."""
        if self.json_text:
            return self.json_text
        if not self.items:
            return None
        import json

        return json.dumps(dict(sorted(self.items)), separators=(",", ":"), ensure_ascii=False)

    @classmethod
    def from_list(cls, texts: Iterable[str], *, json_text: str = "") -> ResolvedParams:
        """Read stored `K=V` texts; one without a name gets its position."""
        items = []
        for index, text in enumerate(texts):
            name, equals, value = text.partition("=")
            items.append((name, value) if equals else (str(index + 1), text))
        return cls(tuple(items), json_text)


def parse_overrides(words: Sequence[str]) -> ParamOverrides:
    """Read the words after `--`: one parameter each, or one word of JSON.

    Raises: UserError on JSON that is not an object or array of plain values.
    """
    if len(words) == 1:
        found = _json_overrides(words[0])
        if found is not None:
            return found
    items = []
    for word in words:
        match = _ENTRY.match(word)
        if match is None:
            items.append(("", _unquoted(word)))
        else:
            items.append((match[1], _unquoted(word[match.end() :])))
    return ParamOverrides(tuple(items))


def parse_override_text(text: str) -> ParamOverrides:
    """Read the text of `-p`, of a form field or of the API: tokens, or JSON."""
    found = _json_overrides(text)
    return ParamOverrides(tuple(_tokens(text))) if found is None else found


def resolve_params(dag: DAG, overrides: ParamOverrides) -> ResolvedParams:
    """Return the parameters of a run of this DAG.

    Raises: UserError for an unknown name, or for more positions than declared.
    """
    values: dict[str, str | None] = {item.name: item.default for item in dag.params}
    named = {item.name for item in dag.params if not item.positional}
    unknown = sorted(
        {name for name, _ in overrides.items if name and name not in values and name not in _ALWAYS}
    )
    if named and unknown:
        quoted = ", ".join(f'"{name}"' for name in unknown)
        raise UserError(
            f"unknown parameter(s): {quoted}; accepted parameters are: {', '.join(sorted(named))}"
        )
    count = overrides.positional_count
    if dag.params and count > len(dag.params) and not overrides.json_text:
        raise UserError(
            f"too many positional params: expected at most {len(dag.params)}, got {count}"
        )
    for index, (name, value) in enumerate(overrides.items):
        values[name or str(index + 1)] = value
    return ResolvedParams(
        tuple((name, value) for name, value in values.items() if value is not None),
        overrides.json_text,
    )


def read_params(node: Node | None) -> tuple[ParamDef, ...]:
    """Return the declarations of a string, list or map. Raises: FaultError."""
    if node is None or is_null(node):
        return ()
    entries: list[tuple[str, str | None, Node]] = []
    if isinstance(node, MapNode):
        _check_plain_map(node)
        entries = [(key, _default(node.entries[key]), node) for key in sorted(node.entries)]
    elif isinstance(node, ListNode):
        for item in node.items:
            entries.extend(_list_item(item))
    elif isinstance(node, ScalarNode) and isinstance(node.value, str):
        entries = [(name, value, node) for name, value in _declared_tokens(node.value)]
    else:
        fail(node, "params", f"invalid parameter value: {go_type(node)}", go_text(node))
    return _declared(entries)


def _declared(entries: list[tuple[str, str | None, Node]]) -> tuple[ParamDef, ...]:
    found: dict[str, ParamDef] = {}
    position = 0
    for name, value, node in entries:
        position += 1
        if not name:
            name = str(position)
            found[name] = ParamDef(name=name, default=value, positional=True)
            continue
        if not is_name(name):
            fail(
                node,
                "params",
                f'invalid parameter value: parameter name "{name}" must match '
                "^[A-Za-z][A-Za-z0-9_]*$",
            )
        if name in found:
            fail(node, "params", f'invalid parameter value: duplicate parameter name "{name}"')
        found[name] = ParamDef(name=name, default=value)
    return tuple(found.values())


def _check_plain_map(node: MapNode) -> None:
    kind = node.entries.get("type")
    is_schema = (
        isinstance(kind, ScalarNode)
        and kind.value == "object"
        and isinstance(node.entries.get("properties"), MapNode)
    )
    schema = node.entries.get("schema")
    if schema is not None and set(node.entries) <= {"schema", "values"}:
        text = schema.value if isinstance(schema, ScalarNode) else None
        is_schema = (
            isinstance(schema, MapNode)
            or "values" in node.entries
            or (isinstance(text, str) and any(mark in text for mark in ("/", "\\", ".", "://")))
        )
    if is_schema:
        fail(node, "params", f"the schema form is {NOT_YET}")


def _list_item(node: Node) -> list[tuple[str, str | None, Node]]:
    if isinstance(node, MapNode):
        if "name" in node.entries:
            name = go_text(node.entries["name"])
            if len(node.entries) == 1:
                fail(
                    node,
                    "params",
                    f'parameter "{name}" must define at least one field in addition to name',
                    go_text(node),
                )
            return [_rich_item(node, name)]
        return [(key, _default(node.entries[key]), node) for key in sorted(node.entries)]
    if isinstance(node, ScalarNode) and isinstance(node.value, str):
        return [(name, value, node) for name, value in _declared_tokens(node.value)]
    fail(node, "params", f"invalid parameter value: {go_type(node)}", go_text(node))


def _rich_item(node: MapNode, name: str) -> tuple[str, str | None, Node]:
    """Read `{name, default, description}`; types and constraints are not built yet."""
    for key, value in node.entries.items():
        if key in _RICH_LATER:
            fail(value, "params", f"{key} of a parameter is {NOT_YET}")
        if key not in ("name", "default", "description"):
            fail(value, "params", f'invalid inline param field "{key}"')
    written = node.entries["name"]
    if not isinstance(written, ScalarNode) or not isinstance(written.value, str):
        fail(node, "params", 'inline parameter definition field "name" must be a string')
    default = node.entries.get("default")
    return name, None if default is None or is_null(default) else _default(default), node


def _default(node: Node) -> str:
    if isinstance(node, MapNode):
        fail(
            node,
            "params",
            "a parameter's default cannot be a map; write - name: NAME with its fields beside it",
            go_text(node),
        )
    return "" if is_null(node) else go_text(node)


def _declared_tokens(text: str) -> list[tuple[str, str]]:
    found = _json_overrides(text)
    return list(_tokens(text) if found is None else found.items)


def _tokens(text: str) -> Iterable[tuple[str, str]]:
    at, end = 0, len(text)
    while True:
        while at < end and text[at].isspace():
            at += 1
        if at >= end:
            return
        name = ""
        match = _ENTRY.match(text, at)
        if match is not None:
            name = match[1]
            at = match.end()
        stop = _token_end(text, at)
        yield name, _unquoted(text[at:stop])
        at = stop


def _token_end(text: str, at: int) -> int:
    quote = text[at : at + 1]
    if quote in ('"', "`") and quote:
        close = at + 1
        while close < len(text) and text[close] != quote:
            close += 2 if text[close] == "\\" and quote == '"' else 1
        if close < len(text):
            return close + 1
    while at < len(text) and not text[at].isspace():
        at += 1
    return at


def _unquoted(text: str) -> str:
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    return re.sub(
        r"\\(.)", lambda match: _ESCAPED.get(match[1], match[1]), text[1:-1], flags=re.DOTALL
    )


def _json_overrides(text: str) -> ParamOverrides | None:
    """Return the pairs of a JSON object or array; None when the text is not one."""
    body = text.strip()
    if not body or body[0] + body[-1] not in ("{}", "[]"):
        return None
    import json

    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return None
    items: list[tuple[str, str]] = []
    for entry in data if isinstance(data, list) else [data]:
        if isinstance(entry, dict):
            items.extend((name, _json_text(value)) for name, value in entry.items())
        else:
            items.append(("", _json_text(entry)))
    return ParamOverrides(tuple(items), body)


def _json_text(value: object) -> str:
    if isinstance(value, str):
        return value
    import json

    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
