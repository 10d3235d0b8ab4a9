"""Files as `file.*`, `artifact.*` and `archive.*` read, write and show them (spec 13 section 9).

Everything here blocks: call it inside `in_thread`. It ends at its next `check_stop` when the node
is stopped. Errors are OSError with the path, or ActionError.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from typing import BinaryIO

from edge.actions.base import ActionError
from edge.actions.inprocess import check_stop
from edge.core.gojson import GoRecord
from edge.workflow.globs import Glob

__all__ = [
    "CHUNK_BYTES",
    "facts",
    "file_type",
    "go_mode",
    "list_entries",
    "make_parents",
    "open_to_read",
    "read_chunks",
    "read_content",
    "rfc3339_ns",
    "walk",
    "write_file",
]

CHUNK_BYTES = 256 * 1024
#: a file shown inside JSON is held in memory as a whole
_CONTENT_MAX_BYTES = 64 * 1024 * 1024
_DIR_MODE = 0o750
_TYPES = ((stat.S_ISDIR, "directory"), (stat.S_ISLNK, "symlink"), (stat.S_ISREG, "file"))
_LETTERS: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISDIR, "d"),
    (stat.S_ISLNK, "L"),
    (stat.S_ISBLK, "D"),
    (stat.S_ISCHR, "Dc"),
    (stat.S_ISFIFO, "p"),
    (stat.S_ISSOCK, "S"),
)


def file_type(mode: int) -> str:
    """Return `file`, `directory`, `symlink` or `other`."""
    return next((name for is_type, name in _TYPES if is_type(mode)), "other")


def go_mode(mode: int) -> str:
    """Return a mode as Go prints it: `-rw-r--r--`, `drwxr-xr-x`, `Lrwxrwxrwx`."""
    letter = next((text for is_type, text in _LETTERS if is_type(mode)), "")
    bits = ((stat.S_ISUID, "u"), (stat.S_ISGID, "g"), (stat.S_ISVTX, "t"))
    special = "".join(text for bit, text in bits if mode & bit)
    head = letter + special
    if letter == "Dc":
        head = "D" + special[:2] + "c" + special[2:]
    rights = "".join(char if mode & (0o400 >> at) else "-" for at, char in enumerate("rwxrwxrwx"))
    return (head or "-") + rights


def rfc3339_ns(at_ns: int) -> str:
    """Return a time in UTC, its nanoseconds trimmed of zeros (spec 13 section 1.5)."""
    import datetime as dt

    whole, ns = divmod(at_ns, 1_000_000_000)
    try:
        base = dt.datetime.fromtimestamp(whole, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S")
    except (ValueError, OverflowError, OSError):
        # a file system may hold any number
        base, ns = "0001-01-01T00:00:00", 0
    fraction = f".{ns:09d}".rstrip("0").rstrip(".") if ns else ""
    return f"{base}{fraction}Z"


def facts(found: os.stat_result) -> GoRecord:
    """Return type, size, mode and time of a file."""
    return GoRecord(
        type=file_type(found.st_mode),
        size=found.st_size,
        mode=go_mode(found.st_mode),
        modTime=rfc3339_ns(found.st_mtime_ns),
    )


def make_parents(path: str) -> None:
    """Make the directory that a file will be in. Raises: OSError."""
    os.makedirs(os.path.dirname(path) or "/", mode=_DIR_MODE, exist_ok=True)


def write_file(path: str, data: bytes, *, mode: int, overwrite: bool, atomic: bool) -> None:
    """Write a file; readers of an atomic write see the old or the new one. Raises: OSError.

    Without `overwrite` an existing file is an error. `mode` is that of a new file.
    """
    if not overwrite:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            _fill(fd, data, mode)
        except BaseException:
            os.unlink(path)
            raise
        return
    if not atomic:
        try:
            fd = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return write_file(path, data, mode=mode, overwrite=False, atomic=False)
        return _fill(fd, data, None)
    folder, name = os.path.split(path)
    part = os.path.join(folder, f".{name[:200]}.{os.urandom(6).hex()}.tmp")
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        _fill(fd, data, mode)
        os.replace(part, path)
    except OSError as exc:
        os.unlink(part)
        raise OSError(exc.errno, exc.strerror, path) from None
    except BaseException:
        os.unlink(part)
        raise
    _sync_directory(folder)
    return None


def _fill(fd: int, data: bytes, mode: int | None) -> None:
    with open(fd, "wb", buffering=0) as file:
        if mode is not None:
            os.fchmod(file.fileno(), mode)
        view = memoryview(data)
        while view:
            check_stop()
            view = view[file.write(view[: 4 * CHUNK_BYTES]) :]
        os.fsync(file.fileno())


def _sync_directory(folder: str) -> None:
    fd = os.open(folder or "/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def open_to_read(path: str) -> BinaryIO:
    """Open a file; one that would block has no data instead. Raises: OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    return open(fd, "rb", buffering=0)


def read_chunks(path: str) -> Iterator[bytes]:
    """Yield a file's bytes. Raises: OSError."""
    with open_to_read(path) as file:
        while data := file.read(CHUNK_BYTES):
            yield data
            check_stop()


def read_content(path: str, max_bytes: int) -> bytes:
    """Return a file's bytes, no more than `max_bytes` (0 = a limit of ours). Raises: OSError."""
    limit = min(max_bytes or _CONTENT_MAX_BYTES, _CONTENT_MAX_BYTES)
    parts, size = [], 0
    for data in read_chunks(path):
        size += len(data)
        if size > limit:
            size = max(size, os.stat(path).st_size)
            raise ActionError(f"file size {size} exceeds max_bytes {limit}")
        parts.append(data)
    return b"".join(parts)


def walk(root: str, *, into: Callable[[os.DirEntry[str]], bool]) -> Iterator[os.DirEntry[str]]:
    """Yield every entry below a directory, a directory before what is in it. Raises: OSError.

    `into` says which entries to look into. Without recursion: a tree may be as deep as it likes.
    """
    waiting = [root]
    while waiting:
        check_stop()
        with os.scandir(waiting.pop()) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        yield from found
        waiting.extend(entry.path for entry in reversed(found) if into(entry))


def list_entries(
    folder: str, *, base: str, pattern: str, recursive: bool, include_dirs: bool
) -> list[GoRecord]:
    """Return the entries below `folder`, their paths relative to `base` and sorted by them.

    Links are shown and not followed. Raises: OSError, ValueError for a pattern.
    """
    glob = Glob(pattern) if pattern else None
    found: list[GoRecord] = []
    for entry in walk(folder, into=lambda entry: recursive and entry.is_dir(follow_symlinks=False)):
        name = os.path.relpath(entry.path, base)
        is_dir = entry.is_dir(follow_symlinks=False)
        if (is_dir and not include_dirs) or (glob is not None and not glob.matches(name)):
            continue
        try:
            about = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            # gone while we looked
            continue
        found.append(
            GoRecord(
                path=name,
                **facts(about),
                isDir=is_dir,
                isRegular=stat.S_ISREG(about.st_mode),
                isSymlink=stat.S_ISLNK(about.st_mode),
            )
        )
    found.sort(key=lambda record: str(record["path"]))
    return found
