"""Argument lists of commands and scripts (spec 10 section 6.6)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge.actions.base import ActionError
from edge.actions.invocation import (
    SelectedShell,
    command_invocation,
    find_program,
    script_invocation,
    select_shell,
)
from edge.workflow.model import DAG, CommandRun, Shell, Step
from edge.workflow.values import Policy, Scope, Source

_STEP = Step(name="a", run=CommandRun(("x",)))
_SCOPE = Scope().child([("PATH", os.environ["PATH"])], Source.PROCESS)


def _step(shell: str = "", args: str = "") -> Step:
    return Step(
        name="a",
        run=CommandRun(("x",)),
        shell=Shell(tuple(shell.split())) if shell else None,
        shell_args=tuple(args.split()),
    )


@pytest.mark.parametrize(
    ("step", "root", "default", "argv"),
    [
        # spec 11 section 7.5: the step's, its arguments on the root's, the root's, the default
        (_step(), "", "", ("sh",)),
        (_step(), "", "/bin/bash -x", ("/bin/bash", "-x")),
        (_step(), "zsh -f", "/bin/bash", ("zsh", "-f")),
        (_step("ksh"), "zsh -f", "/bin/bash", ("ksh",)),
        (_step("ksh", "-u"), "zsh -f", "", ("ksh", "-u")),
        (_step("", "-u"), "zsh -f", "", ("zsh", "-u")),
        (_step("", "-u"), "", "bash -x", ("bash", "-u")),
        (_step("${S}"), "", "", ("fromscope",)),
    ],
)
def test_which_shell(step: Step, root: str, default: str, argv: tuple[str, ...]) -> None:
    dag = DAG(name="t", shell=Shell(tuple(root.split())) if root else None)
    scope = _SCOPE.child([("S", "fromscope")], Source.DAG_ENV)
    assert select_shell(step, dag, scope, default).argv == argv


def test_the_shell_of_the_user_comes_before_sh() -> None:
    """spec 11 section 7.5: `$SHELL`, then `sh`."""
    scope = _SCOPE.child([("SHELL", "/bin/ksh")], Source.PROCESS)
    assert select_shell(_STEP, DAG(name="t"), scope, "").argv == ("/bin/ksh",)
    args = DAG(name="t", shell_args=("-u",))
    assert select_shell(_STEP, args, scope, "").argv == ("/bin/ksh", "-u")


@pytest.mark.parametrize(
    ("argv", "own", "wanted"),
    [
        ("sh", False, "sh -e -c T"),
        ("sh", True, "sh -c T"),
        ("/bin/bash -e", False, "/bin/bash -e -c T"),
        ("bash -u -c", False, "bash -u -e -c T"),
        ("python3", False, "python3 -c T"),
        ("nix-shell -p jq", True, "nix-shell -p jq --pure --run T"),
        ("nix-shell --impure", True, "nix-shell --impure --run T"),
    ],
)
def test_command_form(argv: str, own: bool, wanted: str) -> None:
    shell = SelectedShell(tuple(argv.split()), is_own=own)
    assert command_invocation("T", shell, _SCOPE).argv == tuple(wanted.split())


def test_the_text_is_one_argument_and_unexpanded() -> None:
    text = "echo  \"a b\"  $X `date` $(id) 'q'"
    shell = SelectedShell(("sh",), is_default=True)
    assert command_invocation(text, shell, _SCOPE).argv[-1] == text


@pytest.mark.parametrize(
    ("argv", "error"),
    [
        ("bash -lc", 'requires command-string carrier -c as a separate shell argument; got "-lc"'),
        (
            "sh -cecho",
            'requires command-string carrier -c as a separate shell argument; got "-cecho"',
        ),
        ("sh -c -x", "requires shell argument -c to be final before the command payload"),
    ],
)
def test_carriers_that_cannot_be(argv: str, error: str) -> None:
    with pytest.raises(ActionError) as caught:
        command_invocation("T", SelectedShell(tuple(argv.split())), _SCOPE)
    assert str(caught.value) == f"failed to create command: command-form run {error}"


@pytest.mark.parametrize("value", ["a\nb", "a\rb"])
def test_a_line_break_is_refused_after_resolution(value: str) -> None:
    scope = Scope(params={"V": value})
    with pytest.raises(ActionError, match="failed to set up step: resolved command text for run"):
        command_invocation("echo ${params.V}", SelectedShell(("sh",)), scope)


def test_a_carriage_return_at_the_end_is_trimmed() -> None:
    shell = SelectedShell(("sh",))
    assert command_invocation("echo x\r", shell, _SCOPE).argv[-1] == "echo x"


def test_direct_text_is_split_and_each_word_resolved() -> None:
    scope = Scope(host={"H": "a b"})
    shell = SelectedShell(("direct",))
    assert command_invocation("prog $H 'x y' | cat", shell, scope).argv == (
        "prog", "a b", "x y", "|", "cat",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("argv", "wanted"),
    [("sh", "sh -e F"), ("bash -x", "bash -x -e F"), ("python3", "python3 F"), ("direct", "F")],
)
def test_script_form(argv: str, wanted: str) -> None:
    shell = SelectedShell(tuple(argv.split()))
    found = script_invocation("x\n", "F", shell, _SCOPE, has_shebang=False)
    assert found.argv == tuple(wanted.split())


@pytest.mark.parametrize("arg", ["-c", "-s", "-xs", "-lc"])
def test_script_form_refuses_arguments_that_eat_the_file(arg: str) -> None:
    with pytest.raises(ActionError) as caught:
        script_invocation("x\n", "F", SelectedShell(("sh", arg)), _SCOPE, has_shebang=False)
    assert str(caught.value) == (
        f'failed to create command: script form cannot be used with shell argument "{arg}" because'
        " it consumes command text or stdin"
    )


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("#!/bin/sh", ("/bin/sh", "F")),
        ("#! /usr/bin/env  -S sh -u\r", ("/usr/bin/env", "-S", "sh", "-u", "F")),
        ("#!sh 'a b' \"c d\" e\\ f", ("sh", "a b", "c d", "e f", "F")),
    ],
)
def test_shebang(line: str, wanted: tuple[str, ...]) -> None:
    shell = SelectedShell(("bash", "-c"), is_default=True)
    assert script_invocation(f"{line}\nx", "F", shell, _SCOPE, has_shebang=True).argv == wanted


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("#!", "failed to detect shebang: shebang line has no interpreter command"),
        ("#!  \t", "failed to detect shebang: shebang line has no interpreter command"),
        ("#!sh 'a", "failed to detect shebang: unterminated quote in shebang line"),
        ("#!nosuch", 'failed to resolve shebang interpreter "nosuch" in step PATH'),
    ],
)
def test_bad_shebang(line: str, error: str) -> None:
    with pytest.raises(ActionError) as caught:
        script_invocation(f"{line}\n", "F", SelectedShell(("sh",)), _SCOPE, has_shebang=True)
    assert str(caught.value) == f"failed to create command: {error}"


def test_programs_are_found_in_the_path_of_the_step(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "prog"
    program.write_text("#!/bin/sh\n")
    scope = Scope().child([("PATH", f"relative:{tmp_path}:{tmp_path}/bin")], Source.STEP_ENV)
    with pytest.raises(ActionError, match=r'exec: "prog": executable file not found in \$PATH'):
        find_program("prog", scope, "/")
    program.chmod(0o755)
    assert find_program("prog", scope, "/") == str(program)
    assert find_program("./prog", scope, str(tmp_path)) == f"{tmp_path}/./prog"
    with pytest.raises(ActionError):
        # A directory is no program.
        find_program("bin", scope, "/")


@pytest.mark.parametrize(
    ("shell", "policy"),
    [
        (SelectedShell(("/bin/sh",)), Policy.VALUE_SHELL),
        (SelectedShell(("python3",)), Policy.VALUE_INTERPRETER),
        (SelectedShell(("python3",), is_default=True), Policy.VALUE_SHELL),
        (SelectedShell(("direct",)), Policy.VALUE_OS),
        (SelectedShell(("C:/X/BASH.EXE",)), Policy.VALUE_SHELL),
    ],
)
def test_who_expands_the_text(shell: SelectedShell, policy: Policy) -> None:
    assert shell.text_policy is policy


# spec 10 section 6.6: shell_packages
@pytest.mark.parametrize(
    ("shell", "argv"),
    [
        (SelectedShell(("nix-shell",)),
         ("nix-shell", "-p", "jq", "-p", "git", "--pure", "--run", "set -e; x")),
        (SelectedShell(("nix-shell", "--impure"), is_own=True),
         ("nix-shell", "--impure", "-p", "jq", "-p", "git", "--run", "x")),
    ],
)  # fmt: skip
def test_packages_go_to_nix_shell(shell: SelectedShell, argv: tuple[str, ...]) -> None:
    assert command_invocation("x", shell, _SCOPE, ("jq", "git")).argv == argv


def test_a_script_with_packages() -> None:
    """spec 10 section 6.6: the same options, running the file."""
    shell = SelectedShell(("nix-shell",))
    call = script_invocation("x\n", "/f", shell, _SCOPE, has_shebang=False, packages=("jq",))
    assert call.argv == ("nix-shell", "-p", "jq", "--pure", "--run", "/f")


@pytest.mark.parametrize("argv", [("bash",), ("direct",), ("python3",), ()])
def test_packages_with_another_shell_are_refused(argv: tuple[str, ...]) -> None:
    """spec 10 section 6.6: only with nix-shell."""
    text = "failed to create command: shell_packages can only be used with nix-shell for"
    with pytest.raises(ActionError, match=text):
        command_invocation("x", SelectedShell(argv), _SCOPE, ("jq",))
