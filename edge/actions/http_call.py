"""What `http.request` sends, and what it prints of the answer (spec 13 section 3). Pure."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import quote_plus

from edge.actions.base import ActionError
from edge.actions.inprocess import SET_UP
from edge.actions.inputs import Inputs
from edge.core.gojson import GoRecord, go_json
from edge.core.jsontypes import JsonValue
from edge.workflow.with_resolved import as_text

__all__ = ["Answer", "HttpCall", "parse_body", "read_call", "render_head", "render_json"]

#: requests whose body is not sent
_BODILESS = ("GET", "HEAD", "OPTIONS")
_SET_UP = f"{SET_UP}http executor: "
_HINT = " is required (set via command, args, or with."
_MARKUP = (("<?xml", "text/xml"), ("<!doctype html", "text/html"), ("<html", "text/html"))
_BINARY = re.compile("[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpCall:
    """One request with its inputs resolved. `timeout_s` 0 = none."""

    method: str
    url: str
    timeout_s: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    form: tuple[tuple[str, str], ...] = ()
    #: field -> path as written
    files: tuple[tuple[str, str], ...] = ()
    silent: bool = False
    is_json: bool = False
    output: str = ""
    skip_tls_verify: bool = False
    debug: bool = False

    @property
    def sends_body(self) -> bool:
        """Return whether the text body goes with the request."""
        return bool(self.body) and self.method not in _BODILESS


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and headers of the answer, in the order they came."""

    code: int
    reason: str
    headers: tuple[tuple[str, str], ...] = field(default=())

    @property
    def is_success(self) -> bool:
        """Return whether the status is 2xx."""
        return 200 <= self.code < 300


def read_call(inputs: Inputs) -> HttpCall:
    """Return the request that resolved inputs describe. Raises: ActionError."""
    method = inputs.text("method").strip().upper()
    url = inputs.text("url").strip()
    if not url:
        raise ActionError(f"{_SET_UP}url{_HINT}url)")
    if not method:
        raise ActionError(f"{_SET_UP}method{_HINT}method)")
    body = inputs.text("body")
    form = _text_map(inputs, "form")
    files = _text_map(inputs, "files")
    if body and (form or files):
        raise ActionError(f"{_SET_UP}body cannot be combined with form or files")
    headers = list(_text_map(inputs, "headers").items())
    call = HttpCall(
        method=method,
        url=_with_query(url, _text_map(inputs, "query")),
        timeout_s=inputs.integer("timeout"),
        body=body,
        form=tuple(form.items()),
        files=tuple(files.items()),
        silent=inputs.flag("silent"),
        is_json=inputs.flag("json") or inputs.text("format").strip().lower() == "json",
        output=inputs.text("output"),
        skip_tls_verify=inputs.flag("skip_tls_verify"),
        debug=inputs.flag("debug"),
        headers=tuple(headers),
    )
    if call.sends_body and not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", _sniffed(body)))
    return replace(call, headers=tuple(headers))


def _text_map(inputs: Inputs, key: str) -> dict[str, str]:
    try:
        return {name: as_text(value) for name, value in inputs.members(key).items()}
    except ValueError as exc:
        raise ActionError(f"{SET_UP}{key}: {exc}") from None


def _with_query(url: str, query: Mapping[str, str]) -> str:
    if not query:
        return url
    pairs = "&".join(f"{_form_text(name)}={_form_text(query[name])}" for name in sorted(query))
    url, mark, fragment = url.partition("#")
    joint = "" if url.endswith(("?", "&")) else "&" if "?" in url else "?"
    return url + joint + pairs + mark + fragment


def _form_text(text: str) -> str:
    return quote_plus(text, errors="surrogateescape")


def _sniffed(body: str) -> str:
    """Return the type of a body that names none."""
    start = body.lstrip("\t\n\x0c\r ")[:20].lower()
    for mark, type_ in _MARKUP:
        if start.startswith(mark):
            return f"{type_}; charset=utf-8"
    if _BINARY.search(body[:512]):
        return "application/octet-stream"
    return "text/plain; charset=utf-8"


# -- the answer


def render_head(answer: Answer) -> str:
    """Return status line and headers as text mode prints them."""
    lines = [f"{answer.code} {answer.reason}".rstrip() + "\n"]
    # stable: several values of a name keep their order
    for name, value in sorted(_canonical(answer.headers), key=lambda pair: pair[0]):
        lines.append(f"{name}: {value}\r\n")
    return "".join(lines)


def render_json(
    answer: Answer, *, silent: bool, body: JsonValue = None, output: str = "", has_body: bool = True
) -> str:
    """Return the result of json mode: a record whose members keep their order.

    Raises: ValueError for a body that is nested too deeply.
    """
    is_short = silent and answer.is_success
    headers: dict[str, JsonValue] = {}
    for name, value in _canonical(answer.headers):
        values = headers.setdefault(name, [])
        assert isinstance(values, list)
        values.append(value)
    members: list[tuple[str, JsonValue]] = [
        ("status_code", 0 if is_short else answer.code),
        ("headers", None if is_short else headers),
    ]
    if has_body:
        members.append(("body", body))
    if output:
        members.append(("output", output))
    return go_json(GoRecord(members), indent=" ")


def _canonical(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [("-".join(map(_word, name.split("-"))), value) for name, value in headers]


def _word(part: str) -> str:
    return part[:1].upper() + part[1:].lower()


def parse_body(text: str) -> JsonValue:
    """Return the JSON value of a body; every number is a float, as Go reads it.

    Raises: ValueError with the parser's text.
    """
    try:
        value: JsonValue = json.loads(
            text, parse_constant=_refuse_constant, parse_int=_number, parse_float=_number
        )
    except json.JSONDecodeError as exc:
        raise ValueError(_parser_text(exc)) from None
    except RecursionError:
        raise ValueError("exceeded max depth") from None
    return value


def _refuse_constant(word: str) -> JsonValue:
    raise ValueError(f"invalid character '{word[0]}' looking for beginning of value")


def _number(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"json: cannot unmarshal number {text} into Go value of type float64")
    return value


def _parser_text(exc: json.JSONDecodeError) -> str:
    at = exc.pos
    while at < len(exc.doc) and exc.doc[at] in " \t\r\n":
        at += 1
    if at >= len(exc.doc):
        return "unexpected end of JSON input"
    found = "'\\''" if exc.doc[at] == "'" else f"'{exc.doc[at]}'"
    if exc.msg == "Extra data":
        return f"invalid character {found} after top-level value"
    if exc.msg.startswith("Expecting ',' delimiter"):
        return f"invalid character {found} after array element or object value"
    return f"invalid character {found} looking for beginning of value"
