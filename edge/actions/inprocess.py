"""How an action runs inside this process (spec 13 section 1.4).

Every action that starts no process of its own goes through `run_in_process`: its inputs are
resolved and checked, its work runs under a scope that a stop of the node cancels, and its errors
become texts and exit codes. Work that blocks runs in a thread (`in_thread`), which is waited for
and never abandoned: it looks at `check_stop` at points where it may end.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from typing import TypeAlias, TypeVar

import trio

from edge.actions.base import ActionContext, ActionError, DeadlineError, Outcome
from edge.actions.inputs import Inputs, resolve_inputs
from edge.core.jsontypes import JsonObject
from edge.workflow.with_resolved import check_resolved, weak_inputs

__all__ = [
    "CANCELED",
    "SET_UP",
    "Work",
    "check_stop",
    "error_code",
    "go_error",
    "in_thread",
    "operation_of",
    "print_from_thread",
    "run_in_process",
]

CANCELED = "context canceled"
SET_UP = "failed to set up step: "
_EXIT_STATUS = re.compile(r"exit status (\d{1,9})", re.ASCII)
#: threads of actions at work at one time, over all runs of this process
_THREADS = trio.CapacityLimiter(16)
_T = TypeVar("_T")

#: carries an action out; returns what it publishes, None for nothing
Work: TypeAlias = "Callable[[ActionContext, Inputs], Awaitable[JsonObject | None]]"


def operation_of(context: ActionContext) -> str:
    """Return the action's own word: `write` of `file.write`."""
    return context.step.action.partition(".")[2]


async def run_in_process(
    context: ActionContext,
    work: Work,
    *,
    literal: Collection[str] = frozenset(),
    ignores_stop: bool = False,
) -> Outcome:
    """Carry an action out once. Never raises for an action that fails.

    `literal` inputs are not resolved; `ignores_stop` is for short work (see `open_scope`).
    """
    step = context.step
    try:
        values = weak_inputs(step.type, resolve_inputs(dict(step.options), context.scope, literal))
    except ValueError as exc:
        return Outcome(1, f"{SET_UP}{exc}")
    if reason := check_resolved(step.type, operation_of(context), values):
        return Outcome(1, f"{SET_UP}{reason}")
    published = None
    with context.open_scope(ignores_stop=ignores_stop) as scope:
        try:
            await trio.lowlevel.checkpoint()
            published = await work(context, Inputs(values, context))
        except DeadlineError as exc:
            return Outcome(1, str(exc), is_deadline=True)
        except ActionError as exc:
            text = str(exc)
            return Outcome(error_code(text) if exc.code is None else exc.code, text)
        except OSError as exc:
            return Outcome(1, go_error("open", exc))
        except RecursionError:
            return Outcome(1, f"{step.type}: a value is nested too deeply")
    if scope.cancelled_caught:
        return Outcome(1, CANCELED)
    return Outcome(0, published=published)


def error_code(text: str) -> int:
    """Return the exit code of an error of an action that defines none (spec 13 section 1.4)."""
    if found := _EXIT_STATUS.findall(text):
        return int(found[-1])
    return -1 if "signal:" in text else 1


def go_error(word: str, exc: OSError, path: str = "") -> str:
    """Return a system error in Go's words: `open /p: file exists`."""
    reason = (exc.strerror or str(exc)).lower()
    place = path or (exc.filename if isinstance(exc.filename, str) else "")
    return f"{word} {place}: {reason}" if place else reason


async def in_thread(
    work: Callable[..., _T], *args: object, interrupt: Callable[[], None] | None = None
) -> _T:
    """Run blocking work in a thread and wait for it.

    On cancel the work ends at its next `check_stop`; `interrupt` is called at once, from the event
    loop, to wake it where it blocks. Whatever the work raises is raised here.
    """
    call = partial(work, *args)
    if interrupt is None:
        return await trio.to_thread.run_sync(call, limiter=_THREADS)
    failure: BaseException | None = None
    results: list[_T] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_interrupt_on_cancel, interrupt, over := trio.Event())
        try:
            results.append(await trio.to_thread.run_sync(call, limiter=_THREADS))
        except Exception as exc:
            failure = exc
        over.set()
    await trio.lowlevel.checkpoint_if_cancelled()
    if failure is not None:
        raise failure
    return results[0]


async def _interrupt_on_cancel(interrupt: Callable[[], None], over: trio.Event) -> None:
    try:
        await over.wait()
    except trio.Cancelled:
        interrupt()
        raise


def check_stop() -> None:
    """End the thread's work here when the node was stopped. For use inside `in_thread`."""
    trio.from_thread.check_cancelled()


def print_from_thread(write: Callable[[bytes], None], data: bytes) -> None:
    """Print from inside `in_thread`; `write` is a method of the context."""
    check_stop()
    trio.from_thread.run_sync(write, data)
