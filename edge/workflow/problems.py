"""What can be wrong with a workflow file, and how it is said (spec 10 section 1.3).

Two views of one fault: `Problem` for our own `file:line:column: field: message`, and the bullet
text that `validate` prints and that other programs look for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from edge.core.errors import UserError

__all__ = [
    "DAGError",
    "Fault",
    "FaultError",
    "Findings",
    "Notice",
    "Place",
    "Problem",
    "RegistryError",
    "ValidationReport",
    "field_text",
]

#: line and column, counted from 1; 0 = not known
Place: TypeAlias = "tuple[int, int]"


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a file. `line` and `column` count from 1; 0 = the file as a whole."""

    line: int
    column: int
    #: path in YAML spelling, such as `steps[2].retry_policy.limit`; "" for the whole document
    field: str
    message: str

    def __str__(self) -> str:
        place = f"{self.line}:{self.column}: " if self.line else ""
        return f"{place}{self.field}: {self.message}" if self.field else place + self.message


class Notice:
    """A reference that inspection finds no value for (spec 11 section 10); never an error.

    `kind` is `defect` or `runtime_only`, `reason` a code or "". The place is as in `Problem`.
    """

    __slots__ = ("column", "field", "kind", "line", "message", "reason", "token")

    def __init__(
        self, *, field: str, token: str, because: str, reason: str, kind: str, place: Place
    ) -> None:
        self.field = field
        self.token = token
        self.message = f"{token} was left unchanged because {because}"
        self.reason = reason
        self.kind = kind
        self.line, self.column = place

    def as_json(self) -> dict[str, str]:
        """Return the record of `valueReferenceNotices`."""
        record = {
            "message": self.message,
            "fieldPath": self.field,
            "token": self.token,
            "reason": self.reason,
            "class": self.kind,
        }
        return {key: value for key, value in record.items() if value}


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """Result of `validate`: no error means valid; the rest never changes the verdict."""

    errors: tuple[Problem, ...]
    #: texts of build warnings and deprecations, each once
    warnings: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()
    #: the errors as the bullets of spec 10 section 14, without the leading dash
    bullets: tuple[str, ...] = ()


class Fault:
    """A fault while it travels up; `field` is relative to the mapping that is being read.

    `value` is the offending value for the bullet text; `bullet` replaces that text ("" = another
    fault's bullet says it already).
    """

    __slots__ = ("bullet", "column", "field", "line", "message", "value")

    def __init__(
        self,
        line: int,
        column: int,
        field: str,
        message: str,
        value: str | None = None,
        *,
        bullet: str | None = None,
    ) -> None:
        self.line = line
        self.column = column
        self.field = field
        self.message = message
        self.value = value
        self.bullet = bullet

    @property
    def text(self) -> str:
        """Return `field 'x': message (value: v)`."""
        if self.bullet is not None:
            return self.bullet
        shown = "" if self.value is None else f" (value: {self.value})"
        return f"{field_text(self.field)}{self.message}{shown}"


class FaultError(Exception):
    """Raised inside the loader only.

    `decoding` = wrong keys or types: nothing else of that mapping is checked. `base` is the path of
    the step or handler the faults belong to, `section` the root field that wraps them in bullets.
    """

    def __init__(
        self,
        faults: Sequence[Fault],
        *,
        decoding: bool = False,
        base: str = "",
        section: str = "",
    ) -> None:
        super().__init__("; ".join(fault.message for fault in faults))
        self.faults = tuple(faults)
        self.decoding = decoding
        self.base = base
        self.section = section

    def within(self, base: str, section: str) -> FaultError:
        """Return the same faults as those of a step or handler."""
        return FaultError(self.faults, decoding=self.decoding, base=base, section=section)


class RegistryError(FaultError):
    """Faults in declarations of custom actions: nothing after them is read."""


_R = TypeVar("_R")
_D = TypeVar("_D")


class Findings:
    """Collects faults of parts that are read one after the other."""

    def __init__(self) -> None:
        self.errors: list[FaultError] = []

    def read(self, reader: Callable[[], _R], otherwise: _D) -> _R | _D:
        """Return what `reader` returns; on a fault note it and return `otherwise`."""
        try:
            return reader()
        except FaultError as exc:
            self.errors.append(exc)
            return otherwise

    def raise_any(self) -> None:
        """Raise one error with everything that was found, if anything was."""
        if self.errors:
            raise FaultError(
                [fault for error in self.errors for fault in error.faults],
                decoding=any(error.decoding for error in self.errors),
            )


class DAGError(UserError):
    """The workflow cannot be loaded.

    The message is the text of spec 10 sections 1.3 and 1.5 from `failed to process document N: ` on
    (or the bare text of a syntax error or document rule).
    """

    def __init__(self, message: str, problems: Iterable[Problem], bullets: Iterable[str]) -> None:
        super().__init__(message)
        self.problems = tuple(problems)
        self.bullets = tuple(bullets)


def field_text(path: str) -> str:
    """Return the prefix `field 'path': `, or nothing for an empty path."""
    return f"field '{path}': " if path else ""
