"""One clear error out of nested exception groups."""

from __future__ import annotations

from collections.abc import Iterator

import trio

from edge.core.errors import EdgeError

__all__ = ["single_error"]


def single_error(group: BaseExceptionGroup[BaseException]) -> BaseException | None:
    """Return the error that tells what went wrong: ours first, else the only one there is.

    None when several foreign errors came together: then the group itself is the story.
    """
    leaves = list(_leaves(group))
    for leaf in leaves:
        if isinstance(leaf, EdgeError):
            return leaf
    return leaves[0] if len(leaves) == 1 else None


def _leaves(exc: BaseException) -> Iterator[BaseException]:
    if isinstance(exc, BaseExceptionGroup):
        for inner in exc.exceptions:
            yield from _leaves(inner)
    elif not isinstance(exc, trio.Cancelled):
        yield exc
