"""What a step's texts say about its own streams (spec 10 section 7.7, spec 12 section 4)."""

from __future__ import annotations

import os

from edge.actions.artifact_paths import prepare_artifact
from edge.engine.logs import OutputSink
from edge.workflow.field_policy import policy_of
from edge.workflow.model import CommandRun, ExecRun, ScriptRun, Step
from edge.workflow.values import Scope, resolve

__all__ = ["names_stream_files", "open_copies"]

_NAMES = (
    "DAG_RUN_STEP_STDOUT_FILE",
    "DAG_RUN_STEP_STDERR_FILE",
    "paths.step_stdout_file",
    "paths.step_stderr_file",
)


def names_stream_files(step: Step) -> bool:
    """Tell whether a step may open its own stream files by name (spec 12 section 4)."""
    run = step.run
    texts = [entry.value for entry in step.env]
    if isinstance(run, ScriptRun):
        texts.append(run.text)
    elif isinstance(run, CommandRun):
        texts += run.commands
    elif isinstance(run, ExecRun):
        texts += (run.command, *run.args)
    if step.options:
        texts.append(str(step.options))
    return any(name in text for text in texts for name in _NAMES)


def open_copies(
    step: Step, scope: Scope, cwd: str, out: OutputSink | None, err: OutputSink | None
) -> None:
    """Open the author's own files and artifacts.

    Raises: OSError; ValueError when both are the same, or for a path that no artifact can have.
    """
    paths = [
        _path(step.stdout, step.stdout_artifact, scope, cwd),
        _path(step.stderr, step.stderr_artifact, scope, cwd),
    ]
    if paths[0] and paths[0] == paths[1]:
        raise ValueError(
            f'stdout and stderr cannot point to the same file "{paths[0]}"; use'
            " 'log_output: merged' instead"
        )
    for path, sink in zip(paths, (out, err), strict=True):
        if path and sink is not None:
            sink.copy_to(path)


def _path(text: str, artifact: str, scope: Scope, cwd: str) -> str:
    """Return the file that takes a copy of a stream, its directories made; "" for none."""
    if text:
        return os.path.join(cwd, resolve(text, policy_of("steps[].stdout"), scope))
    if not artifact:
        return ""
    root = scope.get("DAG_RUN_ARTIFACTS_DIR", with_process=False)
    if not root:
        raise ValueError("DAG_RUN_ARTIFACTS_DIR is not set; enable artifacts for this DAG")
    return prepare_artifact(root, resolve(artifact, policy_of("steps[].stdout.artifact"), scope))
