"""One node at work: its directories, environment, logs and processes (spec 12 sections 4, 11).

Holds no rules: the machine says when to check, execute, stop and kill; this module does it and
answers with the next event.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import trio

from edge.actions.base import Outcome
from edge.actions.table import find_action
from edge.core.ids import safe_name
from edge.core.record import StepOutputs
from edge.engine.attempt import log_stamp
from edge.engine.children import NodeChildren
from edge.engine.collecting import OutputCollector
from edge.engine.environment import process_environ, step_dir, step_scope
from edge.engine.events import (
    ConditionsChecked,
    NodeExited,
    NodePrepared,
    NodeRefused,
    NodeResolved,
    NodeSpawned,
    RepeatChecked,
)
from edge.engine.logs import LineMatcher, OutputSink, StreamLog
from edge.engine.processes import SpawnSpec, StepProcess, pump
from edge.engine.repeating import repeat_numbers
from edge.engine.retries import retry_numbers
from edge.engine.run_context import RunContext
from edge.engine.step_checks import StepChecks
from edge.engine.streams import names_stream_files, open_copies
from edge.engine.support import missing_of_step
from edge.workflow.model import LogOutput, Step
from edge.workflow.records import argv_record, command_record, recorded_commands
from edge.workflow.values import Source

__all__ = ["NodeRun"]

#: how long output is still read after SIGKILL; whoever holds the pipe then is not in the group
_DRAIN_S = 1.0
_CLEAN_UP_S = 5.0


class NodeRun:
    """One started node, from its preparation to its end."""

    def __init__(self, run: RunContext, key: str, step: Step, given: Mapping[str, str]) -> None:
        """`given`: variables that the engine sets for this node."""
        self.key = key
        self.step = step
        self.dag = run.spec.dag
        self.default_shell = run.spec.default_shell
        self.container_id = run.container_id
        self.state = run.spec.state
        self.scope = run.scope
        self.cwd = run.base_dir
        self._run = run
        self._given = given
        self._out: OutputSink | None = None
        self._err: OutputSink | None = None
        self._env: dict[str, str] = {}
        self._process: StepProcess | None = None
        self._pumps: trio.CancelScope | None = None
        self._checks = StepChecks(
            key,
            step,
            run.spec.dag,
            spawner=run.spawner,
            run_id=run.spec.ref.run_id,
            default_shell=run.spec.default_shell,
            masker=run.masker,
        )
        self._has_run = False
        #: what the last execution published
        self._outputs: StepOutputs | None = None
        #: as the record shows them
        self._commands = recorded_commands(step)
        self._pending_signal = 0
        self._is_stopped = False
        #: work in this process, the one of the current execution
        self._work: trio.CancelScope | None = None
        self._ignores_stop = False
        self.children = NodeChildren(run, key, step)
        self._collector = OutputCollector(
            step,
            folder=str(run.spec.files.step_log_dir),
            limit_bytes=self.dag.max_output_size,
            masker=run.masker,
        )

    # -- preparation

    def prepare(self) -> NodePrepared | NodeRefused:
        """Settle directory, environment, log paths, extra files and retry numbers.

        In the order of spec 11 section 3, steps (a) to (g).
        """
        try:
            self._settle()
        except OSError as exc:
            reason = exc.strerror or str(exc)
            return self._refuse(f"failed to set up step: {exc.filename or self.cwd}: {reason}")
        try:
            open_copies(self.step, self.scope, self.cwd, self._out, self._err)
        except OSError as exc:
            reason = f"open {exc.filename}: {(exc.strerror or str(exc)).lower()}"
            return self._refuse(f"failed to setup outputs: {reason}")
        except ValueError as exc:
            return self._refuse(f"failed to setup outputs: {exc}")
        policy = "retry"
        try:
            # Those of a handler are accepted and ignored (spec 12 section 9).
            is_step = self._index is not None
            retry = retry_numbers(self.step.retry_policy if is_step else None, self.scope)
            policy = "repeat"
            repeat = repeat_numbers(self.step.repeat_policy if is_step else None, self.scope)
            if self._out is not None and self.step.continue_on.outputs:
                self._out.log.matcher = LineMatcher(self.step.continue_on.outputs)
            self._name_streams()
        except ValueError as exc:
            return self._refuse(f"failed to setup {policy} policy: {exc}")
        except re.error as exc:
            return self._refuse(f"failed to set up step: continue_on.output: {exc}")
        except OSError as exc:
            return self._refuse(f"failed to set up step: {exc.filename}: {exc.strerror}")
        return NodePrepared(
            key=self.key,
            stdout=str(self._out.log.path) if self._out else "",
            stderr=str(self._err.log.path) if self._err else "",
            working_dir=self.cwd,
            retry=retry,
            repeat=repeat,
        )

    def _refuse(self, error: str) -> NodeRefused:
        return NodeRefused(
            key=self.key,
            error=self._run.masker.text(error),
            stdout=str(self._out.log.path) if self._out else "",
            stderr=str(self._err.log.path) if self._err else "",
            working_dir=self.cwd,
        )

    @property
    def _index(self) -> int | None:
        """Return the step's position; None for a handler."""
        return int(self.key) if self.key.isdigit() else None

    def _settle(self) -> None:
        run, step = self._run, self.step
        name = self.key if self._index is None else step.name
        outputs = run.view.variables(self._index)
        visible = run.view.steps(self._index)
        seen = run.scope.with_steps(visible, strict=self._index is not None)
        self.cwd = step_dir(step, run.base_dir, seen.child(outputs.items(), Source.OUTPUT))
        self.scope = step_scope(
            seen,
            step,
            name=name,
            cwd=self.cwd,
            outputs=outputs,
            is_handler=self._index is None,
            extra=self._given,
        )
        self._make_logs(name)

    def _name_streams(self) -> None:
        """Let the step know its stream files; a handler does not (spec 11 section 6)."""
        assert self._out is not None
        assert self._err is not None
        if self._index is None:
            return
        files = {
            "DAG_RUN_STEP_STDOUT_FILE": str(self._out.log.path),
            "DAG_RUN_STEP_STDERR_FILE": str(self._err.log.path),
        }
        context = {
            "paths.step_stdout_file": files["DAG_RUN_STEP_STDOUT_FILE"],
            "paths.step_stderr_file": files["DAG_RUN_STEP_STDERR_FILE"],
        }
        self.scope = self.scope.child(files.items(), Source.MANAGED).with_context(context)
        if names_stream_files(self.step):
            self._out.log.create()
            self._err.log.create()

    def _make_logs(self, name: str) -> None:
        spec, masker = self._run.spec, self._run.masker
        stamp = log_stamp(self._run.clock.now_ms())
        stem = f"{safe_name(name)}.{stamp}.{spec.ref.run_id[:8]}"
        output = self.step.log_output or spec.dag.log_output
        if output is LogOutput.MERGED:
            log = self._stream(stem + ".log", "stdout")
            self._out = OutputSink(log, masker.stream())
            self._err = OutputSink(log, masker.stream())
        else:
            self._out = OutputSink(self._stream(stem + ".out", "stdout"), masker.stream())
            self._err = OutputSink(self._stream(stem + ".err", "stderr"), masker.stream())
        self._collector.attach(self._out, self._err)

    def _stream(self, file_name: str, stream: str) -> StreamLog:
        path = self._run.spec.files.step_log_dir / file_name
        report, key = self._run.log_grew, self.key
        return StreamLog(
            path,
            max_bytes=self._run.spec.step_log_max_bytes,
            on_growth=lambda size: report(key, stream, path, size),
        )

    # -- checks

    async def check(self) -> ConditionsChecked:
        """Evaluate the step's preconditions."""
        return await self._checks.preconditions(self.scope, self.cwd)

    async def check_repeat(self) -> RepeatChecked:
        """Evaluate the condition of the repeat policy after an execution."""
        return await self._checks.repeat(self.scope, self.cwd, self._outputs)

    # -- execution

    async def execute(self) -> NodeExited:
        """Run the step once; its log files stay open for another time."""
        assert self._out is not None
        assert self._err is not None
        self._has_run = False
        self._out.restart()
        self._err.restart()
        if missing := missing_of_step(self.step):
            return NodeExited(self.key, 1, missing, is_hopeless=True)
        try:
            if self.step.type != "ssh":
                # that one's directory is on another machine
                os.makedirs(self.cwd, mode=0o750, exist_ok=True)
            output_file = self._collector.begin()
            files = {"DAGU_OUTPUT_FILE": output_file}
            bare = self.scope
            self.scope = bare.child(files.items(), Source.MANAGED).with_context(
                {"paths.step_output_file": output_file}
            )
            self._env = process_environ(self.scope)
            try:
                outcome = await find_action(self.step)(self)
                return await self._exited(outcome)
            finally:
                self.scope = bare
        except OSError as exc:
            reason = (exc.strerror or str(exc)).lower()
            text = f"failed to set up step: mkdir {exc.filename}: {reason}"
            return await self._exited(Outcome(1, text))
        finally:
            self._collector.abandon()

    async def _exited(self, outcome: Outcome) -> NodeExited:
        assert self._out is not None
        assert self._err is not None
        self._out.flush()
        self._err.flush()
        error = outcome.error
        end = partial(
            self._collector.end,
            succeeded=not error or outcome.is_partial,
            scope=self.scope,
            cwd=self.cwd,
            action=outcome.published,
        )
        collected = await trio.to_thread.run_sync(end) if self._collector.is_slow else end()
        if error and self._err.tail and (self._has_run or outcome.shows_stderr):
            tail = self._err.tail.decode("utf-8", "replace")
            error = f"{error}\nrecent stderr (tail):\n{tail}"
        if outcome.private_file:
            # The shell names its script in each of its messages.
            error = error.replace(f"{outcome.private_file}: ", "")
            error = error.replace(outcome.private_file, "script")
        matcher = self._out.log.matcher
        matched = bool(error) and matcher is not None and matcher.finish()
        code = outcome.code
        self._outputs = collected.outputs
        if collected.error and (not error or outcome.is_partial):
            code, error = 1, collected.error
        return NodeExited(
            self.key,
            code,
            self._run.masker.text(error),
            matched,
            is_deadline=outcome.is_deadline,
            outputs=collected.outputs,
            shown=collected.shown,
            is_partial=outcome.is_partial and not collected.error,
            details=self.children.shown(outcome.details),
        )

    def note_command(self, number: int, text: str, argv: Sequence[str] | None = None) -> None:
        """Take a resolved command into the record (see `ActionContext`)."""
        entry = command_record(text) if argv is None else argv_record(argv)
        before = self._commands[number - 1] if len(self._commands) >= number else None
        if entry != before:
            self._commands[number - 1 : number] = [entry]
            commands = [self._run.masker.members(item) for item in self._commands]
            self._run.post(NodeResolved(self.key, {"commands": list(commands)}))

    def write_stdout(self, data: bytes) -> None:
        """Print for the step (see `ActionContext`)."""
        assert self._out is not None
        self._out.write(data)

    def write_stderr(self, data: bytes) -> None:
        """Print to the other stream (see `ActionContext`)."""
        assert self._err is not None
        self._err.write(data)

    def open_scope(self, *, ignores_stop: bool) -> trio.CancelScope:
        """Return the scope of work in this process (see `ActionContext`)."""
        self._work = trio.CancelScope()
        self._ignores_stop = ignores_stop
        self._cancel_work()
        return self._work

    async def run_process(self, argv: Sequence[str], executable: str) -> int:
        """Run one process of the step (see `ActionContext`)."""
        assert self._out is not None
        assert self._err is not None
        if self._is_stopped:
            number = self._pending_signal or signal.SIGTERM
            return -number
        run = self._run
        process = run.spawner.spawn(
            SpawnSpec(argv, self.cwd, self._env, run.spec.ref.run_id, executable=executable)
        )
        self._process = process
        self._has_run = True
        assert process.stdout is not None
        assert process.stderr is not None
        run.post(NodeSpawned(self.key, process.pid))
        is_closed = False
        try:
            async with trio.open_nursery() as nursery:
                self._pumps = nursery.cancel_scope
                nursery.start_soon(pump, process.stdout, self._out.write)
                nursery.start_soon(pump, process.stderr, self._err.write)
                await process.wait()
            is_closed = True
        finally:
            self._process = self._pumps = None
            with trio.move_on_after(_CLEAN_UP_S, shield=True):
                if not (process.is_over and is_closed):
                    process.signal_group(signal.SIGKILL)
                    await process.wait()
            await process.close()
        return process.status

    # -- stopping

    def stop(self, number: int) -> None:
        """Signal the group, cancel work in this process; start nothing further."""
        self._is_stopped = True
        self._pending_signal = number
        if self._process is not None:
            self._process.signal_group(number)
        self.children.stop(number)
        self._cancel_work()

    def _cancel_work(self) -> None:
        if self._work is None or not self._is_stopped:
            return
        if self._pending_signal == signal.SIGKILL or not self._ignores_stop:
            self._work.cancel()

    def kill(self) -> None:
        """SIGKILL the group; give its output a moment, whoever still holds the pipe."""
        self.children.kill()
        self.stop(signal.SIGKILL)
        self._checks.kill()
        if self._pumps is not None:
            self._pumps.deadline = trio.current_time() + _DRAIN_S

    # -- the end

    def close(self) -> list[tuple[str, Path, int]]:
        """Close the logs; return (stream, path, size) of those that hold something."""
        found = []
        for stream, sink in (("stdout", self._out), ("stderr", self._err)):
            if sink is None:
                continue
            sink.close()
            is_twin = stream == "stderr" and self._out is not None and sink.log is self._out.log
            if sink.log.size and not is_twin:
                found.append((stream, sink.log.path, sink.log.size))
        return found
