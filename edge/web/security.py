"""What guards the pages while there is no access control: loopback only, same origin only.

Pure checks on header values; the application calls them for every request.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from urllib.parse import urlsplit

from edge.core.errors import UserError

__all__ = [
    "CSRF_COOKIE",
    "CSRF_FIELD",
    "SECURITY_HEADERS",
    "check_auth_mode",
    "check_bind_host",
    "is_csrf_token",
    "is_loopback_host",
    "is_same_origin",
    "new_csrf_token",
    "same_token",
]

CSRF_COOKIE = "edge_csrf"
CSRF_FIELD = "csrf"
_TOKEN_CHARS = 43

#: spec 31 section 8.8, plus a policy that allows our own files only and no inline code
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Permissions-Policy": "geolocation=(), camera=(), microphone=(), payment=()",
    "X-XSS-Protection": "0",
}


def check_bind_host(host: str) -> None:
    """Refuse an address that others can reach. Raises: UserError."""
    if not is_loopback_host(host, with_port=False):
        raise UserError(
            f"host {host or '(empty)'}: the server has no access control yet and binds loopback"
            " only; use 127.0.0.1 or an SSH forward"
        )


def check_auth_mode(mode: str | None) -> str | None:
    """Return a warning for an unset mode, None for `none`. Raises: UserError for any other."""
    if not mode:
        return "auth.mode is not set: acting as none, everyone on this host may use the server"
    if mode != "none":
        raise UserError(
            f"auth.mode {mode}: the server has no access control yet; use none (loopback only)"
        )
    return None


def is_loopback_host(value: str, *, with_port: bool = True) -> bool:
    """Return whether a Host header names this machine itself.

    A page of a stranger whose name was re-bound to 127.0.0.1 sends its own name here.
    """
    name = value.strip().lower()
    if with_port:
        try:
            parts = urlsplit(f"//{name}")
            name, _ = parts.hostname or "", parts.port
        except ValueError:
            return False
    name = name.removeprefix("[").removesuffix("]")
    if name.rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def is_same_origin(host: str, scheme: str, origin: str | None, fetch_site: str | None) -> bool:
    """Return whether a state-changing request comes from our own pages.

    Browsers send Origin with every POST; without it Sec-Fetch-Site decides; a client that sends
    neither is no browser and carries nobody's cookie.
    """
    if origin is not None:
        return origin.lower() == f"{scheme}://{host}".lower()
    return fetch_site is None or fetch_site in ("same-origin", "none")


def new_csrf_token() -> str:
    """Return a fresh token, 256 bits in base64url."""
    return secrets.token_urlsafe(32)


def is_csrf_token(text: str | None) -> bool:
    """Return whether `text` has the form of a token."""
    return text is not None and len(text) == _TOKEN_CHARS and text.isascii()


def same_token(cookie: str | None, field: str | None) -> bool:
    """Return whether cookie and form carry one token, compared in constant time."""
    if cookie is None or not is_csrf_token(cookie) or field is None or not field.isascii():
        return False
    return hmac.compare_digest(cookie, field)
