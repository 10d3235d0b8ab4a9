"""`run` as commands, lists and scripts, with a context that starts nothing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from edge.actions.base import ActionError, Outcome
from edge.actions.shell import run_shell
from edge.workflow.model import DAG, CommandRun, ExecRun, ScriptRun, Shell, Step
from edge.workflow.values import Scope, Source


class Context:
    """Answers each process with the next status and keeps its arguments."""

    def __init__(self, step: Step, *statuses: int | Exception, default_shell: str = "sh") -> None:
        self.dag = DAG(name="t")
        self.step = step
        self.scope = Scope(params={"V": "value"}).child(
            [("PATH", os.environ["PATH"])], Source.PROCESS
        )
        self.cwd = "/"
        self.default_shell = default_shell
        self.calls: list[tuple[str, ...]] = []
        self.scripts: list[bytes] = []
        self.noted: list[tuple[int, str, tuple[str, ...] | None]] = []
        self._statuses = list(statuses)

    def note_command(self, number: int, text: str, argv: Sequence[str] | None = None) -> None:
        self.noted.append((number, text, None if argv is None else tuple(argv)))

    async def run_process(self, argv: Sequence[str], executable: str) -> int:
        assert os.access(executable, os.X_OK)
        self.calls.append(tuple(argv))
        if isinstance(self.step.run, ScriptRun):
            self.scripts.append(Path(argv[-1]).read_bytes())  # noqa: ASYNC240
            assert os.stat(argv[-1]).st_mode & 0o777 == 0o700
        status = self._statuses.pop(0)
        if isinstance(status, Exception):
            raise status
        return status


def _commands(*texts: str) -> Step:
    return Step(name="a", run=CommandRun(texts))


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (0, Outcome(0)),
        (3, Outcome(3, "exit status 3")),
        (-15, Outcome(-1, "signal: terminated")),
        (-9, Outcome(-1, "signal: killed")),
        (-35, Outcome(-1, "signal: signal 35")),
        (
            FileNotFoundError(2, "No such file or directory"),
            Outcome(1, "fork/exec sh: no such file or directory"),
        ),
        (ActionError("stopped"), Outcome(1, "stopped")),
        (ValueError("embedded null byte"), Outcome(1, "failed to set up step: embedded null byte")),
    ],
)
async def test_one_command(status: int | Exception, outcome: Outcome) -> None:
    context = Context(_commands("echo ${params.V}"), status)
    assert await run_shell(context) == outcome
    assert context.calls == [("sh", "-e", "-c", "echo value")]


async def test_a_list_stops_at_the_first_failure() -> None:
    context = Context(_commands("one", "two", "three"), 0, 5)
    assert await run_shell(context) == Outcome(5, "command 2 failed: exit status 5")
    assert [call[-1] for call in context.calls] == ["one", "two"]


async def test_a_command_that_cannot_be_made_counts_as_code_1() -> None:
    step = Step(name="a", run=CommandRun(("x", "y")), shell=Shell(("bash", "-lc")))
    outcome = await run_shell(Context(step))
    assert outcome.code == 1
    assert outcome.error.startswith("command 1 failed: failed to create command: command-form run")


async def test_a_missing_shell_has_no_prefix() -> None:
    step = Step(name="a", run=CommandRun(("x",)), shell=Shell(("nosuchshell",)))
    outcome = await run_shell(Context(step))
    assert outcome == Outcome(1, 'exec: "nosuchshell": executable file not found in $PATH')


async def test_a_script_is_kept_byte_exact_in_a_private_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    text = "\n  echo ${params.V} $X\r\n\ttab\n"
    context = Context(Step(name="a", run=ScriptRun(text)), 4)
    outcome = await run_shell(context)
    assert (outcome.code, outcome.error) == (4, "exit status 4")
    assert context.scripts == [text.replace("${params.V}", "value").encode()]
    assert outcome.private_file == context.calls[0][-1]
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "shell", "wanted"),
    [
        ("#!/bin/sh -u\nx\n", None, ("/bin/sh", "-u")),
        ("#!/bin/sh -u\nx\n", Shell(("bash",)), ("bash",)),
        (" #!/bin/sh -u\nx\n", None, ("sh", "-e")),
    ],
)
async def test_a_shebang_counts_in_the_first_column_and_without_a_shell_of_the_step(
    text: str, shell: Shell | None, wanted: tuple[str, ...]
) -> None:
    context = Context(Step(name="a", run=ScriptRun(text), shell=shell), 0)
    await run_shell(context)
    assert context.calls[0][:-1] == wanted


async def test_a_bad_shebang_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    outcome = await run_shell(Context(Step(name="a", run=ScriptRun("#!\nx\n"))))
    assert outcome == Outcome(
        1,
        "failed to create command: failed to detect shebang: shebang line has no interpreter"
        " command",
    )
    assert os.listdir(tmp_path) == []


async def test_a_script_that_cannot_be_written_fails_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TMPDIR", "/nonexistent")
    outcome = await run_shell(Context(Step(name="a", run=ScriptRun("x\ny\n"))))
    assert outcome == Outcome(
        1, "failed to set up step: failed to write the script: No such file or directory"
    )


# spec 13 section 2: argv directly, `${...}` and `$VAR` resolved with the engine's environment
@pytest.mark.parametrize(
    ("run", "argv"),
    [
        (ExecRun("echo", ("a b", "*", "~", "x | y")), ("echo", "a b", "*", "~", "x | y")),
        (ExecRun("echo", ("${params.V}", "$HOSTED", "$NOPE", "${params.none}")),
         ("echo", "value", "host", "$NOPE", "${params.none}")),
        (ExecRun("echo", ("'$HOSTED'", "")), ("echo", "'$HOSTED'", "")),
    ],
)  # fmt: skip
async def test_exec_passes_words_as_they_are(run: ExecRun, argv: tuple[str, ...]) -> None:
    context = Context(Step(name="a", run=run), 0)
    context.scope = Scope(params={"V": "value"}, host={"HOSTED": "host"}).child(
        [("PATH", os.environ["PATH"])], Source.PROCESS
    )
    assert await run_shell(context) == Outcome(0)
    assert context.calls == [argv]
    assert context.noted == [(1, " ".join(argv), argv)]


# spec 13 section 2 and spec 10 section 6.6: what cannot be started, exit code 1
@pytest.mark.parametrize(
    ("run", "error"),
    [
        (ExecRun("no-such-program"),
         'exec: "no-such-program": executable file not found in $PATH'),
        (ExecRun("echo", ("a\nb",)),
         "failed to set up step: resolved command text for run contains a line break"),
        (ExecRun("echo", ("a\rb",)),
         "failed to set up step: resolved command text for run contains a line break"),
        (ExecRun(""), "failed to create command: command is empty"),
    ],
)  # fmt: skip
async def test_exec_that_cannot_start(run: ExecRun, error: str) -> None:
    assert await run_shell(Context(Step(name="a", run=run))) == Outcome(1, error)


async def test_command_with_script_takes_the_file_as_its_last_argument() -> None:
    """spec 11 section 7.4: v1 `command` + `script`, whose text is the shell's."""
    context = Context(
        Step(name="a", run=ScriptRun("print('${params.V} $V')\n", "python3 -u '${params.V}'")), 0
    )
    outcome = await run_shell(context)
    assert (outcome.code, outcome.error) == (0, "")
    assert context.calls[0][:-1] == ("python3", "-u", "value")
    assert context.scripts == [b"print('value $V')\n"]
    assert context.noted == [(1, "python3 -u value", None)]


async def test_commands_are_noted_as_resolved() -> None:
    """spec 12 section 17: command text resolved."""
    context = Context(_commands("echo ${params.V}", "echo $V"), 0, 0)
    await run_shell(context)
    assert context.noted == [(1, "echo value", None), (2, "echo $V", None)]


async def test_a_script_is_not_noted() -> None:
    """spec 10 section 6.6: diagnostics must not contain the resolved script text."""
    context = Context(Step(name="a", run=ScriptRun("echo ${params.V}\n")), 0)
    await run_shell(context)
    assert context.noted == []
