"""dotenv files (spec 11 section 7.7)."""

from __future__ import annotations

import pytest

from edge.engine.dotenv import DotenvError, parse_dotenv


# spec 11 section 7.7: export, comments, quotes, in-file `$X`
@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", {}),
        ("A=1\nB=2\n", {"A": "1", "B": "2"}),
        ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("\ufeffA=1", {"A": "1"}),
        ("export A=1", {"A": "1"}),
        ("export\tA = 1 ", {"A": "1"}),
        ("A: 1", {"A": "1"}),
        ("A=", {"A": ""}),
        ("A=\nB=2", {"A": "", "B": "2"}),
        ("A=a=b", {"A": "a=b"}),
        ("# c\n  # d\nA=1 # e\n", {"A": "1"}),
        ("A=#x", {"A": ""}),
        ("A=x#y", {"A": "x#y"}),
        ("A='x # y' # z", {"A": "x # y"}),
        ("A='$B \\n'", {"A": "$B \\n"}),
        ('A="x\\ny \\"q\\" \\\\ \\$B"', {"A": 'x\ny "q" \\ $B'}),
        ('A="two\nlines"\nB=1', {"A": "two\nlines", "B": "1"}),
        ("A='two\nlines'", {"A": "two\nlines"}),
        ('A=""', {"A": ""}),
        ("A=1\nB=$A-${A}", {"A": "1", "B": "1-1"}),
        ("A=1\nB=\"$A\"\nC='$A'", {"A": "1", "B": "1", "C": "$A"}),
        ("B=[$A][${A}]", {"B": "[][]"}),
        ("A=1\nB=\\$A", {"A": "1", "B": "$A"}),
        ("A=`id` $(id)", {"A": "`id` $(id)"}),
        ("A=1\nA=2", {"A": "2"}),
        ("A=don't", {"A": "don't"}),
    ],
)
def test_values(text: str, values: dict[str, str]) -> None:
    assert parse_dotenv(text) == values


# spec 11 section 7.7: an unparsable file
@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("A", "line 1: expected NAME=value"),
        ("A=1\n\nnot a line\n", "line 3: expected NAME=value"),
        ("1A=x", "line 1: expected NAME=value"),
        ("=x", "line 1: expected NAME=value"),
        ("A='x\n\n", "line 1: the quote is not closed"),
        ('A=1\nB="x\\"', "line 2: the quote is not closed"),
        ("A='x' y", "line 1: text after the closing quote"),
    ],
)
def test_errors(text: str, error: str) -> None:
    with pytest.raises(DotenvError) as caught:
        parse_dotenv(text)
    assert str(caught.value) == error
