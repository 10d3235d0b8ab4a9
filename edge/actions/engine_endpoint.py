"""Where the container engine listens (spec 13 section 4.1). Pure."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from edge.actions.base import ActionError
from edge.workflow.weak import flag_of

__all__ = ["Endpoint", "read_endpoint"]

_RUNTIMES = ("docker", "podman")
_DOCKER = "unix:///var/run/docker.sock"
_PODMAN = "unix:///run/podman/podman.sock"
_TLS_PORT, _PLAIN_PORT = 2376, 2375


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An engine's address: a path (unix), or host and port."""

    #: as a person writes it
    url: str
    path: str = ""
    host: str = ""
    port: int = 0
    is_tls: bool = False
    verifies_tls: bool = False
    #: directory of ca.pem, cert.pem and key.pem; "" = none
    cert_path: str = ""
    #: `/v1.44`, or "" for the engine's own version
    prefix: str = ""


def read_endpoint(environ: Mapping[str, str]) -> Endpoint:
    """Return the endpoint that the service's environment names. Raises: ActionError."""
    runtime = environ.get("DAGU_CONTAINER_RUNTIME", "").strip().lower()
    if runtime and runtime not in _RUNTIMES:
        names = ", ".join(_RUNTIMES)
        raise ActionError(f'invalid container runtime "{runtime}" (supported: {names})')
    if runtime == "podman":
        return _parse(environ.get("DAGU_PODMAN_HOST") or _PODMAN, {})
    return _parse(environ.get("DOCKER_HOST") or _DOCKER, environ)


def _parse(url: str, environ: Mapping[str, str]) -> Endpoint:
    version = environ.get("DOCKER_API_VERSION", "").strip().removeprefix("v")
    prefix = f"/v{version}" if version else ""
    if url.startswith("unix://"):
        return Endpoint(url=url, path=url.removeprefix("unix://"), prefix=prefix)
    verify = environ.get("DOCKER_TLS_VERIFY", "")
    cert_path = environ.get("DOCKER_CERT_PATH", "")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        parts, host, port = None, "", None
    if parts is None or parts.scheme not in ("tcp", "http", "https") or not host:
        raise ActionError(f"unable to parse docker host `{url}`")
    verifies = bool(verify) and flag_of(verify) is not False
    is_tls = parts.scheme == "https" or verifies or bool(cert_path)
    if is_tls and not cert_path:
        cert_path = os.path.join(environ.get("HOME", ""), ".docker")
    return Endpoint(
        url=url,
        host=host,
        port=port or (_TLS_PORT if is_tls else _PLAIN_PORT),
        is_tls=is_tls,
        verifies_tls=verifies,
        cert_path=cert_path,
        prefix=prefix,
    )
