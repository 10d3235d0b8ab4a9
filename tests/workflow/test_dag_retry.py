from __future__ import annotations

import pytest

from edge.workflow.model import DAGRetryPolicy
from tests.workflow.helpers import load, refused

STEPS = "\nsteps: [{run: a}]\n"


# right column of spec 10 section 7.2
@pytest.mark.parametrize(
    ("written", "policy"),
    [
        ("~", None),
        ("{limit: 3}", DAGRetryPolicy(limit=3)),
        ("{limit: 0}", DAGRetryPolicy(limit=0)),
        ("{limit: '2', interval_sec: '30'}", DAGRetryPolicy(limit=2, interval_s=30)),
        ("{limit: 1, backoff: true}", DAGRetryPolicy(limit=1, backoff=2.0)),
        ("{limit: 1, backoff: false}", DAGRetryPolicy(limit=1)),
        ("{limit: 1, backoff: 1.5}", DAGRetryPolicy(limit=1, backoff=1.5)),
        ("{limit: 1, backoff: 2}", DAGRetryPolicy(limit=1, backoff=2.0)),
        ("{limit: 1, max_interval_sec: 9}", DAGRetryPolicy(limit=1, max_interval_s=9)),
        ("{limit: 1, interval_sec: ~}", DAGRetryPolicy(limit=1, interval_s=60)),
    ],
)
def test_policies(written: str, policy: DAGRetryPolicy | None) -> None:
    assert load(f"retry_policy: {written}" + STEPS).retry_policy == policy


# errors of spec 10 section 7.2
@pytest.mark.parametrize(
    ("written", "field", "message"),
    [
        ("{}", "limit", "limit is required when retry_policy is specified"),
        ("{limit: -1}", "limit", "limit must be >= 0"),
        ("{limit: '-1'}", "limit", "limit must be >= 0"),
        ("{limit: x}", "limit", "limit must be an integer or numeric string"),
        ("{limit: '${params.n}'}", "limit", "limit must be an integer or numeric string"),
        ("{limit: 1.5}", "limit", "invalid type: float64"),
        ("{limit: true}", "limit", "invalid type: bool"),
        ("{limit: 99999999999999999999}", "limit", "must be an integer or numeric string"),
        ("{limit: 1, interval_sec: 0}", "interval_sec", "interval_sec must be > 0"),
        ("{limit: 1, interval_sec: 5m}", "interval_sec", "must be an integer or numeric string"),
        ("{limit: 1, max_interval_sec: 0}", "max_interval_sec", "max_interval_sec must be > 0"),
        ("{limit: 1, backoff: 1.0}", "backoff", "must be greater than 1.0 for exponential growth"),
        ("{limit: 1, backoff: x}", "backoff", "invalid type for retry_policy.backoff: string"),
    ],
)
def test_errors(written: str, field: str, message: str) -> None:
    error = refused(f"retry_policy: {written}" + STEPS)
    assert message in error.message
    assert f"field 'retry_policy.{field}': " in error.message


def test_exit_codes_belong_to_steps() -> None:
    """spec 10 section 7.2"""
    error = refused("retry_policy: {limit: 1, exit_code: [1]}" + STEPS)
    assert "'retry_policy' has invalid keys: exit_code" in error.message


def test_every_fault_is_reported() -> None:
    error = refused("retry_policy: {limit: -1, interval_sec: 0, backoff: 0.5}" + STEPS)
    assert len(error.problems) == 3
