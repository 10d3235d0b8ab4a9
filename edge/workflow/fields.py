"""The one table of the language's fields (spec 10 section 4 and 6.4).

Validation (unknown key, wrong type), the merge with the base configuration, the help text, the
spelling of Dagu 1.30 and the JSON schema are all made from it. The lines stand in `field_table_*`.
"""

from __future__ import annotations

from edge.workflow.field_kinds import Field, Kind, Merge
from edge.workflow.field_table_nested import NESTED
from edge.workflow.field_table_root import ROOT
from edge.workflow.field_table_step import HANDLERS, POLICIES, STEP

__all__ = ["CONTEXTS", "Field", "Kind", "Merge", "describe", "hint_for", "suggestion"]

#: context name -> its fields by name
CONTEXTS: dict[str, dict[str, Field]] = {
    name: {field.name: field for field in fields}
    for name, fields in {
        "root": ROOT,
        "step": STEP,
        "defaults": POLICIES,
        "handler_on": HANDLERS,
        **NESTED,
    }.items()
}

#: names of the mappings in error texts, where they are not the key's own
LABELS = {"root": "spec.dag", "step": "spec.step", "defaults": "spec.defaults"}

_REMOVED = {
    "precondition": '"precondition" is no longer supported; use "preconditions"',
    "dir": '"dir" is no longer supported; use "working_dir"',
    "executor": '"executor" has been removed; use "action" and pass executor options under "with"',
}


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


#: the Dagu 1.30 spelling of every known key -> ours
_CAMEL = {_camel(name): name for fields in CONTEXTS.values() for name in fields if "_" in name}


def hint_for(keys: list[str]) -> str:
    """Return the hints of spec 10 section 1.2 for unknown keys, joined; "" when there is none."""
    camel = ", ".join(f"{key} -> {_CAMEL[key]}" for key in keys if key in _CAMEL)
    hints = [f"use snake_case keys ({camel})"] if camel else []
    hints += [_REMOVED[key] for key in keys if key in _REMOVED]
    return "; ".join(hints)


def suggestion(key: str, known: list[str]) -> str:
    """Return the known key that was probably meant, or ""."""
    # difflib costs start-up time and is needed for a bad file only
    from difflib import get_close_matches

    folded = {name.replace("_", ""): name for name in known}
    exact = folded.get(key.lower().replace("_", "").replace("-", ""))
    if exact is not None:
        return exact
    return next(iter(get_close_matches(key.lower(), known, n=1, cutoff=0.75)), "")


def describe(context: str) -> str:
    """Return the help text of a context: one line a field."""
    lines = []
    for field in CONTEXTS[context].values():
        default = f" (default {field.default})" if field.default else ""
        old = f" Deprecated: {field.deprecated}." if field.deprecated else ""
        lines.append(f"{field.name:<22} {field.help}{default}{old}")
    return "\n".join(lines)
