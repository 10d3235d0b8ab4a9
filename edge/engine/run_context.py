"""What the nodes of a run share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge.core.clock import WallClock
from edge.engine.attempt import AttemptSpec
from edge.engine.children import ChildHost, StopPolicy
from edge.engine.events import Event
from edge.engine.masking import Masker
from edge.engine.processes import Spawner
from edge.engine.visibility import RunView
from edge.workflow.values import Scope

if TYPE_CHECKING:
    from edge.config.log import Logger

__all__ = ["RunContext"]


@dataclass(slots=True, kw_only=True)
class RunContext:
    """One attempt, as its nodes see it."""

    spec: AttemptSpec
    spawner: Spawner
    scope: Scope
    base_dir: str
    clock: WallClock
    log: Logger
    post: Callable[[Event], None]
    log_grew: Callable[[str, str, Path, int], None]
    masker: Masker
    view: RunView
    children: ChildHost | None
    stop_policy: StopPolicy
    #: the container that steps without one of their own share
    container_id: str = ""
