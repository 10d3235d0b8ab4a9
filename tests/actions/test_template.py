"""`template.render` (spec 13 section 11)."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.core.jsontypes import JsonObject
from tests.actions.context import act

_REF = "${env.TPL}"


# spec 13 section 11: template or template_ref, data
@pytest.mark.parametrize(
    ("options", "printed"),
    [
        ({"template": "{{.a}}-{{.b}}", "data": {"a": "$S", "b": [1, 2]}}, "api-[1 2]"),
        ({"template": "  {{.a}} $S ${params.P}\n", "data": {"a": 1}}, "1 $S ${params.P}"),
        ({"template": "plain"}, "plain"),
        ({"template_ref": _REF, "data": {"a": "x"}}, " x $S "),
    ],
)
async def test_rendering(options: JsonObject, printed: str) -> None:
    outcome, found = await act("template.render", options, env={"TPL": " {{.a}} $S "})
    assert (outcome.error, found) == ("", printed)


# spec 13 section 11: errors
@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"template": "{{if}}"}, "template: parse error: "),
        ({"template": "{{.nope}}", "data": {"a": 1}}, 'map has no entry for key "nope"'),
        ({"template": "{{.nope}}"}, 'map has no entry for key "nope"'),
        ({"template": "{{now}}"}, "template: parse error: "),
        ({"template": '{{fail "x"}}'}, "template: execution error: "),
        ({"template_ref": "${env.NONE}"}, "with.template_ref has no value"),
        ({"template_ref": "${env.EMPTY}"}, "with.template_ref has no value"),
    ],
)
async def test_errors(options: JsonObject, error: str) -> None:
    outcome, printed = await act("template.render", options, env={"EMPTY": ""})
    assert (outcome.code, printed) == (1, "")
    assert error in outcome.error


async def test_output_file(tmp_path: Path) -> None:
    """spec 13 section 11: parents 0750, file 0600, nothing on stdout."""
    options: JsonObject = {"template": "x", "output": "a/b.txt"}
    outcome, printed = await act("template.render", options, cwd=tmp_path)
    assert (outcome.error, printed) == ("", "")
    path = tmp_path / "a" / "b.txt"
    assert path.read_text() == "x"
    assert path.stat().st_mode & 0o777 == 0o600
    outcome, _ = await act("template.render", {"template": "x", "output": "a"}, cwd=tmp_path)
    assert outcome.error == f"template: open {tmp_path}/a: is a directory"
