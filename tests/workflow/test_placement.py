"""`worker_selector`, `dependencies` and `inputs` of a step; rules across steps about paths."""

from __future__ import annotations

import pytest

from tests.workflow.helpers import load, refused, step

_CHILD = "action: dag.run, with: {dag: kid}"


def test_worker_selector() -> None:
    """spec 10 section 6.4, spec 10 section 11"""
    found = step(f"{{{_CHILD}, worker_selector: {{zone: '${{ITEM}}', gpu: ''}}}}")
    assert found.worker_selector == {"zone": "${ITEM}", "gpu": ""}
    assert step(f"{{{_CHILD}, worker_selector: ~}}").worker_selector == {}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("run: x, worker_selector: {a: b}", 'action "" does not support worker_selector field'),
        (f"{_CHILD}, worker_selector: local", "'worker_selector' expected a map or struct"),
        (f"{_CHILD}, worker_selector: [a]", 'expected a map or struct, got "slice"'),
        (
            f"{_CHILD}, worker_selector: {{a: 1}}",
            "'worker_selector[a]' expected type 'string', got unconvertible type 'uint64'",
        ),
        (f"{_CHILD}, worker_selector: {{a: ~}}", "'worker_selector[a]' expected type 'string'"),
    ],
)
def test_bad_worker_selector(fields: str, message: str) -> None:
    """spec 10 section 6.4, spec 10 section 11"""
    assert message in refused(f"steps: [{{{fields}}}]\n").message


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("data/*.csv", ("data/*.csv",)),
        ("[a, /abs, ../up, 5]", ("a", "/abs", "../up", "5")),
        # no strict references, so they are text
        ("['$X', '${X}', '${}']", ("$X", "${X}", "${}")),
        ("~", ()),
    ],
)
def test_dependencies(value: str, expected: tuple[str, ...]) -> None:
    """spec 10 section 6.4, spec 12 section 21"""
    assert step(f"{{run: x, dependencies: {value}}}").dependencies == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("[]", "field 'dependencies': must not be empty"),
        ("['']", "field 'dependencies': item 0 must not be empty"),
        ("[a, ' ']", "field 'dependencies': item 1 must not be empty"),
        ("''", "item 0 must not be empty"),
        ("'${params.x}'", "file dependency paths must be literal"),
        ("['a/${env.X}']", "file dependency paths must be literal"),
        ("['${context.run.id}']", "file dependency paths must be literal"),
        ("5", "'dependencies' failed to unmarshal from YAML: must be string or array, got uint64"),
        ("{a: b}", "'dependencies' failed to unmarshal from YAML: must be string or array"),
    ],
)
def test_bad_dependencies(value: str, message: str) -> None:
    """spec 10 section 6.4, spec 10 section 1.2"""
    assert message in refused(f"steps: [{{run: x, dependencies: {value}}}]\n").message


def test_paths_of_a_build_workflow() -> None:
    """spec 10 section 6.4, spec 12 section 21"""
    text = "steps: [{id: a, run: x, inputs: [{name: src, path: a.c}], outputs: [%s]}]\n"
    found = load("type: build\n" + text % "{name: obj, path: a.o}").steps[0]
    assert found.inputs == (("src", "a.c"),)
    assert (found.outputs[0].name, found.outputs[0].path) == ("obj", "a.o")


@pytest.mark.parametrize(
    "fields",
    ["outputs: [{name: obj, path: a.o}]", "inputs: [{name: src, path: a.c}]"],
)
def test_paths_outside_a_build_workflow(fields: str) -> None:
    """spec 10 section 7.7"""
    error = refused(f"steps: [{{id: a, run: x, {fields}}}]\n")
    message = "field 'type': step a declares build paths but ir.DAG type is not \"build\""
    assert error.bullets[0].startswith(message)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("[]", "inputs must be a non-empty sequence"),
        ("{a: b}", "inputs must be a non-empty sequence"),
        ("[a]", "inputs[0]: item must be an object"),
        ("[{name: a}]", "inputs[0]: path is required"),
        ("[{path: a}]", "inputs[0]: name is required"),
        ("[{name: 1, path: a}]", "inputs[0]: name must be a string"),
        ("[{name: a-b, path: a}]", "inputs[0]: name must match"),
        ("[{name: a, path: b}, {name: a, path: c}]", 'inputs[1]: duplicate input name "a"'),
        ("[{name: a, path: b, x: 1}]", 'inputs[0]: unknown field "x"'),
    ],
)
def test_bad_inputs(value: str, message: str) -> None:
    """spec 10 section 6.4"""
    error = refused(f"type: build\nsteps: [{{run: x, inputs: {value}}}]\n")
    assert f"field 'inputs': {message}" in error.message
