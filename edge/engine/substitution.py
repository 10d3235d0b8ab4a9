"""Texts with command substitution: cutting them into literals and commands (spec 11 section 11).

Pure. Only the written text is scanned: an inserted value or a command's output is data.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Part", "SubstitutionError", "split_commands"]


class SubstitutionError(Exception):
    """The text cannot be evaluated."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a text; a command without its delimiters when `is_command`."""

    text: str
    is_command: bool = False


def split_commands(text: str) -> list[Part]:
    """Cut at backticks and `$( )`. Raises: SubstitutionError for nesting."""
    parts: list[Part] = []
    literal_from = at = 0
    while at < len(text):
        if text[at] == "\\":
            at += 2
            continue
        if text[at] == "`":
            opening = 1
            close = _unescaped(text, "`", at + 1)
        elif text.startswith("$(", at):
            opening = 2
            close = _unescaped(text, ")", at + 2)
        else:
            at += 1
            continue
        body = text[at + opening : close] if close >= 0 else ""
        if not body:
            # unclosed, or an empty pair: both stay
            at = close + 1 if close >= 0 else at + opening
            continue
        if opening == 2 and ("$(" in body or "`" in body):
            raise SubstitutionError("nested command substitution is not supported")
        if literal_from < at:
            parts.append(Part(text[literal_from:at]))
        parts.append(Part(body, is_command=True))
        at = literal_from = close + 1
    if literal_from < len(text):
        parts.append(Part(text[literal_from:]))
    return parts


def _unescaped(text: str, char: str, at: int) -> int:
    while at < len(text):
        if text[at] == "\\":
            at += 2
        elif text[at] == char:
            return at
        else:
            at += 1
    return -1
