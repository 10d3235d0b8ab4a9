"""From a DAG argument to a file, and from a file to a DAG (spec 30 section 1.4)."""

from __future__ import annotations

import os
from pathlib import Path

from edge.config.settings import Settings
from edge.core.errors import UserError
from edge.workflow.load import LoadOptions, load_dag
from edge.workflow.model import DAG
from edge.workflow.problems import DAGError

__all__ = [
    "dag_name_of",
    "load_dag_file",
    "load_options",
    "read_base",
    "read_text",
    "resolve_dag_file",
]

_SUFFIXES = (".yaml", ".yml")


def resolve_dag_file(argument: str, settings: Settings, cwd: Path | None = None) -> Path:
    """Return the path that the argument of `start`, `validate`, ... names; it may not exist.

    Raises: UserError for an empty argument.
    """
    text = argument.strip()
    if not text:
        raise UserError("failed to load DAG from : name or path is required")
    if text == "~" or text.startswith("~/"):
        text = os.path.expanduser(text)
    path = Path(text)
    if path.is_absolute():
        return path
    here = (cwd or Path.cwd()) / path
    if here.exists() and not here.is_dir():
        return here
    name = text if text.endswith(_SUFFIXES) else text + ".yaml"
    return Path(os.path.normpath(settings.paths.dags_dir / name))


def read_text(path: Path) -> str:
    """Return the text of a workflow file. Raises: UserError in the words of spec 30."""
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as exc:
        line = exc.object.count(b"\n", 0, exc.start) + 1
        raise UserError(
            f'failed to read file "{path}": {path}:{line}: the text is not valid UTF-8'
        ) from exc
    except OSError as exc:
        reason = (exc.strerror or str(exc)).lower()
        raise UserError(f'failed to read file "{path}": open {path}: {reason}') from exc


def read_base(settings: Settings) -> str:
    """Return the text of the base configuration; "" where there is none."""
    path = settings.paths.base_config
    return read_text(path) if path.is_file() else ""


def load_options(
    settings: Settings, *, for_scheduler: bool = False, as_child: bool = False
) -> LoadOptions:
    """Return how the files of this installation are loaded."""

    def workspace_base(workspace: str) -> str:
        # a label's value may hold slashes and dots
        if "/" in workspace or workspace in ("", ".", ".."):
            return ""
        path = settings.paths.workspaces_dir / workspace / "base.yaml"
        return read_text(path) if path.is_file() else ""

    def is_dag(name: str) -> bool:
        return (settings.paths.dags_dir / f"{name}.yaml").is_file()

    return LoadOptions(
        v1_compat=settings.v1_compat,
        workspace_base=workspace_base,
        is_dag=is_dag,
        for_scheduler=for_scheduler,
        as_child=as_child,
    )


def load_dag_file(
    path: Path,
    settings: Settings,
    *,
    name: str | None = None,
    shown: str | None = None,
    options: LoadOptions | None = None,
) -> DAG:
    """Read and build a workflow file with the base configuration.

    `name` overrides the DAG's name, `shown` is the argument as the person gave it.
    Raises: UserError `failed to load DAG from <shown>: ...` with file, line and column; for
    faults inside the text it is a DAGError with the problems.
    """
    told = str(path) if shown is None else shown
    try:
        return load_dag(
            read_text(path),
            name=name,
            default_name=path.name.removesuffix(".yaml").removesuffix(".yml"),
            base_text=read_base(settings),
            source_file=str(path.absolute()),
            options=options or load_options(settings),
        )
    except DAGError as exc:
        places = "".join(f"\n  {path}:{problem}" for problem in exc.problems if problem.line)
        raise DAGError(
            f"failed to load DAG from {told}: {exc.message}{places}", exc.problems, exc.bullets
        ) from exc
    except UserError as exc:
        raise UserError(f"failed to load DAG from {told}: {exc.message}", hint=exc.hint) from exc


def dag_name_of(argument: str, settings: Settings) -> str:
    """Return the DAG name that `status`, `history`, ... mean (spec 30 section 1.4).

    Raises: UserError when a file is named that cannot be read.
    """
    if not argument.endswith(_SUFFIXES):
        return argument
    path = Path(argument)
    try:
        text = read_text(path)
    except UserError as exc:
        raise UserError(
            "failed to extract DAG name: failed to read DAG metadata from file"
            f" {argument}: {exc.message}"
        ) from exc
    return load_dag(
        text,
        default_name=path.name.removesuffix(".yaml").removesuffix(".yml"),
        source_file=str(path.absolute()),
        options=LoadOptions(v1_compat=settings.v1_compat, metadata_only=True),
    ).name
