"""Flags as pflag reads them (spec 30 sections 1.1, 1.2), and the recorded flag tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge.cli.flags import BASE_FLAGS, Command, Flag, Parsed, parse
from edge.cli.main import COMMANDS, _module
from edge.core.errors import UserError

_RECORDED = json.loads((Path(__file__).parents[1] / "data/cli/flags.json").read_text())
_KINDS = {"string": "string", "bool": "bool", "stringArray": "list"}

_BREW = Command(
    "brew",
    "<bean>",
    "",
    (
        Flag("params", "p"),
        Flag("env", "E", "list"),
        Flag("force", "f", "bool"),
        Flag("dry-run", "n", "bool"),
        Flag("coordinator.host", "H"),
    ),
    1,
    None,
)


def read(*words: str, command: Command = _BREW) -> Parsed:
    return parse(command, words)


@pytest.mark.parametrize(
    "words",
    [
        ["--params", "v"],
        ["--params=v"],
        ["-p", "v"],
        ["-pv"],
        ["-p=v"],
        ["-fp", "v"],
        ["-fpv"],
        ["-fp=v"],
    ],
)
def test_a_text_flag_is_written_in_many_ways(words: list[str]) -> None:
    parsed = read("bean", *words)
    assert parsed.text("params") == "v"
    assert parsed.positionals == ["bean"]
    assert parsed.flag("force") == words[0].startswith("-f")


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("--force", True),
        ("-f", True),
        ("--force=true", True),
        ("--force=1", True),
        ("--force=T", True),
        ("-f=t", True),
        ("--force=false", False),
        ("--force=0", False),
        ("-f=F", False),
        ("-nf=false", False),
    ],
)
def test_a_switch_takes_a_value_only_behind_an_equals_sign(word: str, value: bool) -> None:
    parsed = read(word, "false")
    assert parsed.flag("force") is value
    assert parsed.positionals == ["false"]


def test_flags_stand_between_the_arguments() -> None:
    parsed = read("a", "-f", "b", "--params=x", "c")
    assert parsed.positionals == ["a", "b", "c"]
    assert parsed.dash_at is None


@pytest.mark.parametrize(
    ("words", "positionals", "at"),
    [
        (["a", "--", "-f", "--x", "--"], ["a", "-f", "--x", "--"], 1),
        (["--", "a"], ["a"], 0),
        (["a", "b", "--"], ["a", "b"], 2),
    ],
)
def test_a_double_dash_ends_the_flags_and_its_place_is_kept(
    words: list[str], positionals: list[str], at: int
) -> None:
    parsed = read(*words)
    assert parsed.positionals == positionals
    assert parsed.dash_at == at
    assert not parsed.flag("force")


def test_a_single_dash_is_an_argument() -> None:
    assert read("-").positionals == ["-"]


def test_dotted_names_are_literal() -> None:
    assert read("a", "--coordinator.host", "::1").text("coordinator.host") == "::1"


def test_a_value_may_look_like_a_flag() -> None:
    assert read("a", "--params", "-x").text("params") == "-x"
    assert read("a", "-p", "--").text("params") == "--"


def test_a_list_grows_and_a_text_is_replaced() -> None:
    parsed = read("a", "-E", "x=1", "--env=y=2", "-p1", "-p2")
    assert parsed.items("env") == ["x=1", "y=2"]
    assert parsed.text("params") == "2"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ('"A=1"', "A=1"),
        (r'"A=\"x y\""', 'A="x y"'),
        (r'"a\nb"', "a\nb"),
        ('"', '"'),
        ('""', ""),
        ('"a" "b"', '"a" "b"'),
        ("'A=1'", "'A=1'"),
        ('x"y"', 'x"y"'),
    ],
)
def test_a_quoted_literal_is_unquoted_once(given: str, kept: str) -> None:
    assert read("a", f"--params={given}").text("params") == kept


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["a", "--nope"], "unknown flag: --nope"),
        (["a", "--nope=1"], "unknown flag: --nope"),
        (["a", "-x"], "unknown shorthand flag: 'x' in -x"),
        (["a", "-fx"], "unknown shorthand flag: 'x' in -fx"),
        (["a", "--params"], "flag needs an argument: --params"),
        (["a", "-p"], "flag needs an argument: 'p' in -p"),
        (
            ["a", "--force=tea"],
            'invalid argument "tea" for "--force" flag: strconv.ParseBool: parsing "tea":'
            " invalid syntax",
        ),
        ([], "requires at least 1 arg(s), only received 0"),
    ],
)
def test_a_faulty_line_is_told_in_known_words(words: list[str], text: str) -> None:
    with pytest.raises(UserError) as caught:
        read(*words)
    assert caught.value.message == text


@pytest.mark.parametrize(
    ("low", "high", "words", "text"),
    [
        (1, 1, [], "accepts 1 arg(s), received 0"),
        (1, 1, ["a", "b"], "accepts 1 arg(s), received 2"),
        (0, 1, ["a", "b"], "accepts at most 1 arg(s), received 2"),
        (1, 2, [], "accepts between 1 and 2 arg(s), received 0"),
        (0, 0, ["a"], 'unknown command "a" for "edge brew"'),
    ],
)
def test_the_number_of_arguments(low: int, high: int, words: list[str], text: str) -> None:
    with pytest.raises(UserError) as caught:
        read(*words, command=Command("brew", "", "", (), low, high))
    assert caught.value.message == text


def test_a_required_flag() -> None:
    command = Command(
        "x", "", "", (Flag("run-id", "r", required=True), Flag("step", required=True))
    )
    with pytest.raises(UserError, match=r'^required flag\(s\) "run-id", "step" not set$'):
        parse(command, [])
    with pytest.raises(UserError, match=r'^required flag\(s\) "step" not set$'):
        parse(command, ["-r", "1"])


def test_help_wins_over_a_missing_argument() -> None:
    assert read("--help").flag("help")
    assert read("-h").flag("help")


@pytest.mark.parametrize("name", [name for name in COMMANDS if name in _RECORDED])
def test_every_recorded_flag_is_there(name: str) -> None:
    have = {flag.name: flag for flag in _module(name).command(name).flags + BASE_FLAGS}
    for wanted, member in (_RECORDED[name]["flags"] | _RECORDED["*"]["flags"]).items():
        flag = have[wanted]
        assert flag.short == member.get("short", ""), wanted
        assert flag.kind == _KINDS[member["type"]], wanted
        assert flag.required == member.get("required", False), wanted


@pytest.mark.parametrize("name", list(COMMANDS))
def test_no_two_flags_of_a_command_share_a_letter(name: str) -> None:
    flags = _module(name).command(name).flags + BASE_FLAGS
    names = [flag.name for flag in flags]
    letters = [flag.short for flag in flags if flag.short]
    assert len(set(names)) == len(names)
    assert len(set(letters)) == len(letters)
