from __future__ import annotations

import pytest

from tests.workflow.helpers import load, refused

STEPS = "\nsteps: [{run: a}]\n"
AGENT = "type: agent\nllm: {provider: openai}\ntasks: [{name: t}]\n"


# fields that are kept: spec 10 section 4
@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", {}),
        ("otel: {enabled: true, any: {x: 1}}", {"otel": {"enabled": True, "any": {"x": 1}}}),
        ("tools: [jq@1.7.1]", {"tools": ["jq@1.7.1"]}),
        (
            "tools: ['jqlang/jq@jq-1.7#sha256:" + "a" * 64 + "']",
            {"tools": ["jqlang/jq@jq-1.7#sha256:" + "a" * 64]},
        ),
        (
            "tools: {provider: aqua, registry: {ref: v4}, packages: [jq@1.7]}",
            {"tools": {"provider": "aqua", "registry": {"ref": "v4"}, "packages": ["jq@1.7"]}},
        ),
        (
            "tools: {packages: [{name: jq, version: '1.7'}]}",
            {"tools": {"packages": [{"name": "jq", "version": "1.7"}]}},
        ),
        ("tools: ~", {}),
        ("llm: {provider: anthropic, model: m}", {"llm": {"provider": "anthropic", "model": "m"}}),
        ("harness: {provider: claude}", {"harness": {"provider": "claude"}}),
        (
            "harnesses: {own: {binary: x}}\nharness: {provider: own}",
            {"harness": {"provider": "own"}, "harnesses": {"own": {"binary": "x"}}},
        ),
        (AGENT, {"llm": {"provider": "openai"}, "tasks": [{"name": "t"}]}),
        ("tasks: []", {"tasks": []}),
    ],
)
def test_kept(text: str, kept: object) -> None:
    assert load(text + STEPS).later == kept


# their errors: spec 10 section 4
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("otel: 5", "field 'otel': otel must be a map"),
        ("otel: [a]", "field 'otel': otel must be a map"),
        ("tasks: [{name: t}]", "field 'tasks': tasks require type: agent"),
        ("tasks: x", "field 'tasks': tasks must be an array"),
        ("type: agent\ntasks: [{name: t}]", "type: agent requires an llm configuration"),
        ("type: agent\nllm: {provider: openai}", "type: agent requires at least one task"),
        (AGENT.replace("[{name: t}]", "[]"), "type: agent requires at least one task"),
        ("llm: {provider: x}", "field 'llm.provider': invalid provider: x"),
        ("llm: 5", "field 'llm': llm must be a map"),
        ("harness: {provider: x}", "field 'harness': harness: unknown provider \"x\""),
        ("harness: x", "field 'harness': harness must be a map"),
        ("harnesses: [x]", "field 'harnesses': harnesses must be a map"),
        ("tools: [jq]", 'the version of tool "jq" must be pinned'),
        ("tools: [jq@latest]", 'the version of tool "jq@latest" must be pinned'),
        ("tools: [jq@1.7#sha256:xyz]", "must be pinned"),
        ("tools: {packages: [{name: jq}]}", 'the version of tool "jq" must be pinned'),
        ("tools: {provider: brew}", 'unsupported tools provider "brew"'),
        ("tools: jq@1", "'tools' failed to unmarshal from YAML: "),
        ("functions: []", "'spec.dag' has invalid keys: functions"),
    ],
)
def test_errors(text: str, message: str) -> None:
    assert message in refused(text + STEPS).message
