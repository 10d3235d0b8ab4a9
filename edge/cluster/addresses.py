"""Addresses of coordinators and the name of a worker (spec 20 sections 2, 15.1). Pure."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["default_worker_id", "parse_address", "usable_addresses"]


def default_worker_id(hostname: str, pid: int) -> str:
    """Return `<hostname>@<pid>`."""
    return f"{hostname or 'unknown'}@{pid}"


def parse_address(text: str) -> tuple[str, int]:
    """Return host and port of `host:port` or `[v6]:port`. Raises: ValueError naming the fault."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or (":" in host and not host.startswith("[")):
        raise ValueError(f"address {text}: missing port in address")
    if not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise ValueError("port must be between 1 and 65535")
    return host.removeprefix("[").removesuffix("]"), int(port)


def usable_addresses(entries: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the usable addresses, each once, and one warning for each other entry."""
    usable: list[str] = []
    warnings: list[str] = []
    for entry in entries:
        text = entry.strip()
        if not text:
            continue
        try:
            parse_address(text)
        except ValueError as exc:
            warnings.append(f'Invalid coordinator address "{text}": {exc}')
        else:
            usable.append(text)
    return list(dict.fromkeys(usable)), warnings
