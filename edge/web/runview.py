"""What pages say about runs: rows of lists and the values of a run page.

Synchronous and called in a worker thread. Reading never writes: a run whose process is provably
dead is shown as what recovery will make of it (DESIGN section 3).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.core.record import RunRecord
from edge.store.host import is_alive
from edge.store.view import as_seen
from edge.web import present

if TYPE_CHECKING:
    from edge.store import RunSummary
    from edge.web.site import Site

__all__ = ["RunRow", "run_rows", "run_values", "seen_record", "seen_summary"]


@dataclass(frozen=True, slots=True)
class RunRow:
    """One line of a list of runs."""

    name: str
    run_id: str
    badge: present.Badge
    is_active: bool
    trigger: str
    params: str
    started_ms: int | None
    duration: str
    worker: str
    error: str


def seen_record(site: Site, record: RunRecord) -> RunRecord:
    """Return the record as a reader should see it."""
    return as_seen(record, site.host, is_alive, now_ms=site.now_ms())


def seen_summary(site: Site, row: RunSummary) -> RunSummary:
    """Return the summary as a reader should see it."""
    return as_seen(row, site.host, is_alive, now_ms=site.now_ms())


def run_rows(site: Site, runs: Iterable[RunSummary]) -> list[RunRow]:
    """Return list lines in the given order."""
    now_ms = site.now_ms()
    return [
        RunRow(
            name=run.name,
            run_id=run.run_id,
            badge=present.badge(run.status),
            is_active=run.status.is_active,
            trigger=run.trigger_type.word,
            params=run.params,
            started_ms=run.started_ms or run.queued_ms or run.created_ms,
            duration=present.elapsed(run.started_ms, run.finished_ms, now_ms),
            worker=run.worker_id,
            error=run.error,
        )
        for run in runs
    ]


def run_values(site: Site, record: RunRecord) -> dict[str, object]:
    """Return what the run header, the picture and the step table need."""
    now_ms = site.now_ms()
    return {
        "run": record,
        "badge": present.badge(record.status),
        "duration": present.elapsed(record.started_ms, record.finished_ms, now_ms),
        "steps": present.step_rows(record, site.zone, now_ms),
        "picture": present.record_picture(record, now_ms),
        "conditions": present.unmet_conditions(record.preconditions),
        "unreachable": present.unreachable(record),
        "is_active": record.status.is_active,
    }
