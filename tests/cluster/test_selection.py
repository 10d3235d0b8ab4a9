"""Which worker may take which task: spec 20 sections 4.1, 4.2."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.cluster.rpc import Code, RpcError
from edge.cluster.selection import (
    TASK_TTL_MS,
    WORKER_USABLE_MS,
    Seat,
    can_take,
    check_placement,
    health_of,
    pick_task,
)


@dataclass
class _Task:
    selector: dict[str, str] = field(default_factory=dict)
    target_worker_id: str = ""
    enqueued_ms: int = 0


@pytest.mark.parametrize(
    ("selector", "target", "labels", "fits"),
    [
        ({}, "", {}, True),
        ({}, "", {"a": "1"}, True),
        ({"a": "1"}, "", {"a": "1", "b": "2"}, True),
        ({"a": "1"}, "", {"a": "2"}, False),
        ({"a": "1"}, "", {}, False),
        ({"a": "1"}, "", {"A": "1"}, False),
        ({"a": "x"}, "", {"a": "X"}, False),
        ({"a": ""}, "", {}, True),
        ({"a": ""}, "", {"a": "1"}, False),
        ({"a": "1", "b": "2"}, "", {"a": "1"}, False),
        ({}, "w", {}, True),
        ({}, "x", {}, False),
        ({"a": "1"}, "w", {}, False),
    ],
)
def test_matching(
    selector: dict[str, str], target: str, labels: dict[str, str], fits: bool
) -> None:
    assert can_take(selector, target, "w", labels) is fits


def test_the_oldest_matching_task_wins() -> None:
    tasks = [_Task({"a": "1"}), _Task(enqueued_ms=1), _Task(enqueued_ms=2)]
    assert pick_task(tasks, "w", {}, 10) is tasks[1]
    assert pick_task(tasks, "w", {"a": "1"}, 10) is tasks[0]


def test_an_old_task_is_never_handed_out() -> None:
    assert pick_task([_Task(enqueued_ms=0)], "w", {}, TASK_TTL_MS) is None
    assert pick_task([_Task(enqueued_ms=1)], "w", {}, TASK_TTL_MS) is not None


@pytest.mark.parametrize(
    ("workers", "legacy", "code", "text"),
    [
        ([], (), Code.UNAVAILABLE, "no available workers"),
        ([Seat("w", {"a": "1"}, 0)], (), Code.UNAVAILABLE, "no available workers"),
        ([Seat("w", {"a": "1"}, 9_999_999)], ("w",), Code.UNAVAILABLE, "no available workers"),
        (
            [Seat("w", {"a": "2"}, 9_999_999)],
            (),
            Code.FAILED_PRECONDITION,
            "no workers match the required selector",
        ),
    ],
)
def test_placement_refusals(
    workers: list[Seat], legacy: tuple[str, ...], code: Code, text: str
) -> None:
    with pytest.raises(RpcError) as error:
        check_placement(workers, {"a": "1"}, "", 10_000_000, legacy)
    assert (error.value.code, error.value.text) == (code, text)


def test_placement_at_the_limit_of_age() -> None:
    check_placement([Seat("w", {}, 0)], {}, "", WORKER_USABLE_MS)
    with pytest.raises(RpcError):
        check_placement([Seat("w", {}, 0)], {}, "", WORKER_USABLE_MS + 1)


def test_health_words() -> None:
    ages = (0, 4_999, 5_000, 14_999, 15_000)
    assert [health_of(age) for age in ages] == [
        "healthy",
        "healthy",
        "warning",
        "warning",
        "unhealthy",
    ]


_LABELS = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["", "1", "2"]), max_size=3)


@given(_LABELS, _LABELS)
def test_more_labels_never_hurt(selector: dict[str, str], labels: dict[str, str]) -> None:
    """A worker that fits still fits with another label that the selector does not name."""
    if can_take(selector, "", "w", labels):
        assert can_take(selector, "", "w", {**labels, "zone": "x"})
    assert can_take(labels, "", "w", labels)
