from __future__ import annotations

import pytest

from edge.workflow.model import ContinueOn, EnvVar, LogOutput, Precondition, RetryPolicy, Shell
from edge.workflow.steps import MAX_STEPS
from tests.workflow.helpers import commands, load, refused, script, step


def test_command_script_and_list_forms() -> None:
    """spec 10 section 6.6"""
    dag = load(
        """
        steps:
          - run: echo a
          - run: |

              #!/bin/false
              echo b
          - run: [echo c, 12, true, 1.50, echo level: high, "", {k: 1}]
        """
    )
    assert commands(dag.steps[0]) == ("echo a",)
    assert script(dag.steps[1]) == "\n#!/bin/false\necho b\n"
    assert commands(dag.steps[2]) == ("echo c", "12", "true", "1.5", "echo level: high", "k: 1")
    assert [found.name for found in dag.steps] == ["cmd_1", "script_2", "cmd_3"]
    assert [found.line for found in dag.steps] == [3, 4, 8]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("{run: 1}", "run must be a string or array"),
        ("{run: ~}", "run must be a string or array"),
        ("{run: {a: b}}", "run must be a string or array"),
        ("{run: ' '}", "step command is empty"),
        ("{run: []}", "step command is empty"),
        ("{run: ['', ' ']}", "step command is empty"),
        ("{run: [[a]]}", "command array elements must be strings or primitive types"),
        ("{run: [~]}", "command array elements must be strings or primitive types"),
        ("{run: [{a: b, c: d}]}", "command array elements must be strings. If this"),
        ("{run: a, action: noop}", "run cannot be used together with action"),
        ("{run: a, command: b}", "run cannot be used together with command"),
        ("{run: a, script: b}", "run cannot be used together with script"),
        ("{run: a, with: ~}", "with must be an object"),
        ("{run: a, with: [x]}", "with must be an object"),
        ("{run: a, with: {x: 1}}", 'and shell_packages in with; got "x"'),
        ("{run: a, with: {shell: 5}}", "shell must be string or array"),
        ("{run: a, with: {shell_args: -x}}", "must be an array or slice, got string"),
        ("{name: a}", "step command is required"),
        ("{run: a, timeout_sec: -1}", "timeout_sec must be >= 0"),
        ("{run: a, timeout_sec: '1'}", "'timeout_sec' expected type 'int'"),
        ("{run: a, signal_on_stop: sigterm}", "invalid signal: sigterm"),
        ("{run: a, signal_on_stop: ''}", "invalid signal: "),
        ("{run: a, stdout: f, stderr: f}", 'cannot point to the same file "f"'),
        ("{run: a, stdout: 1}", "stdout must be a string path or an object"),
        ("{run: a, log_output: both}", 'invalid log_output value: "both"'),
        ("{run: a, depends: {x: 1}}", "must be string or array"),
        ("{run: a, depends: 1}", "must be string or array"),
        ("{run: a, env: 5}", "env must be map or array, got uint64"),
        ("{run: a, env: [5]}", "env[0]: expected map or string"),
        ("{run: a, env: [A]}", 'env[0]: invalid format "A" (expected KEY=value)'),
        ("{run: a, env: {1X: a}}", 'invalid environment variable name "1X" at env[0]'),
        ("{action: valve.open}", 'unknown action "valve.open"'),
        ("{action: 5}", "action must be a string"),
        ("{run: a, colour: red}", "'spec.step' has invalid keys: colour"),
        ("{run: a, retry: 1}", "has invalid keys: retry"),
        ("{run: a, depend: b}", 'did you mean "depends"?'),
        ("{run: a, outputSchema: 4}", "use snake_case keys (outputSchema -> output_schema)"),
        ("5", "invalid step data"),
        ("~", "invalid step data"),
        ("[[{run: a}]]", "invalid step data"),
    ],
)
def test_bad_steps_say_what_and_where(fields: str, message: str) -> None:
    """spec 10 section 6.4, spec 10 section 6.6"""
    error = refused(f"steps:\n  - run: echo good\n  - {fields}\n")
    assert message in error.message
    assert "steps[1]" in error.message
    assert error.message.startswith("failed to process document 0: failed to build DAG: field '")
    for problem in error.problems:
        assert problem.field.startswith("steps[1]")
        assert problem.line == 3
        assert problem.column > 3


def test_all_errors_of_a_step_are_one_bullet_and_building_stops_there() -> None:
    """spec 10 section 1.3"""
    error = refused(
        """
        description: 5
        steps: []
        """
    )
    assert len(error.bullets) == 1
    error = refused(
        """
        overlap_policy: never
        steps:
          - {run: a, timeout_sec: -1, retry_policy: {limit: 1}}
          - {run: ' '}
        """
    )
    assert len(error.bullets) == 2
    assert "timeout_sec must be >= 0" in error.bullets[1]
    assert "; field 'steps': field 'retry_policy.interval_sec': interval_sec" in error.bullets[1]
    assert [problem.field for problem in error.problems] == [
        "overlap_policy",
        "steps[0].timeout_sec",
        "steps[0].retry_policy.interval_sec",
    ]


@pytest.mark.parametrize(
    ("fields", "shell", "args"),
    [
        ("{run: a, with: {shell: bash}}", ("bash",), ()),
        ("{run: a, with: {shell: 'bash -e  \"-o pipefail\"'}}", ("bash", "-e", "-o pipefail"), ()),
        ("{run: a, with: {shell: 'bash \"x'}}", ("bash", '"x'), ()),
        ("{run: a, with: {shell: [bash, -u, 1]}}", ("bash", "-u", "1"), ()),
        ("{run: a, with: {shell: bash, shell_args: [-e]}}", ("bash", "-e"), ()),
        ("{run: a, with: {shell_args: [-e]}}", None, ("-e",)),
        ("{run: a, with: {shell: direct}}", ("direct",), ()),
        ("{command: a, shell: zsh}", ("zsh",), ()),
        ("{command: a, shell_args: [-x]}", None, ("-x",)),
    ],
)
def test_shell_of_a_step(fields: str, shell: tuple[str, ...] | None, args: tuple[str, ...]) -> None:
    """spec 10 section 6.6"""
    found = step(fields)
    assert found.shell == (None if shell is None else Shell(shell))
    assert found.shell_args == args


def test_old_forms_load_and_warn() -> None:
    """spec 10 section 13.3, spec 10 section 14"""
    dag = load(
        """
        steps:
          - echo plain
          - command: echo a
          - command: [echo b, echo c]
          - script: "  echo d\\n  echo e\\n"
            shell: bash
        """
    )
    assert commands(dag.steps[0]) == ("echo plain",)
    assert commands(dag.steps[2]) == ("echo b", "echo c")
    assert script(dag.steps[3]) == "echo d\n  echo e"
    assert list(dag.deprecations) == [
        "Deprecated DAG syntax: steps[0] string shorthand is deprecated; use run",
        "Deprecated DAG syntax: steps[1].command is deprecated; use run",
        "Deprecated DAG syntax: steps[2].command is deprecated; use run",
        "Deprecated DAG syntax: steps[3].script is deprecated; use run",
        "Deprecated DAG syntax: steps[3].shell is deprecated; use run with with.shell",
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("skipped", ContinueOn(skipped=True)),
        ("FAILED", ContinueOn(failed=True)),
        ("{failed: true}", ContinueOn(failed=True)),
        ("{failure: true, mark_success: true}", ContinueOn(failed=True, mark_success=True)),
        ("{exit_code: 3}", ContinueOn(exit_codes=(3,))),
        ("{exit_code: ['3', 4, 5.9]}", ContinueOn(exit_codes=(3, 4, 5))),
        ("{output: warn}", ContinueOn(outputs=("warn",))),
        ("{output: [a, 're:b']}", ContinueOn(outputs=("a", "re:b"))),
        ("~", ContinueOn()),
    ],
)
def test_continue_on_forms(value: str, expected: ContinueOn) -> None:
    """spec 10 section 7.1"""
    assert step(f"{{run: a, continue_on: {value}}}").continue_on == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("failure", "continue_on: expected 'skipped' or 'failed', got \"failure\""),
        ("''", "continue_on: expected 'skipped' or 'failed'"),
        ("5", "continue_on must be string or map"),
        ("[failed]", "continue_on must be string or map"),
        ("{x: 1}", 'continue_on: unknown key "x"'),
        ("{failed: yes}", "expected boolean"),
        ("{exit_code: x}", "expected integer"),
        ("{exit_code: true}", "expected integer"),
        ("{output: 5}", "expected string"),
    ],
)
def test_bad_continue_on(value: str, message: str) -> None:
    """spec 10 section 7.1"""
    assert message in refused(f"steps:\n  - {{run: a, continue_on: {value}}}\n").message


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("{limit: 2, interval_sec: 5}", RetryPolicy(limit=2, interval_s=5)),
        ("{limit: '3', interval_sec: '7'}", RetryPolicy(limit=3, interval_s=7)),
        ("{limit: '${params.n}', interval_sec: 1}", RetryPolicy(limit="${params.n}", interval_s=1)),
        (
            "{limit: -1, interval_sec: -2, backoff: true, max_interval_sec: 9, exit_code: [1, 2]}",
            RetryPolicy(limit=-1, interval_s=-2, backoff=2.0, max_interval_s=9, exit_codes=(1, 2)),
        ),
        (
            "{limit: 1, interval_sec: 1, backoff: false}",
            RetryPolicy(limit=1, interval_s=1),
        ),
        ("{limit: 1, interval_sec: 1, backoff: 3}", RetryPolicy(limit=1, interval_s=1, backoff=3)),
    ],
)
def test_retry_policy(value: str, expected: RetryPolicy) -> None:
    """spec 10 section 7.2"""
    assert step(f"{{run: a, retry_policy: {value}}}").retry_policy == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{interval_sec: 1}", "limit is required when retry_policy is specified"),
        ("{limit: 1}", "interval_sec is required when retry_policy is specified"),
        ("{limit: 1.5, interval_sec: 1}", "invalid type: float64"),
        ("{limit: true, interval_sec: 1}", "invalid type: bool"),
        ("{limit: 1, interval_sec: 1, backoff: 1.0}", "must be greater than 1.0"),
        ("{limit: 1, interval_sec: 1, backoff: .inf}", "must be greater than 1.0"),
        ("{limit: 1, interval_sec: 1, backoff: x}", "invalid type for retry_policy.backoff"),
        ("{limit: 1, interval_sec: 1, exit_code: 1}", "must be a list of integers"),
        ("{limit: 1, interval_sec: 1, x: 1}", "'retry_policy' has invalid keys: x"),
        ("{limit: 1, interval_sec: 1, max_interval_sec: a}", "expected type 'int'"),
        ("5", "'retry_policy' expected a map or struct, got \"uint64\""),
    ],
)
def test_bad_retry_policy(value: str, message: str) -> None:
    """spec 10 section 7.2"""
    assert message in refused(f"steps:\n  - {{run: a, retry_policy: {value}}}\n").message


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("test -f x", (Precondition(condition="test -f x"),)),
        ("[a, b]", (Precondition(condition="a"), Precondition(condition="b"))),
        (
            "[{Condition: a, EXPECTED: 're:^b', negate: true}]",
            (Precondition(condition="a", expected="re:^b", negate=True),),
        ),
        ("[{eval: $(x), expected: y}]", (Precondition(eval="$(x)", expected="y"),)),
        ("[]", ()),
        ("~", ()),
    ],
)
def test_preconditions(value: str, expected: tuple[Precondition, ...]) -> None:
    """spec 10 section 7.4"""
    assert step(f"{{run: a, preconditions: {value}}}").preconditions == expected
    assert load(f"preconditions: {value}\nsteps: [{{run: a}}]").preconditions == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{condition: a}", "precondition must be a string or an array of strings"),
        ("5", "precondition must be a string or an array of strings"),
        ("[5]", "precondition value must be a string"),
        ("['']", "precondition value must be a string"),
        ("[{condition: a, eval: b}]", "only one of condition or eval is allowed"),
        ("[{expected: b}]", "condition or eval is required"),
        ("[{eval: b}]", "expected is required when eval is set"),
        ("[{condition: a, expected: 're:('}]", "expected regexp is invalid"),
        ("[{condition: a, expected: 're:'}]", "expected regexp is empty"),
        ("[{condition: a, expected: 1}]", "precondition value must be a string"),
        ("[{condition: a, expected: true}]", "precondition value must be a string"),
        ("[{condition: ' '}]", "precondition value must be a string"),
        ("[~]", "precondition value must be a string"),
        ("[[a]]", "precondition value must be a string"),
        ("[{}]", "condition or eval is required"),
        ("[{eval: '', expected: x}]", "eval must be a non-empty string: "),
        ("[{eval: 5, expected: x}]", "eval must be a non-empty string: "),
        ("[{condition: a, negate: 1}]", "precondition negate must be a boolean"),
        ("[{condition: a, command: b}]", "precondition has invalid key: command"),
    ],
)
def test_bad_preconditions(value: str, message: str) -> None:
    """spec 10 section 7.4"""
    assert message in refused(f"steps:\n  - {{run: a, preconditions: {value}}}\n").message
    assert message in refused(f"preconditions: {value}\nsteps: [{{run: a}}]").message


def test_env_shapes_keep_order_and_text() -> None:
    """spec 10 section 8"""
    found = step(
        "{run: a, env: [Z=1, {B: yes, A: 010}, X=a=b, E=, {N: ~, L: [1, {k: v}], F: 1.50}]}"
    )
    assert found.env == (
        EnvVar("Z", "1"),
        EnvVar("B", "yes"),
        EnvVar("A", "8"),
        EnvVar("X", "a=b"),
        EnvVar("E", ""),
        EnvVar("N", "<nil>"),
        EnvVar("L", "[1 map[k:v]]"),
        EnvVar("F", "1.5"),
    )


def test_defaults_fill_absent_fields_and_come_first() -> None:
    """spec 10 section 7.5"""
    dag = load(
        """
        defaults:
          timeout_sec: 9
          retry_policy: {limit: 1, interval_sec: 2}
          continue_on: failed
          signal_on_stop: SIGINT
          env: {A: base, B: base}
          preconditions: test -d /
        handler_on:
          exit: {run: done}
        steps:
          - run: a
            env: [A=own]
            preconditions: [check]
          - {run: b, timeout_sec: 0, retry_policy: ~, continue_on: skipped}
        """
    )
    first, second = dag.steps
    assert first.timeout_s == 9
    assert first.retry_policy == RetryPolicy(limit=1, interval_s=2)
    assert first.signal_on_stop == "SIGINT"
    assert first.env == (EnvVar("A", "base"), EnvVar("B", "base"), EnvVar("A", "own"))
    assert [item.condition for item in first.preconditions] == ["test -d /", "check"]
    assert second.timeout_s == 0
    assert second.retry_policy is None
    assert second.continue_on == ContinueOn(skipped=True)
    assert dag.handlers.exit is not None
    assert dag.handlers.exit.timeout_s == 9


def test_handlers_have_forced_names() -> None:
    """spec 10 section 7.6"""
    dag = load(
        """
        handler_on:
          init: {run: a, name: mine, depends: nobody}
          failure: {id: alarm, run: b}
          wait: {run: c, name: x}
          exit: {foreach: {items: [1], steps: [{run: y}]}}
          abort: {}
          success: ~
        steps: [{run: x}]
        """
    )
    assert {key: found.name for key, found in dag.handlers.configured().items()} == {
        "onInit": "onInit",
        "onFailure": "onFailure",
        "onWait": "onWait",
        "onExit": "onExit",
    }
    assert dag.handlers.exit is not None
    assert dag.handlers.exit.foreach is not None
    assert [found.name for found in dag.handlers.exit.foreach.steps] == ["cmd_1"]
    assert dag.handlers.failure is not None
    assert dag.handlers.failure.id == "alarm"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{exit: echo}", "'handler_on.exit' expected a map or struct, got \"string\""),
        ("{stop: {run: a}}", "'handler_on' has invalid keys: stop"),
        ("{exit: {run: a, x: 1}}", "'handler_on.exit' has invalid keys: x"),
        ("{exit: [{run: a}]}", "'handler_on.exit' expected a map or struct"),
        ("{finally: {run: a}}", "'handler_on' has invalid keys: finally"),
        (
            "{exit: {run: a, parallel: [b]}}",
            "field 'parallel': parallel currently requires action: dag.run or dag.enqueue",
        ),
        ("{exit: {run: a, timeout_sec: -1}}", "field 'handlers': field 'timeout_sec': "),
        ("{exit: {run: ''}}", "field 'handlers': field 'command': step command is empty"),
    ],
)
def test_bad_handlers(value: str, message: str) -> None:
    """spec 10 section 7.6"""
    assert message in refused(f"handler_on: {value}\nsteps: [{{run: a}}]\n").message


def test_log_output_of_a_step() -> None:
    """spec 10 section 6.4"""
    assert step("{run: a, log_output: MERGED}").log_output is LogOutput.MERGED
    assert step("{run: a}").log_output is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("{condition: a}", Precondition(condition="a")),
        ("{command: a, expected: b}", Precondition(condition="a", expected="b")),
        ("[{command: a}]", Precondition(condition="a")),
    ],
)
def test_preconditions_of_dagu_1_30(value: str, expected: Precondition) -> None:
    """spec 10 section 13.1, spec 10 section 7.4"""
    text = "maxActiveSteps: 1\n%ssteps: [{command: a, preconditions: %s}]\n"
    assert load(text % ("", value)).steps[0].preconditions == (expected,)
    assert load(text % (f"preconditions: {value}\n", "~")).preconditions == (expected,)
    assert "precondition" in refused("steps: [{run: a, preconditions: [{command: a}]}]").message


def test_a_document_has_a_most_number_of_steps() -> None:
    """Spec 10 section 6.1; the limit is ours."""
    error = refused("steps:\n" + "  - run: a\n" * (MAX_STEPS + 1))
    (problem,) = error.problems
    assert (problem.line, problem.message) == (
        MAX_STEPS + 2,
        f"a workflow can have at most {MAX_STEPS} steps",
    )
