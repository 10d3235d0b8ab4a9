"""`repeat_policy` of a step."""

from __future__ import annotations

import pytest

from edge.workflow.model import RepeatPolicy
from tests.workflow.helpers import load, refused, step

# spec 10 section 7.3
_GOOD: list[tuple[str, RepeatPolicy | None]] = [
    (
        "{repeat: while, condition: c}",
        RepeatPolicy(mode="while", condition="c"),
    ),
    ("{repeat: until, exit_code: [0]}", RepeatPolicy(mode="until", exit_codes=(0,))),
    ("{repeat: true}", RepeatPolicy(mode="while")),
    ("{repeat: true, exit_code: [1]}", RepeatPolicy(mode="while", exit_codes=(1,))),
    ("{repeat: false, condition: c}", None),
    # without `repeat`
    (
        "{condition: c, expected: x}",
        RepeatPolicy(mode="until", condition="c", expected="x"),
    ),
    ("{condition: c}", RepeatPolicy(mode="while", condition="c")),
    ("{exit_code: [1, -2]}", RepeatPolicy(mode="while", exit_codes=(1, -2))),
    ("{interval_sec: 5}", None),
    ("{expected: x}", None),
    ("{}", None),
    ("~", None),
    # counts: integer, numeric text, reference text
    (
        "{repeat: true, interval_sec: 5, limit: 2, max_interval_sec: 60}",
        RepeatPolicy(mode="while", interval_s=5, limit=2, max_interval_s=60),
    ),
    (
        "{repeat: true, interval_sec: '5', limit: '${N}', max_interval_sec: $M}",
        RepeatPolicy(mode="while", interval_s=5, limit="${N}", max_interval_s="$M"),
    ),
    ("{repeat: true, limit: '`n`'}", RepeatPolicy(mode="while", limit="`n`")),
    ("{repeat: true, limit: 'a${N}'}", RepeatPolicy(mode="while", limit="a${N}")),
    ("{repeat: true, limit: -1}", RepeatPolicy(mode="while", limit=-1)),
    # backoff
    ("{repeat: true, backoff: true}", RepeatPolicy(mode="while", backoff=2.0)),
    ("{repeat: true, backoff: false}", RepeatPolicy(mode="while")),
    ("{repeat: true, backoff: 0}", RepeatPolicy(mode="while")),
    ("{repeat: true, backoff: 3}", RepeatPolicy(mode="while", backoff=3.0)),
    ("{repeat: true, backoff: 1.5}", RepeatPolicy(mode="while", backoff=1.5)),
]


@pytest.mark.parametrize(("value", "expected"), _GOOD)
def test_repeat_policy(value: str, expected: RepeatPolicy | None) -> None:
    """spec 10 section 7.3"""
    assert step(f"{{run: a, repeat_policy: {value}}}").repeat_policy == expected


_MODE = "It must be 'while', 'until', or a boolean"
_COUNT = "must be an integer or a variable reference like ${VAR}"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{repeat: 'true'}", f"field 'repeat_policy': invalid value for repeat: 'true'. {_MODE}"),
        ("{repeat: While}", f"invalid value for repeat: 'While'. {_MODE}"),
        ("{repeat: 1}", f"invalid value for repeat: '1'. {_MODE}"),
        ("{repeat: []}", f"invalid value for repeat: '[]'. {_MODE}"),
        (
            "{repeat: while}",
            "repeat mode 'while' requires either 'condition' or 'exit_code' to be specified",
        ),
        (
            "{repeat: until, expected: x}",
            "repeat mode 'until' requires either 'condition' or 'exit_code' to be specified",
        ),
        ("{repeat: true, interval_sec: soon}", f"field 'repeat_policy.interval_sec': {_COUNT}"),
        ("{repeat: true, limit: 1.5}", f"field 'repeat_policy.limit': {_COUNT}"),
        ("{repeat: true, limit: true}", f"field 'repeat_policy.limit': {_COUNT}"),
        ("{repeat: true, max_interval_sec: []}", _COUNT),
        ("{repeat: true, limit: 'a$N'}", _COUNT),
        ("{exit_code: 1}", "exit_code must be a list of integers"),
        ("{exit_code: ['1']}", "exit_code must be a list of integers"),
        ("{exit_code: [true]}", "exit_code must be a list of integers"),
        ("{repeat: true, backoff: 1}", "must be greater than 1.0 for exponential growth"),
        ("{repeat: true, backoff: 0.5}", "must be greater than 1.0 for exponential growth"),
        ("{repeat: true, backoff: .inf}", "must be greater than 1.0 for exponential growth"),
        ("{repeat: true, backoff: .nan}", "must be greater than 1.0 for exponential growth"),
        ("{repeat: true, backoff: x}", "invalid type for repeat_policy.backoff: string"),
        ("{condition: 5}", "'repeat_policy.condition' expected type 'string'"),
        ("{expected: 5}", "'repeat_policy.expected' expected type 'string'"),
        ("{repeats: true}", "'repeat_policy' has invalid keys: repeats"),
        ("true", "'repeat_policy' expected a map or struct, got \"bool\""),
    ],
)
def test_bad_repeat_policy(value: str, message: str) -> None:
    """spec 10 section 7.3"""
    assert message in refused(f"steps: [{{run: a, repeat_policy: {value}}}]\n").message


def test_all_faults_of_a_policy_come_together() -> None:
    """spec 10 section 7.3"""
    error = refused("steps: [{run: a, repeat_policy: {repeat: x, limit: y, backoff: z}}]\n")
    assert len(error.problems) == 3


def test_policy_of_the_defaults() -> None:
    """spec 10 section 7.5"""
    dag = load(
        """
        defaults: {repeat_policy: {repeat: true, limit: 3}}
        steps:
          - {run: a}
          - {run: b, repeat_policy: ~}
          - {run: c, repeat_policy: {exit_code: [1]}}
        """
    )
    assert [found.repeat_policy for found in dag.steps] == [
        RepeatPolicy(mode="while", limit=3),
        None,
        RepeatPolicy(mode="while", exit_codes=(1,)),
    ]
