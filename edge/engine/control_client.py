"""Talking to the control socket of another process; synchronous, without trio."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from urllib.parse import urlencode

from edge.config.runtime import control_socket
from edge.core.ids import RunRef
from edge.core.record import RunRecord

__all__ = ["request_status", "request_stop"]

_LIMIT_S = 3.0


def request_stop(pid: int, ref: RunRef, runtime: Path) -> bool:
    """Ask the process of a run to stop it; False when it cannot be reached or has no such run."""
    status, _ = _call(pid, "POST", "/stop", ref, runtime)
    return status == 200


def request_status(pid: int, ref: RunRef, runtime: Path) -> RunRecord | None:
    """Return the record as the process has it now; None when it cannot be had."""
    status, body = _call(pid, "GET", "/status", ref, runtime)
    if status != 200:
        return None
    try:
        return RunRecord.from_json(json.loads(body))
    except ValueError:
        return None


def _call(pid: int, method: str, path: str, ref: RunRef, runtime: Path) -> tuple[int, bytes]:
    query = urlencode({"name": ref.name, "runId": ref.run_id})
    request = f"{method} {path}?{query} HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n"
    data = b""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(_LIMIT_S)
            sock.connect(str(control_socket(runtime, pid)))
            sock.sendall(request.encode())
            while more := sock.recv(65_536):
                data += more
    except OSError:
        return 0, b""
    head, _, body = data.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    return (int(words[1]) if len(words) > 1 and words[1].isdigit() else 0), body
