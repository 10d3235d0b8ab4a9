"""`stdout` and `stderr` of a step."""

from __future__ import annotations

import pytest

from edge.workflow.model import StdoutOutputs
from edge.workflow.model_steps import StdoutField
from tests.workflow.helpers import refused, step


def test_files_and_artifacts() -> None:
    """spec 10 section 7.7"""
    found = step("{run: a, stdout: '${env.OUT}', stderr: {artifact: logs/err.txt}}")
    assert (found.stdout, found.stdout_artifact) == ("${env.OUT}", "")
    assert (found.stderr, found.stderr_artifact) == ("", "logs/err.txt")
    found = step("{run: a, stdout: {artifact: out.txt, outputs: level}, stderr: ~}")
    assert found.stdout_artifact == "out.txt"
    assert found.stdout_outputs == StdoutOutputs(field="level")
    assert found.stderr == ""
    # the same text twice is a fault only when both are set
    assert step("{run: a, stdout: '', stderr: ''}").stdout == ""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("level", StdoutOutputs(field="level")),
        ("{field: level}", StdoutOutputs(field="level")),
        ("{field: v, decode: json}", StdoutOutputs(field="v", decode="json")),
        # a path alone means JSON
        ("{field: v, select: .v}", StdoutOutputs(field="v", decode="json", select=".v")),
        ("{decode: yaml}", StdoutOutputs(decode="yaml")),
        ("{select: .v}", StdoutOutputs(decode="json", select=".v")),
        (
            "{fields: {v: {decode: json, select: .v}, kind: fixed, n: {value: 5}, o: {a: b}}}",
            StdoutOutputs(
                fields=(
                    StdoutField(name="v", decode="json", select=".v"),
                    StdoutField(name="kind", is_literal=True, value="fixed"),
                    StdoutField(name="n", is_literal=True, value=5),
                    StdoutField(name="o", is_literal=True, value={"a": "b"}),
                )
            ),
        ),
        (
            "{fields: {a: {from: stdout}, b: {select: .x}}}",
            StdoutOutputs(
                fields=(StdoutField(name="a"), StdoutField(name="b", decode="json", select=".x"))
            ),
        ),
    ],
)
def test_published_stdout(value: str, expected: StdoutOutputs) -> None:
    """spec 11 section 8.5, spec 10 section 7.7"""
    assert step(f"{{run: a, stdout: {{outputs: {value}}}}}").stdout_outputs == expected


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("stdout: 1", "field 'stdout': stdout must be a string path or an object"),
        ("stdout: [a]", "stdout must be a string path or an object"),
        ("stderr: true", "stderr must be a string path or an object"),
        ("stdout: {}", "stdout object must not be empty"),
        ("stdout: {file: x}", "stdout object supports only artifact and outputs"),
        ("stderr: {outputs: x}", "stderr.outputs is not supported"),
        ("stderr: {file: x}", "stderr object supports only artifact"),
        ("stdout: f, stderr: f", 'stdout and stderr cannot point to the same file "f"; use'),
        ("stdout: {artifact: ''}", "field 'stdout.artifact': path must not be empty"),
        ("stdout: {artifact: /x}", "field 'stdout.artifact': artifact path must be relative"),
        ("stdout: {artifact: 'C:\\x'}", "artifact path must be relative"),
        ("stderr: {artifact: a/../b}", "must not contain parent directory segments"),
        ("stdout: {artifact: ..}", "must not contain parent directory segments"),
        ("stdout: {artifact: a/}", "must name a file"),
        ("stdout: {artifact: .}", "must name a file"),
        ("stdout: {artifact: 5}", "path must be a string"),
        ("stdout: {outputs: 5}", "field 'stdout.outputs': must be a field name or an object"),
        ("stdout: {outputs: ' '}", "field name must not be empty"),
        ("stdout: {outputs: {k: 1}}", "field 'stdout.outputs': unknown field \"k\""),
        (
            "stdout: {outputs: {field: a, fields: {b: c}}}",
            "fields cannot be used with field, decode, or select",
        ),
        (
            "stdout: {outputs: {select: .a, fields: {b: c}}}",
            "fields cannot be used with field, decode, or select",
        ),
        ("stdout: {outputs: {fields: {}}}", "fields must not be empty"),
        ("stdout: {outputs: {fields: [a]}}", "fields must be an object"),
        ("stdout: {outputs: {fields: {a: {from: stderr}}}}", 'fields.a: from must be "stdout"'),
        ("stdout: {outputs: {fields: {a: {decode: json, k: 1}}}}", 'fields.a: unknown field "k"'),
        ("stdout: {outputs: {fields: {a: {from: stdout, path: x}}}}", "fields.a: path is only"),
        (
            "stdout: {outputs: {fields: {a: {from: stdout, value: 1}}}}",
            "fields.a: value and from cannot be used together",
        ),
        (
            "stdout: {outputs: {fields: {a: {decode: text, select: .x}}}}",
            'fields.a: select requires decode to be "json" or "yaml"',
        ),
        ("stdout: {outputs: {fields: {a: {decode: 1}}}}", "fields.a: decode must be a string"),
        ("stdout: {outputs: {field: 1}}", "field must be a string"),
        ("stdout: {outputs: {decode: xml}}", 'decode must be one of "text", "json", or "yaml"'),
        (
            "stdout: {outputs: {decode: text, select: .a}}",
            'select requires decode to be "json" or "yaml"',
        ),
    ],
)
def test_bad_streams(fields: str, message: str) -> None:
    """spec 10 section 7.7, spec 11 section 8.5"""
    error = refused(f"steps: [{{run: a, {fields}}}]\n")
    assert message in error.message
    assert len(error.problems) == 1
    assert error.problems[0].field.startswith("steps[0].std")
