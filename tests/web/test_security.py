from __future__ import annotations

import pytest

from edge.core.errors import UserError
from edge.web.security import (
    check_auth_mode,
    check_bind_host,
    is_loopback_host,
    is_same_origin,
    new_csrf_token,
    same_token,
)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "[::1]", "127.8.9.1"])
def test_loopback_may_be_bound(host: str) -> None:
    check_bind_host(host)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "", "192.168.1.4", "example.org", "127.0.0.1.evil"]
)
def test_anything_else_is_refused_with_the_reason(host: str) -> None:
    with pytest.raises(UserError) as info:
        check_bind_host(host)
    assert str(info.value) == (
        f"host {host or '(empty)'}: the server has no access control yet and binds loopback only;"
        " use 127.0.0.1 or an SSH forward"
    )


def test_auth_mode() -> None:
    assert check_auth_mode("none") is None
    assert "acting as none" in (check_auth_mode(None) or "")
    for mode in ("builtin", "basic", "oidc"):
        with pytest.raises(UserError, match=f"auth.mode {mode}"):
            check_auth_mode(mode)


@pytest.mark.parametrize(
    "value", ["localhost", "LOCALHOST:1", "localhost.:80", "127.0.0.1:8080", "[::1]:8080"]
)
def test_host_headers_of_this_machine(value: str) -> None:
    assert is_loopback_host(value)


@pytest.mark.parametrize(
    "value",
    ["evil", "localhost.evil", "localhost@evil:80", "[::1", "localhost:x", "", "10.0.0.1", "127.1"],
)
def test_other_host_headers(value: str) -> None:
    assert not is_loopback_host(value)


def test_same_origin() -> None:
    host = "localhost:8080"
    assert is_same_origin(host, "http", "http://localhost:8080", None)
    assert is_same_origin(host, "http", None, "same-origin")
    assert is_same_origin(host, "http", None, None)
    assert not is_same_origin(host, "http", "http://localhost:9090", "same-origin")
    assert not is_same_origin(host, "http", "null", None)
    assert not is_same_origin(host, "http", None, "cross-site")
    assert not is_same_origin(host, "http", None, "same-site")


def test_tokens() -> None:
    token = new_csrf_token()
    assert same_token(token, token)
    assert not same_token(token, new_csrf_token())
    assert not same_token(token, None)
    assert not same_token(None, token)
    assert not same_token("", "")
    assert not same_token(token, "é" * 43)
