"""Bytes written and imports: what a store costs an SD card and a small processor."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.core.status import RunStatus
from edge.store import Store
from tests.store.support import HOST, SNAPSHOT, T0, end_node, make_record, start_node


def written_bytes() -> int:
    for line in Path("/proc/self/io").read_text().splitlines():
        if line.startswith("write_bytes:"):
            return int(line.split()[1])
    raise AssertionError


@pytest.fixture
def disk() -> Iterator[Path]:
    """A directory on a disk: a memory file system counts nothing."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        probe = Path(name, "probe")
        before = written_bytes()
        probe.write_bytes(b"x" * 65536)
        if written_bytes() == before:
            pytest.skip("/var/tmp is not on a disk that counts written bytes")
        yield Path(name)


@pytest.mark.parametrize("group", [160, 2])
def test_five_hundred_steps_write_little(disk: Path, group: int) -> None:
    """In 1.4 s a commit window holds some 160 transitions; 2 is a step slower than the window."""
    before = written_bytes()
    store = Store.open(disk / "edge.db")
    record = make_record(steps=500, logs=disk)
    attempt = store.begin_attempt(record, SNAPSHOT, HOST, new_run=True)
    for first in range(0, 1000, group):
        with store.transaction():
            for number in range(first, min(first + group, 1000)):
                key = number // 2
                (end_node if number % 2 else start_node)(record, key)
                store.write_nodes(attempt, record, [str(key)])
    record.status = RunStatus.SUCCEEDED
    with store.transaction(durable=True):
        store.finish(attempt, record)
    store.close()
    assert written_bytes() - before < (600_000 if group > 2 else 2_000_000)


def test_scheduled_runs_write_little(disk: Path) -> None:
    """Nine DAGs a minute, begun together and ended three by three: 10 KB a run is the budget."""
    store = Store.open(disk / "edge.db")
    before = written_bytes()
    for minute in range(30):
        now_ms = T0 + minute * 60_000
        records = [
            make_record(f"{minute:020}{dag}", name=f"dag{dag}", steps=1, created_ms=now_ms)
            for dag in range(9)
        ]
        with store.transaction(durable=True):
            store.set_last_tick(now_ms)
            attempts = []
            for record in records:
                store.claim_slot(record.name, "* * * * *", now_ms, record.run_id, "start")
                attempts.append(store.begin_attempt(record, SNAPSHOT, HOST, new_run=True))
        pairs = list(zip(attempts, records, strict=True))
        for first in range(0, 9, 3):
            with store.transaction(durable=True):
                for attempt, record in pairs[first : first + 3]:
                    start_node(record, 0)
                    end_node(record, 0)
                    record.status = RunStatus.SUCCEEDED
                    assert store.finish(attempt, record)
    store.close()
    assert (written_bytes() - before) / 270 < 12_000


def test_the_store_is_light_to_import() -> None:
    code = (
        "import sys, edge.store; heavy = {'trio', 'grpc', 'quart', 'yaml', 'asyncio', 'logging'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
