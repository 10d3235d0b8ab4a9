from __future__ import annotations

import pytest

from edge.workflow.json_path import PathError, select

VALUE = {
    "a": {"b": [1, {"c": "z"}], "e-f": 2, 'q"': 3, "": 4},
    "n": None,
    "s": "text",
    "t": True,
    "i": 5,
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        # spec 11 section 8.6: `.a`, `.a.b`, `[n]`, `.[n]`, `.["k"]`; missing keys are null
        (".", VALUE),
        (".i", 5),
        (".a.b", [1, {"c": "z"}]),
        (".a.b[0]", 1),
        (".a.b.[0]", 1),
        (".a.b[1].c", "z"),
        (".a.b[-1].c", "z"),
        (".a.b[9]", None),
        (".a.b[-9]", None),
        ('.a["b"][0]', 1),
        ('.["a"].["e-f"]', 2),
        ('.a."e-f"', 2),
        (r'.a["q\""]', 3),
        ('.a[""]', 4),
        (".missing", None),
        (".missing.more[0].deep", None),
        (".n.x", None),
        (" .a.b ", [1, {"c": "z"}]),
    ],
)
def test_paths(path: str, expected: object) -> None:
    assert select(VALUE, path) == expected


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        # spec 11 section 8.6: a path error keeps the reference; any other path stays text
        (".a.b.c", "expected an object but got: array"),
        (".a[0]", "expected an array but got: object"),
        (".s.x", "expected an object but got: string"),
        (".t.x", "expected an object but got: boolean"),
        (".i[0]", "expected an array but got: number"),
        ("", "must start with a dot"),
        ("a", "must start with a dot"),
        ("[0]", "must start with a dot"),
        (".a.", "not a path"),
        (".a-b", "not a path"),
        ('.b"', "not a path"),
        (".a[]", "not a path"),
        (".a | .b", "not a path"),
        (".a[1:2]", "not a path"),
        (".a.b[x]", "not a path"),
        (r'.a["\("]', "not a path"),
        (".a.b[99999999999]", "not a path"),
        ("." + "a" * 50_000 + "-", "not a path"),
    ],
)
def test_what_is_no_path_or_does_not_fit(path: str, reason: str) -> None:
    with pytest.raises(PathError, match=reason):
        select(VALUE, path)
