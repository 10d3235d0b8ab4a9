from __future__ import annotations

import re
from pathlib import Path

import pytest

from edge.workflow.field_policy import FIELDS, Policy, policy_of

SPEC = Path(__file__).parents[2] / "docs" / "spec" / "11-values-and-outputs.md"

#: first cell of a row of the matrix (its first words) -> fields of our table
ROWS = {
    "`consts[]` string values": ["consts[]"],
    "`params[].default`": ["params[].default"],
    "`params[].eval`": ["params[].eval"],
    "`env` (root": ["env"],
    "`dotenv[]`": ["dotenv[]"],
    "`shell`, `shell_args[]`": [
        "shell",
        "shell_args[]",
        "steps[].with.shell",
        "steps[].with.shell_args[]",
    ],
    "`working_dir` (root)": ["working_dir"],
    "`working_dir` (step)": ["steps[].working_dir"],
    "root / step `preconditions[].condition`": ["preconditions[].condition of a comparison"],
    "same, without `expected`": [
        "preconditions[].condition",
        "preconditions[].condition without a shell",
    ],
    "`preconditions[].eval`": ["preconditions[].eval"],
    "`container` string form": ["container"],
    "`container.env`": ["container.env"],
    "`steps[].run` (string": [
        "steps[].run",
        "steps[].run of an interpreter",
        "steps[].run of PowerShell",
    ],
    "direct argv": ["steps[].with of exec", "steps[].run without a shell"],
    "SSH command text": ["steps[].run over SSH", "steps[].run over SSH without a shell"],
    "container command text": ["steps[].run in a container"],
    "`steps[].with.*`": ["steps[].with"],
    "`steps[].env`": ["steps[].env"],
    "`retry_policy.limit`": ["steps[].retry_policy"],
    "`repeat_policy.limit`": ["steps[].repeat_policy"],
    "`repeat_policy.condition`": ["steps[].repeat_policy.condition"],
    "`stdout`, `stderr`": [
        "steps[].stdout",
        "steps[].stderr",
        "steps[].stdout.artifact",
        "steps[].stderr.artifact",
    ],
    "`output.*` literals": ["steps[].output", "steps[].stdout.outputs.fields"],
    "sub-DAG target and params": ["steps[].with.dag", "steps[].with.params"],
    "`parallel.variable`": ["steps[].parallel"],
    "`foreach.items`": ["steps[].foreach"],
    "`worker_selector` map (root)": ["worker_selector"],
    "`steps[].worker_selector`": ["steps[].worker_selector"],
    "human-task prompt": ["steps[].approval.prompt", "steps[].messages[].content", "steps[].llm"],
    "template body text": ["steps[].with.template"],
    "`secrets[]` (all)": ["secrets[]"],
}
#: what a row says about unqualified references -> policies that do so
OWNERS = (
    ("E+os", {Policy.VALUE_OS, Policy.VALUE_HOST, Policy.DYNAMIC}),
    ("E, then layer 1", {Policy.VALUE_PROCESS}),
    ("E, then os", {Policy.VALUE_OS}),
    ("E, simple", {Policy.VALUE_SIMPLE}),
    ("E; a backslash", {Policy.VALUE_PATH}),
    ("as the precondition row", {Policy.VALUE}),
    ("E", {Policy.VALUE, Policy.VALUE_SIMPLE, Policy.VALUE_OS}),
    ("–", {Policy.VALUE_SHELL, Policy.VALUE_INTERPRETER, Policy.VALUE_POWERSHELL}),
)


def matrix() -> list[tuple[str, str, str]]:
    """Return (field, kind, unqualified) of each row of the specification's matrix."""
    text = SPEC.read_text(encoding="utf-8")
    section = text[text.index("## 3 Field matrix") : text.index("Literal, always:")]
    rows = [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return [(row[0].strip(), row[1].strip(), row[2].strip()) for row in rows[1:]]


def test_every_row_of_the_matrix_has_its_fields_and_the_other_way_round() -> None:
    """spec 11 section 3: validator and run share one table in code."""
    unmatched = [row[0] for row in matrix() if not any(row[0].startswith(key) for key in ROWS)]
    assert unmatched == []
    listed = {field for fields in ROWS.values() for field in fields}
    assert set(FIELDS) - listed == {"preconditions[].expected"}
    assert listed <= set(FIELDS)


@pytest.mark.parametrize("row", matrix(), ids=lambda row: row[0][:40])
def test_policies_are_those_of_the_matrix(row: tuple[str, str, str]) -> None:
    """spec 11 section 3: kind and owner of unqualified references, row by row."""
    cell, kind, owner = row
    fields = next(fields for key, fields in ROWS.items() if cell.startswith(key))
    for field in fields:
        policy = policy_of(field)
        if kind == "literal":
            assert policy is Policy.LITERAL
        elif owner == "no":
            assert policy is Policy.STRICT
        else:
            assert (policy is Policy.DYNAMIC) == (kind == "dynamic")
            assert policy in next(found for start, found in OWNERS if owner.startswith(start))


@pytest.mark.parametrize(
    ("field", "namespaces"),
    [
        # spec 11 section 3, the last column
        ("consts[]", "consts"),
        ("params[].eval", "env params"),
        ("env", "consts context env params"),
        ("dotenv[]", "consts env params"),
        ("shell", "consts env params"),
        ("working_dir", "consts context env params"),
        ("steps[].working_dir", "consts context env foreach params steps"),
        ("preconditions[].condition", "consts context env params steps"),
        ("steps[].run", "consts context env params steps"),
        ("steps[].env", "consts context env params steps"),
        ("steps[].foreach", "consts context env foreach params steps"),
        ("worker_selector", "consts env params"),
        ("steps[].with.template", ""),
    ],
)
def test_namespaces(field: str, namespaces: str) -> None:
    assert " ".join(sorted(FIELDS[field].namespaces)) == namespaces


def test_fields_are_spelled_like_paths() -> None:
    """spec 11 section 3: paths of YAML fields, variants after a blank."""
    for field in FIELDS:
        assert re.fullmatch(r"[a-z_]+(\[\])?(\.[a-z_]+(\[\])?)*( .+)?", field)
