"""The store under real faults: several processes, kill -9 in the middle, a disk that is full."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from edge.core.ids import RunRef
from edge.core.status import NodeStatus, RunStatus
from edge.store import RunFilter, Store, cluster
from edge.store.host import boot_id, this_host

REPOSITORY = Path(__file__).parents[2]

#: Runs of three steps until killed; a line is printed when a fact was acknowledged.
WRITER = """
import sys
from pathlib import Path
from edge.core.status import RunStatus
from edge.store import Store
from edge.store.host import this_host
from tests.store.support import SNAPSHOT, end_node, make_record, start_node

path, prefix, limit = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
store, host = Store.open(path), this_host()
for number in range(limit):
    record = make_record(f"{prefix}-{number}", steps=3)
    attempt = store.begin_attempt(record, SNAPSHOT, host, new_run=True)
    print("begun", record.run_id, flush=True)
    for key in range(3):
        start_node(record, key)
        store.write_nodes(attempt, record, [str(key)])
        end_node(record, key)
        store.write_nodes(attempt, record, [str(key)])
    record.status = RunStatus.SUCCEEDED
    with store.transaction(durable=True):
        assert store.finish(attempt, record)
    print("ended", record.run_id, flush=True)
store.close()
"""

TAKER = """
import sys
from pathlib import Path
from edge.store import Store, cluster

store = Store.open(Path(sys.argv[1]))
while True:
    claim = cluster.take_task(
        store, lambda tasks: tasks[0] if tasks else None,
        token=f"{sys.argv[2]}-{len(cluster.list_pending(store))}", worker_id=sys.argv[2],
        poller_id="p", now_ms=1,
    )
    if claim is None:
        break
    print(claim.task.run.run_id, flush=True)
"""


def start(code: str, *args: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    )


def check_integrity(path: Path) -> None:
    conn = sqlite3.connect(path)
    assert conn.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    conn.close()


@pytest.mark.parametrize("lines", [1, 2, 5, 8, 13])
def test_kill_9_loses_no_acknowledged_fact(tmp_path: Path, lines: int) -> None:
    path = tmp_path / "edge.db"
    with start(WRITER, path, "k", 1_000_000) as child:
        assert child.stdout is not None
        said = [child.stdout.readline() for _ in range(lines)]
        child.kill()
        said += child.stdout.readlines()
    begun = [line.split()[1] for line in said if line.startswith("begun") and line.endswith("\n")]
    ended = [line.split()[1] for line in said if line.startswith("ended") and line.endswith("\n")]
    assert begun
    store = Store.open(path)
    recovered = store.recover(this_host(), 1)
    for run_id in begun:
        record = store.load_record(RunRef("pump", run_id))
        assert record is not None
        assert record.status.is_final
        if run_id in ended:
            assert record.status is RunStatus.SUCCEEDED
            assert all(node.status is NodeStatus.SUCCEEDED for node in record.nodes)
    assert all(ref.run_id not in ended for ref in recovered)
    assert store.active_local_runs() == []
    assert store.take_reports() == []
    store.close()
    check_integrity(path)


def test_a_reader_after_kill_9_shows_the_run_as_failed(tmp_path: Path) -> None:
    from edge.store.view import as_seen

    path = tmp_path / "edge.db"
    with start(WRITER, path, "k", 1_000_000) as child:
        assert child.stdout is not None
        child.stdout.readline()
        child.kill()
    reader = Store.open_reader(path)
    assert reader is not None
    for run in reader.find_runs(RunFilter(limit=0)):
        assert run.boot_id == boot_id()
        assert as_seen(run, this_host()).status.is_final
    reader.close()


def test_several_processes_write_one_store(tmp_path: Path) -> None:
    path = tmp_path / "edge.db"
    children = [start(WRITER, path, f"p{number}", 15) for number in range(3)]
    for child in children:
        _, errors = child.communicate(timeout=60)
        assert child.returncode == 0, errors
    store = Store.open(path)
    runs = store.find_runs(RunFilter(limit=0))
    assert len(runs) == 45
    assert {run.status for run in runs} == {RunStatus.SUCCEEDED}
    store.close()
    check_integrity(path)


def test_a_task_is_won_once_between_processes(tmp_path: Path) -> None:
    path = tmp_path / "edge.db"
    store = Store.open(path)
    with store.transaction():
        for number in range(40):
            ref = RunRef("pump", f"r{number}")
            task = cluster.TaskRow(run=ref, root=ref, attempt_id="a", attempt_key=f"k{number}")
            cluster.put_task(store, task, b"", 1)
    children = [start(TAKER, path, f"w{number}") for number in range(3)]
    won: list[str] = []
    for child in children:
        out, errors = child.communicate(timeout=60)
        assert child.returncode == 0, errors
        won += out.split()
    assert sorted(won) == sorted(f"r{number}" for number in range(40))
    store.close()


def test_a_full_file_system_is_one_clear_line(tmp_path: Path) -> None:
    """On a real file system of 256 KB, in a mount namespace of our own."""
    unshare = shutil.which("unshare")
    mount = f"mount -t tmpfs -o size=256k none {tmp_path}"
    if (
        unshare is None
        or subprocess.run(
            [unshare, "-rm", "sh", "-c", mount], capture_output=True, check=False
        ).returncode
    ):
        pytest.skip("no mount namespaces here")
    run = f'{mount} && exec "$@"'
    args = [sys.executable, "-c", WRITER, f"{tmp_path}/edge.db", "f", "100000"]
    done = subprocess.run(
        [unshare, "-rm", "sh", "-c", run, "sh", *args],
        capture_output=True, text=True, cwd=REPOSITORY, check=False, timeout=60,
    )  # fmt: skip
    last = done.stderr.strip().splitlines()[-1]
    assert f"{tmp_path}/edge.db: the disk is full; free some space" in last
