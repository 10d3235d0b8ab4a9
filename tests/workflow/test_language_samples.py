"""Verdicts of the recorded sample files (tests/data/language)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge.workflow.load import LoadOptions, validate_text

FOLDER = Path(__file__).parent.parent / "data" / "language"
VERDICTS = {
    entry["file"]: entry
    for entry in map(json.loads, (FOLDER / "verdicts.jsonl").read_text().splitlines())
}

#: hold keys of Dagu 1.30, which are read as such (spec 10 section 13.1)
OLD_KEYS = {
    "refused/camel-root-key.yaml",
    "refused/removed-executor.yaml",
    "refused/removed-precondition.yaml",
    "refused/removed-dir.yaml",
}
#: intended differences (README of the samples)
ACCEPTED_HERE = {
    "refused/retry-integer-backoff.yaml",
    "refused/foreach-generated-name-clash.yaml",
}
REFUSED_HERE = {"accepted/key-case-ignored.yaml"}

#: the reference appends the value to the error of a step's unknown key, we the step's place
_CUT = " (value: "


def _text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(set(VERDICTS) - ACCEPTED_HERE - REFUSED_HERE))
def test_verdict_and_texts_are_those_of_the_record(name: str) -> None:
    strict = LoadOptions(v1_compat=False)
    report = validate_text(_text(name), source_file=name, options=strict)
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


@pytest.mark.parametrize("name", sorted(ACCEPTED_HERE | OLD_KEYS))
def test_intended_difference_is_accepted(name: str) -> None:
    assert not validate_text(_text(name), source_file=name).errors


@pytest.mark.parametrize("name", sorted(REFUSED_HERE))
def test_key_case_is_exact_and_suggests_the_key(name: str) -> None:
    report = validate_text(_text(name), source_file=name)
    assert {problem.field for problem in report.errors} == {"Type", "Description"}
    assert 'did you mean "type"?' in " ".join(problem.message for problem in report.errors)
