"""Takes up what a step publishes: its output file, its captured streams (spec 11 section 8)."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace

from edge.core.ids import safe_name
from edge.core.jsontypes import JsonObject
from edge.core.record import StepOutputs
from edge.engine.files import read_regular
from edge.engine.logs import Capture, OutputSink
from edge.engine.masking import Masker
from edge.engine.output_file import OutputError, parse_output_file
from edge.workflow.model import Step
from edge.workflow.values import Scope

__all__ = ["Collected", "OutputCollector"]


@dataclass(frozen=True, slots=True)
class Collected:
    """What an execution published, the same with its secrets masked, and why it fails after all."""

    outputs: StepOutputs | None = None
    shown: StepOutputs | None = None
    error: str = ""


class OutputCollector:
    """Collects for one node; `begin` and `end` enclose each of its executions."""

    def __init__(self, step: Step, *, folder: str, limit_bytes: int, masker: Masker) -> None:
        """`folder` takes the output files; `limit_bytes` is `max_output_size`."""
        self._step = step
        self._folder = folder
        self._limit_bytes = limit_bytes
        self._masker = masker
        self._executions = 0
        self._path = ""
        self._out: Capture | None = None
        self._err: Capture | None = None

    def attach(self, out: OutputSink, err: OutputSink) -> None:
        """Have the streams captured that the step publishes from."""
        step = self._step
        sources = {entry.source for entry in step.output_entries}
        needs_schema = step.output_schema is not None
        if step.output or step.stdout_outputs is not None or needs_schema or "stdout" in sources:
            self._out = out.capture = Capture(self._limit_bytes)
        if "stderr" in sources:
            self._err = err.capture = Capture(self._limit_bytes)

    def begin(self) -> str:
        """Make the fresh output file of this execution; return its path. Raises: OSError."""
        self._executions += 1
        name = f"{safe_name(self._step.name)}.{self._executions}.{os.urandom(6).hex()}.output"
        path = f"{self._folder}/{name}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            os.close(os.open(path, flags, 0o600))
        except FileNotFoundError:
            os.makedirs(self._folder, mode=0o750, exist_ok=True)
            os.close(os.open(path, flags, 0o600))
        self._path = path
        return path

    def abandon(self) -> None:
        """Remove the output file, whatever it holds. Safe to call twice."""
        if self._path:
            try:
                os.unlink(self._path)
            except OSError:
                pass
            self._path = ""

    @property
    def is_slow(self) -> bool:
        """Return whether `end` is too much work for the event loop: a schema has to be checked."""
        return self._step.output_schema is not None

    def end(
        self, *, succeeded: bool, scope: Scope, cwd: str, action: JsonObject | None = None
    ) -> Collected:
        """Return what this execution published; a failed one gives its output variable only.

        `action` is what the action itself publishes.
        """
        declared = None
        try:
            if succeeded:
                data = self._read()
                if data or self._step.outputs:
                    declared = parse_output_file(data, self._step.outputs, self._limit_bytes)
            for capture in (self._out, self._err):
                if capture is not None and capture.is_over:
                    raise OutputError(
                        f"output exceeded maximum size limit of {self._limit_bytes} bytes"
                    )
            found = self._variable()
            if succeeded and (self._has_structure or action):
                found = self._publish(scope, cwd, action)
        except OutputError as exc:
            return self._collected(self._variable(), error=self._masker.text(str(exc)))
        finally:
            self.abandon()
        outputs = found
        if declared is not None and self._step.outputs:
            outputs = replace(outputs or StepOutputs(), declared=declared)
        return self._collected(outputs)

    def _read(self) -> bytes:
        """Return the output file, a byte more than the limit at most. Raises: OutputError."""
        try:
            # The step may have put anything in its place.
            return read_regular(self._path, self._limit_bytes, follow=False)
        except FileNotFoundError:
            return b""
        except OSError as exc:
            raise OutputError(f"failed to parse DAGU_OUTPUT_FILE: {exc.strerror}") from None

    @property
    def _has_structure(self) -> bool:
        step = self._step
        return (
            bool(step.output_entries)
            or step.output_schema is not None
            or step.stdout_outputs is not None
        )

    def _publish(self, scope: Scope, cwd: str, action: JsonObject | None) -> StepOutputs | None:
        # Few steps publish more than a variable.
        from edge.engine.publishing import Sources, publish

        sources = Sources(
            stdout=_text(self._out),
            stderr=_text(self._err),
            scope=scope,
            cwd=cwd,
            limit_bytes=self._limit_bytes,
            action=action,
        )
        return publish(self._step, sources)

    def _variable(self) -> StepOutputs | None:
        if not self._step.output or self._out is None or self._out.is_over:
            return None
        return StepOutputs(variable=self._step.output, value=_text(self._out).strip())

    def _collected(self, outputs: StepOutputs | None, error: str = "") -> Collected:
        if outputs is None:
            return Collected(error=error)
        return Collected(outputs, self._shown(outputs), error)

    def _shown(self, outputs: StepOutputs) -> StepOutputs:
        """Return the outputs as a record may hold them: UTF-8, secrets masked."""

        def text(value: str) -> str:
            return self._masker.text(value).encode("utf-8", "replace").decode()

        declared = outputs.declared
        value = outputs.value
        if value and (self._step.output_entries or self._step.output_schema is not None):
            value = self._masked_json(value)
        return StepOutputs(
            variable=outputs.variable,
            value=None if value is None else text(value),
            declared=None if declared is None else {k: text(v) for k, v in declared.items()},
            published=text(self._masked_json(outputs.published)),
        )

    def _masked_json(self, text: str) -> str:
        """Mask inside the texts of a JSON text: there a secret may be written with escapes."""
        if not text or self._masker.is_empty:
            return text
        from edge.workflow.json_text import compact

        return compact(self._masker.value(json.loads(text)))


def _text(capture: Capture | None) -> str:
    return "" if capture is None else capture.data.decode("utf-8", "surrogateescape")
