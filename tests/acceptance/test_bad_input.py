"""Bad input: one clear line, exit 1, and nothing half-written."""

from __future__ import annotations

import errno
import os
import re
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.edge_home import Done, Edge

_ONE = 'steps:\n  - id: one\n    run: "true"\n'


@pytest.fixture
def edge(tmp_path: Path) -> Edge:
    return Edge(tmp_path)


def _is_clear(done: Done, *parts: str) -> None:
    """Assert exit 1, nothing on stdout, no trace, one `Error:` line that holds all parts."""
    assert done.code == 1, done
    assert done.out == ""
    assert "Traceback" not in done.err
    errors = [line for line in done.err.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1, done.err
    for part in parts:
        assert part in done.err, done.err


def _files(home: Path) -> set[str]:
    return {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()}


def _nothing_was_run(edge: Edge) -> None:
    """Assert that no run is recorded and no log was made."""
    assert not list((edge.home / "logs").rglob("*.log"))
    listed = edge("history", "-f", "json", env={"DAGU_AUTH_MODE": "none"})
    assert (listed.code, listed.out) == (0, "[]\n")


def test_a_missing_file(edge: Edge) -> None:
    path = edge.home / "dags/nope.yaml"
    done = edge("start", "nope")
    _is_clear(done, "failed to load DAG from nope", str(path), "no such file or directory")
    _nothing_was_run(edge)


@pytest.mark.parametrize(
    ("text", "line", "parts"),
    [
        pytest.param("steps: [\n", 1, ["sequence end"], id="broken YAML"),
        pytest.param("steps:\n\t- id: one\n", 2, ["tab", "token"], id="tab"),
        pytest.param(_ONE + "steps: []\n", 4, ["steps", "already defined"], id="duplicate key"),
        pytest.param(_ONE + "    depends: [two]\n", 4, ["two"], id="unknown dependency"),
        pytest.param(_ONE + "stpes: []\n", 4, ["stpes", "steps"], id="unknown root field"),
        pytest.param(_ONE + "    colour: red\n", 4, ["colour"], id="unknown step field"),
        pytest.param("type: graph\nsteps: 7\n", 2, ["steps"], id="wrong type"),
    ],
)
def test_a_faulty_workflow_file(edge: Edge, text: str, line: int, parts: list[str]) -> None:
    path = edge.dag("bad", text)
    before = _files(edge.home)
    done = edge("validate", "bad")
    assert (done.code, done.out) == (1, "")
    assert "Validation failed for" in done.err
    assert "Traceback" not in done.err
    if line:
        assert re.search(rf"{re.escape(str(path))}:{line}:\d+: ", done.err), done.err
    assert any(part in done.err for part in parts), done.err
    _nothing_of_a_run(before, _files(edge.home))


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        pytest.param("steps: [\n", 1, "sequence end", id="broken YAML"),
        pytest.param(_ONE + "steps: []\n", 4, "steps", id="duplicate key"),
        pytest.param(_ONE + "    depends: [two]\n", 4, "two", id="unknown dependency"),
        pytest.param(_ONE + "    colour: red\n", 4, "colour", id="unknown field"),
    ],
)
def test_start_names_the_place(edge: Edge, text: str, line: int, part: str) -> None:
    path = edge.dag("bad", text)
    done = edge("start", "bad")
    _is_clear(done, "failed to load DAG from bad: ", f"{path}:{line}:", part)
    _nothing_was_run(edge)


def test_start_refuses_a_cycle_and_runs_no_step(edge: Edge) -> None:
    marker = edge.work / "ran"
    edge.dag(
        "bad",
        "steps:\n"
        f"  - {{id: a, run: touch {marker}, depends: b}}\n"
        f"  - {{id: b, run: touch {marker}, depends: a}}\n",
    )
    done = edge("start", "bad")
    assert done.code == 1
    assert done.out == (
        f"{done.out.splitlines()[0]}\n\ndag: bad\n├─a\n│ \n└─b\n\nResult: Failed\n\n"
    )
    assert re.match(r"Failed - \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\n", done.out)
    _is_clear(done._replace(out=""), "cyclic plan detected", "a -> b -> a")
    assert not marker.exists()
    assert edge("history", "-f", "json").out == "[]\n"


def _nothing_of_a_run(before: set[str], after: set[str]) -> None:
    assert not [name for name in after - before if name.startswith("logs/")]


@pytest.mark.parametrize("command", ["server", "start-all"])
def test_a_port_in_use(edge: Edge, command: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        env = {
            "DAGU_AUTH_MODE": "none",
            "DAGU_COORDINATOR_ENABLED": "false",
            "DAGU_SCHEDULER_PORT": "0",
        }
        done = edge(command, "--port", str(port), env=env)
    _is_clear(done, str(port), "address already in use")


def test_a_database_of_a_newer_version(edge: Edge) -> None:
    edge.dag("one", _ONE)
    assert edge("start", "-q", "one").code == 0
    store = edge.home / "data/edge.db"
    with sqlite3.connect(store) as database:
        database.execute("PRAGMA user_version = 9999")
    database.close()
    before = store.read_bytes()
    for words in (["start", "one"], ["status", "one"], ["history"]):
        done = edge(*words)
        _is_clear(done, str(store), "newer")
    assert store.read_bytes() == before
    assert len(list((edge.home / "logs/one").iterdir())) == 1


def test_a_file_that_is_no_database(edge: Edge) -> None:
    edge.dag("one", _ONE)
    (edge.home / "data").mkdir()
    store = edge.home / "data/edge.db"
    store.write_bytes(b"this is no database at all" * 400)
    before = store.read_bytes()
    _is_clear(edge("start", "one"), str(store))
    assert store.read_bytes() == before


def _mount(path: Path, options: str) -> None:
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {done.stderr.strip()}")


@pytest.fixture
def small_data(edge: Edge) -> Iterator[Path]:
    """The data directory on a file system of 256 KB of its own."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    path = edge.home / "data"
    path.mkdir()
    _mount(path, "size=256k")
    yield path
    subprocess.run(["umount", str(path)], check=True)


def test_a_read_only_data_directory(edge: Edge, small_data: Path) -> None:
    edge.dag("one", _ONE)
    subprocess.run(["mount", "-o", "remount,ro", str(small_data)], check=True)
    done = edge("start", "one")
    _is_clear(done, str(small_data))
    assert "read-only" in done.err or "permission denied" in done.err
    assert list(small_data.iterdir()) == []


def _fill(path: Path) -> None:
    """Write until the file system is full; only that error ends it."""
    with path.open("wb", buffering=0) as stream:
        try:
            while True:
                stream.write(bytes(4096))
        except OSError as exc:
            if exc.errno != errno.ENOSPC:
                raise


def _set_floor(edge: Edge, megabytes: int) -> None:
    text = f"edge:\n  storage:\n    free_space_floor_mb: {megabytes}\n"
    (edge.home / "config.yaml").write_text("auth: {mode: none}\n" + text)


@pytest.mark.parametrize("floor", [64, 0])
def test_a_full_data_directory(edge: Edge, small_data: Path, floor: int) -> None:
    edge.dag("one", _ONE)
    _set_floor(edge, floor)
    filler = small_data / "filler"
    _fill(filler)
    done = edge("start", "one")
    _is_clear(done, str(small_data), "space")
    assert not list((edge.home / "logs").rglob("*.log"))
    filler.unlink()
    _set_floor(edge, 0)
    assert edge("start", "-q", "one").code == 0


def test_below_the_floor_of_free_space_no_run_starts(edge: Edge) -> None:
    edge.dag("one", _ONE)
    _set_floor(edge, 999_999_999)
    done = edge("start", "one")
    _is_clear(done, "no new run is started", str(edge.home), "free_space_floor_mb")
    _set_floor(edge, 0)
    _nothing_was_run(edge)


@pytest.mark.parametrize(
    ("config", "line", "part"),
    [
        ("auth: {mode: none}\nport: lots\n", 2, "'port' cannot parse value as 'int'"),
        ("port: 1\nport: 2\n", 2, "port"),
        ("port: [\n", 1, "While parsing config"),
    ],
)
def test_a_faulty_configuration(edge: Edge, config: str, line: int, part: str) -> None:
    path = edge.home / "config.yaml"
    path.write_text(config)
    done = edge("history")
    _is_clear(done, "Error: initialization error: ", part, str(path))
    assert re.search(rf"(:|\[){line}\b", done.err), done.err
    assert not (edge.home / "data").exists()
