"""jq's language: text to a tree (spec 13 section 7). Pure.

A node is a tuple whose first member is its kind; `jq` says what each kind does. What this build
does not know of the language is a `JqSyntaxError` that names it.
"""

from __future__ import annotations

from typing import Any, NoReturn, TypeAlias

from edge.workflow.jq_tokens import Interpolation, JqSyntaxError, Token, tokens

__all__ = ["Definition", "JqSyntaxError", "Node", "parse"]

Node: TypeAlias = "tuple[Any, ...]"
#: name, parameters, body
Definition: TypeAlias = "tuple[str, tuple[str, ...], Node]"

_LEVELS: tuple[tuple[str, ...], ...] = (
    ("or",),
    ("and",),
    ("==", "!=", "<", "<=", ">", ">="),
    ("+", "-"),
    ("*", "/", "%"),
)
_ASSIGNS = ("=", "|=", "+=", "-=", "*=", "/=", "%=", "//=")
_REFUSED = ("import", "include", "module", "__loc__")
_MAX_DEPTH = 150


def parse(text: str) -> Node:
    """Return the tree of a filter. Raises: JqSyntaxError."""
    parser = _Parser(tokens(text))
    try:
        node = parser.pipe()
    except RecursionError:
        raise JqSyntaxError("nested too deeply") from None
    if parser.peek() is not None:
        parser.fail()
    return node


class _Parser:
    def __init__(self, found: list[Token]) -> None:
        self._tokens = found
        self._at = 0
        self._depth = 0

    def peek(self) -> object:
        """Return the next sign, word or other token's text; None at the end."""
        return self._tokens[self._at][1] if self._at < len(self._tokens) else None

    def _kind(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    def _is(self, *texts: str) -> bool:
        return self._kind() in ("sign", "word") and self.peek() in texts

    def _take(self, *texts: str) -> str | None:
        if self._is(*texts):
            return str(self._next())
        return None

    def _next(self) -> object:
        if self._at >= len(self._tokens):
            self.fail()
        self._at += 1
        return self._tokens[self._at - 1][1]

    def _need(self, text: str) -> None:
        if self._take(text) is None:
            self.fail()

    def fail(self) -> NoReturn:
        if self._at >= len(self._tokens):
            raise JqSyntaxError("unexpected EOF")
        kind, value = self._tokens[self._at]
        raise JqSyntaxError(
            "unexpected string" if kind == "string" else f'unexpected token "{value}"'
        )

    def pipe(self, commas: bool = True) -> Node:
        """Read a whole filter; `commas` False inside an object's value."""
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise JqSyntaxError("nested too deeply")
        try:
            if self._is("def"):
                definition = self._definition()
                return ("def", definition, self.pipe(commas))
            left = self._comma() if commas else self._alternative()
            if self._take("|"):
                return ("pipe", left, self.pipe(commas))
            return left
        finally:
            self._depth -= 1

    def _definition(self) -> Definition:
        self._need("def")
        if self._kind() != "word":
            self.fail()
        name = str(self._next())
        names: list[str] = []
        if self._take("("):
            while True:
                if self._kind() not in ("word", "variable"):
                    self.fail()
                names.append(str(self._next()))
                if self._take(")"):
                    break
                self._need(";")
        self._need(":")
        body = self.pipe()
        self._need(";")
        return name, tuple(names), body

    def _pattern(self) -> Node:
        if self._kind() == "variable":
            return ("variable", self._next())
        if self._take("["):
            items = [self._pattern()]
            while self._take(","):
                items.append(self._pattern())
            self._need("]")
            return ("list", tuple(items))
        self._need("{")
        members: list[tuple[Node, str, Node | None]] = []
        while True:
            name = ""
            if self._kind() == "variable":
                name = str(self._next())
                key: Node = ("literal", name[1:])
            elif self._kind() == "word":
                key = ("literal", self._next())
            elif self._kind() == "string":
                key = self._string("")
            else:
                self._need("(")
                key = self.pipe()
                self._need(")")
            inner = self._pattern() if self._take(":") else None
            if inner is None and not name:
                self.fail()
            members.append((key, name, inner))
            if self._take("}"):
                return ("object", tuple(members))
            self._need(",")

    def _comma(self) -> Node:
        left = self._alternative()
        while self._take(","):
            left = ("comma", left, self._alternative())
        return left

    def _alternative(self) -> Node:
        left = self._assign()
        if self._take("//"):
            return ("alternative", left, self._alternative())
        return left

    def _assign(self) -> Node:
        left = self._binary(0)
        sign = self._take(*_ASSIGNS)
        if sign:
            return ("assign", sign, left, self._alternative())
        return left

    def _binary(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._unary()
        left = self._binary(level + 1)
        while sign := self._take(*_LEVELS[level]):
            left = ("binary", sign, left, self._binary(level + 1))
            if level == 2 and self._is(*_LEVELS[level]):
                self.fail()
        return left

    def _unary(self) -> Node:
        if self._take("-"):
            return ("negate", self._postfix())
        node = self._postfix()
        return self._binding(node) if self._take("as") else node

    def _binding(self, source: Node) -> Node:
        """Read what follows `term as`: it reaches to the end of the pipe."""
        pattern = self._pattern()
        if self._is("?//"):
            raise JqSyntaxError('"?//" is not available in this build of edge')
        self._need("|")
        return ("bind", source, pattern, self.pipe())

    def _postfix(self) -> Node:
        node = self._term()
        while True:
            if self._take("?"):
                node = ("try", node, None)
            elif self._kind() == "field":
                node = ("index", node, ("literal", str(self._next())[1:]))
            elif self._is(".") and self._follows_dot():
                self._next()
                if self._kind() == "string":
                    node = ("index", node, self._string(""))
                else:
                    self._need("[")
                    node = self._bracket(node)
            elif self._take("["):
                node = self._bracket(node)
            else:
                return node

    def _follows_dot(self) -> bool:
        following = self._tokens[self._at + 1 : self._at + 2]
        return bool(following) and (following[0][0] == "string" or following[0][1] == "[")

    def _bracket(self, node: Node) -> Node:
        if self._take("]"):
            return ("iterate", node)
        if self._take(":"):
            end = self.pipe()
            self._need("]")
            return ("slice", node, None, end)
        start = self.pipe()
        if self._take(":"):
            last = None if self._is("]") else self.pipe()
            self._need("]")
            return ("slice", node, start, last)
        self._need("]")
        return ("index", node, start)

    def _term(self) -> Node:
        kind = self._kind()
        if kind == "number":
            return ("literal", float(str(self._next())))
        if kind == "string":
            return self._string("")
        if kind == "format":
            name = str(self._next())
            return self._string(name) if self._kind() == "string" else ("format", name)
        if kind == "field":
            return ("index", ("identity",), ("literal", str(self._next())[1:]))
        if kind == "variable":
            name = str(self._next())
            if name[1:] in _REFUSED:
                raise JqSyntaxError(f'"{name}" is not available in this build of edge')
            return ("variable", name)
        if kind == "word":
            return self._word()
        if self._take(".."):
            return ("call", "recurse", ())
        if self._take("."):
            return self._dot()
        if self._take("("):
            node = self.pipe()
            self._need(")")
            return node
        if self._take("["):
            if self._take("]"):
                return ("array", None)
            node = self.pipe()
            self._need("]")
            return ("array", node)
        if self._take("{"):
            return self._object()
        self.fail()

    def _dot(self) -> Node:
        if self._kind() == "string":
            return ("index", ("identity",), self._string(""))
        return ("identity",)

    def _string(self, name: str) -> Node:
        parts = self._next()
        assert isinstance(parts, list)
        if len(parts) == 1:
            return ("literal", parts[0])
        return ("string", name, tuple(map(_part, parts)))

    def _word(self) -> Node:
        word = str(self._next())
        match word:
            case "if":
                return self._if()
            case "try":
                body = self._post_try()
                return ("try", body, self._post_try() if self._take("catch") else ("empty",))
            case "reduce" | "foreach":
                return self._fold(word)
            case "label":
                if self._kind() != "variable":
                    self.fail()
                name = str(self._next())
                self._need("|")
                return ("label", name, self.pipe())
            case "break":
                if self._kind() != "variable":
                    self.fail()
                return ("break", str(self._next()))
            case "def":
                self._at -= 1
                definition = self._definition()
                return ("def", definition, self.pipe())
        if word in _REFUSED:
            raise JqSyntaxError(f'"{word}" is not available in this build of edge')
        if word in ("then", "elif", "else", "end", "as", "catch", "and", "or"):
            self._at -= 1
            self.fail()
        args: list[Node] = []
        if self._take("("):
            args.append(self.pipe())
            while self._take(";"):
                args.append(self.pipe())
            self._need(")")
        return ("call", word, tuple(args))

    def _post_try(self) -> Node:
        node = self._term()
        while self._kind() == "field" or self._is("[") or (self._is(".") and self._follows_dot()):
            if self._kind() == "field":
                node = ("index", node, ("literal", str(self._next())[1:]))
                continue
            self._take(".")
            if self._kind() == "string":
                node = ("index", node, self._string(""))
            else:
                self._need("[")
                node = self._bracket(node)
        return node

    def _if(self) -> Node:
        condition = self.pipe()
        self._need("then")
        yes = self.pipe()
        if self._take("elif"):
            return ("if", condition, yes, self._if())
        no: Node = ("identity",)
        if self._take("else"):
            no = self.pipe()
        self._need("end")
        return ("if", condition, yes, no)

    def _fold(self, word: str) -> Node:
        source = self._postfix()
        self._need("as")
        pattern = self._pattern()
        self._need("(")
        parts = [self.pipe()]
        while self._take(";"):
            parts.append(self.pipe())
        self._need(")")
        if not (len(parts) == 2 or (word == "foreach" and len(parts) == 3)):
            raise JqSyntaxError(f"{word} takes another number of parts")
        return (word, source, pattern, *parts)

    def _object(self) -> Node:
        members: list[tuple[Node, Node]] = []
        while not self._take("}"):
            members.append(self._member())
            if not self._take(","):
                self._need("}")
                break
        return ("object", tuple(members))

    def _member(self) -> tuple[Node, Node]:
        kind = self._kind()
        if kind == "variable":
            name = str(self._next())
            key: Node = ("literal", name[1:])
            short: Node = ("variable", name)
        elif kind == "word":
            key = ("literal", str(self._next()))
            short = ("index", ("identity",), key)
        elif kind in ("string", "format"):
            name = str(self._next()) if kind == "format" else ""
            key = self._string(name)
            short = ("index", ("identity",), key)
        elif kind == "number":
            key = ("literal", str(self._next()))
            self._need(":")
            return key, self._value()
        else:
            self._need("(")
            key = self.pipe()
            self._need(")")
            self._need(":")
            return key, self._value()
        return (key, self._value()) if self._take(":") else (key, short)

    def _value(self) -> Node:
        """Read a member's value: no comma, and a pipe between parts that have none."""
        node = self._alternative()
        if self._take("|"):
            return ("pipe", node, self._value())
        return node


def _part(part: object) -> object:
    """Return a text as it is, an interpolation as its tree."""
    if not isinstance(part, Interpolation):
        return part
    parser = _Parser(part.tokens)
    node = parser.pipe()
    if parser.peek() is not None:
        parser.fail()
    return node
