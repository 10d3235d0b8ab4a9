from __future__ import annotations

import json

import pytest

from edge.cli.main import run


@pytest.mark.parametrize(
    ("path", "part"),
    [
        # spec 30 section 1.8: properties, then items, then the bare key
        (["dag"], {"title": "edge workflow"}),
        (["dag", "env"], {"description": "Environment of all steps, in order."}),
        (["dag", "steps.timeout_sec"], {"description": "Limit of the step; 0 = none."}),
        (["dag", "handler_on.exit.run"], {}),
        (["dag", "ssh.bastion.host"], {"type": ["string", "null"]}),
        (["dag", "steps.foreach.steps.id"], {}),
        (["config"], {"title": "edge configuration"}),
        (["config", "edge.v1_compat"], {"description": "Environment: EDGE_V1_COMPAT"}),
    ],
)
def test_prints_the_part(
    path: list[str], part: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["schema", *path]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {key: found[key] for key in part} == part


@pytest.mark.parametrize(
    ("path", "message"),
    [
        # spec 30 section 1.8
        (["dag", "a.b"], 'schema navigation failed: path "a.b" not found'),
        (
            ["x"],
            'schema navigation failed: unknown schema "x"; available schemas: config, dag',
        ),
    ],
)
def test_what_is_not_there(
    path: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["schema", *path]) == 1
    assert f"Error: {message}" in capsys.readouterr().err
