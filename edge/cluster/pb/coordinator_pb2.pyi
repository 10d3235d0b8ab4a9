from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Operation(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OPERATION_UNSPECIFIED: _ClassVar[Operation]
    OPERATION_START: _ClassVar[Operation]
    OPERATION_RETRY: _ClassVar[Operation]

class WorkerHealthStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WORKER_HEALTH_STATUS_UNSPECIFIED: _ClassVar[WorkerHealthStatus]
    WORKER_HEALTH_STATUS_HEALTHY: _ClassVar[WorkerHealthStatus]
    WORKER_HEALTH_STATUS_WARNING: _ClassVar[WorkerHealthStatus]
    WORKER_HEALTH_STATUS_UNHEALTHY: _ClassVar[WorkerHealthStatus]

class LogStreamType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LOG_STREAM_TYPE_UNSPECIFIED: _ClassVar[LogStreamType]
    LOG_STREAM_TYPE_STDOUT: _ClassVar[LogStreamType]
    LOG_STREAM_TYPE_STDERR: _ClassVar[LogStreamType]
    LOG_STREAM_TYPE_SCHEDULER: _ClassVar[LogStreamType]
OPERATION_UNSPECIFIED: Operation
OPERATION_START: Operation
OPERATION_RETRY: Operation
WORKER_HEALTH_STATUS_UNSPECIFIED: WorkerHealthStatus
WORKER_HEALTH_STATUS_HEALTHY: WorkerHealthStatus
WORKER_HEALTH_STATUS_WARNING: WorkerHealthStatus
WORKER_HEALTH_STATUS_UNHEALTHY: WorkerHealthStatus
LOG_STREAM_TYPE_UNSPECIFIED: LogStreamType
LOG_STREAM_TYPE_STDOUT: LogStreamType
LOG_STREAM_TYPE_STDERR: LogStreamType
LOG_STREAM_TYPE_SCHEDULER: LogStreamType

class Task(_message.Message):
    __slots__ = ("root_dag_run_name", "root_dag_run_id", "parent_dag_run_name", "parent_dag_run_id", "dag_run_id", "operation", "target", "params", "step", "worker_selector", "definition", "worker_id", "previous_status", "attempt_id", "attempt_key", "labels", "base_config", "schedule_time", "external_step_retry", "queue_name", "owner_coordinator_id", "owner_coordinator_host", "owner_coordinator_port", "claim_token", "source_file", "workspace_bundle_digest", "workspace_bundle_size", "workspace_bundle_dag_path", "workspace_bundle_original_ref", "workspace_bundle_resolved_ref", "profile_name", "retry_path", "trigger_actor", "definition_id", "parallel_item", "target_worker_id", "include_downstream")
    class WorkerSelectorEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ROOT_DAG_RUN_NAME_FIELD_NUMBER: _ClassVar[int]
    ROOT_DAG_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PARENT_DAG_RUN_NAME_FIELD_NUMBER: _ClassVar[int]
    PARENT_DAG_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    DAG_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    WORKER_SELECTOR_FIELD_NUMBER: _ClassVar[int]
    DEFINITION_FIELD_NUMBER: _ClassVar[int]
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_STATUS_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_KEY_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    BASE_CONFIG_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_TIME_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_STEP_RETRY_FIELD_NUMBER: _ClassVar[int]
    QUEUE_NAME_FIELD_NUMBER: _ClassVar[int]
    OWNER_COORDINATOR_ID_FIELD_NUMBER: _ClassVar[int]
    OWNER_COORDINATOR_HOST_FIELD_NUMBER: _ClassVar[int]
    OWNER_COORDINATOR_PORT_FIELD_NUMBER: _ClassVar[int]
    CLAIM_TOKEN_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FILE_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_BUNDLE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_BUNDLE_SIZE_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_BUNDLE_DAG_PATH_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_BUNDLE_ORIGINAL_REF_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_BUNDLE_RESOLVED_REF_FIELD_NUMBER: _ClassVar[int]
    PROFILE_NAME_FIELD_NUMBER: _ClassVar[int]
    RETRY_PATH_FIELD_NUMBER: _ClassVar[int]
    TRIGGER_ACTOR_FIELD_NUMBER: _ClassVar[int]
    DEFINITION_ID_FIELD_NUMBER: _ClassVar[int]
    PARALLEL_ITEM_FIELD_NUMBER: _ClassVar[int]
    TARGET_WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_DOWNSTREAM_FIELD_NUMBER: _ClassVar[int]
    root_dag_run_name: str
    root_dag_run_id: str
    parent_dag_run_name: str
    parent_dag_run_id: str
    dag_run_id: str
    operation: Operation
    target: str
    params: str
    step: str
    worker_selector: _containers.ScalarMap[str, str]
    definition: str
    worker_id: str
    previous_status: DAGRunStatusProto
    attempt_id: str
    attempt_key: str
    labels: str
    base_config: str
    schedule_time: str
    external_step_retry: bool
    queue_name: str
    owner_coordinator_id: str
    owner_coordinator_host: str
    owner_coordinator_port: int
    claim_token: str
    source_file: str
    workspace_bundle_digest: str
    workspace_bundle_size: int
    workspace_bundle_dag_path: str
    workspace_bundle_original_ref: str
    workspace_bundle_resolved_ref: str
    profile_name: str
    retry_path: str
    trigger_actor: str
    definition_id: str
    parallel_item: str
    target_worker_id: str
    include_downstream: bool
    def __init__(self, root_dag_run_name: _Optional[str] = ..., root_dag_run_id: _Optional[str] = ..., parent_dag_run_name: _Optional[str] = ..., parent_dag_run_id: _Optional[str] = ..., dag_run_id: _Optional[str] = ..., operation: _Optional[_Union[Operation, str]] = ..., target: _Optional[str] = ..., params: _Optional[str] = ..., step: _Optional[str] = ..., worker_selector: _Optional[_Mapping[str, str]] = ..., definition: _Optional[str] = ..., worker_id: _Optional[str] = ..., previous_status: _Optional[_Union[DAGRunStatusProto, _Mapping]] = ..., attempt_id: _Optional[str] = ..., attempt_key: _Optional[str] = ..., labels: _Optional[str] = ..., base_config: _Optional[str] = ..., schedule_time: _Optional[str] = ..., external_step_retry: _Optional[bool] = ..., queue_name: _Optional[str] = ..., owner_coordinator_id: _Optional[str] = ..., owner_coordinator_host: _Optional[str] = ..., owner_coordinator_port: _Optional[int] = ..., claim_token: _Optional[str] = ..., source_file: _Optional[str] = ..., workspace_bundle_digest: _Optional[str] = ..., workspace_bundle_size: _Optional[int] = ..., workspace_bundle_dag_path: _Optional[str] = ..., workspace_bundle_original_ref: _Optional[str] = ..., workspace_bundle_resolved_ref: _Optional[str] = ..., profile_name: _Optional[str] = ..., retry_path: _Optional[str] = ..., trigger_actor: _Optional[str] = ..., definition_id: _Optional[str] = ..., parallel_item: _Optional[str] = ..., target_worker_id: _Optional[str] = ..., include_downstream: _Optional[bool] = ...) -> None: ...

class PollRequest(_message.Message):
    __slots__ = ("worker_id", "poller_id", "labels")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    POLLER_ID_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    worker_id: str
    poller_id: str
    labels: _containers.ScalarMap[str, str]
    def __init__(self, worker_id: _Optional[str] = ..., poller_id: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ...) -> None: ...

class PollResponse(_message.Message):
    __slots__ = ("task",)
    TASK_FIELD_NUMBER: _ClassVar[int]
    task: Task
    def __init__(self, task: _Optional[_Union[Task, _Mapping]] = ...) -> None: ...

class DispatchRequest(_message.Message):
    __slots__ = ("task", "admission_reservation_token")
    TASK_FIELD_NUMBER: _ClassVar[int]
    ADMISSION_RESERVATION_TOKEN_FIELD_NUMBER: _ClassVar[int]
    task: Task
    admission_reservation_token: str
    def __init__(self, task: _Optional[_Union[Task, _Mapping]] = ..., admission_reservation_token: _Optional[str] = ...) -> None: ...

class DispatchResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AckTaskClaimRequest(_message.Message):
    __slots__ = ("worker_id", "claim_token", "attempt_key")
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    CLAIM_TOKEN_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_KEY_FIELD_NUMBER: _ClassVar[int]
    worker_id: str
    claim_token: str
    attempt_key: str
    def __init__(self, worker_id: _Optional[str] = ..., claim_token: _Optional[str] = ..., attempt_key: _Optional[str] = ...) -> None: ...

class AckTaskClaimResponse(_message.Message):
    __slots__ = ("accepted", "error")
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    accepted: bool
    error: str
    def __init__(self, accepted: _Optional[bool] = ..., error: _Optional[str] = ...) -> None: ...

class RunningTask(_message.Message):
    __slots__ = ("dag_run_id", "dag_name", "started_at", "root_dag_run_name", "root_dag_run_id", "parent_dag_run_name", "parent_dag_run_id", "attempt_key")
    DAG_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    DAG_NAME_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    ROOT_DAG_RUN_NAME_FIELD_NUMBER: _ClassVar[int]
    ROOT_DAG_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PARENT_DAG_RUN_NAME_FIELD_NUMBER: _ClassVar[int]
    PARENT_DAG_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_KEY_FIELD_NUMBER: _ClassVar[int]
    dag_run_id: str
    dag_name: str
    started_at: int
    root_dag_run_name: str
    root_dag_run_id: str
    parent_dag_run_name: str
    parent_dag_run_id: str
    attempt_key: str
    def __init__(self, dag_run_id: _Optional[str] = ..., dag_name: _Optional[str] = ..., started_at: _Optional[int] = ..., root_dag_run_name: _Optional[str] = ..., root_dag_run_id: _Optional[str] = ..., parent_dag_run_name: _Optional[str] = ..., parent_dag_run_id: _Optional[str] = ..., attempt_key: _Optional[str] = ...) -> None: ...

class WorkerStats(_message.Message):
    __slots__ = ("total_pollers", "busy_pollers", "running_tasks")
    TOTAL_POLLERS_FIELD_NUMBER: _ClassVar[int]
    BUSY_POLLERS_FIELD_NUMBER: _ClassVar[int]
    RUNNING_TASKS_FIELD_NUMBER: _ClassVar[int]
    total_pollers: int
    busy_pollers: int
    running_tasks: _containers.RepeatedCompositeFieldContainer[RunningTask]
    def __init__(self, total_pollers: _Optional[int] = ..., busy_pollers: _Optional[int] = ..., running_tasks: _Optional[_Iterable[_Union[RunningTask, _Mapping]]] = ...) -> None: ...

class CancelledRun(_message.Message):
    __slots__ = ("attempt_key",)
    ATTEMPT_KEY_FIELD_NUMBER: _ClassVar[int]
    attempt_key: str
    def __init__(self, attempt_key: _Optional[str] = ...) -> None: ...

class HeartbeatRequest(_message.Message):
    __slots__ = ("worker_id", "labels", "stats")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    STATS_FIELD_NUMBER: _ClassVar[int]
    worker_id: str
    labels: _containers.ScalarMap[str, str]
    stats: WorkerStats
    def __init__(self, worker_id: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., stats: _Optional[_Union[WorkerStats, _Mapping]] = ...) -> None: ...

class HeartbeatResponse(_message.Message):
    __slots__ = ("cancelled_runs",)
    CANCELLED_RUNS_FIELD_NUMBER: _ClassVar[int]
    cancelled_runs: _containers.RepeatedCompositeFieldContainer[CancelledRun]
    def __init__(self, cancelled_runs: _Optional[_Iterable[_Union[CancelledRun, _Mapping]]] = ...) -> None: ...

class RunHeartbeatRequest(_message.Message):
    __slots__ = ("worker_id", "owner_coordinator_id", "running_tasks")
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    OWNER_COORDINATOR_ID_FIELD_NUMBER: _ClassVar[int]
    RUNNING_TASKS_FIELD_NUMBER: _ClassVar[int]
    worker_id: str
    owner_coordinator_id: str
    running_tasks: _containers.RepeatedCompositeFieldContainer[RunningTask]
    def __init__(self, worker_id: _Optional[str] = ..., owner_coordinator_id: _Optional[str] = ..., running_tasks: _Optional[_Iterable[_Union[RunningTask, _Mapping]]] = ...) -> None: ...

class RunHeartbeatResponse(_message.Message):
    __slots__ = ("cancelled_runs",)
    CANCELLED_RUNS_FIELD_NUMBER: _ClassVar[int]
    cancelled_runs: _containers.RepeatedCompositeFieldContainer[CancelledRun]
    def __init__(self, cancelled_runs: _Optional[_Iterable[_Union[CancelledRun, _Mapping]]] = ...) -> None: ...

class GetWorkersRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WorkerInfo(_message.Message):
    __slots__ = ("worker_id", "poller_id", "labels", "connected_at", "total_pollers", "busy_pollers", "running_tasks", "last_heartbeat_at", "health_status")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    POLLER_ID_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_AT_FIELD_NUMBER: _ClassVar[int]
    TOTAL_POLLERS_FIELD_NUMBER: _ClassVar[int]
    BUSY_POLLERS_FIELD_NUMBER: _ClassVar[int]
    RUNNING_TASKS_FIELD_NUMBER: _ClassVar[int]
    LAST_HEARTBEAT_AT_FIELD_NUMBER: _ClassVar[int]
    HEALTH_STATUS_FIELD_NUMBER: _ClassVar[int]
    worker_id: str
    poller_id: str
    labels: _containers.ScalarMap[str, str]
    connected_at: int
    total_pollers: int
    busy_pollers: int
    running_tasks: _containers.RepeatedCompositeFieldContainer[RunningTask]
    last_heartbeat_at: int
    health_status: WorkerHealthStatus
    def __init__(self, worker_id: _Optional[str] = ..., poller_id: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., connected_at: _Optional[int] = ..., total_pollers: _Optional[int] = ..., busy_pollers: _Optional[int] = ..., running_tasks: _Optional[_Iterable[_Union[RunningTask, _Mapping]]] = ..., last_heartbeat_at: _Optional[int] = ..., health_status: _Optional[_Union[WorkerHealthStatus, str]] = ...) -> None: ...

class GetWorkersResponse(_message.Message):
    __slots__ = ("workers",)
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    workers: _containers.RepeatedCompositeFieldContainer[WorkerInfo]
    def __init__(self, workers: _Optional[_Iterable[_Union[WorkerInfo, _Mapping]]] = ...) -> None: ...

class DAGRunStatusProto(_message.Message):
    __slots__ = ("json_data",)
    JSON_DATA_FIELD_NUMBER: _ClassVar[int]
    json_data: str
    def __init__(self, json_data: _Optional[str] = ...) -> None: ...

class ReportStatusRequest(_message.Message):
    __slots__ = ("worker_id", "status", "owner_coordinator_id", "source_file", "labels")
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    OWNER_COORDINATOR_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FILE_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    worker_id: str
    status: DAGRunStatusProto
    owner_coordinator_id: str
    source_file: str
    labels: str
    def __init__(self, worker_id: _Optional[str] = ..., status: _Optional[_Union[DAGRunStatusProto, _Mapping]] = ..., owner_coordinator_id: _Optional[str] = ..., source_file: _Optional[str] = ..., labels: _Optional[str] = ...) -> None: ...

class ReportStatusResponse(_message.Message):
    __slots__ = ("accepted", "error")
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    accepted: bool
    error: str
    def __init__(self, accepted: _Optional[bool] = ..., error: _Optional[str] = ...) -> None: ...

class GetDAGRunStatusRequest(_message.Message):
    __slots__ = ("dag_name", "dag_run_id", "root_dag_run_name", "root_dag_run_id")
    DAG_NAME_FIELD_NUMBER: _ClassVar[int]
    DAG_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    ROOT_DAG_RUN_NAME_FIELD_NUMBER: _ClassVar[int]
    ROOT_DAG_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    dag_name: str
    dag_run_id: str
    root_dag_run_name: str
    root_dag_run_id: str
    def __init__(self, dag_name: _Optional[str] = ..., dag_run_id: _Optional[str] = ..., root_dag_run_name: _Optional[str] = ..., root_dag_run_id: _Optional[str] = ...) -> None: ...

class GetDAGRunStatusResponse(_message.Message):
    __slots__ = ("found", "status", "error")
    FOUND_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    found: bool
    status: DAGRunStatusProto
    error: str
    def __init__(self, found: _Optional[bool] = ..., status: _Optional[_Union[DAGRunStatusProto, _Mapping]] = ..., error: _Optional[str] = ...) -> None: ...

class RequestCancelRequest(_message.Message):
    __slots__ = ("dag_name", "dag_run_id", "root_dag_run_name", "root_dag_run_id")
    DAG_NAME_FIELD_NUMBER: _ClassVar[int]
    DAG_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    ROOT_DAG_RUN_NAME_FIELD_NUMBER: _ClassVar[int]
    ROOT_DAG_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    dag_name: str
    dag_run_id: str
    root_dag_run_name: str
    root_dag_run_id: str
    def __init__(self, dag_name: _Optional[str] = ..., dag_run_id: _Optional[str] = ..., root_dag_run_name: _Optional[str] = ..., root_dag_run_id: _Optional[str] = ...) -> None: ...

class RequestCancelResponse(_message.Message):
    __slots__ = ("accepted", "error")
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    accepted: bool
    error: str
    def __init__(self, accepted: _Optional[bool] = ..., error: _Optional[str] = ...) -> None: ...

class GetDAGRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetDAGResponse(_message.Message):
    __slots__ = ("spec", "error")
    SPEC_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    spec: str
    error: str
    def __init__(self, spec: _Optional[str] = ..., error: _Optional[str] = ...) -> None: ...

class LogChunk(_message.Message):
    __slots__ = ("worker_id", "dag_run_id", "dag_name", "step_name", "stream_type", "data", "sequence", "is_final", "root_dag_run_name", "root_dag_run_id", "attempt_id", "owner_coordinator_id", "attempt_key", "byte_offset")
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    DAG_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    DAG_NAME_FIELD_NUMBER: _ClassVar[int]
    STEP_NAME_FIELD_NUMBER: _ClassVar[int]
    STREAM_TYPE_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    IS_FINAL_FIELD_NUMBER: _ClassVar[int]
    ROOT_DAG_RUN_NAME_FIELD_NUMBER: _ClassVar[int]
    ROOT_DAG_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    OWNER_COORDINATOR_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_KEY_FIELD_NUMBER: _ClassVar[int]
    BYTE_OFFSET_FIELD_NUMBER: _ClassVar[int]
    worker_id: str
    dag_run_id: str
    dag_name: str
    step_name: str
    stream_type: LogStreamType
    data: bytes
    sequence: int
    is_final: bool
    root_dag_run_name: str
    root_dag_run_id: str
    attempt_id: str
    owner_coordinator_id: str
    attempt_key: str
    byte_offset: int
    def __init__(self, worker_id: _Optional[str] = ..., dag_run_id: _Optional[str] = ..., dag_name: _Optional[str] = ..., step_name: _Optional[str] = ..., stream_type: _Optional[_Union[LogStreamType, str]] = ..., data: _Optional[bytes] = ..., sequence: _Optional[int] = ..., is_final: _Optional[bool] = ..., root_dag_run_name: _Optional[str] = ..., root_dag_run_id: _Optional[str] = ..., attempt_id: _Optional[str] = ..., owner_coordinator_id: _Optional[str] = ..., attempt_key: _Optional[str] = ..., byte_offset: _Optional[int] = ...) -> None: ...

class StreamLogsResponse(_message.Message):
    __slots__ = ("chunks_received", "bytes_written", "error")
    CHUNKS_RECEIVED_FIELD_NUMBER: _ClassVar[int]
    BYTES_WRITTEN_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    chunks_received: int
    bytes_written: int
    error: str
    def __init__(self, chunks_received: _Optional[int] = ..., bytes_written: _Optional[int] = ..., error: _Optional[str] = ...) -> None: ...

class ArtifactChunk(_message.Message):
    __slots__ = ("worker_id", "dag_run_id", "dag_name", "relative_path", "data", "sequence", "is_final", "root_dag_run_name", "root_dag_run_id", "attempt_id", "owner_coordinator_id", "attempt_key")
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    DAG_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    DAG_NAME_FIELD_NUMBER: _ClassVar[int]
    RELATIVE_PATH_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    IS_FINAL_FIELD_NUMBER: _ClassVar[int]
    ROOT_DAG_RUN_NAME_FIELD_NUMBER: _ClassVar[int]
    ROOT_DAG_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    OWNER_COORDINATOR_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_KEY_FIELD_NUMBER: _ClassVar[int]
    worker_id: str
    dag_run_id: str
    dag_name: str
    relative_path: str
    data: bytes
    sequence: int
    is_final: bool
    root_dag_run_name: str
    root_dag_run_id: str
    attempt_id: str
    owner_coordinator_id: str
    attempt_key: str
    def __init__(self, worker_id: _Optional[str] = ..., dag_run_id: _Optional[str] = ..., dag_name: _Optional[str] = ..., relative_path: _Optional[str] = ..., data: _Optional[bytes] = ..., sequence: _Optional[int] = ..., is_final: _Optional[bool] = ..., root_dag_run_name: _Optional[str] = ..., root_dag_run_id: _Optional[str] = ..., attempt_id: _Optional[str] = ..., owner_coordinator_id: _Optional[str] = ..., attempt_key: _Optional[str] = ...) -> None: ...

class StreamArtifactsResponse(_message.Message):
    __slots__ = ("chunks_received", "bytes_written", "error")
    CHUNKS_RECEIVED_FIELD_NUMBER: _ClassVar[int]
    BYTES_WRITTEN_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    chunks_received: int
    bytes_written: int
    error: str
    def __init__(self, chunks_received: _Optional[int] = ..., bytes_written: _Optional[int] = ..., error: _Optional[str] = ...) -> None: ...

class WorkspaceBundle(_message.Message):
    __slots__ = ("digest", "size", "dag_path", "original_ref", "resolved_ref")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    DAG_PATH_FIELD_NUMBER: _ClassVar[int]
    ORIGINAL_REF_FIELD_NUMBER: _ClassVar[int]
    RESOLVED_REF_FIELD_NUMBER: _ClassVar[int]
    digest: str
    size: int
    dag_path: str
    original_ref: str
    resolved_ref: str
    def __init__(self, digest: _Optional[str] = ..., size: _Optional[int] = ..., dag_path: _Optional[str] = ..., original_ref: _Optional[str] = ..., resolved_ref: _Optional[str] = ...) -> None: ...

class WorkspaceBundleChunk(_message.Message):
    __slots__ = ("bundle", "data", "sequence", "is_final")
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    IS_FINAL_FIELD_NUMBER: _ClassVar[int]
    bundle: WorkspaceBundle
    data: bytes
    sequence: int
    is_final: bool
    def __init__(self, bundle: _Optional[_Union[WorkspaceBundle, _Mapping]] = ..., data: _Optional[bytes] = ..., sequence: _Optional[int] = ..., is_final: _Optional[bool] = ...) -> None: ...

class PutWorkspaceBundleResponse(_message.Message):
    __slots__ = ("accepted", "error")
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    accepted: bool
    error: str
    def __init__(self, accepted: _Optional[bool] = ..., error: _Optional[str] = ...) -> None: ...

class HasWorkspaceBundleRequest(_message.Message):
    __slots__ = ("digest",)
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    digest: str
    def __init__(self, digest: _Optional[str] = ...) -> None: ...

class HasWorkspaceBundleResponse(_message.Message):
    __slots__ = ("exists",)
    EXISTS_FIELD_NUMBER: _ClassVar[int]
    exists: bool
    def __init__(self, exists: _Optional[bool] = ...) -> None: ...

class GetWorkspaceBundleRequest(_message.Message):
    __slots__ = ("digest",)
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    digest: str
    def __init__(self, digest: _Optional[str] = ...) -> None: ...

class StateRef(_message.Message):
    __slots__ = ("scope", "namespace", "key")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    scope: str
    namespace: str
    key: str
    def __init__(self, scope: _Optional[str] = ..., namespace: _Optional[str] = ..., key: _Optional[str] = ...) -> None: ...

class StateUpdateSource(_message.Message):
    __slots__ = ("dag_name", "dag_run_id", "attempt_id", "step_name")
    DAG_NAME_FIELD_NUMBER: _ClassVar[int]
    DAG_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_NAME_FIELD_NUMBER: _ClassVar[int]
    dag_name: str
    dag_run_id: str
    attempt_id: str
    step_name: str
    def __init__(self, dag_name: _Optional[str] = ..., dag_run_id: _Optional[str] = ..., attempt_id: _Optional[str] = ..., step_name: _Optional[str] = ...) -> None: ...

class StateEntry(_message.Message):
    __slots__ = ("ref", "value", "version", "hash", "created_at", "updated_at", "updated_by")
    REF_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_BY_FIELD_NUMBER: _ClassVar[int]
    ref: StateRef
    value: bytes
    version: int
    hash: str
    created_at: int
    updated_at: int
    updated_by: StateUpdateSource
    def __init__(self, ref: _Optional[_Union[StateRef, _Mapping]] = ..., value: _Optional[bytes] = ..., version: _Optional[int] = ..., hash: _Optional[str] = ..., created_at: _Optional[int] = ..., updated_at: _Optional[int] = ..., updated_by: _Optional[_Union[StateUpdateSource, _Mapping]] = ...) -> None: ...

class GetStateRequest(_message.Message):
    __slots__ = ("ref",)
    REF_FIELD_NUMBER: _ClassVar[int]
    ref: StateRef
    def __init__(self, ref: _Optional[_Union[StateRef, _Mapping]] = ...) -> None: ...

class GetStateResponse(_message.Message):
    __slots__ = ("found", "entry")
    FOUND_FIELD_NUMBER: _ClassVar[int]
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    found: bool
    entry: StateEntry
    def __init__(self, found: _Optional[bool] = ..., entry: _Optional[_Union[StateEntry, _Mapping]] = ...) -> None: ...

class PutStateRequest(_message.Message):
    __slots__ = ("ref", "value", "has_expected_version", "expected_version", "create_only", "updated_by")
    REF_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    HAS_EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    CREATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    UPDATED_BY_FIELD_NUMBER: _ClassVar[int]
    ref: StateRef
    value: bytes
    has_expected_version: bool
    expected_version: int
    create_only: bool
    updated_by: StateUpdateSource
    def __init__(self, ref: _Optional[_Union[StateRef, _Mapping]] = ..., value: _Optional[bytes] = ..., has_expected_version: _Optional[bool] = ..., expected_version: _Optional[int] = ..., create_only: _Optional[bool] = ..., updated_by: _Optional[_Union[StateUpdateSource, _Mapping]] = ...) -> None: ...

class PutStateResponse(_message.Message):
    __slots__ = ("entry",)
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    entry: StateEntry
    def __init__(self, entry: _Optional[_Union[StateEntry, _Mapping]] = ...) -> None: ...

class DeleteStateRequest(_message.Message):
    __slots__ = ("ref",)
    REF_FIELD_NUMBER: _ClassVar[int]
    ref: StateRef
    def __init__(self, ref: _Optional[_Union[StateRef, _Mapping]] = ...) -> None: ...

class DeleteStateResponse(_message.Message):
    __slots__ = ("deleted",)
    DELETED_FIELD_NUMBER: _ClassVar[int]
    deleted: bool
    def __init__(self, deleted: _Optional[bool] = ...) -> None: ...

class ListStateRequest(_message.Message):
    __slots__ = ("scope", "namespace", "key_prefix", "limit")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    KEY_PREFIX_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    scope: str
    namespace: str
    key_prefix: str
    limit: int
    def __init__(self, scope: _Optional[str] = ..., namespace: _Optional[str] = ..., key_prefix: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class ListStateResponse(_message.Message):
    __slots__ = ("entries",)
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[StateEntry]
    def __init__(self, entries: _Optional[_Iterable[_Union[StateEntry, _Mapping]]] = ...) -> None: ...

class ResolveSecretReferenceRequest(_message.Message):
    __slots__ = ("name", "ref", "workspace", "check_only", "worker_id", "attempt_key", "attempt_id")
    NAME_FIELD_NUMBER: _ClassVar[int]
    REF_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    CHECK_ONLY_FIELD_NUMBER: _ClassVar[int]
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_KEY_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    name: str
    ref: str
    workspace: str
    check_only: bool
    worker_id: str
    attempt_key: str
    attempt_id: str
    def __init__(self, name: _Optional[str] = ..., ref: _Optional[str] = ..., workspace: _Optional[str] = ..., check_only: _Optional[bool] = ..., worker_id: _Optional[str] = ..., attempt_key: _Optional[str] = ..., attempt_id: _Optional[str] = ...) -> None: ...

class ResolveSecretReferenceResponse(_message.Message):
    __slots__ = ("value",)
    VALUE_FIELD_NUMBER: _ClassVar[int]
    value: str
    def __init__(self, value: _Optional[str] = ...) -> None: ...

class ClaimAgentSessionCleanupRequest(_message.Message):
    __slots__ = ("worker_id",)
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    worker_id: str
    def __init__(self, worker_id: _Optional[str] = ...) -> None: ...

class ClaimAgentSessionCleanupResponse(_message.Message):
    __slots__ = ("found", "job_id", "claim_token", "provider", "session_id", "directory", "owner_coordinator_id", "owner_coordinator_host", "owner_coordinator_port")
    FOUND_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    CLAIM_TOKEN_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    OWNER_COORDINATOR_ID_FIELD_NUMBER: _ClassVar[int]
    OWNER_COORDINATOR_HOST_FIELD_NUMBER: _ClassVar[int]
    OWNER_COORDINATOR_PORT_FIELD_NUMBER: _ClassVar[int]
    found: bool
    job_id: str
    claim_token: str
    provider: str
    session_id: str
    directory: str
    owner_coordinator_id: str
    owner_coordinator_host: str
    owner_coordinator_port: int
    def __init__(self, found: _Optional[bool] = ..., job_id: _Optional[str] = ..., claim_token: _Optional[str] = ..., provider: _Optional[str] = ..., session_id: _Optional[str] = ..., directory: _Optional[str] = ..., owner_coordinator_id: _Optional[str] = ..., owner_coordinator_host: _Optional[str] = ..., owner_coordinator_port: _Optional[int] = ...) -> None: ...

class CompleteAgentSessionCleanupRequest(_message.Message):
    __slots__ = ("worker_id", "job_id", "claim_token", "error")
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    CLAIM_TOKEN_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    worker_id: str
    job_id: str
    claim_token: str
    error: str
    def __init__(self, worker_id: _Optional[str] = ..., job_id: _Optional[str] = ..., claim_token: _Optional[str] = ..., error: _Optional[str] = ...) -> None: ...

class CompleteAgentSessionCleanupResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
