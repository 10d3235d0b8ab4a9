"""`artifact.*`: files in the run's artifact directory (spec 13 section 13)."""

from __future__ import annotations

import os

from edge.actions.artifact_paths import ArtifactPathError, inside, locate
from edge.actions.base import ActionContext, ActionError, Outcome
from edge.actions.file import read_mode, result_line
from edge.actions.files import (
    facts,
    file_type,
    list_entries,
    make_parents,
    read_chunks,
    read_content,
    write_file,
)
from edge.actions.inprocess import (
    go_error,
    in_thread,
    operation_of,
    print_from_thread,
    run_in_process,
)
from edge.actions.inputs import Inputs
from edge.core.gojson import GoRecord

__all__ = ["run_artifact"]

_CONFIGURATION = "artifact: configuration error: "


async def run_artifact(context: ActionContext) -> Outcome:
    """Carry an artifact operation out and print its result."""
    return await run_in_process(context, _run, ignores_stop=True)


async def _run(context: ActionContext, inputs: Inputs) -> None:
    root = context.scope.get("DAG_RUN_ARTIFACTS_DIR", with_process=False)
    if not root:
        raise ActionError(
            f"{_CONFIGURATION}DAG_RUN_ARTIFACTS_DIR is not set; enable artifacts for this DAG"
        )
    await in_thread(_carry_out, context, root, operation_of(context), inputs)


def _carry_out(context: ActionContext, root: str, operation: str, inputs: Inputs) -> None:
    name = inputs.text("path")
    if operation == "list":
        name = name or "."
    try:
        name, path = locate(root, name)
        if operation == "write":
            record = _write(name, path, root, inputs)
        elif operation == "list":
            record = _list(name, path, root, inputs)
        else:
            found = _read(context, name, path, root, inputs)
            if found is None:
                return
            record = found
    except ArtifactPathError as exc:
        raise ActionError(f"{_CONFIGURATION}{exc}") from None
    line = result_line(GoRecord(operation=operation, path=name, **record))
    print_from_thread(context.write_stdout, line)


def _error(operation: str, name: str, reason: str) -> ActionError:
    return ActionError(f"artifact {operation} {name}: {reason}")


def _write(name: str, path: str, root: str, inputs: Inputs) -> GoRecord:
    data = inputs.text("content").encode("utf-8", "surrogateescape")
    try:
        inside(root, os.path.dirname(path), name)
        make_parents(path)
        inside(root, path, name)
        existed = os.path.lexists(path)
        write_file(
            path,
            data,
            mode=read_mode(inputs.text("mode"), 0o600),
            overwrite=inputs.flag("overwrite"),
            atomic=inputs.flag("atomic", True),
        )
    except OSError as exc:
        raise _error("write", name, go_error("open", exc, path)) from None
    return GoRecord(bytes=len(data), created=not existed)


def _read(
    context: ActionContext, name: str, path: str, root: str, inputs: Inputs
) -> GoRecord | None:
    """Return the file as a record; None when its bytes were printed as they are."""
    try:
        about = os.lstat(path)
        inside(root, path, name)
        about = os.stat(path)
    except OSError as exc:
        raise _error("read", name, go_error("lstat", exc, path)) from None
    limit = inputs.integer("max_bytes")
    if file_type(about.st_mode) == "directory":
        raise _error("read", name, "path is a directory")
    if limit and about.st_size > limit:
        raise _error("read", name, f"file size {about.st_size} exceeds max_bytes {limit}")
    try:
        if inputs.text("format", "raw") == "json":
            data = read_content(path, limit)
            content = data.decode("utf-8", "replace")
            return GoRecord(exists=True, **facts(about), bytes=len(data), content=content)
        for chunk in read_chunks(path):
            print_from_thread(context.write_stdout, chunk)
    except OSError as exc:
        raise _error("read", name, go_error("open", exc, path)) from None
    except ActionError as exc:
        raise _error("read", name, str(exc)) from None
    return None


def _list(name: str, path: str, root: str, inputs: Inputs) -> GoRecord:
    pattern = inputs.text("pattern")
    try:
        inside(root, path, name)
        if not os.path.isdir(path):
            os.stat(path)
            raise _error("list", name, "path must be a directory")
        entries = list_entries(
            path,
            base=root,
            pattern=pattern,
            recursive=inputs.flag("recursive"),
            include_dirs=inputs.flag("include_dirs"),
        )
    except OSError as exc:
        raise _error("list", name, go_error("stat", exc, path)) from None
    except ArtifactPathError:
        raise
    except ValueError as exc:
        raise ActionError(f'{_CONFIGURATION}invalid pattern "{pattern}": {exc}') from None
    regular = sum(1 for entry in entries if entry["isRegular"])
    return GoRecord(files=regular, entries=list(entries))
