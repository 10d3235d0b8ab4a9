"""The file that a step writes its declared outputs to (spec 11 section 8.1). Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence

from edge.workflow.model import OutputDecl

__all__ = ["OutputError", "parse_output_file"]

_DELIMITER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z", re.ASCII)


class OutputError(ValueError):
    """What a step published cannot be taken; the text is the node's error."""


def parse_output_file(
    data: bytes, declared: Sequence[OutputDecl], limit_bytes: int
) -> dict[str, str]:
    """Return name -> emitted text, in the order of the declarations. Raises: OutputError."""
    try:
        return _parse(data, declared, limit_bytes)
    except ValueError as exc:
        raise OutputError(f"failed to parse DAGU_OUTPUT_FILE: {exc}") from None


def _parse(data: bytes, declared: Sequence[OutputDecl], limit_bytes: int) -> dict[str, str]:
    if len(data) > limit_bytes:
        raise ValueError(_too_large(limit_bytes))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("step output file is not valid UTF-8") from None
    types = {item.name: item.type for item in declared}
    found: dict[str, str] = {}
    for name, value in list(_records(text)):
        if name not in types:
            raise ValueError(f'undeclared step output "{name}"')
        if name in found:
            raise ValueError(f'duplicate step output "{name}"')
        if types[name] == "json" and not _is_json(value):
            raise ValueError(f'step output "{name}" is not valid JSON')
        found[name] = value
    _check_complete(types, found)
    ordered = {name: found[name] for name in types}
    if declared and len(json.dumps(ordered, separators=(",", ":")).encode()) > limit_bytes:
        raise ValueError(_too_large(limit_bytes))
    return ordered


def _check_complete(types: Iterable[str], found: dict[str, str]) -> None:
    for name in types:
        if name not in found:
            raise ValueError(f'declared step output "{name}" was not emitted')


def _too_large(limit_bytes: int) -> str:
    return f"step outputs exceeded maximum size limit of {limit_bytes} bytes"


def _records(text: str) -> Iterator[tuple[str, str]]:
    """Yield (name, value) of each record. Raises: ValueError with the 1-based line."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")
    lines = text.split("\n") if text else []
    at = 0
    while at < len(lines):
        line = lines[at]
        number = at + 1
        at += 1
        if not line:
            raise ValueError(f"empty line at line {number} is not a valid step output record")
        equals, block = line.find("="), line.find("<<")
        if block >= 0 and (equals < 0 or block < equals):
            name, delimiter = line[:block], line[block + 2 :]
            _check_name(name, number)
            if not _DELIMITER.match(delimiter):
                raise ValueError(f"invalid multiline delimiter at line {number}")
            try:
                end = lines.index(delimiter, at)
            except ValueError:
                raise ValueError(f'unclosed multiline output "{name}"') from None
            yield name, "\n".join(lines[at:end])
            at = end + 1
        elif equals >= 0:
            _check_name(line[:equals], number)
            yield line[:equals], line[equals + 1 :]
        else:
            raise ValueError(f"invalid step output record at line {number}")


def _check_name(name: str, number: int) -> None:
    if not name:
        raise ValueError(f"missing output name at line {number}")


def _is_json(text: str) -> bool:
    """Tell whether a text is one JSON value; numbers are not converted, however long."""

    def refuse(word: str) -> None:
        raise ValueError(word)

    try:
        json.loads(text, parse_constant=refuse, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return False
    return True
