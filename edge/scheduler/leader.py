"""One scheduler per data directory: an `flock` that the kernel frees with the process (3.9)."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from edge.core.errors import StoreError

__all__ = ["LOCK_NAME", "leadership"]

LOCK_NAME = "scheduler/leader.lock"
_RETRY_S = 1.0


@asynccontextmanager
async def leadership(
    data_dir: Path, identity: str, on_wait: Callable[[str], None] | None = None
) -> AsyncIterator[None]:
    """Hold the lock inside the block; wait for it first.

    `on_wait` is called once when another process holds it, with that process's identity. A waiter
    looks once a second: one system call, and it can be cancelled at any time, which a thread
    blocked in `flock` cannot.

    Raises: StoreError when the lock file cannot be used.
    """
    path = data_dir / LOCK_NAME
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise StoreError(f"{path}: {(exc.strerror or str(exc)).lower()}") from exc
    try:
        told = False
        while not _try_lock(handle, path):
            if not told and on_wait is not None:
                on_wait(os.pread(handle, 200, 0).decode(errors="replace").strip())
            told = True
            await trio.sleep(_RETRY_S)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{identity}\n".encode(), 0)
        yield
    finally:
        os.close(handle)


def _try_lock(handle: int, path: Path) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        if exc.errno in (errno.EWOULDBLOCK, errno.EACCES, errno.EINTR):
            return False
        raise StoreError(f"{path}: {(exc.strerror or str(exc)).lower()}") from exc
    return True
