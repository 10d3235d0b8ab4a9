"""`edge validate`: streams, exit codes, and what is told when (spec 10 section 14)."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from edge.cli import main

NOTICES = "steps:\n  - run: echo ${consts.q} ${env.HOME}\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home with an empty directory of workflows; the current directory is another."""
    for name in ("HOME", "EDGE_HOME", "DAGU_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    dags = tmp_path / "home" / "dags"
    dags.mkdir(parents=True)
    return dags


def validate(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main.run(["validate", *words])
    out, err = capsys.readouterr()
    return code, out, err


def messages(err: str) -> list[str]:
    return [re.sub(r"^time=\S+ ", "", line) for line in err.splitlines()]


@pytest.mark.parametrize("words", [("w.yaml",), ("w.yaml", "--show-unresolved")])
def test_a_valid_file_prints_nothing(
    home: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    """spec 10 section 14: exit 0, both streams empty."""
    Path("w.yaml").write_text("steps: [{run: echo a}]")
    assert validate(capsys, *words) == (0, "", "")


def test_warnings_are_log_lines_each_once(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """spec 10 section 14: exit 0, one line on stderr, `file` as given."""
    Path("w.yaml").write_text("schedule: ['*/7 * * * *', '*/7 * * * *']\nsteps: [{run: echo a}]")
    code, out, err = validate(capsys, "w.yaml")
    assert (code, out) == (0, "")
    (line,) = messages(err)
    assert line.startswith('level=WARN msg="')
    assert line.endswith(" file=w.yaml")


def test_notices_are_told_by_class(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """spec 10 section 14: defects always (WARN), the others with --show-unresolved (INFO)."""
    Path("w.yaml").write_text(NOTICES)
    defect = (
        'level=WARN msg="${consts.q} was left unchanged because consts.q had no value when'
        ' steps[0].run was evaluated. unknown consts.q binding." file=w.yaml'
        " reason=unknown_const_name"
    )
    code, out, err = validate(capsys, "w.yaml")
    assert (code, out, messages(err)) == (0, "", [defect])
    code, out, err = validate(capsys, "w.yaml", "--show-unresolved")
    assert (code, out) == (0, "")
    first, second = messages(err)
    assert first == defect
    assert second.startswith('level=INFO msg="${env.HOME} was left unchanged because env.HOME')
    assert second.endswith(" file=w.yaml reason=unknown_env_binding")
    assert validate(capsys, "w.yaml", "--quiet") == (0, "", "")


def test_a_faulty_file(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """spec 10 section 14: exit 1, bullets on stderr with the place, no usage, stdout empty."""
    Path("w.yaml").write_text("steps: [{run: echo a, bogus: 1}]")
    code, out, err = validate(capsys, "w.yaml")
    assert (code, out) == (1, "")
    lines = err.splitlines()
    assert lines[0] == "Error: Validation failed for w.yaml"
    assert lines[1].startswith("- ")
    assert "bogus" in err
    assert re.search(r"^  .*w\.yaml:1:\d+: ", err, re.MULTILINE)
    assert "Usage:" not in err


def test_a_missing_file(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """spec 10 section 14: the missing file is named with its resolved path."""
    code, out, err = validate(capsys, "none.yaml")
    path = home / "none.yaml"
    assert (code, out) == (1, "")
    assert err.startswith("Error: Validation failed for none.yaml\n- failed to read file ")
    assert err.rstrip().endswith("no such file or directory")
    assert str(path.parent) in err or str(Path.cwd()) in err


def test_raw_checks_of_a_file_found_by_name_show_its_path(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """spec 10 section 14: loading first, then the raw checks on the resolved file."""
    (home / "named.yaml").write_text("name: x\nsteps: [{run: echo a}]")
    code, out, err = validate(capsys, "named")
    assert (code, out) == (1, "")
    assert err.startswith(f"Error: Validation failed for {home / 'named.yaml'}\n")
    assert "entrypoint document must not define name" in err
    (home / "named.yaml").write_text("name: x\nsteps: [{run: echo a, bogus: 1}]")
    _, _, err = validate(capsys, "named")
    assert err.startswith("Error: Validation failed for named\n")
    assert "must not define name" not in err
    (home / "named.yaml").write_text("steps: [{run: echo a}]")
    assert validate(capsys, "named") == (0, "", "")


def test_json_findings(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """spec 10 section 14: a list on stdout with file, line, column, field and severity."""
    Path("w.yaml").write_text(NOTICES)
    code, out, err = validate(capsys, "w.yaml", "--json", "--show-unresolved")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert [set(item) for item in found] == [
        {"file", "line", "column", "field", "severity", "message"}
    ] * 2
    assert [(item["line"], item["field"], item["severity"]) for item in found] == [
        (2, "steps[0].run", "notice")
    ] * 2
    assert len(json.loads(validate(capsys, "w.yaml", "--json")[1])) == 1
    Path("w.yaml").write_text("steps: [{run: echo a, bogus: 1}]")
    code, out, err = validate(capsys, "w.yaml", "--json")
    assert (code, err) == (1, "")
    (item,) = json.loads(out)
    assert (item["line"], item["severity"]) == (1, "error")
    assert item["file"].endswith("w.yaml")
    code, out, _ = validate(capsys, "none.yaml", "--json")
    assert (code, json.loads(out)[0]["severity"]) == (1, "error")


def test_the_managed_boundary(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """spec 40 section 7: refused with the step, what it needs, and what to do."""
    Path("w.yaml").write_text("steps: [{id: s, run: x, working_dir: /etc}]")
    assert validate(capsys, "w.yaml") == (0, "", "")
    code, out, err = validate(capsys, "w.yaml", "--managed")
    assert (code, out) == (1, "")
    assert (
        "- step s: working_dir /etc does not run in a managed server;"
        " add worker_selector to run it on a hybrid worker\n"
    ) in err
    Path("w.yaml").write_text("steps: [{id: s, run: x}]")
    assert validate(capsys, "w.yaml", "--managed") == (0, "", "")


def test_nothing_is_executed(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """spec 10 section 14: no step, eval or substitution runs."""
    Path("w.yaml").write_text(
        "params: [{name: p, eval: '`touch ran`'}]\nenv: [{A: '$(touch ran)'}]\n"
        "preconditions: [{eval: '`touch ran`', expected: x}]\nsteps: [{run: touch ran}]"
    )
    assert validate(capsys, "w.yaml") == (0, "", "")
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["w.yaml"]
