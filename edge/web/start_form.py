"""The form that starts a run: a field per parameter, and back to the text of `edge start -p`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edge.workflow.model import DAG, ParamDef
from edge.workflow.param_values import value_text
from edge.workflow.params_text import quoted

__all__ = ["Field", "fields_of", "has_free_text", "params_text"]

_INPUTS = {"integer": "number", "number": "number"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One parameter as the form shows it."""

    name: str
    label: str
    #: `text`, `number` or `select`
    kind: str = "text"
    #: what stands in it at first
    value: str = ""
    #: texts to choose from; "" stands for no value
    options: tuple[str, ...] = ()
    #: type and limits in words, then the description
    help: str = ""
    placeholder: str = ""
    required: bool = False
    minimum: str = ""
    maximum: str = ""
    step: str = ""


def fields_of(dag: DAG) -> list[Field]:
    """Return a field per parameter that a caller may give (spec 31 section 11.2)."""
    return [_field(item) for item in dag.params if not item.is_inherited]


def has_free_text(dag: DAG) -> bool:
    """Return whether there can be parameters that no field is known for."""
    schema = dag.params_schema
    return not fields_of(dag) or (schema is not None and schema.inline is None)


def _field(item: ParamDef) -> Field:
    value = _start_value(item)
    options: tuple[str, ...] = ()
    if item.enum:
        options = tuple(value_text(entry) for entry in item.enum)
    elif item.type == "boolean":
        options = ("true", "false")
    must = item.required and not item.eval
    if options and not (must or value):
        options = ("", *options)
    kind = "select" if options else _INPUTS.get(item.type, "text")
    return Field(
        name=item.name,
        label=f"Parameter {item.name}" if item.positional else item.name,
        kind=kind,
        value=value,
        options=options,
        help=" · ".join(part for part in (_words(item), item.description) if part),
        placeholder="computed when empty" if item.eval else "",
        required=must,
        minimum=_limit(item.minimum),
        maximum=_limit(item.maximum),
        step={"integer": "1", "number": "any"}.get(item.type, ""),
    )


def _start_value(item: ParamDef) -> str:
    """Return the default; nothing where leaving it empty computes the value."""
    return "" if item.eval else item.default or ""


def _words(item: ParamDef) -> str:
    words = [item.type] if item.type else []
    if item.minimum is not None:
        words.append(f"at least {_limit(item.minimum)}")
    if item.maximum is not None:
        words.append(f"at most {_limit(item.maximum)}")
    if item.min_length is not None:
        words.append(f"at least {item.min_length} characters")
    if item.max_length is not None:
        words.append(f"at most {item.max_length} characters")
    if item.pattern:
        words.append(f"matches {item.pattern}")
    if item.required:
        words.append("required")
    return ", ".join(words)


def _limit(value: float | None) -> str:
    return "" if value is None else value_text(value)


def params_text(dag: DAG, given: Mapping[str, str]) -> str:
    """Return the overrides of a form in the grammar of `edge start -p` (spec 11 section 5).

    What was left as it stood is left out, so that the loader sees the same as without a form;
    positional ones are needed up to the last change. Missing fields count as untouched.
    """
    items = [item for item in dag.params if not item.is_inherited]
    values = {item.name: given.get(f"param.{item.name}", _start_value(item)) for item in items}
    changed = [item.name for item in items if values[item.name] != _start_value(item)]
    free = given.get("params", "").strip() if has_free_text(dag) else ""
    if free and not changed:
        # may be JSON, which is taken only as a whole
        return free
    words = []
    positional = [item.name for item in items if item.positional]
    last = max((positional.index(name) for name in changed if name in positional), default=-1)
    words += [quoted(values[name]) for name in positional[: last + 1]]
    for item in items:
        # among rich items a position fills the first that has no name given
        is_needed = last >= 0 and any(other.is_rich for other in items) and values[item.name]
        if not item.positional and (item.name in changed or is_needed):
            words.append(f"{item.name}={quoted(values[item.name])}")
    return " ".join([*words, free] if free else words)
