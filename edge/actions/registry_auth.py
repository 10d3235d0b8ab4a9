"""Credentials for image registries (spec 13 section 4.5). Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

from edge.actions.base import ActionError
from edge.core.jsontypes import JsonValue

__all__ = ["auth_header", "image_parts", "registry_of"]

_DEFAULT = "docker.io"
#: the key under which the tools of Docker keep the credentials of its own registry
_DEFAULT_KEY = "index.docker.io/v1/"


def registry_of(image: str) -> str:
    """Return the registry of an image: the first part when it looks like a host."""
    first, slash, _ = image.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first
    return _DEFAULT


def image_parts(image: str) -> tuple[str, str]:
    """Return name and tag of a reference; a digest stands for the tag, none is `latest`."""
    name, at, digest = image.partition("@")
    if at:
        return name.rpartition(":")[0] if ":" in name.rpartition("/")[2] else name, digest
    head, colon, tag = image.rpartition(":")
    return (head, tag) if colon and "/" not in tag else (image, "latest")


def auth_header(
    image: str, auths: Mapping[str, JsonValue] | str, environ: Mapping[str, str]
) -> str:
    """Return the value of X-Registry-Auth; "" without credentials. Raises: ActionError."""
    registry = registry_of(image)
    table = _table(auths, "registry_auths") if isinstance(auths, str) else auths
    found = _lookup(table, registry)
    if found is None and (text := environ.get("DOCKER_AUTH_CONFIG", "")):
        found = _lookup(_table(text, "DOCKER_AUTH_CONFIG"), registry)
    if found is None:
        return ""
    user, password = _credentials(found, registry)
    auth = {"username": user, "password": password, "serveraddress": registry}
    return base64.urlsafe_b64encode(json.dumps(auth).encode("utf-8", "replace")).decode()


def _table(text: str, what: str) -> Mapping[str, JsonValue]:
    """Return the table of a text in the format of Docker's configuration file."""
    if not text.strip():
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise ActionError(f"{what} is no JSON object: {exc}") from None
    if isinstance(value, dict) and isinstance(value.get("auths"), dict):
        value = value["auths"]
    if not isinstance(value, dict):
        raise ActionError(f"{what} is no JSON object")
    return value


def _lookup(table: Mapping[str, JsonValue], registry: str) -> JsonValue:
    names = [registry, f"https://{registry}", registry.rpartition(":")[0] or registry]
    if registry == _DEFAULT:
        names += [f"https://{_DEFAULT_KEY}", _DEFAULT_KEY]
    return next((table[name] for name in names if table.get(name) is not None), None)


def _credentials(entry: JsonValue, registry: str) -> tuple[str, str]:
    if isinstance(entry, str):
        text = entry.strip()
        if text.startswith("{"):
            try:
                entry = json.loads(text)
            except (ValueError, RecursionError):
                entry = None
        else:
            return _decoded(text, registry)
    if not isinstance(entry, dict):
        raise ActionError(f"registry_auths: the credentials of {registry} cannot be read")
    user, password, auth = (entry.get(key) for key in ("username", "password", "auth"))
    if user or password:
        return str(user or ""), str(password or "")
    return _decoded(str(auth), registry) if auth else ("", "")


def _decoded(text: str, registry: str) -> tuple[str, str]:
    """Return the two parts of base64 of `user:pass`."""
    try:
        plain = base64.b64decode(text, validate=True).decode()
    except ValueError:
        plain = ""
    user, colon, password = plain.partition(":")
    if not colon:
        raise ActionError(
            f"registry_auths: the credentials of {registry} are no base64 of user:password"
        )
    return user, password
