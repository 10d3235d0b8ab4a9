"""Verdicts of the recorded sample files (tests/data/language)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge.workflow.load import load_dag, validate_text
from edge.workflow.problems import NOT_YET, DAGError

FOLDER = Path(__file__).parent.parent / "data" / "language"
VERDICTS = {
    entry["file"]: entry
    for entry in map(json.loads, (FOLDER / "verdicts.jsonl").read_text().splitlines())
}

#: need a field that is not built: refused, and the error says so
NOT_BUILT = {
    "accepted/two-documents.yaml",
    "accepted/action-inputs.yaml",
    "accepted/root-retry.yaml",
    "accepted/repeat-forms.yaml",
    "accepted/handlers-all.yaml",
    "accepted/output-shapes.yaml",
    "accepted/params-typed.yaml",
    "accepted/params-json-schema.yaml",
    "accepted/custom-action.yaml",
    "accepted/parallel-and-foreach.yaml",
    "accepted/schedules.yaml",
    "refused/document-name-41.yaml",
    "refused/exec-nested-args.yaml",
    "refused/router-in-chain.yaml",
    "refused/container-multiline.yaml",
    "refused/parallel-needs-dag-run.yaml",
    "refused/parallel-bool-item.yaml",
    "refused/foreach-reserved-as.yaml",
    "refused/foreach-generated-name-clash.yaml",
    "refused/human-task-without-id.yaml",
    "refused/approval-required-unknown.yaml",
    "refused/repeat-while-alone.yaml",
    "refused/secret-reserved-name.yaml",
}
#: intended differences (README of the samples)
ACCEPTED_HERE = {"refused/retry-integer-backoff.yaml"}
REFUSED_HERE = {"accepted/key-case-ignored.yaml"}

#: of the runnable workflows in `values`, those that need built fields only
LOADABLE = {
    "01-scalar-text",
    "04-run-shell-owned",
    "05-run-quoted-token",
    "12-bad-substitution",
    "14-positional-override",
    "17-unknown-param",
    "22-managed-names",
    "24-step-env",
    "25-stdout-path",
    "27-preconditions",
    "29-undeclared-output",
    "40-script-interpreters",
}

#: the reference appends the value to the error of a step's unknown key, we the step's place
_CUT = " (value: "


def _text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(set(VERDICTS) - NOT_BUILT - ACCEPTED_HERE - REFUSED_HERE))
def test_verdict_and_texts_are_those_of_the_record(name: str) -> None:
    report = validate_text(_text(name), source_file=name)
    expected = VERDICTS[name]
    assert (not report.errors) is expected["accepted"]
    assert len(report.bullets) == len(expected["errors"])
    for bullet, recorded in zip(report.bullets, expected["errors"], strict=True):
        for part in recorded.split("; field "):
            fragment = part.partition(_CUT)[0]
            assert fragment.removeprefix("field ") in bullet
    for problem in report.errors:
        assert problem.line >= 1
        assert problem.column >= 1


@pytest.mark.parametrize("name", sorted(NOT_BUILT))
def test_field_that_is_not_built_is_refused_with_that_reason(name: str) -> None:
    report = validate_text(_text(name), source_file=name)
    assert report.errors
    assert all(NOT_YET in problem.message for problem in report.errors)
    assert all(problem.line for problem in report.errors)


@pytest.mark.parametrize("name", sorted(ACCEPTED_HERE))
def test_intended_difference_is_accepted(name: str) -> None:
    assert not validate_text(_text(name), source_file=name).errors


@pytest.mark.parametrize("name", sorted(REFUSED_HERE))
def test_key_case_is_exact_and_suggests_the_key(name: str) -> None:
    report = validate_text(_text(name), source_file=name)
    assert {problem.field for problem in report.errors} == {"Type", "Description"}
    assert 'did you mean "type"?' in " ".join(problem.message for problem in report.errors)


@pytest.mark.parametrize("path", sorted((FOLDER / "values").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_runnable_sample_loads_or_says_what_is_missing(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if path.stem in LOADABLE:
        dag = load_dag(text, source_file=str(path))
        assert dag.name == path.stem
        assert dag.steps
    else:
        with pytest.raises(DAGError, match=NOT_YET):
            load_dag(text, source_file=str(path))
