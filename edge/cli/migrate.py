"""`edge migrate-dag FILE`: a workflow file in the newest language (spec 10 section 13)."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from edge.cli.flags import Command, Flag, Parsed
from edge.core.errors import UserError

__all__ = ["command", "run"]


def command(name: str) -> Command:
    """Return the arguments of the command."""
    return Command(
        name,
        "<DAG definition>",
        "Print a workflow file with every old form rewritten in the newest language.",
        (
            Flag("write", "w", "bool", "replace the file; the old one is kept beside it as .bak"),
            Flag("output", "o", help="write to this file instead of standard output"),
        ),
        1,
        1,
    )


def run(parsed: Parsed) -> int:
    """Return 0 when the whole file is in the newest language now, 1 when forms were left."""
    from edge.config.dagfiles import read_base, read_text, resolve_dag_file
    from edge.workflow.migrate import migrate

    if parsed.flag("write") and parsed.has("output"):
        raise UserError("--write and --output cannot be used together")
    settings = parsed.settings()
    path = resolve_dag_file(parsed.positionals[0], settings)
    text = read_text(path)
    try:
        done = migrate(text, source_file=str(path.absolute()), base_text=read_base(settings))
    except UserError as exc:
        raise UserError(f"failed to migrate {path}: {exc.message}") from exc
    for line in done.notes:
        print(f"{path}: {line}", file=sys.stderr)
    for line in done.left:
        print(f"{path}:{line}", file=sys.stderr)
    if parsed.flag("write"):
        if done.text != text:
            _replace(path.resolve(), done.text)
    elif parsed.has("output"):
        _write(Path(parsed.text("output")), done.text)
    else:
        print(done.text, end="")
    return 1 if done.left else 0


def _replace(path: Path, text: str) -> None:
    """Put a new text in the place of a file, never half of it; the old one stays as `.bak`."""
    import shutil

    shutil.copy2(path, path.with_name(path.name + ".bak"))
    _write(path, text)


def _write(path: Path, text: str) -> None:
    new = path.with_name(f".{path.name}.new")
    try:
        with new.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            os.chmod(new, path.stat().st_mode & 0o7777)
        new.replace(path)
    except OSError as exc:
        new.unlink(missing_ok=True)
        raise UserError(f"cannot write {path}: {(exc.strerror or str(exc)).lower()}") from exc
