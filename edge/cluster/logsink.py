"""Server side of StreamLogs: chunks in, files under the log directory out (spec 20 section 10).

One `LogSink` serves one stream; it is synchronous and is called in a worker thread. A file is
created at its first byte. Nothing here decides whether the worker still owns the attempt beyond
the first chunk's fence, which needs the lease table.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from edge.cluster.fencing import LEASE_INACTIVE, SUPERSEDED
from edge.cluster.leases import LeaseTable
from edge.cluster.logpaths import log_file_name, run_log_dir
from edge.cluster.rpc import Code, RpcError
from edge.cluster.wire import pb
from edge.core.ids import RunRef, attempt_key

__all__ = ["LogSink", "StreamIdentity", "check_stream", "stream_identity"]

_STREAMS = {
    pb.LOG_STREAM_TYPE_UNSPECIFIED: "",
    pb.LOG_STREAM_TYPE_STDOUT: "stdout",
    pb.LOG_STREAM_TYPE_STDERR: "stderr",
    pb.LOG_STREAM_TYPE_SCHEDULER: "scheduler",
}
_Chunk: TypeAlias = "pb.LogChunk | pb.ArtifactChunk"


@dataclass(frozen=True, slots=True)
class StreamIdentity:
    """Whose bytes these are; constant within one stream."""

    worker_id: str
    run: RunRef
    root: RunRef
    attempt_id: str
    attempt_key: str


def stream_identity(chunk: _Chunk) -> StreamIdentity:
    """Return whose bytes a chunk carries, with the defaults of a root run filled in.

    Raises: RpcError when a member is missing or the attempt key does not belong to the rest.
    """
    if not (chunk.worker_id and chunk.dag_run_id and chunk.attempt_id):
        raise RpcError(Code.INVALID_ARGUMENT, "worker, DAG run, and attempt identity are required")
    run = RunRef(chunk.dag_name, chunk.dag_run_id)
    is_root = chunk.root_dag_run_id in ("", chunk.dag_run_id)
    root = run if is_root else RunRef(chunk.root_dag_run_name, chunk.root_dag_run_id)
    key = chunk.attempt_key
    if is_root:
        computed = attempt_key(run, run, chunk.attempt_id)
        if key and key != computed:
            raise RpcError(Code.INVALID_ARGUMENT, "attempt key does not match stream metadata")
        key = computed
    return StreamIdentity(chunk.worker_id, run, root, chunk.attempt_id, key)


def check_stream(identity: StreamIdentity, leases: LeaseTable) -> None:
    """Fence the first chunk of a stream. Raises: RpcError."""
    lease = leases.get(identity.attempt_key)
    if lease is None:
        raise RpcError(Code.FAILED_PRECONDITION, LEASE_INACTIVE)
    # A child inside the worker's process streams under the claim of the run it belongs to.
    is_claimed_run = lease.run == identity.run
    if (
        lease.worker_id != identity.worker_id
        or lease.root != identity.root
        or (is_claimed_run and lease.attempt_id != identity.attempt_id)
    ):
        raise RpcError(Code.FAILED_PRECONDITION, SUPERSEDED)


@dataclass(slots=True)
class _File:
    descriptor: int
    is_positioned: bool


class LogSink:
    """Files of one stream. Call `close` at its end, whatever happened."""

    def __init__(self, log_dir: Path, identity: StreamIdentity) -> None:
        self._identity = identity
        self._folder = run_log_dir(log_dir, identity.root, identity.attempt_id)
        self._files: dict[str, _File] = {}
        self._is_positioned: bool | None = None
        self.chunks = 0
        self.written_bytes = 0

    def add(self, chunk: pb.LogChunk) -> None:
        """Write one chunk. Raises: RpcError as the table of section 10 says."""
        if stream_identity(chunk) != self._identity:
            raise RpcError(Code.FAILED_PRECONDITION, "log stream attempt identity changed")
        self.chunks += 1
        name = log_file_name(chunk.step_name, _STREAMS.get(chunk.stream_type, ""))
        try:
            if chunk.is_final:
                self._finalize(name, chunk)
            elif chunk.data:
                self._write(name, chunk)
        except OSError as exc:
            raise RpcError(Code.UNKNOWN, f"failed to write data: {exc.strerror or exc}") from exc

    def close(self) -> None:
        """Close every file; keeps what was written."""
        for file in self._files.values():
            os.close(file.descriptor)
        self._files.clear()

    def _write(self, name: str, chunk: pb.LogChunk) -> None:
        positioned = chunk.HasField("byte_offset")
        if self._is_positioned not in (None, positioned):
            raise RpcError(Code.UNKNOWN, "failed to create writer: log stream write mode changed")
        file = self._files.get(name)
        size = self._size(name)
        if positioned and chunk.byte_offset > size:
            raise RpcError(
                Code.UNKNOWN,
                "failed to write data: log chunk byte offset exceeds current file size",
            )
        if file is None:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o750)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            file = _File(os.open(self._folder / name, flags, 0o600), positioned)
            self._files[name] = file
        self._is_positioned = positioned
        offset = chunk.byte_offset if positioned else size
        view = memoryview(chunk.data)
        while view:
            done = os.pwrite(file.descriptor, view, offset)
            view, offset = view[done:], offset + done
        self.written_bytes += len(chunk.data)

    def _finalize(self, name: str, chunk: pb.LogChunk) -> None:
        file = self._files.pop(name, None)
        if file is None:
            return
        try:
            if chunk.HasField("byte_offset"):
                if chunk.byte_offset > os.fstat(file.descriptor).st_size:
                    raise RpcError(
                        Code.UNKNOWN,
                        "failed to finalize log file: final log size exceeds current file size",
                    )
                os.ftruncate(file.descriptor, chunk.byte_offset)
            os.fdatasync(file.descriptor)
        finally:
            os.close(file.descriptor)

    def _size(self, name: str) -> int:
        file = self._files.get(name)
        if file is not None:
            return os.fstat(file.descriptor).st_size
        try:
            return (self._folder / name).stat().st_size
        except FileNotFoundError:
            return 0
