"""Where an artifact may lie: inside the run's own directory (spec 13 section 13, 12 section 18)."""

from __future__ import annotations

import os
import re

__all__ = ["ArtifactPathError", "inside", "locate", "prepare_artifact"]

_DRIVE = re.compile(r"[A-Za-z]:", re.ASCII)


class ArtifactPathError(ValueError):
    """The path is none that an artifact can have."""


def locate(root: str, name: str) -> tuple[str, str]:
    """Return the artifact's relative and absolute path. Raises: ArtifactPathError."""
    if "\0" in name:
        raise ArtifactPathError("artifact path must not contain a NUL character")
    if name.startswith(("/", "\\", "~")) or _DRIVE.match(name):
        raise ArtifactPathError("artifact path must be relative")
    if ".." in re.split(r"[/\\]", name):
        raise ArtifactPathError("artifact path must not contain ..")
    clean = os.path.normpath(name)
    return clean, os.path.normpath(os.path.join(root, clean))


def inside(root: str, path: str, name: str) -> None:
    """Refuse a path that links lead out of the directory. Raises: ArtifactPathError."""
    real = os.path.realpath(root)
    target = os.path.realpath(path)
    if target != real and not target.startswith(real.rstrip("/") + "/"):
        raise ArtifactPathError(f'path "{name}" escapes artifact directory')


def prepare_artifact(root: str, name: str) -> str:
    """Return where an artifact file goes, its directories made.

    Raises: ArtifactPathError, OSError.
    """
    clean, path = locate(root, name)
    if clean == "." or name.endswith("/"):
        raise ArtifactPathError("artifact path must name a file")
    inside(root, os.path.dirname(path), name)
    os.makedirs(os.path.dirname(path), mode=0o750, exist_ok=True)
    inside(root, path, name)
    return path
