"""`sqlite.query` and `sqlite.import` (spec 13 section 17)."""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from trio.testing import MockClock

from edge.actions.table import find_action
from edge.core.jsontypes import JsonObject
from tests.actions.context import Context, ended_by_stop

_SETUP = """
CREATE TABLE t (a INTEGER, b TEXT, c REAL, d BLOB, e DATETIME);
INSERT INTO t VALUES (1, 'x,y', 1.0, X'616263', '2024-01-02 03:04:05');
INSERT INTO t VALUES (2, NULL, 2.5, NULL, NULL);
CREATE TABLE u (k INTEGER PRIMARY KEY, v TEXT, w TEXT);
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    conn = sqlite3.connect(tmp_path / "x.db")
    conn.executescript(_SETUP)
    conn.close()
    return tmp_path


async def _run(folder: Path, action: str = "sqlite.query", **options: Any) -> tuple[str, str, str]:
    """Return error, stdout and stderr."""
    context = Context(action, {"dsn": "x.db", **options}, cwd=folder, env={"DAG_RUN_ID": "r1"})
    outcome = await context.run()
    assert outcome.code == (1 if outcome.error else 0)
    return outcome.error, context.out.decode(), context.err.decode()


# spec 13 section 17: output formats; sorted keys, csv keeps the column order
@pytest.mark.parametrize(
    ("query", "options", "printed"),
    [
        (
            "SELECT b, a, c, d, e FROM t ORDER BY a",
            {},
            '{"a":1,"b":"x,y","c":1,"d":"abc","e":"2024-01-02T03:04:05Z"}\n'
            '{"a":2,"b":null,"c":2.5,"d":null,"e":null}\n',
        ),
        (
            "SELECT b, a FROM t ORDER BY a",
            {"output_format": "json"},
            '[\n  {\n    "a": 1,\n    "b": "x,y"\n  },\n  {\n    "a": 2,\n    "b": null\n  }\n]\n',
        ),
        ("SELECT a FROM t WHERE 0", {"output_format": "json"}, "[]\n"),
        ("SELECT a FROM t WHERE 0", {}, ""),
        (
            "SELECT b, a, c FROM t ORDER BY a",
            {"output_format": "csv"},
            '"x,y",1,1\nnull,2,2.5\n',
        ),
        (
            "SELECT b, a FROM t ORDER BY a",
            {"output_format": "csv", "headers": True, "null_string": "-"},
            'b,a\n"x,y",1\n-,2\n',
        ),
        ("SELECT a FROM t ORDER BY a", {"max_rows": 1}, '{"a":1}\n'),
        ("SELECT 1", {}, '{"1":1}\n'),
        ("VALUES (7)", {}, '{"column1":7}\n'),
        ("SELECT '<' AS a", {}, '{"a":"\\u003c"}\n'),
        ("SELECT :x AS x, :y AS y", {"params": {"x": 5, "y": "$S"}}, '{"x":5,"y":"api"}\n'),
        ("SELECT $2 AS x, $1 AS y", {"params": [1, 2]}, '{"x":2,"y":1}\n'),
        ("SELECT 1 AS a;\nSELECT 2 AS b", {}, '{"a":1}\n{"b":2}\n'),
        ("INSERT INTO u VALUES (1, 'v', 'w') RETURNING k", {}, '{"k":1}\n'),
        ("INSERT INTO u VALUES (1, 'v', 'w')", {}, ""),
        ("PRAGMA foreign_keys", {}, '{"foreign_keys":1}\n'),
        ("SELECT 9e999 AS i", {}, '{"i":"+Inf"}\n'),
        ("SELECT 1 AS a", {"dsn": ":memory:"}, '{"a":1}\n'),
        ("SELECT count(*) AS n FROM t", {"dsn": "file:x.db?mode=ro"}, '{"n":2}\n'),
        ("SELECT 1 AS a", {"file_lock": True}, '{"a":1}\n'),
        ("file://q.sql", {}, '{"a":1}\n{"a":2}\n'),
    ],
)
async def test_queries(folder: Path, query: str, options: JsonObject, printed: str) -> None:
    (folder / "q.sql").write_text("-- all\nSELECT a FROM t ORDER BY a;\n")
    error, out, _ = await _run(folder, query=query, **options)
    assert (error, out) == ("", printed)


# spec 13 section 17: errors, exit 1
@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"dsn": " ", "query": "SELECT 1"}, "failed to parse sql config: dsn is required"),
        ({"query": "SELECT * FROM no"}, "SQL logic error: no such table: no (1)"),
        ({"query": "SELECT ?", "params": []}, "parameter count mismatch"),
        ({"query": "SELECT :n", "params": {"m": 1}}, 'parameter "n" not found in params'),
        ({"query": "SELECT 1;\nSELECT * FROM no"}, "statement 2 failed: SQL logic error: "),
        (
            {"query": "INSERT INTO u VALUES (1,1,1);\nINSERT INTO u VALUES (1,1,1)"},
            "statement 2 failed: constraint failed: UNIQUE constraint failed: u.k (1555)",
        ),
        ({"query": "DELETE FROM t", "dsn": "file:x.db?mode=ro"}, "readonly database"),
        ({"query": "file://no.sql"}, "no such file or directory"),
    ],
)
async def test_errors(folder: Path, options: JsonObject, error: str) -> None:
    found, _, err = await _run(folder, **options)
    assert error in found
    if found.startswith(("statement", "SQL", "parameter")):
        assert json.loads(err.splitlines()[-1])["status"] == "error"


# spec 13 section 17: transaction
@pytest.mark.parametrize(("transaction", "left"), [(True, 0), (False, 1)])
async def test_a_failed_script(folder: Path, transaction: bool, left: int) -> None:
    query = "INSERT INTO u VALUES (1,1,1);\nSELECT 5 AS a;\nSELECT * FROM no"
    error, out, _ = await _run(folder, query=query, transaction=transaction)
    assert error.startswith("statement 3 failed: ")
    assert out == '{"a":5}\n', "rows of earlier statements stay printed"
    _, out, _ = await _run(folder, query="SELECT count(*) AS n FROM u")
    assert out == f'{{"n":{left}}}\n'


async def test_the_lines_on_stderr(folder: Path) -> None:
    """spec 13 section 17: one JSON line a statement."""
    _, _, err = await _run(folder, query="SELECT a FROM t;\nUPDATE t SET a = 3;\nDELETE FROM u")
    first, second, third = map(json.loads, err.splitlines())
    names = "query_hash started_at finished_at duration_ms".split()
    assert list(first) == [*names, "rows_returned", "status"]
    assert (first["rows_returned"], first["status"]) == (2, "success")
    assert list(second) == [*names, "rows_affected", "status"]
    assert second["rows_affected"] == 2
    assert list(third) == [*names, "status"]


async def test_rows_to_a_file(folder: Path) -> None:
    """spec 13 section 17: `.tmp`, rename; nothing on stdout."""
    options: JsonObject = {"streaming": True, "output_file": "o.jsonl"}
    error, out, _ = await _run(folder, query="SELECT a FROM t ORDER BY a", **options)
    assert (error, out) == ("", "")
    assert (folder / "o.jsonl").read_text() == '{"a":1}\n{"a":2}\n'
    error, _, _ = await _run(folder, query="SELECT 1;\nSELECT * FROM no", **options)
    assert error
    assert (folder / "o.jsonl").read_text() == '{"a":1}\n{"a":2}\n'
    assert sorted(os.listdir(folder)) == ["o.jsonl", "x.db"]
    # both are needed
    _, out, _ = await _run(folder, query="SELECT 1 AS a", output_file="n")
    assert (out, (folder / "n").exists()) == ('{"a":1}\n', False)


async def test_a_lock_of_another_process(folder: Path, autojump_clock: MockClock) -> None:
    """spec 13 section 17: tried thirty times, like a connection."""
    fd = os.open(folder / "x.db.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(fd, fcntl.LOCK_EX)
    options: JsonObject = {"dsn": "x.db", "query": "SELECT 1", "file_lock": True, "timeout": 0}
    context = Context("sqlite.query", options, cwd=folder)
    error = (await find_action(context.step)(context)).error
    os.close(fd)
    assert error == "failed to connect to database: database is locked by another process"


async def test_shared_memory_is_that_of_the_run(folder: Path) -> None:
    """spec 13 section 17: `:memory:` shared; never with another run of this process."""
    keeper = sqlite3.connect("file:edge-r1?mode=memory&cache=shared", uri=True)
    options: JsonObject = {"dsn": ":memory:", "shared_memory": True}
    error, _, _ = await _run(folder, query="CREATE TABLE m (a)", **options)
    assert error == ""
    assert keeper.execute("SELECT count(*) FROM m").fetchone() == (0,)
    keeper.close()


_ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT max(x) FROM c"


async def test_a_stop_interrupts_the_statement(folder: Path) -> None:
    """spec 13 section 1.4: within 2 s."""
    context = Context("sqlite.query", {"dsn": "x.db", "query": _ENDLESS}, cwd=folder)
    assert await ended_by_stop(context)


async def test_a_stop_while_the_database_is_locked(folder: Path) -> None:
    """spec 13 section 1.4: a lock is no reason to keep a stop waiting."""
    other = sqlite3.connect(folder / "x.db")
    other.execute("BEGIN EXCLUSIVE")
    context = Context("sqlite.query", {"dsn": "x.db", "query": "DELETE FROM t"}, cwd=folder)
    assert await ended_by_stop(context)
    other.close()


async def test_timeout(folder: Path) -> None:
    """spec 13 section 17: of the whole step."""
    error, _, _ = await _run(folder, query=_ENDLESS, timeout=1)
    assert "context deadline exceeded" in error


# spec 13 section 17: import
@pytest.mark.parametrize(
    ("name", "content", "options", "rows"),
    [
        ("f.csv", "k,v,w\n1,a,b\n2,NULL,\n", {}, [(1, "a", "b"), (2, None, None)]),
        ("f.tsv", "k\tv\n1\ta,b\n", {}, [(1, "a,b", None)]),
        ("f.txt", "k;v\n1;a\n", {"delimiter": ";"}, [(1, "a", None)]),
        (
            "f.csv",
            "1,a\n2,b\n",
            {"has_header": False, "columns": ["k", "w"]},
            [(1, None, "a"), (2, None, "b")],
        ),
        ("f.csv", "x,y\n1,a\n", {"columns": ["k", "v"]}, [(1, "a", None)]),
        (
            "f.jsonl",
            '{"v":"a","k":1}\n\n{"k":2,"v":{"b":1}}\n',
            {},
            [(1, "a", None), (2, '{"b":1}', None)],
        ),
        ("f.csv", "k,v\n1,-\n", {"null_values": ["-"]}, [(1, None, None)]),
        (
            "f.csv",
            "k\n1\n2\n3\n4\n",
            {"skip_rows": 1, "max_rows": 2},
            [(2, None, None), (3, None, None)],
        ),
        ("f.csv", "k\n1\n2\n3\n", {"batch_size": 2}, [(n, None, None) for n in (1, 2, 3)]),
        ("f.csv", "k,v\n1,a\n1,b\n", {"on_conflict": "ignore"}, [(1, "a", None)]),
        ("f.csv", "k,v\n1,a\n1,b\n", {"on_conflict": "replace"}, [(1, "b", None)]),
        ("f.csv", "k\n1\n", {"dry_run": True}, []),
        ("f.csv", "", {}, []),
        ("f.data", "k\n1\n", {"format": "csv"}, [(1, None, None)]),
    ],
)
async def test_import(
    folder: Path, name: str, content: str, options: JsonObject, rows: list[Any]
) -> None:
    (folder / name).write_text(content)
    settings: JsonObject = {"input_file": name, "table": "u", **options}
    error, out, err = await _run(folder, "sqlite.import", **{"import": settings})
    assert (error, out) == ("", "")
    conn = sqlite3.connect(folder / "x.db")
    assert conn.execute("SELECT k, v, w FROM u ORDER BY k").fetchall() == rows
    conn.close()
    assert json.loads(err)["status"] == "completed"


# spec 13 section 17: what an import refuses
@pytest.mark.parametrize(
    ("content", "options", "error"),
    [
        ("k\n1\n1\n", {}, "UNIQUE constraint failed"),
        ("k\n1\n", {"input_file": "no.csv"}, "no such file or directory"),
        ("k\n1\n", {"input_file": ""}, "input_file is required"),
        ("k\n1\n", {"table": ""}, "table is required"),
        ("k\n1\n", {"table": 'u"; DROP TABLE t; --'}, "no such table"),
        ("k\n1\n", {"on_conflict": "skip"}, "on_conflict must be one of"),
        ("k\n1\n", {"format": "xml"}, "format must be one of"),
        ("k,v\n1\n", {}, "row 1 has 1 fields, expected 2"),
        ("1\n", {"has_header": False}, "columns is required"),
        ("[1]\n", {"format": "jsonl"}, "a line is not a JSON object"),
        ("{\n", {"format": "jsonl"}, "a line is not valid JSON"),
        ("k\n1\n", {"delimiter": "ab"}, "delimiter must be one character"),
    ],
)
async def test_import_errors(folder: Path, content: str, options: JsonObject, error: str) -> None:
    (folder / "f.csv").write_text(content)
    settings: JsonObject = {"input_file": "f.csv", "table": "u", **options}
    found, _, err = await _run(folder, "sqlite.import", **{"import": settings})
    assert error in found
    line = json.loads(err)
    assert line["status"] == "failed"
    names = "started_at finished_at duration_ms rows_read rows_imported rows_skipped batch_count"
    assert list(line) == [*names.split(), "status", "error"]


async def test_ignored_rows_count_as_imported(folder: Path) -> None:
    """spec 13 section 17; batches are lowered to what one statement may hold."""
    (folder / "f.csv").write_text("k\n" + "1\n" * 5)
    settings: JsonObject = {
        "input_file": "f.csv",
        "table": "u",
        "on_conflict": "ignore",
        "batch_size": 10**9,
        "skip_rows": 1,
    }
    _, _, err = await _run(folder, "sqlite.import", **{"import": settings})
    line = json.loads(err)
    assert [line[key] for key in ("rows_read", "rows_imported", "rows_skipped", "batch_count")] == [
        *(5, 4, 1, 1)
    ]
