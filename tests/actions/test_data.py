"""`data.convert` and `data.pick` (spec 13 section 19)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edge.core.jsontypes import JsonObject
from tests.actions.context import act

_ROWS: Any = [{"b": "x,y", "a": 1}, {"a": None, "c": [1]}]


# spec 13 section 19: convert
@pytest.mark.parametrize(
    ("options", "printed"),
    [
        (
            {"from": "json", "to": "json", "data": '{"b":1,"a":"<"}'},
            '{\n  "a": "\\u003c",\n  "b": 1\n}\n',
        ),
        (
            {"from": "json", "to": "yaml", "data": {"b": [1, "x"], "a": None}},
            "a: null\nb:\n- 1\n- x\n",
        ),
        ({"from": "json", "to": "yaml", "data": '"s"'}, "s\n"),
        (
            {"from": "yaml", "to": "json", "data": "a: [1, b]\n"},
            '{\n  "a": [\n    1,\n    "b"\n  ]\n}\n',
        ),
        ({"from": "json", "to": "csv", "data": _ROWS}, 'a,b,c\n1,"x,y",\n,,[1]\n'),
        ({"from": "json", "to": "csv", "data": _ROWS, "columns": ["b"]}, 'b\n"x,y"\n""\n'),
        ({"from": "json", "to": "csv", "data": _ROWS, "headers": False}, '1,"x,y",\n,,[1]\n'),
        ({"from": "json", "to": "tsv", "data": [["a", 1], ["b", 2.5]]}, "a\t1\nb\t2.5\n"),
        ({"from": "json", "to": "csv", "data": [["a", 1]], "delimiter": ";"}, "a;1\n"),
        (
            {"from": "csv", "to": "json", "data": "a,b\n1,2\n"},
            '[\n  {\n    "a": "1",\n    "b": "2"\n  }\n]\n',
        ),
        ({"from": "csv", "to": "tsv", "data": "1,2\n", "has_header": False}, "1\t2\n"),
        (
            {"from": "csv", "to": "text", "data": "1\n", "has_header": False, "columns": ["k"]},
            '[{"k":"1"}]',
        ),
        ({"from": "tsv", "to": "text", "data": "a\n1\n"}, '[{"a":"1"}]'),
        ({"from": "text", "to": "text", "data": "as it is"}, "as it is"),
        ({"from": "text", "to": "json", "data": "x"}, '"x"\n'),
        ({"from": "json", "to": "text", "input": "f.json"}, "7"),
        ({"from": "text", "to": "text", "data": "$S"}, "api"),
    ],
)
async def test_convert(tmp_path: Path, options: JsonObject, printed: str) -> None:
    (tmp_path / "f.json").write_text("7")
    outcome, found = await act("data.convert", options, cwd=tmp_path)
    assert (outcome.error, found) == ("", printed)


# spec 13 section 19: pick, the first result of a jq path
@pytest.mark.parametrize(
    ("options", "printed"),
    [
        ({"select": ".a.b"}, "1\n"),
        ({"select": ".l[]"}, '"x"\n'),
        ({"select": ".l[0]", "raw": True}, "x\n"),
        ({"select": ".a", "raw": True}, '{"b":1}\n'),
        ({"select": ".none"}, "null\n"),
        ({"select": ".a", "to": "yaml"}, "b: 1\n"),
        ({"select": ".l", "to": "text"}, '["x","y"]'),
    ],
)
async def test_pick(options: JsonObject, printed: str) -> None:
    data: JsonObject = {"a": {"b": 1}, "l": ["x", "y"]}
    outcome, found = await act("data.pick", {"from": "json", "data": data, **options})
    assert (outcome.error, found) == ("", printed)


# spec 13 section 19: errors
@pytest.mark.parametrize(
    ("action", "options", "error"),
    [
        (
            "data.convert",
            {"from": "json", "to": "csv", "data": {}},
            "data: csv output requires an array input",
        ),
        (
            "data.convert",
            {"from": "json", "to": "csv", "data": [1]},
            "array of objects or of arrays",
        ),
        (
            "data.convert",
            {"from": "json", "to": "json", "data": "{"},
            "data: failed to decode json: ",
        ),
        (
            "data.convert",
            {"from": "yaml", "to": "json", "data": "a: ["},
            "data: failed to decode yaml: ",
        ),
        (
            "data.convert",
            {"from": "json", "to": "json", "input": "/no"},
            "data: open /no: no such file",
        ),
        ("data.convert", {"from": "json", "to": "json"}, "exactly one of data and input"),
        (
            "data.convert",
            {"from": "json", "to": "xml", "data": 1},
            "enum: xml does not equal any of",
        ),
        (
            *("data.convert", {"from": "csv", "to": "json", "data": "a", "delimiter": "ab"}),
            "data: configuration error: delimiter must be one character",
        ),
        (
            *("data.pick", {"from": "json", "data": 1, "select": ".a"}),
            'data pick: failed to resolve select path ".a"',
        ),
        (
            *("data.pick", {"from": "json", "data": 1, "select": "empty"}),
            'data pick: failed to resolve select path "empty"',
        ),
        (
            *("data.pick", {"from": "json", "data": 1, "select": ".[", "raw": True}),
            'data pick: failed to resolve select path ".["',
        ),
        (
            *("data.pick", {"from": "json", "data": 1, "select": ".", "raw": True, "to": "json"}),
            "raw cannot be used together with to",
        ),
    ],
)
async def test_errors(action: str, options: JsonObject, error: str) -> None:
    outcome, printed = await act(action, options)
    assert (outcome.code, printed) == (1, "")
    assert error in outcome.error
