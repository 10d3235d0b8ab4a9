"""Which status reports are written: the table of spec 20 section 4.8."""

from __future__ import annotations

import pytest

from edge.cluster.fencing import (
    LEASE_INACTIVE,
    RUN_TERMINAL,
    SUPERSEDED,
    Latest,
    claim_key_of,
    lease_verdict,
    report_verdict,
)
from edge.cluster.leases import LeaseRecord, lease_expired_text
from edge.core.ids import RunRef
from edge.core.record import RunRecord
from edge.core.status import RunStatus as S

RUN = RunRef("hello", "r1")


def _report(status: S = S.RUNNING, **members: object) -> RunRecord:
    values: dict[str, object] = {
        "name": "hello",
        "run_id": "r1",
        "attempt_id": "a",
        "attempt_key": "k:a",
        "claim_key": "k:a",
        "root": RUN,
        "status": status,
    }
    return RunRecord(**{**values, **members})  # type: ignore[arg-type]


def _latest(status: S, **members: object) -> Latest:
    values: dict[str, object] = {
        "attempt_id": "a",
        "attempt_key": "k:a",
        "status": status,
        "worker_id": "w",
    }
    return Latest(**{**values, **members})  # type: ignore[arg-type]


def _lease(**members: object) -> LeaseRecord:
    values: dict[str, object] = {
        "attempt_key": "k:a",
        "run": RUN,
        "root": RUN,
        "attempt_id": "a",
        "worker_id": "w",
        "claim_token": "t",
    }
    return LeaseRecord(**{**values, **members})  # type: ignore[arg-type]


def test_the_claim_key_falls_back() -> None:
    assert claim_key_of(_report()) == "k:a"
    assert claim_key_of(_report(claim_key="")) == "k:a"
    assert claim_key_of(_report(claim_key="c")) == "c"


@pytest.mark.parametrize(
    ("report", "lease", "error"),
    [
        (_report(), _lease(), ""),
        (_report(root=None), _lease(), ""),
        (_report(), None, ""),
        (_report(), _lease(worker_id="x"), SUPERSEDED),
        (_report(), _lease(attempt_id="b"), SUPERSEDED),
        (_report(), _lease(run=RunRef("a", "b")), SUPERSEDED),
        (_report(), _lease(root=RunRef("a", "b")), SUPERSEDED),
        # A child in the worker's process reports under the claim of its root.
        (_report(name="c", run_id="c1", attempt_key="c:1", attempt_id="1"), _lease(), ""),
        (_report(name="c", run_id="c1", attempt_key="c:1", attempt_id="1"), None, LEASE_INACTIVE),
    ],
)
def test_the_lease(report: RunRecord, lease: LeaseRecord | None, error: str) -> None:
    assert lease_verdict(report, "w", lease) == error


@pytest.mark.parametrize(
    ("status", "has_lease", "latest", "error"),
    [
        (S.RUNNING, True, None, LEASE_INACTIVE),
        (S.RUNNING, True, _latest(S.NOT_STARTED), ""),
        (S.RUNNING, True, _latest(S.RUNNING), ""),
        (S.RUNNING, True, _latest(S.QUEUED), ""),
        (S.SUCCEEDED, True, _latest(S.RUNNING), ""),
        # No lease: only what has not begun, or a repeated end.
        (S.RUNNING, False, _latest(S.NOT_STARTED), ""),
        (S.FAILED, False, _latest(S.NOT_STARTED), ""),
        (S.RUNNING, False, _latest(S.RUNNING), LEASE_INACTIVE),
        (S.SUCCEEDED, False, _latest(S.RUNNING), LEASE_INACTIVE),
        (S.RUNNING, False, _latest(S.WAITING), LEASE_INACTIVE),
        (S.RUNNING, True, _latest(S.RUNNING, attempt_id="b"), SUPERSEDED),
        (S.RUNNING, True, _latest(S.RUNNING, attempt_key="z:a"), SUPERSEDED),
        (S.RUNNING, True, _latest(S.RUNNING, attempt_key=""), ""),
        (S.SUCCEEDED, False, _latest(S.SUCCEEDED, attempt_id="b"), SUPERSEDED),
        # The end stands.
        (S.SUCCEEDED, False, _latest(S.SUCCEEDED), ""),
        (S.FAILED, False, _latest(S.FAILED), ""),
        (S.FAILED, False, _latest(S.SUCCEEDED), RUN_TERMINAL),
        (S.SUCCEEDED, False, _latest(S.FAILED), RUN_TERMINAL),
        (S.ABORTED, False, _latest(S.FAILED), RUN_TERMINAL),
        (S.ABORTED, False, _latest(S.FAILED, is_abort_requested=True), ""),
        (S.ABORTED, False, _latest(S.SUCCEEDED, is_abort_requested=True), RUN_TERMINAL),
        (S.RUNNING, False, _latest(S.SUCCEEDED), LEASE_INACTIVE),
        (S.RUNNING, True, _latest(S.SUCCEEDED), RUN_TERMINAL),
        (S.WAITING, False, _latest(S.FAILED), LEASE_INACTIVE),
    ],
)
@pytest.mark.parametrize("is_edge", [False, True])
def test_the_latest_attempt(
    status: S, has_lease: bool, latest: Latest | None, error: str, is_edge: bool
) -> None:
    report = _report(status)
    assert report_verdict(report, has_lease=has_lease, latest=latest, is_edge=is_edge) == error


@pytest.mark.parametrize(
    ("status", "has_lease", "dagu", "edge"),
    [
        (S.SUCCEEDED, False, RUN_TERMINAL, ""),
        (S.SUCCEEDED, True, RUN_TERMINAL, ""),
        (S.RUNNING, True, RUN_TERMINAL, ""),
        (S.RUNNING, False, LEASE_INACTIVE, LEASE_INACTIVE),
    ],
)
def test_the_late_report_after_patience_ended(
    status: S, has_lease: bool, dagu: str, edge: str
) -> None:
    """Section 18a: between two edge ends the same attempt replaces the failure of its lease."""
    given_up = _latest(S.FAILED, error=lease_expired_text("w"))
    for is_edge, error in ((False, dagu), (True, edge)):
        found = report_verdict(
            _report(status), has_lease=has_lease, latest=given_up, is_edge=is_edge
        )
        assert found == error
