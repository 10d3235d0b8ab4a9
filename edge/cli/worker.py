"""`edge worker`: take runs from a coordinator and execute them here."""

from __future__ import annotations

from edge.cli.flags import Command, Flag, Parsed
from edge.cli.services import PEER_FLAGS
from edge.core.errors import UserError

__all__ = ["command", "run"]

_FLAGS = (
    Flag("worker.coordinators", help="host:port of coordinators", key="worker.coordinators"),
    Flag("worker.labels", "l", help="k=v,k2=v2", key="worker.labels"),
    Flag("worker.id", "w", help="name of this worker (default host@pid)", key="worker.id"),
    Flag("worker.max-active-runs", "m", help="runs at a time (100)", key="worker.max_active_runs"),
    Flag("worker.health-port", help="port of /health, 0 = off (8092)", key="worker.health_port"),
    *PEER_FLAGS,
    Flag("once", "", "bool", "take one run and exit", hidden=True),
    Flag("max-idle", hidden=True),
)


def command(name: str) -> Command:
    """Return the arguments of the command."""
    return Command(name, "", "Take runs from a coordinator and execute them here.", _FLAGS)


def run(parsed: Parsed) -> int:
    """Run the worker until a signal; return the exit code."""
    if parsed.flag("once"):
        raise UserError("worker --once is not available in this version of edge yet")
    settings = parsed.settings()
    if not settings.worker.coordinators:
        raise UserError(
            "worker.coordinators is required",
            hint="give --worker.coordinators=host:port, the address of the coordinator",
        )
    from edge.engine.watcher import fork_watcher

    watcher = fork_watcher()
    import trio

    from edge.service.worker import run_worker

    return trio.run(run_worker, settings, watcher)
