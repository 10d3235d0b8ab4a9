"""The cycle collector, out of the way while something large is built."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["collection_paused"]


@contextmanager
def collection_paused() -> Iterator[None]:
    """Keep the cycle collector from walking through a growing tree: a fifth of the load of a DAG.

    Where it is off already, it stays off.
    """
    import gc

    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
