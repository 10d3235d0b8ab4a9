"""One action of each family, as a user runs it: through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.acceptance.edge_home import Edge

_TEXT = """
type: chain
steps:
  - {id: say, action: log.write, with: {message: "hi ${params.P}"}}
  - {id: text, action: template.render, with: {template: "{{.a}}!", data: {a: "$P"}}}
  - {id: put, action: file.write, with: {path: d/a.json, content: '{"n": 7}', create_dirs: true}}
  - {id: pick, action: jq.filter, with: {filter: .n, input: d/a.json}}
  - {id: pack, action: archive.create, with: {source: d, destination: d.tgz}}
  - {id: yaml, action: data.convert, with: {from: json, to: yaml, input: d/a.json}}
  - {id: seen, action: wait.file, with: {path: d.tgz}}
  - {id: pause, action: wait.duration, with: {duration: 10ms}}
  - {id: keep, action: artifact.write, with: {path: r/x.txt, content: kept}}
  - {id: put_state, action: state.set, with: {key: runs/last, value: {n: 7}}}
  - {id: sql, action: sqlite.query, with: {dsn: x.db, query: "SELECT 1 AS one"}}
  - {id: out, action: outputs.write, with: {values: {n: 7}}}
params: {P: there}
"""


@pytest.fixture
def edge(tmp_path: Path) -> Edge:
    return Edge(tmp_path)


def _outputs(edge: Edge) -> dict[str, str]:
    """Return what each step of the last run printed, by its name."""
    logs = sorted((edge.home / "logs").rglob("*.out"))
    return {path.name.split(".")[0]: path.read_text() for path in logs}


def test_one_of_each_family(edge: Edge) -> None:
    """spec 13 sections 7 to 14, 17 and 19, by the installed command."""
    path = edge.dag("acts", f"working_dir: {edge.work}{_TEXT}")
    done = edge("start", str(path))
    assert done.code == 0, done.err
    printed = _outputs(edge)
    assert printed["say"] == "hi there\n"
    assert printed["text"] == "there!"
    assert printed["pick"] == "7\n"
    assert printed["yaml"] == "n: 7\n"
    assert printed["sql"] == '{"one":1}\n'
    assert json.loads(printed["put"])["created"] is True
    assert json.loads(printed["pack"])["filesAdded"] == 2
    assert json.loads(printed["put_state"])["version"] == 1
    [kept] = (edge.home / "data" / "artifacts" / "acts").rglob("x.txt")
    assert kept.read_text() == "kept"
    [outputs] = (edge.home / "logs").rglob("outputs.json")
    assert json.loads(outputs.read_text())["outputs"] == {"n": "7"}


def test_state_outlives_a_run(edge: Edge) -> None:
    """spec 13 section 12: another run sees it."""
    text = "steps:\n  - {id: put, action: state.set, with: {key: k, value: 1}}\n"
    path = edge.dag("memory", text)
    for version in (1, 2):
        assert edge("start", str(path)).code == 0
        newest = max(
            (edge.home / "logs").rglob("put.*.out"), key=lambda file: file.stat().st_mtime_ns
        )
        assert json.loads(newest.read_text())["version"] == version


@pytest.mark.parametrize(
    ("step", "error"),
    [
        ("{id: a, action: file.read, with: {path: /no}}", "file read /no: stat /no: no such file"),
        (
            "{id: a, action: archive.list, with: {source: /no.zip}}",
            "archive: source not found: /no.zip",
        ),
        (
            "{id: a, action: data.pick, with: {from: json, data: 1, select: .a}}",
            "failed to resolve",
        ),
    ],
)
def test_a_failing_action_is_one_line(edge: Edge, step: str, error: str) -> None:
    """spec 13 section 1.4: a result, never a traceback."""
    done = edge("start", str(edge.dag("fails", f"steps:\n  - {step}\n")))
    assert done.code == 1
    assert error in done.err
    assert "Traceback" not in done.out + done.err
