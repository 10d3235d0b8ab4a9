"""Numbers and comparisons of Go templates (spec 13 section 11)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from edge.core.jsontypes import JsonValue
from edge.workflow.gotemplate_values import FunctionError, check_count, go_kind, number_of

__all__ = ["NUMBER_FUNCTIONS", "float_of", "integer_of"]

_Function = Callable[..., JsonValue]


def _is_number(value: JsonValue) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _equal(first: JsonValue, second: JsonValue) -> bool:
    if isinstance(first, Mapping | list) or isinstance(second, Mapping | list):
        raise FunctionError("non-comparable type " + go_kind(first))
    if first is None or second is None:
        return first is second
    same = go_kind(first) == go_kind(second) or (_is_number(first) and _is_number(second))
    if not same:
        raise _incompatible(first, second)
    return first == second


def _incompatible(first: JsonValue, second: JsonValue) -> FunctionError:
    kinds = f"{go_kind(first)} and {go_kind(second)}"
    return FunctionError(f"incompatible types for comparison: {kinds}")


def _eq(first: JsonValue, *others: JsonValue) -> bool:
    if not others:
        raise FunctionError("missing argument for comparison")
    return any(_equal(first, other) for other in others)


def _less(first: JsonValue, second: JsonValue) -> bool:
    if isinstance(first, str) and isinstance(second, str):
        return first.encode("utf-8", "surrogatepass") < second.encode("utf-8", "surrogatepass")
    if not _is_number(first) or not _is_number(second):
        odd = first if not _is_number(first) and not isinstance(first, str) else second
        if odd is None or isinstance(odd, bool | list | Mapping):
            raise FunctionError("invalid type for comparison")
        raise _incompatible(first, second)
    return first < second  # type: ignore[operator]


def integer_of(value: JsonValue) -> int:
    """Return an integer as `int64` casts it: 0 when there is none."""
    if isinstance(value, int | float):
        return _wrapped(int(value)) if abs(value) < 2**63 else 0
    if isinstance(value, str):
        return _parsed(value)
    return 0


def _parsed(text: str) -> int:
    if re.fullmatch(r"[+-]?\d{1,19}", text, re.ASCII):
        number = int(text)
        return number if -(2**63) <= number < 2**63 else 0
    return 0


def _wrapped(number: int) -> int:
    """Return the number as 64 bits hold it."""
    return (number + 2**63) % 2**64 - 2**63


def float_of(value: JsonValue) -> float:
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, str):
        try:
            return float(value) if re.fullmatch(r"[+-]?[\d.eE+-]+", value, re.ASCII) else 0.0
        except ValueError:
            return 0.0
    return 0.0


def _add(first: JsonValue, second: JsonValue) -> int:
    for value in (first, second):
        if not isinstance(value, int) or isinstance(value, bool):
            raise FunctionError(f"add: unsupported type {go_kind(value)}")
    return _wrapped(number_of(first) + number_of(second))


def _multiply(first: JsonValue, *others: JsonValue) -> int:
    result = integer_of(first)
    for value in others:
        result = _wrapped(result * integer_of(value))
    return result


def _divide(first: JsonValue, second: JsonValue) -> int:
    dividend, divisor = integer_of(first), integer_of(second)
    if divisor == 0:
        raise FunctionError("integer divide by zero")
    # Go cuts towards zero, Python towards minus infinity
    result = abs(dividend) // abs(divisor)
    return _wrapped(result if (dividend < 0) == (divisor < 0) else -result)


def _modulo(first: JsonValue, second: JsonValue) -> int:
    dividend, divisor = integer_of(first), integer_of(second)
    if divisor == 0:
        raise FunctionError("integer divide by zero")
    result = abs(dividend) % abs(divisor)
    return -result if dividend < 0 else result


def _until(count: JsonValue) -> list[JsonValue]:
    number = number_of(count)
    return _steps(0, number, 1 if number >= 0 else -1)


def _until_step(start: JsonValue, stop: JsonValue, step: JsonValue) -> list[JsonValue]:
    return _steps(number_of(start), number_of(stop), number_of(step))


def _steps(start: int, stop: int, step: int) -> list[JsonValue]:
    if step == 0 or (stop < start and step > 0) or (stop > start and step < 0):
        return []
    numbers = range(start, stop, step)
    check_count(len(numbers))
    return list(numbers)


def _seq(*args: JsonValue) -> str:
    """Return the numbers as text, both ends included: end; start end; start step end."""
    numbers = [number_of(value) for value in args]
    step = 1
    if len(numbers) == 1:
        start, end = 1, numbers[0]
    elif len(numbers) == 2:
        start, end = numbers
    elif len(numbers) == 3:
        start, step, end = numbers
        if step == 0 or (end < start) != (step < 0):
            return "" if end != start or step == 0 else str(start)
    else:
        return ""
    if len(numbers) < 3 and end < start:
        step = -1
    span = range(start, end + (1 if step > 0 else -1), step)
    check_count(len(span))
    return " ".join(str(number) for number in span)


def _extreme(pick: Callable[[list[int]], int]) -> _Function:
    def function(first: JsonValue, *others: JsonValue) -> int:
        return pick([integer_of(value) for value in (first, *others)])

    return function


NUMBER_FUNCTIONS: Mapping[str, _Function] = {
    "eq": _eq,
    "ne": lambda first, second: not _equal(first, second),
    "lt": _less,
    "le": lambda first, second: not _less(second, first),
    "gt": lambda first, second: _less(second, first),
    "ge": lambda first, second: not _less(first, second),
    "add": _add,
    "sub": lambda first, second: _wrapped(integer_of(first) - integer_of(second)),
    "mul": _multiply,
    "div": _divide,
    "mod": _modulo,
    "max": _extreme(max),
    "min": _extreme(min),
    "int": integer_of,
    "int64": integer_of,
    "float64": float_of,
    "atoi": lambda value: _parsed(value) if isinstance(value, str) else number_of(value) * 0,
    "until": _until,
    "untilStep": _until_step,
    "seq": _seq,
}
