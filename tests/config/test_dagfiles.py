"""From an argument to a file to a DAG (spec 30 section 1.4)."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.config.dagfiles import dag_name_of, load_dag_file, resolve_dag_file
from edge.config.settings import Settings, load_settings
from edge.core.errors import UserError

_TEXT = 'steps:\n  - run: "true"\n'


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "dags").mkdir()
    (tmp_path / "work").mkdir()
    return load_settings(environ={"HOME": str(tmp_path)}, home=str(tmp_path))


def test_resolution_order(settings: Settings, tmp_path: Path) -> None:
    work, dags = tmp_path / "work", settings.paths.dags_dir
    assert resolve_dag_file(" hello ", settings, work) == dags / "hello.yaml"
    assert resolve_dag_file("hello.yml", settings, work) == dags / "hello.yml"
    assert resolve_dag_file("./sub/x", settings, work) == dags / "sub/x.yaml"
    assert resolve_dag_file("/abs/x", settings, work) == Path("/abs/x")
    (work / "hello").write_text(_TEXT)
    assert resolve_dag_file("hello", settings, work) == work / "hello"
    with pytest.raises(UserError, match="failed to load DAG from : name or path is required"):
        resolve_dag_file("  ", settings, work)


def test_a_missing_file_names_argument_and_path(settings: Settings) -> None:
    path = settings.paths.dags_dir / "nope.yaml"
    with pytest.raises(UserError) as caught:
        load_dag_file(path, settings, shown="nope")
    assert str(caught.value) == (
        f'failed to load DAG from nope: failed to read file "{path}":'
        f" open {path}: no such file or directory"
    )


@pytest.mark.parametrize(
    ("text", "place", "part"),
    [
        ("steps:\n  - id: a\n    run: x\n    colour: red\n", ":4:5", "colour"),
        ("steps:\n  - id: a\n    run: x\nsteps: []\n", ":4:1", "steps"),
        ("steps:\n  - id: a\n    run: x\n    depends: [b]\n", ":4:", "b"),
        ("steps: [\n", ":1:8", "sequence"),
    ],
)
def test_faults_in_the_text_have_file_line_and_column(
    settings: Settings, text: str, place: str, part: str
) -> None:
    path = settings.paths.dags_dir / "x.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        load_dag_file(path, settings, shown="x")
    message = str(caught.value)
    assert message.startswith("failed to load DAG from x: ")
    assert f"{path}{place}" in message
    assert part in message


def test_bytes_that_are_no_text_name_their_line(settings: Settings) -> None:
    path = settings.paths.dags_dir / "x.yaml"
    path.write_bytes(b"steps:\n  - run: \xff\n")
    with pytest.raises(UserError, match=r"x\.yaml:2: the text is not valid UTF-8"):
        load_dag_file(path, settings, shown="x")


def test_base_and_name(settings: Settings) -> None:
    settings.paths.base_config.write_text("max_active_steps: 3\n")
    path = settings.paths.dags_dir / "x.yaml"
    path.write_text(_TEXT)
    dag = load_dag_file(path, settings)
    assert (dag.name, dag.max_active_steps, dag.source_file) == ("x", 3, str(path))
    assert load_dag_file(path, settings, name="other").name == "other"


def test_a_name_needs_no_file(settings: Settings, tmp_path: Path) -> None:
    assert dag_name_of("anything", settings) == "anything"
    path = tmp_path / "y.yaml"
    path.write_text("name: given\n" + _TEXT)
    assert dag_name_of(str(path), settings) == "given"
    with pytest.raises(UserError, match=r"failed to extract DAG name: failed to read DAG metadata"):
        dag_name_of(str(tmp_path / "no.yaml"), settings)


def test_files_of_1_30_are_read_unless_switched_off(tmp_path: Path) -> None:
    """spec 40 section 1: edge.v1_compat, EDGE_V1_COMPAT"""
    environ = {"HOME": str(tmp_path), "DAGU_HOME": str(tmp_path)}
    path = tmp_path / "old.yaml"
    path.write_text("logDir: /l\nsteps: [{run: a}]\n")
    assert load_dag_file(path, load_settings(environ=environ)).log_dir == "/l"
    strict = load_settings(environ=environ | {"EDGE_V1_COMPAT": "false"})
    with pytest.raises(UserError, match=r"use snake_case keys \(logDir -> log_dir\)"):
        load_dag_file(path, strict)
    (tmp_path / "config.yaml").write_text("edge: {v1_compat: false}\n")
    with pytest.raises(UserError, match="has invalid keys: logDir"):
        load_dag_file(path, load_settings(environ=environ))


def test_base_of_the_workspace_of_a_file(tmp_path: Path) -> None:
    """spec 10 section 5"""
    settings = load_settings(environ={"HOME": str(tmp_path), "DAGU_HOME": str(tmp_path)})
    base = settings.paths.workspaces_dir / "ops" / "base.yaml"
    base.parent.mkdir(parents=True)
    base.write_text("queue: fast\n")
    path = tmp_path / "a.yaml"
    for label, queue in (("ops", "fast"), ("lab", ""), ("../ops", ""), ("..", "")):
        path.write_text(f"logDir: a\ntags: workspace={label}\nsteps: [{{run: a}}]\n")
        assert load_dag_file(path, settings).queue == queue


def test_the_name_is_read_without_base_and_steps(tmp_path: Path) -> None:
    """spec 30 section 1.4"""
    settings = load_settings(environ={"HOME": str(tmp_path), "DAGU_HOME": str(tmp_path)})
    settings.paths.base_config.write_text("foo: wrong\n")
    path = tmp_path / "a.yaml"
    path.write_text("name: b\nsteps: [{colour: red}]\n")
    assert dag_name_of(str(path), settings) == "b"
