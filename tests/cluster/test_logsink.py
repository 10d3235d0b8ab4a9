"""Where streamed logs go and what is refused: spec 20 section 10."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edge.cluster.leases import LeaseRecord, LeaseTable
from edge.cluster.logpaths import log_file_name, rewrite_paths, run_log_dir
from edge.cluster.logsink import LogSink, check_stream, stream_identity
from edge.cluster.rpc import Code, RpcError
from edge.cluster.wire import pb
from edge.core.ids import RunRef, attempt_key
from edge.core.record import NodeRecord, RunRecord

RUN = RunRef("hello", "r1")
KEY = attempt_key(RUN, RUN, "a1")


def _chunk(data: bytes = b"", **members: Any) -> pb.LogChunk:
    values: dict[str, Any] = {
        "worker_id": "w",
        "dag_run_id": "r1",
        "dag_name": "hello",
        "step_name": "say",
        "stream_type": pb.LOG_STREAM_TYPE_STDOUT,
        "root_dag_run_name": "hello",
        "root_dag_run_id": "r1",
        "attempt_id": "a1",
        "attempt_key": KEY,
        "data": data,
    }
    return pb.LogChunk(**{**values, **members})


def _sink(folder: Path) -> LogSink:
    return LogSink(folder, stream_identity(_chunk()))


def _file(folder: Path, name: str = "say.stdout.log") -> Path:
    return folder / "hello" / "r1" / "a1" / name


def _leases(**changes: Any) -> LeaseTable:
    values: dict[str, Any] = {
        "attempt_key": KEY,
        "run": RUN,
        "root": RUN,
        "attempt_id": "a1",
        "worker_id": "w",
        "claim_token": "t",
    }
    table = LeaseTable()
    table.grant(LeaseRecord(**{**values, **changes}), 0, is_edge=True)
    return table


def test_positioned_writes_and_the_end(tmp_path: Path) -> None:
    sink = _sink(tmp_path)
    assert not _file(tmp_path).exists()
    sink.add(_chunk(b"hello ", byte_offset=0, sequence=1))
    sink.add(_chunk(b"world", byte_offset=6, sequence=2))
    sink.add(_chunk(b"HELLO", byte_offset=0, sequence=1))
    sink.add(_chunk(is_final=True, byte_offset=11, sequence=3))
    sink.close()
    assert _file(tmp_path).read_bytes() == b"HELLO world"
    assert (sink.chunks, sink.written_bytes) == (4, 16)


def test_a_resend_after_a_break_leaves_the_file_whole(tmp_path: Path) -> None:
    first = _sink(tmp_path)
    first.add(_chunk(b"abcdef", byte_offset=0))
    first.close()
    second = _sink(tmp_path)
    second.add(_chunk(b"abcdefghi", byte_offset=0))
    second.add(_chunk(is_final=True, byte_offset=9))
    second.close()
    assert _file(tmp_path).read_bytes() == b"abcdefghi"


def test_without_offset_it_appends(tmp_path: Path) -> None:
    for part in (b"a", b"b"):
        sink = _sink(tmp_path)
        sink.add(_chunk(part))
        sink.add(_chunk(is_final=True))
        sink.close()
    assert _file(tmp_path).read_bytes() == b"ab"


def test_the_final_chunk_truncates(tmp_path: Path) -> None:
    sink = _sink(tmp_path)
    sink.add(_chunk(b"abcdef", byte_offset=0))
    sink.add(_chunk(b"ignored", is_final=True, byte_offset=3))
    sink.close()
    assert _file(tmp_path).read_bytes() == b"abc"


def test_a_final_chunk_alone_changes_nothing(tmp_path: Path) -> None:
    first = _sink(tmp_path)
    first.add(_chunk(b"abc", byte_offset=0))
    first.close()
    sink = _sink(tmp_path)
    sink.add(_chunk(is_final=True, byte_offset=0))
    sink.add(_chunk(b"", byte_offset=0))
    sink.close()
    assert _file(tmp_path).read_bytes() == b"abc"
    assert sink.chunks == 2


def test_one_stream_may_carry_several_steps(tmp_path: Path) -> None:
    sink = _sink(tmp_path)
    sink.add(_chunk(b"o", byte_offset=0))
    sink.add(_chunk(b"e", byte_offset=0, stream_type=pb.LOG_STREAM_TYPE_STDERR))
    sink.add(
        _chunk(b"s", byte_offset=0, step_name="scheduler", stream_type=pb.LOG_STREAM_TYPE_SCHEDULER)
    )
    sink.add(_chunk(b"u", byte_offset=0, stream_type=0, step_name="a/../b"))
    sink.close()
    names = sorted(path.name for path in _file(tmp_path).parent.iterdir())
    assert names == ["a____b.log", "say.stderr.log", "say.stdout.log", "scheduler.log"]


@pytest.mark.parametrize(
    ("chunks", "code", "text"),
    [
        (
            [_chunk(b"a", byte_offset=1)],
            Code.UNKNOWN,
            "failed to write data: log chunk byte offset exceeds current file size",
        ),
        (
            [_chunk(b"a", byte_offset=0), _chunk(b"b")],
            Code.UNKNOWN,
            "failed to create writer: log stream write mode changed",
        ),
        (
            [_chunk(b"a", byte_offset=0), _chunk(is_final=True, byte_offset=2)],
            Code.UNKNOWN,
            "failed to finalize log file: final log size exceeds current file size",
        ),
        (
            [_chunk(b"a", byte_offset=0), _chunk(b"b", worker_id="x", byte_offset=1)],
            Code.FAILED_PRECONDITION,
            "log stream attempt identity changed",
        ),
    ],
)
def test_refusals(tmp_path: Path, chunks: list[pb.LogChunk], code: Code, text: str) -> None:
    sink = _sink(tmp_path)
    for chunk in chunks[:-1]:
        sink.add(chunk)
    with pytest.raises(RpcError) as error:
        sink.add(chunks[-1])
    sink.close()
    assert (error.value.code, error.value.text) == (code, text)


@pytest.mark.parametrize("member", ["worker_id", "dag_run_id", "attempt_id"])
def test_identity_is_required(member: str) -> None:
    with pytest.raises(RpcError, match="worker, DAG run, and attempt identity are required"):
        stream_identity(_chunk(**{member: ""}))  # type: ignore[arg-type]


def test_the_attempt_key_is_computed_for_a_root_run() -> None:
    assert stream_identity(_chunk(attempt_key="")).attempt_key == KEY
    assert stream_identity(_chunk(attempt_key="", root_dag_run_id="")).attempt_key == KEY
    with pytest.raises(RpcError, match="attempt key does not match stream metadata"):
        stream_identity(_chunk(attempt_key="x:a1"))


@pytest.mark.parametrize(
    ("leases", "text"),
    [
        (LeaseTable(), "stale attempt: lease no longer active"),
        (_leases(worker_id="x"), "stale attempt: superseded by newer attempt"),
        (_leases(attempt_id="b"), "stale attempt: superseded by newer attempt"),
    ],
)
def test_the_fence(leases: LeaseTable, text: str) -> None:
    with pytest.raises(RpcError) as error:
        check_stream(stream_identity(_chunk()), leases)
    assert (error.value.code, error.value.text) == (Code.FAILED_PRECONDITION, text)


def test_the_fence_opens_for_the_holder() -> None:
    check_stream(stream_identity(_chunk()), _leases())


def test_a_full_disk_or_a_stranger_file_is_an_error(tmp_path: Path) -> None:
    target = _file(tmp_path)
    target.parent.mkdir(parents=True)
    target.symlink_to(tmp_path / "elsewhere")
    sink = _sink(tmp_path)
    with pytest.raises(RpcError, match="failed to write data: "):
        sink.add(_chunk(b"a", byte_offset=0))
    assert not (tmp_path / "elsewhere").exists()


def test_names() -> None:
    assert log_file_name("", "stdout") == ".stdout.log"
    assert log_file_name("a b.c", "stderr") == "a_b_c.stderr.log"
    assert log_file_name("x" * 200, "") == "x" * 100 + ".log"
    assert run_log_dir(Path("/l"), RunRef("a.b", "r"), "") == Path("/l/a_b/r/r")


def test_record_paths_follow_the_same_rule() -> None:
    record = RunRecord(
        name="hello",
        run_id="r1",
        attempt_id="a1",
        log="/tmp/w/scheduler.log",
        nodes=[
            NodeRecord(step={"name": "say"}, stdout="/tmp/w/o", stderr="/tmp/w/e"),
            NodeRecord(step={"name": "later"}),
            NodeRecord(step={"name": "both"}, stdout="/tmp/w/m", stderr="/tmp/w/m"),
        ],
        handlers={"onExit": NodeRecord(step={}, stdout="/x", stderr="")},
    )
    rewrite_paths(record, Path("/logs"))
    folder = "/logs/hello/r1/a1"
    assert record.log == f"{folder}/scheduler.log"
    assert (record.nodes[0].stdout, record.nodes[0].stderr) == (
        f"{folder}/say.stdout.log",
        f"{folder}/say.stderr.log",
    )
    assert (record.nodes[1].stdout, record.nodes[1].stderr) == ("", "")
    assert record.nodes[2].stderr == record.nodes[2].stdout == f"{folder}/both.stdout.log"
    assert record.handlers["onExit"].stdout == f"{folder}/on_exit.stdout.log"
