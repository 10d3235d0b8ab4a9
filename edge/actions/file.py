"""`file.*`: stat, read, write, copy, move, delete, mkdir, list (spec 13 section 9)."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable

from edge.actions.base import ActionContext, ActionError, Outcome
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
    check_stop,
    go_error,
    in_thread,
    operation_of,
    print_from_thread,
    run_in_process,
)
from edge.actions.inputs import Inputs
from edge.core.gojson import GoRecord, go_json

__all__ = ["read_mode", "result_line", "run_file"]

_CONFIGURATION = "file: configuration error: "
_MEMBERS = (
    *("operation", "path", "source", "destination", "exists", "type", "size", "mode", "modTime"),
    *("files", "directories", "bytes", "dryRun", "deleted", "created", "moved", "copied"),
    *("content", "entries"),
)


async def run_file(context: ActionContext) -> Outcome:
    """Carry a file operation out and print its result."""
    return await run_in_process(context, _run, ignores_stop=True)


async def _run(context: ActionContext, inputs: Inputs) -> None:
    operation = operation_of(context)
    await in_thread(_carry_out, context, operation, inputs)


def _carry_out(context: ActionContext, operation: str, inputs: Inputs) -> None:
    if operation in ("copy", "move"):
        # the two that need the most; the others do not pay for them
        from edge.actions.file_trees import copy, move

        places = {key: inputs.path(key, expand_home=True) for key in ("source", "destination")}
        record = (copy if operation == "copy" else move)(**places, inputs=inputs)
    elif operation == "read" and inputs.text("format", "raw") != "json":
        return _print_raw(context, inputs)
    else:
        path = inputs.path("path", expand_home=True)
        record = _OPERATIONS[operation](path, inputs)
    line = result_line(GoRecord(operation=operation, **record))
    print_from_thread(context.write_stdout, line)
    return None


def result_line(record: GoRecord) -> bytes:
    """Return the line that an operation prints: members in order, empty ones left out."""
    found = GoRecord()
    for name in _MEMBERS:
        value = record.get(name)
        # A flag prints even when false; `content` may be empty and is there all the same.
        if value or isinstance(value, bool) or (name == "content" and value is not None):
            found[name] = value
    return (go_json(found) + "\n").encode("utf-8", "replace")


def _error(operation: str, path: str, reason: str) -> ActionError:
    return ActionError(f"file {operation} {path}: {reason}")


def read_mode(text: str, default: int) -> int:
    """Return the mode that an octal text names; its form was checked with the inputs."""
    return int(text.removeprefix("0o"), 8) if text else default


def _stat(path: str, inputs: Inputs, operation: str = "stat") -> GoRecord:
    follow = inputs.flag("follow_symlinks") or operation == "read"
    try:
        found = os.stat(path, follow_symlinks=follow)
    except FileNotFoundError as exc:
        if operation == "stat" and inputs.flag("missing_ok"):
            return GoRecord(path=path, exists=False)
        raise _error(operation, path, go_error("stat" if follow else "lstat", exc, path)) from None
    except OSError as exc:
        raise _error(operation, path, go_error("stat" if follow else "lstat", exc, path)) from None
    return GoRecord(path=path, exists=True, **facts(found))


def _checked_to_read(path: str, inputs: Inputs) -> GoRecord:
    record = _stat(path, inputs, "read")
    if record["type"] == "directory":
        raise _error("read", path, "path is a directory")
    limit, size = inputs.integer("max_bytes"), record["size"]
    if limit and isinstance(size, int) and size > limit:
        raise _error("read", path, f"file size {size} exceeds max_bytes {limit}")
    return record


def _read(path: str, inputs: Inputs) -> GoRecord:
    record = _checked_to_read(path, inputs)
    try:
        data = read_content(path, inputs.integer("max_bytes"))
    except OSError as exc:
        raise _error("read", path, go_error("open", exc, path)) from None
    except ActionError as exc:
        raise _error("read", path, str(exc)) from None
    return GoRecord(record, bytes=len(data), content=data.decode("utf-8", "replace"))


def _print_raw(context: ActionContext, inputs: Inputs) -> None:
    path = inputs.path("path", expand_home=True)
    _checked_to_read(path, inputs)
    limit, size = inputs.integer("max_bytes"), 0
    try:
        for data in read_chunks(path):
            size += len(data)
            if limit and size > limit:
                raise _error("read", path, f"file size {size} exceeds max_bytes {limit}")
            print_from_thread(context.write_stdout, data)
    except OSError as exc:
        raise _error("read", path, go_error("open", exc, path)) from None


def _write(path: str, inputs: Inputs) -> GoRecord:
    data = inputs.text("content").encode("utf-8", "surrogateescape")
    overwrite = inputs.flag("overwrite")
    if inputs.flag("dry_run"):
        if not overwrite and os.path.lexists(path):
            raise _error("write", path, f"open {path}: file exists")
        return GoRecord(path=path, bytes=len(data), dryRun=True, created=False)
    try:
        if inputs.flag("create_dirs"):
            make_parents(path)
        write_file(
            path,
            data,
            mode=read_mode(inputs.text("mode"), 0o600),
            overwrite=overwrite,
            atomic=inputs.flag("atomic", True),
        )
    except OSError as exc:
        raise _error("write", path, go_error("open", exc, path)) from None
    return GoRecord(path=path, bytes=len(data), created=True)


def _delete(path: str, inputs: Inputs) -> GoRecord:
    if path == "/":
        raise _error("delete", path, "refusing to delete filesystem root")
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError as exc:
        if inputs.flag("missing_ok"):
            return GoRecord(path=path, exists=False, deleted=False)
        raise _error("delete", path, go_error("lstat", exc, path)) from None
    except OSError as exc:
        raise _error("delete", path, go_error("lstat", exc, path)) from None
    is_dir = stat.S_ISDIR(mode)
    if is_dir and not inputs.flag("recursive"):
        raise _error("delete", path, "recursive is required to delete a directory")
    if inputs.flag("dry_run"):
        return GoRecord(path=path, dryRun=True, deleted=False)
    try:
        if is_dir:
            from edge.actions.file_trees import remove_tree

            remove_tree(path)
        else:
            os.unlink(path)
    except OSError as exc:
        raise _error("delete", path, go_error("remove", exc)) from None
    return GoRecord(path=path, deleted=True)


def _mkdir(path: str, inputs: Inputs) -> GoRecord:
    if inputs.flag("dry_run"):
        return GoRecord(path=path, dryRun=True, created=False)
    mode = read_mode(inputs.text("mode"), 0o750)
    try:
        missing = []
        folder = path
        while not os.path.isdir(folder):
            missing.append(folder)
            folder = os.path.dirname(folder)
        for folder in reversed(missing):
            os.mkdir(folder)
            # by hand: the mask of this process is no wish of the author
            os.chmod(folder, mode)
    except OSError as exc:
        reason = "not a directory" if isinstance(exc, FileExistsError) else ""
        raise _error(
            "mkdir", path, f"mkdir {path}: {reason}" if reason else go_error("mkdir", exc)
        ) from None
    return GoRecord(path=path, created=True)


def _list(path: str, inputs: Inputs) -> GoRecord:
    try:
        mode = os.stat(path).st_mode
    except OSError as exc:
        raise _error("list", path, go_error("stat", exc, path)) from None
    if file_type(mode) != "directory":
        raise _error("list", path, "path must be a directory")
    check_stop()
    pattern = inputs.text("pattern")
    try:
        entries = list_entries(
            path,
            base=path,
            pattern=pattern,
            recursive=inputs.flag("recursive"),
            include_dirs=inputs.flag("include_dirs"),
        )
    except OSError as exc:
        raise _error("list", path, go_error("open", exc)) from None
    except ValueError as exc:
        raise ActionError(f'{_CONFIGURATION}invalid pattern "{pattern}": {exc}') from None
    regular = sum(1 for entry in entries if entry["isRegular"])
    return GoRecord(path=path, files=regular, entries=list(entries))


_OPERATIONS: dict[str, Callable[[str, Inputs], GoRecord]] = {
    "stat": _stat,
    "read": _read,
    "write": _write,
    "delete": _delete,
    "mkdir": _mkdir,
    "list": _list,
}
