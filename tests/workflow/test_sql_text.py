"""SQL as text (spec 13 section 17)."""

from __future__ import annotations

import pytest

from edge.core.jsontypes import JsonValue
from edge.workflow.sql_text import SqlTextError, bind, query_hash, returns_rows, split_statements


# spec 13 section 17: split on `;` outside quotes and `$tag$`
@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT 1;\nSELECT 2;\n", ["SELECT 1", "SELECT 2"]),
        ("SELECT ';' ; SELECT \";\"", ["SELECT ';'", 'SELECT ";"']),
        ("SELECT 'it''s;'", ["SELECT 'it''s;'"]),
        ("SELECT $a$;$b$;$a$; SELECT $$;$$", ["SELECT $a$;$b$;$a$", "SELECT $$;$$"]),
        ("-- one;\nSELECT 1 /* ; */;\n-- end;", ["-- one;\nSELECT 1 /* ; */"]),
        (" ;; ", []),
    ],
)
def test_statements(text: str, statements: list[str]) -> None:
    assert split_statements(text) == statements


# spec 13 section 17: rows are fetched when the statement starts with ... or holds RETURNING
@pytest.mark.parametrize(
    ("statement", "is_fetched"),
    [
        ("SELECT 1", True),
        ("  with x as (select 1) select * from x", True),
        ("TABLE t", True),
        ("VALUES (1)", True),
        ("PRAGMA user_version", True),
        ("-- note\nSELECT 1", True),
        ("INSERT INTO t VALUES (1) RETURNING a", True),
        ("INSERT INTO t VALUES (1)", False),
        ("SELECTED", False),
    ],
)
def test_what_returns_rows(statement: str, is_fetched: bool) -> None:
    assert returns_rows(statement) is is_fetched


# spec 13 section 17: map: `:name`; list: `?` / `$1`
@pytest.mark.parametrize(
    ("statement", "params", "text", "values"),
    [
        ("a = :x AND b = :y", {"x": 1, "y": "t"}, "a = ? AND b = ?", [1, "t"]),
        ("':x' || :x -- :x", {"x": None}, "':x' || ? -- :x", [None]),
        ("a::text = :x", {"x": True, "z": 1}, "a::text = ?", [1]),
        ("? + ?", [1, 2], "? + ?", [1, 2]),
        ("$2 - $1 - $1", [1, 2], "? - ? - ?", [2, 1, 1]),
        ("?2 - ?1", ["a", "b"], "? - ?", ["b", "a"]),
        (":x", {"x": {"b": 1, "a": [2]}}, "?", ['{"a":[2],"b":1}']),
        ("SELECT 1", [], "SELECT 1", []),
        ("SELECT 1", {}, "SELECT 1", []),
    ],
)
def test_parameters(statement: str, params: JsonValue, text: str, values: list[object]) -> None:
    assert isinstance(params, dict | list)
    assert bind(statement, params, skips_unused=False) == (text, values)


# spec 13 section 17: count must match, unknown name
@pytest.mark.parametrize(
    ("statement", "params", "error"),
    [
        ("?", [], "parameter count mismatch"),
        ("?", [1, 2], "parameter count mismatch"),
        ("$2", [1], "parameter count mismatch"),
        ("SELECT 1", [1], "parameter count mismatch"),
        (":x", {"y": 1}, 'parameter "x" not found in params'),
        ("?", [1 << 63], "is out of range"),
    ],
)
def test_parameters_that_do_not_fit(statement: str, params: JsonValue, error: str) -> None:
    assert isinstance(params, dict | list)
    with pytest.raises(SqlTextError, match=error):
        bind(statement, params, skips_unused=False)


def test_a_statement_of_a_script_may_use_no_parameter() -> None:
    """spec 13 section 17."""
    assert bind("SELECT 1", [1], skips_unused=True) == ("SELECT 1", [])


# spec 13 section 17: x31 rolling hash over code points, 64 bits, 16 hex digits
@pytest.mark.parametrize(
    ("text", "found"), [("", "0" * 16), ("a", f"{97:016x}"), ("aé", f"{97 * 31 + 233:016x}")]
)
def test_hash(text: str, found: str) -> None:
    assert query_hash(text) == found
    assert len(query_hash("x" * 100)) == 16
