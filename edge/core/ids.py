"""Identifiers of runs and attempts, and the names derived from them.

Spec 12 section 1, spec 20 section 2.

Pure: randomness and time come in as arguments.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import NewType

from edge.core.errors import UserError

__all__ = [
    "AttemptId",
    "DagName",
    "RunId",
    "RunRef",
    "WorkerId",
    "attempt_id_from",
    "attempt_key",
    "check_dag_name",
    "check_run_id",
    "dag_dir_name",
    "run_dir_hash",
    "run_id_from",
    "safe_name",
    "sub_run_id",
]

DagName = NewType("DagName", str)
RunId = NewType("RunId", str)
AttemptId = NewType("AttemptId", str)
WorkerId = NewType("WorkerId", str)

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RUN_ID = re.compile(r"[-a-zA-Z0-9_]+")
_DAG_NAME = re.compile(r"[a-zA-Z0-9_.-]+")
_UNSAFE = re.compile(r"[^a-zA-Z0-9_-]")


@dataclass(frozen=True, slots=True)
class RunRef:
    """A DAG run by name and run id; text form `name:runId`."""

    name: str
    run_id: str

    def __str__(self) -> str:
        return f"{self.name}:{self.run_id}"


def run_id_from(now_ms: int, random: bytes) -> RunId:
    """Build a generated run id: a UUIDv7 in base62, 22 characters, sorting by time.

    `now_ms` is Unix milliseconds; `random` holds at least 10 random bytes.
    """
    rand = int.from_bytes(random[:10], "big")
    value = (now_ms & ((1 << 48) - 1)) << 80
    value |= 0x7 << 76
    value |= ((rand >> 68) & 0xFFF) << 64
    value |= 0b10 << 62
    value |= rand & ((1 << 62) - 1)
    digits = []
    for _ in range(22):
        value, rest = divmod(value, 62)
        digits.append(_BASE62[rest])
    return RunId("".join(reversed(digits)))


def attempt_id_from(random: bytes) -> AttemptId:
    """Build an attempt id, 6 lowercase hex characters, from at least 3 random bytes."""
    return AttemptId(random[:3].hex())


def check_run_id(text: str) -> RunId:
    """Return `text` as a run id. Raises: UserError with the texts of spec 30 section 1.5."""
    if not text:
        raise UserError("dag-run ID must not be empty")
    if not _RUN_ID.fullmatch(text):
        raise UserError(
            "dag-run ID must only contain alphanumeric characters, dashes, and underscores"
        )
    if len(text) > 64:
        raise UserError("dag-run ID length must be less than 64 characters")
    return RunId(text)


def check_dag_name(text: str) -> DagName:
    """Return `text` as a DAG name. Raises: UserError with the texts of spec 30 section 1.5."""
    if len(text.encode()) > 40:
        raise UserError(f"name must be less than 40 characters (value: {text})")
    if not _DAG_NAME.fullmatch(text) or text in {".", ".."}:
        raise UserError(
            "name must only contain alphanumeric characters, dashes, dots, and underscores"
            f" (value: {text})"
        )
    return DagName(text)


def attempt_key(root: RunRef, run: RunRef, attempt_id: str) -> str:
    """Return the attempt key, the fence of every remote write (spec 20 section 2).

    For a root run `root` equals `run`.
    """
    digest = 0xCBF29CE484222325
    for byte in "\0".join((root.name, root.run_id, run.name, run.run_id)).encode():
        digest = ((digest ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{digest:016x}:{attempt_id}"


def sub_run_id(parent_id: str, step: str, child: str, params: str, *, extra: str = "") -> RunId:
    """Return the id of a child run: the same for the same call, so that a retry finds it again.

    `extra` tells calls with equal parameters apart: NUL and the item of a fan-out. A lone surrogate
    in the parameters counts as the byte it stands for.
    """
    text = f"{parent_id}:{step}:{child}\0{params}{extra}"
    digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
    value, digits = int.from_bytes(digest, "big"), ""
    while value:
        value, rest = divmod(value, 58)
        digits = _BASE58[rest] + digits
    zeros = len(digest) - len(digest.lstrip(b"\0"))
    return RunId("1" * zeros + digits)


def safe_name(text: str) -> str:
    """Return `text` as a file name part: other characters become `_`, cut at 100."""
    return _UNSAFE.sub("_", text)[:100]


def dag_dir_name(name: str) -> str:
    """Return the directory name of a DAG's history: SafeName, plus a hash where that changed it."""
    safe = safe_name(name)
    if safe == name:
        return safe
    return f"{safe}-{hashlib.sha256(name.encode()).hexdigest()[:4]}"


def run_dir_hash(run_id: str) -> str:
    """Return the short directory name of a run's work directory (spec 12 section 13)."""
    import base64

    digest = hashlib.sha256(run_id.encode()).digest()[:16]
    return base64.b32encode(digest).decode().rstrip("=").lower()
