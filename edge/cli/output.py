"""What several commands need to show a run."""

from __future__ import annotations

import os
import sys
import time

from edge.cli.tree import render_tree
from edge.config.settings import Settings
from edge.core.errors import UserError
from edge.core.record import NodeRecord, RunRecord
from edge.core.status import RunStatus
from edge.store import Store

__all__ = ["no_runs_store", "print_refused", "print_tree", "read_tail", "wants_color"]

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


def print_refused(name: str, run_id: str, nodes: list[NodeRecord]) -> None:
    """Print the summary of a run whose plan is refused: no record, no log (spec 10 section 6.2)."""
    record = RunRecord(
        name=name, run_id=run_id, attempt_id="", status=RunStatus.FAILED, nodes=nodes
    )
    text = render_tree(record, now_ms=0, read_log=read_tail, color=wants_color())
    head, _, rest = text.partition("\n")
    label = head.rpartition(" - ")[0]
    sys.stdout.write(f"{label} - {time.strftime('%Y-%m-%d %H:%M:%S')}\n{rest}\n")


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
