"""What the writer writes, the reader reads back."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.workflow.nodes import ListNode, MapNode, Node, Scalar, ScalarNode, json_of
from edge.workflow.yaml_reader import read_documents
from edge.workflow.yaml_writer import to_yaml

_TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12) | st.sampled_from(
    [
        "yes",
        "010",
        "1e3",
        "1.5",
        "~",
        "<<",
        "- a",
        "a: b",
        " a\n b\n",
        "\n",
        "a\n\n\n",
        "\ta\nb",
        "null",
        "#x",
        "a #b",
        "'",
        '"',
        "|",
        "a\r\nb",
        "\x85",
        "\u2028",
        "x" * 200,
    ]
)
_SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | _TEXT
_TREES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=20,
)


def node_of(tree: object) -> Node:
    if isinstance(tree, dict):
        return MapNode(1, 1, {key: node_of(value) for key, value in tree.items()}, {})
    if isinstance(tree, list):
        return ListNode(1, 1, [node_of(item) for item in tree])
    assert tree is None or isinstance(tree, str | int | float)
    return ScalarNode(1, 1, tree)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(_TEXT, _TREES, min_size=1, max_size=4))
def test_any_tree_reads_back(tree: dict[str, object]) -> None:
    """spec 10 section 2: the text of a local document is its tree, re-serialised"""
    root = read_documents(to_yaml(node_of(tree)))[0].root
    assert root is not None
    assert repr(json_of(root)) == repr(tree)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("plain text", "plain text"),
        ("yes", '"yes"'),
        ("010", '"010"'),
        ("", '""'),
        ("a: b", '"a: b"'),
        ("a\nb\n", "|\n  a\n  b"),
        ("a\nb", "|-\n  a\n  b"),
        (" a\nb\n", "|2\n   a\n  b"),
        (1e20, "1.0e+20"),
        (1.5, "1.5"),
        (math.inf, ".inf"),
        (None, "null"),
        (True, "true"),
        ("\u2028", '"\\u2028"'),
    ],
)
def test_form_of_a_scalar(value: Scalar, written: str) -> None:
    """spec 10 section 1.1: read back by its rules"""
    assert to_yaml(MapNode(1, 1, {"k": ScalarNode(1, 1, value)}, {})) == f"k: {written}\n"


def test_form_of_a_tree() -> None:
    """spec 10 section 2"""
    tree = {"a": [{"b": 1, "c": ["x", []]}, ["a", {"z": {}}]], "d": {"e": None}}
    assert to_yaml(node_of(tree)) == (
        "a:\n  - b: 1\n    c:\n      - x\n      - []\n  - - a\n    - z: {}\nd:\n  e: null\n"
    )
