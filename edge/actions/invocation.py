"""From a text and a shell to an argument list (spec 10 section 6.6)."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from edge.actions.base import ActionError
from edge.workflow.field_policy import policy_of
from edge.workflow.model import DAG, Shell, Step
from edge.workflow.values import Policy, Scope, resolve
from edge.workflow.words import split_words

__all__ = [
    "Invocation",
    "SelectedShell",
    "command_invocation",
    "direct_invocation",
    "find_program",
    "script_invocation",
    "select_shell",
]

_UNIX = frozenset(("sh", "bash", "zsh", "ksh", "ash", "dash"))
_POWERSHELL = frozenset(("pwsh", "powershell"))
_CLUSTER = re.compile(r"-[A-Za-z]+\Z")
_CREATE = "failed to create command: "


@dataclass(frozen=True, slots=True)
class Invocation:
    """A process to start; `argv[0]` is looked up by `find_program`."""

    argv: tuple[str, ...]
    #: the command as the run record shows it; "" = a script, whose text is never shown resolved
    shown: str = ""


@dataclass(frozen=True, slots=True)
class SelectedShell:
    """The shell a step runs in."""

    argv: tuple[str, ...]
    #: the step names it itself (`with.shell`)
    is_own: bool = False
    #: nobody names it: the configured or system default
    is_default: bool = False

    @property
    def family(self) -> str:
        """Return the lower-case program name, without directory and `.exe`."""
        return os.path.basename(self.argv[0]).lower().removesuffix(".exe") if self.argv else ""

    @property
    def is_direct(self) -> bool:
        """Return whether the text is the command line itself."""
        return not self.argv or self.argv[0] == "direct"

    @property
    def text_policy(self) -> Policy:
        """Return how references in the text are evaluated (spec 11 section 7.4)."""
        if self.is_direct:
            return policy_of("steps[].run without a shell")
        if self.is_default or self.family in _UNIX or self.family == "nix-shell":
            return policy_of("steps[].run")
        if self.family in _POWERSHELL:
            return policy_of("steps[].run of PowerShell")
        return policy_of("steps[].run of an interpreter")


def select_shell(step: Step | None, dag: DAG, scope: Scope, default: str) -> SelectedShell:
    """Return the shell: the step's, the DAG's, the default, `$SHELL`, `sh`.

    `step` None selects for the DAG itself.
    """
    own_args = (
        tuple(resolve(arg, policy_of("shell_args[]"), scope) for arg in step.shell_args)
        if step
        else ()
    )
    if step is not None and step.shell is not None:
        return SelectedShell(_resolved(step.shell, scope) + own_args, is_own=True)
    if dag.shell is not None:
        argv = _resolved(dag.shell, scope)
        return SelectedShell(argv[:1] + own_args if own_args else argv)
    words = tuple(split_words(default) or ()) if default else ()
    if not words:
        words = (scope.get("SHELL", with_process=True) or scope.host.get("SHELL") or "sh",)
    args = own_args or tuple(
        resolve(arg, policy_of("shell_args[]"), scope) for arg in dag.shell_args
    )
    return SelectedShell(words[:1] + args if args else words, is_default=True)


def _resolved(shell: Shell, scope: Scope) -> tuple[str, ...]:
    return tuple(resolve(word, policy_of("shell"), scope) for word in shell.argv)


def command_invocation(
    text: str, shell: SelectedShell, scope: Scope, packages: Sequence[str] = ()
) -> Invocation:
    """Return the call for one command entry. Raises: ActionError."""
    _check_packages(shell, packages)
    if shell.is_direct:
        return direct_invocation(split_words(text) or (), scope)
    resolved = _one_line(resolve(text, shell.text_policy, scope))
    args = list(shell.argv[1:])
    if shell.family in _POWERSHELL:
        payload = f"$ErrorActionPreference = 'Stop'; {resolved}"
        flags = ("-NoProfile", "-NonInteractive", "-Command", payload)
        return Invocation((shell.argv[0], *args, *flags), resolved)
    if shell.family == "nix-shell":
        payload = resolved if shell.is_own else f"set -e; {resolved}"
        return Invocation((shell.argv[0], *_nix_args(args, packages), "--run", payload), resolved)
    args = _without_carrier(args)
    argv = (shell.argv[0], *args, *_fail_fast(shell, args), "-c", resolved)
    return Invocation(argv, resolved)


def direct_invocation(words: Sequence[str], scope: Scope) -> Invocation:
    """Return the call of a program without a shell (spec 13 section 2). Raises: ActionError."""
    argv = tuple(
        _one_line(resolve(word, policy_of("steps[].run without a shell"), scope)) for word in words
    )
    if not argv or not argv[0]:
        raise ActionError(f"{_CREATE}command is empty")
    return Invocation(argv, " ".join(argv))


def _one_line(resolved: str) -> str:
    text = resolved.rstrip("\r")
    if "\n" in text or "\r" in text:
        raise ActionError(
            "failed to set up step: resolved command text for run contains a line break"
        )
    return text


def _check_packages(shell: SelectedShell, packages: Sequence[str]) -> None:
    if packages and shell.family != "nix-shell":
        raise ActionError(
            f"{_CREATE}shell_packages can only be used with nix-shell for command-form run"
        )


def script_invocation(
    text: str,
    path: str,
    shell: SelectedShell,
    scope: Scope,
    *,
    has_shebang: bool,
    packages: Sequence[str] = (),
) -> Invocation:
    """Return the call for a script that was written to `path`. Raises: ActionError."""
    _check_packages(shell, packages)
    if has_shebang:
        words = _shebang_words(text)
        program = words[0]
        if "/" not in program and not _search(program, scope):
            raise ActionError(
                f'{_CREATE}failed to resolve shebang interpreter "{program}" in step PATH'
            )
        return Invocation((*words, path))
    if shell.is_direct:
        return Invocation((path,))
    args = list(shell.argv[1:])
    if shell.family in _POWERSHELL:
        return Invocation((shell.argv[0], *args, "-ExecutionPolicy", "Bypass", "-File", path))
    if shell.family == "nix-shell":
        return Invocation((shell.argv[0], *_nix_args(args, packages), "--run", path))
    if shell.family in _UNIX:
        for arg in args:
            if _CLUSTER.match(arg) and ("c" in arg or "s" in arg):
                raise ActionError(
                    f'{_CREATE}script form cannot be used with shell argument "{arg}" because it'
                    " consumes command text or stdin"
                )
    return Invocation((shell.argv[0], *args, *_fail_fast(shell, args), path))


def _without_carrier(args: list[str]) -> list[str]:
    """Return the arguments without a final `-c`, which is added again last."""
    for index, arg in enumerate(args):
        if arg == "-c":
            if index != len(args) - 1:
                raise ActionError(
                    f"{_CREATE}command-form run requires shell argument -c to be final before the"
                    " command payload"
                )
            return args[:-1]
        if (_CLUSTER.match(arg) and "c" in arg) or arg.startswith("-c"):
            raise ActionError(
                f"{_CREATE}command-form run requires command-string carrier -c as a separate shell"
                f' argument; got "{arg}"'
            )
    return args


def _fail_fast(shell: SelectedShell, args: list[str]) -> tuple[str, ...]:
    return ("-e",) if not shell.is_own and shell.family in _UNIX and "-e" not in args else ()


def _nix_args(args: list[str], packages: Sequence[str]) -> list[str]:
    wanted = [word for package in packages for word in ("-p", package)]
    pure = [] if "--pure" in args or "--impure" in args else ["--pure"]
    return [*args, *wanted, *pure]


def _shebang_words(text: str) -> list[str]:
    line = text[2:].split("\n", 1)[0].rstrip("\r").strip(" \t")
    words = split_words(line)
    if words is None:
        raise ActionError(f"{_CREATE}failed to detect shebang: unterminated quote in shebang line")
    if not words:
        raise ActionError(
            f"{_CREATE}failed to detect shebang: shebang line has no interpreter command"
        )
    return list(words)


def find_program(program: str, scope: Scope, cwd: str) -> str:
    """Return the file to execute, looked up in the step's own PATH. Raises: ActionError."""
    if "/" in program:
        return program if os.path.isabs(program) else os.path.join(cwd, program)
    found = _search(program, scope)
    if found is None:
        raise ActionError(f'exec: "{program}": executable file not found in $PATH')
    return found


def _search(program: str, scope: Scope) -> str | None:
    path = scope.get("PATH", with_process=True)
    for folder in (os.defpath if path is None else path).split(os.pathsep):
        candidate = os.path.join(folder, program)
        if os.path.isabs(candidate) and os.access(candidate, os.X_OK):
            if os.path.isdir(candidate):
                continue
            return candidate
    return None
