"""Reading small files that a workflow names (DAGs, secrets, outputs)."""

from __future__ import annotations

import os
import stat

__all__ = ["read_regular"]


def read_regular(path: str, limit_bytes: int, *, follow: bool = True) -> bytes:
    """Return a file's content, one byte more than the limit at most, so that a caller can tell.

    Never waits, as opening a pipe would: whatever is no regular file is refused. Raises: OSError.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
    fd = os.open(path, flags if follow else flags | os.O_NOFOLLOW)
    try:
        mode = os.fstat(fd).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(21, "Is a directory", path)
        if not stat.S_ISREG(mode):
            raise OSError(22, "not a regular file", path)
        with open(fd, "rb", closefd=False) as file:
            return file.read(limit_bytes + 1)
    finally:
        os.close(fd)
