"""What a run knows before its first step: environment files, secrets, working directory.

Spec 12 section 3 step 3. It reads the files that the DAG names and starts nothing.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from edge.engine.attempt import AttemptSpec
from edge.engine.environment import default_dir, run_scope
from edge.engine.files import read_regular
from edge.engine.masking import Masker
from edge.engine.support import unenforced
from edge.workflow.field_policy import policy_of
from edge.workflow.model import Secret
from edge.workflow.values import Scope, Source, resolve

__all__ = ["Prepared", "prepare_run"]

_MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Prepared:
    """The surroundings of all steps; `error` is why none may start."""

    scope: Scope
    working_dir: str
    masker: Masker
    warnings: tuple[str, ...] = ()
    error: str = ""


def prepare_run(spec: AttemptSpec, started_ms: int) -> Prepared:
    """Return the scope of a run: layers 1 to 9 of spec 11 section 7.1."""
    warnings = unenforced(spec.dag)
    scope = run_scope(spec, started_ms)
    working_dir = spec.working_dir or default_dir(spec, scope)
    folders = [working_dir]
    if spec.dag.source_file:
        folders.append(os.path.dirname(os.path.abspath(spec.dag.source_file)))
    try:
        if values := _load_dotenv(spec.dag.dotenv, scope, folders, warnings):
            scope = run_scope(spec, started_ms, values.items())
        secrets = _load_secrets(spec.dag.secrets, scope, folders)
    except _PreparationError as exc:
        masker = Masker(spec.inherited_secrets)
        return Prepared(scope, working_dir, masker, tuple(warnings), str(exc))
    if secrets:
        scope = scope.child(secrets.items(), Source.SECRET)
    masker = Masker((*spec.inherited_secrets, *secrets.values()))
    return Prepared(scope, working_dir, masker, tuple(warnings))


class _PreparationError(Exception):
    """Why no step may start."""


def _load_secrets(
    declared: Sequence[Secret], scope: Scope, folders: Sequence[str]
) -> dict[str, str]:
    if not declared:
        return {}
    from edge.engine.secrets import SecretError, resolve_secrets

    try:
        return resolve_secrets(declared, scope, folders)
    except SecretError as exc:
        raise _PreparationError(str(exc)) from None


def _load_dotenv(
    files: Sequence[str], scope: Scope, folders: Sequence[str], warnings: list[str]
) -> dict[str, str]:
    """Return the values of the files that exist, a later file's over an earlier one's.

    Raises: _PreparationError for a path that cannot be evaluated (spec 11 section 7.7).
    """
    found: dict[str, str] = {}
    for name in files:
        path = resolve(name, policy_of("dotenv[]"), scope)
        if "\0" in path:
            raise _PreparationError(f'failed to evaluate dotenv path "{name}"')
        text = _read(path, folders, warnings)
        if text is None:
            continue
        # Most runs have no such file.
        from edge.engine.dotenv import DotenvError, parse_dotenv

        try:
            values = parse_dotenv(text)
        except DotenvError as exc:
            warnings.append(f"failed to load dotenv file {path}: {exc}")
            continue
        for key, value in values.items():
            found.pop(key, None)
            found[key] = value
    return found


def _read(path: str, folders: Sequence[str], warnings: list[str]) -> str | None:
    """Return the text of the first file of that path; None for none, or for one that is no text."""
    for folder in folders:
        try:
            data = read_regular(os.path.join(folder, os.path.expanduser(path)), _MAX_BYTES)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as exc:
            warnings.append(f"failed to load dotenv file {path}: {exc.strerror}")
            return None
        if len(data) > _MAX_BYTES:
            warnings.append(f"failed to load dotenv file {path}: larger than {_MAX_BYTES} bytes")
            return None
        if b"\0" in data:
            warnings.append(f"failed to load dotenv file {path}: it holds a NUL byte")
            return None
        return data.decode("utf-8", "surrogateescape")
    return None
