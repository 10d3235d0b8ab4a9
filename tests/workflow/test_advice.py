"""Warnings about old forms that still work."""

from __future__ import annotations

import pytest

from edge.workflow.advice import deprecations
from edge.workflow.load import validate_text
from edge.workflow.nodes import MapNode
from edge.workflow.yaml_reader import read_documents
from tests.workflow.helpers import load

PARALLEL = (
    "type is not set: steps run in parallel (Dagu 1.30 ran them in order); set type: chain or graph"
)


def advice(text: str, prefix: str = "") -> list[str]:
    root = read_documents(text)[0].root
    assert isinstance(root, MapNode)
    found = deprecations(root, prefix)
    assert all(line.startswith("Deprecated DAG syntax: ") for line in found)
    return [line.removeprefix("Deprecated DAG syntax: ") for line in found]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        # spec 10 section 14: path and replacement of every old form
        ("steps: [{command: a}]", "steps[0].command is deprecated; use run"),
        ("steps: [{script: a}]", "steps[0].script is deprecated; use run"),
        (
            "steps: [{call: a}]",
            "steps[0].call is deprecated; use action: dag.run with with.dag",
        ),
        (
            "steps: [{params: a}]",
            "steps[0].params is deprecated; use action: dag.run with with.params",
        ),
        ("steps: [{type: ssh}]", "steps[0].type is deprecated; use action"),
        ("steps: [{config: {}}]", "steps[0].config is deprecated; use with"),
        ("steps: [{exec: {}}]", "steps[0].exec is deprecated; use action: exec"),
        ("steps: [{shell: sh}]", "steps[0].shell is deprecated; use run with with.shell"),
        (
            "steps: [{shell_args: []}]",
            "steps[0].shell_args is deprecated; use run with with.shell_args",
        ),
        (
            "steps: [{shell_packages: []}]",
            "steps[0].shell_packages is deprecated; use run with with.shell_packages",
        ),
        ("steps: [{messages: []}]", "steps[0].messages is deprecated; use action: chat.completion"),
        ("steps: [{llm: {}}]", "steps[0].llm is deprecated; use action: chat.completion"),
        (
            "steps: [{value: a}]",
            "steps[0].value is deprecated; use action: router.route with with.value",
        ),
        (
            "steps: [{routes: {}}]",
            "steps[0].routes is deprecated; use action: router.route with with.routes",
        ),
        ("step_types: {a: {}}", "step_types is deprecated; use actions"),
        ("steps: [a]", "steps[0] string shorthand is deprecated; use run"),
        ("steps: [[a]]", "steps[0][0] string shorthand is deprecated; use run"),
        ("steps: {x: {command: a}}", "steps.x.command is deprecated; use run"),
        ("handler_on: {success: {script: a}}", "handler_on.success.script is deprecated; use run"),
        ("handlerOn: {cancel: {script: a}}", "handlerOn.cancel.script is deprecated; use run"),
        (
            "steps: [{foreach: {steps: [{command: a}]}}]",
            "steps[0].foreach.steps[0].command is deprecated; use run",
        ),
        (
            "steps: [{with: {}}]",
            "steps[0].with is deprecated with legacy execution syntax; use action with with",
        ),
        (
            "steps: [{foreach: {}, with: {}}]",
            "steps[0].with is deprecated with legacy execution syntax; use action with with",
        ),
        ("type: controller", "type: controller is deprecated; use type: agent"),
    ],
)
def test_each_old_form_has_its_replacement(text: str, line: str) -> None:
    (found,) = advice(text)
    assert found.startswith(line)
    (later,) = advice(text, "document[1].")
    assert later == f"document[1].{found}"


@pytest.mark.parametrize(
    "text",
    [
        # spec 10 section 14: nothing deprecated
        "steps: [{run: a, with: {shell: sh}}, {action: noop}]",
        "tags: a\nsteps: [{run: a}]",
        "step_types: null",
        "steps: null\nhandler_on: null",
        "steps: [null, 5, [5]]\nhandler_on: [a]",
    ],
)
def test_new_forms_are_silent(text: str) -> None:
    assert advice(text) == []


@pytest.mark.parametrize(
    ("text", "is_told"),
    [
        # spec 10 section 13.1: no type, no depends, two steps, an old form
        ("steps: [{command: a}, {command: b}]", True),
        ("steps: [{run: a}, b]", True),
        ("steps: [[{run: a}, b]]", True),
        ("type: null\nsteps: [a, b]", True),
        ("steps: [{run: a}, {run: b}]", False),
        ("steps: [{command: a}]", False),
        ("type: graph\nsteps: [a, b]", False),
        ("type: chain\nsteps: [a, b]", False),
        ("steps: [{command: a, name: x}, {command: b, depends: x}]", False),
        ("steps: [{command: a, name: x}, {command: b, depends: []}]", False),
        ("steps: {x: {command: a}, y: {command: b}}", False),
        ("logDir: /x\nsteps: [a, b]", False),
    ],
)
def test_parallel_steps_warn(text: str, is_told: bool) -> None:
    assert (PARALLEL in load(text).warnings) is is_told


def test_parallel_steps_of_a_chain_in_the_base_do_not_warn() -> None:
    """spec 10 section 13.1"""
    assert PARALLEL not in load("steps: [a, b]", base_text="type: chain").warnings
    assert PARALLEL in load("steps: [a, b]", base_text="type: graph").warnings


def test_start_shows_the_order_and_validate_all() -> None:
    """spec 10 section 13.1"""
    text = "max_active_runs: 3\nsteps: [a, b]\n---\nname: c\nsteps: [d, {command: e}]\n"
    dag = load(text)
    assert [line.partition(" ")[0] for line in dag.warnings] == [
        "max_active_runs=3",
        "type",
        "document[1].type",
    ]
    report = validate_text(text, source_file="x.yaml")
    assert report.warnings == (*dag.warnings, *dag.deprecations)
    assert [line.partition(": ")[2].partition(" ")[0] for line in dag.deprecations] == [
        "steps[0]",
        "steps[1]",
        "document[1].steps[0]",
        "document[1].steps[1].command",
    ]
