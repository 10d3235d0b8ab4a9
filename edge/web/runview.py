"""What pages say about runs: rows of lists and the values of a run page.

Synchronous and called in a worker thread. Reading never writes: a run whose process is provably
dead is shown as what recovery will make of it (DESIGN section 3).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.core.record import RunRecord
from edge.engine.run_outputs import run_outputs
from edge.store.host import is_alive
from edge.store.view import as_seen
from edge.web import present

if TYPE_CHECKING:
    from edge.store import RunSummary
    from edge.web.site import Site

__all__ = ["RunRow", "present_outputs", "run_rows", "run_values", "seen_record", "seen_summary"]

#: of one output on a page
_SHOWN_CHARS = 2000


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


def present_outputs(record: RunRecord) -> list[tuple[str, str]]:
    """Return (name, text) of what the run and its steps published, secrets masked.

    What the steps declared is named like the reference that reads it.
    """
    found = list(run_outputs(record).items())
    for _, node in record.all_nodes():
        if not node.step_outputs_value:
            continue
        members = json.loads(node.step_outputs_value)
        step = node.step.get("id") or node.name
        found += [(f"steps.{step}.outputs.{name}", str(text)) for name, text in members.items()]
    return [(name, _cut(text)) for name, text in found]


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + " …"


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
        "outputs": present_outputs(record),
        "unreachable": present.unreachable(record),
        "is_active": record.status.is_active,
    }
