"""The file of declared outputs (spec 11 section 8.1)."""

from __future__ import annotations

import json

import pytest

from edge.engine.output_file import OutputError, parse_output_file
from edge.workflow.model import OutputDecl

_LIMIT = 1 << 20
_X, _Y, _J = OutputDecl("x"), OutputDecl("y"), OutputDecl("j", "json")


# spec 11 section 8.1: records
@pytest.mark.parametrize(
    ("data", "declared", "found"),
    [
        (b"", (), {}),
        (b"\n", (), {}),
        (b"x=1\n", (_X,), {"x": "1"}),
        (b"x=1", (_X,), {"x": "1"}),
        (b"x=1\r\ny=2\r", (_X, _Y), {"x": "1", "y": "2"}),
        (b"x=\n", (_X,), {"x": ""}),
        (b"x=a=b\n", (_X,), {"x": "a=b"}),
        (b"x= 1 2  \n", (_X,), {"x": " 1 2  "}),
        (b"x=a<<b\n", (_X,), {"x": "a<<b"}),
        (b"x<<E\nl1\n\nl2\nE\ny=2\n", (_X, _Y), {"x": "l1\n\nl2", "y": "2"}),
        (b"x<<E\nE\n", (_X,), {"x": ""}),
        (b"x<<E=\n", (_X,), None),
        (b'j={"a": [1, 2]}\n', (_J,), {"j": '{"a": [1, 2]}'}),
        (b"j= null \n", (_J,), {"j": " null "}),
        (b"j=" + b"9" * 5000, (_J,), {"j": "9" * 5000}),
        (b"j<<E\n{\n}\nE\n", (_J,), {"j": "{\n}"}),
        ("x=grün".encode(), (_X,), {"x": "grün"}),
        (b"y=2\nx=1\n", (_X, _Y), {"x": "1", "y": "2"}),
    ],
)
def test_records(
    data: bytes, declared: tuple[OutputDecl, ...], found: dict[str, str] | None
) -> None:
    if found is None:
        with pytest.raises(OutputError, match="invalid multiline delimiter at line 1"):
            parse_output_file(data, declared, _LIMIT)
    else:
        result = parse_output_file(data, declared, _LIMIT)
        assert result == found
        assert list(result) == list(found)


# spec 11 section 8.1: failure texts
@pytest.mark.parametrize(
    ("data", "declared", "error"),
    [
        (b"x=\xff", (_X,), "step output file is not valid UTF-8"),
        (b"x=1\n\ny=2\n", (_X, _Y), "empty line at line 2 is not a valid step output record"),
        (b"x=1\n\n", (_X,), "empty line at line 2 is not a valid step output record"),
        (b"x=1\nno record\n", (_X,), "invalid step output record at line 2"),
        (b"=1\n", (_X,), "missing output name at line 1"),
        (b"<<E\nE\n", (_X,), "missing output name at line 1"),
        (b"x<<\n", (_X,), "invalid multiline delimiter at line 1"),
        (b"x<<a b\n", (_X,), "invalid multiline delimiter at line 1"),
        (b"x<<E\nbody\n", (_X,), 'unclosed multiline output "x"'),
        (b"x=1\n", (), 'undeclared step output "x"'),
        (b"z=1\n", (_X,), 'undeclared step output "z"'),
        (b"x=1\nx=2\n", (_X,), 'duplicate step output "x"'),
        (b"j={\n", (_J,), 'step output "j" is not valid JSON'),
        (b"j=\n", (_J,), 'step output "j" is not valid JSON'),
        (b"j=NaN\n", (_J,), 'step output "j" is not valid JSON'),
        (b"j=1 2\n", (_J,), 'step output "j" is not valid JSON'),
        (b"j=" + b"[" * 200_000, (_J,), 'step output "j" is not valid JSON'),
        (b"x=1\n", (_X, _Y), 'declared step output "y" was not emitted'),
        (b"", (_X,), 'declared step output "x" was not emitted'),
    ],
)
def test_errors(data: bytes, declared: tuple[OutputDecl, ...], error: str) -> None:
    with pytest.raises(OutputError) as caught:
        parse_output_file(data, declared, _LIMIT)
    assert str(caught.value) == f"failed to parse DAGU_OUTPUT_FILE: {error}"


# spec 11 section 8.3: file and serialised outputs are bounded
@pytest.mark.parametrize("data", [b"x=" + b"a" * 20, b'x=""""""'])
def test_limit(data: bytes) -> None:
    text = "step outputs exceeded maximum size limit of 18 bytes"
    with pytest.raises(OutputError, match=text):
        parse_output_file(data, (_X,), 18)
    assert parse_output_file(b"x=" + b"a" * 10, (_X,), 18) == json.loads('{"x": "aaaaaaaaaa"}')
