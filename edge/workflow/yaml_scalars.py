"""Typing of plain YAML scalars: YAML 1.2 with the extras of spec 10 section 1.1."""

from __future__ import annotations

import re

from edge.workflow.nodes import Scalar

__all__ = ["plain_scalar"]

_WORDS: dict[str, Scalar] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
    ".nan": float("nan"),
    ".NaN": float("nan"),
    ".NAN": float("nan"),
}
for _sign, _factor in (("", 1), ("+", 1), ("-", -1)):
    for _word in (".inf", ".Inf", ".INF"):
        _WORDS[_sign + _word] = _factor * float("inf")

_INTEGER = re.compile(
    r"(?P<sign>[-+]?)(?:0b(?P<bin>[01_]+)|0o(?P<oct>[0-7_]+)|0x(?P<hex>[0-9a-fA-F_]+)"
    r"|0(?P<old>[0-7_]+)|(?P<dec>0|[1-9][0-9_]*))\Z"
)
_FLOAT = re.compile(r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?\Z")
_BASES = {"bin": 2, "oct": 8, "hex": 16, "old": 8, "dec": 10}
_NUMBER_START = frozenset("-+.0123456789")


def plain_scalar(text: str) -> Scalar:
    """Return the value of an unquoted scalar; anything that is not a number or word is text."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_START:
        return text
    match = _INTEGER.match(text)
    if match is not None:
        name = match.lastgroup
        assert name is not None
        digits = match[name].replace("_", "")
        if not digits or len(digits) > 80:
            return text
        value = int(match["sign"] + digits, _BASES[name])
        # more than 64 bits keeps its text
        return value if -(2**63) <= value < 2**64 else text
    if _FLOAT.match(text):
        return float(text.replace("_", ""))
    return text
