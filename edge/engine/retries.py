"""A step's retry policy as numbers, when the step starts (spec 12 section 6)."""

from __future__ import annotations

import re

from edge.engine.events import RetryNumbers
from edge.workflow.field_policy import Policy, policy_of
from edge.workflow.model import RetryPolicy
from edge.workflow.values import Scope, resolve

__all__ = ["integer_of", "retry_numbers"]

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}\Z", re.ASCII)


def retry_numbers(policy: RetryPolicy | None, scope: Scope) -> RetryNumbers | None:
    """Return the numbers; None without a policy. Raises: ValueError for a text that is none."""
    if policy is None:
        return None
    rule = policy_of("steps[].retry_policy")
    return RetryNumbers(
        integer_of(policy.limit, "retry limit", rule, scope),
        integer_of(policy.interval_s, "retry interval", rule, scope),
        policy.backoff,
        policy.max_interval_s,
        policy.exit_codes,
    )


def integer_of(value: int | str, what: str, policy: Policy, scope: Scope) -> int:
    """Return a number that may be written as a reference. Raises: ValueError naming `what`."""
    if isinstance(value, int):
        return value
    text = resolve(value, policy, scope)
    # Not what Python takes for an integer: blanks, underscores, thousands of digits.
    if _INTEGER.match(text):
        return int(text)
    raise ValueError(
        f'failed to substitute {what} "{value}": failed to convert "{text}" to int:'
        f' strconv.Atoi: parsing "{text}": invalid syntax'
    )
