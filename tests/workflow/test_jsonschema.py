"""The JSON schema against the recorded samples and against rules of structure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from edge.workflow.jsonschema import dag_schema
from edge.workflow.nodes import json_of
from edge.workflow.yaml_reader import read_documents
from tests.workflow.test_language_samples import FOLDER, REFUSED_HERE, VERDICTS

SCHEMA: Any = dag_schema()
VALIDATOR = Draft202012Validator(SCHEMA)

#: what only the loader can tell: rules between values, documents, or of the text itself
NOT_STRUCTURE = {
    "refused/both-retentions.yaml",
    "refused/consts-twice.yaml",
    "refused/container-multiline.yaml",
    "refused/depends-empty-string.yaml",
    "refused/depends-in-chain.yaml",
    "refused/depends-on-nothing.yaml",
    "refused/document-name-41.yaml",
    "refused/dup-key-nested.yaml",
    "refused/dup-key-root.yaml",
    "refused/entrypoint-name.yaml",
    "refused/foreach-generated-name-clash.yaml",
    "refused/id-equals-other-name.yaml",
    "refused/no-steps.yaml",
    "refused/parallel-needs-dag-run.yaml",
    "refused/plain-scalar-backtick.yaml",
    "refused/plain-scalar-with-colon.yaml",
    "refused/retry-integer-backoff.yaml",
    "refused/router-in-chain.yaml",
    "refused/same-document-name.yaml",
    "refused/second-without-name.yaml",
    "refused/step-name-256.yaml",
    "refused/steps-as-map.yaml",
    "refused/trailing-separator.yaml",
    "refused/undefined-alias.yaml",
    "refused/unknown-action.yaml",
    "refused/approval-required-unknown.yaml",
    "refused/human-task-without-id.yaml",
    "refused/repeat-while-alone.yaml",
    "refused/secret-reserved-name.yaml",
    "refused/zero-catchup.yaml",
}


def faults(text: str) -> list[str]:
    found = []
    for document in read_documents(text):
        if document.root is not None:
            errors = VALIDATOR.iter_errors(json_of(document.root))
            found += [f"{list(error.absolute_path)}: {error.message[:200]}" for error in errors]
    return found


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    "name",
    sorted(name for name in VERDICTS if name.startswith("accepted/") and name not in REFUSED_HERE),
)
def test_every_accepted_sample_fits(name: str) -> None:
    """spec 10 section 15: the accepted files"""
    assert faults((FOLDER / name).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", sorted((FOLDER / "values").glob("*.yaml")), ids=lambda p: p.name)
def test_every_runnable_sample_fits(path: Path) -> None:
    """spec 10 section 15"""
    assert faults(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "name",
    sorted(name for name in VERDICTS if name.startswith("refused/") and name not in NOT_STRUCTURE),
)
def test_refused_structures_do_not_fit(name: str) -> None:
    """spec 10 section 15: the refused files, as far as their structure is at fault"""
    assert faults((FOLDER / name).read_text(encoding="utf-8")) != []


@pytest.mark.parametrize(
    "text",
    [
        # spec 10 section 6.4: forms of a step
        "steps: [{run: a, with: {shell: sh, shell_args: [-x]}}]",
        "steps: [{action: exec, with: {command: ls, args: [-l, 5]}}]",
        "steps: [{action: my.own, with: {any: thing}}, {action: a/b@v1}]",
        "steps: [{action: http.request, with: {method: GET, url: u, more: x}}]",
        "steps: [{action: dag.run, with: {dag: x, params: {a: 1}}, parallel: [a, {b: 1}]}]",
        "steps: [{action: noop, output: {a: {from: file, path: p}, b: {c: 1}}}]",
        "steps: [{foreach: {items: $X, steps: [{run: a}], collect: {b: c}}}]",
        "handler_on: {exit: {run: a}, abort: {}, wait: null}\nsteps: [[a, {run: b}], c]",
        "steps: {x: {run: a}}",
        "steps: [{run: a, stdout: {artifact: b/c, outputs: {fields: {a: {}}}}, stderr: e}]",
    ],
)
def test_forms_fit(text: str) -> None:
    assert faults(text) == []


@pytest.mark.parametrize(
    "text",
    [
        # spec 10 section 6.4: every nested mapping is closed, every shape known
        "steps: [{run: a, with: {colour: x}}]",
        "steps: [{run: a, action: noop}]",
        "steps: [{name: a}]",
        "steps: [{run: 5}]",
        "steps: [{run: [[a]]}]",
        "steps: [{action: dag.run}]",
        "steps: [{action: dag.run, with: {dag: x, foo: y}}]",
        "steps: [{action: log.write, with: {message: x, foo: y}}]",
        "steps: [{action: http.request, with: {method: GET}}]",
        "steps: [{action: http.request, with: {method: GET, url: u, timeout: '5'}}]",
        "steps: [{action: noop, with: {}}]",
        "steps: [{run: a, container: {imag: x}}]",
        "steps: [{run: a, stdout: {outputs: {fields: {}}}}]",
        "steps: [{run: a, stdout: {artifact: ../x}}]",
        "steps: [{run: a, outputs: [{name: a-b}]}]",
        "steps: [{run: a, approval: {promp: x}}]",
        "steps: [{run: a, id: Env}]",
        "handler_on: {exit: [a]}",
        "params: [5]",
        "params: [{name: x}]",
        "params: [{name: x, defaul: y}]",
        "consts: {a: 1}",
        "schedule: {expression: '* * * * *'}",
        "schedule: {begin: x}",
        "labels: {a: null}",
        "labels: a\ntags: b",
        "env: {1A: x}",
        "secrets: [{nam: x}]",
        "actions: {a: {template: {run: b}}}",
        "ssh: {hots: a}",
    ],
)
def test_wrong_structures_do_not_fit(text: str) -> None:
    if "steps" not in text:
        text += "\nsteps: [{run: a}]"
    assert faults(text) != []


def test_schema_of_one_place_has_a_text() -> None:
    """spec 30 section 1.8: an editor shows what each field is for"""
    step = SCHEMA["$defs"]["step"]["properties"]
    assert step["command"]["deprecated"] is True
    assert step["timeout_sec"]["description"]
