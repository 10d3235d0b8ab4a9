"""`edge status` of a run below another."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.cli.main import run
from edge.core.ids import RunRef
from edge.core.record import RunRecord
from edge.core.status import RunStatus
from edge.store import Snapshot, Store
from edge.store.host import this_host


def _keep(folder: Path) -> None:
    path = folder / "data" / "edge.db"
    path.parent.mkdir(parents=True)
    store = Store.open(path)
    root = RunRef("outer", "r1")
    for name, run_id in (("outer", "r1"), ("kid", "c1")):
        record = RunRecord(
            name=name, run_id=run_id, attempt_id="aaaaaa", root=root, status=RunStatus.SUCCEEDED
        )
        record.started_ms = record.finished_ms = record.created_ms = 1_780_000_000_000
        record.parent = root if name == "kid" else None
        store.begin_attempt(record, Snapshot(""), this_host(), new_run=True)
    store.close()


def test_a_run_below_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """spec 30 section 1.8: `--sub-run-id`."""
    _keep(tmp_path)
    home = ["--dagu-home", str(tmp_path)]
    assert run(["status", *home, "-r", "r1", "-s", "c1", "outer"]) == 0
    assert "dag: kid" in capsys.readouterr().out
    assert run(["status", *home, "-r", "r1", "outer"]) == 0
    assert "dag: outer" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (["-s", "c1"], "--sub-run-id requires --run-id to be provided"),
        (["-r", "r1", "-s", "c2"], "dag-run ID not found: c2"),
    ],
)
def test_a_run_that_is_not_below(
    args: list[str], text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """spec 30 section 1.8: texts."""
    _keep(tmp_path)
    assert run(["status", "--dagu-home", str(tmp_path), *args, "outer"]) == 1
    assert text in capsys.readouterr().err
