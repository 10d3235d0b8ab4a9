"""What a managed server does not run itself (spec 40 section 7).

A contract that is told early and clearly; the isolation is the sandbox around the instance. What
only a run can know (a path or an address from a reference) is not judged here.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from edge.workflow.model import DAG, ExecRun, Shell, Step

__all__ = ["Boundary", "blocked"]

_CONTAINER_TYPES = frozenset(("docker", "container", "kubernetes", "k8s"))
#: executor type -> keys of `with` that name a path of the host
_PATHS: dict[str, tuple[str, ...]] = {
    "file": ("path", "source", "destination"),
    "archive": ("source", "destination"),
    "wait": ("path",),
    "jq": ("input",),
    "template": ("output", "template_ref"),
    "data": ("input", "output"),
    "http": ("output",),
    "sqlite": ("dsn", "output", "input_file", "output_file"),
    "sftp": ("source", "destination"),
    "s3": ("source", "destination"),
    "git": ("path", "root"),
}
_METADATA_HOSTS = frozenset(("metadata", "metadata.google.internal", "instance-data"))


class Boundary:
    """The instance: its directories, where identities may lie, and the shell it offers."""

    __slots__ = ("credentials", "folders", "shell")

    def __init__(self, *, folders: Sequence[str], credentials: str, shell: str) -> None:
        self.folders = tuple(folders)
        self.credentials = credentials
        self.shell = shell


def blocked(dag: DAG, boundary: Boundary) -> tuple[tuple[Step, str], ...]:
    """Return each step that needs what is blocked, with the sentence that says so.

    A DAG with a `worker_selector` is dispatched: nothing of it is blocked.
    """
    found = []
    for document in (dag, *dag.local_dags.values()):
        if document.is_distributed:
            continue
        for step in _steps(document):
            for what in dict.fromkeys(_needs(step, document, boundary)):
                text = f"step {step.id or step.name}: {what} does not run in a managed server;"
                found.append((step, f"{text} add worker_selector to run it on a hybrid worker"))
    return tuple(found)


def _steps(dag: DAG) -> Iterator[Step]:
    pending = [*reversed(dag.handlers.configured().values()), *reversed(dag.steps)]
    while pending:
        step = pending.pop()
        yield step
        if step.foreach is not None:
            pending += reversed(step.foreach.steps)


def _needs(step: Step, dag: DAG, boundary: Boundary) -> Iterator[str]:
    """Yield what the step asks for that the server does not do."""
    if step.container is not None or (dag.container is not None and step.run is not None):
        yield "container"
    elif step.type in _CONTAINER_TYPES:
        yield step.action or "container"
    if isinstance(step.run, ExecRun):
        yield "exec"
    elif step.run is not None:
        shell = step.shell or dag.shell
        if shell is not None and not _is_offered(shell, boundary.shell):
            yield f"shell {shell.argv[0] if shell.argv else 'direct'}"
    for path in (dag.working_dir, step.working_dir):
        if _is_outside(path, boundary.folders):
            yield f"working_dir {path}"
    for key in _PATHS.get(step.type, ()):
        value = step.options.get(key)
        if isinstance(value, str) and _is_outside(value, boundary.folders):
            yield f"{step.action or step.type} with path {value}"
    if step.type in ("ssh", "sftp"):
        own = step.options.get("key")
        key_file = own if isinstance(own, str) and own else dag.ssh.key if dag.ssh else ""
        if _is_outside(key_file, (boundary.credentials,) if boundary.credentials else ()):
            yield f"ssh identity {key_file}"
    url = step.options.get("url") if step.type == "http" else None
    if isinstance(url, str) and (host := _private_host(url)):
        yield f"{step.action or step.type} to {host}"


def _is_offered(shell: Shell, offered: str) -> bool:
    words = offered.split()
    return bool(shell.argv) and bool(words) and shell.argv[0] in (words[0], _name(words[0]))


def _name(path: str) -> str:
    return posixpath.basename(path)


def _is_outside(path: str, folders: Sequence[str]) -> bool:
    """Return whether a literal absolute path is in none of the directories."""
    if path.startswith("~"):
        return True
    if not path.startswith("/") or "$" in path:
        return False
    plain = posixpath.normpath(path)
    return not any(plain == folder or plain.startswith(f"{folder}/") for folder in folders)


def _private_host(url: str) -> str:
    """Return the host of a URL that is written as a private or link-local address; else ""."""
    import ipaddress

    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return ""
    if host.rstrip(".") in _METADATA_HOSTS or host == "localhost":
        return host
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ""
    return host if not address.is_global else ""
