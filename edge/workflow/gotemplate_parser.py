"""Reads a Go template into its tree (spec 13 section 11)."""

from __future__ import annotations

from collections.abc import Container

from edge.core.jsontypes import JsonValue
from edge.workflow.gotemplate_nodes import (
    Action,
    Branch,
    Call,
    Chain,
    Constant,
    Dot,
    FieldOf,
    Jump,
    Node,
    Operand,
    Pipe,
    Text,
    Variable,
)
from edge.workflow.gotemplate_tokens import TemplateSyntaxError, Token, tokens_of, unquoted

__all__ = ["parse_template"]

_ENDS = ("end", "else")
_JUMPS = ("break", "continue")


def parse_template(text: str, functions: Container[str]) -> dict[str, tuple[Node, ...]]:
    """Return the templates of a text by name, the text itself as "".

    Raises: TemplateSyntaxError.
    """
    parser = _Parser(text, functions)
    body, word = parser.nodes()
    if word:
        raise parser.error(f"unexpected {{{{{word}}}}}")
    return {**parser.templates, "": body}


class _Parser:
    def __init__(self, text: str, functions: Container[str]) -> None:
        self.text = text
        self.functions = functions
        self.tokens = list(tokens_of(text))
        self.index = 0
        self.templates: dict[str, tuple[Node, ...]] = {}
        self.variables = ["$"]
        self.loops = 0

    # tokens

    def peek(self) -> Token:
        return self.tokens[self.index]

    def next(self) -> Token:
        token = self.tokens[self.index]
        if token.kind != "end":
            self.index += 1
        return token

    def is_mark(self, *values: str) -> bool:
        token = self.peek()
        return token.kind == "mark" and token.value in values

    def error(self, message: str, token: Token | None = None) -> TemplateSyntaxError:
        at = (token or self.peek()).at
        return TemplateSyntaxError(self.text.count("\n", 0, at) + 1, message)

    def unexpected(self, where: str) -> TemplateSyntaxError:
        token = self.peek()
        what = {"end": "EOF", "close": '"}}"'}.get(token.kind, f"<{token.value}>")
        return self.error(f"unexpected {what} in {where}")

    def close(self, where: str) -> None:
        if self.next().kind != "close":
            self.index -= 1
            raise self.unexpected(where)

    # nodes

    def nodes(self) -> tuple[tuple[Node, ...], str]:
        """Return nodes up to `end` or `else`, and that word; "" at the end of the text."""
        found: list[Node] = []
        while True:
            token = self.next()
            if token.kind == "end":
                return tuple(found), ""
            if token.kind == "plain":
                found.append(Text(token.value))
                continue
            word = self.peek()
            name = word.value if word.kind == "word" else ""
            if name in _ENDS:
                self.next()
                return tuple(found), name
            if name in ("if", "with", "range"):
                self.next()
                found.append(self.branch(name, word.at))
            elif name in ("template", "block", "define"):
                self.next()
                node = self.named(name, word.at)
                if node is not None:
                    found.append(node)
            elif name in _JUMPS and self.tokens[self.index + 1].kind == "close":
                if not self.loops:
                    raise self.error(f"{{{{{name}}}}} outside {{{{range}}}}")
                self.next()
                self.close(name)
                found.append(Jump(name))
            else:
                pipe = self.pipe("command")
                self.close("command")
                found.append(Action(pipe))

    def branch(self, kind: str, at: int) -> Branch:
        visible = len(self.variables)
        pipe = self.pipe(kind)
        self.close(kind)
        self.loops += kind == "range"
        body, word = self.nodes()
        self.loops -= kind == "range"
        otherwise: tuple[Node, ...] = ()
        if word == "else":
            chained = self.peek()
            if chained.kind == "word" and chained.value == kind and kind in ("if", "with"):
                # `else if`: the one `end` closes both
                self.next()
                otherwise = (self.branch(kind, chained.at),)
                del self.variables[visible:]
                return Branch(kind, at, pipe, body, otherwise)
            self.close("else")
            otherwise, word = self.nodes()
        if word != "end":
            raise self.error(
                "unexpected EOF" if not word else f"expected end; found {{{{{word}}}}}"
            )
        self.close("end")
        del self.variables[visible:]
        return Branch(kind, at, pipe, body, otherwise)

    def named(self, kind: str, at: int) -> Branch | None:
        token = self.next()
        if token.kind not in ("text", "raw"):
            self.index -= 1
            raise self.unexpected(f"{kind} clause")
        name = unquoted(token.value) if token.kind == "text" else token.value[1:-1]
        pipe = None
        if kind != "define" and self.peek().kind != "close":
            pipe = self.pipe(f"{kind} clause")
        self.close(f"{kind} clause")
        if kind != "template":
            kept, self.variables, loops = self.variables, ["$"], self.loops
            self.loops = 0
            body, word = self.nodes()
            if word != "end":
                raise self.error(
                    f"unexpected EOF in {kind} clause" if not word else "unexpected {{else}}"
                )
            self.close("end")
            self.variables, self.loops = kept, loops
            self.templates[name] = body
        return None if kind == "define" else Branch("template", at, pipe, name=name)

    # pipelines

    def pipe(self, where: str) -> Pipe:
        names, declares = self.declarations(where)
        calls = [self.call(where, first=True)]
        while self.is_mark("|"):
            self.next()
            if self.peek().kind == "close":
                break  # Go takes a bar with nothing behind it
            calls.append(self.call(where, first=False))
        if declares:
            self.variables.extend(names)
        return Pipe(tuple(calls), names, declares)

    def declarations(self, where: str) -> tuple[tuple[str, ...], bool]:
        """Read `$x :=`, `$x =`, or `$i, $x :=` of a range."""
        start = self.index
        names: list[str] = []
        while self.peek().kind == "variable" and len(names) < 2:
            names.append(self.next().value)
            if self.is_mark(":=", "="):
                declares = self.next().value == ":="
                if len(names) == 2 and where != "range":
                    raise self.error(f"too many declarations in {where}")
                for name in names:
                    if not declares and name not in self.variables:
                        raise self.error(f'undefined variable "{name}"')
                return tuple(names), declares
            if not self.is_mark(",") or where != "range":
                break
            self.next()
        self.index = start
        return (), False

    def call(self, where: str, *, first: bool) -> Call:
        start = self.peek()
        function = ""
        if start.kind == "word" and start.value not in ("true", "false", "nil"):
            function = self.function(self.next())
        args: list[Operand] = []
        while self.peek().kind != "close" and not self.is_mark("|", ")"):
            if (args or function) and not self.peek().spaced:
                raise self.unexpected("operand")
            args.append(self.operand(where))
        if not function and not args:
            raise self.error(f"missing value for {where}")
        if not function and not first and isinstance(args[0], Constant | Dot):
            raise self.error("non executable command in pipeline", start)
        if not function and isinstance(args[0], Constant) and args[0].is_nil:
            raise self.error("nil is not a command", start)
        end = self.peek().at
        return Call(function, tuple(args), start.at, self.text[start.at : end].strip())

    def function(self, token: Token) -> str:
        if token.value not in self.functions:
            raise self.error(f'function "{token.value}" not defined', token)
        return token.value

    def operand(self, where: str) -> Operand:
        token = self.next()
        kind, value = token.kind, token.value
        if kind == "mark" and value == "(":
            pipe = self.pipe("parenthesized pipeline")
            if not self.is_mark(")"):
                raise self.unexpected("parenthesized pipeline")
            self.next()
            names = self.fields()
            return Chain(pipe, names)
        if kind == "field":
            return FieldOf((value[1:], *self.fields()))
        if kind == "dot":
            return Dot()
        if kind == "variable":
            if value not in self.variables:
                raise self.error(f'undefined variable "{value}"', token)
            return Variable(value, self.fields())
        if kind == "word" and value not in ("true", "false", "nil"):
            return Call(self.function(token), (), token.at, value)
        constant = self.constant(kind, value, token)
        if constant is None:
            self.index -= 1
            raise self.unexpected("operand" if kind == "mark" else where)
        return constant

    def fields(self) -> tuple[str, ...]:
        names = []
        while self.peek().kind == "field" and not self.peek().spaced:
            names.append(self.next().value[1:])
        return tuple(names)

    def constant(self, kind: str, value: str, token: Token) -> Constant | None:
        if kind == "text":
            return Constant(unquoted(value))
        if kind == "raw":
            return Constant(value[1:-1].replace("\r", ""))
        if kind == "char":
            char = unquoted(value)
            if len(char) != 1:
                raise self.error(f"malformed character constant: {value}", token)
            return Constant(ord(char))
        if kind == "number":
            return Constant(self.number(value, token))
        if kind == "word":
            return Constant({"true": True, "false": False}.get(value), value == "nil")
        return None

    def number(self, text: str, token: Token) -> JsonValue:
        try:
            plain = text.lower().lstrip("+-")
            sign = -1 if text.startswith("-") else 1
            if plain.startswith(("0x", "0o", "0b")):
                return sign * int(plain, 0)
            if plain.isdigit() or plain.replace("_", "").isdigit():
                digits = plain.replace("_", "")
                octal = len(digits) > 1 and digits[0] == "0"
                return sign * int(digits, 8 if octal else 10)
            return sign * float(plain.replace("_", ""))
        except ValueError:
            raise self.error(f'bad number syntax: "{text}"', token) from None
