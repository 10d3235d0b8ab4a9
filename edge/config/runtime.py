"""The runtime directory: sockets, registry and heartbeats, on tmpfs (DESIGN section 4)."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from edge.core.errors import UserError

__all__ = ["control_socket", "runtime_dir"]


def runtime_dir(environ: Mapping[str, str]) -> Path:
    """Return the runtime directory, made with mode 0700 where it is missing.

    `$RUNTIME_DIRECTORY` (set by the unit), else `$XDG_RUNTIME_DIR/edge`, else `/tmp/edge-<uid>`.
    Raises: UserError when it belongs to somebody else or cannot be made.
    """
    unit, session = environ.get("RUNTIME_DIRECTORY"), environ.get("XDG_RUNTIME_DIR")
    if unit:
        path = Path(unit.split(":")[0])
    elif session:
        path = Path(session) / "edge"
    else:
        path = Path(f"/tmp/edge-{os.getuid()}")  # ownership is checked below
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
    except OSError as exc:
        raise UserError(
            f"the runtime directory {path} cannot be used: {exc.strerror}",
            hint="set RUNTIME_DIRECTORY or XDG_RUNTIME_DIR to a directory of yours",
        ) from exc
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (os.getuid(), 0):
        raise UserError(
            f"the runtime directory {path} belongs to another user",
            hint="remove it, or set XDG_RUNTIME_DIR to a directory of yours",
        )
    return path


def control_socket(runtime: Path, pid: int) -> Path:
    """Return the control socket of the process `pid`."""
    return runtime / f"edge-{pid}.sock"
