"""`state.*`: JSON values that outlive runs (spec 13 section 12)."""

from __future__ import annotations

from collections.abc import Sequence

from edge.actions.base import ActionContext, ActionError, Outcome, StateStore
from edge.actions.files import rfc3339_ns
from edge.actions.inprocess import operation_of, run_in_process
from edge.actions.inputs import Inputs
from edge.core.gojson import go_json
from edge.core.jsontypes import JsonValue
from edge.core.state import StateEntry, StateError, StateRef, check_version, normal_value

__all__ = ["run_state"]

_CONFIGURATION = "state: configuration error: "
#: name and JSON text of the members of a line
_Members = list[tuple[str, str]]


async def run_state(context: ActionContext) -> Outcome:
    """Carry a state operation out and print its result."""
    return await run_in_process(context, _run, ignores_stop=True)


async def _run(context: ActionContext, inputs: Inputs) -> None:
    store = context.state
    if store is None:
        raise ActionError(f"{_CONFIGURATION}state store is not configured")
    operation = operation_of(context)
    try:
        ref = _ref(context, inputs)
        ref.check()
        members: _Members = [("scope", _text(ref.scope)), ("namespace", _text(ref.namespace))]
        if operation != "list":
            members.append(("key", _text(ref.key)))
        members = [
            ("operation", _text(operation)),
            *members,
            *await _OPERATIONS[operation](store, ref, inputs),
        ]
    except StateError as exc:
        raise ActionError(str(exc)) from None
    context.write_stdout((_object(members) + "\n").encode("utf-8", "replace"))


def _ref(context: ActionContext, inputs: Inputs) -> StateRef:
    scope = inputs.text("scope") or "dag"
    namespace = inputs.text("namespace")
    if not namespace:
        name = context.dag.name
        if scope == "custom":
            raise ActionError(f"{_CONFIGURATION}namespace is required for custom scope")
        if scope == "root_dag":
            name = context.scope.context.get("run.root_name", name)
        namespace = "_" if scope == "global" else name
    # the prefix of a list is no key
    return StateRef(scope, namespace, inputs.text("key"))


def _expected(inputs: Inputs) -> int | None:
    value = inputs.values.get("expected_version")
    return None if value is None or value == "" else inputs.integer("expected_version")


async def _get(store: StateStore, ref: StateRef, inputs: Inputs) -> _Members:
    entry = await store.get(ref)
    if entry is not None:
        return [("found", "true"), *_about(entry), ("value", entry.value)]
    if inputs.flag("required"):
        raise StateError("dag state: not found")
    if "default" not in inputs.values:
        return [("found", "false")]
    return [("found", "false"), ("value", normal_value(inputs.values["default"])[0])]


async def _set(store: StateStore, ref: StateRef, inputs: Inputs) -> _Members:
    value, digest = normal_value(inputs.values.get("value"))
    entry = await store.put(
        ref,
        value,
        digest,
        expected=_expected(inputs),
        create_only=inputs.flag("create_only"),
    )
    return [*_about(entry), ("created", _flag(entry.version == 1))]


async def _delete(store: StateStore, ref: StateRef, inputs: Inputs) -> _Members:
    return [("deleted", _flag(await store.delete(ref, expected=_expected(inputs))))]


async def _diff(store: StateStore, ref: StateRef, inputs: Inputs) -> _Members:
    value, digest = normal_value(inputs.values.get("value"))
    before = entry = await store.get(ref)
    check_version(before, _expected(inputs), create_only=False)
    changed = before is None or before.hash != digest
    if changed and inputs.flag("update", True):
        version = 0 if before is None else before.version
        entry = await store.put(ref, value, digest, expected=version)
    members = [("changed", _flag(changed)), ("foundPrevious", _flag(before is not None))]
    if before is not None:
        members.append(("previousVersion", str(before.version)))
    if entry is not None:
        members += _about(entry)
    if before is not None:
        members.append(("previous", before.value))
    return [*members, ("current", value)]


async def _list(store: StateStore, ref: StateRef, inputs: Inputs) -> _Members:
    prefix = inputs.text("prefix")
    entries = await store.list(ref, prefix, inputs.integer("limit"))
    has_values = inputs.flag("include_values")
    lines = [_object(_shown(ref, entry, has_values)) for entry in entries]
    members = [("prefix", _text(prefix))] if prefix else []
    return [*members, ("entries", "[" + ",".join(lines) + "]")]


def _shown(ref: StateRef, entry: StateEntry, has_value: bool) -> _Members:
    return [
        ("scope", _text(ref.scope)),
        ("namespace", _text(ref.namespace)),
        ("key", _text(entry.key)),
        *_about(entry),
        ("createdAt", _text(rfc3339_ns(entry.created_ns))),
        ("updatedAt", _text(rfc3339_ns(entry.updated_ns))),
        *([("value", entry.value)] if has_value else []),
    ]


def _about(entry: StateEntry) -> _Members:
    return [("version", str(entry.version)), ("hash", _text(entry.hash))]


def _text(value: JsonValue) -> str:
    return go_json(value, escape_html=False)


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _object(members: Sequence[tuple[str, str]]) -> str:
    """Return a line: values are the stored bytes, which no encoder may touch again."""
    return "{" + ",".join(f'"{name}":{text}' for name, text in members) + "}"


_OPERATIONS = {"get": _get, "set": _set, "delete": _delete, "diff": _diff, "list": _list}
