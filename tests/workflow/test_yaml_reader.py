"""Scalars, errors and bounds of the one YAML reader (spec 10 sections 1, 1.1 and 1.2)."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.workflow.nodes import ListNode, MapNode, Node, Scalar, ScalarNode, go_float, go_text
from edge.workflow.problems import DAGError
from edge.workflow.yaml_reader import MAX_BYTES, MAX_DEPTH, read_documents


def root(text: str) -> Node:
    node = read_documents(text)[0].root
    assert node is not None
    return node


def plain(node: Node) -> object:
    if isinstance(node, ScalarNode):
        return node.value
    if isinstance(node, ListNode):
        return [plain(item) for item in node.items]
    assert isinstance(node, MapNode)
    return {key: plain(value) for key, value in node.entries.items()}


def fault(text: str) -> str:
    with pytest.raises(DAGError) as caught:
        read_documents(text)
    return caught.value.message


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("yes", "yes"),
        ("No", "No"),
        ("on", "on"),
        ("off", "off"),
        ("y", "y"),
        ("true", True),
        ("True", True),
        ("FALSE", False),
        ("tRUE", "tRUE"),
        ("null", None),
        ("~", None),
        ("", None),
        ("010", 8),
        ("0755", 493),
        ("08", "08"),
        ("0o17", 15),
        ("0x1F", 31),
        ("0b11", 3),
        ("1_000", 1000),
        ("+5", 5),
        ("-5", -5),
        ("0", 0),
        ("12345678901234567890", 12345678901234567890),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("1.50", 1.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("1_000.5", 1000.5),
        ("1.0e3", 1000.0),
        ("1.e3", 1000.0),
        ("1e3", "1e3"),
        ("1e+3", "1e+3"),
        ("12e03", "12e03"),
        (".inf", float("inf")),
        ("-.Inf", float("-inf")),
        ("2024-01-02", "2024-01-02"),
        ("12:30:00", "12:30:00"),
        ("1.2.3", "1.2.3"),
        ("-", "-x"),
        ("'5'", "5"),
        ('"true"', "true"),
        ("!foo 1", 1),
        ("!!str 1", "1"),
        ("0x", "0x"),
        ("_1", "_1"),
        (".", "."),
        ("--1", "--1"),
    ],
)
def test_scalar_types_of_yaml_1_2(written: str, value: Scalar) -> None:
    """spec 10 section 1.1"""
    if written == "-":
        written = "-x"
    found = plain(root(f"a: {written}\n"))
    assert found == {"a": value}
    assert isinstance(found, dict)
    assert type(found["a"]) is type(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.5, "1.5"),
        (1000.0, "1000"),
        (1e6, "1e+06"),
        (999999.0, "999999"),
        (123456789.5, "1.234567895e+08"),
        (0.000001, "1e-06"),
        (0.0001, "0.0001"),
        (-0.25, "-0.25"),
        (0.0, "0"),
        (float("inf"), "+Inf"),
        (float("-inf"), "-Inf"),
        (float("nan"), "NaN"),
        (1e21, "1e+21"),
        (1e100, "1e+100"),
    ],
)
def test_float_text_is_that_of_go(value: float, text: str) -> None:
    """spec 10 section 1.1"""
    assert go_float(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_float_text_reads_back(value: float) -> None:
    assert float(go_float(value)) == value


def test_text_of_lists_and_maps_is_that_of_go() -> None:
    """spec 10 section 1.1"""
    assert go_text(root("[1, {b: [x], a: ~}, true]")) == "[1 map[a:<nil> b:[x]] true]"


def test_order_and_places_are_kept() -> None:
    """spec 10 section 1.1"""
    node = root("# c\nz: 1\na:\n  - x\n  - {k: v}\n")
    assert isinstance(node, MapNode)
    assert list(node.entries) == ["z", "a"]
    assert node.keys["a"] == (3, 1)
    items = node.entries["a"]
    assert isinstance(items, ListNode)
    assert (items.items[1].line, items.items[1].column) == (5, 5)


def test_aliases_and_merge_keys() -> None:
    """spec 10 section 1.1"""
    text = "a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3, r: 4}\nc: {q: 5, <<: [*x, {s: 6}]}\nd: *x\n"
    assert plain(root(text)) == {
        "a": {"p": 1, "q": 2},
        "b": {"p": 1, "q": 3, "r": 4},
        "c": {"q": 5, "p": 1, "s": 6},
        "d": {"p": 1, "q": 2},
    }


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffa: 1\n",
        "%YAML 1.2\n---\na: 1\n",
        "# c\n%YAML 1.1\n%TAG ! tag:x,2000:\n---\na: 1\n",
        "a: 1\r\n",
        "---\na: 1\n...\n",
        '{"a": 1,}',
        "? a\n: 1\n",
    ],
)
def test_forms_that_are_skipped_or_accepted(text: str) -> None:
    """spec 10 section 1.1"""
    assert plain(root(text)) == {"a": 1}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        # spec 10 section 1.1: block texts, tags, keys of any scalar
        ("a: |\n  x\n  y\n", "x\ny\n"),
        ("a: |-\n  x\n", "x"),
        ("a: |+\n  x\n\n", "x\n\n"),
        ("a: >\n  x\n  y\n", "x y\n"),
        ("a: |2\n    x\n", "  x\n"),
        ("a: |\n\n  x\n", "\nx\n"),
        ("a: !foo x\n", "x"),
        ("a: !!str 1\n", "1"),
        ("a: [!bar 1]\n", [1]),
        ("a: {yes: 1, 010: 2, ~: 3, 1.50: 4}\n", {"yes": 1, "8": 2, "null": 3, "1.5": 4}),
        ('a: "x\\ty"\n', "x\ty"),
        ("a: 'it''s'\n", "it's"),
        ("a:\n- b\n- c\n", ["b", "c"]),
    ],
)
def test_texts_tags_and_keys(text: str, value: object) -> None:
    assert plain(root(text)) == {"a": value}


def test_empty_documents_are_reported_as_such() -> None:
    """spec 10 section 2"""
    documents = read_documents("a: 1\n---\n# nothing\n---\nb: 2\n")
    assert [document.root is None for document in documents] == [False, True, False]
    assert [document.line for document in documents] == [1, 2, 4]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: `x`\n", "[1:4] '`' is a reserved character"),
        ("a: @x\n", "[1:4] '@' is a reserved character"),
        ("x: 1\na: b: c\n", "[2:4] mapping value is not allowed in this context"),
        ("a:\n\t- b\n", "[2:1] found character '\\t' that cannot start any token"),
        ('a: "\\q"\n', "found unknown escape character 'q'"),
        ("a: *x\n", 'could not find alias "x"'),
        ("a: [1, 2\n", "sequence end token ']' not found"),
        ("a: {b: 1\n", "could not find flow mapping end token '}'"),
        ('a: "x\n', "could not find end character of double-quoted text"),
        ("a: 'x\n", "could not find end character of single-quoted text"),
        ("a: [1, 2}\n", "',' or ']' must be specified"),
        ("a: 1\na: 2\n", '[2:1] mapping key "a" already defined at [1:1]'),
        ("a: {b: 1, b: 2}\n", '[1:11] mapping key "b" already defined at [1:5]'),
        ("a: &x [*x]\n", 'could not find alias "x"'),
        ("a: {<<: 1}\n", "a merge key needs a mapping"),
        ("? [1]\n: 2\n", "a mapping key must be a scalar"),
        ("a: \x00\n", "that is not allowed in YAML"),
        ("a: \x1b[0m\n", "that is not allowed in YAML"),
        ("a: \ud800\n", "that is not allowed in YAML"),
    ],
)
def test_syntax_errors_name_the_place(text: str, message: str) -> None:
    """spec 10 section 1.2"""
    assert message in fault(text)


def test_excerpt_shows_three_lines_around_and_the_column() -> None:
    """spec 10 section 1.2"""
    text = "\n".join(f"k{n}: {n}" for n in range(1, 6)) + "\nbad: `\n" + "x: 1\n" * 1
    assert fault(text).splitlines() == [
        "[6:6] '`' is a reserved character",
        "   3 | k3: 3",
        "   4 | k4: 4",
        "   5 | k5: 5",
        ">  6 | bad: `",
        "            ^",
        "   7 | x: 1",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "[" * 40_000,
        "- " * 40_000,
        "{a: " * 40_000,
        "? " * 40_000,
        "[" * 90 + "{a: " * 90,
        "\n".join(" " * n + "a:" for n in range(700)),
    ],
    ids=["brackets", "dashes", "braces", "questions", "mixed", "indents"],
)
def test_deep_nesting_is_refused_at_once(text: str) -> None:
    """spec 10 section 1.2"""
    begin = time.process_time()
    assert f"nested deeper than {MAX_DEPTH}" in fault(text) or "[1:" in fault(text)
    assert time.process_time() - begin < 1.0


def test_alias_bomb_is_refused_at_once() -> None:
    """spec 10 section 1.2"""
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    begin = time.process_time()
    assert "more than 200000 nodes" in fault("\n".join(levels))
    assert time.process_time() - begin < 1.0


def test_size_is_bounded() -> None:
    """spec 10 section 1.2"""
    assert "larger than" in fault("a: " + "x" * MAX_BYTES)


_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(_VALUES)
def test_json_reads_back(value: object) -> None:
    import json

    documents = read_documents(json.dumps(value, ensure_ascii=False))
    node = documents[0].root
    assert (None if node is None else plain(node)) == value


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(DAGError):
        assert isinstance(read_documents(text), list)
