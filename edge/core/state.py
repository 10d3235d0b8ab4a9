"""State between runs: names, versions and the bytes of a value (spec 13 section 12). Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from edge.core.gojson import go_json
from edge.core.jsontypes import JsonValue

__all__ = ["SCOPES", "StateEntry", "StateError", "StateRef", "check_version", "normal_value"]

SCOPES = ("dag", "root_dag", "global", "custom")
_MAX_BYTES = 1 << 20
_PREFIX = "dag state: "


class StateError(Exception):
    """The state refuses; the text is the error of the step."""


@dataclass(frozen=True, slots=True)
class StateRef:
    """Where a value is; `key` is "" for a whole namespace."""

    scope: str
    namespace: str
    key: str = ""

    def check(self) -> None:
        """Refuse names that could mean a place outside. Raises: StateError."""
        space = self.namespace
        if not space.strip() or space in (".", "..") or "/" in space or "\\" in space:
            raise StateError(f'{_PREFIX}invalid ref: invalid namespace "{space}"')
        parts = self.key.split("/")
        if self.key and ("\\" in self.key or any(part in ("", ".", "..") for part in parts)):
            raise StateError(f'{_PREFIX}invalid ref: invalid key "{self.key}"')
        if "\0" in space + self.key:
            raise StateError(f"{_PREFIX}invalid ref: a name cannot hold a NUL character")


@dataclass(frozen=True, slots=True)
class StateEntry:
    """A stored value; `value` is its normal JSON text. Times in nanoseconds of Unix time."""

    key: str
    value: str
    hash: str
    version: int
    created_ns: int
    updated_ns: int


def normal_value(value: JsonValue) -> tuple[str, str]:
    """Return a value's stored text and the hash of just these bytes. Raises: StateError."""
    try:
        text = go_json(value)
        data = text.encode("utf-8")
    except ValueError as exc:
        raise StateError(f"{_PREFIX}invalid value: {exc}") from None
    if len(data) > _MAX_BYTES:
        raise StateError(f"{_PREFIX}value too large")
    return text, hashlib.sha256(data).hexdigest()


def check_version(current: StateEntry | None, expected: int | None, *, create_only: bool) -> None:
    """Refuse a write that was meant for another state (0 = there must be none).

    Raises: StateError.
    """
    version = 0 if current is None else current.version
    if (expected is not None and expected != version) or (create_only and current is not None):
        raise StateError(f"{_PREFIX}conflict")
