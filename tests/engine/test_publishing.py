"""Structured and published outputs (spec 11 section 8.5)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from edge.core.jsontypes import JsonObject
from edge.core.record import StepOutputs
from edge.engine.output_file import OutputError
from edge.engine.publishing import Sources, publish
from edge.workflow.model import OutputEntry, StdoutOutputs, Step
from edge.workflow.model_steps import StdoutField
from edge.workflow.values import Scope, Source

_DOC = '{"v": "1.2", "n": {"k": [1, {"z": true}]}, "big": 1234567}'


def _publish(
    step: Step,
    stdout: str = "",
    stderr: str = "",
    cwd: str = "/",
    *,
    limit: int = 1 << 20,
    action: JsonObject | None = None,
) -> StepOutputs | None:
    scope = Scope(params={"P": "p"}).child([("S", "api")], Source.DAG_ENV)
    sources = Sources(
        stdout=stdout, stderr=stderr, scope=scope, cwd=cwd, limit_bytes=limit, action=action
    )
    return publish(step, sources)


def _step(*entries: OutputEntry, **members: Any) -> Step:
    return Step(name="a", output_entries=entries, **members)


def _from(source: str, decode: str = "text", select: str = "", path: str = "") -> OutputEntry:
    return OutputEntry(key="k", source=source, decode=decode, select=select, path=path)


# spec 11 section 8.5: entries
@pytest.mark.parametrize(
    ("entry", "text"),
    [
        (OutputEntry(key="k", value="L-${env.S}-$S-${params.P}"), '{"k":"L-api-api-p"}'),
        # simple `$X` only
        (OutputEntry(key="k", value="${S:-x} $NOPE"), '{"k":"${S:-x} $NOPE"}'),
        (OutputEntry(key="k", value={"$S": ["$S", 1, None]}), '{"k":{"$S":["api",1,null]}}'),
        (OutputEntry(key="k", value=None), '{"k":null}'),
        (_from("stdout"), '{"k":"' + _DOC.replace('"', '\\"') + '"}'),
        (_from("stderr"), '{"k":"oops"}'),
        (_from("stdout", "json", ".v"), '{"k":"1.2"}'),
        (_from("stdout", "json", ".n.k[1].z"), '{"k":true}'),
        (_from("stdout", "json", ".none"), '{"k":null}'),
        (_from("stdout", "json"), '{"k":{"big":1234567,"n":{"k":[1,{"z":true}]},"v":"1.2"}}'),
        (_from("stdout", "yaml", ".big"), '{"k":1234567}'),
        (_from("file", path="f-$S"), '{"k":"x: 1"}'),
        (_from("file", "yaml", ".x", "${env.S}/../f-api"), '{"k":1}'),
    ],
)
def test_entries(entry: OutputEntry, text: str, tmp_path: Path) -> None:
    (tmp_path / "f-api").write_text("x: 1\n")
    (tmp_path / "api").mkdir()
    found = _publish(_step(entry), _DOC + "\n", " oops\n", str(tmp_path))
    assert found == StepOutputs(value=text, published=text)


# spec 11 section 8.5: runtime errors, which show nothing of what was printed
@pytest.mark.parametrize(
    ("step", "stdout", "error"),
    [
        (_step(_from("stdout", "json")), "{", "output.k: failed to decode JSON"),
        (_step(_from("stdout", "json")), "NaN", "output.k: failed to decode JSON"),
        (_step(_from("stdout", "json")), "[" * 100_000, "output.k: failed to decode JSON"),
        (_step(_from("stdout", "yaml")), "a: [", "output.k: failed to decode YAML"),
        (_step(_from("stdout", "yaml")), "[" * 100_000, "output.k: failed to decode YAML"),
        (
            _step(_from("stdout", "json", ".a.b")),
            '{"a": 1}',
            'output.k: failed to resolve select path ".a.b": expected an object but got: number',
        ),
        (
            _step(_from("stdout", "json", ".a | b")),
            "{}",
            'output.k: failed to resolve select path ".a | b": not a path of keys and indexes',
        ),
        (
            _step(_from("file", path="none")),
            "",
            'output.k: failed to read "none": No such file or directory',
        ),
        (_step(_from("file", path="/")), "", 'output.k: failed to read "/": Is a directory'),
        (
            _step(_from("file", path="big")),
            "",
            "output.k: output exceeded maximum size limit of 20 bytes",
        ),
        (
            _step(OutputEntry(key="k", value="x" * 30)),
            "",
            "outputs exceeded maximum size limit of 20 bytes",
        ),
        (
            _step(stdout_outputs=StdoutOutputs()),
            "[1]",
            "stdout.outputs: decoded stdout outputs must be an object when field is omitted",
        ),
        (_step(stdout_outputs=StdoutOutputs()), "x", "stdout.outputs: failed to decode JSON"),
        (
            _step(output_schema={"type": "object"}),
            "",
            "output_schema requires stdout to contain a JSON value",
        ),
        (
            _step(output_schema={"type": "object"}),
            "{} {}",
            "output_schema requires stdout to contain a JSON value",
        ),
    ],
)
def test_errors(step: Step, stdout: str, error: str, tmp_path: Path) -> None:
    (tmp_path / "big").write_text("x" * 30)
    with pytest.raises(OutputError) as caught:
        _publish(step, stdout, cwd=str(tmp_path), limit=20)
    assert str(caught.value) == error


def test_a_pipe_does_not_hold_the_run(tmp_path: Path) -> None:
    """spec 11 section 8.5: `from: file`."""
    os.mkfifo(tmp_path / "p")
    with pytest.raises(OutputError, match="not a regular file"):
        _publish(_step(_from("file", path="p")), cwd=str(tmp_path))


# spec 11 section 8.5: `stdout.outputs`
@pytest.mark.parametrize(
    ("outputs", "stdout", "published"),
    [
        (StdoutOutputs(field="f"), " txt\n", '{"f":"txt"}'),
        (StdoutOutputs(field="f", decode="json"), '{"a":1}', '{"f":{"a":1}}'),
        (StdoutOutputs(field="f", select=".a"), '{"a":1}', '{"f":1}'),
        (StdoutOutputs(), '{"b":1,"a":2}', '{"a":2,"b":1}'),
        (StdoutOutputs(decode="yaml"), "a: x", '{"a":"x"}'),
        (StdoutOutputs(select=".o"), '{"o":{"x":1}}', '{"x":1}'),
        (
            StdoutOutputs(
                fields=(
                    StdoutField(name="id", decode="json", select=".id"),
                    StdoutField(name="raw"),
                    StdoutField(name="lit", is_literal=True, value=["$S", 5]),
                )
            ),
            '{"id": 7}\n',
            '{"id":7,"lit":["api",5],"raw":"{\\"id\\": 7}"}',
        ),
    ],
)
def test_stdout_outputs(outputs: StdoutOutputs, stdout: str, published: str) -> None:
    found = _publish(_step(stdout_outputs=outputs), stdout)
    assert found == StepOutputs(published=published)


# spec 11 section 8.5: output_schema; the text does not echo stdout
@pytest.mark.parametrize(
    ("stdout", "value"),
    [
        (' {"b": 1,\n "a": "x"}\n', '{"a":"x","b":1}'),
        ('{"a": 5}', None),
        ('{"a": "secret!"}', None),
    ],
)
def test_output_schema(stdout: str, value: str | None) -> None:
    schema: JsonObject = {
        "type": "object",
        "properties": {"a": {"type": "string", "maxLength": 3}},
    }
    step = _step(output="V", output_schema=schema)
    if value is not None:
        assert _publish(step, stdout) == StepOutputs(variable="V", value=value)
        return
    with pytest.raises(OutputError, match="stdout JSON does not match output_schema") as caught:
        _publish(step, stdout)
    assert "secret!" not in str(caught.value)


# spec 11 section 8: mechanisms beside each other
@pytest.mark.parametrize(
    ("step", "action", "found"),
    [
        (_step(), None, None),
        (_step(output="V"), None, StepOutputs(variable="V", value="x")),
        (
            _step(output="V", stdout_outputs=StdoutOutputs(field="f")),
            None,
            StepOutputs(variable="V", value="x", published='{"f":"x"}'),
        ),
        (_step(), {"n": 5}, StepOutputs(published='{"n":5}')),
    ],
)
def test_mechanisms(step: Step, action: JsonObject | None, found: StepOutputs | None) -> None:
    assert _publish(step, " x\n", action=action) == found
