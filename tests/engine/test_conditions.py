"""Preconditions: comparisons, commands, substitution (spec 12 section 5, spec 11 section 11)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.actions.invocation import SelectedShell
from edge.engine.check_command import CheckCommand
from edge.engine.conditions import CheckResult, check_all, matches
from edge.engine.events import Verdict
from edge.engine.processes import Spawner
from edge.workflow.model import Precondition
from edge.workflow.values import Scope, Source


@pytest.fixture
def spawner() -> Iterator[Spawner]:
    made = Spawner(None)
    yield made
    made.close()


async def _check(spawner: Spawner, *conditions: Precondition, cwd: str = "/") -> CheckResult:
    scope = Scope(host={"HOSTVAR": "from host"})
    scope = scope.child([("PATH", os.environ["PATH"])], Source.PROCESS)
    scope = scope.child([("X", "from scope"), ("DAG_RUN_ID", "r")], Source.DAG_ENV)
    return await check_all(
        conditions,
        scope=scope,
        shell=SelectedShell(("sh",), is_default=True),
        cwd=cwd,
        run=CheckCommand(spawner, "r", scope.environ(), cwd),
    )


@pytest.mark.parametrize(
    ("text", "expected", "met"),
    [
        ("a", "a", True),
        ("a", "b", False),
        ("ab", "a", False),
        ("one\ntwo", "two", True),
        ("", "", True),
        ("xabcx", "re:abc", True),
        ("xabcx", "re:^abc", False),
        ("ABC", "re:abc", False),
        ("one\ntwo", "re:^two$", True),
        ("", "re:^$", True),
    ],
)
def test_text_is_compared_line_by_line(text: str, expected: str, met: bool) -> None:
    assert matches(text, expected) is met


async def test_every_entry_is_evaluated_even_after_one_that_is_not_met(
    spawner: Spawner, tmp_path: Path
) -> None:
    result = await _check(
        spawner,
        Precondition(condition="true"),
        Precondition(condition="exit 3"),
        Precondition(condition="x", expected="re:^y"),
        Precondition(condition=f"touch {tmp_path}/seen"),
        Precondition(condition="kill -9 $$"),
    )
    assert result.verdict is Verdict.NOT_MET
    assert result.errors == (
        "",
        "condition was not met: exit status 3",
        'condition was not met: expected "re:^y", got "x"',
        "",
        "condition was not met: signal: killed",
    )
    assert os.listdir(tmp_path) == ["seen"]


@pytest.mark.parametrize(
    ("condition", "met"),
    [
        (Precondition(condition="$X", expected="from scope"), True),
        (Precondition(condition="${nope}", expected="${nope}"), True),
        (Precondition(condition="`echo a`", expected="`echo a`"), True),
        (Precondition(condition="$HOSTVAR", expected="$HOSTVAR"), True),
        (Precondition(condition='test "$X" = "from scope"'), True),
        (Precondition(condition="true", negate=True), False),
        (Precondition(condition="a", expected="b", negate=True), True),
    ],
)
async def test_references_and_negation(
    spawner: Spawner, condition: Precondition, met: bool
) -> None:
    result = await _check(spawner, condition)
    assert result.verdict is (Verdict.MET if met else Verdict.NOT_MET), result


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("`echo one`-$(echo two)", "one-two"),
        ("$HOSTVAR", "from host"),
        ("`echo $X`", "from scope"),
        ("$(printf ' a\\n\\n')", "a"),
        ("``", "``"),
        ("`unclosed", "`unclosed"),
        (r"\`echo a\`", r"\`echo a\`"),
        ("`echo '$(echo x)'`", "$(echo x)"),
    ],
)
async def test_eval_runs_commands_of_the_written_text(
    spawner: Spawner, text: str, expected: str
) -> None:
    result = await _check(spawner, Precondition(eval=text, expected=expected))
    assert result == CheckResult(Verdict.MET, ("",))


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            "`echo bad >&2; exit 5`",
            'failed to execute command "echo bad >&2; exit 5": exit status 5\nstderr=bad\n',
        ),
        ("$(echo $(echo x))", "nested command substitution is not supported"),
        ("$(echo `echo x`)", "nested command substitution is not supported"),
    ],
)
async def test_a_failing_substitution_is_an_error_also_when_negated(
    spawner: Spawner, text: str, error: str
) -> None:
    for negate in (False, True):
        result = await _check(spawner, Precondition(eval=text, expected="x", negate=negate))
        assert result.verdict is Verdict.ERROR
        wanted = f"failed to evaluate the value: Error=phase substitute: {error}"
        assert result.errors == (wanted,)


async def test_a_substitution_has_two_seconds(
    spawner: Spawner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.engine.evaluation._LIMIT_S", 0.1)
    result = await _check(spawner, Precondition(eval="`sleep 60`", expected="x"))
    assert result.errors[0].endswith('failed to execute command "sleep 60": timed out after 0.1s')


async def test_a_missing_directory_is_not_met_for_a_command_and_an_error_for_eval(
    spawner: Spawner,
) -> None:
    command = Precondition(condition="true")
    result = await _check(spawner, command, cwd="/nonexistent")
    assert result.verdict is Verdict.NOT_MET
    result = await _check(spawner, Precondition(eval="`echo a`", expected="a"), cwd="/nonexistent")
    assert result.verdict is Verdict.ERROR
    assert "chdir /nonexistent: no such file or directory" in result.errors[0]


async def test_a_bad_pattern_is_an_error(spawner: Spawner) -> None:
    result = await _check(spawner, Precondition(condition="a", expected="re:("))
    assert result.verdict is Verdict.ERROR


async def test_without_a_shell_the_text_is_one_executable(spawner: Spawner) -> None:
    scope = Scope().child([("PATH", os.environ["PATH"])], Source.PROCESS)
    run = CheckCommand(spawner, "r", scope.environ(), "/")
    for text, met in (("true", True), ("true yes", False)):
        result = await check_all(
            [Precondition(condition=text)],
            scope=scope,
            shell=SelectedShell(("direct",)),
            cwd="/",
            run=run,
        )
        assert (result.verdict is Verdict.MET) is met
