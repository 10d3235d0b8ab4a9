"""Takes an archive apart without leaving the destination (spec 13 section 8). Blocking."""

from __future__ import annotations

import os
from collections.abc import Callable

from edge.actions.archive_entries import BROKEN, Entry, Reader
from edge.actions.archive_formats import Code
from edge.actions.base import ActionError
from edge.actions.files import CHUNK_BYTES
from edge.actions.inprocess import check_stop, go_error

__all__ = ["Extraction"]

_MAX_ERRORS = 1000


class Extraction:
    """One extraction and its counts; a directory is no file."""

    def __init__(
        self,
        destination: str,
        takes: Callable[[str], bool],
        *,
        overwrite: bool,
        preserve_paths: bool,
        strip: int,
        dry_run: bool,
        goes_on: bool,
    ) -> None:
        self.files = self.bytes = self.skipped = 0
        self.errors: list[str] = []
        self._destination = destination
        self._takes = takes
        self._overwrite = overwrite
        self._preserve_paths = preserve_paths
        self._strip = strip
        self._dry_run = dry_run
        self._goes_on = goes_on
        #: directories whose modes are set when everything is in them
        self._modes: list[tuple[str, int]] = []

    def run(self, reader: Reader) -> None:
        """Extract. Raises: ActionError with the exit code of what is wrong."""
        try:
            if not self._dry_run:
                os.makedirs(self._destination, mode=0o755, exist_ok=True)
        except OSError as exc:
            text = go_error("mkdir", exc, self._destination)
            raise ActionError(f"archive: destination error: {text}", Code.DESTINATION) from None
        try:
            for entry in reader.entries():
                check_stop()
                self._entry(reader, entry)
        except BROKEN as exc:
            raise ActionError(f"archive: extraction failed: {exc}", Code.EXTRACTION) from None
        for path, mode in reversed(self._modes):
            os.chmod(path, mode)

    def _entry(self, reader: Reader, entry: Entry) -> None:
        prefix = f"archive: extraction failed: handling file: {entry.name}: "
        try:
            self._take(reader, entry)
            return
        except ActionError as exc:
            error = ActionError(prefix + str(exc), exc.code or Code.EXTRACTION)
        except OSError as exc:
            error = ActionError(prefix + go_error("open", exc), Code.EXTRACTION)
        if not self._goes_on:
            raise error
        if len(self.errors) < _MAX_ERRORS:
            self.errors.append(str(error))

    def _take(self, reader: Reader, entry: Entry) -> None:
        name = entry.name.replace("\\", "/") if "/" not in entry.name else entry.name
        if name.startswith("/") or ".." in name.split("/") or "\0" in name:
            raise ActionError(f'path "{entry.name}" escapes destination')
        parts = [part for part in name.split("/") if part not in ("", ".")][self._strip :]
        if not parts or not self._takes("/".join(parts)):
            self.skipped += not entry.is_dir
            return
        if not self._preserve_paths:
            if entry.is_dir:
                return
            parts = parts[-1:]
        path = os.path.join(self._destination, *parts)
        self._stay_inside(os.path.dirname(path), entry.name)
        if entry.is_dir:
            self._directory(path, entry)
            return
        if not (entry.is_file or entry.is_link):
            self.skipped += 1
            return
        if entry.is_link or entry.is_hard:
            self._check_link(path, entry)
        exists = os.path.lexists(path)
        if exists and not self._overwrite:
            raise ActionError(
                f'archive: destination error: destination "{path}" exists (overwrite disabled)',
                Code.DESTINATION,
            )
        self.files += 1
        self.bytes += 0 if entry.is_link or entry.is_hard else entry.size
        if not self._dry_run:
            os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
            if exists:
                os.unlink(path)
            self._write(reader, entry, path)

    def _stay_inside(self, folder: str, name: str) -> None:
        """Refuse a path that a link, of the archive or there before, leads out."""
        root, real = os.path.realpath(self._destination), os.path.realpath(folder)
        if real != root and not real.startswith(root.rstrip("/") + "/"):
            raise ActionError(f'path "{name}" escapes destination')

    def _check_link(self, path: str, entry: Entry) -> None:
        start = self._destination if entry.is_hard else os.path.dirname(path)
        target = os.path.normpath(os.path.join(start, entry.link))
        root = self._destination.rstrip("/") + "/"
        if not entry.link or os.path.isabs(entry.link) or not (target + "/").startswith(root):
            raise ActionError(f'link target "{entry.link}" escapes destination')
        self._stay_inside(os.path.dirname(target), entry.name)

    def _directory(self, path: str, entry: Entry) -> None:
        if self._dry_run:
            return
        if os.path.islink(path):
            self._stay_inside(path, entry.name)
        os.makedirs(path, mode=0o755, exist_ok=True)
        self._modes.append((path, entry.mode & 0o777 or 0o755))

    def _write(self, reader: Reader, entry: Entry, path: str) -> None:
        if entry.is_link:
            os.symlink(entry.link, path)
            return
        if entry.is_hard:
            source = os.path.normpath(os.path.join(self._destination, entry.link))
            self._stay_inside(source, entry.name)
            os.link(source, path, follow_symlinks=False)
            return
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(path, flags, 0o600), "wb", buffering=0) as target:
            try:
                with reader.open(entry) as file:
                    while data := file.read(CHUNK_BYTES):
                        check_stop()
                        view = memoryview(data)
                        while view:
                            view = view[target.write(view) :]
                os.fchmod(target.fileno(), entry.mode & 0o777)
            except BaseException:
                os.unlink(path)
                raise
        try:
            os.utime(path, (entry.mtime, entry.mtime))
        except (OverflowError, ValueError):
            # a time that no file can have is not worth a failure
            pass
