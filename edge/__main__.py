"""Entry point. Everything beyond the version is imported by the command that needs it."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit with its code."""
    argv = sys.argv[1:]
    if argv == ["version"]:
        from edge import __version__

        print(__version__)
        return
    import gc

    # Collections at start-up find nothing and cost 8 % of a short command.
    gc.set_threshold(10_000, 20, 20)
    from edge.cli.main import run

    sys.exit(run(argv))


if __name__ == "__main__":
    main()
