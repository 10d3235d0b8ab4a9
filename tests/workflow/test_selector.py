from __future__ import annotations

import pytest

from edge.core.errors import UserError
from edge.workflow.selector import resolve_selector
from tests.workflow.helpers import load, refused

STEPS = "\nsteps: [{run: a}]\n"


# `worker_selector` of spec 10 section 11
@pytest.mark.parametrize(
    ("written", "selector"),
    [
        ("~", None),
        ("{}", None),
        ("local", "local"),
        ("' Local '", "local"),
        ("{site: ' north ', ' n ': 1, ok: true}", {"site": "north", "n": "1", "ok": "true"}),
        ("{site: '${params.SITE}'}", {"site": "${params.SITE}"}),
    ],
)
def test_shapes(written: str, selector: object) -> None:
    assert load(f"worker_selector: {written}" + STEPS).worker_selector == selector


# errors of spec 10 section 11
@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("far", 'unsupported worker_selector string value "far"; the only allowed string value is'),
        ("''", 'unsupported worker_selector string value ""; the only allowed string value is'),
        ("[a]", 'worker_selector must be a map or "local"'),
        ("5", 'worker_selector must be a map or "local"'),
        ("{' ': a}", "resolved to an empty key"),
        ("{a: 1, ' a': 2}", 'resolve to duplicate key "a"'),
    ],
)
def test_errors(written: str, message: str) -> None:
    assert message in refused(f"worker_selector: {written}" + STEPS).message


# resolved after the merge, with constants, parameters and env: spec 11 section 3
@pytest.mark.parametrize(
    ("written", "labels"),
    [
        ("{site: north}", {"site": "north"}),
        ("{site: '${params.SITE}', tier: '${consts.tier}'}", {"site": "east", "tier": "t1"}),
        ("{'${params.SITE}': x}", {"east": "x"}),
        ("{zone: '${env.ZONE}', z: $ZONE}", {"zone": "east-1", "z": "east-1"}),
        ("{who: $SITE}", {"who": "east"}),
        ("{n: '$1'}", {"n": "first"}),
        ("{home: $HOME_OF_HOST}", {"home": "$HOME_OF_HOST"}),
        ("{home: $COPY}", {"home": "/h"}),
        ("{missing: '${params.x}'}", {"missing": "${params.x}"}),
        ("local", {}),
        ("~", {}),
    ],
)
def test_resolution(written: str, labels: dict[str, str]) -> None:
    dag = load(
        "consts: [{tier: t1}]\nenv: [ZONE: '${params.SITE}-1', COPY: $HOME_OF_HOST]\n"
        f"worker_selector: {written}" + STEPS
    )
    params = {"SITE": "east", "1": "first"}
    assert resolve_selector(dag, params, {"HOME_OF_HOST": "/h"}) == labels


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("{'${params.E}': x}", "resolved to an empty key"),
        ("{'${params.A}': x, a: y}", 'resolve to duplicate key "a"'),
    ],
)
def test_bad_resolved_keys(written: str, message: str) -> None:
    """spec 11 section 3"""
    dag = load(f"worker_selector: {written}" + STEPS)
    with pytest.raises(UserError, match=message):
        resolve_selector(dag, {"E": " ", "A": "a"}, {})


def test_a_selector_of_the_base_sees_the_document() -> None:
    """spec 10 section 5"""
    dag = load("env: [ZONE=z]" + STEPS, base_text="worker_selector: {zone: $ZONE}")
    assert resolve_selector(dag, {}, {}) == {"zone": "z"}
