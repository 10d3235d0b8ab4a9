"""Puts a file or a tree into an archive (spec 13 section 8). Blocking."""

from __future__ import annotations

import os
import stat
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator
from typing import IO

from edge.actions.archive_formats import Code
from edge.actions.base import ActionError
from edge.actions.files import CHUNK_BYTES, open_to_read
from edge.actions.inprocess import check_stop, go_error

__all__ = ["Creation"]

_MAX_ERRORS = 1000
#: zip knows no earlier time
_DOS_EPOCH = (1980, 1, 1, 0, 0, 0)


class Creation:
    """One new archive and its counts; directories are entries."""

    def __init__(
        self, source: str, takes: Callable[[str], bool], *, follow: bool, goes_on: bool
    ) -> None:
        self.files = self.bytes = 0
        self.errors: list[str] = []
        self._source = source
        self._takes = takes
        self._follow = follow
        self._goes_on = goes_on
        self._skip: tuple[int, int] | None = None

    def run(self, destination: str, kind: str, level: int) -> None:
        """Write the archive; "" = a dry run. A half-written one never stays.

        Raises: ActionError.
        """
        if not destination:
            for path, name, about in self._entries():
                self._count(path, name, about, None)
            return
        part = f"{destination}.{os.urandom(6).hex()}.tmp"
        try:
            os.makedirs(os.path.dirname(destination), mode=0o755, exist_ok=True)
            with open(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644), "wb") as file:
                about = os.fstat(file.fileno())
                self._skip = (about.st_dev, about.st_ino)
                self._fill(file, kind, level)
            os.replace(part, destination)
        except OSError as exc:
            _remove(part)
            text = go_error("open", exc, destination if exc.filename in (None, part) else "")
            raise ActionError(f"archive: creation failed: {text}", Code.CREATION) from None
        except BaseException:
            _remove(part)
            raise

    def _fill(self, file: IO[bytes], kind: str, level: int) -> None:
        writer = _ZipWriter(file) if kind == "zip" else _TarWriter(file, kind, level)
        for path, name, about in self._entries():
            self._count(path, name, about, writer)
        writer.close()

    def _count(
        self, path: str, name: str, about: os.stat_result, writer: _ZipWriter | _TarWriter | None
    ) -> None:
        check_stop()
        try:
            if writer is not None:
                writer.add(path, name, about)
        except (OSError, ValueError) as exc:
            reason = go_error("open", exc, path) if isinstance(exc, OSError) else f"{path}: {exc}"
            text = f"archive: creation failed: {reason}"
            if not self._goes_on:
                raise ActionError(text, Code.CREATION) from None
            if len(self.errors) < _MAX_ERRORS:
                self.errors.append(text)
            return
        self.files += 1
        self.bytes += about.st_size

    def _entries(self) -> Iterator[tuple[str, str, os.stat_result]]:
        """Yield path, name in the archive and facts, a directory before what is in it."""
        base = os.path.basename(self._source) or "root"
        waiting: list[tuple[str, str, tuple[tuple[int, int], ...]]] = [(self._source, base, ())]
        while waiting:
            check_stop()
            path, name, above = waiting.pop()
            try:
                about = os.stat(path, follow_symlinks=self._follow)
            except OSError as exc:
                text = f"archive: creation failed: {go_error('stat', exc, path)}"
                if not self._goes_on:
                    raise ActionError(text, Code.CREATION) from None
                self.errors.append(text)
                continue
            identity = (about.st_dev, about.st_ino)
            if identity == self._skip or identity in above:
                # the archive itself, or a circle of links
                continue
            is_dir = stat.S_ISDIR(about.st_mode)
            if self._takes(name) or (is_dir and not above):
                if is_dir or stat.S_ISREG(about.st_mode) or stat.S_ISLNK(about.st_mode):
                    yield path, name, about
            if is_dir:
                names = sorted(os.listdir(path), reverse=True)
                inner = (*above, identity)
                waiting += [(f"{path}/{item}", f"{name}/{item}", inner) for item in names]


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass


class _TarWriter:
    def __init__(self, file: IO[bytes], kind: str, level: int) -> None:
        options: dict[str, object] = {}
        mode = {"tar": "w:", "tar.gz": "w:gz", "tar.bz2": "w:bz2", "tar.xz": "w:xz"}[kind]
        if kind == "tar.gz":
            options["compresslevel"] = level if 0 <= level <= 9 else 6
        elif kind == "tar.bz2":
            options["compresslevel"] = level if 1 <= level <= 9 else 9
        # closed by `close`; no overload of typeshed takes a mode that is not literal
        self._tar = tarfile.open(fileobj=file, mode=mode, **options)  # type: ignore[call-overload]  # noqa: SIM115

    def add(self, path: str, name: str, about: os.stat_result) -> None:
        info = tarfile.TarInfo(name)
        info.mode = stat.S_IMODE(about.st_mode)
        info.mtime = int(about.st_mtime)
        info.uid, info.gid = about.st_uid, about.st_gid
        if stat.S_ISDIR(about.st_mode):
            info.type = tarfile.DIRTYPE
            self._tar.addfile(info)
        elif stat.S_ISLNK(about.st_mode):
            info.type = tarfile.SYMTYPE
            info.linkname = os.readlink(path)
            self._tar.addfile(info)
        else:
            info.size = about.st_size
            with open_to_read(path) as file:
                self._tar.addfile(info, _Checked(file))

    def close(self) -> None:
        self._tar.close()


class _Checked:
    """A file that ends the work at its next read when the node was stopped."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, size: int) -> bytes:
        check_stop()
        return self._file.read(size)


class _ZipWriter:
    def __init__(self, file: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED)

    def add(self, path: str, name: str, about: os.stat_result) -> None:
        is_dir = stat.S_ISDIR(about.st_mode)
        date = time.localtime(max(about.st_mtime, 0))[:6]
        info = zipfile.ZipInfo(name + "/" * is_dir, max(date, _DOS_EPOCH))
        info.external_attr = (about.st_mode & 0xFFFF) << 16 | (0x10 if is_dir else 0)
        info.compress_type = zipfile.ZIP_DEFLATED
        if is_dir:
            self._zip.writestr(info, b"")
        elif stat.S_ISLNK(about.st_mode):
            self._zip.writestr(info, os.fsencode(os.readlink(path)))
        else:
            with open_to_read(path) as file, self._zip.open(info, "w") as target:
                while data := file.read(CHUNK_BYTES):
                    check_stop()
                    target.write(data)

    def close(self) -> None:
        self._zip.close()
