"""Flags as every command takes them (spec 30 sections 1.1, 1.2)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from edge.core.errors import UserError

if TYPE_CHECKING:
    from edge.config.settings import Settings

__all__ = ["BASE_FLAGS", "Command", "Flag", "Parsed", "parse"]

_TRUE = ("true", "t", "1", "TRUE", "True", "T")
_FALSE = ("false", "f", "0", "FALSE", "False", "F")


class Flag(NamedTuple):
    """One flag. `kind`: string, bool, or list (repeatable)."""

    name: str
    short: str = ""
    kind: str = "string"
    help: str = ""
    required: bool = False
    hidden: bool = False
    #: the settings key that the flag overrides, "" = none
    key: str = ""


BASE_FLAGS = (
    Flag("config", "c", help="configuration file"),
    Flag("dagu-home", help="one directory for configuration, workflows, data and logs"),
    Flag("quiet", "q", "bool", "no log lines and no summary"),
    Flag("cpu-profile", "", "bool", "accepted without effect", hidden=True),
    Flag("context", help="remote server by name", hidden=True),
    Flag("help", "h", "bool", "show this text"),
)


class Command(NamedTuple):
    """What a command module declares about its arguments."""

    name: str
    usage: str
    help: str
    flags: tuple[Flag, ...]
    min_args: int = 0
    max_args: int | None = 0


class Parsed:
    """A parsed command line."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self.given: dict[str, str | bool | list[str]] = {}
        self.positionals: list[str] = []
        #: number of positionals before the first `--`, None without one
        self.dash_at: int | None = None

    def has(self, name: str) -> bool:
        return name in self.given

    def text(self, name: str, default: str = "") -> str:
        value = self.given.get(name, default)
        return value if isinstance(value, str) else default

    def flag(self, name: str) -> bool:
        return self.given.get(name) is True

    def items(self, name: str) -> list[str]:
        value = self.given.get(name, [])
        return value if isinstance(value, list) else []

    def settings(self, section: str = "") -> Settings:
        """Load the settings with this command line's flags, and set the log up.

        `section` says whose sections are read, "" = those of this command.
        """
        import os

        from edge.config.log import configure, get_logger
        from edge.config.settings import load_settings

        keys = {flag.name: flag.key for flag in self.command.flags if flag.key}
        settings = load_settings(
            environ=os.environ,
            flags={
                keys[name]: _flag_text(value) for name, value in self.given.items() if name in keys
            },
            config=self.text("config") or None,
            home=self.text("dagu-home") or None,
            section=section or self.command.name,
        )
        if self.has("context") and self.text("context") != "local":
            raise UserError(
                "initialization error: failed to resolve context"
                f' "{self.text("context")}": context not found'
            )
        if settings.tz:
            import time

            os.environ["TZ"] = settings.tz
            time.tzset()
        configure(
            fmt=settings.log_format,
            debug=settings.debug or bool(os.environ.get("DEBUG")),
            quiet=self.flag("quiet"),
            journal=bool(os.environ.get("JOURNAL_STREAM")),
        )
        for warning in settings.warnings:
            get_logger().warning(warning)
        return settings


def parse(command: Command, argv: Sequence[str]) -> Parsed:
    """Parse the words after the command's name. Raises: UserError in Cobra's words."""
    flags = command.flags + BASE_FLAGS
    by_name = {flag.name: flag for flag in flags}
    by_short = {flag.short: flag for flag in flags if flag.short}
    parsed = Parsed(command)
    words = list(argv)
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        if word == "--":
            parsed.dash_at = len(parsed.positionals)
            parsed.positionals += words[at:]
            break
        if word.startswith("--"):
            at = _long(parsed, by_name, word, words, at)
        elif word.startswith("-") and len(word) > 1:
            at = _short(parsed, by_short, word, words, at)
        else:
            parsed.positionals.append(word)
    if not parsed.flag("help"):
        _check(parsed, flags)
    return parsed


def _long(parsed: Parsed, by_name: dict[str, Flag], word: str, words: list[str], at: int) -> int:
    name, sign, value = word[2:].partition("=")
    flag = by_name.get(name)
    if flag is None:
        raise UserError(f"unknown flag: --{name}")
    if flag.kind == "bool":
        _set_bool(parsed, flag, value if sign else "true", f"--{name}")
        return at
    if not sign:
        if at >= len(words):
            raise UserError(f"flag needs an argument: --{name}")
        value, at = words[at], at + 1
    _set_text(parsed, flag, value)
    return at


def _short(parsed: Parsed, by_short: dict[str, Flag], word: str, words: list[str], at: int) -> int:
    rest = word[1:]
    while rest:
        flag = by_short.get(rest[0])
        if flag is None:
            raise UserError(f"unknown shorthand flag: '{rest[0]}' in {word}")
        rest = rest[1:]
        if flag.kind == "bool":
            if rest.startswith("="):
                _set_bool(parsed, flag, rest[1:], f"-{flag.short}")
                return at
            _set_bool(parsed, flag, "true", f"-{flag.short}")
            continue
        if not rest:
            if at >= len(words):
                raise UserError(f"flag needs an argument: '{flag.short}' in {word}")
            rest, at = words[at], at + 1
        _set_text(parsed, flag, rest.removeprefix("="))
        return at
    return at


def _set_bool(parsed: Parsed, flag: Flag, text: str, shown: str) -> None:
    if text not in _TRUE + _FALSE:
        raise UserError(
            f'invalid argument "{text}" for "{shown}" flag: strconv.ParseBool: parsing "{text}":'
            " invalid syntax"
        )
    parsed.given[flag.name] = text in _TRUE


def _set_text(parsed: Parsed, flag: Flag, text: str) -> None:
    if flag.kind == "list":
        parsed.given[flag.name] = [*parsed.items(flag.name), text]
    else:
        parsed.given[flag.name] = _unquoted(text)


def _unquoted(text: str) -> str:
    """Unquote a value that is a whole quoted literal, once (spec 30 section 1.1)."""
    if len(text) >= 2 and text[0] == text[-1] == '"':
        try:
            value = json.loads(text)
        except ValueError:
            return text
        return value if isinstance(value, str) else text
    return text


def _check(parsed: Parsed, flags: Sequence[Flag]) -> None:
    missing = [flag.name for flag in flags if flag.required and not parsed.has(flag.name)]
    if missing:
        names = '", "'.join(missing)
        raise UserError(f'required flag(s) "{names}" not set')
    count, low, high = len(parsed.positionals), parsed.command.min_args, parsed.command.max_args
    if low == high and count != low:
        if low == 0:
            word = parsed.positionals[0]
            raise UserError(f'unknown command "{word}" for "edge {parsed.command.name}"')
        raise UserError(f"accepts {low} arg(s), received {count}")
    if high is not None and 0 < low < high and not low <= count <= high:
        raise UserError(f"accepts between {low} and {high} arg(s), received {count}")
    if count < low:
        raise UserError(f"requires at least {low} arg(s), only received {count}")
    if high is not None and count > high:
        raise UserError(f"accepts at most {high} arg(s), received {count}")


def _flag_text(value: str | bool | list[str]) -> str:
    if isinstance(value, list):
        return ",".join(value)
    return value if isinstance(value, str) else str(value).lower()
