"""Value references: text, field policy and scope to text (spec 11).

One tokeniser, one pass: an inserted value is data and is never scanned again. A reference without a
value stays exactly as it is written.
"""

from __future__ import annotations

import re

from edge.workflow.field_policy import Policy
from edge.workflow.legacy_references import LegacyReferences
from edge.workflow.quoting import is_within, json_escaped, quoted_spans
from edge.workflow.references import ALIASES, TOKEN, Reference, parse_reference
from edge.workflow.scope import Scope, Source, StepView
from edge.workflow.shell_expressions import ShellExpression, parse_expression
from edge.workflow.shell_text import Place, ShellText
from edge.workflow.words import is_env_name

__all__ = ["ALIASES", "Policy", "Scope", "Source", "StepView", "resolve"]

_DOTTED = re.compile(r"([A-Za-z0-9_]+)\.(.+)\Z", re.ASCII)
_BLANK = re.compile(r"\s")
_LONGEST_PATH = 1000
_TILDE = re.compile(r"~(?:/[A-Za-z0-9~/._\-+=,:@]*)?\Z")
_UNSAFE = re.compile("[$`\x00-\x1f\x7f]")
#: no character that any place in a shell's text reads
_HARMLESS = re.compile("[^$`\\\\\"'!*?\\[\\]{}()<>|&;#~\x00-\x1f\x7f]*\\Z")


def resolve(text: str, policy: Policy, scope: Scope) -> str:
    """Return the text with its references replaced by values."""
    if "$" not in text or policy is Policy.LITERAL:
        return text
    return _Pass(text, policy, scope).run()


class _Pass:
    """One evaluation of one field."""

    __slots__ = (
        "_end",
        "_legacy",
        "_policy",
        "_scope",
        "_shell",
        "_shell_text",
        "_spans",
        "_text",
    )

    def __init__(self, text: str, policy: Policy, scope: Scope) -> None:
        self._text = text
        self._policy = policy
        self._scope = scope
        self._shell = policy is Policy.VALUE_SHELL
        self._legacy: LegacyReferences | None = None
        self._spans: list[tuple[int, int]] | None = None
        self._shell_text: ShellText | None = None
        #: where the reference ends that was just replaced
        self._end = 0

    def run(self) -> str:
        text = self._text
        parts: list[str] = []
        keep_expressions = not self._policy.has_expressions or self._has_assignment()
        at = 0
        for match in TOKEN.finditer(text):
            if match.start() < at:
                continue
            self._end = match.end()
            new = self._token(match, keep_expressions)
            if new is not None:
                parts.append(text[at : match.start()])
                parts.append(new)
                at = self._end
        if not parts:
            return text
        parts.append(text[at:])
        return "".join(parts)

    def _token(self, match: re.Match[str], keep_expressions: bool) -> str | None:
        """Return what stands for a token; None = it stays."""
        slashes = match["slashes"]
        dollar = match.start() + len(slashes)
        is_escaped = len(slashes) % 2 == 1
        braced = match["braced"]
        has_dot = "." in braced if braced is not None else self._text.startswith(".", match.end())
        if braced is not None and (has_dot or "params" in braced):
            reference = parse_reference(braced)
            if reference is not None:
                if is_escaped:
                    return slashes[1:] + match[0][len(slashes) :]
                value = self._strict(reference)
                return None if value is None else slashes + value
        if self._policy is Policy.STRICT:
            return None
        if has_dot and (not is_escaped or self._policy is Policy.VALUE_PATH):
            value = self._dotted(match, dollar)
            if value is not None:
                return slashes + value
        return self._unqualified(match, dollar, is_escaped, keep_expressions)

    # strict references (section 2)

    def _strict(self, reference: Reference) -> str | None:
        scope = self._scope
        name = reference.name
        match reference.kind:
            case "params":
                return scope.params.get(name)
            case "env":
                value = scope.get(name, with_process=True)
                if value is None and self._policy.reads_env_of_host:
                    value = scope.host.get(name)
                return value
            case "consts":
                return scope.consts.get(name)
            case "context":
                return scope.context.get(name)
            case "steps":
                outputs = scope.declared.get(name)
                return None if outputs is None else outputs.get(reference.output)
            case "foreach":
                return scope.foreach.get(name)
            case "payload":
                return scope.payload
        # `inputs` and `outputs` of build workflows: nothing of this version gives them a value
        return None

    # step properties and JSON paths (section 8.6)

    def _dotted(self, match: re.Match[str], dollar: int) -> str | None:
        """Return the value of a dotted reference that is no strict form."""
        braced = match["braced"]
        end = match.end()
        if braced is not None:
            found = _DOTTED.match(braced)
            if found is None:
                return None
            word, rest = found[1], found[2]
        else:
            limit = end + 1 + _LONGEST_PATH
            blank = _BLANK.search(self._text, end + 1, limit + 1)
            end = min(len(self._text), limit + 1) if blank is None else blank.start()
            word, rest = match["name"] or match["digits"], self._text[match.end() + 1 : end]
            if not rest or end > limit:
                return None
        if self._legacy is None:
            self._legacy = LegacyReferences(self._scope, self._lookup)
        value = self._legacy.value(word, rest)
        if value is None:
            return None
        if braced is not None and self._is_token(match, dollar):
            return self._in_token(value, dollar, is_dotted=True)
        self._end = end
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
            if self._policy.keeps_slash:
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
        if self._in_quotes(dollar) or self._is_powershell_env(name, match):
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

    def _is_powershell_env(self, name: str | None, match: re.Match[str]) -> bool:
        if self._policy is not Policy.VALUE_POWERSHELL or name is None:
            return False
        return name.lower() == "env" and self._text.startswith(":", match.end())

    def _lookup(self, name: str) -> str | None:
        value = self._scope.get(name, with_process=self._policy.reads_process)
        return self._scope.host.get(name) if value is None and self._policy.reads_host else value

    def _tilde(self, name: str | None, slashes: str, dollar: int) -> str | None:
        """Insert a home path as text, so that the shell expands its tilde."""
        value = None if name is None else self._scope.get(name, with_process=False)
        if value is None or not _TILDE.match(value) or slashes or self._in_quotes(dollar):
            return None
        return value

    def _quoted_token(self, name: str, match: re.Match[str], dollar: int) -> str | None:
        """Return the inside of a token that is exactly `"${X}"`, or None."""
        if match["slashes"] or not self._is_token(match, dollar):
            return None
        value = self._scope.get(name, with_process=False)
        return None if value is None else self._in_token(value, dollar, is_dotted=False)

    def _is_token(self, match: re.Match[str], dollar: int) -> bool:
        """Return whether the reference stands alone in double quotes."""
        text = self._text
        if match["slashes"] or dollar == 0 or text[dollar - 1] != '"':
            return False
        return text.startswith('"', match.end()) and not text.endswith("\\", 0, dollar - 1)

    def _in_token(self, value: str, dollar: int, *, is_dotted: bool) -> str | None:
        """Return a value as the inside of a double-quoted string, so that JSON stays valid.

        A shell would read it again outside of single quotes: a value which that could change is
        left to the shell (None). The shell does not know dotted references: there it is escaped.
        """
        escaped = json_escaped(value)
        if not self._shell or _HARMLESS.match(value):
            return escaped
        if self._shell_text is None:
            self._shell_text = ShellText(self._text)
        place = self._shell_text.at(dollar)
        if place is Place.SINGLE:
            return escaped.replace("'", "'\\''")
        if place is Place.VERBATIM:
            return escaped
        if is_dotted:
            return escaped.replace("$", "\\$").replace("`", "\\`")
        if place in (Place.DOUBLE, Place.EXPANDED) and not _UNSAFE.search(value):
            return escaped
        return None

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
        for match in TOKEN.finditer(self._text):
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
        return is_within(self._spans, position)
