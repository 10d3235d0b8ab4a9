"""What the pages need from the rest of the process: reads, two verbs, and nothing else.

Written so that `edge.service` can hand the web its store, catalog and run control without the web
knowing who carries a run out (a task of this process, or a worker through the coordinator).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from edge.core.clock import SystemClock, WallClock
from edge.core.ids import RunRef

if TYPE_CHECKING:
    from edge.config.log import Logger
    from edge.config.settings import Settings
    from edge.scheduler.catalog import Catalog
    from edge.store import Store
    from edge.workflow.model import DAG

__all__ = ["RunControl", "WebContext", "WorkerRow", "no_workers"]


class RunControl(Protocol):
    """Start and stop runs; `edge.service` decides where they go."""

    async def start(self, dag: DAG, params_text: str, run_id: str | None) -> RunRef:
        """Create a run durably and set it going; returns once it is recorded.

        `params_text` is in the grammar of `edge start -p`. Raises: EdgeError, shown in one line.
        """
        ...

    async def stop(self, ref: RunRef) -> None:
        """Ask a run to stop; idempotent. Raises: EdgeError when it is not active."""
        ...


class WorkerRow(Protocol):
    """One worker as the coordinator sees it (spec 31 section 5)."""

    @property
    def worker_id(self) -> str: ...
    @property
    def labels(self) -> Mapping[str, str]: ...
    @property
    def health(self) -> str:
        """Return `healthy`, `warning` or `unhealthy`."""
        ...

    @property
    def last_heartbeat_ms(self) -> int: ...
    @property
    def total_pollers(self) -> int: ...
    @property
    def busy_pollers(self) -> int: ...


def no_workers() -> Sequence[WorkerRow]:
    """Return the answer of a server without a coordinator."""
    return ()


@dataclass(slots=True, kw_only=True)
class WebContext:
    """Everything `create_app` and `serve` use."""

    settings: Settings
    store: Store
    catalog: Catalog
    control: RunControl
    version: str
    #: Unix milliseconds at which the service started, for `uptime`
    started_ms: int
    workers: Callable[[], Sequence[WorkerRow]] = no_workers
    clock: WallClock = field(default_factory=SystemClock)
    log: Logger | None = None
