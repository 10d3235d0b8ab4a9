from __future__ import annotations

import pytest

from edge.workflow.model import Secret
from edge.workflow.secrets import MANAGED_NAMES
from tests.workflow.helpers import load, refused

STEPS = "\nsteps: [{run: a}]\n"


# spec 10 section 11
@pytest.mark.parametrize(
    ("written", "secret"),
    [
        ("{name: A, provider: env, key: K}", Secret(name="A", provider="env", key="K")),
        ("{name: _a1, provider: vault, key: k}", Secret(name="_a1", provider="vault", key="k")),
        (
            "{name: A, provider: file, key: /f, options: {x: y}}",
            Secret(name="A", provider="file", key="/f", options={"x": "y"}),
        ),
        ("{name: A, ref: plant/mqtt-1/2}", Secret(name="A", ref="plant/mqtt-1/2")),
        (
            "{name: A, provider: env, key: K, ref: ~, options: ~}",
            Secret(name="A", provider="env", key="K"),
        ),
        (
            "{name: A, provider: env, key: '${params.x}'}",
            Secret(name="A", provider="env", key="${params.x}"),
        ),
    ],
)
def test_entries(written: str, secret: Secret) -> None:
    assert load(f"secrets: [{written}]" + STEPS).secrets == (secret,)


@pytest.mark.parametrize("written", ["~", "[]"])
def test_none(written: str) -> None:
    assert load(f"secrets: {written}" + STEPS).secrets == ()


# declaration errors of spec 11 section 9
@pytest.mark.parametrize(
    ("written", "field", "message"),
    [
        ("{provider: env, key: K}", "name", "'name' field is required"),
        ("{name: '', provider: env, key: K}", "name", "'name' field is required"),
        ("{name: a-b, provider: env, key: K}", "name", "must be a valid environment variable name"),
        ("{name: DAGU_X, provider: env, key: K}", "name", '"DAGU_X" must not start with DAGU_'),
        ("{name: A}", "secrets[0]", "exactly one of 'ref' or 'provider' plus 'key' is required"),
        ("{name: A, provider: env}", "secrets[0]", "exactly one of 'ref' or 'provider' plus"),
        ("{name: A, key: K}", "secrets[0]", "exactly one of 'ref' or 'provider' plus"),
        ("{name: A, ref: a, key: K}", "secrets[0]", "exactly one of 'ref' or 'provider' plus"),
        ("{name: A, ref: a, provider: env}", "secrets[0]", "exactly one of 'ref' or 'provider'"),
        ("{name: A, ref: a, options: {x: y}}", "options", "'options' cannot be used with registry"),
        ("{name: A, ref: A/b}", "ref", "registry ref must be a slash-separated lowercase slug"),
        ("{name: A, ref: a//b}", "ref", "registry ref must be a slash-separated lowercase slug"),
        ("{name: A, ref: -a}", "ref", "registry ref must be a slash-separated lowercase slug"),
    ],
)
def test_errors(written: str, field: str, message: str) -> None:
    error = refused(f"secrets: [{written}]" + STEPS)
    assert error.bullets[0].startswith("field 'secrets': ")
    assert message in error.bullets[0]
    assert error.problems[0].field.endswith(field)
    assert error.problems[0].line == 1


@pytest.mark.parametrize("name", sorted(MANAGED_NAMES))
def test_managed_names_are_refused(name: str) -> None:
    """The reserved names of spec 11 section 9."""
    message = f'secret "{name}" collides with Dagu-managed runtime environment variable'
    assert message in refused(f"secrets: [{{name: {name}, provider: env, key: K}}]" + STEPS).message


def test_every_entry_is_reported() -> None:
    """Also a name twice (spec 11 section 9)."""
    error = refused(
        "secrets:\n"
        "  - {name: A, provider: env, key: K}\n"
        "  - {name: A, provider: env, key: L}\n"
        "  - {name: B}\n" + STEPS
    )
    assert [(problem.line, problem.field) for problem in error.problems] == [
        (3, "secrets[1].name"),
        (4, "secrets[2]"),
    ]
    assert 'duplicate secret name "A"' in error.message


# the table's checks: spec 10 section 1.2
@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("[{name: A, foo: 1, bar: 2}]", "'secrets[0]' has invalid keys: bar, foo"),
        ("[{name: A, nmae: B}]", "has invalid keys: nmae"),
        ("[{name: 5}]", "'secrets[0].name' expected type 'string'"),
        ("[5]", "'secrets[0]' expected a map or struct"),
        ("x", "'secrets' source data must be an array or slice, got string"),
        ("[{name: A, options: {x: 5}}]", "'secrets[0].options[x]' expected type 'string'"),
        ("[{name: A, options: [x]}]", "'secrets[0].options' expected a map"),
    ],
)
def test_decode_errors(written: str, message: str) -> None:
    error = refused(f"secrets: {written}" + STEPS)
    assert "decoding failed due to the following error(s):" in error.message
    assert message in error.message
