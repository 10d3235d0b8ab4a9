"""Go's text/template, as far as workflow files need it (spec 13 sections 11 and 18).

Custom actions and `template.render` use it on decoded JSON. No port was found that is pure, small
and kept up, so this is our own: the whole template language, and the functions of
`gotemplate_functions`; any other function is refused by name. A key that a map does not have is an
error. Nothing here reads a clock, a file or the environment, and steps and sizes are limited,
because templates come from files that others may write; but a regular expression takes as long as
Python's takes, which Go's never does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from types import FunctionType
from typing import NoReturn

from edge.core.jsontypes import JsonValue
from edge.workflow.gotemplate_functions import FUNCTIONS, FunctionError
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
from edge.workflow.gotemplate_parser import parse_template
from edge.workflow.gotemplate_tokens import TemplateSyntaxError
from edge.workflow.gotemplate_values import go_print, go_quote, is_true

__all__ = ["TemplateError", "render_template"]

_MAX_CHARS = 16 * 1024 * 1024
_MAX_STEPS = 5_000_000
#: calls of a template by itself; Python's own stack allows for about this many
_MAX_DEPTH = 150

_Function = Callable[..., JsonValue]


class TemplateError(Exception):
    """The template cannot be read (`is_syntax`) or fails while it is carried out."""

    def __init__(self, message: str, *, is_syntax: bool = False) -> None:
        super().__init__(message)
        self.is_syntax = is_syntax


def render_template(
    text: str,
    data: JsonValue,
    *,
    name: str = "template",
    extra: Mapping[str, _Function] | None = None,
) -> str:
    """Return the text of a template over `data`; `extra` are further functions.

    Raises: TemplateError.
    """
    functions = {**FUNCTIONS, **extra} if extra else FUNCTIONS
    try:
        templates = parse_template(text, {*functions, *_SHORT_CIRCUIT})
    except TemplateSyntaxError as exc:
        message = f"template: {name}:{exc.line}: {exc.message}"
        raise TemplateError(message, is_syntax=True) from None
    except RecursionError:
        message = f"template: {name}: nested too deeply"
        raise TemplateError(message, is_syntax=True) from None
    run = _Execution(name, text, templates, functions)
    try:
        if "set" in text:
            # `set` and `unset` change what they are given
            data = deepcopy(data)
        run.template("", data, 0)
    except RecursionError:
        raise TemplateError(f"template: {name}: nested too deeply") from None
    return "".join(run.pieces)


class _BreakError(Exception):
    pass


class _ContinueError(Exception):
    pass


_SHORT_CIRCUIT = ("and", "or")


class _Execution:
    def __init__(
        self,
        name: str,
        text: str,
        templates: Mapping[str, tuple[Node, ...]],
        functions: Mapping[str, _Function],
    ) -> None:
        self.name = name
        self.text = text
        self.templates = templates
        self.functions = functions
        self.pieces: list[str] = []
        self.chars = 0
        self.steps = 0
        self.current = ""
        self.depth = 0
        self.variables: list[tuple[str, JsonValue]] = []

    def fail(self, call: Call | None, message: str) -> NoReturn:
        where = f"{self.name}:"
        shown = ""
        if call is not None:
            line = self.text.count("\n", 0, call.at) + 1
            column = call.at - (self.text.rfind("\n", 0, call.at) + 1)
            shown = f" at <{call.text}>"
            where = f"{self.name}:{line}:{column}:"
        template = self.current or self.name
        raise TemplateError(f'template: {where} executing "{template}"{shown}: {message}')

    def write(self, text: str) -> None:
        self.chars += len(text)
        if self.chars > _MAX_CHARS:
            self.fail(None, f"the text is longer than {_MAX_CHARS} characters")
        self.pieces.append(text)

    def count(self) -> None:
        self.steps += 1
        if self.steps > _MAX_STEPS:
            self.fail(None, f"the template takes more than {_MAX_STEPS} steps")

    # nodes

    def template(self, name: str, dot: JsonValue, at: int) -> None:
        body = self.templates.get(name)
        if body is None:
            self.fail(Call("", (), at, f"template {name!r}"), f'template "{name}" not defined')
        if self.depth >= _MAX_DEPTH:
            self.fail(None, f"exceeded maximum template depth ({_MAX_DEPTH})")
        kept, self.variables = self.variables, [("$", dot)]
        before, self.current = self.current, name
        self.depth += 1
        self.walk(body, dot)
        self.depth -= 1
        self.variables, self.current = kept, before

    def walk(self, nodes: tuple[Node, ...], dot: JsonValue) -> None:
        for node in nodes:
            self.count()
            if isinstance(node, Text):
                self.write(node.text)
            elif isinstance(node, Action):
                value = self.pipe(node.pipe, dot)
                if not node.pipe.variables:
                    self.write("<no value>" if value is None else go_print(value))
            elif isinstance(node, Jump):
                raise _BreakError if node.word == "break" else _ContinueError
            else:
                self.branch(node, dot)

    def branch(self, node: Branch, dot: JsonValue) -> None:
        visible = len(self.variables)
        if node.kind == "template":
            value = None if node.pipe is None else self.pipe(node.pipe, dot)
            self.template(node.name, value, node.at)
        elif node.kind == "range":
            self.range(node, dot)
        else:
            assert node.pipe is not None
            value = self.pipe(node.pipe, dot)
            inner = value if node.kind == "with" else dot
            if is_true(value):
                self.walk(node.body, inner)
            else:
                self.walk(node.otherwise, dot)
        del self.variables[visible:]

    def range(self, node: Branch, dot: JsonValue) -> None:
        assert node.pipe is not None
        value = self.pipe(node.pipe, dot, is_range=True)
        visible = len(self.variables)
        ran = False
        for key, item in self.items(value, node.pipe):
            self.count()
            ran = True
            self.bind(node.pipe, key, item, isinstance(value, int))
            try:
                self.walk(node.body, item)
            except _BreakError:
                break
            except _ContinueError:
                pass
            finally:
                del self.variables[visible:]
        if not ran:
            self.walk(node.otherwise, dot)

    def items(self, value: JsonValue, pipe: Pipe) -> Iterator[tuple[JsonValue, JsonValue]]:
        if isinstance(value, bool | float | str):
            self.fail(pipe.calls[0], f"range can't iterate over {go_print(value)}")
        if isinstance(value, int):
            return ((index, index) for index in range(value))
        if isinstance(value, Mapping):
            return ((key, value[key]) for key in sorted(value))
        return enumerate(value or ())

    def bind(self, pipe: Pipe, key: JsonValue, item: JsonValue, is_count: bool) -> None:
        names = pipe.variables
        if not names:
            return
        # a number gives only its index, a list or map the item when there is one variable
        values = (item,) if len(names) == 1 else (key, item)
        for name, value in zip(names, values, strict=True):
            if pipe.declares:
                self.variables.append((name, value))
            else:
                self.assign(name, value)

    def assign(self, name: str, value: JsonValue) -> None:
        for index in range(len(self.variables) - 1, -1, -1):
            if self.variables[index][0] == name:
                self.variables[index] = (name, value)
                return

    # pipelines

    def pipe(self, pipe: Pipe, dot: JsonValue, *, is_range: bool = False) -> JsonValue:
        final: tuple[JsonValue, ...] = ()
        for call in pipe.calls:
            final = (self.call(call, dot, final),)
        (result,) = final
        if pipe.variables and not is_range:
            if pipe.declares:
                self.variables.append((pipe.variables[0], result))
            else:
                self.assign(pipe.variables[0], result)
        return result

    def call(self, call: Call, dot: JsonValue, final: tuple[JsonValue, ...]) -> JsonValue:
        """Return what a call gives; `final` is the result of the one before it in a pipe."""
        self.count()
        if not call.function:
            if len(call.args) > 1 or final:
                self.fail(call, f"can't give argument to non-function {call.text}")
            return self.value(call.args[0], dot, call)
        if call.function in _SHORT_CIRCUIT:
            return self.short_circuit(call, dot, final)
        args = [self.value(arg, dot, call) for arg in call.args]
        args.extend(final)
        function = self.functions[call.function]
        self.check_arguments(call, function, len(args))
        try:
            result = function(*args)
        except (FunctionError, ArithmeticError, ValueError) as exc:
            # numbers at the edge of what can be computed end like any other mistake
            self.fail(call, f"error calling {call.function}: {exc}")
        if isinstance(result, str) and len(result) > _MAX_CHARS:
            self.fail(call, f"the text is longer than {_MAX_CHARS} characters")
        return result

    def check_arguments(self, call: Call, function: _Function, given: int) -> None:
        assert isinstance(function, FunctionType)
        code = function.__code__
        most = code.co_argcount
        least = most - len(function.__defaults__ or ())
        # flag 4: takes any number more
        if given < least or (given > most and not code.co_flags & 4):
            want = f"at least {least}" if code.co_flags & 4 else str(most)
            message = f"wrong number of args for {call.function}: want {want} got {given}"
            self.fail(call, message)

    def short_circuit(self, call: Call, dot: JsonValue, final: tuple[JsonValue, ...]) -> JsonValue:
        """`and` and `or` stop at the argument that decides."""
        wanted = call.function == "or"
        last: tuple[JsonValue, ...] = ()
        for arg in call.args:
            value = self.value(arg, dot, call)
            if is_true(value) is wanted:
                return value
            last = (value,)
        last = final or last
        if not last:
            self.fail(call, f"wrong number of args for {call.function}: want at least 1 got 0")
        return last[0]

    def value(self, operand: Operand, dot: JsonValue, call: Call) -> JsonValue:
        if isinstance(operand, Constant):
            return operand.value
        if isinstance(operand, Dot):
            return dot
        if isinstance(operand, FieldOf):
            return self.fields(dot, operand.names, call)
        if isinstance(operand, Variable):
            found = next(v for name, v in reversed(self.variables) if name == operand.name)
            return self.fields(found, operand.names, call)
        if isinstance(operand, Chain):
            return self.fields(self.pipe(operand.pipe, dot), operand.names, call)
        return self.call(operand, dot, ())

    def fields(self, value: JsonValue, names: tuple[str, ...], call: Call) -> JsonValue:
        for name in names:
            if value is None:
                self.fail(call, f"nil pointer evaluating interface {{}}.{name}")
            if not isinstance(value, Mapping):
                self.fail(call, f"can't evaluate field {name} in type interface {{}}")
            if name not in value:
                self.fail(call, f"map has no entry for key {go_quote(name)}")
            value = value[name]
        return value
