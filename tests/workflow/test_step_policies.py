"""`defaults`: what steps and handlers take over."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from edge.workflow.model import (
    DAG,
    ContinueOn,
    EnvVar,
    Precondition,
    RepeatPolicy,
    RetryPolicy,
    Step,
)
from tests.workflow.helpers import load, refused

# spec 10 section 7.5: one row for each of the eight keys: defaults, own value, how it is read,
# what a step without it has, what the step with it has
_KEYS: list[tuple[str, str, str, Callable[[Step], object], object, object]] = [
    (
        "continue_on",
        "failed",
        "skipped",
        lambda s: s.continue_on,
        ContinueOn(failed=True),
        ContinueOn(skipped=True),
    ),
    (
        "retry_policy",
        "{limit: 1, interval_sec: 2}",
        "{limit: 0, interval_sec: 0}",
        lambda s: s.retry_policy,
        RetryPolicy(limit=1, interval_s=2),
        RetryPolicy(limit=0, interval_s=0),
    ),
    (
        "repeat_policy",
        "{repeat: true}",
        "~",
        lambda s: s.repeat_policy,
        RepeatPolicy(mode="while"),
        None,
    ),
    ("timeout_sec", "9", "0", lambda s: s.timeout_s, 9, 0),
    ("mail_on_error", "true", "false", lambda s: s.mail_on_error, True, False),
    ("signal_on_stop", "SIGINT", "SIGHUP", lambda s: s.signal_on_stop, "SIGINT", "SIGHUP"),
    (
        "env",
        "{A: base}",
        "[A=own]",
        lambda s: s.env,
        (EnvVar("A", "base"),),
        (EnvVar("A", "base"), EnvVar("A", "own")),
    ),
    (
        "preconditions",
        "test -d /",
        "[check]",
        lambda s: s.preconditions,
        (Precondition(condition="test -d /"),),
        (Precondition(condition="test -d /"), Precondition(condition="check")),
    ),
]


@pytest.mark.parametrize(("key", "default", "own", "read", "without", "with_own"), _KEYS)
def test_each_key_for_steps_and_handlers(
    key: str,
    default: str,
    own: str,
    read: Callable[[Step], object],
    without: object,
    with_own: object,
) -> None:
    """spec 10 section 7.5"""
    dag = load(
        f"defaults: {{{key}: {default}}}\n"
        f"handler_on: {{exit: {{run: x}}, wait: {{run: x, {key}: {own}}}}}\n"
        f"steps:\n  - run: a\n  - {{run: b, {key}: {own}}}\n"
    )
    assert [read(found) for found in dag.steps] == [without, with_own]
    assert dag.handlers.exit is not None
    assert dag.handlers.wait is not None
    assert read(dag.handlers.exit) == without
    assert read(dag.handlers.wait) == with_own


def test_env_and_preconditions_of_the_defaults_stay_beside_null_and_empty() -> None:
    """spec 10 section 7.5"""
    dag = load(
        """
        defaults: {env: [A=1], preconditions: p}
        steps:
          - {run: a, env: ~, preconditions: ~}
          - {run: b, env: [], preconditions: []}
        """
    )
    for found in dag.steps:
        assert found.env == (EnvVar("A", "1"),)
        assert found.preconditions == (Precondition(condition="p"),)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{log_output: merged}", "'spec.defaults' has invalid keys: log_output"),
        ("{working_dir: /w}", "'spec.defaults' has invalid keys: working_dir"),
        ("{timeout_sec: x}", "'timeout_sec' expected type 'int'"),
        ("{timeout_sec: -1}", "timeout_sec must be >= 0"),
        ("{retry_policy: {limit: 1}}", "interval_sec is required when retry_policy is specified"),
        ("{repeat_policy: {repeat: while}}", "repeat mode 'while' requires either"),
        ("{signal_on_stop: x}", "invalid signal: x"),
        ("{preconditions: {condition: a}}", "precondition must be a string or an array"),
        ("{env: {1X: a}}", 'invalid environment variable name "1X"'),
        ("{continue_on: x}", "expected 'skipped' or 'failed'"),
        ("[a]", "'spec.defaults' expected a map or struct"),
    ],
)
def test_bad_defaults_are_reported_for_handlers_and_for_steps(value: str, message: str) -> None:
    """spec 10 section 7.5"""
    error = refused(f"defaults: {value}\nsteps: [{{run: a}}]\n")
    assert len(error.bullets) == 2
    assert all(message in bullet for bullet in error.bullets)
    assert error.bullets[0].startswith("field 'handlers': field '")
    assert error.bullets[1].startswith("field 'steps': field '")


# spec 10 section 7.5: defaults of the base configuration, and of the document over them
_MERGED: list[tuple[str, str, Callable[[DAG], object], object]] = [
    ("{timeout_sec: 9}", "{}", lambda d: d.steps[0].timeout_s, 9),
    ("{timeout_sec: 9}", "{timeout_sec: 0}", lambda d: d.steps[0].timeout_s, 0),
    (
        "{repeat_policy: {repeat: true}}",
        "{repeat_policy: {exit_code: [1]}}",
        lambda d: d.steps[0].repeat_policy,
        RepeatPolicy(mode="while", exit_codes=(1,)),
    ),
    (
        "{env: {A: base}}",
        "{env: {A: own}}",
        lambda d: [item.value for item in d.steps[0].env],
        ["base", "own"],
    ),
    ("{env: {A: base}}", "{env: []}", lambda d: d.steps[0].env, ()),
    (
        "{preconditions: p}",
        "{preconditions: [q]}",
        lambda d: [item.condition for item in d.steps[0].preconditions],
        ["p", "q"],
    ),
    ("{preconditions: p}", "{preconditions: []}", lambda d: d.steps[0].preconditions, ()),
]


@pytest.mark.parametrize(("base", "own", "read", "expected"), _MERGED)
def test_defaults_of_the_base(
    base: str, own: str, read: Callable[[DAG], object], expected: object
) -> None:
    """spec 10 section 7.5"""
    dag = load(f"defaults: {own}\nsteps: [{{run: a}}]\n", base_text=f"defaults: {base}\n")
    assert read(dag) == expected
