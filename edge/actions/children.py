"""What an action can do with child runs (spec 12 section 12)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from edge.core.gojson import GoRecord
from edge.core.jsontypes import JsonObject
from edge.core.status import RunStatus
from edge.core.subruns import SubRun

if TYPE_CHECKING:
    from edge.workflow.values import Scope

__all__ = ["BodyCall", "BodyEnd", "ChildEnd", "ChildError", "Children"]


class ChildError(Exception):
    """A child run cannot start; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildEnd:
    """How a child run ended; secrets are masked."""

    run_id: str
    name: str
    status: RunStatus
    #: its parameters as one text, values unquoted
    params: str = ""
    #: output variables of its steps, and what they published as objects
    outputs: Mapping[str, str] = field(default_factory=dict)
    values: JsonObject = field(default_factory=dict)
    #: the last error that it kept
    error: str = ""

    @property
    def reason(self) -> str:
        """Return why it is no success."""
        word = self.status.word
        return self.error or f"sub DAG run {self.run_id} failed with status: {word}"

    def to_json(self) -> GoRecord:
        """Return the result object, its members in the order of the reference."""
        found = GoRecord()
        found["name"] = self.name
        found["dagRunId"] = self.run_id
        if self.params:
            found["params"] = self.params
        found["outputs"] = dict(self.outputs)
        if self.values:
            found["outputValues"] = self.values
        found["status"] = self.status.word
        return found


@dataclass(frozen=True, slots=True)
class BodyCall:
    """The body of a loop for one item: what its texts see, and where it starts from."""

    index: int
    scope: Scope
    cwd: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyEnd:
    """How a body ended; `scope` sees the steps of the body."""

    status: RunStatus
    error: str
    scope: Scope


class Children(Protocol):
    """The child runs of one node, and the bodies of a loop."""

    @property
    def is_stopped(self) -> bool:
        """Return whether no further one may start."""
        ...

    def run_id(self, name: str, params: str, extra: str = "") -> str:
        """Return the id of the child run of a call (spec 12 section 1)."""
        ...

    async def find(self, name: str) -> None:
        """Look a target up and check that it can be a child. Raises: ChildError."""
        ...

    def note(self, children: Sequence[SubRun]) -> None:
        """Record the children of the node; call it before any of them starts."""
        ...

    async def run(self, child: SubRun) -> ChildEnd:
        """Run a child to its end; one that has succeeded before is taken as it is.

        A stop of the node is passed on. Raises: ChildError when it cannot start.
        """
        ...

    async def run_body(self, call: BodyCall) -> BodyEnd:
        """Run the body of the step's loop for one item; a stop of the node is passed on."""
        ...
