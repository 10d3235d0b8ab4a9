"""`state.*` (spec 13 section 12); results beside the recorded ones of tests/engine."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from edge.core.jsontypes import JsonObject
from edge.core.state import StateEntry, StateRef, check_version
from tests.actions.context import Context


class Memory:
    """State in memory, as the store keeps it."""

    def __init__(self) -> None:
        self.entries: dict[StateRef, StateEntry] = {}

    async def get(self, ref: StateRef) -> StateEntry | None:
        return self.entries.get(ref)

    async def put(
        self,
        ref: StateRef,
        value: str,
        digest: str,
        *,
        expected: int | None = None,
        create_only: bool = False,
    ) -> StateEntry:
        before = self.entries.get(ref)
        check_version(before, expected, create_only=create_only)
        version = 1 if before is None else before.version + 1
        entry = StateEntry(ref.key, value, digest, version, 0, version)
        self.entries[ref] = entry
        return entry

    async def delete(self, ref: StateRef, *, expected: int | None = None) -> bool:
        check_version(self.entries.get(ref), expected, create_only=False)
        return self.entries.pop(ref, None) is not None

    async def list(self, ref: StateRef, prefix: str, limit: int) -> list[StateEntry]:
        found = [
            entry
            for place, entry in sorted(self.entries.items(), key=lambda item: item[0].key)
            if dataclasses.replace(place, key="") == ref and place.key.startswith(prefix)
        ]
        return found[:limit] if limit else found


async def _do(memory: Memory | None, operation: str, options: JsonObject) -> str:
    context = Context(f"state.{operation}", options)
    context.state = memory
    context.scope = context.scope.with_context({"run.root_name": "top"})
    outcome = await context.run()
    assert outcome.code == (1 if outcome.error else 0)
    return outcome.error or context.out.decode()


# spec 13 section 12: namespace default
@pytest.mark.parametrize(
    ("options", "scope", "namespace"),
    [
        ({}, "dag", "t"),
        ({"scope": "root_dag"}, "root_dag", "top"),
        ({"scope": "global"}, "global", "_"),
        ({"scope": "custom", "namespace": "$S"}, "custom", "api"),
        ({"namespace": "n"}, "dag", "n"),
    ],
)
async def test_namespaces(options: JsonObject, scope: str, namespace: str) -> None:
    memory = Memory()
    line = json.loads(await _do(memory, "set", {"key": "k", "value": 1, **options}))
    assert (line["scope"], line["namespace"]) == (scope, namespace)
    assert list(memory.entries) == [StateRef(scope, namespace, "k")]


# spec 13 section 12: errors
@pytest.mark.parametrize(
    ("operation", "options", "error"),
    [
        ("get", {"key": "no", "required": True}, "dag state: not found"),
        ("get", {"key": "a//b"}, 'dag state: invalid ref: invalid key "a//b"'),
        ("set", {"key": "k", "value": 1, "create_only": True}, "dag state: conflict"),
        ("set", {"key": "k", "value": 1, "expected_version": "0"}, "dag state: conflict"),
        ("diff", {"key": "k", "value": 1, "expected_version": 7}, "dag state: conflict"),
        ("delete", {"key": "k", "expected_version": 7}, "dag state: conflict"),
        ("set", {"key": "k", "value": "x" * (1 << 20)}, "dag state: value too large"),
        (
            "get",
            {"key": "k", "scope": "custom"},
            "state: configuration error: namespace is required for custom scope",
        ),
        (
            "set",
            {"key": "k"},
            "failed to set up step: state: configuration error: value is required for set",
        ),
        ("get", {}, "failed to set up step: state: configuration error: key is required"),
    ],
)
async def test_errors(operation: str, options: JsonObject, error: str) -> None:
    memory = Memory()
    await _do(memory, "set", {"key": "k", "value": 5})
    before = dict(memory.entries)
    assert await _do(memory, operation, options) == error
    assert memory.entries == before


async def test_no_store() -> None:
    """spec 13 section 12."""
    error = "state: configuration error: state store is not configured"
    assert await _do(None, "get", {"key": "k"}) == error


# spec 13 section 12: diff compares hashes, writes only what changed and only with `update`
@pytest.mark.parametrize(
    ("stored", "options", "line", "left"),
    [
        (None, {"value": 1}, {"changed": True, "foundPrevious": False, "version": 1}, "1"),
        (None, {"value": 1, "update": False}, {"changed": True, "foundPrevious": False}, None),
        (
            1,
            {"value": 1},
            {"changed": False, "foundPrevious": True, "previousVersion": 1, "version": 1},
            "1",
        ),
        (
            1,
            {"value": 2, "expected_version": 1},
            {"changed": True, "foundPrevious": True, "previousVersion": 1, "version": 2},
            "2",
        ),
        (
            1,
            {"value": 2, "update": False},
            {"changed": True, "foundPrevious": True, "previousVersion": 1, "version": 1},
            "1",
        ),
    ],
)
async def test_diff(stored: Any, options: JsonObject, line: JsonObject, left: str | None) -> None:
    memory = Memory()
    if stored is not None:
        await _do(memory, "set", {"key": "k", "value": stored})
    found = json.loads(await _do(memory, "diff", {"key": "k", **options}))
    assert {name: found[name] for name in line} == line
    assert ("version" in found) is ("version" in line)
    assert found["current"] == options["value"]
    entry = memory.entries.get(StateRef("dag", "t", "k"))
    assert (entry.value if entry else None) == left


async def test_texts_of_the_line() -> None:
    """spec 13 section 12: values are the stored bytes, other strings unescaped."""
    memory = Memory()
    await _do(memory, "set", {"key": "a&b", "value": "<"})
    line = await _do(memory, "get", {"key": "a&b"})
    assert '"key":"a&b"' in line
    assert '"value":"\\u003c"' in line


async def test_list() -> None:
    """spec 13 section 12."""
    memory = Memory()
    for key in ("k/b", "k/a", "j"):
        await _do(memory, "set", {"key": key, "value": key})
    found = json.loads(await _do(memory, "list", {"prefix": "k/", "include_values": True}))
    assert [(entry["key"], entry["value"]) for entry in found["entries"]] == [
        ("k/a", "k/a"),
        ("k/b", "k/b"),
    ]
    assert list(found["entries"][0]) == (
        "scope namespace key version hash createdAt updatedAt value".split()
    )
    assert (await _do(memory, "list", {"scope": "global"})).endswith('"entries":[]}\n')
