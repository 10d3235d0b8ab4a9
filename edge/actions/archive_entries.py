"""The entries of a tar or zip file, one after another (spec 13 section 8). Blocking."""

from __future__ import annotations

import lzma
import stat
import tarfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import IO, Literal, Protocol

__all__ = ["BROKEN", "Entry", "Reader", "open_reader"]

_DOS_EPOCH = (1980, 0, 0, 0, 0, 0)
_MAX_LINK_BYTES = 4096


#: what the readers raise for a file that cannot be read or is damaged
BROKEN = (
    OSError,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


class Entry:
    """One entry; `mode` has its type, `link` what a link names. `is_hard`: another entry's name."""

    __slots__ = ("is_hard", "link", "mode", "mtime", "name", "raw", "size")

    def __init__(
        self,
        name: str,
        *,
        mode: int,
        size: int,
        mtime: float,
        raw: object,
        link: str = "",
        is_hard: bool = False,
    ) -> None:
        self.name = name
        self.mode = mode
        self.size = size
        self.mtime = mtime
        self.raw = raw
        self.link = link
        self.is_hard = is_hard

    @property
    def is_dir(self) -> bool:
        return stat.S_ISDIR(self.mode)

    @property
    def is_link(self) -> bool:
        return stat.S_ISLNK(self.mode)

    @property
    def is_file(self) -> bool:
        return stat.S_ISREG(self.mode)


class Reader(Protocol):
    """An open archive."""

    def entries(self) -> Iterator[Entry]:
        """Yield the entries in their order."""
        ...

    def open(self, entry: Entry) -> AbstractContextManager[IO[bytes]]:
        """Open a file's bytes."""
        ...

    def close(self) -> None: ...


def open_reader(path: str, kind: str) -> Reader:
    """Open an archive to read. Raises: OSError, one of BROKEN."""
    return _Zip(path) if kind == "zip" else _Tar(path, kind)


_TAR_MODES: dict[str, Literal["r:", "r:gz", "r:bz2", "r:xz"]] = {
    "tar": "r:",
    "tar.gz": "r:gz",
    "tar.bz2": "r:bz2",
    "tar.xz": "r:xz",
}


class _Tar:
    def __init__(self, path: str, kind: str) -> None:
        # closed by `close`, with the reader
        self._file = tarfile.open(path, _TAR_MODES[kind], errorlevel=2)  # noqa: SIM115

    def entries(self) -> Iterator[Entry]:
        for info in self._file:
            kind = stat.S_IFREG
            if info.isdir():
                kind = stat.S_IFDIR
            elif info.issym():
                kind = stat.S_IFLNK
            elif not info.isreg() and not info.islnk():
                kind = stat.S_IFIFO
            yield Entry(
                info.name,
                mode=kind | (info.mode & 0o7777),
                size=info.size,
                mtime=info.mtime,
                raw=info,
                link=info.linkname,
                is_hard=info.islnk(),
            )

    def open(self, entry: Entry) -> AbstractContextManager[IO[bytes]]:
        assert isinstance(entry.raw, tarfile.TarInfo)
        file: AbstractContextManager[IO[bytes]] | None = self._file.extractfile(entry.raw)
        assert file is not None
        return file

    def close(self) -> None:
        self._file.close()


class _Zip:
    def __init__(self, path: str) -> None:
        self._file = zipfile.ZipFile(path)

    def entries(self) -> Iterator[Entry]:
        for info in self._file.infolist():
            mode = info.external_attr >> 16
            if not stat.S_IFMT(mode):
                mode |= stat.S_IFDIR | 0o755 if info.is_dir() else stat.S_IFREG
                mode |= 0o644 if not info.is_dir() and not mode & 0o777 else 0
            link = ""
            if stat.S_ISLNK(mode) and info.file_size <= _MAX_LINK_BYTES:
                link = self._file.read(info).decode("utf-8", "surrogateescape")
            date = info.date_time if info.date_time > _DOS_EPOCH else (1980, 1, 1, 0, 0, 0)
            try:
                mtime = time.mktime((*date, 0, 0, -1))
            except (ValueError, OverflowError):
                mtime = 0.0
            yield Entry(
                info.filename, mode=mode, size=info.file_size, mtime=mtime, raw=info, link=link
            )

    def open(self, entry: Entry) -> AbstractContextManager[IO[bytes]]:
        assert isinstance(entry.raw, zipfile.ZipInfo)
        return self._file.open(entry.raw)

    def close(self) -> None:
        self._file.close()
