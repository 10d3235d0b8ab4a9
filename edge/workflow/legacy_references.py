"""Dotted references that are no strict form: step properties and paths into JSON variables.

`${id.stdout}`, `$id.exit_code`, `${id.output.a[0]}`, `${VAR.a.b}` (spec 11 section 8.6). What they
cannot find is None, and the reference stays as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from edge.core.jsontypes import JsonValue
from edge.workflow.json_path import PathError, select
from edge.workflow.json_text import compact, decode_json, legacy_text
from edge.workflow.scope import Scope, StepView

__all__ = ["LegacyReferences"]

_PROPERTY = re.compile(
    r"(?P<name>stdout|stderr|exit_code|exitCode|outputs|output)(?P<tail>[.\[:].*)?\Z", re.DOTALL
)
_SLICE = re.compile(r":([0-9]{1,9})(?::([0-9]{1,9}))?\Z", re.ASCII)
_HTML = {ord(char): f"\\u{ord(char):04x}" for char in "<>&"}


class LegacyReferences:
    """The references of one evaluation; every JSON text is decoded once.

    `lookup` finds a variable where the field may look for it.
    """

    def __init__(self, scope: Scope, lookup: Callable[[str], str | None]) -> None:
        self._scope = scope
        self._lookup = lookup
        self._decoded: dict[str, JsonValue | ValueError] = {}

    def value(self, word: str, rest: str) -> str | None:
        """Return the value of `word.rest`: the step's property, else a path into a variable."""
        view = self._scope.steps.get(word)
        if view is not None:
            value = self._property(word, view, rest)
            if value is not None:
                return value
        text = self._scope.params.get(word) if word.isdigit() else self._lookup(word)
        return None if text is None else self._at(word, text, rest)

    def _property(self, word: str, view: StepView, rest: str) -> str | None:
        match = _PROPERTY.match(rest)
        if match is None:
            return None
        name, tail = match["name"], match["tail"] or ""
        if name == "outputs":
            return self._outputs(word, view, tail)
        if name == "stdout":
            text = view.stdout() if _is_slice(tail) else None
        elif name == "stderr":
            text = view.stderr() if _is_slice(tail) else None
        elif name == "output":
            text = view.output
        else:
            text = str(view.exit_code)
        if text is None or _is_slice(tail):
            return None if text is None else _sliced(text, tail)
        return self._at(f"{word}.output", text, tail) if name == "output" else None

    def _outputs(self, word: str, view: StepView, tail: str) -> str | None:
        values: JsonValue = dict(view.declared or view.published or {})
        if not values:
            return None
        if not tail:
            return compact(values).translate(_HTML)
        return self._selected(f"{word}.outputs", values, tail)

    def _at(self, word: str, text: str, path: str) -> str | None:
        """Return what the path leads to in a JSON text."""
        decoded = self._decoded.get(text)
        if decoded is None:
            try:
                decoded = decode_json(text)
            except ValueError as exc:
                decoded = exc
            self._decoded[text] = decoded
        if isinstance(decoded, ValueError):
            self._warn(word, path, decoded)
            return None
        return self._selected(word, decoded, path)

    def _selected(self, word: str, value: JsonValue, path: str) -> str | None:
        try:
            return legacy_text(select(value, path if path.startswith(".") else "." + path))
        except ValueError as exc:
            self._warn(word, path, exc)
            return None

    def _warn(self, word: str, path: str, error: ValueError) -> None:
        if self._scope.warn is not None:
            reason = error if isinstance(error, PathError) else "the value is no JSON"
            tail = path if path[:1] in (".", "[") else f".{path}"
            self._scope.warn(f"Failed to parse JSON: {word}{tail}: {reason}")


def _is_slice(tail: str) -> bool:
    return not tail or _SLICE.match(tail) is not None


def _sliced(text: str, tail: str) -> str:
    match = _SLICE.match(tail)
    if match is None:
        return text
    start = int(match[1])
    return text[start:] if match[2] is None else text[start : start + int(match[2])]
