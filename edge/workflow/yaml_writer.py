"""A tree back to YAML text that our reader, and any YAML 1.2 reader, takes for the same tree.

For a local sub-DAG, whose stored definition is its own document (spec 10 section 2), and for what
`migrate-dag` puts in place of an old form.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from edge.workflow.nodes import ListNode, MapNode, Node, ScalarNode
from edge.workflow.yaml_scalars import plain_scalar

__all__ = ["flow_text", "scalar_source", "to_yaml"]

#: text that needs no quotes in block and flow context, whatever stands around it
_PLAIN = re.compile(r"[A-Za-z_/$][A-Za-z0-9_/$.@+=~-]*(?: [A-Za-z0-9_/$.@+=~-]+)*\Z")
#: words that an older reader takes for something else than text
_WORDS = frozenset("y n yes no on off true false null".split())
#: characters that a block scalar may hold
_BLOCK = re.compile("[\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]*\\Z")


def to_yaml(node: Node) -> str:
    """Return the document in block form, ending in a newline."""
    if isinstance(node, ScalarNode) or not _has_entries(node):
        return flow_text(node) + "\n"
    return "\n".join(_block(node, "")) + "\n"


def _has_entries(node: Node) -> bool:
    return bool(isinstance(node, MapNode) and node.entries) or bool(
        isinstance(node, ListNode) and node.items
    )


def _block(node: Node, indent: str) -> Iterator[str]:
    if isinstance(node, MapNode):
        for key, value in node.entries.items():
            yield from _entry(f"{indent}{scalar_source(key)}:", value, indent)
    else:
        assert isinstance(node, ListNode)
        for item in node.items:
            if _has_entries(item):
                lines = list(_block(item, indent + "  "))
                # the first entry stands on the line of the dash
                yield f"{indent}- {lines[0][len(indent) + 2 :]}"
                yield from lines[1:]
            else:
                yield from _entry(f"{indent}-", item, indent)


def _entry(head: str, value: Node, indent: str) -> Iterator[str]:
    if _has_entries(value):
        yield head
        yield from _block(value, indent + "  ")
        return
    if isinstance(value, ScalarNode) and isinstance(value.value, str) and "\n" in value.value:
        lines = block_scalar(value.value, indent + "  ")
        if lines:
            yield f"{head} {lines[0]}"
            yield from lines[1:]
            return
    yield f"{head} {flow_text(value)}"


def block_scalar(text: str, indent: str) -> list[str]:
    """Return a literal block: its header, then its lines; [] where only quotes keep the text."""
    body = text.rstrip("\n")
    if not body or not _BLOCK.match(text) or "\n" not in text:
        return []
    end = len(text) - len(body)
    lines = body.split("\n")
    # blanks at the start would be taken for indentation
    size = "2" if lines[0][:1] in (" ", "", "\t") else ""
    chomp = "-" if end == 0 else "+" if end > 1 else ""
    written = [f"{indent}{line}" if line else "" for line in lines]
    return [f"|{size}{chomp}", *written, *[""] * (end - 1 if end > 1 else 0)]


def flow_text(node: Node) -> str:
    """Return a value on one line."""
    if isinstance(node, ListNode):
        return "[" + ", ".join(flow_text(item) for item in node.items) + "]"
    if isinstance(node, MapNode):
        pairs = (f"{scalar_source(key)}: {flow_text(value)}" for key, value in node.entries.items())
        return "{" + ", ".join(pairs) + "}"
    assert isinstance(node, ScalarNode)
    value = node.value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float(value)
    return scalar_source(value) if isinstance(value, str) else str(value)


def scalar_source(text: str) -> str:
    """Return text as a scalar that reads back as text: plain where that is safe, else quoted."""
    if _PLAIN.match(text) and text.lower() not in _WORDS and plain_scalar(text) == text:
        return text
    return '"' + "".join(map(_quoted, text)) + '"'


_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}


def _quoted(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable():
        return char
    code = ord(char)
    return (
        f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
    )


def _float(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    if value in (float("inf"), float("-inf")):
        return ".inf" if value > 0 else "-.inf"
    mantissa, _, exponent = repr(value).partition("e")
    # a number without a dot and with an exponent is text to the reader
    point = mantissa if "." in mantissa else mantissa + ".0"
    return point + (f"e{exponent}" if exponent else "")
