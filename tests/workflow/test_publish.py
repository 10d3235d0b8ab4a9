"""What a step publishes: `output`, `outputs`, `output_schema`."""

from __future__ import annotations

import pytest

from edge.workflow.model import OutputDecl, OutputEntry
from tests.workflow.helpers import refused, step


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("READING", "READING"),
        ("$READING", "READING"),
        ("' $READING '", "READING"),
        ("no check-ed name", "no check-ed name"),
        ("''", ""),
        ("' '", ""),
        ("$", ""),
        ("~", ""),
    ],
)
def test_output_variable(value: str, expected: str) -> None:
    """spec 10 section 7.7, spec 11 section 8.4"""
    assert step(f"{{run: a, output: {value}}}").output == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1.5", OutputEntry(key="k", value=1.5)),
        ("~", OutputEntry(key="k", value=None)),
        ("[mV, {a: 1}]", OutputEntry(key="k", value=["mV", {"a": 1}])),
        ("'text ${params.x}'", OutputEntry(key="k", value="text ${params.x}")),
        # a map with none of the reserved keys is itself the literal
        ("{anything: goes}", OutputEntry(key="k", value={"anything": "goes"})),
        ("{}", OutputEntry(key="k", value={})),
        ("{value: [mV, V]}", OutputEntry(key="k", value=["mV", "V"])),
        ("{value: ~}", OutputEntry(key="k", value=None)),
        ("{from: stdout}", OutputEntry(key="k", source="stdout")),
        ("{from: stderr}", OutputEntry(key="k", source="stderr")),
        ("{from: file, path: a.txt}", OutputEntry(key="k", source="file", path="a.txt")),
        ("{from: stdout, decode: json}", OutputEntry(key="k", source="stdout", decode="json")),
        (
            "{from: stdout, decode: yaml, select: .v}",
            OutputEntry(key="k", source="stdout", decode="yaml", select=".v"),
        ),
        (
            "{from: file, path: '${env.F}', decode: json, select: .v}",
            OutputEntry(key="k", source="file", path="${env.F}", decode="json", select=".v"),
        ),
    ],
)
def test_structured_output(value: str, expected: OutputEntry) -> None:
    """spec 11 section 8.5, spec 10 section 7.7"""
    assert step(f"{{run: a, output: {{k: {value}}}}}").output_entries == (expected,)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{value: 1, from: stdout}", "value and from cannot be used together"),
        ("{decode: json}", "entry must specify either a literal value or from"),
        ("{path: a}", "entry must specify either a literal value or from"),
        ("{value: 1, path: a}", "path, decode, and select are only valid with from"),
        ("{value: 1, decode: json}", "path, decode, and select are only valid with from"),
        ("{value: 1, select: .a}", "path, decode, and select are only valid with from"),
        ("{from: stdout, path: a}", "path is only valid when from is file"),
        ("{from: file}", "path is required when from is file"),
        ("{from: file, path: ''}", "path is required when from is file"),
        ("{from: log}", 'from must be one of "stdout", "stderr", or "file"'),
        ("{from: 1}", 'from must be one of "stdout", "stderr", or "file"'),
        ("{from: stdout, decode: xml}", 'decode must be one of "text", "json", or "yaml"'),
        ("{from: stdout, decode: 1}", 'decode must be one of "text", "json", or "yaml"'),
        ("{from: stdout, select: .a}", 'select requires decode to be "json" or "yaml"'),
        ("{from: stdout, decode: json, select: 1}", "select must be a string"),
        ("{from: stdout, x: 1}", 'unknown field "x"'),
    ],
)
def test_bad_structured_output(value: str, message: str) -> None:
    """spec 11 section 8.5, spec 10 section 7.7"""
    error = refused(f"steps:\n  - {{run: a, output: {{k: {value}}}}}\n")
    assert f"field 'steps': field 'output': output.k: {message}" in error.message
    assert error.problems[0].field == "steps[0].output"
    assert error.problems[0].line == 2


@pytest.mark.parametrize("value", ["5", "true", "[a]"])
def test_output_of_another_shape(value: str) -> None:
    """spec 10 section 7.7"""
    error = refused(f"steps: [{{run: a, output: {value}}}]\n")
    assert "output must be a string or object" in error.message


@pytest.mark.parametrize(
    ("output", "is_noop"),
    [
        # spec 10 section 6.4: literals and files need nothing to execute
        ("{a: 1, b: {value: x}}", True),
        ("{a: {from: file, path: f}}", True),
        ("{a: {from: stdout}}", False),
        ("{a: 1, b: {from: stderr}}", False),
        ("NAME", False),
        ("{}", False),
    ],
)
def test_step_that_only_publishes_is_a_noop(output: str, is_noop: bool) -> None:
    """spec 10 section 6.4"""
    if is_noop:
        found = step(f"{{output: {output}}}")
        assert (found.type, found.run, found.name) == ("noop", None, "noop_1")
    else:
        assert "step command is required" in refused(f"steps: [{{output: {output}}}]\n").message


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("[{name: v}]", (OutputDecl("v"),)),
        ("[{name: v, type: string}]", (OutputDecl("v", "string"),)),
        ("[{name: v}, {name: all, type: json}]", (OutputDecl("v"), OutputDecl("all", "json"))),
    ],
)
def test_declared_outputs(value: str, expected: tuple[OutputDecl, ...]) -> None:
    """spec 11 section 8.1, spec 10 section 7.7"""
    assert step(f"{{id: a, run: a, outputs: {value}}}").outputs == expected


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        # checked first, whatever the list holds
        ("outputs: 5", "a step with outputs must define id"),
        ("id: ' ', outputs: [{name: v}]", "a step with outputs must define id"),
        ("id: a, outputs: []", "outputs must be a non-empty sequence"),
        ("id: a, outputs: ~", "outputs must be a non-empty sequence"),
        ("id: a, outputs: {v: string}", "outputs must be a non-empty sequence"),
        ("id: a, outputs: v", "outputs must be a non-empty sequence"),
        ("id: a, outputs: [v]", "outputs[0]: item must be an object"),
        ("id: a, outputs: [{name: 1}]", "outputs[0]: name must be a string"),
        ("id: a, outputs: [{name: v, x: 1}]", 'outputs[0]: unknown field "x"'),
        ("id: a, outputs: [{name: v}, {type: json}]", "outputs[1]: name is required"),
        ("id: a, outputs: [{name: ''}]", "outputs[0]: name is required"),
        (
            "id: a, outputs: [{name: a-b}]",
            'outputs[0]: name must match "^[A-Za-z][A-Za-z0-9_]*$"',
        ),
        (
            "id: a, outputs: [{name: _v}]",
            'outputs[0]: name must match "^[A-Za-z][A-Za-z0-9_]*$"',
        ),
        (
            "id: a, outputs: [{name: v}, {name: v}]",
            'outputs[1]: duplicate output name "v"',
        ),
        ("id: a, outputs: [{name: v, type: int}]", 'outputs[0]: type must be "string" or "json"'),
        ("id: a, outputs: [{name: v, type: 1}]", 'outputs[0]: type must be "string" or "json"'),
        (
            "id: a, outputs: [{name: v, type: json, path: p}]",
            "outputs[0]: type and path cannot be used together",
        ),
        ("id: a, outputs: [{name: v, path: ''}]", "outputs[0]: path must be a non-empty string"),
    ],
)
def test_bad_declared_outputs(fields: str, message: str) -> None:
    """spec 11 section 8.1, spec 10 section 7.7"""
    error = refused(f"steps: [{{run: a, {fields}}}]\n")
    assert f"field 'steps': field 'outputs': {message}" in error.message
    assert error.problems[0].field == "steps[0].outputs"


@pytest.mark.parametrize(
    "value", ["{}", "{type: object}", "{properties: {a: {type: integer}}}", "{required: [a]}"]
)
def test_output_schema(value: str) -> None:
    """spec 10 section 7.7, spec 11 section 8.5"""
    found = step(f"{{run: a, output_schema: {value}}}").output_schema
    assert found is not None
    assert step("{run: a}").output_schema is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("text", "output_schema must be an inline JSON Schema object"),
        ("[1]", "output_schema must be an inline JSON Schema object"),
        ("true", "output_schema must be an inline JSON Schema object"),
        ("{type: string}", "output_schema must resolve to an object schema"),
        ("{type: [object, 'null']}", "output_schema must resolve to an object schema"),
    ],
)
def test_bad_output_schema(value: str, message: str) -> None:
    """spec 10 section 6.4, spec 10 section 7.7"""
    error = refused(f"steps: [{{run: a, output_schema: {value}}}]\n")
    assert f"field 'steps': field 'output_schema': {message}" in error.message


def test_every_fault_of_a_step_is_in_one_bullet() -> None:
    """spec 10 section 1.3"""
    error = refused(
        "steps: [{run: a, output: {a: {from: x}, b: {decode: y}}, output_schema: 5, stdout: 1}]\n"
    )
    assert len(error.bullets) == 1
    assert len(error.problems) == 4
