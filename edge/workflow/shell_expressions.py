"""Shell-style expressions where the engine expands: `${N:-w}` and its kin (spec 11 7.3)."""

from __future__ import annotations

import re
from collections.abc import Callable

__all__ = ["ShellExpression", "parse_expression"]

_FORM = re.compile(
    r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<op>:[-+?=]|[-+?=]|:|##|#|%%|%|//|/)(?P<rest>.*)\Z",
    re.ASCII | re.DOTALL,
)
_LENGTH = re.compile(r"#([A-Za-z_][A-Za-z0-9_]*)\Z", re.ASCII)
_RANGE = re.compile(r"\s*(-?[0-9]{1,9})(?:\s*:\s*(-?[0-9]{1,9}))?\s*\Z", re.ASCII)


class ShellExpression:
    """`${name op operand}`; `op` is `len` for `${#name}`."""

    __slots__ = ("name", "op", "operand")

    def __init__(self, name: str, op: str, operand: str = "") -> None:
        self.name = name
        self.op = op
        self.operand = operand

    def needs_more(self, value: str) -> bool:
        """Return whether it would assign (`:=`) or fail (`:?`) for this value of its name."""
        return self.op in (":=", ":?") and not value

    def apply(self, value: str, operand: Callable[[str], str]) -> str | None:
        """Return the result for a defined name; `operand` replaces references inside operands.

        None = the expression stays as written.
        """
        op, word = self.op, self.operand
        if op == "len":
            return str(len(value))
        if op == ":-":
            return value or operand(word)
        if op in ("-", "=", "?"):
            return value
        if op in (":=", ":?"):
            return value or None
        if op == ":+":
            return operand(word) if value else ""
        if op == "+":
            return operand(word)
        if op == ":":
            return _substring(value, word)
        if op in ("#", "##"):
            return _without_prefix(value, operand(word), longest=op == "##")
        if op in ("%", "%%"):
            return _without_suffix(value, operand(word), longest=op == "%%")
        # cut before values go in: a slash inside of one is data
        pattern, new = _cut(word)
        return _replaced(value, operand(pattern), operand(new), everywhere=op == "//")


def _cut(word: str) -> tuple[str, str]:
    """Cut at the first slash that no backslash escapes."""
    at = 0
    while at < len(word) and word[at] != "/":
        at += 2 if word[at] == "\\" else 1
    return word[:at], word[at + 1 :]


def parse_expression(body: str) -> ShellExpression | None:
    """Read the text between `${` and `}`; None for anything else, nested braces included."""
    if "${" in body or "{" in body:
        return None
    match = _LENGTH.match(body)
    if match is not None:
        return ShellExpression(match[1], "len")
    match = _FORM.match(body)
    if match is None:
        return None
    return ShellExpression(match["name"], match["op"], match["rest"])


def _substring(value: str, text: str) -> str:
    match = _RANGE.match(text)
    if match is None:
        return value
    data = value.encode("utf-8", "surrogateescape")
    start = int(match[1])
    if start < 0:
        start = max(0, len(data) + start)
    start = min(start, len(data))
    end = len(data)
    if match[2] is not None:
        length = int(match[2])
        end = len(data) + length if length < 0 else start + length
    return data[start : max(start, end)].decode("utf-8", "replace")


def _without_prefix(value: str, pattern: str, *, longest: bool) -> str:
    compiled = _glob(pattern)
    if compiled is None:
        return value
    ends = range(len(value), -1, -1) if longest else range(len(value) + 1)
    return next((value[end:] for end in ends if compiled.fullmatch(value, 0, end)), value)


def _without_suffix(value: str, pattern: str, *, longest: bool) -> str:
    compiled = _glob(pattern)
    if compiled is None:
        return value
    starts = range(len(value) + 1) if longest else range(len(value), -1, -1)
    return next((value[:start] for start in starts if compiled.fullmatch(value, start)), value)


def _replaced(value: str, pattern: str, new: str, *, everywhere: bool) -> str:
    compiled = _glob(pattern) if pattern else None
    if compiled is None:
        return value
    return compiled.sub(lambda _: new, value, count=0 if everywhere else 1)


def _glob(pattern: str) -> re.Pattern[str] | None:
    """Return a shell pattern as a regular expression; None when it is malformed or too long."""
    if len(pattern) > 1000:
        return None
    parts: list[str] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "*":
            # one star says as much as many, and cannot be slow
            if not parts or parts[-1] != ".*":
                parts.append(".*")
        elif char == "?":
            parts.append(".")
        elif char == "\\" and at < len(pattern):
            parts.append(re.escape(pattern[at]))
            at += 1
        elif char == "[":
            close = pattern.find("]", at + 1)
            if close < 0:
                return None
            inside = pattern[at:close]
            if inside[:1] in ("!", "^"):
                inside = "^" + inside[1:].replace("\\", "\\\\").replace("[", "\\[")
            else:
                inside = inside.replace("\\", "\\\\").replace("[", "\\[").replace("^", "\\^")
            parts.append(f"[{inside}]")
            at = close + 1
        else:
            parts.append(re.escape(char))
    try:
        return re.compile("".join(parts), re.DOTALL)
    except re.error:
        return None
