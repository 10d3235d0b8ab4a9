"""Where the coordinator puts the logs of a remote run (spec 20 section 10). Pure.

The same rule names the file that a log chunk is written to and the path that a status report
gets in place of the worker's own, so a reader that follows the record finds the file.
"""

from __future__ import annotations

from pathlib import Path

from edge.core.ids import RunRef, safe_name
from edge.core.record import RunRecord

__all__ = ["log_file_name", "rewrite_paths", "run_log_dir"]

_HANDLER_NAMES = {
    "onInit": "on_init",
    "onExit": "on_exit",
    "onSuccess": "on_success",
    "onFailure": "on_failure",
    "onAbort": "on_abort",
    "onWait": "on_wait",
}
_SUFFIXES = {"stdout": ".stdout.log", "stderr": ".stderr.log", "": ".log"}


def run_log_dir(log_dir: Path, root: RunRef, attempt_id: str) -> Path:
    """Return the directory of one attempt's logs."""
    run_id = safe_name(root.run_id)
    return log_dir / safe_name(root.name) / run_id / (safe_name(attempt_id) or run_id)


def log_file_name(step: str, stream: str) -> str:
    """Return the file name of a stream: `stdout`, `stderr`, `scheduler` or "" (unspecified)."""
    return "scheduler.log" if stream == "scheduler" else safe_name(step) + _SUFFIXES[stream]


def rewrite_paths(record: RunRecord, log_dir: Path) -> None:
    """Put the coordinator's log paths in place of the worker's, where there are any."""
    folder = run_log_dir(log_dir, record.effective_root, record.attempt_id)
    if record.log:
        record.log = str(folder / "scheduler.log")
    named = [(node.name or "step", node) for node in record.nodes]
    named += [(node.name or _HANDLER_NAMES[key], node) for key, node in record.handlers.items()]
    for name, node in named:
        # A merged log has one path for both streams on the worker and one stream on the wire.
        merged = node.stdout == node.stderr
        if node.stdout:
            node.stdout = str(folder / log_file_name(name, "stdout"))
        if node.stderr:
            node.stderr = node.stdout if merged else str(folder / log_file_name(name, "stderr"))
