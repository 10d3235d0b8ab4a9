"""The run pages: the list with its filter, one run, the stop button (spec 31 section 11.2)."""

from __future__ import annotations

from quart import Response, request
from quart_trio import QuartTrio

from edge.core.errors import EdgeError, NotFoundError
from edge.core.ids import RunRef
from edge.core.record import RunRecord
from edge.core.status import RunStatus, display_status
from edge.store import RunFilter
from edge.web.runview import run_rows, run_values, seen_record, seen_summary
from edge.web.site import Site

__all__ = ["add_routes", "load_seen"]

_STEP, _MOST = 100, 500
_DAY_MS = 86_400_000
_RANGES = {"1": "last 24 hours", "7": "last 7 days", "30": "last 30 days", "": "all"}


def add_routes(app: QuartTrio, site: Site) -> None:
    """Add the routes under `/dag-runs`."""
    ctx = site.ctx

    @app.get("/dag-runs")
    async def runs() -> Response:
        name = request.args.get("name", "").strip()
        status = request.args.get("status", "")
        days = request.args.get("days", "")
        limit = _limit(request.args.get("limit", ""))
        return await site.page("runs.html", lambda: _list_values(site, name, status, days, limit))

    @app.get("/dag-runs/<name>/<run_id>")
    async def run_page(name: str, run_id: str) -> Response:
        child_id = request.args.get("subDAGRunId", "")
        return await site.page("run.html", lambda: _run_values(site, name, run_id, child_id))

    @app.post("/dag-runs/<name>/<run_id>/stop")
    async def run_stop(name: str, run_id: str) -> Response:
        record = await site.in_thread(lambda: load_seen(site, name, run_id))
        try:
            if not record.status.is_active:
                raise EdgeError(f"The run has ended already ({display_status(record.status.word)})")
            await ctx.control.stop(RunRef(record.name, record.run_id))
        except EdgeError as exc:
            message = str(exc)
            return await site.page(
                "run.html",
                lambda: _run_values(site, name, run_id) | {"message": message},
                status=400,
            )
        return site.see_other("run_page", name=name, run_id=run_id)


def load_seen(site: Site, name: str, run_id: str) -> RunRecord:
    """Return the run (`latest` = the newest one). Raises: NotFoundError."""
    store = site.ctx.store
    if run_id == "latest":
        record = store.latest_record(name)
    else:
        record = store.load_record(RunRef(name, run_id))
    if record is None:
        raise NotFoundError(f"There is no run {run_id} of {name}")
    return seen_record(site, record)


def _limit(text: str) -> int:
    return min(max(int(text), 1), _MOST) if text.isascii() and text.isdigit() else _STEP


def _list_values(site: Site, name: str, status: str, days: str, limit: int) -> dict[str, object]:
    chosen = [s for s in RunStatus if s.word == status]
    days = days if days in _RANGES else ""
    found = site.ctx.store.find_runs(
        RunFilter(
            name_contains=name,
            statuses=tuple(chosen),
            since_ms=site.now_ms() - int(days) * _DAY_MS if days else None,
            limit=limit + 1,
        )
    )
    rows = run_rows(site, [seen_summary(site, run) for run in found[:limit]])
    return {
        "rows": rows,
        "name": name,
        "status": chosen[0].word if chosen else "",
        "days": days,
        "ranges": _RANGES,
        "statuses": [(s.word, display_status(s.word)) for s in RunStatus],
        "more": min(limit + _STEP, _MOST) if len(found) > limit and limit < _MOST else 0,
        "is_active": any(row.is_active for row in rows),
    }


def _load_child(site: Site, name: str, run_id: str, child_id: str) -> RunRecord:
    """Return a run below a root run, at any depth. Raises: NotFoundError."""
    record = site.ctx.store.load_child(RunRef(name, run_id), child_id)
    if record is None:
        raise NotFoundError(f"There is no run {child_id} below the run {run_id} of {name}")
    return seen_record(site, record)


def _run_values(site: Site, name: str, run_id: str, child_id: str = "") -> dict[str, object]:
    if child_id:
        record = _load_child(site, name, run_id, child_id)
    else:
        record = load_seen(site, name, run_id)
    files = {
        entry.dag.name: entry.file_name
        for entry in site.ctx.catalog.entries()
        if entry.dag is not None
    }
    values = run_values(site, record)
    return values | {"message": "", "file_name": files.get(record.name, "")}
