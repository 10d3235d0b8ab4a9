"""Replacing secrets by stars before anything is written, shown or sent (spec 11 section 9). Pure.

A stream is masked as it comes: only a piece that may still become a secret is held back, so a
secret cut by a buffer is found, and a line without its newline is written at once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from edge.core.jsontypes import JsonObject, JsonValue

__all__ = ["MASK", "MaskStream", "Masker"]

MASK = "*******"
#: a line of a multi-line secret that is not longer is too common a text
_LINE_MIN_CHARS = 4
_HEAD_BYTES = 32


class Masker:
    """Knows the secrets of a run. One without secrets changes nothing."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        found: set[str] = set()
        for secret in secrets:
            # The value of a file ends with a newline that no user prints again.
            found.update((secret, secret.rstrip("\r\n")))
            lines = (line.strip("\r") for line in secret.split("\n"))
            found.update(line for line in lines if len(line) >= _LINE_MIN_CHARS)
        found.discard("")
        texts = sorted(found, key=lambda text: (-len(text), text))
        self._texts = [text.encode("utf-8", "surrogateescape") for text in texts]
        self._pattern = re.compile("|".join(map(re.escape, texts))) if texts else None

    @property
    def is_empty(self) -> bool:
        """Return whether there is nothing to mask."""
        return self._pattern is None

    def text(self, text: str) -> str:
        """Return the text with stars for every secret, the longest first."""
        return text if self._pattern is None else self._pattern.sub(MASK, text)

    def value(self, value: JsonValue) -> JsonValue:
        """Return a JSON value with every text in it masked, keys and numbers included."""
        if self._pattern is None:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return self.members(value)
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, int | float) and not isinstance(value, bool):
            shown = json.dumps(value)
            return value if self.text(shown) == shown else self.text(shown)
        return value

    def members(self, members: JsonObject) -> JsonObject:
        """Return a JSON object, masked."""
        if self._pattern is None:
            return members
        return {self.text(key): self.value(value) for key, value in members.items()}

    def stream(self) -> MaskStream | None:
        """Return what masks one stream of bytes; None when there is nothing to mask."""
        return MaskStream(self._texts) if self._texts else None


class MaskStream:
    """Masks a stream that comes in pieces; every way of cutting it gives the same result."""

    def __init__(self, secrets: list[bytes]) -> None:
        """`secrets` longest first, none empty."""
        self._secrets = secrets
        self._pattern = re.compile(b"|".join(map(re.escape, secrets)))
        self._longest = len(secrets[0])
        self._first = re.compile(b"|".join(sorted({re.escape(item[:1]) for item in secrets})))
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """Take a piece; return what is certain by now."""
        data = self._held + data
        out: list[bytes] = []
        at = 0
        held = self._open_end(data, at)
        while match := self._pattern.search(data, at):
            if match.start() >= held:
                break
            out += (data[at : match.start()], MASK.encode())
            at = match.end()
            if at > held:
                held = self._open_end(data, at)
        self._held = data[held:]
        out.append(data[at:held])
        return b"".join(out)

    def flush(self) -> bytes:
        """Return what was held back; the stream may go on after it."""
        rest, self._held = self._held, b""
        return self._pattern.sub(MASK.encode(), rest)

    def _open_end(self, data: bytes, at: int) -> int:
        """Return where a secret may have begun that more data could complete; else the end."""
        for match in self._first.finditer(data, max(at, len(data) - self._longest + 1)):
            start = match.start()
            size = len(data) - start
            for secret in self._secrets:
                if len(secret) <= size:
                    break
                # The head first: a copy of the rest at each place would be quadratic.
                head = secret[: min(size, _HEAD_BYTES)]
                if data.startswith(head, start) and secret.startswith(data[start:]):
                    return start
        return len(data)
