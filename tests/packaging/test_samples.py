"""The samples are good workflows: they load, run, and stand by what they say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

_SAMPLES = Path(__file__).resolve().parents[2] / "edge" / "samples"
_NAMES = sorted(path.stem for path in _SAMPLES.glob("*.yaml"))


def _text(name: str) -> str:
    return (_SAMPLES / f"{name}.yaml").read_text()


def _edge(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("EDGE_", "DAGU_"))
    }
    return subprocess.run(
        [sys.executable, "-m", "edge", *words],
        env=environ | {"EDGE_HOME": str(home)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_samples_are_the_promised_ones() -> None:
    assert _NAMES == [
        "backup",
        "check-hosts",
        "disk-and-temperature",
        "inventory-on-worker",
        "rotate-logs",
    ]


@pytest.mark.parametrize("name", _NAMES)
def test_a_sample_loads_without_a_warning(name: str) -> None:
    from edge.workflow.load import load_dag, validate_text

    dag = load_dag(_text(name), default_name=name)
    assert dag.name == name
    assert dag.description
    report = validate_text(_text(name), source_file=f"{name}.yaml", base_text="")
    assert (report.errors, report.warnings) == ((), ())


@pytest.mark.parametrize("name", _NAMES)
def test_a_sample_says_what_it_is_and_how_to_use_it(name: str) -> None:
    head = _text(name).split("\ndescription:")[0]
    assert all(line.startswith("#") or not line for line in head.splitlines())
    assert f"edge start {name}" in head or f"--dispatch {name}" in head


@pytest.mark.parametrize("name", _NAMES)
def test_no_step_text_is_changed_by_the_engine(name: str) -> None:
    # Text that the engine resolves before the shell sees it (spec 11, 7.2 and 7.4): positional
    # parameters outside quotes, and the token "${X}".
    text = _text(name)
    assert not re.search(r'"\$\{\w+\}"', text)
    assert not re.search(r"\"\$\d", text)


def test_only_cheap_checks_are_scheduled() -> None:
    scheduled = {name for name in _NAMES if re.search(r"^schedule:", _text(name), re.MULTILINE)}
    assert scheduled == {"check-hosts", "disk-and-temperature"}


@pytest.mark.parametrize("name", ["check-hosts", "disk-and-temperature"])
def test_a_schedule_fires_within_the_quarter_of_an_hour(name: str) -> None:
    from edge.workflow.cron import next_fire, parse_cron

    found = re.search(r'^schedule: "(.*?)"', _text(name), re.MULTILINE)
    assert found is not None
    now = datetime(2026, 11, 24, 12, 1, tzinfo=UTC)
    due = next_fire(parse_cron(found.group(1)), now, UTC)
    assert due is not None
    assert now < due <= now + timedelta(minutes=15)


@pytest.mark.parametrize("name", _NAMES)
def test_a_sample_passes_as_it_is(name: str, tmp_path: Path) -> None:
    done = _edge(tmp_path, "start", str(_SAMPLES / f"{name}.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Result: Succeeded" in done.stdout


def test_a_full_disk_fails_the_check_and_runs_the_handler(tmp_path: Path) -> None:
    done = _edge(
        tmp_path,
        *("start", str(_SAMPLES / "disk-and-temperature.yaml")),
        *("--", "DISK_LIMIT_PERCENT=0", "MOUNTS=/"),
    )
    assert done.returncode == 1
    assert "% full (limit 0 %)" in done.stdout
    assert "onFailure" in done.stdout


def test_a_host_that_is_down_does_not_hide_the_others(tmp_path: Path) -> None:
    done = _edge(
        tmp_path,
        *("start", str(_SAMPLES / "check-hosts.yaml")),
        *("--", "SERVER=no-such-host.invalid"),
    )
    assert done.returncode == 1
    assert "Result: Partially Succeeded" in done.stdout
    assert re.search(r"server +no-such-host.invalid: no answer", done.stdout)
    assert re.search(r"device +127.0.0.3: answers", done.stdout)


def test_logs_are_rotated_compressed_and_pruned(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "small.log").write_text("small\n")
    (logs / "a b.log.7.gz").write_bytes(b"left from when more were kept")
    for number in range(4):
        (logs / "a b.log").write_text(f"generation {number}\n" * 8000)
        done = _edge(
            tmp_path / "home",
            *("start", str(_SAMPLES / "rotate-logs.yaml")),
            *("--", f"LOG_DIR={logs}", "KEEP=2"),
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(path.name for path in logs.iterdir()) == [
        "a b.log",
        "a b.log.1.gz",
        "a b.log.2.gz",
        "small.log",
    ]
    assert (logs / "a b.log").stat().st_size == 0
    newest = subprocess.run(
        ["gzip", "-dc", str(logs / "a b.log.1.gz")], capture_output=True, text=True, check=True
    )
    assert newest.stdout == "generation 3\n" * 8000


def test_a_backup_is_whole_and_the_oldest_go(tmp_path: Path) -> None:
    source = tmp_path / "data.d"
    target = tmp_path / "target"
    source.mkdir()
    target.mkdir()
    (source / "reading.txt").write_text("42\n")
    for day in (1, 2, 3):
        (target / f"data.d-2020010{day}T000000Z.tar.gz").write_bytes(b"old")
    (target / "dataxd-20200101T000000Z.tar.gz").write_bytes(b"of somebody else")
    done = _edge(
        tmp_path / "home",
        *("start", str(_SAMPLES / "backup.yaml")),
        *("--", f"SOURCE={source}", f"TARGET={target}", "KEEP=2"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    archives = sorted(path.name for path in target.glob("data.d-*.tar.gz"))
    assert len(archives) == 2
    assert archives[0] == "data.d-20200103T000000Z.tar.gz"
    assert (target / "dataxd-20200101T000000Z.tar.gz").exists()
    listed = subprocess.run(
        ["tar", "-tzf", str(target / archives[1])], capture_output=True, text=True, check=True
    )
    assert listed.stdout.split() == ["data.d/", "data.d/reading.txt"]


def test_a_backup_of_nothing_fails_with_the_reason(tmp_path: Path) -> None:
    done = _edge(
        tmp_path / "home",
        *("start", str(_SAMPLES / "backup.yaml")),
        *("--", "SOURCE=/no/such/directory", f"TARGET={tmp_path / 'target'}"),
    )
    assert done.returncode == 1
    assert "SOURCE: /no/such/directory is not a readable directory" in done.stdout
    assert "backup ended: failed" in done.stdout
