"""`edge start-all`, `server`, `scheduler`, `coordinator`: roles of one service process."""

from __future__ import annotations

from edge.cli.flags import Command, Flag, Parsed
from edge.core.errors import UserError

__all__ = ["PEER_FLAGS", "command", "run"]

_DAGS = Flag("dags", "d", help="directory of the workflow files", key="paths.dags_dir")
_WEB = (
    Flag("host", "s", help="address of the page (default 127.0.0.1)", key="host"),
    Flag("port", "p", help="port of the page (default 8080)", key="port"),
)
PEER_FLAGS = (
    Flag("peer.insecure", "", "bool", "plaintext to the other end", key="peer.insecure"),
    Flag("peer.cert-file", help="certificate", key="peer.cert_file"),
    Flag("peer.key-file", help="private key", key="peer.key_file"),
    Flag("peer.client-ca-file", help="CA of the other end", key="peer.client_ca_file"),
    Flag(
        "peer.skip-tls-verify",
        "",
        "bool",
        "do not verify the other end",
        key="peer.skip_tls_verify",
    ),
)
_COORDINATOR = (
    Flag("coordinator.host", "H", help="address for workers", key="coordinator.host"),
    Flag("coordinator.port", "P", help="port for workers", key="coordinator.port"),
    Flag("coordinator.advertise", "A", help="address told to workers", key="coordinator.advertise"),
)
_HEALTH = (
    Flag("coordinator.health-port", help="port of /health, 0 = off", key="coordinator.health_port"),
)
_TUNNEL = (
    Flag("tunnel", "t", "bool", hidden=True),
    Flag("tunnel-token", hidden=True),
    Flag("tunnel-funnel", "", "bool", hidden=True),
    Flag("tunnel-https", "", "bool", hidden=True),
)
_COMMANDS = {
    "start-all": (
        "Run the page, the scheduler and a coordinator for workers in one process.",
        (_DAGS, *_WEB, *_COORDINATOR, *PEER_FLAGS),
        frozenset({"web", "scheduler", "coordinator"}),
    ),
    "server": ("Run the page.", (_DAGS, *_WEB, *_TUNNEL), frozenset({"web"})),
    "scheduler": ("Run the scheduler.", (_DAGS,), frozenset({"scheduler"})),
    "coordinator": (
        "Run a coordinator for workers.",
        (*_COORDINATOR, *_HEALTH, *PEER_FLAGS),
        frozenset({"coordinator"}),
    ),
}


def command(name: str) -> Command:
    """Return the arguments of the role's command."""
    text, flags, _ = _COMMANDS[name]
    return Command(name, "", text, flags)


def run(parsed: Parsed) -> int:
    """Run the roles until a signal; return the exit code."""
    if any(parsed.has(flag.name) for flag in _TUNNEL):
        raise UserError(
            "edge has no built-in public tunnel; use an SSH forward or your overlay network"
            " (see docs)"
        )
    settings = parsed.settings()
    from edge.config.home import prepare_home
    from edge.engine.watcher import fork_watcher

    prepare_home(settings)
    # Before trio: a fork is only safe while there is one thread and no event loop.
    watcher = fork_watcher()
    import trio

    from edge.service.server import run_services

    roles = _COMMANDS[parsed.command.name][2]
    return trio.run(run_services, settings, roles, watcher)
