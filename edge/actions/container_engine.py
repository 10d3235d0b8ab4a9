"""Containers of one step or run: images, lives, commands (spec 13 sections 4.4 and 4.5)."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import trio

from edge.actions.base import ActionError
from edge.actions.container_spec import ContainerSpec
from edge.actions.engine_client import EngineClient, EngineError
from edge.actions.engine_frames import FrameError, FrameReader, LineWatch, ProgressReader
from edge.actions.registry_auth import auth_header, image_parts
from edge.core.jsontypes import JsonObject, JsonValue

__all__ = ["ContainerEngine", "Output"]

#: for a container to run, and to be ready
_READY_S = 120.0
_POLL_S = 0.5
#: bound of all clean-up
_CLEAN_UP_S = 10.0
#: how long a stopped container's output is still read
_DRAIN_S = 1.0
_EXEC_GRACE_S = 2
_TOKEN = "DAGU_EXEC_TOKEN"
#: sends a signal to every process with the token; the token is in no environment of its own
_FIND = (
    'for e in /proc/[0-9]*/environ; do if grep -q "{token}" "$e" 2>/dev/null; then p=${{e#/proc/}};'
    ' kill -{signal} "${{p%/environ}}" 2>/dev/null; fi; done'
)


@dataclass(frozen=True, slots=True)
class Output:
    """Where a container's streams go."""

    stdout: Callable[[bytes], None]
    stderr: Callable[[bytes], None]

    def take(self, is_stderr: bool, data: bytes) -> None:
        (self.stderr if is_stderr else self.stdout)(data)


class ContainerEngine:
    """Carries out what a step or a run does with containers. Raises: ActionError throughout.

    `stop_signal` and `grace_s` are how a container is asked to end before it is killed.
    """

    def __init__(
        self,
        client: EngineClient,
        *,
        auths: Mapping[str, JsonValue] | str,
        environ: Mapping[str, str],
        stop_signal: str = "SIGTERM",
        grace_s: float = 5.0,
        warn: Callable[[str], None] | None = None,
    ) -> None:
        self._client = client
        self._auths = auths
        self._environ = environ
        self._stop_signal = stop_signal
        self._grace_s = min(grace_s or 5.0, _CLEAN_UP_S - 2)
        self._warn = warn

    async def check(self) -> JsonObject:
        """Return what the engine says of itself."""
        try:
            return await self._client.get("/info")
        except EngineError as exc:
            text = f"failed to get current docker host info: {exc}"
            raise ActionError(text) from exc

    # -- images

    async def ensure_image(self, spec: ContainerSpec) -> None:
        """Make the image available as the pull policy says."""
        if spec.pull == "never":
            return
        if spec.pull == "missing" and await self._has_image(spec):
            return
        try:
            await self._pull(spec)
        except ActionError:
            if spec.pull != "fallback":
                raise
            if not await self._has_image(spec):
                raise ActionError("image pull failed and no local image available") from None

    async def _has_image(self, spec: ContainerSpec) -> bool:
        try:
            image = await self._client.get(f"/images/{quote(spec.image, safe='/:@')}/json")
        except EngineError as exc:
            if exc.status != 404:
                raise
            return False
        wanted = [part for part in spec.platform.lower().split("/") if part]
        found = [str(image.get(key) or "").lower() for key in ("Os", "Architecture", "Variant")]
        return found[: len(wanted)] == wanted

    async def _pull(self, spec: ContainerSpec) -> None:
        name, tag = image_parts(spec.image)
        query = {"fromImage": name, "tag": tag}
        if spec.platform:
            query["platform"] = spec.platform
        header = auth_header(spec.image, self._auths, self._environ)
        progress = ProgressReader()
        async with self._client.stream(
            "POST",
            "/images/create",
            query=query,
            headers={"X-Registry-Auth": header} if header else None,
        ) as pieces:
            async for piece in pieces:
                progress.feed(piece)
        if error := progress.finish():
            raise ActionError(f"image pull error: {error}")

    # -- lives

    async def find(self, name: str) -> JsonObject | None:
        """Return what the engine knows of a container; None when there is none."""
        try:
            return await self._client.get(f"/containers/{quote(name, safe='')}/json")
        except EngineError as exc:
            if exc.status == 404:
                return None
            raise

    async def create(self, spec: ContainerSpec, body: JsonObject) -> str:
        """Create a container; return its id."""
        query = {}
        if spec.name:
            query["name"] = spec.name
        if spec.platform:
            query["platform"] = spec.platform
        answer = await self._client.call("POST", "/containers/create", query=query, body=body)
        found = answer.get("Id") if isinstance(answer, dict) else None
        if not isinstance(found, str):
            raise ActionError("the container engine named no id for the new container")
        return found

    async def start(self, ident: str, *, hint: str = "") -> None:
        """Start a created container."""
        try:
            await self._client.call("POST", f"/containers/{ident}/start")
        except EngineError as exc:
            raise ActionError(f"failed to start container: {exc}{hint}") from exc

    async def remove(self, ident: str) -> None:
        """Remove a container by force; one that is gone is no error. Bounded and shielded."""
        with trio.move_on_after(_CLEAN_UP_S, shield=True):
            try:
                query = {"force": "1", "v": "1"}
                await self._client.call("DELETE", f"/containers/{ident}", query=query)
            except EngineError as exc:
                if exc.status not in (404, 409) and self._warn is not None:
                    self._warn(f"failed to remove container {ident[:12]}: {exc}")

    async def stop(self, ident: str) -> None:
        """Ask a container to end, then kill it. Bounded and shielded."""
        with trio.move_on_after(_CLEAN_UP_S, shield=True):
            try:
                query = {"signal": self._stop_signal, "t": str(max(round(self._grace_s), 1))}
                with trio.move_on_after(self._grace_s + 1):
                    await self._client.call("POST", f"/containers/{ident}/stop", query=query)
                await self._client.call(
                    "POST", f"/containers/{ident}/kill", query={"signal": "SIGKILL"}
                )
            except EngineError:
                # gone, or not running any more
                return

    async def run_once(self, ident: str, output: Output) -> int:
        """Start a container, hand its output on and return its exit code.

        A cancel stops it; what it still prints is taken along.
        """
        await self.start(ident)
        code = 0
        failure: ActionError | None = None
        is_over = False
        async with trio.open_nursery() as nursery:
            guard = trio.CancelScope(shield=True)

            async def stop_on_cancel() -> None:
                try:
                    await trio.sleep_forever()
                except trio.Cancelled:
                    if not is_over:
                        await self.stop(ident)
                        guard.deadline = trio.current_time() + _DRAIN_S
                    raise

            nursery.start_soon(stop_on_cancel)
            try:
                with guard:
                    await self._follow(ident, output)
                    answer = await self._client.post(f"/containers/{ident}/wait")
                    code = _code(answer.get("StatusCode"))
            except ActionError as exc:
                failure = exc
            is_over = True
            nursery.cancel_scope.cancel()
        await trio.lowlevel.checkpoint_if_cancelled()
        if failure is not None:
            raise failure
        return code

    async def _follow(self, ident: str, output: Output) -> None:
        about = await self._client.get(f"/containers/{ident}/json")
        config = about.get("Config")
        is_tty = isinstance(config, dict) and config.get("Tty") is True
        query = {"follow": "1", "stdout": "1", "stderr": "1"}
        await self._copy("GET", f"/containers/{ident}/logs", output, is_tty=is_tty, query=query)

    async def _copy(
        self,
        method: str,
        path: str,
        output: Output,
        *,
        is_tty: bool = False,
        query: Mapping[str, str] | None = None,
        body: JsonValue = None,
    ) -> None:
        frames = FrameReader(is_tty=is_tty)
        try:
            async with self._client.stream(method, path, query=query, body=body) as pieces:
                async for piece in pieces:
                    for is_stderr, data in frames.feed(piece):
                        output.take(is_stderr, data)
        except FrameError as exc:
            raise ActionError(f"the output of the container cannot be read: {exc}") from exc

    # -- readiness

    async def wait_running(self, ident: str) -> None:
        """Wait until a container runs."""
        status = "unknown"
        with trio.move_on_after(_READY_S):
            while True:
                about = await self.find(ident)
                if about is None:
                    raise ActionError(f"failed to inspect container: No such container: {ident}")
                state = about.get("State")
                state = state if isinstance(state, dict) else {}
                if state.get("Running") is True and state.get("Paused") is not True:
                    return
                status = str(state.get("Status") or "unknown")
                await trio.sleep(_POLL_S)
        raise ActionError(
            f"timed out waiting for container to be running (current status: {status})"
        )

    async def wait_ready(self, ident: str, spec: ContainerSpec) -> None:
        """Wait as `wait_for` and `log_pattern` say, 120 s in all."""
        goal = "running"
        with trio.move_on_after(_READY_S):
            await self._wait_started(ident)
            if spec.wait_for == "healthy":
                goal = "healthy"
                await self._wait_healthy(ident)
            if spec.log_pattern:
                goal = f"ready: no line of its log matches {spec.log_pattern}"
                await self._wait_line(ident, spec.log_pattern)
            return
        raise ActionError(f"timed out waiting for container to be {goal}")

    async def _wait_started(self, ident: str) -> None:
        while True:
            state = await self._state(ident)
            if state.get("Running") is True:
                return
            if state.get("Status") in ("exited", "dead"):
                code = state.get("ExitCode")
                raise ActionError(
                    f"container ended before it was ready, with exit code {code}; an image without"
                    " `sh` needs startup: entrypoint or command"
                )
            await trio.sleep(_POLL_S)

    async def _state(self, ident: str) -> JsonObject:
        state = (await self._client.get(f"/containers/{ident}/json")).get("State")
        return state if isinstance(state, dict) else {}

    async def _wait_healthy(self, ident: str) -> None:
        while True:
            state = await self._state(ident)
            health = state.get("Health")
            status = health.get("Status") if isinstance(health, dict) else None
            if status in (None, "none"):
                if self._warn is not None:
                    self._warn("container has no health check; waited for it to run only")
                return
            if status == "healthy":
                return
            if status == "unhealthy" or state.get("Running") is not True:
                raise ActionError(f"container is {status or 'not running'}")
            await trio.sleep(_POLL_S)

    async def _wait_line(self, ident: str, pattern: str) -> None:
        try:
            wanted = re.compile(pattern)
        except re.error as exc:
            raise ActionError(f'invalid log_pattern "{pattern}": {exc}') from exc
        lines = LineWatch(wanted)
        with trio.CancelScope() as scope:

            def look(data: bytes) -> None:
                if lines.feed(data):
                    scope.cancel()

            await self._follow(ident, Output(look, look))
        if not (lines.has_matched or lines.finish()):
            raise ActionError(f"container ended before a line of its log matched {pattern}")

    # -- commands

    async def exec_in(
        self, ident: str, command: Sequence[str], options: JsonObject, output: Output
    ) -> int:
        """Run a command in a running container; return its exit code.

        A cancel ends its processes, which the engine would let live on.
        """
        token = f"{_TOKEN}={os.urandom(8).hex()}"
        env = options.get("Env")
        body: JsonObject = {
            **options,
            "AttachStdout": True,
            "AttachStderr": True,
            "Cmd": list(command),
            "Env": [*(env if isinstance(env, list) else []), token],
        }
        made = await self._client.post(f"/containers/{ident}/exec", body)
        exec_id = made.get("Id")
        if not isinstance(exec_id, str):
            raise ActionError("failed to create exec: the container engine named no id")
        is_tty = options.get("Tty") is True
        try:
            await self._copy(
                "POST",
                f"/exec/{exec_id}/start",
                output,
                is_tty=is_tty,
                body={"Detach": False, "Tty": is_tty},
            )
        except trio.Cancelled:
            with trio.move_on_after(_CLEAN_UP_S, shield=True):
                await self._end_exec(ident, token)
            raise
        about = await self._client.get(f"/exec/{exec_id}/json")
        return _code(about.get("ExitCode"))

    async def _end_exec(self, ident: str, token: str) -> None:
        term, kill = (_FIND.format(token=token, signal=name) for name in ("TERM", "KILL"))
        body: JsonObject = {
            "Cmd": ["sh", "-c", f"{term}; sleep {_EXEC_GRACE_S}; {kill}"],
            "User": "0",
            "AttachStdout": True,
        }
        try:
            made = await self._client.post(f"/containers/{ident}/exec", body)
            nothing = Output(_drop, _drop)
            path = f"/exec/{made.get('Id')}/start"
            await self._copy("POST", path, nothing, body={"Detach": False, "Tty": False})
        except ActionError as exc:
            if self._warn is not None:
                self._warn(f"failed to end a command in container {ident[:12]}: {exc}")


def _drop(data: bytes) -> None:
    """Take output that nobody wants."""


def _code(value: JsonValue) -> int:
    return value if isinstance(value, int) else 1
