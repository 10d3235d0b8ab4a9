"""From the words of a command line to one command module, imported when it is needed."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Protocol

from edge.cli.flags import Command, Parsed, parse
from edge.core.errors import EdgeError, UserError

__all__ = ["COMMANDS", "NOT_BUILT", "run"]

#: command -> module below edge.cli, and the line of the overview
COMMANDS: dict[str, tuple[str, str]] = {
    "start": ("start", "run a workflow here and wait for its end"),
    "retry": ("retry", "run again what has not succeeded in a run"),
    "restart": ("restart", "stop a running workflow and run it again"),
    "stop": ("stop", "stop a running workflow"),
    "approve": ("answer", "approve a step that waits"),
    "reject": ("answer", "reject a step that waits, and with it the run"),
    "push-back": ("answer", "let a step that waits for approval run again"),
    "human-task": ("humantask", "complete a human task of a waiting run"),
    "status": ("status", "show the latest or a given run"),
    "history": ("history", "list runs"),
    "logs": ("logs", "print what a step or a run wrote"),
    "dry": ("dry", "walk through a workflow without running its steps"),
    "validate": ("validate", "check a workflow file"),
    "migrate-dag": ("migrate", "rewrite old forms of a workflow file in the newest language"),
    "start-all": ("services", "run page, scheduler and coordinator in one process"),
    "server": ("services", "run the page alone"),
    "scheduler": ("services", "run the scheduler alone"),
    "coordinator": ("services", "run the coordinator alone"),
    "worker": ("worker", "take runs from a coordinator"),
    "config": ("config", "show where files lie"),
    "schema": ("schema", "print the JSON schema of workflow files"),
    "example": ("example", "list, print or write the sample workflows"),
    "version": ("version", "print the version"),
}

#: commands of the specification that this version does not have
NOT_BUILT = frozenset(
    {
        "enqueue", "dequeue", "ps", "ls", "rm", "cleanup", "exec",
        "completion", "queues", "suspend", "resume",
        "step-status", "backup", "doctor", "token", "workers",
        "deploy", "profile", "install", "uninstall", "upgrade",
    }
)  # fmt: skip

#: their errors are followed by the usage text (spec 30 section 1.2)
_WITH_USAGE = ("schema", "example")


class _Module(Protocol):
    def command(self, name: str) -> Command: ...

    def run(self, parsed: Parsed) -> int: ...


def run(argv: Sequence[str]) -> int:
    """Run a command line and return the exit code; never raises but on a defect with DEBUG set."""
    try:
        return _run(list(argv))
    except EdgeError as exc:
        return _fail(str(exc))
    except BrokenPipeError:
        # The reader of our output has gone: no message can reach anybody.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return _fail("interrupted")
    except OSError as exc:
        if os.environ.get("DEBUG"):
            raise
        where = f"{exc.filename}: " if exc.filename else ""
        return _fail(f"{where}{(exc.strerror or str(exc)).lower()}")
    except Exception as exc:
        error = _only_error(exc)
        if error is not None:
            return _fail(str(error))
        if os.environ.get("DEBUG"):
            raise
        return _fail(
            f"internal error: {type(exc).__name__}: {exc}; set DEBUG=1 for the trace and report it"
        )


def _run(argv: list[str]) -> int:
    if not argv or argv[0] in ("-h", "--help"):
        from edge.cli.help import overview

        print(overview(), end="")
        return 0
    name, rest = argv[0], argv[1:]
    if name == "help":
        return _help(rest)
    if name.startswith("-"):
        return _unknown_flag(name)
    if name in NOT_BUILT:
        raise UserError(f"{name} is not available in this version of edge yet")
    if name not in COMMANDS:
        return _unknown(name)
    module = _module(name)
    try:
        parsed = parse(module.command(name), rest)
        if parsed.flag("help"):
            from edge.cli.help import usage

            print(usage(parsed.command), end="")
            return 0
        code = module.run(parsed)
    except UserError as exc:
        if name not in _WITH_USAGE:
            raise
        from edge.cli.help import usage

        _fail(str(exc))
        print(usage(module.command(name)), end="", file=sys.stderr)
        return 1
    sys.stdout.flush()
    return code


def _module(name: str) -> _Module:
    module: _Module = importlib.import_module(f"edge.cli.{COMMANDS[name][0]}")
    return module


def _help(words: list[str]) -> int:
    from edge.cli.help import overview, usage

    if not words:
        print(overview(), end="")
        return 0
    if words[0] not in COMMANDS:
        print(f"Unknown help topic `{words[0]}`", file=sys.stderr)
        print(overview(), end="", file=sys.stderr)
        return 0
    print(usage(_module(words[0]).command(words[0])), end="")
    return 0


def _unknown(name: str) -> int:
    import difflib

    near = difflib.get_close_matches(name, list(COMMANDS), n=1)
    print(f'Error: unknown command "{name}" for "edge"', file=sys.stderr)
    if near:
        print(f"\nDid you mean this?\n\t{near[0]}\n", file=sys.stderr)
    print("Run 'edge --help' for usage.", file=sys.stderr)
    return 1


def _unknown_flag(word: str) -> int:
    from edge.cli.help import overview

    if word.startswith("--"):
        _fail(f"unknown flag: {word.partition('=')[0]}")
    else:
        _fail(f"unknown shorthand flag: '{word[1:2]}' in {word}")
    print(overview(), end="", file=sys.stderr)
    return 1


def _fail(message: str) -> int:
    sys.stdout.flush()
    print(f"Error: {message}", file=sys.stderr)
    return 1


def _only_error(exc: BaseException) -> EdgeError | None:
    """Return the EdgeError inside a group that holds nothing else."""
    while isinstance(exc, BaseExceptionGroup) and len(exc.exceptions) == 1:
        exc = exc.exceptions[0]
    return exc if isinstance(exc, EdgeError) else None
