"""The functions of Go templates: Go's own, and most of slim-sprig (spec 13 section 11).

Nothing that depends on time, environment, network, randomness or keys; such a name is undefined.
Arguments are decoded JSON; a wrong type is an error and never a crash.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import posixpath
import re
import urllib.parse
from collections.abc import Callable, Mapping

from edge.core.gojson import go_json
from edge.core.jsontypes import JsonValue
from edge.workflow.gotemplate_lists import LIST_FUNCTIONS
from edge.workflow.gotemplate_numbers import NUMBER_FUNCTIONS
from edge.workflow.gotemplate_sprig import SPRIG_FUNCTIONS
from edge.workflow.gotemplate_values import (
    FunctionError,
    bounded,
    go_kind,
    go_print,
    go_quote,
    go_sprintf,
    is_true,
    number_of,
    pattern_of,
    shown,
    text_of,
)

__all__ = ["FUNCTIONS", "FunctionError"]


def _sprint(*args: JsonValue) -> str:
    """Put a blank between two values when neither is a text."""
    parts: list[str] = []
    for index, value in enumerate(args):
        if index and not isinstance(value, str) and not isinstance(args[index - 1], str):
            parts.append(" ")
        parts.append(go_print(value))
    return "".join(parts)


def _joined(args: tuple[JsonValue, ...]) -> str:
    """What `html`, `js` and `urlquery` work on."""
    return args[0] if len(args) == 1 and isinstance(args[0], str) else _sprint(*args)


_JS = str.maketrans(
    {
        **{"\\": "\\\\", "'": "\\'", '"': '\\"', "<": "\\u003C", ">": "\\u003E"},
        **{"&": "\\u0026", "=": "\\u003D"},
        **{chr(code): f"\\u{code:04X}" for code in range(32)},
    }
)


def _html(*args: JsonValue) -> str:
    text = html.escape(_joined(args), quote=False).replace("\0", "�")
    return text.replace('"', "&#34;").replace("'", "&#39;")


def _call(function: JsonValue, *args: JsonValue) -> str:
    raise FunctionError("non-function " + go_print(function) + f" of type {go_kind(function)}")


def _fail(message: JsonValue) -> str:
    raise FunctionError(text_of(message))


# texts


def _title(value: JsonValue) -> str:
    return re.sub(r"(^|\W)(\w)", lambda m: m[1] + m[2].upper(), text_of(value))


def _trunc(length: JsonValue, value: JsonValue) -> str:
    size, text = number_of(length), text_of(value)
    return text[size:] if size < 0 and len(text) + size > 0 else text[:size] if size >= 0 else text


def _substr(start: JsonValue, end: JsonValue, value: JsonValue) -> str:
    first, last, text = number_of(start), number_of(end), text_of(value)
    if first < 0:
        return text[:last] if last >= 0 else ""
    if last < 0 or last > len(text):
        return text[first:]
    return text[first:last]


def _indent(width: JsonValue, value: JsonValue) -> str:
    text = text_of(value)
    pad = " " * bounded(number_of(width) * (text.count("\n") + 1), number_of(width))
    return pad + text.replace("\n", "\n" + pad)


def _repeat(count: JsonValue, value: JsonValue) -> str:
    times, text = number_of(count), text_of(value)
    if times < 0:
        raise FunctionError("strings: negative Repeat count")
    bounded(times * len(text), 0)
    return text * times


def _replace(old: JsonValue, new: JsonValue, value: JsonValue) -> str:
    text, wanted, put = text_of(value), text_of(old), text_of(new)
    bounded(len(text) + (text.count(wanted)) * len(put), 0)
    return text.replace(wanted, put)


def _quote(*args: JsonValue) -> str:
    return " ".join(go_quote(shown(value)) for value in args if value is not None)


def _squote(*args: JsonValue) -> str:
    return " ".join(f"'{shown(value)}'" for value in args if value is not None)


def _cat(*args: JsonValue) -> str:
    return " ".join(go_print(value) for value in args if value is not None)


def _trim_all(chars: JsonValue, value: JsonValue) -> str:
    return text_of(value).strip(text_of(chars))


# encodings


def _to_json(value: JsonValue) -> str:
    try:
        return go_json(value)
    except ValueError as exc:
        raise FunctionError(str(exc)) from None


def _from_json(value: JsonValue) -> JsonValue:
    try:
        parsed: JsonValue = json.loads(text_of(value), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        # as in slim-sprig, which drops the error
        return None
    return parsed


def _no_constant(word: str) -> JsonValue:
    raise ValueError(word)


def _b64dec(value: JsonValue) -> str:
    text = text_of(value)
    try:
        return base64.b64decode(text, validate=True).decode("utf-8", "replace")
    except ValueError:
        # slim-sprig returns the text of the error
        end = re.match(r"[A-Za-z0-9+/]*={0,2}", text)
        place = 0 if end is None else end.end()
        # a text that is too short fails where its last four begin
        place -= place % 4 if place == len(text) else 0
        return f"illegal base64 data at input byte {place}"


def _regex_replace(pattern: JsonValue, value: JsonValue, put: JsonValue) -> str:
    template = text_of(put)

    def one(match: re.Match[str]) -> str:
        def group(reference: re.Match[str]) -> str:
            name = reference[1] or reference[2]
            if reference[0] == "$$":
                return "$"
            try:
                return match[int(name) if name.isdigit() else name] or ""
            except IndexError:
                return ""

        return re.sub(r"\$\$|\$\{(\w+)\}|\$(\w+)", group, template)

    return pattern_of(pattern).sub(one, text_of(value))


def _regex_find(pattern: JsonValue, value: JsonValue) -> str:
    match = pattern_of(pattern).search(text_of(value))
    return "" if match is None else match.group()


def _clean(value: JsonValue) -> str:
    text = text_of(value)
    cleaned = posixpath.normpath(text) if text else "."
    # POSIX lets two leading slashes mean something else; Go does not
    return "/" + cleaned.lstrip("/") if cleaned.startswith("//") else cleaned


def _base(value: JsonValue) -> str:
    text = text_of(value)
    if not text:
        return "."
    return text.rstrip("/").rpartition("/")[2] or "/"


def _dir(value: JsonValue) -> str:
    return _clean(text_of(value).rpartition("/")[0] or ("/" if text_of(value)[:1] == "/" else ""))


def _ext(value: JsonValue) -> str:
    name = text_of(value).rpartition("/")[2]
    return name[name.rfind(".") :] if "." in name else ""


# choices


def _default(default: JsonValue, value: JsonValue = None) -> JsonValue:
    return value if is_true(value) else default


def _coalesce(*args: JsonValue) -> JsonValue:
    return next((value for value in args if is_true(value)), None)


def _ternary(yes: JsonValue, no: JsonValue, test: JsonValue) -> JsonValue:
    if not isinstance(test, bool):
        raise FunctionError(f"expected bool; got {go_kind(test)}")
    return yes if test else no


_Function = Callable[..., JsonValue]

_FUNCTIONS: Mapping[str, _Function] = {
    **NUMBER_FUNCTIONS,
    **LIST_FUNCTIONS,
    **SPRIG_FUNCTIONS,
    "not": lambda value: not is_true(value),
    "print": _sprint,
    "println": lambda *args: " ".join(go_print(value) for value in args) + "\n",
    "printf": lambda form, *args: go_sprintf(text_of(form), args),
    "html": _html,
    "js": lambda *args: _joined(args).translate(_JS),
    "urlquery": lambda *args: urllib.parse.quote_plus(_joined(args), safe="~"),
    "call": _call,
    "fail": _fail,
    "upper": lambda value: text_of(value).upper(),
    "lower": lambda value: text_of(value).lower(),
    "title": _title,
    "trim": lambda value: text_of(value).strip(),
    "trimAll": _trim_all,
    "trimPrefix": lambda prefix, value: text_of(value).removeprefix(text_of(prefix)),
    "trimSuffix": lambda suffix, value: text_of(value).removesuffix(text_of(suffix)),
    "contains": lambda part, value: text_of(part) in text_of(value),
    "hasPrefix": lambda part, value: text_of(value).startswith(text_of(part)),
    "hasSuffix": lambda part, value: text_of(value).endswith(text_of(part)),
    "replace": _replace,
    "repeat": _repeat,
    "substr": _substr,
    "trunc": _trunc,
    "indent": _indent,
    "nindent": lambda width, value: "\n" + _indent(width, value),
    "quote": _quote,
    "squote": _squote,
    "cat": _cat,
    "toString": shown,
    "empty": lambda value: not is_true(value),
    "default": _default,
    "coalesce": _coalesce,
    "ternary": _ternary,
    "json": _to_json,
    "toJson": _to_json,
    "toPrettyJson": lambda value: go_json(value, indent="  "),
    "fromJson": _from_json,
    "b64enc": lambda value: base64.b64encode(_bytes(value)).decode(),
    "b64dec": _b64dec,
    "sha256sum": lambda value: hashlib.sha256(_bytes(value)).hexdigest(),
    "regexMatch": lambda pattern, value: pattern_of(pattern).search(text_of(value)) is not None,
    "regexFind": _regex_find,
    "regexReplaceAll": _regex_replace,
    "base": _base,
    "dir": _dir,
    "ext": _ext,
    "clean": _clean,
    "kindOf": go_kind,
}
#: other names of the same
_ALIASES = {
    **{"biggest": "max", "push": "append", "splitList": "split", "trimall": "trimAll"},
    **{"tuple": "list", "osBase": "base", "osClean": "clean", "osDir": "dir", "osExt": "ext"},
    "osIsAbs": "isAbs",
    **{
        f"must{name[0].upper()}{name[1:]}": name
        for name in (
            *("append", "chunk", "compact", "first", "has", "initial", "last", "prepend", "push"),
            *("regexFind", "regexFindAll", "regexMatch", "regexReplaceAll", "regexSplit", "rest"),
            *("regexReplaceAllLiteral", "reverse", "slice", "toJson", "toPrettyJson", "toRawJson"),
            *("uniq", "without"),
        )
    },
}
FUNCTIONS: Mapping[str, _Function] = {
    **_FUNCTIONS,
    **{name: _FUNCTIONS[_ALIASES.get(meant, meant)] for name, meant in _ALIASES.items()},
}


def _bytes(value: JsonValue) -> bytes:
    return text_of(value).encode("utf-8", "surrogatepass")
