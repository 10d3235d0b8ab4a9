"""What an action reads of its `with` when it runs (spec 13 sections 1.3 and 1.6)."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from typing import TypeVar

from edge.actions.base import ActionContext, ActionError
from edge.core.jsontypes import JsonObject, JsonValue
from edge.workflow.field_policy import policy_of
from edge.workflow.values import Scope, resolve
from edge.workflow.with_resolved import as_flag, as_int, as_list, as_text

__all__ = ["Inputs", "resolve_inputs", "resolve_path"]

_POLICY = policy_of("steps[].with")
_T = TypeVar("_T")


class Inputs:
    """Resolved inputs by name; an absent one has its default.

    Reading one as a type that it cannot have raises ActionError.
    """

    def __init__(self, values: JsonObject, context: ActionContext) -> None:
        self.values = values
        self._context = context

    def has(self, key: str) -> bool:
        """Return whether the input is given and not null."""
        return self.values.get(key) is not None

    def text(self, key: str, default: str = "") -> str:
        """Return a text; a number is taken for one."""
        return self._read(key, default, as_text)

    def integer(self, key: str, default: int = 0) -> int:
        """Return a whole number."""
        return self._read(key, default, as_int)

    def flag(self, key: str, default: bool = False) -> bool:
        """Return a flag."""
        return self._read(key, default, as_flag)

    def texts(self, key: str) -> list[str]:
        """Return a list of texts; one text is a list of one."""
        return self._read(key, [], lambda value: [as_text(item) for item in as_list(value)])

    def members(self, key: str) -> JsonObject:
        """Return a map, empty when absent."""
        return self._read(key, {}, _members)

    def path(self, key: str, *, expand_home: bool = False, default: str = "") -> str:
        """Return a path, absolute; "" when there is none."""
        text = self.text(key) or default
        return resolve_path(self._context, text, expand_home=expand_home) if text else ""

    def _read(self, key: str, default: _T, read: Callable[[JsonValue], _T]) -> _T:
        value = self.values.get(key)
        if value is None:
            return default
        try:
            return read(value)
        except ValueError as exc:
            raise ActionError(f"{key}: {exc}") from None


def _members(value: JsonValue) -> JsonObject:
    if not isinstance(value, dict):
        raise ValueError("expected a map")
    return value


def resolve_inputs(
    values: JsonObject, scope: Scope, literal: Collection[str] = frozenset()
) -> JsonObject:
    """Return the inputs with every text inside them resolved; keys stay, and `literal` inputs."""
    return {
        key: value if key in literal else _resolved(value, scope) for key, value in values.items()
    }


def _resolved(value: JsonValue, scope: Scope) -> JsonValue:
    if isinstance(value, str):
        return resolve(value, _POLICY, scope)
    if isinstance(value, list):
        return [_resolved(item, scope) for item in value]
    if isinstance(value, dict):
        return {key: _resolved(item, scope) for key, item in value.items()}
    return value


def resolve_path(context: ActionContext, text: str, *, expand_home: bool = False) -> str:
    """Return a path under the step's working directory, absolute and without `.` and `..`."""
    if expand_home and (text == "~" or text.startswith("~/")):
        home = context.scope.get("HOME", with_process=True) or os.path.expanduser("~")
        text = home + text[1:]
    if "\0" in text:
        raise ActionError("a path cannot hold a NUL character")
    return os.path.normpath(os.path.join(context.cwd, text))
