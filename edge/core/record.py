"""The run record: the JSON that REST, gRPC and `status --json` carry (spec 12 section 17).

`RunRecord` is the one in-memory form of a run's state. The engine changes it, the store and the
coordinator client read it, the pages and the CLI show it. Members that this version does not know
survive `from_json` and `to_json` in `extra`. Times are Unix milliseconds here and RFC 3339 in the
JSON; durations inside a step object are nanoseconds, as on the wire.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from edge.core.clock import format_rfc3339, parse_rfc3339
from edge.core.ids import RunRef
from edge.core.jsontypes import JsonObject, JsonValue
from edge.core.status import NodeStatus, RunStatus, TriggerType
from edge.core.subruns import StatusDetail, SubRun, read_details, read_sub_runs

__all__ = ["HANDLER_KEYS", "NodeRecord", "RunRecord", "StepOutputs"]

#: handler name in the record -> JSON member, in the order they are listed
HANDLER_KEYS = ("onInit", "onExit", "onSuccess", "onFailure", "onAbort", "onWait")


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOutputs:
    """What one execution of a step published (spec 11 section 8)."""

    #: name of the output variable, "" = none
    variable: str = ""
    #: text of the output variable, or JSON text of the structured output
    value: str | None = None
    #: declared outputs: name -> emitted text
    declared: Mapping[str, str] | None = None
    #: the object for whoever started the run, as JSON text
    published: str = ""


@dataclass(slots=True, kw_only=True)
class NodeRecord:
    """State of one step (or handler) in an attempt."""

    #: the step as executed, as the JSON object of spec 12 section 17
    step: JsonObject
    #: log paths; "" until the node starts. In edge the file exists from its first byte on.
    stdout: str = ""
    stderr: str = ""
    working_dir: str = ""
    started_ms: int | None = None
    finished_ms: int | None = None
    status: NodeStatus = NodeStatus.NOT_STARTED
    retried_ms: int | None = None
    retry_count: int = 0
    done_count: int = 0
    error: str = ""
    #: NAME -> "NAME=value"
    output_variables: dict[str, str] = field(default_factory=dict)
    #: of the output variable, or of the structured output (JSON text)
    output_value: str = ""
    #: JSON text of the published object, and of the declared outputs
    outputs_value: str = ""
    step_outputs_value: str = ""
    #: how each child run, or each item of a `foreach`, ended
    status_details: tuple[StatusDetail, ...] = ()
    #: child runs, noted before they start
    children: tuple[SubRun, ...] = ()
    #: those of earlier repeats
    children_repeated: tuple[SubRun, ...] = ()
    #: leader of the step's process group while it runs; not part of the JSON
    pgid: int | None = None
    #: of the last execution; not part of the JSON
    exit_code: int = 0
    #: what the members above show, with its secrets: for later steps only, not part of the JSON
    outputs: StepOutputs | None = field(default=None, compare=False)
    #: members that this version does not know
    extra: JsonObject = field(default_factory=dict)

    @property
    def name(self) -> str:
        return str(self.step.get("name", ""))

    @property
    def is_repeated(self) -> bool:
        """Whether its repeat policy has let it run again."""
        return bool(self.extra.get("repeated"))

    @is_repeated.setter
    def is_repeated(self, value: bool) -> None:
        self.extra["repeated"] = value

    @property
    def is_skipped_by_retry(self) -> bool:
        """Whether a retry of other steps passes it by: it holds up nobody."""
        return bool(self.extra.get("skippedByRetry"))

    @is_skipped_by_retry.setter
    def is_skipped_by_retry(self, value: bool) -> None:
        self.extra["skippedByRetry"] = value

    def publish(self, outputs: StepOutputs | None, shown: StepOutputs | None) -> None:
        """Take over what an execution published, and how it is shown; None clears it."""
        self.outputs = outputs
        self.output_variables = {}
        self.output_value = self.outputs_value = self.step_outputs_value = ""
        if shown is None:
            return
        if shown.variable:
            name = shown.variable
            self.output_variables[name] = f"{name}={shown.value or ''}"
        self.output_value = shown.value or ""
        self.outputs_value = shown.published
        if shown.declared is not None:
            self.step_outputs_value = json.dumps(
                dict(shown.declared), ensure_ascii=False, separators=(",", ":")
            )

    def to_json(self) -> JsonObject:
        out: JsonObject = {
            "step": self.step,
            "stdout": self.stdout,
            "stderr": self.stderr,
        }
        if self.working_dir:
            out["workingDir"] = self.working_dir
        out["startedAt"] = format_rfc3339(self.started_ms)
        out["finishedAt"] = format_rfc3339(self.finished_ms)
        out["status"] = int(self.status)
        if self.retried_ms is not None:
            out["retriedAt"] = format_rfc3339(self.retried_ms)
        if self.retry_count:
            out["retryCount"] = self.retry_count
        if self.done_count:
            out["doneCount"] = self.done_count
        if self.error:
            out["error"] = self.error
        _put(out, "statusDetails", [item.to_json() for item in self.status_details])
        _put(out, "children", [item.to_json() for item in self.children])
        _put(out, "childrenRepeated", [item.to_json() for item in self.children_repeated])
        if self.output_variables:
            out["outputVariables"] = dict(self.output_variables)
        _put(out, "outputValue", self.output_value)
        _put(out, "outputsValue", self.outputs_value)
        _put(out, "stepOutputsValue", self.step_outputs_value)
        out.update(self.extra)
        return out

    @classmethod
    def from_json(cls, data: JsonObject) -> NodeRecord:
        """Read a node. Raises: ValueError naming the member that has the wrong type."""
        rest = dict(data)
        variables = rest.pop("outputVariables", None)
        return cls(
            step=_obj(rest.pop("step", None), "step"),
            stdout=_str(rest.pop("stdout", ""), "stdout"),
            stderr=_str(rest.pop("stderr", ""), "stderr"),
            working_dir=_str(rest.pop("workingDir", ""), "workingDir"),
            started_ms=_time(rest.pop("startedAt", ""), "startedAt"),
            finished_ms=_time(rest.pop("finishedAt", ""), "finishedAt"),
            status=NodeStatus(_int(rest.pop("status", 0), "status")),
            retried_ms=_time(rest.pop("retriedAt", ""), "retriedAt"),
            retry_count=_int(rest.pop("retryCount", 0), "retryCount"),
            done_count=_int(rest.pop("doneCount", 0), "doneCount"),
            error=_str(rest.pop("error", ""), "error"),
            status_details=read_details(rest.pop("statusDetails", None)),
            children=read_sub_runs(rest.pop("children", None)),
            children_repeated=read_sub_runs(rest.pop("childrenRepeated", None)),
            output_variables={
                key: _str(value, key) for key, value in _obj(variables, "outputVariables").items()
            },
            output_value=_str(rest.pop("outputValue", ""), "outputValue"),
            outputs_value=_str(rest.pop("outputsValue", ""), "outputsValue"),
            step_outputs_value=_str(rest.pop("stepOutputsValue", ""), "stepOutputsValue"),
            extra=rest,
        )


@dataclass(slots=True, kw_only=True)
class RunRecord:
    """State of one attempt of a run."""

    name: str
    run_id: str
    attempt_id: str
    attempt_key: str = ""
    claim_key: str = ""
    root: RunRef | None = None
    parent: RunRef | None = None
    status: RunStatus = RunStatus.NOT_STARTED
    trigger_type: TriggerType = TriggerType.UNKNOWN
    trigger_actor: str = ""
    worker_id: str = ""
    pid: int = 0
    pid_started_ms: int = 0
    nodes: list[NodeRecord] = field(default_factory=list)
    #: by HANDLER_KEYS; only configured handlers
    handlers: dict[str, NodeRecord] = field(default_factory=dict)
    created_ms: int = 0
    queued_ms: int | None = None
    schedule_time: str = ""
    started_ms: int | None = None
    finished_ms: int | None = None
    proc_group: str = ""
    definition_id: str = ""
    log: str = ""
    working_dir: str = ""
    archive_dir: str = ""
    error: str = ""
    params: str = ""
    params_list: list[str] = field(default_factory=list)
    #: condition objects {condition, eval, expected, negate, error}
    preconditions: list[JsonObject] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    lease_ms: int = 0
    #: members that this version does not know, and those it only carries
    extra: JsonObject = field(default_factory=dict)

    @property
    def ref(self) -> RunRef:
        return RunRef(self.name, self.run_id)

    @property
    def effective_root(self) -> RunRef:
        return self.root or self.ref

    def all_nodes(self) -> list[tuple[str, NodeRecord]]:
        """Return (record key, node) of every step and handler; a step's key is its name."""
        return [(node.name, node) for node in self.nodes] + list(self.handlers.items())

    def to_json(self) -> JsonObject:
        out: JsonObject = {}
        if self.root:
            out["root"] = {"name": self.root.name, "id": self.root.run_id}
        if self.parent:
            out["parent"] = {"name": self.parent.name, "id": self.parent.run_id}
        out["name"] = self.name
        out["dagRunId"] = self.run_id
        out["attemptId"] = self.attempt_id
        _put(out, "attemptKey", self.attempt_key)
        _put(out, "claimKey", self.claim_key)
        out["status"] = int(self.status)
        _put(out, "triggerType", int(self.trigger_type))
        _put(out, "triggerActor", self.trigger_actor)
        _put(out, "workerId", self.worker_id)
        _put(out, "pid", self.pid)
        _put(out, "pidStartedAt", self.pid_started_ms)
        if self.nodes:
            out["nodes"] = [node.to_json() for node in self.nodes]
        for key in HANDLER_KEYS:
            if key in self.handlers:
                out[key] = self.handlers[key].to_json()
        _put(out, "createdAt", self.created_ms)
        _put(out, "queuedAt", format_rfc3339(self.queued_ms))
        _put(out, "scheduleTime", self.schedule_time)
        _put(out, "startedAt", format_rfc3339(self.started_ms))
        _put(out, "finishedAt", format_rfc3339(self.finished_ms))
        _put(out, "procGroup", self.proc_group)
        _put(out, "definitionId", self.definition_id)
        _put(out, "log", self.log)
        _put(out, "workingDir", self.working_dir)
        _put(out, "archiveDir", self.archive_dir)
        _put(out, "error", self.error)
        _put(out, "params", self.params)
        _put(out, "paramsList", list(self.params_list))
        out["pendingStepRetries"] = None
        _put(out, "preconditions", list(self.preconditions))
        _put(out, "labels", list(self.labels))
        _put(out, "leaseAt", self.lease_ms)
        out.update(self.extra)
        return out

    @classmethod
    def from_json(cls, data: JsonObject) -> RunRecord:
        """Read a record. Raises: ValueError naming the member that has the wrong type."""
        rest = dict(data)
        if rest.get("pendingStepRetries", 0) is None:
            del rest["pendingStepRetries"]
        if "onCancel" in rest:
            rest.setdefault("onAbort", rest.pop("onCancel"))
        handlers = {
            key: NodeRecord.from_json(_obj(rest.pop(key), key))
            for key in HANDLER_KEYS
            if rest.get(key) is not None
        }
        return cls(
            name=_str(rest.pop("name", ""), "name"),
            run_id=_str(rest.pop("dagRunId", ""), "dagRunId"),
            attempt_id=_str(rest.pop("attemptId", ""), "attemptId"),
            attempt_key=_str(rest.pop("attemptKey", ""), "attemptKey"),
            claim_key=_str(rest.pop("claimKey", ""), "claimKey"),
            root=_ref(rest.pop("root", None), "root"),
            parent=_ref(rest.pop("parent", None), "parent"),
            status=RunStatus(_int(rest.pop("status", 0), "status")),
            trigger_type=TriggerType(_int(rest.pop("triggerType", 0), "triggerType")),
            trigger_actor=_str(rest.pop("triggerActor", ""), "triggerActor"),
            worker_id=_str(rest.pop("workerId", ""), "workerId"),
            pid=_int(rest.pop("pid", 0), "pid"),
            pid_started_ms=_int(rest.pop("pidStartedAt", 0), "pidStartedAt"),
            nodes=[
                NodeRecord.from_json(_obj(item, "nodes"))
                for item in _list(rest.pop("nodes", None), "nodes")
            ],
            handlers=handlers,
            created_ms=_int(rest.pop("createdAt", 0), "createdAt"),
            queued_ms=_time(rest.pop("queuedAt", ""), "queuedAt"),
            schedule_time=_str(rest.pop("scheduleTime", ""), "scheduleTime"),
            started_ms=_time(rest.pop("startedAt", ""), "startedAt"),
            finished_ms=_time(rest.pop("finishedAt", ""), "finishedAt"),
            proc_group=_str(rest.pop("procGroup", ""), "procGroup"),
            definition_id=_str(rest.pop("definitionId", ""), "definitionId"),
            log=_str(rest.pop("log", ""), "log"),
            working_dir=_str(rest.pop("workingDir", ""), "workingDir"),
            archive_dir=_str(rest.pop("archiveDir", ""), "archiveDir"),
            error=_str(rest.pop("error", ""), "error"),
            params=_str(rest.pop("params", ""), "params"),
            params_list=[
                _str(item, "paramsList")
                for item in _list(rest.pop("paramsList", None), "paramsList")
            ],
            preconditions=[
                _obj(item, "preconditions")
                for item in _list(rest.pop("preconditions", None), "preconditions")
            ],
            labels=[_str(item, "labels") for item in _list(rest.pop("labels", None), "labels")],
            lease_ms=_int(rest.pop("leaseAt", 0), "leaseAt"),
            extra=rest,
        )


def _put(out: JsonObject, key: str, value: JsonValue) -> None:
    if value:
        out[key] = value


def _str(value: JsonValue, key: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{key}: expected a string, got {type(value).__name__}")
    return value


def _int(value: JsonValue, key: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{key}: expected an integer, got {type(value).__name__}")
    return value


def _list(value: JsonValue, key: str) -> list[JsonValue]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError(f"{key}: expected a list, got {type(value).__name__}")
    return value


def _obj(value: JsonValue, key: str) -> JsonObject:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"{key}: expected an object, got {type(value).__name__}")
    return value


def _time(value: JsonValue, key: str) -> int | None:
    try:
        return parse_rfc3339(_str(value, key))
    except ValueError as exc:
        raise ValueError(f"{key}: {exc}") from exc


def _ref(value: JsonValue, key: str) -> RunRef | None:
    data = _obj(value, key)
    if not data:
        return None
    return RunRef(_str(data.get("name", ""), key), _str(data.get("id", ""), key))
