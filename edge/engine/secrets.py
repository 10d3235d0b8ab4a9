"""Looking up the secrets of a run, once, before its first step (spec 11 section 9)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from edge.engine.files import read_regular
from edge.workflow.model import Secret
from edge.workflow.values import Scope

__all__ = ["SecretError", "resolve_secrets"]

_MAX_BYTES = 1 << 20


class SecretError(Exception):
    """A secret that cannot be had; the text never holds a value."""


def resolve_secrets(
    secrets: Iterable[Secret], scope: Scope, folders: Sequence[str]
) -> dict[str, str]:
    """Return name -> value. Raises: SecretError, which starts with what the run's error says.

    `folders` are where a relative path of the provider `file` may lie, the first that has it wins.
    """
    found = {}
    for secret in secrets:
        try:
            found[secret.name] = _resolve(secret, scope, folders)
        except ValueError as exc:
            raise SecretError(f'failed to resolve secrets: secret "{secret.name}": {exc}') from None
    return found


def _resolve(secret: Secret, scope: Scope, folders: Sequence[str]) -> str:
    if secret.ref:
        raise ValueError(
            f'registry reference "{secret.ref}": a secret registry is not available in this build'
            " of edge"
        )
    if secret.provider == "env":
        value = scope.get(secret.key, with_process=True)
        if value is None:
            value = scope.host.get(secret.key)
        if value is None:
            raise ValueError(f'environment variable "{secret.key}" is not set')
        return value
    if secret.provider == "file":
        return _read(secret.key, folders)
    raise ValueError(f"unknown secret provider: {secret.provider}")


def _read(key: str, folders: Sequence[str]) -> str:
    path = os.path.expanduser(key)
    places = [os.path.join(folder, path) for folder in folders]
    chosen = next((place for place in places if os.path.exists(place)), places[0])
    try:
        data = read_regular(chosen, _MAX_BYTES)
    except OSError as exc:
        raise ValueError(f'failed to read secret file "{key}": {exc.strerror}') from None
    if len(data) > _MAX_BYTES:
        raise ValueError(f'secret file "{key}" is larger than {_MAX_BYTES} bytes')
    if b"\0" in data:
        raise ValueError(f'secret file "{key}" holds a NUL byte')
    return data.decode("utf-8", "surrogateescape")
