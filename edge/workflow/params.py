"""The parameters of a run: declarations, the caller's overrides and evaluated values together.

Precedence per name: caller, then a successful `eval`, then the default, then absent. All values
are text, overrides are literal (spec 11 section 5). `ParamResolution` decides and runs nothing: it
hands out one text to evaluate after the other, so that a shell can run the commands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from edge.core.errors import UserError
from edge.core.jsontypes import JsonObject
from edge.workflow.model import DAG, ParamDef
from edge.workflow.param_values import coerce, value_text, violated
from edge.workflow.params_declared import NAME_RULE, read_params
from edge.workflow.params_schema import resolve_schema_values, unknown_names
from edge.workflow.params_text import ParamOverrides, parse_override_text, parse_overrides
from edge.workflow.words import is_env_name, is_name

__all__ = [
    "ParamEval",
    "ParamOverrides",
    "ParamResolution",
    "ResolvedParams",
    "is_dynamic",
    "parse_override_text",
    "parse_overrides",
    "read_params",
    "resolve_params",
    "stored_params",
]

#: names that every DAG accepts
_ALWAYS = ("WEBHOOK_PAYLOAD", "WEBHOOK_HEADERS")
_INVALID = "invalid parameter value: "
_RELATIONS = {
    "minimum": "is less than",
    "maximum": "is greater than",
    "minLength": "is shorter than",
    "maxLength": "is longer than",
    "pattern": "does not match",
}


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


@dataclass(frozen=True, slots=True)
class ParamEval:
    """A parameter that waits for its dynamic text; `values` are those declared before it."""

    name: str
    text: str
    values: Mapping[str, str]


class ParamResolution:
    """The parameters of one run on their way.

    Everything that the caller can have done wrong is found first, before any text is evaluated.
    Then: while `next_eval` names a parameter, tell `evaluated` or `failed`; at last `finish`. With
    `evaluate` off, `eval` counts as if it were not there. `document` is the content of an external
    schema. Raises (constructor): UserError.
    """

    def __init__(
        self,
        dag: DAG,
        overrides: ParamOverrides,
        *,
        evaluate: bool = True,
        document: JsonObject | None = None,
    ) -> None:
        own = tuple(item for item in dag.params if not item.is_inherited)
        given = _placed(dag, own, overrides)
        self._json_text = overrides.json_text
        self._evaluate = evaluate
        self._values: dict[str, str] = {}
        self._todo = list(dag.params)
        schema = dag.params_schema
        if schema is None:
            _check_names(dag, own, given)
            definitions = {item.name: item for item in own}
            self._given = {
                name: _fitting(definitions[name], text) if name in definitions else text
                for name, text in given.items()
            }
            _check_required(own, self._given)
        else:
            document = schema.inline if document is None else document
            extra = {name: given.pop(name) for name in _ALWAYS if _is_extra(name, given, document)}
            found = resolve_schema_values(schema, document or {}, given.items())
            self._given = {**dict(found), **extra}
            # defaults of the schema are in there already
            self._todo = [item for item in dag.params if item.is_inherited]
        self._todo.reverse()

    def next_eval(self) -> ParamEval | None:
        """Return the next parameter to evaluate; None when all are settled."""
        while self._todo:
            item = self._todo[-1]
            value = None if item.is_inherited else self._given.get(item.name)
            if value is None:
                if item.eval and self._evaluate:
                    return ParamEval(item.name, item.eval, dict(self._values))
                value = item.default
            self._settle(value)
        return None

    def evaluated(self, text: str) -> None:
        """Take the result for what `next_eval` named. Raises: UserError when it does not fit."""
        self._settle(_fitting(self._todo[-1], text))

    def failed(self, error: str) -> None:
        """Take the default instead. Raises: UserError when there is none."""
        item = self._todo[-1]
        if item.default is None:
            raise UserError(f'{_INVALID}parameter "{item.name}" eval failed: {error}')
        self._settle(item.default)

    def _settle(self, value: str | None) -> None:
        item = self._todo.pop()
        if value is not None:
            self._values[item.name] = value

    def finish(self) -> ResolvedParams:
        """Return the parameters: those declared, then the caller's others, webhook values last."""
        assert self.next_eval() is None
        values = self._values
        rest = [name for name in self._given if name not in values]
        for name in sorted(rest, key=_ALWAYS.__contains__):
            values[name] = self._given[name]
        for name, text in values.items():
            _check_text(name, text)
        return ResolvedParams(tuple(values.items()), self._json_text)


def resolve_params(
    dag: DAG, overrides: ParamOverrides, *, document: JsonObject | None = None
) -> ResolvedParams:
    """Return the parameters of a run without evaluating anything. Raises: UserError."""
    return ParamResolution(dag, overrides, evaluate=False, document=document).finish()


def stored_params(dag: DAG, overrides: ParamOverrides) -> ResolvedParams:
    """Return parameters that were resolved elsewhere and came as text: nothing is checked again.

    A caller's JSON comes as it was, so that it stays the payload. Raises: UserError.
    """
    if overrides.json_text:
        return resolve_params(dag, overrides)
    values = {item.name: item.default for item in dag.params}
    for index, (name, text) in enumerate(overrides.items):
        values[name or str(index + 1)] = text
    return ResolvedParams(tuple((name, text) for name, text in values.items() if text is not None))


def is_dynamic(dag: DAG) -> bool:
    """Return whether parameters need more than the workflow's text: an `eval`, a schema file."""
    schema = dag.params_schema
    return any(item.eval for item in dag.params) or (schema is not None and schema.inline is None)


def _placed(dag: DAG, own: tuple[ParamDef, ...], overrides: ParamOverrides) -> dict[str, str]:
    """Return name -> text of what the caller gave.

    A position counts every word and never fills a named entry, except among rich items, which are
    filled in order. What only the base configuration declares keeps its value.
    """
    count = overrides.positional_count
    if count and dag.params_schema is not None:
        raise UserError("positional parameters are not supported for schema-backed params")
    if own and count > len(own) and not overrides.json_text:
        raise _too_many(len(own), count)
    is_rich = any(item.is_rich for item in own)
    named = {name for name, _ in overrides.items}
    free = [item.name for item in own if item.name not in named]
    if is_rich and count > len(free):
        raise _too_many(len(free), count)
    fixed = {item.name for item in dag.params if item.is_inherited}
    given = {}
    for index, (name, text) in enumerate(overrides.items):
        if name and not (is_name(name) or (dag.dialect == "v1" and is_env_name(name))):
            raise UserError(f'{_INVALID}parameter name "{name}" {NAME_RULE}')
        name = name or (free.pop(0) if is_rich else str(index + 1))
        if name not in fixed or (name in named and _has_named(own)):
            given[name] = text
    return given


def _too_many(most: int, count: int) -> UserError:
    return UserError(f"too many positional params: expected at most {most}, got {count}")


def _has_named(own: tuple[ParamDef, ...]) -> bool:
    return any(not item.positional for item in own)


def _check_names(dag: DAG, own: tuple[ParamDef, ...], given: Mapping[str, str]) -> None:
    if not _has_named(own) or dag.dialect == "v1":
        return
    known = [item.name for item in own if not item.positional]
    unknown = [
        name for name in given if name not in known and name not in _ALWAYS and not name.isdigit()
    ]
    if unknown:
        raise unknown_names(unknown, known)


def _check_required(own: tuple[ParamDef, ...], given: Mapping[str, str]) -> None:
    missing = [
        f'"{item.name}"'
        for item in own
        if item.required and item.default is None and not item.eval and item.name not in given
    ]
    if missing:
        raise UserError(
            "parameter validation failed: validating root: required: missing properties:"
            f" [{' '.join(missing)}]"
        )


def _fitting(item: ParamDef, text: str) -> str:
    """Return the canonical text of a value. Raises: UserError when it does not fit."""
    try:
        value = coerce(text, item.type)
    except ValueError as exc:
        raise UserError(f"{item.name}: {exc}") from None
    broken = violated(item, value)
    if not broken:
        return value_text(value)
    if broken == "enum":
        allowed = " ".join(value_text(entry) for entry in item.enum)
        reason = f"does not equal any of: [{allowed}]"
    else:
        limit = {
            "minimum": item.minimum,
            "maximum": item.maximum,
            "minLength": item.min_length,
            "maxLength": item.max_length,
            "pattern": item.pattern,
        }[broken]
        reason = f"{_RELATIONS[broken]} {value_text(limit)}"
    raise UserError(
        f"parameter validation failed: validating root: validating /properties/{item.name}:"
        f" {broken}: {value_text(value)} {reason}"
    )


def _is_extra(name: str, given: Mapping[str, str], document: JsonObject | None) -> bool:
    properties = (document or {}).get("properties")
    return name in given and not (isinstance(properties, Mapping) and name in properties)


def _check_text(name: str, text: str) -> None:
    """Refuse what no environment and no record can hold. Raises: UserError."""
    if "\0" in text:
        raise UserError(f'{_INVALID}parameter "{name}" holds a NUL character')
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise UserError(f'{_INVALID}parameter "{name}" is no valid Unicode text') from None
