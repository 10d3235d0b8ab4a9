"""What is special to SQLite: opening, pragmas, durability, error codes.

Everything that would change with another database engine is here or in `schema.sql`.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from pathlib import Path
from urllib.parse import quote

from edge.core.errors import EdgeError, StoreError, TransientError

__all__ = [
    "APPLICATION_ID",
    "connect",
    "create_file",
    "filesystem_type",
    "map_error",
    "map_os_error",
    "prepare_writer",
    "refuse_network_filesystem",
    "set_durable",
    "set_page_size",
    "sync_wal",
]

#: "edge" in the header of the file
APPLICATION_ID = 0x65646765
_BUSY_TIMEOUT_MS = 10_000
# A long WAL means that a page changed many times goes home once. 2,000 pages of 1 KB are 2 MB on
# disk, reused in place; the limit only cuts back a log that a slow reader made longer.
_CHECKPOINT_PAGES = 2000
_JOURNAL_LIMIT_BYTES = 8 << 20
_CACHE_KB = 512

#: WAL needs shared memory and working locks between all processes; these do not give them
_NETWORK_TYPES = frozenset(
    (
        "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre",
        "beegfs", "davfs", "gfs2", "ocfs2", "ncpfs",
    )
)  # fmt: skip
_NETWORK_FUSE = ("sshfs", "gluster", "s3fs", "rclone", "ceph", "smb", "nfs", "dav", "goofys")


def connect(path: Path, mode: str, *, immutable: bool = False) -> sqlite3.Connection:
    """Open a connection in `mode` ro or rw; the caller closes it.

    An immutable connection takes no locks and makes no files beside the database.
    """
    uri = f"file:{quote(str(path))}?mode={mode}" + ("&immutable=1" if immutable else "")
    conn = sqlite3.connect(
        uri, uri=True, isolation_level=None, check_same_thread=False, cached_statements=64
    )
    try:
        conn.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
        conn.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
        if mode == "ro":
            conn.execute("PRAGMA query_only = ON")
    except BaseException:
        conn.close()
        raise
    return conn


def set_page_size(conn: sqlite3.Connection, page_size: int) -> None:
    """Choose the page size of a file that is still empty."""
    conn.execute(f"PRAGMA page_size = {page_size}")


def prepare_writer(conn: sqlite3.Connection) -> None:
    """Set what a writing connection needs, once the schema is there.

    The schema is created before the log exists: that writes its pages once instead of twice.
    """
    _turn_on_wal(conn)
    conn.execute("PRAGMA synchronous = NORMAL")
    conn.execute("PRAGMA temp_store = MEMORY")
    conn.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
    conn.execute(f"PRAGMA journal_size_limit = {_JOURNAL_LIMIT_BYTES}")


def _turn_on_wal(conn: sqlite3.Connection) -> None:
    """Turn the log on; waits for others that do it in the same moment.

    SQLite does not wait here by itself: it says at once that the database is busy when another
    connection holds the old form open. Raises: sqlite3.Error after the usual time.
    """
    limit = time.monotonic() + _BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            conn.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as exc:
            code = (getattr(exc, "sqlite_errorcode", None) or 0) & 0xFF
            if code != sqlite3.SQLITE_BUSY or time.monotonic() > limit:
                raise
        time.sleep(0.005)


def set_durable(conn: sqlite3.Connection, durable: bool) -> None:
    """Choose whether the next commit is synced; not possible inside a transaction."""
    conn.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")


def sync_wal(path: Path) -> None:
    """Make every commit so far durable, as `synchronous=FULL` would have.

    Closing this descriptor is safe: SQLite holds no POSIX lock on the log.
    """
    for name in (f"{path}-wal", str(path.parent)):
        fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def create_file(path: Path) -> bool:
    """Make sure that the file exists and is the owner's alone; tell whether it is new.

    An existing file is never opened here: closing it would drop SQLite's locks in this process.
    The log and the shared memory file take the mode of the database.
    """
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        if path.is_dir():
            raise StoreError(
                f"{path}: is a directory", hint="move it away or set another data directory"
            ) from None
        if path.stat().st_mode & 0o077:
            os.chmod(path, 0o600)
        return False
    os.fchmod(fd, 0o600)
    os.close(fd)
    return True


def filesystem_type(path: Path, mountinfo: str) -> str:
    """Return the type of the file system that holds an absolute path."""
    best, found = -1, ""
    for line in mountinfo.splitlines():
        head, dash, tail = line.partition(" - ")
        fields = head.split(" ")
        if not dash or len(fields) < 5:
            continue
        point = fields[4]
        for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
            point = point.replace(code, char)
        # Of two mounts on one point the later line is the visible one.
        if len(point) >= best and path.is_relative_to(point):
            best, found = len(point), tail.split(" ")[0]
    return found


def refuse_network_filesystem(path: Path, mountinfo: str | None = None) -> None:
    """Raise StoreError when the directory of `path` is on a network file system."""
    if mountinfo is None:
        try:
            with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
                mountinfo = file.read()
        except OSError:
            return
    kind = filesystem_type(path.parent.resolve(), mountinfo)
    fuse = kind.removeprefix("fuse.") if kind.startswith("fuse.") else ""
    if kind in _NETWORK_TYPES or any(name in fuse for name in _NETWORK_FUSE):
        raise StoreError(
            f"{path}: the data directory is on a network file system ({kind})",
            hint="set data_dir to a directory on a local disk",
        )


def map_error(exc: sqlite3.Error, path: Path) -> EdgeError:
    """Return the error of ours for an error of SQLite: one line with the path and what to do."""
    code = (getattr(exc, "sqlite_errorcode", None) or 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return StoreError(f"{path}: the disk is full", hint="free some space and try again")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return TransientError(
            f"{path}: another process has held the database for {_BUSY_TIMEOUT_MS // 1000} s",
            hint="try again, or find and stop that process",
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return StoreError(
            f"{path}: the database cannot be written (read-only)",
            hint="make the file and its directory writable for this user",
        )
    if code == sqlite3.SQLITE_CANTOPEN:
        return StoreError(
            f"{path}: the database cannot be opened",
            hint="check that the file and its directory are readable and writable for this user",
        )
    if code == sqlite3.SQLITE_NOTADB:
        return StoreError(
            f"{path}: not a database", hint="move the file away or set another data directory"
        )
    if code == sqlite3.SQLITE_CORRUPT:
        return StoreError(
            f"{path}: the database is damaged ({exc})", hint="restore a copy or move it away"
        )
    if code == sqlite3.SQLITE_IOERR:
        return StoreError(
            f"{path}: reading or writing the database failed ({exc})",
            hint="check the disk and its free space",
        )
    return StoreError(f"{path}: the database refused a statement ({exc})")


def map_os_error(exc: OSError, path: Path) -> StoreError:
    """Return the error of ours for a failed system call on the file or its directory."""
    if exc.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreError(f"{path}: the disk is full", hint="free some space and try again")
    reason = os.strerror(exc.errno).lower() if exc.errno else str(exc)
    return StoreError(
        f"{path}: the database cannot be created or opened ({reason})",
        hint="make its directory writable for this user or set another data directory",
    )
