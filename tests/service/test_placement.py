"""Here or on a worker (the table of spec 20 section 13)."""

from __future__ import annotations

import pytest

from edge.service.placement import goes_to_worker
from edge.workflow.model import DAG


@pytest.mark.parametrize(
    ("selector", "enabled", "mode", "expected"),
    [
        ("local", True, "distributed", False),
        ({"arch": "arm64"}, False, "distributed", False),
        ({"arch": "arm64"}, True, "local", True),
        (None, True, "distributed", True),
        (None, True, "local", False),
        ({}, True, "local", False),
        ({}, True, "distributed", True),
    ],
)
def test_placement(selector: object, enabled: bool, mode: str, expected: bool) -> None:
    dag = DAG(name="d", worker_selector=selector)  # type: ignore[arg-type]
    assert goes_to_worker(dag, coordinator_enabled=enabled, default_mode=mode) is expected
