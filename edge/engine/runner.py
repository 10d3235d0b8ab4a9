"""The trio shell of one attempt: carries out what the machine asks for, and tells it what happened.

It holds no rules. Events are handled at once, in the order they come; effects never wait, so no
state changes between a decision and its consequence. Everything that waits is a task of the one
nursery of `run`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from edge.actions.invocation import select_shell
from edge.core.clock import WallClock, format_rfc3339
from edge.core.record import RunRecord
from edge.core.status import RunStatus
from edge.engine import events as ev
from edge.engine.attempt import AttemptResult, AttemptSpec, new_record
from edge.engine.check_command import CheckCommand
from edge.engine.children import ChildHost, StopPolicy
from edge.engine.conditions import check_all
from edge.engine.environment import process_environ
from edge.engine.human_node import node_run
from edge.engine.logs import SchedulerLog
from edge.engine.machine import RunMachine
from edge.engine.masking import Masker
from edge.engine.node import NodeRun
from edge.engine.notices import run_notice, send_notice, step_notice
from edge.engine.outputs_file import write_outputs
from edge.engine.plan import build_plan
from edge.engine.preparation import Prepared, prepare_run
from edge.engine.processes import Spawner
from edge.engine.pushback import push_back_env
from edge.engine.reporter import Reporter
from edge.engine.run_context import RunContext
from edge.engine.run_outputs import outputs_document
from edge.engine.shared import SharedParts
from edge.engine.visibility import RunView, touch

if TYPE_CHECKING:
    from edge.config.log import Logger

__all__ = ["Runner", "open_record"]


class Runner:
    """Runs one attempt. `record` is the attempt's record when somebody has published it already.

    Raises (constructor): UserError when the DAG has no order (a cycle).
    """

    def __init__(
        self,
        spec: AttemptSpec,
        *,
        reporter: Reporter,
        spawner: Spawner,
        clock: WallClock,
        log: Logger,
        record: RunRecord | None = None,
        prepared: Prepared | None = None,
        children: ChildHost | None = None,
    ) -> None:
        """`children` starts child runs; None where there can be none (on a worker)."""
        self.spec = spec
        self._prepared = prepared
        self._children = children
        self._stop_policy = StopPolicy()
        self.record = new_record(spec) if record is None else record
        self._plan = build_plan(spec.dag)
        self._machine = RunMachine(spec.dag, self._plan, self.record, spec.resumed)
        self._reporter = reporter
        self._spawner = spawner
        self._clock = clock
        self._console = log
        identity = {
            "dag": spec.dag.name,
            "run_id": spec.ref.run_id,
            "worker_id": spec.worker_id,
            "attempt_id": spec.attempt_id,
        }
        self._bound = log.bind(**identity)
        self._log = SchedulerLog(
            spec.files.log,
            {key.replace("_", "-"): value for key, value in identity.items()},
            lambda size: reporter.log_grew("scheduler", "scheduler", spec.files.log, size),
        )
        self._run: RunContext | None = None
        self._nursery: trio.Nursery | None = None
        self._nodes: dict[str, NodeRun] = {}
        self._dag_check: CheckCommand | None = None
        self._timers: dict[str, trio.CancelScope] = {}
        self._inbox: deque[ev.Event] = deque()
        self._is_handling = False
        self._result: AttemptResult | None = None
        self._early: list[ev.Event] = []
        #: what comes before the first step; a stop does not wait for an image
        self._opening = trio.CancelScope()
        self._stop_reason = ""
        self._masker = Masker()

    # -- the outside

    async def run(self) -> AttemptResult:
        """Run the attempt to its end; return how it ended.

        On cancel every process of the run is killed and the record stays as it is: recovery will
        say what became of it.
        """
        record = self.record
        prepared = self._prepared or open_record(self.spec, record, self._clock.now_ms())
        self._masker = prepared.masker
        prepared.scope.warn = self._warn
        failure = self._make_directories() or prepared.error
        await self._reporter.opened(record)
        if self.spec.resumed is None:
            self._say("DAG run started", {"params": self.spec.params.as_list()})
        else:
            target: dict[str, object] = {"retry_target_attempt_id": self.spec.resumed.attempt_id}
            self._say("DAG run retry started", target)
        for warning in prepared.warnings:
            self._warn(warning)
        if failure:
            self._fail(failure)
        else:
            context = RunContext(
                spec=self.spec,
                spawner=self._spawner,
                scope=prepared.scope,
                base_dir=record.working_dir,
                clock=self._clock,
                log=self._console,
                post=self.post,
                log_grew=self._reporter.log_grew,
                masker=prepared.masker,
                view=RunView(self._plan, record, touch),
                children=self._children,
                stop_policy=self._stop_policy,
            )
            await self._execute(context)
        assert self._result is not None
        if document := outputs_document(record):
            path = self.spec.files.step_log_dir / "outputs.json"
            for warning in write_outputs(path, self.spec.attempt_id, document):
                self._warn(warning)
        if notice := run_notice(self.spec.dag, record, self._result.error, prepared.scope):
            await send_notice(notice, self.spec.dag, prepared.scope, self._warn)
        self._say(
            "DAG run finished",
            {
                "status": record.status.word,
                "started_at": format_rfc3339(record.started_ms),
                "finished_at": format_rfc3339(record.finished_ms),
            },
        )
        self._log.close()
        if self._log.size:
            path = self.spec.files.log
            await self._reporter.log_closed("scheduler", "scheduler", path, self._log.size)
        await self._reporter.finished(record)
        return self._result

    async def _execute(self, context: RunContext) -> None:
        self._run = context
        dag, scope = self.spec.dag, context.scope
        async with SharedParts(dag, scope, context.base_dir, self._warn) as parts:
            with self._opening:
                if error := await parts.open():
                    self._fail(error)
                    # only an end made from outside shows there (spec 12 section 17)
                    self.record.error = ""
                    return
            context.container_id = parts.container_id
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                self.post(ev.Began())
                for event in self._early:
                    self.post(event)
            self._nursery = None

    def request_stop(self, signal: int, *, allow_override: bool, reason: str = "") -> None:
        """Stop the run as spec 12 section 10 says; further calls change nothing."""
        self._stop_reason = self._stop_reason or reason
        self._stop_policy.allow_override = allow_override
        self._request(ev.StopRequested(signal, allow_override))

    def request_kill(self) -> None:
        """End everything now, handlers included; the run is recorded as aborted."""
        self._request(ev.KillRequested())

    def _request(self, event: ev.Event) -> None:
        if self._nursery is None:
            self._early.append(event)
            self._opening.cancel()
        else:
            self.post(event)

    def _make_directories(self) -> str:
        """Make the run's directories and its log; return why that failed."""
        try:
            self.spec.files.work_dir.mkdir(mode=0o750, parents=True, exist_ok=True)
            if self.spec.artifact_dir:
                Path(self.spec.artifact_dir).mkdir(mode=0o750, parents=True, exist_ok=True)
            self._log.create()
        except OSError as exc:
            return f"{exc.filename}: {exc.strerror}"
        return ""

    def _fail(self, error: str) -> None:
        self.record.status = RunStatus.FAILED
        self.record.finished_ms = self._clock.now_ms()
        self.record.error = error
        self._result = AttemptResult(RunStatus.FAILED, error)

    # -- events in, effects out

    def post(self, event: ev.Event) -> None:
        """Hand an event to the machine and carry out the answer."""
        self._inbox.append(event)
        if self._is_handling:
            return
        self._is_handling = True
        try:
            while self._inbox:
                now = ev.Moment(self._clock.now_ms(), trio.current_time())
                for effect in self._machine.handle(self._inbox.popleft(), now):
                    self._carry_out(effect)
        finally:
            self._is_handling = False

    def _carry_out(self, effect: ev.Effect) -> None:
        match effect:
            case ev.Record(keys=keys):
                self._publish(keys)
            case ev.StartStep(key=key):
                self._say("Step started", {"step": self._plan.steps[int(key)].name})
                self._start(key, push_back_env(self.record.nodes[int(key)]))
            case ev.StartHandler(key=key, run_status=status, waiting=waiting):
                more = {"DAG_WAITING_STEPS": ",".join(waiting)} if waiting else {}
                self._start(key, {"DAG_RUN_STATUS": status, **more})
            case ev.ExecuteNode(key=key):
                self._spawn_task(self._execute_node, key)
            case ev.CheckRepeat(key=key):
                self._spawn_task(self._check_repeat, key)
            case ev.CheckPreconditions(key=key):
                self._spawn_task(self._check_dag if key == ev.DAG_KEY else self._check_node, key)
            case ev.StartTimer(timer=timer, delay_s=delay_s):
                self._start_timer(timer, delay_s)
            case ev.CancelTimer(timer=timer):
                self._timers.pop(timer).cancel()
            case ev.StopStep(key=key, signal=number):
                self._nodes[key].stop(number)
            case ev.KillStep(key=key):
                self._kill(key)
            case ev.Note(message=message, fields=fields, bound=bound):
                self._say(message, dict(fields), bound=bound)
            case ev.Finish(status=status, error=error):
                self._result = AttemptResult(status, error)
                if status is RunStatus.ABORTED:
                    # Only an end made from outside shows there (spec 12 section 17).
                    self.record.error = self._stop_reason

    def _spawn_task(self, task: object, key: str) -> None:
        assert self._nursery is not None
        self._nursery.start_soon(task, key)  # type: ignore[arg-type]

    def _publish(self, keys: tuple[str, ...]) -> None:
        self._reporter.changed(self.record, [key for key in keys if key != ev.DAG_KEY])
        for key in keys:
            if key in self._nodes and self._machine.has_ended(key):
                self._spawn_task(self._close_node, key)

    # -- nodes

    def _start(self, key: str, given: Mapping[str, str]) -> None:
        assert self._run is not None
        if key.isdigit():
            step = self._plan.steps[int(key)]
        else:
            step = self.spec.dag.handlers.configured()[key]
        node = self._nodes[key] = node_run(self._run, key, step, given)
        self.post(node.prepare())

    async def _check_node(self, key: str) -> None:
        try:
            event = await self._nodes[key].check()
        except Exception as exc:
            event = ev.ConditionsChecked(key, ev.Verdict.ERROR, (_internal(exc),))
        self.post(event)

    async def _check_repeat(self, key: str) -> None:
        try:
            event = await self._nodes[key].check_repeat()
        except Exception as exc:
            event = ev.RepeatChecked(key, False, _internal(exc))
        self.post(event)

    async def _check_dag(self, key: str) -> None:
        assert self._run is not None
        run, dag = self._run, self.spec.dag
        env = process_environ(run.scope)
        env["PWD"] = run.base_dir
        self._dag_check = CheckCommand(self._spawner, self.spec.ref.run_id, env, run.base_dir)
        result = await check_all(
            dag.preconditions,
            scope=run.scope,
            shell=select_shell(None, dag, run.scope, self.spec.default_shell),
            cwd=run.base_dir,
            run=self._dag_check,
        )
        self._dag_check = None
        errors = tuple(map(self._masker.text, result.errors))
        self.post(ev.ConditionsChecked(key, result.verdict, errors))

    async def _execute_node(self, key: str) -> None:
        try:
            event = await self._nodes[key].execute()
        except Exception as exc:
            # A fault of ours in one node must not take the run down (spec 12 section 3).
            event = ev.NodeExited(key, 1, _internal(exc))
        self.post(event)

    async def _close_node(self, key: str) -> None:
        node = self._nodes.pop(key, None)
        if node is None:
            return
        for stream, path, size in node.close():
            await self._reporter.log_closed(key, stream, path, size)
        record = self.record.nodes[int(key)] if key.isdigit() else self.record.handlers[key]
        if node.step.mail_on_error and (notice := step_notice(node.dag, record, node.scope)):
            await send_notice(notice, node.dag, node.scope, self._warn)

    def _kill(self, key: str) -> None:
        if key != ev.DAG_KEY:
            self._nodes[key].kill()
        elif self._dag_check is not None:
            self._dag_check.kill()

    # -- timers

    def _start_timer(self, timer: str, delay_s: float) -> None:
        assert self._nursery is not None
        scope = self._timers[timer] = trio.CancelScope()
        self._nursery.start_soon(self._sleep, timer, delay_s, scope)

    async def _sleep(self, timer: str, delay_s: float, scope: trio.CancelScope) -> None:
        with scope:
            await trio.sleep(delay_s)
            if self._timers.get(timer) is scope:
                del self._timers[timer]
            self.post(ev.TimerFired(timer))

    # -- logs

    def _warn(self, message: str) -> None:
        text = self._masker.text(message)
        self._bound.warning(text)
        self._log.write("WARN", text, {}, bound=True)

    def _say(self, message: str, fields: dict[str, object], *, bound: bool = True) -> None:
        if not self._masker.is_empty:
            fields = {key: self._shown(value) for key, value in fields.items()}
        (self._bound if bound else self._console).info(message, **fields)
        self._log.write("INFO", message, fields, bound=bound)

    def _shown(self, value: object) -> object:
        if isinstance(value, str):
            return self._masker.text(value)
        return [self._shown(item) for item in value] if isinstance(value, list) else value


def open_record(spec: AttemptSpec, record: RunRecord, now_ms: int) -> Prepared:
    """Make a record a running one, with its secrets masked; return the surroundings of its steps.

    Reads the environment files and secrets that the DAG names.
    """
    record.status = RunStatus.RUNNING
    if record.started_ms is None:
        record.started_ms = now_ms
    prepared = prepare_run(spec, record.started_ms)
    record.working_dir = prepared.working_dir
    masker = prepared.masker
    if not masker.is_empty:
        for _, node in record.all_nodes():
            node.step = {**masker.members(node.step), "name": node.name}
        if spec.parent is not None:
            # A child is never retried from its record: its parent gives the parameters again.
            record.params = masker.text(record.params)
            record.params_list = [masker.text(text) for text in record.params_list]
        record.preconditions = [masker.members(entry) for entry in record.preconditions]
    return prepared


def _internal(exc: Exception) -> str:
    return f"internal error: {type(exc).__name__}: {exc}"
