"""Which kind an archive is, by name and by content (spec 13 section 8)."""

from __future__ import annotations

from typing import NoReturn

from edge.actions.base import ActionError

__all__ = ["Code", "detect", "fail", "format_of_name"]

_ALIASES = {
    "zip": "zip",
    "tar": "tar",
    "tar.gz": "tar.gz",
    "tgz": "tar.gz",
    "tar.bz2": "tar.bz2",
    "tbz2": "tar.bz2",
    "tbz": "tar.bz2",
    "tar.xz": "tar.xz",
    "txz": "tar.xz",
    "tar.zst": "tar.zst",
    "tar.zstd": "tar.zst",
    "7z": "7z",
    "rar": "rar",
    "gz": "gz",
    "bz2": "bz2",
    "xz": "xz",
    "zst": "zst",
    "lz4": "lz4",
}
_MAGIC = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\x1f\x8b", "tar.gz"),
    (b"BZh", "tar.bz2"),
    (b"\xfd7zXZ\x00", "tar.xz"),
    (b"\x28\xb5\x2f\xfd", "tar.zst"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
)
_BARE = ("gz", "bz2", "xz", "zst", "lz4")
#: known, and for want of a library that has wheels for every machine not built
_UNBUILT = ("tar.zst", "7z", "rar")


class Code:
    """Exit codes of the archive actions that this build can give."""

    SOURCE = 3
    DESTINATION = 4
    FORMAT = 5
    EXTRACTION = 6
    CREATION = 7
    PERMISSION = 10
    CORRUPTED = 12


def fail(what: str, reason: str, code: int) -> NoReturn:
    """Raise the error of an archive: `archive: <what>: <reason>`."""
    raise ActionError(f"archive: {what}: {reason}", code)


def format_of_name(name: str) -> str:
    """Return the format that a file's name stands for; "" for none."""
    lower = name.lower()
    found = [suffix for suffix in _ALIASES if lower.endswith("." + suffix)]
    return _ALIASES[max(found, key=len)] if found else ""


def detect(given: str, name: str, head: bytes | None) -> str:
    """Return the format to use: the one given, that of the content, that of the name.

    `head` None: the archive is to be made. Raises: ActionError.
    """
    if given:
        found = _ALIASES.get(given.lower(), "")
        if not found:
            fail("format detection failed", f'unsupported format "{given}"', Code.FORMAT)
    else:
        found = format_of_name(name) if head is None else _of_content(head, name)
    if not found:
        fail("format detection failed", f"unknown archive format: {name}", Code.FORMAT)
    if found in _BARE:
        fail("format detection failed", f"{found} holds no archive: {name}", Code.FORMAT)
    if found in _UNBUILT:
        fail(
            "format detection failed",
            f"format {found} is not available in this build of edge",
            Code.FORMAT,
        )
    return found


def _of_content(head: bytes, name: str) -> str:
    if head[257:262] == b"ustar":
        return "tar"
    return next((kind for magic, kind in _MAGIC if head.startswith(magic)), format_of_name(name))
