"""`archive.create`, `archive.extract`, `archive.list` (spec 13 section 8)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from edge.actions.archive_entries import BROKEN, Reader, open_reader
from edge.actions.archive_extract import Extraction
from edge.actions.archive_formats import Code, detect, fail
from edge.actions.base import ActionContext, ActionError, Outcome
from edge.actions.files import CHUNK_BYTES, go_mode, open_to_read, rfc3339_ns
from edge.actions.inprocess import (
    check_stop,
    go_error,
    in_thread,
    operation_of,
    print_from_thread,
    run_in_process,
)
from edge.actions.inputs import Inputs
from edge.core.durations import format_go_duration
from edge.core.gojson import GoRecord, go_json
from edge.workflow.globs import Glob

__all__ = ["Filter", "run_archive"]

_SET_UP = "failed to set up step: archive: configuration error: "
_HEAD_BYTES = 512


class Filter:
    """`include` and `exclude` over the path in the archive; exclude wins."""

    def __init__(self, inputs: Inputs) -> None:
        """Raises: ActionError for a pattern that cannot be read."""
        self._include = [_glob(text) for text in inputs.texts("include")]
        self._exclude = [_glob(text) for text in inputs.texts("exclude")]

    def takes(self, name: str) -> bool:
        """Return whether an entry of that name is wanted."""
        if any(glob.matches(name) for glob in self._exclude):
            return False
        return not self._include or any(glob.matches(name) for glob in self._include)


def _glob(text: str) -> Glob:
    try:
        return Glob(text)
    except ValueError:
        raise ActionError(f'{_SET_UP}invalid glob pattern "{text}"', 1) from None


async def run_archive(context: ActionContext) -> Outcome:
    """Carry an archive operation out and print its result."""
    return await run_in_process(context, _run)


async def _run(context: ActionContext, inputs: Inputs) -> None:
    await in_thread(_carry_out, context, inputs)


def _carry_out(context: ActionContext, inputs: Inputs) -> None:
    operation = operation_of(context)
    started_ns = time.monotonic_ns()
    wanted = Filter(inputs)
    record = _OPERATIONS[operation](inputs, wanted)
    found = GoRecord(operation=operation, source=inputs.text("source"))
    for name, value in record.items():
        found[name] = _duration(time.monotonic_ns() - started_ns) if name == "duration" else value
    text = go_json(found, indent="  ") + "\n"
    print_from_thread(context.write_stdout, text.encode("utf-8", "replace"))


def _duration(elapsed_ns: int) -> str:
    if elapsed_ns >= 1_000_000_000:
        return format_go_duration(elapsed_ns / 1e9)
    unit, name = (1_000_000, "ms") if elapsed_ns >= 1_000_000 else (1000, "µs")
    return f"{elapsed_ns / unit:.3f}".rstrip("0").rstrip(".") + name


def _open(inputs: Inputs) -> Reader:
    """Open the source. Raises: ActionError with the exit code of what is wrong."""
    path = inputs.path("source")
    try:
        with open_to_read(path) as file:
            head = file.read(_HEAD_BYTES) or b""
    except FileNotFoundError:
        fail("source not found", path, Code.SOURCE)
    except PermissionError:
        fail("permission denied", path, Code.PERMISSION)
    except OSError as exc:
        fail("source not found", go_error("open", exc, path), Code.SOURCE)
    kind = detect(inputs.text("format"), path, head)
    try:
        return open_reader(path, kind)
    except BROKEN as exc:
        fail("corrupted archive", f"{path}: {exc}", Code.CORRUPTED)


def _verify(inputs: Inputs) -> bool:
    """Read everything once when that is asked for; tell whether it was. Raises: ActionError."""
    if not inputs.flag("verify_integrity"):
        return False
    reader = _open(inputs)
    try:
        for entry in reader.entries():
            check_stop()
            if entry.is_file and not entry.is_hard:
                with reader.open(entry) as file:
                    while file.read(CHUNK_BYTES):
                        check_stop()
    except BROKEN as exc:
        fail("corrupted archive", str(exc), Code.CORRUPTED)
    finally:
        reader.close()
    return True


def _list(inputs: Inputs, wanted: Filter) -> GoRecord:
    verified = _verify(inputs)
    reader = _open(inputs)
    files = []
    size = 0
    try:
        for entry in reader.entries():
            check_stop()
            if not wanted.takes(entry.name.rstrip("/")):
                continue
            size += entry.size
            files.append(
                GoRecord(
                    path=entry.name,
                    size=entry.size,
                    mode=go_mode(entry.mode),
                    modTime=rfc3339_ns(int(entry.mtime) * 1_000_000_000),
                    isDir=entry.is_dir,
                )
            )
    except BROKEN as exc:
        fail("corrupted archive", str(exc), Code.CORRUPTED)
    finally:
        reader.close()
    return GoRecord(
        totalFiles=len(files), totalSize=size, files=list(files), verified=verified, duration=""
    )


def _extract(inputs: Inputs, wanted: Filter) -> GoRecord:
    verified = _verify(inputs)
    work = Extraction(
        inputs.path("destination", default="."),
        wanted.takes,
        overwrite=inputs.flag("overwrite"),
        preserve_paths=inputs.flag("preserve_paths", True),
        strip=inputs.integer("strip_components"),
        dry_run=inputs.flag("dry_run"),
        goes_on=inputs.flag("continue_on_error"),
    )
    reader = _open(inputs)
    try:
        work.run(reader)
    finally:
        reader.close()
    record = GoRecord(
        destination=inputs.text("destination") or ".",
        filesExtracted=work.files,
        bytesExtracted=work.bytes,
        filesSkipped=work.skipped,
        duration="",
    )
    if work.errors:
        record["errors"] = list(work.errors)
    record["verifyPerformed"] = verified
    return record


def _create(inputs: Inputs, wanted: Filter) -> GoRecord:
    if inputs.text("password"):
        reason = "password is only supported for extract/list operations"
        raise ActionError(_SET_UP + reason, 1)
    destination = inputs.path("destination")
    is_dry = inputs.flag("dry_run")
    if not destination and not is_dry:
        raise ActionError(f"{_SET_UP}destination is required for create", 1)
    source = inputs.path("source")
    if not os.path.lexists(source):
        fail("source not found", source, Code.SOURCE)
    from edge.actions.archive_create import Creation

    kind = detect(inputs.text("format"), destination, None) if destination else "tar"
    work = Creation(
        source,
        wanted.takes,
        follow=inputs.flag("follow_symlinks"),
        goes_on=inputs.flag("continue_on_error"),
    )
    work.run("" if is_dry else destination, kind, inputs.integer("compression_level", -1))
    record = GoRecord(
        destination=inputs.text("destination"),
        filesAdded=work.files,
        bytesArchived=work.bytes,
        duration="",
    )
    if work.errors:
        record["errors"] = list(work.errors)
    record["verifyPerformed"] = False
    return record


_OPERATIONS: dict[str, Callable[[Inputs, Filter], GoRecord]] = {
    "create": _create,
    "extract": _extract,
    "list": _list,
}
