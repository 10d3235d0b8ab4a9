"""How Go's templates print, quote, compare and judge decoded JSON (package fmt of Go)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from edge.core.jsontypes import JsonValue
from edge.workflow.nodes import scalar_text

__all__ = [
    "FunctionError",
    "bounded",
    "check_count",
    "go_kind",
    "go_print",
    "go_quote",
    "go_sprintf",
    "go_type",
    "is_true",
    "list_of",
    "map_of",
    "number_of",
    "pattern_of",
    "shown",
    "text_of",
]

_VERB = re.compile(r"%([-+# 0]*)(\*|\d+)?(?:\.(\*|\d+)?)?(.)?", re.DOTALL)
_QUOTED = {
    **{"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"},
    **{'"': '\\"', "\\": "\\\\"},
}
#: widest field; beyond it Go prints %!(BADWIDTH)
_MAX_WIDTH = 1_000_000
#: longest text or list that a function may make
_MAX_CHARS = 16 * 1024 * 1024
_MAX_ITEMS = 1_000_000


class FunctionError(Exception):
    """A function cannot do what it is asked for."""


def text_of(value: JsonValue) -> str:
    if not isinstance(value, str):
        raise FunctionError(f"expected string; got {go_kind(value)}")
    return value


def number_of(value: JsonValue) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        # a float without fraction is a number of JSON like any other
        if isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
            return int(value)
        raise FunctionError(f"expected integer; got {go_kind(value)}")
    return value


def pattern_of(value: JsonValue) -> re.Pattern[str]:
    """Return a pattern of Go as one of Python; both dialects agree on ordinary ones."""
    try:
        return re.compile(text_of(value).replace(r"\z", r"\Z"), re.ASCII)
    except (re.error, OverflowError, RecursionError) as exc:
        raise FunctionError(f"regexp: {exc}") from None


def list_of(value: JsonValue) -> list[JsonValue]:
    if not isinstance(value, list):
        raise FunctionError(f"expected list; got {go_kind(value)}")
    return value


def map_of(value: JsonValue) -> Mapping[str, JsonValue]:
    if not isinstance(value, Mapping):
        raise FunctionError(f"expected map; got {go_kind(value)}")
    return value


def shown(value: JsonValue) -> str:
    """Return a value as text: `toString` of slim-sprig."""
    return value if isinstance(value, str) else go_print(value)


def bounded(size: int, result: int) -> int:
    """Return `result`, or refuse a text of `size` characters that is too long."""
    if size > _MAX_CHARS:
        raise FunctionError(f"the text is longer than {_MAX_CHARS} characters")
    return result


def check_count(count: int) -> None:
    if count > _MAX_ITEMS:
        raise FunctionError(f"the list has more than {_MAX_ITEMS} items")


def is_true(value: object) -> bool:
    """Return whether a value counts as true: not nil, zero, or empty."""
    return bool(value)


def go_kind(value: JsonValue) -> str:
    """Return the kind that `kindOf` and messages name."""
    if value is None:
        return "invalid"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int"
    if isinstance(value, float):
        return "float64"
    if isinstance(value, str):
        return "string"
    return "map" if isinstance(value, Mapping) else "slice"


def go_print(value: JsonValue) -> str:
    """Return a value as `%v` prints it."""
    if isinstance(value, Mapping):
        return "map[" + " ".join(f"{key}:{go_print(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list | tuple):
        return "[" + " ".join(go_print(item) for item in value) + "]"
    return scalar_text(value)


def go_quote(text: str) -> str:
    """Return a text as `%q` prints it."""
    return '"' + "".join(_quoted(char) for char in text) + '"'


def _quoted(char: str) -> str:
    found = _QUOTED.get(char)
    if found is not None:
        return found
    if char.isprintable():
        return char
    code = ord(char)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def go_sprintf(form: str, args: tuple[JsonValue, ...]) -> str:
    """Return what `printf` gives; a wrong verb or count shows in the text, as in Go."""
    left = list(args)

    def one(match: re.Match[str]) -> str:
        flags, width, precision, verb = match.groups()
        if verb is None:
            return "%!(NOVERB)"
        if verb == "%":
            return "%"
        if width == "*":
            width = str(left.pop(0)) if left and isinstance(left[0], int) else None
        if precision == "*":
            precision = str(left.pop(0)) if left and isinstance(left[0], int) else None
        if (width or "").startswith("-"):
            flags, width = flags + "-", (width or "")[1:]
        if max(int(width or 0), int(precision or 0)) > _MAX_WIDTH:
            return "%!(BADWIDTH)"
        if not left:
            return f"%!{verb}(MISSING)"
        value = left.pop(0)
        dotted = "." in match.group()
        text = _verb(value, verb, flags, int(precision or 0) if dotted else None)
        return _padded(text, flags, int(width or 0), isinstance(value, int | float))

    text = _VERB.sub(one, form)
    if left:
        extra = ", ".join(f"{go_type(value)}={go_print(value)}" for value in left)
        text += f"%!(EXTRA {extra})"
    return text


def _padded(text: str, flags: str, width: int, is_number: bool) -> str:
    if "-" in flags:
        return text.ljust(width)
    if "0" in flags and is_number:
        sign = text[:1] if text[:1] in ("-", "+", " ") else ""
        return sign + text[len(sign) :].rjust(width - len(sign), "0")
    return text.rjust(width)


def go_type(value: JsonValue) -> str:
    names = {"map": "map[string]interface {}", "slice": "[]interface {}", "invalid": "<nil>"}
    kind = go_kind(value)
    return names.get(kind, kind)


def _verb(value: JsonValue, verb: str, flags: str, precision: int | None) -> str:
    text: str | None = None
    if verb in ("v", "s") and (verb == "v" or isinstance(value, str)):
        text = go_quote(value) if "#" in flags and isinstance(value, str) else go_print(value)
        if precision is not None and isinstance(value, str):
            text = text[:precision]
        elif isinstance(value, int | float) and not isinstance(value, bool):
            text = _signed(text, flags)
    elif verb == "T":
        text = go_type(value)
    elif isinstance(value, list):
        text = "[" + " ".join(_verb(item, verb, flags, precision) for item in value) + "]"
    elif isinstance(value, Mapping):
        pairs = ((_verb(k, verb, flags, None), value[k]) for k in sorted(value))
        inner = (f"{key}:{_verb(item, verb, flags, precision)}" for key, item in pairs)
        text = "map[" + " ".join(inner) + "]"
    elif isinstance(value, bool):
        text = go_print(value) if verb == "t" else None
    elif isinstance(value, int):
        text = _integer(value, verb, flags)
    elif isinstance(value, float):
        text = _float(value, verb, flags, precision)
    elif isinstance(value, str):
        text = _string(value, verb)
    if text is not None:
        return text
    if value is None:
        return f"%!{verb}(<nil>)"
    return f"%!{verb}({go_type(value)}={go_print(value)})"


def _signed(text: str, flags: str) -> str:
    if text.startswith("-"):
        return text
    return "+" + text if "+" in flags else " " + text if " " in flags else text


def _integer(value: int, verb: str, flags: str) -> str | None:
    if verb == "d":
        return _signed(str(value), flags)
    if verb in "xXob":
        prefix = {"x": "0x", "X": "0X", "o": "0", "b": "0b"}[verb] if "#" in flags else ""
        return ("-" if value < 0 else "") + prefix + format(abs(value), verb)
    if verb in "cqU":
        char = chr(value) if 0 <= value <= 0x10FFFF else "�"
        if verb == "U":
            return f"U+{value:04X}"
        return char if verb == "c" else "'" + go_quote(char)[1:-1].replace('\\"', '"') + "'"
    return None


def _float(value: float, verb: str, flags: str, precision: int | None) -> str | None:
    if verb in "fF":
        return _signed(f"{value:.{6 if precision is None else precision}f}", flags)
    if verb in "eE":
        return _signed(f"{value:.{6 if precision is None else precision}{verb}}", flags)
    if verb in "gG":
        text = scalar_text(value) if precision is None else f"{value:.{max(precision, 1)}{verb}}"
        return _signed(text, flags)
    return None


def _string(value: str, verb: str) -> str | None:
    if verb == "q":
        return go_quote(value)
    if verb in "xX":
        text = value.encode("utf-8", "surrogatepass").hex()
        return text.upper() if verb == "X" else text
    return None
