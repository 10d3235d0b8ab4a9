"""Value references: text, field policy and scope to text (spec 11).

One tokeniser, one pass: an inserted value is data and is never scanned again. A reference without a
value stays exactly as it is written.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from enum import Enum

from edge.workflow.quoting import json_escaped, quoted_heredocs, quoted_spans
from edge.workflow.scope import Scope, Source, StepView
from edge.workflow.shell_expressions import ShellExpression, parse_expression
from edge.workflow.words import is_env_name, is_name

__all__ = ["ALIASES", "Policy", "Scope", "Source", "StepView", "resolve"]


class Policy(Enum):
    """How a field is evaluated (the rows of spec 11 section 3)."""

    #: as written
    LITERAL = "literal"
    #: references only; `$X` is left for the shell that reads the text
    VALUE_SHELL = "value_shell"
    #: references and `$X`, the process environment excluded
    VALUE = "value"
    #: references and `$X`, the process environment included
    VALUE_OS = "value_os"
    #: as VALUE, but a backslash before `$X` is plain text: stdout and stderr paths
    VALUE_PATH = "value_path"
    #: as VALUE, for the text of an interpreter that is no Unix shell; `\\$X` keeps its backslash
    VALUE_INTERPRETER = "value_interpreter"


_SHORT_FORMS = {
    "dag": ("name",),
    "run": ("id", "status", "scheduled_at", "root_name", "root_id"),
    "attempt": ("id",),
    "step": ("id", "name"),
    "trigger": ("type", "actor"),
    "paths": (
        "log_file",
        "work_dir",
        "artifacts_dir",
        "wiki_dir",
        "docs_dir",
        "step_stdout_file",
        "step_stderr_file",
        "step_output_file",
    ),
    "profile": ("name", "resolved_at"),
    "pushback": ("iteration", "previous_stdout_file"),
}
#: short form -> name in `context`; frozen, no new ones (spec 11 section 6)
ALIASES: Mapping[str, str] = {
    **{
        f"{group}.{name}": f"{group}.{name}"
        for group, names in _SHORT_FORMS.items()
        for name in names
    },
    "run.started_at": "attempt.started_at",
}

_TOKEN = re.compile(
    r"(?<!\\)(?P<slashes>\\*)\$(?:\{(?P<braced>[^}\n]{0,1000})\}|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<digits>[0-9]+))",
    re.ASCII,
)
_STEP_OUTPUT = re.compile(
    r"steps\.([A-Za-z][A-Za-z0-9_]*)\.outputs\.([A-Za-z_][A-Za-z0-9_]*)\Z", re.ASCII
)
_FOREACH = re.compile(r"foreach\.[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*)?\Z", re.ASCII)
_TILDE = re.compile(r"~(?:/[A-Za-z0-9~/._\-+=,:@]*)?\Z")
_UNSAFE = re.compile("[$`\x00-\x1f\x7f]")


def resolve(text: str, policy: Policy, scope: Scope) -> str:
    """Return the text with its references replaced by values."""
    if "$" not in text or policy is Policy.LITERAL:
        return text
    return _Pass(text, policy, scope).run()


class _Pass:
    """One evaluation of one field."""

    def __init__(self, text: str, policy: Policy, scope: Scope) -> None:
        self._text = text
        self._policy = policy
        self._scope = scope
        self._shell = policy is Policy.VALUE_SHELL
        self._spans: list[tuple[int, int]] | None = None
        self._heredocs: list[tuple[int, int]] | None = None

    def run(self) -> str:
        text = self._text
        parts: list[str] = []
        keep_expressions = not self._shell and self._has_assignment()
        at = 0
        for match in _TOKEN.finditer(text):
            new = self._token(match, keep_expressions)
            if new is not None:
                parts.append(text[at : match.start()])
                parts.append(new)
                at = match.end()
        if not parts:
            return text
        parts.append(text[at:])
        return "".join(parts)

    def _token(self, match: re.Match[str], keep_expressions: bool) -> str | None:
        """Return what stands for a token; None = it stays."""
        slashes = match["slashes"]
        dollar = match.start() + len(slashes)
        escaped = len(slashes) % 2 == 1
        braced = match["braced"]
        if braced is not None:
            body = braced.strip(" \t")
            if "." in body or body == "params":
                strict, value = self._strict(body)
                if strict:
                    if escaped:
                        return slashes[1:] + match[0][len(slashes) :]
                    return None if value is None else slashes + value
                return None
        unqualified = self._unqualified(match, dollar, escaped, keep_expressions)
        return None if unqualified is None else unqualified

    # strict references (section 2)

    def _strict(self, body: str) -> tuple[bool, str | None]:
        """Return whether the text is a supported reference, and its value if it has one."""
        scope = self._scope
        if body == "params":
            return True, scope.payload
        head, _, rest = body.partition(".")
        if head == "env":
            return is_env_name(rest), self._env_value(rest)
        if head == "params":
            return is_name(rest), scope.params.get(rest) if is_name(rest) else None
        if head == "consts":
            return is_name(rest), scope.consts.get(rest)
        if head == "context":
            return True, scope.context.get(rest)
        name = ALIASES.get(body)
        if name is not None:
            return True, scope.context.get(name)
        if head == "foreach":
            return _FOREACH.match(body) is not None, scope.foreach.get(rest)
        if head == "steps":
            match = _STEP_OUTPUT.match(body)
            if match is not None:
                return True, scope.declared.get(match[1], {}).get(match[2])
        return False, None

    def _env_value(self, name: str) -> str | None:
        value = self._scope.get(name, with_process=True)
        if value is None and self._policy is Policy.VALUE_OS:
            value = self._scope.host.get(name)
        return value

    # unqualified references (sections 7.2 to 7.4)

    def _unqualified(
        self, match: re.Match[str], dollar: int, escaped: bool, keep_expressions: bool
    ) -> str | None:
        slashes = match["slashes"]
        bare = match[0][len(slashes) :]
        digits = match["digits"]
        name = match["name"]
        body = match["braced"]
        if body is not None and body.isascii() and body.isdigit():
            digits = body
        if digits is not None:
            return self._positional(digits, match, dollar, slashes, escaped)
        if escaped and self._policy is not Policy.VALUE_PATH:
            if self._shell or self._policy is Policy.VALUE_INTERPRETER:
                return None
            if name is None and (body is None or not re.match(r"#?[A-Za-z_]", body)):
                return None
            return slashes[1:] + bare
        if name is None and body is not None and is_env_name(body):
            token = self._quoted_token(body, match, dollar)
            if token is not None:
                return slashes + token
            name = body
        if self._shell:
            return self._tilde(name, slashes, dollar)
        if self._in_quotes(dollar):
            return None
        if name is not None:
            value = self._lookup(name)
            return None if value is None else slashes + value
        if body is None or keep_expressions:
            return None
        expression = parse_expression(body)
        if expression is None:
            return None
        value = self._expression(expression)
        return None if value is None else slashes + value

    def _positional(
        self, digits: str, match: re.Match[str], dollar: int, slashes: str, escaped: bool
    ) -> str | None:
        following = self._text[match.end() : match.end() + 1]
        if (
            match["braced"] is None
            and following
            and (following == "_" or (following.isascii() and following.isalnum()))
        ):
            return None
        value = self._scope.params.get(digits)
        if value is None or self._in_quotes(dollar):
            return None
        if escaped:
            return None if self._shell else slashes[1:] + match[0][len(slashes) :]
        return slashes + value

    def _lookup(self, name: str) -> str | None:
        if self._policy is not Policy.VALUE_OS:
            return self._scope.get(name, with_process=False)
        value = self._scope.get(name, with_process=True)
        return self._scope.host.get(name) if value is None else value

    def _tilde(self, name: str | None, slashes: str, dollar: int) -> str | None:
        """Insert a home path as text, so that the shell expands its tilde."""
        value = None if name is None else self._scope.get(name, with_process=False)
        if value is None or not _TILDE.match(value) or slashes or self._in_quotes(dollar):
            return None
        return value

    def _quoted_token(self, name: str, match: re.Match[str], dollar: int) -> str | None:
        """Return the inside of a token that is exactly `"${X}"`, or None.

        The value goes in with `"`, backslash and control characters escaped, so that JSON bodies
        stay valid. Outside single quotes a shell would read it again: such a value is left to the
        shell when that could change it.
        """
        text = self._text
        if match["slashes"] or text[dollar - 1 : dollar] != '"' or dollar == 0:
            return None
        if text[match.end() : match.end() + 1] != '"':
            return None
        if dollar >= 2 and text[dollar - 2] == "\\":
            return None
        value = self._scope.get(name, with_process=False)
        if value is None:
            return None
        if self._shell and _UNSAFE.search(value) and not self._is_unread(dollar):
            return None
        return json_escaped(value)

    def _expression(self, expression: ShellExpression) -> str | None:
        value = self._lookup(expression.name)
        return None if value is None else expression.apply(value, self._operand)

    def _operand(self, text: str) -> str:
        """Replace simple `$X` inside the operand of an expression."""

        def insert(match: re.Match[str]) -> str:
            value = self._lookup(match[1])
            return match[0] if value is None else value

        return re.sub(r"\$([A-Za-z_][A-Za-z0-9_]*)", insert, text, flags=re.ASCII)

    def _has_assignment(self) -> bool:
        """Return whether an expression of the field would assign or fail (section 7.3)."""
        if ":=" not in self._text and "?" not in self._text and "=" not in self._text:
            return False
        for match in _TOKEN.finditer(self._text):
            body = match["braced"]
            if body is None or len(match["slashes"]) % 2:
                continue
            expression = parse_expression(body)
            if expression is None or self._in_quotes(match.start() + len(match["slashes"])):
                continue
            value = self._lookup(expression.name)
            if value is not None and expression.needs_more(value):
                return True
        return False

    def _in_quotes(self, position: int) -> bool:
        """Return whether a place is inside single quotes."""
        if self._spans is None:
            self._spans = quoted_spans(self._text)
        return _within(self._spans, position)

    def _is_unread(self, position: int) -> bool:
        """Return whether the shell takes this place as it stands."""
        if self._in_quotes(position):
            return True
        if self._heredocs is None:
            self._heredocs = quoted_heredocs(self._text)
        return _within(self._heredocs, position)


def _within(spans: list[tuple[int, int]], position: int) -> bool:
    index = bisect_right(spans, (position, position)) - 1
    return index >= 0 and spans[index][0] < position < spans[index][1]
