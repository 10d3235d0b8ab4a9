from __future__ import annotations

from pathlib import Path

import pytest

from edge.cli.main import run

OLD = "handlerOn: {cancel: {command: a}}\nsteps:\n  - command: b   # c\n"
NEW = "type: chain\nworking_dir: .\nhandler_on: {abort: {run: a}}\nsteps:\n  - run: b   # c\n"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DAGU_HOME", str(tmp_path / "home"))
    path = tmp_path / "x.yaml"
    path.write_text(OLD)
    path.chmod(0o640)
    return path


def test_prints_the_new_file(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """spec 10 section 13.3"""
    assert run(["migrate-dag", str(file)]) == 0
    assert capsys.readouterr() == (NEW, "")
    assert file.read_text() == OLD


def test_write_replaces_the_file_and_keeps_the_old_one(file: Path) -> None:
    assert run(["migrate-dag", "--write", str(file)]) == 0
    assert file.read_text() == NEW
    assert file.with_name("x.yaml.bak").read_text() == OLD
    assert file.stat().st_mode & 0o777 == 0o640
    assert {path.name for path in file.parent.glob("*x.yaml*")} == {"x.yaml", "x.yaml.bak"}
    # nothing to do: the kept file is not overwritten
    assert run(["migrate-dag", "--write", str(file)]) == 0
    assert file.with_name("x.yaml.bak").read_text() == OLD


def test_output_goes_to_another_file(file: Path) -> None:
    other = file.with_name("y.yaml")
    assert run(["migrate-dag", str(file), "--output", str(other)]) == 0
    assert (other.read_text(), file.read_text()) == (NEW, OLD)


def test_what_is_left_is_named(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """spec 10 section 13.3"""
    file.write_text("steps:\n  - {command: awk, script: a}\n")
    assert run(["migrate-dag", str(file)]) == 1
    out, err = capsys.readouterr()
    assert out == file.read_text()
    assert err == (f"{file}:2:5: steps[0]: command together with script has no new form\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--write", "--output", "y"], "--write and --output cannot be used together"),
        (["--output", "/nowhere/y.yaml"], "cannot write /nowhere/y.yaml"),
    ],
)
def test_faulty_calls(
    file: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["migrate-dag", str(file), *words]) == 1
    assert message in capsys.readouterr().err


def test_a_bad_file_is_refused(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("colour: red\n")
    assert run(["migrate-dag", str(file)]) == 1
    assert f"Error: failed to migrate {file}: failed to process document 0" in (
        capsys.readouterr().err
    )
