"""Error families, by who must act. A failing step is a result, never one of these."""

from __future__ import annotations

__all__ = [
    "DuplicateRunError",
    "EdgeError",
    "NotFoundError",
    "PeerError",
    "StaleAttemptError",
    "StoreError",
    "TransientError",
    "UserError",
]


class EdgeError(Exception):
    """Something went wrong in edge.

    `message` says what and where; `hint` what to do next, in one line.
    """

    def __init__(self, message: str | None = None, *, hint: str | None = None) -> None:
        self.message = message or (type(self).__doc__ or "").strip().splitlines()[0]
        self.hint = hint
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message


class UserError(EdgeError):
    """The request cannot be carried out as it was written."""


class NotFoundError(UserError):
    """There is no such thing."""


class DuplicateRunError(UserError):
    """A run of that id exists already."""


class PeerError(EdgeError):
    """The other side refused or broke the protocol."""


class TransientError(EdgeError):
    """It may work later. `retry_after_s` is a hint in seconds."""

    def __init__(
        self, message: str | None = None, *, hint: str | None = None, retry_after_s: float = 1.0
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class StoreError(EdgeError):
    """The store cannot be used."""


class StaleAttemptError(EdgeError):
    """Another attempt owns this run now."""
