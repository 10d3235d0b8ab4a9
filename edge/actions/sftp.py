"""`sftp.upload` and `sftp.download` (spec 13 section 5)."""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Callable, Iterator
from functools import partial
from typing import IO, TYPE_CHECKING

from edge.actions.base import ActionContext, ActionError, Outcome
from edge.actions.inprocess import (
    SET_UP,
    check_stop,
    go_error,
    in_thread,
    print_from_thread,
    run_in_process,
)
from edge.actions.inputs import Inputs
from edge.actions.ssh_session import SshSession, check_files, connect
from edge.actions.ssh_target import home_of, read_target, root_options

if TYPE_CHECKING:
    import paramiko

__all__ = ["run_sftp"]

_DIR_MODE = 0o755
_DEPTH_MAX = 100

Say = Callable[[str], None]


async def run_sftp(context: ActionContext) -> Outcome:
    """Copy a file or a directory over one connection."""
    return await run_in_process(context, _copy)


async def _copy(context: ActionContext, inputs: Inputs) -> None:
    for key in ("source", "destination"):
        if not inputs.text(key):
            raise ActionError(f"{SET_UP}{key} path is required for sftp step")
    root = root_options(context.dag.ssh, context.scope)
    target = read_target(inputs.values, root, home_of(context.scope))
    is_upload = inputs.text("direction", "upload") == "upload"
    if is_upload:
        move = partial(_upload, inputs.path("source"), inputs.text("destination"))
    else:
        move = partial(_download, inputs.text("source"), inputs.path("destination"))
    await in_thread(check_files, target)
    session = await connect(target)

    def say(line: str) -> None:
        data = f"{line}\n".encode("utf-8", "surrogateescape")
        print_from_thread(context.write_stdout, data)

    await in_thread(_with_client, session, move, say, interrupt=session.interrupt)


def _with_client(
    session: SshSession, move: Callable[[paramiko.SFTPClient, Say], None], say: Say
) -> None:
    import paramiko

    try:
        session.open()
        with session.client.open_sftp() as client:
            move(client, say)
    except (paramiko.SSHException, EOFError) as exc:
        raise ActionError(f"sftp: {exc or 'connection lost'}") from exc
    finally:
        session.close()


def _tick(done: int, total: int) -> None:
    check_stop()


# -- upload


def _upload(source: str, destination: str, client: paramiko.SFTPClient, say: Say) -> None:
    if not os.path.isdir(source):
        _put(source, destination, client, say)
        return
    for folder, _, names in os.walk(source):
        below = os.path.relpath(folder, source)
        remote = destination if below == "." else posixpath.join(destination, below)
        _make_remote(remote, client)
        for name in sorted(names):
            _put(os.path.join(folder, name), posixpath.join(remote, name), client, say)


def _open_binary(path: str) -> IO[bytes]:
    return open(path, "rb")


def _put(source: str, destination: str, client: paramiko.SFTPClient, say: Say) -> None:
    try:
        file = _open_binary(source)
    except OSError as exc:
        raise ActionError(f"failed to open local {go_error('open', exc, source)}") from exc
    with file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise ActionError(f"{source} is no regular file")
        _make_remote(posixpath.dirname(destination), client)
        part = f"{destination}.dagu-tmp-{os.urandom(8).hex()}"
        try:
            client.putfo(file, part, about.st_size, callback=_tick)
            client.chmod(part, stat.S_IMODE(about.st_mode))
            _replace_remote(part, destination, client)
        except OSError as exc:
            raise ActionError(f"failed to write remote {destination}: {_reason(exc)}") from exc
    say(f"Uploaded {source} ({about.st_size} bytes) to {destination}")


def _replace_remote(part: str, destination: str, client: paramiko.SFTPClient) -> None:
    try:
        client.remove(destination)
    except FileNotFoundError:
        pass
    client.rename(part, destination)


def _make_remote(path: str, client: paramiko.SFTPClient) -> None:
    """Make a remote directory and its parents."""
    missing = []
    while path not in ("", "/", "."):
        try:
            client.stat(path)
            break
        except FileNotFoundError:
            missing.append(path)
            path = posixpath.dirname(path)
    for folder in reversed(missing):
        try:
            client.mkdir(folder, _DIR_MODE)
        except OSError as exc:
            raise ActionError(f"failed to create remote {folder}: {_reason(exc)}") from exc


# -- download


def _download(source: str, destination: str, client: paramiko.SFTPClient, say: Say) -> None:
    try:
        about = client.stat(source)
    except OSError as exc:
        raise ActionError(f"failed to stat remote {source}: {_reason(exc)}") from exc
    if not stat.S_ISDIR(about.st_mode or 0):
        _get(source, destination, about.st_mode, client, say)
        return
    for remote, local, mode in _walk(source, destination, client):
        _get(remote, local, mode, client, say)


def _walk(
    source: str, destination: str, client: paramiko.SFTPClient
) -> Iterator[tuple[str, str, int | None]]:
    """Yield the files below a remote directory, and make the local directories."""
    pending = [(source, destination, 0)]
    while pending:
        remote, local, depth = pending.pop()
        check_stop()
        if depth > _DEPTH_MAX:
            raise ActionError(f"remote {remote} is nested too deeply")
        _make_local(local)
        for entry in sorted(client.listdir_attr(remote), key=lambda item: item.filename):
            name = entry.filename
            # a name is what the server says; none may lead out of the directory
            if "/" in name or name in ("", ".", ".."):
                raise ActionError(f'the server named a file "{name}"')
            inner, place = posixpath.join(remote, name), os.path.join(local, name)
            mode = entry.st_mode or 0
            if stat.S_ISLNK(mode):
                mode = client.stat(inner).st_mode or 0
            if stat.S_ISDIR(mode):
                pending.append((inner, place, depth + 1))
            elif stat.S_ISREG(mode):
                yield inner, place, mode


def _get(
    source: str, destination: str, mode: int | None, client: paramiko.SFTPClient, say: Say
) -> None:
    _make_local(os.path.dirname(destination))
    try:
        with open(destination, "wb") as file:
            size = client.getfo(source, file, callback=_tick)
            if mode is not None:
                os.fchmod(file.fileno(), stat.S_IMODE(mode))
    except OSError as exc:
        raise ActionError(f"failed to download {source}: {_reason(exc)}") from exc
    say(f"Downloaded {source} ({size} bytes) to {destination}")


def _make_local(path: str) -> None:
    try:
        os.makedirs(path, mode=_DIR_MODE, exist_ok=True)
    except OSError as exc:
        raise ActionError(go_error("mkdir", exc, path)) from exc


def _reason(exc: OSError) -> str:
    if isinstance(exc, FileNotFoundError):
        return "file does not exist"
    return (exc.strerror or str(exc)).lower()
