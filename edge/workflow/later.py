"""Fields that are read and kept, and whose work is a later release's (spec 10 section 4).

Only what a file may say is checked here; a run that needs one of them is refused when it starts.
"""

from __future__ import annotations

import re

from edge.core.jsontypes import JsonValue
from edge.workflow.decode import Decoded
from edge.workflow.model import DAGType
from edge.workflow.nodes import ListNode, MapNode, Node, ScalarNode, go_text, go_type, json_of
from edge.workflow.problems import Fault, FaultError, Findings
from edge.workflow.shapes import fail, is_null

__all__ = ["read_later"]

_KEPT = ("otel", "tools", "tasks", "llm", "harness", "harnesses")
#: providers of language models and coding harnesses that need no declaration of their own
_PROVIDERS = frozenset(
    ["anthropic", "gemini", "llama", "local", "ollama", "openai", "openrouter", "vllm", "zai"]
)
_HARNESSES = frozenset(["claude", "codex", "copilot", "cursor", "gemini", "opencode", "pi"])
_PACKAGE = r"(?P<name>[^@\s#]+)@(?P<version>[^@\s#]+)(?:#sha256:[0-9a-fA-F]{64})?"


def read_later(fields: Decoded, dag_type: DAGType, found: Findings) -> dict[str, JsonValue]:
    """Return the kept fields by name; faults are noted in `found`."""
    found.read(lambda: _check_agent(fields, dag_type), None)
    found.read(lambda: _check_llm(fields), None)
    found.read(lambda: _check_map(fields, "harnesses"), None)
    found.read(lambda: _check_harness(fields), None)
    found.read(lambda: _check_tools(fields), None)
    found.read(lambda: _check_map(fields, "otel"), None)
    return {name: json_of(node) for name in _KEPT if (node := fields.get(name)) is not None}


def _check_agent(fields: Decoded, dag_type: DAGType) -> None:
    tasks = fields.get("tasks")
    if tasks is not None and not isinstance(tasks, ListNode):
        fail(tasks, "tasks", "tasks must be an array", go_text(tasks))
    if dag_type is not DAGType.AGENT:
        if tasks is not None and tasks.items:
            fail(tasks, "tasks", "tasks require type: agent")
        return
    if fields.get("llm") is None:
        fail(fields.at("type"), "llm", "type: agent requires an llm configuration")
    if tasks is None or not tasks.items:
        fail(fields.at("tasks"), "tasks", "type: agent requires at least one task")


def _check_map(fields: Decoded, name: str) -> None:
    node = fields.get(name)
    if node is not None and not isinstance(node, MapNode):
        fail(node, name, f"{name} must be a map", go_text(node))


def _check_harness(fields: Decoded) -> None:
    """Check that the provider is one of ours or one of `harnesses`."""
    node = fields.get("harness")
    if node is None:
        return
    if not isinstance(node, MapNode):
        fail(node, "harness", "harness must be a map", go_text(node))
    provider = node.entries.get("provider")
    if provider is None or is_null(provider):
        return
    own = fields.get("harnesses")
    known = _HARNESSES | (set(own.entries) if isinstance(own, MapNode) else set())
    name = go_text(provider)
    # a reference is known only when the run starts
    if name.strip() not in known and "$" not in name:
        message = f'harness: unknown provider "{name}"'
        fail(provider, "harness.provider", message, said="harness")


def _check_llm(fields: Decoded) -> None:
    _check_map(fields, "llm")
    node = fields.get("llm")
    provider = node.entries.get("provider") if isinstance(node, MapNode) else None
    if provider is None or is_null(provider):
        return
    name = go_text(provider)
    if name.strip().lower() not in _PROVIDERS and "$" not in name:
        fail(provider, "llm.provider", f"invalid provider: {name}", name)


def _check_tools(fields: Decoded) -> None:
    """Check that every package names a fixed version."""
    node = fields.get("tools")
    if node is None:
        return
    if not isinstance(node, MapNode):
        _check_packages(node, "tools")
        return
    provider = node.entries.get("provider")
    if provider is not None and not is_null(provider) and go_text(provider) != "aqua":
        message = f'unsupported tools provider "{go_text(provider)}"; the only one is aqua'
        fail(provider, "tools.provider", message, said="tools")
    packages = node.entries.get("packages")
    if packages is not None and not is_null(packages):
        _check_packages(packages, "tools.packages")


def _check_packages(node: Node, path: str) -> None:
    if not isinstance(node, ListNode):
        text = f"'tools' failed to unmarshal from YAML: must be array or map, got {go_type(node)}"
        raise FaultError([Fault(node.line, node.column, path, text, bullet=text)])
    for index, item in enumerate(node.items):
        text = _package(item)
        match = re.fullmatch(_PACKAGE, text, re.ASCII)
        if match is None or match["version"].lower() == "latest":
            message = f'the version of tool "{text}" must be pinned, as in name@1.2.3'
            fail(item, f"{path}[{index}]", message, text, said="tools")


def _package(node: Node) -> str:
    """Return `name@version` of a package given as text or as a map of name and version."""
    if not isinstance(node, MapNode):
        return go_text(node)
    texts = {
        key: go_text(value) for key, value in node.entries.items() if isinstance(value, ScalarNode)
    }
    name = texts.get("package") or texts.get("name") or ""
    return f"{name}@{texts['version']}" if texts.get("version") else name
