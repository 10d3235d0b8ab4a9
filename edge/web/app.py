"""The dashboard as a Quart application: guards, static files, health, errors (spec 31).

Pages are in `pages_dags`, `pages_runs` and `pages_logs`. A traceback goes to the log, never to a
page.
"""

from __future__ import annotations

from quart import Response, g, jsonify, redirect, request, url_for
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException

from edge.core.clock import format_rfc3339
from edge.core.errors import EdgeError, NotFoundError, StoreError, UserError
from edge.web import pages_dags, pages_logs, pages_runs
from edge.web.context import WebContext
from edge.web.security import (
    CSRF_COOKIE,
    CSRF_FIELD,
    SECURITY_HEADERS,
    is_csrf_token,
    is_loopback_host,
    is_same_origin,
    new_csrf_token,
    same_token,
)
from edge.web.site import Site

__all__ = ["create_app"]

_MAX_FORM_BYTES = 1024 * 1024
_ERROR_WORDS = {
    400: "The request cannot be read",
    403: "Refused",
    404: "There is no such page",
    405: "This page does not take that method",
    413: "The request is too large",
    500: "Something went wrong in edge",
    503: "The store cannot be read",
}
_API_CODES = {400: "bad_request", 403: "forbidden", 404: "not_found", 413: "payload_too_large"}


def create_app(ctx: WebContext) -> QuartTrio:
    """Return the application. It opens nothing and starts no task."""
    app = QuartTrio("edge.web", static_folder=None, template_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = _MAX_FORM_BYTES
    site = Site(ctx)
    _guard(app)
    _plain_routes(app, site)
    pages_dags.add_routes(app, site)
    pages_runs.add_routes(app, site)
    pages_logs.add_routes(app, site)
    _errors(app, site)
    return app


def _guard(app: QuartTrio) -> None:
    @app.before_request
    async def check() -> Response | None:
        g.csrf = ""
        host = request.headers.get("Host", "")
        if host and not is_loopback_host(host):
            text = f"host {host}: only loopback names are answered; use localhost or 127.0.0.1\n"
            return Response(text, 403, content_type="text/plain; charset=utf-8")
        cookie = request.cookies.get(CSRF_COOKIE)
        g.csrf = cookie if is_csrf_token(cookie) else new_csrf_token()
        if request.method in ("GET", "HEAD", "OPTIONS") or _is_api():
            return None
        if not is_same_origin(
            host,
            request.scheme,
            request.headers.get("Origin"),
            request.headers.get("Sec-Fetch-Site"),
        ):
            raise RefusedError("This request does not come from a page of this server")
        form = await request.form
        if not same_token(cookie, form.get(CSRF_FIELD)):
            raise RefusedError("The form is out of date; go back, reload the page and try again")
        return None

    @app.after_request
    async def harden(response: Response) -> Response:
        for name, value in SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Cache-Control", "no-store")
        csrf = getattr(g, "csrf", "")
        if csrf and request.cookies.get(CSRF_COOKIE) != csrf and not _is_api():
            response.set_cookie(
                CSRF_COOKIE, csrf, httponly=True, samesite="Lax", path=request.root_path or "/"
            )
        return response


class RefusedError(UserError):
    """The request is refused."""


def _plain_routes(app: QuartTrio, site: Site) -> None:
    @app.get("/")
    @app.get("/dashboard")
    async def home() -> Response:
        return redirect(url_for("dags"), 302)  # type: ignore[return-value]

    @app.get("/static/<name>")
    async def static_file(name: str) -> Response:
        file = site.static.get(name)
        if file is None:
            raise NotFoundError(f"There is no file {name}")
        headers = {"ETag": f'"{file.digest}"', "Cache-Control": "public, max-age=31536000"}
        if request.headers.get("If-None-Match") == headers["ETag"]:
            return Response(b"", 304, headers)
        return Response(file.data, 200, headers, content_type=f"{file.mime}; charset=utf-8")

    @app.get("/api/v1/health")
    @app.get("/api/v2/health")
    async def health() -> Response:
        now_ms = site.now_ms()
        return jsonify(
            status="healthy",
            version=site.ctx.version,
            uptime=max(0, now_ms - site.ctx.started_ms) // 1000,
            timestamp=format_rfc3339(now_ms, site.zone),
        )


def _errors(app: QuartTrio, site: Site) -> None:
    def answer(code: int, message: str) -> Response:
        if _is_api():
            if code == 404:
                message = "not available in this version of edge yet"
            reply = jsonify(code=_API_CODES.get(code, "internal_error"), message=message)
            reply.status_code = code
            return reply
        html = site.render(
            "error.html", code=code, words=_ERROR_WORDS.get(code, "Error"), message=message
        )
        return Response(html, code, content_type="text/html; charset=utf-8")

    @app.errorhandler(HTTPException)
    async def http_error(error: HTTPException) -> Response:
        code = error.code or 500
        if code < 400:
            return error.get_response()  # type: ignore[return-value]
        message = "" if code in (404, 500) else error.description or ""
        reply = answer(code, message)
        if code == 405:
            valid = getattr(error, "valid_methods", None)
            reply.headers["Allow"] = ", ".join(sorted(valid or ["GET"]))
        return reply

    @app.errorhandler(EdgeError)
    async def edge_error(error: EdgeError) -> Response:
        if isinstance(error, NotFoundError):
            return answer(404, str(error))
        if isinstance(error, RefusedError):
            return answer(403, str(error))
        return answer(503 if isinstance(error, StoreError) else 400, str(error))

    @app.errorhandler(Exception)
    async def unexpected(error: Exception) -> Response:
        if site.ctx.log is not None:
            import traceback

            trace = "".join(traceback.format_exception(error))
            site.ctx.log.error("Page failed", path=request.path, error=repr(error), trace=trace)
        return answer(500, "The log of the server has the details.")


def _is_api() -> bool:
    return request.path == "/api" or request.path.startswith("/api/")
