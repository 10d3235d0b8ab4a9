"""From words to a command: help, unknown words, what is not built, and how errors end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge import __version__
from edge.cli import main, version
from edge.cli.flags import Parsed
from edge.cli.main import COMMANDS, NOT_BUILT
from edge.core.errors import StoreError, UserError

_RECORDED = json.loads((Path(__file__).parents[1] / "data/cli/flags.json").read_text())
#: of the reference, and on purpose unknown here (spec 40 section 9)
_UNKNOWN = {"context", "sync", "license"}


@pytest.mark.parametrize("words", [[], ["-h"], ["--help"], ["help"]])
def test_the_overview_names_every_command(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run(words) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = {line.split()[0] for line in out.splitlines() if line.startswith("  ")}
    assert set(COMMANDS) <= lines


@pytest.mark.parametrize("name", list(COMMANDS))
def test_each_command_explains_its_flags(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run([name, "--help"]) == 0
    shown = capsys.readouterr().out
    assert main.run(["help", name]) == 0
    assert capsys.readouterr().out == shown
    assert shown.startswith(main._module(name).command(name).help)
    for flag in main._module(name).command(name).flags:
        if not flag.hidden:
            assert f"--{flag.name}" in shown
            assert flag.help
            assert flag.help in shown


def test_help_for_an_unknown_word(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["help", "tea"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "tea" in err


def test_an_unknown_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["brewit"]) == 1
    assert capsys.readouterr().err == (
        'Error: unknown command "brewit" for "edge"\nRun \'edge --help\' for usage.\n'
    )


def test_a_slip_is_answered_with_the_nearest_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["statsu"]) == 1
    assert "status" in capsys.readouterr().err


def test_what_is_not_built_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    for name in sorted(NOT_BUILT):
        assert main.run([name, "--any", "thing"]) == 1
        assert capsys.readouterr().err == (
            f"Error: {name} is not available in this version of edge yet\n"
        )


def test_every_recorded_command_is_built_or_said_to_be_missing() -> None:
    names = {name.split()[0] for name in _RECORDED} - {"*"} - _UNKNOWN
    assert names <= set(COMMANDS) | NOT_BUILT
    assert not set(COMMANDS) & NOT_BUILT


def test_version_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["version"]) == 0
    assert capsys.readouterr() == (f"{__version__}\n", "")


@pytest.mark.parametrize(
    ("exc", "text"),
    [
        (UserError("no such thing", hint="look elsewhere"), "no such thing; look elsewhere"),
        (StoreError("the store is full"), "the store is full"),
        (ExceptionGroup("outer", [ExceptionGroup("inner", [UserError("deep")])]), "deep"),
        (PermissionError(13, "Permission denied", "/x/y"), "/x/y: permission denied"),
        (KeyboardInterrupt(), "interrupted"),
        (
            ZeroDivisionError("oops"),
            "internal error: ZeroDivisionError: oops; set DEBUG=1 for the trace and report it",
        ),
    ],
)
def test_an_error_is_one_line_and_exit_1(
    exc: BaseException,
    text: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(parsed: Parsed) -> int:
        raise exc

    monkeypatch.delenv("DEBUG", raising=False)
    monkeypatch.setattr(version, "run", fail)
    assert main.run(["version"]) == 1
    assert capsys.readouterr() == ("", f"Error: {text}\n")


def test_debug_shows_a_defect_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(parsed: Parsed) -> int:
        raise ZeroDivisionError("oops")

    monkeypatch.setenv("DEBUG", "1")
    monkeypatch.setattr(version, "run", fail)
    with pytest.raises(ZeroDivisionError):
        main.run(["version"])


def test_two_faults_at_once_are_no_user_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(parsed: Parsed) -> int:
        raise ExceptionGroup("both", [UserError("one"), ValueError("two")])

    monkeypatch.delenv("DEBUG", raising=False)
    monkeypatch.setattr(version, "run", fail)
    assert main.run(["version"]) == 1
    assert "internal error" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--nope=1", "status"], "unknown flag: --nope"),
        (["-x"], "unknown shorthand flag: 'x' in -x"),
        (["schema"], "accepts between 1 and 2 arg(s), received 0"),
        (["example", "x"], 'invalid example ID "x": must be a number between 1 and 5'),
    ],
)
def test_usage_follows_where_the_reference_shows_it(
    words: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run(words) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"Error: {text}\n")
    assert "\nUsage:\n" in err
