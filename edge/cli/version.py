"""`edge version`; the plain form never gets here (edge/__main__.py)."""

from __future__ import annotations

from edge import __version__
from edge.cli.flags import Command, Parsed

__all__ = ["command", "run"]


def command(name: str) -> Command:
    """Return the arguments of the command."""
    return Command(name, "", "Print the version of edge.", ())


def run(parsed: Parsed) -> int:
    """Print the bare version on stdout."""
    print(__version__)
    return 0
