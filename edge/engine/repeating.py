"""A step's repeat policy as numbers, when the step starts (spec 12 section 6)."""

from __future__ import annotations

from edge.engine.events import RepeatNumbers
from edge.engine.retries import integer_of
from edge.workflow.field_policy import policy_of
from edge.workflow.model import RepeatPolicy
from edge.workflow.values import Scope

__all__ = ["repeat_numbers"]


def repeat_numbers(policy: RepeatPolicy | None, scope: Scope) -> RepeatNumbers | None:
    """Return the numbers; None without a policy. Raises: ValueError for a text that is none."""
    if policy is None:
        return None
    rule = policy_of("steps[].repeat_policy")

    def number(value: int | str, what: str) -> int:
        return integer_of(value, f"repeat {what}", rule, scope)

    return RepeatNumbers(
        is_while=policy.mode == "while",
        has_condition=bool(policy.condition),
        limit=number(policy.limit, "limit"),
        interval_s=number(policy.interval_s, "interval"),
        backoff=policy.backoff,
        max_interval_s=number(policy.max_interval_s, "max interval"),
        exit_codes=policy.exit_codes,
    )
