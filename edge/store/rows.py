"""How a run record is laid out in rows, and back. Pure.

A row leaves out what follows from its neighbours (a log directory, the usual process group, the
attempt key), because on an SD card bytes written are what wears out.
"""

from __future__ import annotations

import json
import posixpath
import zlib
from collections.abc import Collection, Mapping
from typing import Any

from edge.core.ids import RunRef, attempt_key
from edge.core.jsontypes import JsonObject, JsonValue
from edge.core.record import NodeRecord, RunRecord, StepOutputs
from edge.core.status import NodeStatus
from edge.core.subruns import read_details, read_sub_runs

__all__ = [
    "NODE_COLUMNS",
    "NodeRow",
    "attempt_doc",
    "clean",
    "compress",
    "decompress",
    "dumps",
    "expand_doc",
    "find_log_dir",
    "find_node",
    "is_default",
    "join_log_dir",
    "node_keys",
    "node_of",
    "node_row",
    "pack_nodes",
    "step_texts",
]

NODE_COLUMNS = (
    "key, status, started_ms, finished_ms, retried_ms, retries, dones, pgid, stdout, stderr,"
    " dir, error, vars, step, extra"
)
#: values in the order of NODE_COLUMNS; paths and step still in full
NodeRow = tuple[Any, ...]

_STDOUT, _STDERR, _DIR, _STEP = 8, 9, 10, 13
#: key of the declared outputs as they are; no member of a record has this form
_REAL = ":stepOutputs"


def dumps(value: object) -> str:
    """Return compact JSON that can be stored: lone surrogates are escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text if _is_clean(text) else json.dumps(value, separators=(",", ":"))


def clean(text: str) -> str:
    """Return a text that can be stored: bytes that are no UTF-8 become `?`."""
    return text if _is_clean(text) else text.encode("utf-8", "replace").decode()


def _is_clean(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def compress(text: str) -> bytes:
    return zlib.compress(text.encode("utf-8", "surrogatepass"), 6)


def decompress(data: bytes) -> str:
    return zlib.decompress(data).decode("utf-8", "surrogatepass")


# -- nodes


def find_node(record: RunRecord, key: str) -> NodeRecord:
    """Return the node of a key: a position, or a handler name."""
    return record.nodes[int(key)] if key.isdigit() else record.handlers[key]


def node_keys(record: RunRecord) -> list[str]:
    """Return the keys of all nodes and handlers."""
    return [str(index) for index in range(len(record.nodes))] + list(record.handlers)


def pack_nodes(record: RunRecord, keys: Collection[str] | None = None) -> list[NodeRow]:
    """Copy the state of some nodes (None: all), so that it may change after this call."""
    out: list[NodeRow] = []
    for key in node_keys(record) if keys is None else keys:
        node = find_node(record, key)
        out.append(
            (
                int(key) if key.isdigit() else key,
                int(node.status),
                node.started_ms,
                node.finished_ms,
                node.retried_ms,
                node.retry_count or None,
                node.done_count or None,
                node.pgid,
                clean(node.stdout),
                clean(node.stderr),
                clean(node.working_dir),
                clean(node.error) or None,
                dumps(node.output_variables) if node.output_variables else None,
                dumps(node.step),
                _extra(node),
            )
        )
    return out


def _extra(node: NodeRecord) -> str | None:
    """Return the members without a column; None for none."""
    members: JsonObject = {
        "outputValue": node.output_value,
        "outputsValue": node.outputs_value,
        "stepOutputsValue": node.step_outputs_value,
        "statusDetails": [item.to_json() for item in node.status_details],
        "children": [item.to_json() for item in node.children],
        "childrenRepeated": [item.to_json() for item in node.children_repeated],
    }
    found = {**node.extra, **{key: value for key, value in members.items() if value}}
    declared = node.outputs.declared if node.outputs is not None else None
    if declared is not None:
        # Unmasked, for a retry of a later step: only here, and never part of a view.
        real = dumps(dict(declared))
        if real != node.step_outputs_value:
            found[_REAL] = real
    return dumps(found) if found else None


def _take_extra(node: NodeRecord, text: str | None) -> None:
    """Set the members of `_extra`, and what was published with its secrets."""
    found = _object(text) if text else {}
    node.output_value = _text(found.pop("outputValue", ""))
    node.outputs_value = _text(found.pop("outputsValue", ""))
    node.step_outputs_value = _text(found.pop("stepOutputsValue", ""))
    node.status_details = read_details(found.pop("statusDetails", None))
    node.children = read_sub_runs(found.pop("children", None))
    node.children_repeated = read_sub_runs(found.pop("childrenRepeated", None))
    real = _text(found.pop(_REAL, node.step_outputs_value))
    node.extra = found
    names = [name for name in node.output_variables if not name.startswith("DAGU_CONTINUE_ON.")]
    if "approvalInputs" in node.extra:
        # What people gave when they approved the step stands there, too (spec 12 section 14).
        names = [name for name in names if name == node.step.get("output")]
    if names or real or node.output_value or node.outputs_value:
        node.outputs = StepOutputs(
            variable=names[0] if names else "",
            value=node.output_value if names or node.output_value else None,
            declared={key: str(value) for key, value in _object(real).items()} if real else None,
            published=node.outputs_value,
        )


def find_log_dir(packed: Collection[NodeRow], log: str) -> str | None:
    """Return the directory of the step logs as it is stored; None when no node names one."""
    for row in packed:
        for path in (row[_STDOUT], row[_STDERR]):
            if path.startswith("/"):
                return _shorten(posixpath.dirname(path), posixpath.dirname(log))
    return None


def join_log_dir(log: str, log_dir: str | None) -> str:
    """Return the directory of the step logs in full."""
    return _expand(log_dir, posixpath.dirname(log)) if log_dir else ""


def node_row(packed: NodeRow, *, log_dir: str, work_dir: str, base_step: int | None) -> NodeRow:
    """Return the row as stored; `base_step` is the hash of the step's text in the list."""
    row = list(packed)
    stdout, stderr = packed[_STDOUT], packed[_STDERR]
    row[_STDERR] = None if stderr == _implied_stderr(stdout) else _shorten(stderr, log_dir)
    row[_STDOUT] = _shorten(stdout, log_dir) or None
    if packed[_DIR] == work_dir:
        row[_DIR] = "=" if work_dir else None
    if hash(packed[_STEP]) == base_step:
        row[_STEP] = None
    return tuple(row)


def is_default(row: NodeRow) -> bool:
    """Tell whether a stored row says no more than its absence would."""
    return row[1] == 0 and not any(row[2:])


def node_of(row: NodeRow, base: JsonObject | None, log_dir: str, work_dir: str) -> NodeRecord:
    """Build a node from its stored row.

    Raises: ValueError, TypeError when a value cannot be read.
    """
    stdout = _expand(row[_STDOUT], log_dir)
    folder = row[_DIR] or ""
    step = _object(row[_STEP]) if row[_STEP] else base
    node = NodeRecord(
        step=step if step is not None else {"name": str(row[0])},
        status=NodeStatus(row[1]),
        started_ms=_int(row[2]),
        finished_ms=_int(row[3]),
        retried_ms=_int(row[4]),
        retry_count=_int(row[5]) or 0,
        done_count=_int(row[6]) or 0,
        pgid=_int(row[7]),
        stdout=stdout,
        stderr=_implied_stderr(stdout) if row[_STDERR] is None else _expand(row[_STDERR], log_dir),
        working_dir=work_dir if folder == "=" else folder,
        error=row[11] or "",
        output_variables={k: str(v) for k, v in _object(row[12]).items()} if row[12] else {},
    )
    _take_extra(node, row[14])
    return node


def _implied_stderr(stdout: str) -> str:
    return stdout[:-4] + ".err" if stdout.endswith(".out") else stdout


def _shorten(path: str, folder: str) -> str:
    """Return a path below `folder` relative to it, any other one as it is.

    A path that is relative by itself gets a colon in front, to tell it from one below the folder.
    """
    if (
        folder
        and path.startswith(folder + "/")
        and not path.startswith((":", "/"), len(folder) + 1)
    ):
        return path[len(folder) + 1 :]
    return path if not path or path.startswith("/") else ":" + path


def _expand(path: str | None, folder: str) -> str:
    if not path:
        return ""
    if path.startswith(":"):
        return path[1:]
    return path if path.startswith("/") else f"{folder}/{path}"


# -- attempts


def step_texts(record: RunRecord) -> str | None:
    """Return the list of step objects as JSON, None when the record has no nodes."""
    if not record.nodes and not record.handlers:
        return None
    return dumps(
        {
            "nodes": [node.step for node in record.nodes],
            "handlers": {key: node.step for key, node in record.handlers.items()},
        }
    )


def attempt_doc(record: RunRecord, pid: int) -> str | None:
    """Return the members without a column, where they are not what is usual; None for none."""
    doc: JsonObject = {}
    ref = record.ref
    if record.attempt_key != attempt_key(record.effective_root, ref, record.attempt_id):
        doc["attemptKey"] = record.attempt_key
    if record.root != ref:
        doc["root"] = _pair(record.root)
    if record.parent:
        doc["parent"] = _pair(record.parent)
    if record.pid != pid:
        doc["pid"] = record.pid
    if record.proc_group != record.name:
        doc["procGroup"] = record.proc_group
    if record.definition_id != record.name:
        doc["definitionId"] = record.definition_id
    members: Mapping[str, JsonValue] = {
        "claimKey": record.claim_key,
        "triggerActor": record.trigger_actor,
        "pidStartedAt": record.pid_started_ms,
        "archiveDir": record.archive_dir,
        "paramsList": list(record.params_list),
        "preconditions": list(record.preconditions),
        "leaseAt": record.lease_ms,
        "extra": record.extra,
    }
    doc.update({key: value for key, value in members.items() if value})
    return dumps(doc) if doc else None


def expand_doc(record: RunRecord, doc: str | None, pid: int) -> None:
    """Set the members of `attempt_doc`.

    Raises: ValueError, TypeError, KeyError when the text is not one of those.
    """
    data = _object(doc) if doc else {}
    ref = record.ref
    # Read through the record's own parser: it checks the types.
    parsed = RunRecord.from_json(
        {
            key: data[key]
            for key in (
                "parent", "claimKey", "triggerActor", "pidStartedAt", "archiveDir", "paramsList",
                "preconditions", "leaseAt",
            )
            if key in data
        }
    )  # fmt: skip
    for name in (
        "parent", "claim_key", "trigger_actor", "pid_started_ms", "archive_dir", "params_list",
        "preconditions", "lease_ms",
    ):  # fmt: skip
        setattr(record, name, getattr(parsed, name))
    record.root = _unpair(data["root"]) if "root" in data else ref
    record.pid = _int(data.get("pid", pid)) or 0
    record.proc_group = _text(data.get("procGroup", record.name))
    record.definition_id = _text(data.get("definitionId", record.name))
    default = attempt_key(record.effective_root, ref, record.attempt_id)
    record.attempt_key = _text(data.get("attemptKey", default))
    extra = data.get("extra", {})
    if not isinstance(extra, dict):
        raise ValueError("extra: expected an object")
    record.extra = extra


def _pair(ref: RunRef | None) -> JsonValue:
    return None if ref is None else {"name": ref.name, "id": ref.run_id}


def _unpair(value: JsonValue) -> RunRef | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise ValueError("root: expected an object")
    return RunRef(_text(value["name"]), _text(value["id"]))


def _object(text: str) -> JsonObject:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError("expected a JSON object")
    return value


def _int(value: JsonValue) -> int | None:
    if value is not None and not isinstance(value, int):
        raise ValueError(f"expected an integer, got {type(value).__name__}")
    return value


def _text(value: JsonValue) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected a text, got {type(value).__name__}")
    return value
