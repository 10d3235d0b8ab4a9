"""Log views: tail, head and page of the scheduler log and of step logs, and the download.

Spec 31 sections 4.2 and 11.2. The tail page asks for its fragment every two seconds while the step
is active; an unchanged log answers 304.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import trio
from quart import Response, request
from quart.wrappers.response import ResponseBody
from quart_trio import QuartTrio

from edge.core.errors import NotFoundError
from edge.core.ids import safe_name
from edge.core.record import NodeRecord, RunRecord
from edge.web.logview import DEFAULT_LINES, MAX_LINES, LogWindow, open_log, read_window
from edge.web.pages_runs import load_seen
from edge.web.present import badge
from edge.web.site import Site

__all__ = ["add_routes"]

_SIZES = (100, 500, 1000, 5000, 10_000)
_TAIL_LINES = 500
_CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class _View:
    """What of a log is asked for."""

    mode: str
    lines: int
    offset: int
    stream: str


@dataclass(frozen=True, slots=True)
class _Target:
    """A log that exists by the record: whose it is, where, and whether it may still grow."""

    record: RunRecord
    node: NodeRecord | None
    step: str
    path: str
    streams: tuple[str, ...]
    is_active: bool


def add_routes(app: QuartTrio, site: Site) -> None:
    """Add the routes of log views and downloads."""

    @app.get("/dag-runs/<name>/<run_id>/log")
    async def run_log(name: str, run_id: str) -> Response:
        view = _view()
        return await site.page("log.html", lambda: _values(_run_log(site, name, run_id), view))

    @app.get("/dag-runs/<name>/<run_id>/steps/<path:step>/log")
    async def step_log(name: str, run_id: str, step: str) -> Response:
        view = _view()
        return await site.page(
            "log.html", lambda: _values(_step_log(site, name, run_id, step, view.stream), view)
        )

    @app.get("/dag-runs/<name>/<run_id>/log/download")
    async def run_log_download(name: str, run_id: str) -> Response:
        return await _download(site, await site.in_thread(lambda: _run_log(site, name, run_id)), "")

    @app.get("/dag-runs/<name>/<run_id>/steps/<path:step>/log/download")
    async def step_log_download(name: str, run_id: str, step: str) -> Response:
        stream = _view().stream
        found = await site.in_thread(lambda: _step_log(site, name, run_id, step, stream))
        return await _download(site, found, stream)


def _view() -> _View:
    def number(key: str) -> int:
        text = request.args.get(key, "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0

    mode = request.args.get("mode", "tail")
    mode = mode if mode in ("tail", "head", "page") else "tail"
    lines = min(number("lines"), MAX_LINES)
    lines = lines or (_TAIL_LINES if mode == "tail" else DEFAULT_LINES)
    stream = "stderr" if request.args.get("stream") == "stderr" else "stdout"
    return _View(mode, lines, max(1, number("offset")), stream)


def _run_log(site: Site, name: str, run_id: str) -> _Target:
    record = load_seen(site, name, run_id)
    path = _allowed(site, record, record.log)
    return _Target(record, None, "", path, (), record.status.is_active)


def _step_log(site: Site, name: str, run_id: str, step: str, stream: str) -> _Target:
    record = load_seen(site, name, run_id)
    for key, node in record.all_nodes():
        if step in (key, node.name):
            break
    else:
        raise NotFoundError(f"The run has no step {step}")
    path = _allowed(site, record, node.stderr if stream == "stderr" else node.stdout)
    streams = ("stdout",) if node.stdout == node.stderr else ("stdout", "stderr")
    active = record.status.is_active and not node.status.is_done
    return _Target(record, node, node.name or step, path, streams, active)


def _allowed(site: Site, record: RunRecord, path: str) -> str:
    """Return the path when it may be read.

    The record of a remote run is written by its worker, so its paths are a stranger's words: only
    what lies in the log directory is shown. Raises: NotFoundError.
    """
    if not path or record.worker_id in ("", "local"):
        return path
    root = os.path.realpath(site.ctx.settings.paths.log_dir)
    if os.path.commonpath([root, os.path.realpath(path)]) != root:
        raise NotFoundError(f"The log {path} lies outside the log directory of this server")
    return path


def _values(target: _Target, view: _View) -> dict[str, object]:
    problem, window = "", LogWindow()
    try:
        if view.mode == "tail":
            window = read_window(target.path, tail=view.lines)
        elif view.mode == "head":
            window = read_window(target.path, head=view.lines)
        else:
            window = read_window(target.path, offset=view.offset, limit=view.lines)
    except OSError as exc:
        problem = f"{target.path}: {exc.strerror or exc}"
    return {
        "run": target.record,
        "step": target.step,
        "badge": badge(target.node.status if target.node else target.record.status),
        "path": target.path,
        "streams": target.streams,
        "view": view,
        "sizes": _SIZES,
        "window": window,
        "problem": problem,
        "is_active": target.is_active and view.mode == "tail",
        "next_offset": view.offset + len(window.lines) if window.has_more and window.lines else 0,
        "previous_offset": max(1, view.offset - view.lines) if view.offset > 1 else 0,
    }


class _LogBody(ResponseBody):
    """A file as it was when the download began, in chunks; later growth is left out."""

    def __init__(self, file: BinaryIO | None, size: int) -> None:
        self._file = file
        self._at, self._size = 0, size

    async def __aenter__(self) -> _LogBody:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()

    def __aiter__(self) -> _LogBody:
        return self

    async def __anext__(self) -> bytes:
        if self._file is None or self._at >= self._size:
            raise StopAsyncIteration
        wanted = min(_CHUNK_BYTES, self._size - self._at)
        chunk = await trio.to_thread.run_sync(os.pread, self._file.fileno(), wanted, self._at)
        if not chunk:
            raise StopAsyncIteration
        self._at += len(chunk)
        return chunk


async def _download(site: Site, target: _Target, stream: str) -> Response:
    """Answer with the bytes as they are, as an attachment."""
    try:
        file = await site.in_thread(lambda: open_log(target.path) if target.path else None)
    except OSError as exc:
        raise NotFoundError(f"{target.path}: {exc.strerror or exc}") from exc
    size = os.fstat(file.fileno()).st_size if file else 0
    suffix = Path(target.path).suffix or ".log"
    parts = [target.record.name, target.step, stream, target.record.run_id[:8]]
    name = ".".join(safe_name(part) for part in parts if part) + suffix
    response = Response(b"", 200, content_type="text/plain; charset=utf-8")
    response.response = _LogBody(file, size)
    response.content_length = size
    response.timeout = None  # a long file over a slow line; a stalled client is ended by `serve`
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
