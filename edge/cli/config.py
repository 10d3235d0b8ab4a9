"""`edge config`: where the files of this installation lie (spec 30 section 1.8)."""

from __future__ import annotations

import os
import sys

from edge.cli.flags import Command, Parsed
from edge.core.errors import UserError

__all__ = ["command", "run"]


def command(name: str) -> Command:
    """Return the arguments of the command."""
    return Command(name, "", "Show where configuration, workflows, data and logs lie.", (), 0, 1)


def run(parsed: Parsed) -> int:
    """Print one aligned row for each path."""
    if parsed.positionals:
        raise UserError(f"config {parsed.positionals[0]} is not available in this version yet")
    from edge.config.home import prepare_home
    from edge.config.runtime import runtime_dir

    settings = parsed.settings()
    prepare_home(settings)
    paths = settings.paths
    rows = [
        ("Config file", paths.config_file),
        ("Base config", paths.base_config),
        ("DAGs directory", paths.dags_dir),
        ("DAG-run work directory", paths.work_dir),
        ("Data directory", paths.data_dir),
        ("Store", paths.store_file),
        ("Log directory", paths.log_dir),
        ("Suspend flags", paths.suspend_flags_dir),
        ("Runtime directory", runtime_dir(os.environ)),
        ("Executable", os.path.abspath(sys.argv[0])),
    ]
    width = max(len(label) for label, _ in rows) + 1
    for label, path in rows:
        if path is not None:
            print(f"{label + ':':<{width}} {path}")
    return 0
