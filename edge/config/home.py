"""Make what a home directory lacks (spec 30 section 2.3)."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from edge.config.settings import Settings
from edge.core.errors import UserError

__all__ = ["prepare_home"]

_BASE = """\
# Defaults of every workflow on this host. A workflow's own value wins.
type: graph                # steps run as soon as their `depends` allow it
overlap_policy: skip       # a slot that comes due while a run is active is skipped
log_output: separate       # stdout and stderr in files of their own
hist_retention_days: 30
max_clean_up_time_sec: 5   # from the stop signal to SIGKILL
max_active_steps: 10       # steps of one run at the same time
max_output_size: 1048576   # bytes
catchup_window: "6h"       # how far back missed slots are made up for
"""


def prepare_home(settings: Settings) -> None:
    """Create the directories (0750) and, once, base.yaml (0600); idempotent and cheap.

    Raises: UserError that names the path and what to do, when one cannot be made or written.
    """
    paths = settings.paths
    for folder in (paths.dags_dir, paths.data_dir, paths.log_dir, paths.suspend_flags_dir):
        try:
            folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        except OSError as exc:
            raise _error(folder, exc) from exc
    for folder in (paths.data_dir, paths.log_dir):
        if not os.access(folder, os.W_OK | os.X_OK):
            raise _error(folder, OSError(errno.EACCES, "permission denied"))
    marker = paths.base_config.with_name(".base-config-created")
    if paths.base_config.exists() or marker.exists():
        return
    try:
        _write_new(paths.base_config, _BASE)
        _write_new(marker, "")
    except OSError as exc:
        if exc.errno not in (errno.EACCES, errno.EROFS, errno.EPERM):
            raise _error(paths.base_config, exc) from exc
        # A configuration directory may be read-only (/etc under the unit): no base is no error.


def _write_new(path: Path, text: str) -> None:
    """Write a file that appears whole or not at all."""
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(scratch, "x", encoding="utf-8") as stream:
            os.fchmod(stream.fileno(), 0o600)
            stream.write(text)
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)


def _error(path: Path, exc: OSError) -> UserError:
    hints = {
        errno.EACCES: "use sudo, or choose another directory with --dagu-home or EDGE_HOME",
        errno.EROFS: "choose a writable directory with --dagu-home or EDGE_HOME",
        errno.ENOSPC: "free some space",
        errno.ENOTDIR: "a part of that path is a file",
        errno.EEXIST: "that path is a file",
    }
    hint = hints.get(exc.errno or 0)
    text = (exc.strerror or str(exc)).lower()
    return UserError(f"initialization error: {path}: {text}", hint=hint)
