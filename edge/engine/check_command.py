"""Short commands of checks: no logs, one at a time, killed as a group."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence

import trio

from edge.engine.evaluation import CommandResult
from edge.engine.processes import Spawner, SpawnSpec, StepProcess

__all__ = ["CheckCommand"]

_CLEAN_UP_S = 5.0
_DRAIN_S = 1.0
_OUTPUT_MAX_BYTES = 1 << 20


class CheckCommand:
    """Runs the commands of one list of preconditions, or of one parameter."""

    def __init__(self, spawner: Spawner, run_id: str, env: Mapping[str, str], cwd: str) -> None:
        self._spawner = spawner
        self._run_id = run_id
        self._env = env
        self._cwd = cwd
        self._process: StepProcess | None = None
        self._scope: trio.CancelScope | None = None
        self._is_killed = False

    async def __call__(
        self,
        argv: Sequence[str],
        executable: str,
        *,
        capture: bool = False,
        limit_s: float | None = None,
    ) -> CommandResult:
        """Run one command (see `CommandRunner`)."""
        if self._is_killed:
            return CommandResult(-signal.SIGKILL)
        process = self._spawner.spawn(
            SpawnSpec(argv, self._cwd, self._env, self._run_id, executable, capture)
        )
        self._process = process
        outputs = (bytearray(), bytearray())
        try:
            with trio.move_on_after(float("inf") if limit_s is None else limit_s) as scope:
                self._scope = scope
                async with trio.open_nursery() as nursery:
                    for stream, output in zip(
                        (process.stdout, process.stderr), outputs, strict=True
                    ):
                        if stream is not None:
                            nursery.start_soon(_collect, stream, output)
                    await process.wait()
        finally:
            self._process = self._scope = None
            with trio.move_on_after(_CLEAN_UP_S, shield=True):
                if not process.is_over:
                    process.signal_group(signal.SIGKILL)
                    await process.wait()
            await process.close()
        timed_out = scope.cancelled_caught and not self._is_killed
        return CommandResult(process.status, bytes(outputs[0]), bytes(outputs[1]), timed_out)

    def kill(self) -> None:
        """End the running command and start none after it."""
        self._is_killed = True
        if self._process is not None:
            self._process.signal_group(signal.SIGKILL)
        if self._scope is not None:
            self._scope.deadline = min(self._scope.deadline, trio.current_time() + _DRAIN_S)


async def _collect(stream: trio.lowlevel.FdStream, output: bytearray) -> None:
    """Read to the end; what exceeds the bound is read and dropped."""
    while data := await stream.receive_some(65_536):
        output += data[: _OUTPUT_MAX_BYTES - len(output)]
