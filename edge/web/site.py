"""What every page shares: templates, static files, the zone, and the way to the store.

Pages are built in a worker thread as a whole (read, lay out, render), because this process also
runs workflows: a long log on a slow board must not hold up its steps.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import zoneinfo
from collections.abc import Callable
from importlib import resources
from typing import Any, TypeVar

import jinja2
import trio
from quart import Response, g, request, url_for

from edge.scheduler.planner import FireCache
from edge.store.host import this_host
from edge.web.context import WebContext
from edge.web.present import ago, elapsed, moment
from edge.web.security import CSRF_FIELD

__all__ = ["Site", "StaticFile"]

T = TypeVar("T")

_MIME = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


class StaticFile:
    """One small file, held in memory (all assets together stay below 100 KiB)."""

    def __init__(self, name: str, data: bytes) -> None:
        self.data = data
        self.digest = hashlib.sha256(data).hexdigest()[:12]
        self.mime = _MIME.get(name[name.rfind(".") :], "application/octet-stream")


class Site:
    """Templates and data access for the page handlers."""

    def __init__(self, ctx: WebContext) -> None:
        self.ctx = ctx
        self.zone = _zone(ctx.settings.tz)
        self.fires = FireCache(self.zone)
        self.host = this_host()
        self.static = _load_static()
        self._threads = trio.CapacityLimiter(3)
        self._env = jinja2.Environment(
            loader=jinja2.PackageLoader("edge.web"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            cache_size=64,
        )
        self._env.globals.update(
            title=ctx.settings.navbar_title or "edge",
            version=ctx.version,
            static_digest={name: file.digest for name, file in self.static.items()},
            csrf_field=CSRF_FIELD,
        )
        self._env.filters["moment"] = lambda value: moment(value, self.zone)

    async def in_thread(self, build: Callable[[], T]) -> T:
        """Run a blocking `build` in a worker thread; at most three pages are built at a time."""
        return await trio.to_thread.run_sync(build, limiter=self._threads)

    async def page(
        self, template: str, build: Callable[[], dict[str, object]], *, status: int = 200
    ) -> Response:
        """Build the values in a thread, render, and answer; a fragment is answered by its ETag."""
        is_fragment = request.method == "GET" and request.args.get("fragment") == "1"
        base: dict[str, object] = {
            "base": request.root_path.rstrip("/"),
            "csrf": g.csrf,
            "layout": "fragment.html" if is_fragment else "page.html",
        }

        def whole() -> str:
            now_ms = self.ctx.clock.now_ms()
            helpers = {
                "ago": lambda value: ago(value, now_ms),
                "elapsed": lambda start, end: elapsed(start, end, now_ms),
            }
            return self._env.get_template(template).render(base | helpers | build())

        body = (await self.in_thread(whole)).encode()
        if is_fragment:
            etag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
            if request.headers.get("If-None-Match") == etag:
                return Response(b"", 304, {"ETag": etag})
            return Response(body, status, {"ETag": etag}, content_type="text/html; charset=utf-8")
        return Response(body, status, content_type="text/html; charset=utf-8")

    def render(self, template: str, **values: object) -> str:
        """Render a small page (errors) at once, without the store."""
        base: dict[str, object] = {
            "base": request.root_path.rstrip("/"),
            "csrf": getattr(g, "csrf", ""),
            "layout": "page.html",
        }
        return self._env.get_template(template).render(base | values)

    def now_ms(self) -> int:
        return self.ctx.clock.now_ms()

    def see_other(self, endpoint: str, **values: str) -> Response:
        """Answer a POST with 303 to the page that shows its result."""
        return Response(b"", 303, {"Location": url_for(endpoint, **dict[str, Any](values))})


def _zone(name: str) -> dt.tzinfo:
    """Return the zone of the settings, else of the process, else of the machine."""
    for candidate in (name, os.environ.get("TZ", "").removeprefix(":")):
        try:
            if candidate:
                return zoneinfo.ZoneInfo(candidate)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            continue
    try:
        with open("/etc/localtime", "rb") as file:
            return zoneinfo.ZoneInfo.from_file(file, key="Local")
    except (OSError, ValueError):
        return dt.UTC


def _load_static() -> dict[str, StaticFile]:
    root = resources.files("edge.web") / "static"
    return {
        entry.name: StaticFile(entry.name, entry.read_bytes())
        for entry in sorted(root.iterdir(), key=lambda e: e.name)
        if entry.is_file() and not entry.name.startswith((".", "_"))
    }
