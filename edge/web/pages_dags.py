"""The DAG pages: the list, one DAG with its start form, its file (spec 31 section 11.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quart import Response, redirect, request, url_for
from quart_trio import QuartTrio

from edge.core.clock import to_ms
from edge.core.errors import EdgeError, NotFoundError
from edge.core.ids import check_run_id
from edge.core.status import RunStatus
from edge.store import RunFilter
from edge.web import present
from edge.web.runview import run_rows, run_values, seen_record, seen_summary
from edge.web.site import Site
from edge.web.start_form import fields_of, has_free_text, params_text

if TYPE_CHECKING:
    from edge.scheduler.catalog import CatalogEntry
    from edge.store import RunSummary
    from edge.web.context import WorkerRow
    from edge.workflow.model import DAG

__all__ = ["add_routes"]

_HISTORY_RUNS = 20


@dataclass(frozen=True, slots=True)
class DagRow:
    """One line of the list."""

    file_name: str
    name: str
    group: str
    description: str
    labels: tuple[str, ...]
    error: str
    suspended: bool
    is_shadowed: bool
    has_params: bool
    schedules: tuple[str, ...]
    next_ms: int | None
    latest: RunSummary | None
    badge: present.Badge | None
    can_start: bool


def add_routes(app: QuartTrio, site: Site) -> None:
    """Add the routes under `/dags`."""
    ctx = site.ctx

    @app.get("/dags")
    async def dags() -> Response:
        await ctx.catalog.refresh()
        # The coordinator's table belongs to the event loop; the store is read in a thread.
        workers = list(ctx.workers())
        return await site.page("dags.html", lambda: _list_values(site, workers))

    @app.get("/dags/<file_name>")
    async def dag_page(file_name: str) -> Response:
        await ctx.catalog.refresh()
        entry = _entry(site, file_name)
        return await site.page("dag.html", lambda: _dag_values(site, entry))

    @app.get("/dags/<file_name>/history")
    async def dag_history(file_name: str) -> Response:
        target = url_for("dag_page", file_name=file_name)
        return redirect(f"{target}#history", 302)  # type: ignore[return-value]

    @app.get("/dags/<file_name>/spec")
    async def dag_spec(file_name: str) -> Response:
        await ctx.catalog.refresh()
        entry = _entry(site, file_name)
        return await site.page("spec.html", lambda: _spec_values(entry))

    @app.post("/dags/<file_name>/start")
    async def dag_start(file_name: str) -> Response:
        await ctx.catalog.refresh()
        entry = _entry(site, file_name)
        form = await request.form
        given = {key: form[key].replace("\r\n", "\n") for key in form}
        try:
            dag = _startable(entry)
            run_id = given.get("run_id", "").strip()
            if run_id:
                check_run_id(run_id)
            if run_id == "latest":
                raise EdgeError("dag-run ID latest: this word means the newest run; choose another")
            ref = await ctx.control.start(dag, params_text(dag, given), run_id or None)
        except EdgeError as exc:
            message = str(exc)
            return await site.page(
                "dag.html",
                lambda: _dag_values(site, entry) | {"given": given, "message": message},
                status=400,
            )
        return site.see_other("run_page", name=ref.name, run_id=ref.run_id)


def _entry(site: Site, file_name: str) -> CatalogEntry:
    entry = site.ctx.catalog.get(file_name)
    if entry is None:
        raise NotFoundError(
            f"There is no DAG file {file_name} in {site.ctx.settings.paths.dags_dir}"
        )
    return entry


def _startable(entry: CatalogEntry) -> DAG:
    if entry.error or entry.dag is None:
        raise EdgeError(f"{entry.file_name} cannot be started: its file has errors")
    return entry.dag


def _list_values(site: Site, workers: Sequence[WorkerRow]) -> dict[str, object]:
    ctx, store = site.ctx, site.ctx.store
    latest = {name: seen_summary(site, row) for name, row in store.latest_by_dag().items()}
    rows = [_row(site, entry, latest) for entry in ctx.catalog.entries()]
    active = (RunStatus.RUNNING, RunStatus.QUEUED, RunStatus.WAITING)
    running = [
        row
        for row in (
            seen_summary(site, found)
            for found in store.find_runs(RunFilter(statuses=active, limit=50))
        )
        if row.status.is_active
    ]
    return {
        "rows": rows,
        "running": run_rows(site, running),
        "workers": workers,
        "is_active": bool(running),
        "dags_dir": str(ctx.settings.paths.dags_dir),
        "broken": sum(1 for row in rows if row.error),
        "failed": sum(1 for row in rows if row.badge and row.badge.group == "red"),
    }


def _row(site: Site, entry: CatalogEntry, latest: Mapping[str, RunSummary]) -> DagRow:
    dag = entry.dag
    name = dag.name if dag else entry.file_name
    last = latest.get(name)
    return DagRow(
        file_name=entry.file_name,
        name=name,
        group=dag.group if dag else "",
        description=dag.description if dag else "",
        labels=dag.labels if dag else (),
        error=present.short_error(entry.error, str(site.ctx.settings.paths.dags_dir)),
        suspended=entry.suspended,
        is_shadowed=entry.is_shadowed,
        has_params=dag is not None and bool(fields_of(dag) or dag.params_schema),
        schedules=schedule_texts(dag),
        next_ms=next_start(site, entry),
        latest=last,
        badge=present.badge(last.status) if last else None,
        can_start=bool(dag) and not entry.error,
    )


def schedule_texts(dag: DAG | None) -> tuple[str, ...]:
    """Return the start schedules as written."""
    if dag is None:
        return ()
    return tuple(
        item.cron.text if item.cron else f"at {item.at:%Y-%m-%d %H:%M:%S%z}"
        for item in dag.schedule.start
    )


def next_start(site: Site, entry: CatalogEntry) -> int | None:
    """Return when the next scheduled start is due, None without one."""
    dag = entry.dag
    if dag is None or entry.suspended or entry.is_shadowed:
        return None
    now_ms = site.now_ms()
    due: list[int] = []
    for item in dag.schedule.start:
        if item.profile:
            continue  # not served without runtime profiles
        if item.cron is not None:
            fire_ms = site.fires.next_after(item.cron, now_ms)
            if fire_ms is not None:
                due.append(fire_ms)
        elif item.at is not None and to_ms(item.at) > now_ms:
            due.append(to_ms(item.at))
    return min(due, default=None)


def _dag_values(site: Site, entry: CatalogEntry) -> dict[str, object]:
    store, dag = site.ctx.store, entry.dag
    name = dag.name if dag else entry.file_name
    found = store.find_runs(RunFilter(name=name, limit=_HISTORY_RUNS))
    history = [seen_summary(site, row) for row in found]
    record = store.latest_record(name)
    values: dict[str, object] = {
        "entry": entry,
        "dag": dag,
        "name": name,
        "schedules": schedule_texts(dag),
        "next_ms": next_start(site, entry),
        "history": run_rows(site, history),
        "fields": [] if dag is None else fields_of(dag),
        "has_free_text": dag is not None and has_free_text(dag),
        "given": {},
        "message": "",
        "run": None,
        "is_active": False,
        "picture": None,
    }
    if record is not None:
        values |= run_values(site, seen_record(site, record))
    elif dag is not None:
        values["picture"] = present.dag_picture([(s.name, s.depends) for s in dag.steps])
    return values


def _spec_values(entry: CatalogEntry) -> dict[str, object]:
    try:
        text = entry.path.read_text(errors="replace")
    except OSError as exc:
        text = ""
        if not entry.error:
            raise NotFoundError(f"{entry.path}: {exc.strerror}") from exc
    return {
        "entry": entry,
        "lines": text.splitlines(),
        "bad_lines": present.error_lines(entry.error),
        "warnings": (*entry.dag.warnings, *entry.dag.deprecations) if entry.dag else (),
        "is_active": False,
    }
