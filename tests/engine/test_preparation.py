"""What a run knows before its first step (spec 11 sections 7.1, 7.7 and 9)."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import pytest

from edge.engine.preparation import Prepared, prepare_run
from edge.workflow.model import DAG, EnvVar, Secret
from edge.workflow.values import Policy, Source, resolve
from tests.engine.helpers import make_spec


def _prepare(folder: Path, files: dict[str, str], **members: Any) -> Prepared:
    dags = folder / "dags"
    dags.mkdir()
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    members.setdefault("working_dir", ".")
    dag = DAG(name="t", source_file=str(dags / "t.yaml"), **members)
    return prepare_run(make_spec(dag, folder), 0)


# spec 11 section 7.7: which files, and where
@pytest.mark.parametrize(
    ("files", "members", "values"),
    [
        ({"dags/.env": "A=1"}, {}, {"A": "1"}),
        ({"dags/.env": "A=1"}, {"dotenv": ()}, {}),
        ({"dags/.env": "A=1", "dags/m": "A=2\nB=3"}, {"dotenv": (".env", "m")},
         {"A": "2", "B": "3"}),
        ({"dags/m": "A=2"}, {"dotenv": (".env", "none", "m")}, {"A": "2"}),
        ({"dags/x": "A=2"}, {"dotenv": ("$F",), "env": (EnvVar("F", "x"),)}, {"A": "2"}),
        ({"dags/x": "A=2"}, {"dotenv": ("${env.F}",), "env": (EnvVar("F", "x"),)}, {"A": "2"}),
        # the working directory before the DAG file's directory
        ({"dags/.env": "A=dags", "w/.env": "A=w"}, {"working_dir": "../w"}, {"A": "w"}),
        ({"dags/.env": "A=dags"}, {"working_dir": "../w"}, {"A": "dags"}),
        ({"dags/.env": "A=dags"}, {"working_dir": ""}, {"A": "dags"}),
    ],
)  # fmt: skip
def test_dotenv_files(
    files: dict[str, str], members: dict[str, Any], values: dict[str, str], tmp_path: Path
) -> None:
    prepared = _prepare(tmp_path, files, **members)
    assert prepared.scope.of_source(Source.DOTENV) == values
    assert prepared.warnings == ()


# spec 11 section 7.1: layers 5 to 9
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("A", "dot"),
        ("DAG_NAME", "t"),
        ("S", "$S"),
        ("TOKEN", "secret"),
        ("ROOT_SEES", "[$TOKEN][$ONLY_DOT]"),
    ],
)
def test_order_of_layers(name: str, value: str, tmp_path: Path) -> None:
    env = [EnvVar("A", "root"), EnvVar("S", "$S"), EnvVar("TOKEN", "root")]
    env.append(EnvVar("ROOT_SEES", "[$TOKEN][$ONLY_DOT]"))
    prepared = _prepare(
        tmp_path,
        {"dags/.env": "A=dot\nDAG_NAME=x\nONLY_DOT=1\nK=secret"},
        env=tuple(env[:2] + env[3:] + env[2:3]),
        secrets=(Secret(name="TOKEN", provider="env", key="K"),),
    )
    assert prepared.scope.get(name, with_process=False) == value
    assert prepared.masker.text("a secret") == "a *******"


# spec 11 section 7.7: an unparsable file is a warning, not a failure
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("no line", "line 1: expected NAME=value"),
        ("A=x\0y", "it holds a NUL byte"),
        ("A=" + "x" * (1 << 20), "larger than 1048576 bytes"),
    ],
)
def test_a_bad_file_is_a_warning(text: str, reason: str, tmp_path: Path) -> None:
    prepared = _prepare(tmp_path, {"dags/.env": text})
    assert prepared.warnings == (f"failed to load dotenv file .env: {reason}",)
    assert prepared.error == ""


def test_a_directory_is_a_warning(tmp_path: Path) -> None:
    """spec 11 section 7.7, a file that cannot be read."""
    prepared = _prepare(tmp_path, {"dags/.env/x": ""})
    assert prepared.warnings == ("failed to load dotenv file .env: Is a directory",)


def test_a_pipe_does_not_hold_the_service(tmp_path: Path) -> None:
    """spec 11 section 7.7: opening one would wait for a writer."""
    os.mkfifo(tmp_path / "pipe")
    prepared = _prepare(tmp_path, {}, dotenv=(str(tmp_path / "pipe"),))
    assert prepared.warnings == (f"failed to load dotenv file {tmp_path}/pipe: not a regular file",)


def test_a_path_that_is_none_fails(tmp_path: Path) -> None:
    """spec 11 section 7.7: a path that cannot be evaluated."""
    prepared = _prepare(tmp_path, {}, dotenv=("a\0",))
    assert prepared.error == 'failed to evaluate dotenv path "a\0"'


def test_values_in_single_quotes_stay(tmp_path: Path) -> None:
    """spec 11 section 1, rule 4: an inserted value is not scanned again."""
    prepared = _prepare(tmp_path, {"dags/.env": "A='$PATH ${env.PATH}'"})
    assert resolve("${env.A}", Policy.VALUE, prepared.scope) == "$PATH ${env.PATH}"


def test_a_secret_that_is_missing_is_the_error(tmp_path: Path) -> None:
    """spec 11 section 9: failure fails the run."""
    prepared = _prepare(tmp_path, {}, secrets=(Secret(name="T", provider="env", key="NO_SUCH"),))
    assert prepared.error.startswith("failed to resolve secrets: ")


def test_process_environment_is_below_everything(tmp_path: Path) -> None:
    """spec 11 section 7.1, layer 1."""
    dag = DAG(name="t", env=(EnvVar("PATH", "$PATH:/x"),))
    spec = dataclasses.replace(make_spec(dag, tmp_path), step_environ={"PATH": "/bin"})
    assert prepare_run(spec, 0).scope.get("PATH", with_process=False) == "/bin:/x"
    assert os.environ["PATH"] != "/bin:/x"
