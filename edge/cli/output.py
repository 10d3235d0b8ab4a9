"""What several commands need to show a run."""

from __future__ import annotations

import os
import sys
import time

from edge.cli.tree import render_tree
from edge.config.settings import Settings
from edge.core.errors import UserError
from edge.core.record import RunRecord
from edge.store import Store

__all__ = ["no_runs_store", "print_tree", "read_tail", "wants_color"]

#: enough for the last lines of a log, whatever its size
_TAIL_BYTES = 64 * 1024


def wants_color() -> bool:
    """Tell whether stdout is a terminal that takes colours."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def read_tail(path: str) -> str:
    """Return the end of a log; "" when there is no such file."""
    try:
        with open(path, "rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            stream.seek(max(0, size - _TAIL_BYTES))
            return stream.read(_TAIL_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def print_tree(record: RunRecord, *, blank: bool, with_durations: bool = True) -> None:
    """Print the status tree; `start` and `dry` end it with a blank line."""
    text = render_tree(
        record,
        now_ms=time.time_ns() // 1_000_000,
        read_log=read_tail,
        color=wants_color(),
        with_durations=with_durations,
    )
    sys.stdout.write(text + ("\n" if blank else ""))


def no_runs_store(settings: Settings) -> Store | None:
    """Open the store for reading; None when nothing ever ran here.

    Raises: UserError when the data directory is not readable.
    """
    try:
        return Store.open_reader(settings.paths.store_file)
    except PermissionError as exc:
        raise UserError(
            f"permission denied on {settings.paths.store_file}",
            hint="use sudo or join the group edge",
        ) from exc
