"""From a step that names a custom action to the step it stands for (spec 10 section 10).

Everything happens on the tree of the file, before the step is built: what comes out is an ordinary
step. Its nodes have the place of the call, so that a fault leads to what the author can change.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from edge.core.jsontypes import JsonValue
from edge.workflow.build import Build
from edge.workflow.custom_actions import CustomAction
from edge.workflow.decode import Decoded, decode
from edge.workflow.gotemplate import TemplateError, render_template
from edge.workflow.nodes import ListNode, MapNode, Node, ScalarNode, go_text, json_of
from edge.workflow.runs import LEGACY
from edge.workflow.shapes import fail, is_null

__all__ = ["expand_action"]

#: what a call may not set, beside `run` and the old execution keys
_OWN = ("working_dir", "container", "parallel", "foreach")
_WHOLE = re.compile(r"\$\{[^{}]+\}|\$[A-Za-z_]\w*|`[^`]*`", re.ASCII)
_PART = re.compile(r"\$\{|\$[A-Za-z_]|`", re.ASCII)
_Path = tuple[str | int, ...]


def expand_action(fields: Decoded, build: Build) -> tuple[Decoded, str]:
    """Return the step that a step stands for, and the custom action it names; "" = none.

    Raises: FaultError.
    """
    trail: list[str] = []
    action = _called(fields, build.actions)
    while action is not None:
        if action.name in trail:
            chain = " -> ".join([*trail[trail.index(action.name) :], action.name])
            key = "type" if action.type else "action"
            fail(fields.at(key), key, f"recursive custom action reference: {chain}", action.name)
        trail.append(action.name)
        fields = _expanded(action, fields)
        action = _called(fields, build.actions)
    return fields, trail[0] if trail else ""


def _called(fields: Decoded, actions: Mapping[str, CustomAction]) -> CustomAction | None:
    """Return the custom action that a step names."""
    key = "action" if fields.has("action") else "type"
    node = fields.get(key)
    value = node.value if isinstance(node, ScalarNode) else None
    if not isinstance(value, str):
        return None
    found = actions.get(value.strip())
    return found if found is not None and bool(found.type) is (key == "type") else None


def _expanded(action: CustomAction, call: Decoded) -> Decoded:
    _check_call(action, call)
    place = call.at("type" if action.type else "action")
    data: JsonValue = {"input": _input(action, call)}
    root = "step_types" if action.type else "actions"
    rendered = _Rendering(data, place, f"{root}.{action.name}.template").node(action.template)
    assert isinstance(rendered, MapNode)
    entries = dict(rendered.entries)
    if action.type:
        entries["type"] = ScalarNode(place.line, place.column, action.type)
    if action.output_schema is not None:
        entries["output_schema"] = action.output_schema
    if action.description:
        at = (place.line, place.column)
        entries.setdefault("description", ScalarNode(*at, action.description))
    for key, node in call.node.entries.items():
        if key in ("action", "type", "with", "config"):
            continue
        before = entries.get(key)
        if key in ("env", "preconditions") and before is not None and not is_null(before):
            entries[key] = _both(before, node)
        else:
            entries[key] = node
    keys = {key: call.node.keys.get(key, (place.line, place.column)) for key in entries}
    node = MapNode(call.node.line, call.node.column, entries, keys)
    return decode(node, "step")


def _both(first: Node, second: Node) -> Node:
    """Return the template's entries, then those of the call."""
    if is_null(second):
        return first
    items = [
        item
        for node in (first, second)
        for item in (node.items if isinstance(node, ListNode) else [node])
    ]
    return ListNode(second.line, second.column, items)


def _check_call(action: CustomAction, call: Decoded) -> None:
    if not action.type:
        node = call.at("action")
        if call.get("run") is not None:
            fail(node, "action", "run cannot be used together with action", action.name)
        for key in LEGACY:
            if call.get(key) is not None:
                message = f"action cannot be used together with {key}"
                fail(call.at(key), "action", message, action.name)
    refused = (*_OWN, *(key for key in LEGACY if key not in ("type", "config")), "run")
    for key in refused if action.type else _OWN:
        if call.get(key) is not None:
            kind = "a legacy step_types definition" if action.type else "a custom action"
            fail(call.at(key), key, f'field "{key}" is not allowed when using {kind}')


def _input(action: CustomAction, call: Decoded) -> JsonValue:
    """Return the inputs of a call, defaults filled in and checked."""
    key = "config" if action.type and call.get("with") is None else "with"
    node = call.at(key)
    if not call.has(key) or (action.type and is_null(node)):
        node = MapNode(node.line, node.column, {}, {})
    if not isinstance(node, MapNode):
        fail(node, key, f"{key} must be an object", go_text(node))
    value = action.input_schema.apply_defaults(json_of(node))
    references: dict[_Path, bool] = {}
    _find_references(value, (), references)
    wrong = action.input_schema.validate(value, references=references)
    if wrong:
        fail(node, key, f'invalid "{action.name}" input: {wrong}', go_text(node))
    return value


def _find_references(value: JsonValue, path: _Path, found: dict[_Path, bool]) -> None:
    """Note where references stand: True = it is the whole text."""
    if isinstance(value, str):
        if _PART.search(value):
            found[path] = _WHOLE.fullmatch(value.strip()) is not None
    elif isinstance(value, Mapping):
        for key, item in value.items():
            _find_references(item, (*path, key), found)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _find_references(item, (*path, index), found)


class _Rendering:
    """Renders a template; every node it makes has the place of the call."""

    def __init__(self, data: JsonValue, place: Node, field: str) -> None:
        self.data = data
        self.place = place
        self.field = field

    def node(self, node: Node) -> Node:
        line, column = self.place.line, self.place.column
        if isinstance(node, ScalarNode):
            value = node.value
            if isinstance(value, str) and "{{" in value:
                value = self.text(value)
            return ScalarNode(line, column, value)
        if isinstance(node, ListNode):
            return ListNode(line, column, [self.node(item) for item in node.items])
        assert isinstance(node, MapNode)
        if set(node.entries) == {"$input"}:
            return self.injected(node.entries["$input"])
        entries = {key: self.node(value) for key, value in node.entries.items()}
        return MapNode(line, column, entries, dict.fromkeys(entries, (line, column)))

    def text(self, template: str) -> str:
        try:
            return render_template(template, self.data, name=self.field)
        except TemplateError as exc:
            fail(self.place, self.field, f"failed to render template: {exc}")

    def injected(self, path: Node) -> Node:
        """Return the value of an input with its type: `{$input: a.b.0}`."""
        text = path.value if isinstance(path, ScalarNode) else None
        if not isinstance(text, str) or not text.strip():
            fail(self.place, self.field, "$input must be a path such as a.b.0", go_text(path))
        assert isinstance(self.data, dict)
        value = self.data["input"]
        for part in text.strip().split("."):
            if isinstance(value, Mapping) and part in value:
                value = value[part]
            elif (
                isinstance(value, list)
                and len(part) < 9
                and part.isdecimal()
                and (int(part) < len(value))
            ):
                value = value[int(part)]
            else:
                fail(self.place, self.field, f'$input path "{text}" has no value at "{part}"')
        return self.made(value)

    def made(self, value: JsonValue) -> Node:
        line, column = self.place.line, self.place.column
        if isinstance(value, Mapping):
            entries = {key: self.made(item) for key, item in value.items()}
            return MapNode(line, column, entries, dict.fromkeys(entries, (line, column)))
        if isinstance(value, list):
            return ListNode(line, column, [self.made(item) for item in value])
        return ScalarNode(line, column, value)
