"""What an action gets from the engine, and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from edge.actions.children import Children
from edge.core.jsontypes import JsonObject
from edge.core.state import StateEntry, StateRef
from edge.core.subruns import StatusDetail
from edge.workflow.model import DAG, Step
from edge.workflow.values import Scope

if TYPE_CHECKING:
    import trio

__all__ = ["ActionContext", "ActionError", "DeadlineError", "Outcome", "StateStore"]


class ActionError(Exception):
    """The action cannot be carried out; the text is the node's error.

    `code` is the exit code of an action that defines its codes; None = what spec 13 section 1.4
    reads from the text, else 1.
    """

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class DeadlineError(ActionError):
    """A deadline of the action's own has passed, which is not the step's timeout."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one execution ended: exit code (-1 = by a signal) and error text, empty for success."""

    code: int
    error: str = ""
    #: name of a private file, which no error text may show
    private_file: str = ""
    #: what the action publishes for later steps and for whoever started the run
    published: JsonObject | None = None
    #: a deadline of the action's own has passed: the node ends aborted (spec 13 section 1.4)
    is_deadline: bool = False
    #: the error is followed by the end of stderr, as for a process
    shows_stderr: bool = False
    #: a partial success, which keeps its error
    is_partial: bool = False
    #: how each child run, or each item, ended
    details: tuple[StatusDetail, ...] = ()


class StateStore(Protocol):
    """State between runs, wherever it is kept; a conflict raises StateError."""

    async def get(self, ref: StateRef) -> StateEntry | None:
        """Return a value; None when there is none."""
        ...

    async def put(
        self,
        ref: StateRef,
        value: str,
        digest: str,
        *,
        expected: int | None = None,
        create_only: bool = False,
    ) -> StateEntry:
        """Write a value's normal text and hash; `expected` 0 = there must be none."""
        ...

    async def delete(self, ref: StateRef, *, expected: int | None = None) -> bool:
        """Remove a value; False when there was none."""
        ...

    async def list(self, ref: StateRef, prefix: str, limit: int) -> list[StateEntry]:
        """Return the values of a namespace, sorted by key; `limit` 0 = all."""
        ...


class ActionContext(Protocol):
    """One execution of one node."""

    dag: DAG
    step: Step
    #: what references in the step's texts can see
    scope: Scope
    cwd: str
    #: shell of steps that name none; "" = `$SHELL`, then `sh`
    default_shell: str
    #: the container that the run's steps share; "" = none
    container_id: str
    #: None = this engine has no state between runs
    state: StateStore | None

    @property
    def children(self) -> Children:
        """Return what starts child runs for the step."""
        ...

    def note_command(self, number: int, text: str, argv: Sequence[str] | None = None) -> None:
        """Tell how command `number` (from 1) reads now that its references are resolved.

        `argv`: its words, where they are known and no shell splits the text.
        """
        ...

    def write_stdout(self, data: bytes) -> None:
        """Print for the step: to its log, and to what captures its output."""
        ...

    def write_stderr(self, data: bytes) -> None:
        """Print to the step's other stream."""
        ...

    def open_scope(self, *, ignores_stop: bool) -> trio.CancelScope:
        """Return the scope of the action's work: a stop of the node cancels it.

        `ignores_stop`: the work is short, only what ends at once (a kill, a timeout) cancels it.
        """
        ...

    async def run_process(self, argv: Sequence[str], executable: str) -> int:
        """Run a process to its end, its output in the node's logs.

        Returns its exit code, negative for death by a signal. Raises: OSError when it cannot be
        started, ActionError when the node was stopped before.
        """
        ...
