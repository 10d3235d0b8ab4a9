"""`file.copy` and `file.move`: files, links and whole trees (spec 13 section 9). Blocking."""

from __future__ import annotations

import errno
import os
import stat

from edge.actions.base import ActionError
from edge.actions.files import make_parents, open_to_read, walk
from edge.actions.inprocess import check_stop, go_error
from edge.actions.inputs import Inputs
from edge.core.gojson import GoRecord

__all__ = ["copy", "move", "remove_tree"]

_CHUNK_BYTES = 1024 * 1024
_EXISTS_NO_DIRECTORY = "file copy: destination {} exists and is not a directory"


class _Copier:
    """Copies one tree and counts; a dry run counts only."""

    def __init__(self, *, overwrite: bool, follow: bool, dry_run: bool) -> None:
        self.files = self.directories = self.bytes = 0
        self._overwrite = overwrite
        self._follow = follow
        self._dry_run = dry_run
        #: directories whose modes are set when everything is in them
        self._modes: list[tuple[str, int]] = []

    def copy(self, source: str, destination: str) -> None:
        """Copy whatever `source` is. Raises: OSError, ActionError."""
        about = os.stat(source, follow_symlinks=self._follow)
        if not stat.S_ISDIR(about.st_mode):
            self._one(source, destination, about)
            return
        self._directory(destination, about)
        waiting: list[tuple[str, str, tuple[tuple[int, int], ...]]] = [
            (source, destination, ((about.st_dev, about.st_ino),))
        ]
        while waiting:
            source, destination, above = waiting.pop()
            with os.scandir(source) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
            for entry in found:
                check_stop()
                about = entry.stat(follow_symlinks=self._follow)
                target = os.path.join(destination, entry.name)
                if not stat.S_ISDIR(about.st_mode):
                    self._one(entry.path, target, about)
                    continue
                identity = (about.st_dev, about.st_ino)
                if identity in above:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), entry.path)
                self.directories += 1
                self._directory(target, about)
                waiting.append((entry.path, target, (*above, identity)))
        for path, mode in reversed(self._modes):
            os.chmod(path, mode)

    def _directory(self, path: str, about: os.stat_result) -> None:
        if os.path.lexists(path) and not os.path.isdir(path):
            raise ActionError(_EXISTS_NO_DIRECTORY.format(path))
        if self._dry_run:
            return
        if not os.path.isdir(path):
            os.mkdir(path, 0o700)
            self._modes.append((path, stat.S_IMODE(about.st_mode)))

    def _one(self, source: str, destination: str, about: os.stat_result) -> None:
        is_link = stat.S_ISLNK(about.st_mode)
        if not is_link and not stat.S_ISREG(about.st_mode):
            raise ActionError(f"{source}: special files cannot be copied")
        exists = os.path.lexists(destination)
        if exists and not self._overwrite:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), destination)
        if exists and os.path.isdir(destination) and not os.path.islink(destination):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), destination)
        self.files += 1
        if not is_link:
            self.bytes += about.st_size
        if self._dry_run:
            return
        if is_link:
            if exists:
                os.unlink(destination)
            os.symlink(os.readlink(source), destination)
        else:
            self.bytes += _copy_data(source, destination, about) - about.st_size


def _copy_data(source: str, destination: str, about: os.stat_result) -> int:
    """Copy one file's bytes and mode; a file that was not finished is removed again."""
    size = 0
    with open_to_read(source) as reader:
        # a pipe in the place of the file must not block us
        flags = os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC
        mode = stat.S_IMODE(about.st_mode)
        with open(os.open(destination, flags, mode & 0o700 | 0o200), "wb", buffering=0) as writer:
            target = os.fstat(writer.fileno())
            if (target.st_dev, target.st_ino) == (about.st_dev, about.st_ino):
                raise ActionError("source and destination are the same file")
            try:
                writer.truncate()
                while data := reader.read(_CHUNK_BYTES):
                    check_stop()
                    view = memoryview(data)
                    while view:
                        view = view[writer.write(view) :]
                    size += len(data)
                os.fchmod(writer.fileno(), mode)
            except BaseException:
                os.unlink(destination)
                raise
    return size


def copy(source: str, destination: str, inputs: Inputs) -> GoRecord:
    """Copy and return the result. Raises: ActionError."""
    what = f"file copy {source} to {destination}: "
    dry_run = inputs.flag("dry_run")
    copier = _Copier(
        overwrite=inputs.flag("overwrite"),
        follow=inputs.flag("follow_symlinks"),
        dry_run=dry_run,
    )
    try:
        about = os.stat(source, follow_symlinks=inputs.flag("follow_symlinks"))
    except OSError as exc:
        word = "stat" if inputs.flag("follow_symlinks") else "lstat"
        raise ActionError(what + go_error(word, exc, source)) from None
    if stat.S_ISDIR(about.st_mode):
        if not inputs.flag("recursive"):
            raise ActionError(f"{what}recursive is required to copy a directory")
        if _is_inside(destination, source):
            raise ActionError(f"{what}destination must not be inside source")
    try:
        if inputs.flag("create_dirs") and not dry_run:
            make_parents(destination)
        copier.copy(source, destination)
    except OSError as exc:
        side = "open source" if exc.filename == source else "open destination"
        raise ActionError(f"{what}{side}: {go_error('open', exc)}") from None
    except ActionError as exc:
        text = str(exc)
        raise ActionError(text if text.startswith("file copy: ") else what + text) from None
    record = GoRecord(
        source=source,
        destination=destination,
        files=copier.files,
        directories=copier.directories,
        bytes=copier.bytes,
    )
    if dry_run:
        record["dryRun"] = True
    record["copied"] = not dry_run
    return record


def _is_inside(path: str, folder: str) -> bool:
    real = os.path.realpath(folder)
    target = os.path.realpath(path)
    return target == real or target.startswith(real.rstrip("/") + "/")


def move(source: str, destination: str, inputs: Inputs) -> GoRecord:
    """Move and return the result; to another file system by copy and delete.

    Raises: ActionError.
    """
    what = f"file move {source} to {destination}: "
    record = GoRecord(source=source, destination=destination)
    try:
        is_dir = stat.S_ISDIR(os.lstat(source).st_mode)
    except OSError as exc:
        raise ActionError(what + go_error("lstat", exc, source)) from None
    exists = os.path.lexists(destination)
    if exists and not inputs.flag("overwrite"):
        raise ActionError(f"{what}destination exists")
    if is_dir and source != destination and _is_inside(destination, source):
        raise ActionError(f"{what}destination must not be inside source")
    if inputs.flag("dry_run"):
        record["dryRun"] = True
        record["moved"] = False
        return record
    try:
        if inputs.flag("create_dirs"):
            make_parents(destination)
        os.rename(source, destination)
    except OSError as exc:
        if exc.errno != errno.EXDEV:
            word = f"rename {source}"
            raise ActionError(what + go_error(word, exc, destination)) from None
        _move_over(source, destination, inputs, what=what, is_dir=is_dir, exists=exists)
    record["moved"] = True
    return record


def _move_over(
    source: str, destination: str, inputs: Inputs, *, what: str, is_dir: bool, exists: bool
) -> None:
    """Move to another file system."""
    if is_dir and not inputs.flag("recursive"):
        raise ActionError(f"{what}recursive is required to move a directory to another filesystem")
    if is_dir and exists:
        raise ActionError(f"{what}destination exists")
    try:
        _Copier(overwrite=True, follow=False, dry_run=False).copy(source, destination)
        if is_dir:
            remove_tree(source)
        else:
            os.unlink(source)
    except OSError as exc:
        raise ActionError(what + go_error("open", exc)) from None
    except ActionError as exc:
        raise ActionError(what + str(exc)) from None


def remove_tree(root: str) -> None:
    """Remove a directory and what is in it; links are removed, not followed. Raises: OSError."""
    directories = [root]
    for entry in walk(root, into=lambda entry: entry.is_dir(follow_symlinks=False)):
        if entry.is_dir(follow_symlinks=False):
            directories.append(entry.path)
        else:
            os.unlink(entry.path)
    # a directory comes before those in it
    for path in reversed(directories):
        check_stop()
        os.rmdir(path)
