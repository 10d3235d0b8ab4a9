"""What the steps of one document are built with (spec 10 section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from edge.workflow.model import DAGType
from edge.workflow.nodes import Node

if TYPE_CHECKING:
    from edge.workflow.custom_actions import CustomAction

__all__ = ["Build", "Defaults"]


class Defaults:
    """`defaults`, checked; entries are taken over as they are written."""

    __slots__ = ("entries",)

    def __init__(self, entries: Mapping[str, Node]) -> None:
        self.entries = entries


class Build:
    """The surroundings of a step: its document, and where in it the step stands.

    `actions` are the custom actions by name; `warnings` is appended
    to. `handler` is the event of a handler step, `in_body` tells of a step inside `foreach`.
    """

    __slots__ = (
        "actions",
        "dag_type",
        "defaults",
        "dialect",
        "handler",
        "has_container",
        "has_redis",
        "has_ssh",
        "in_body",
        "warnings",
    )

    def __init__(
        self,
        *,
        dag_type: DAGType = DAGType.GRAPH,
        dialect: str = "v2",
        defaults: Defaults | None = None,
        actions: Mapping[str, CustomAction] | None = None,
        has_container: bool = False,
        has_ssh: bool = False,
        has_redis: bool = False,
        warnings: list[str] | None = None,
        handler: str = "",
        in_body: bool = False,
    ) -> None:
        self.dag_type = dag_type
        self.dialect = dialect
        self.defaults = defaults or Defaults({})
        self.actions: Mapping[str, CustomAction] = actions or {}
        self.has_container = has_container
        self.has_ssh = has_ssh
        self.has_redis = has_redis
        self.warnings = [] if warnings is None else warnings
        self.handler = handler
        self.in_body = in_body

    @property
    def is_chain(self) -> bool:
        return self.dag_type is DAGType.CHAIN

    def inside(self, *, handler: str = "", in_body: bool = False) -> Build:
        """Return the surroundings of a handler step, or of a `foreach` body.

        A body has no defaults and is a graph of its own.
        """
        return Build(
            dag_type=DAGType.GRAPH if in_body else self.dag_type,
            dialect=self.dialect,
            defaults=Defaults({}) if in_body else self.defaults,
            actions=self.actions,
            has_container=self.has_container,
            has_ssh=self.has_ssh,
            has_redis=self.has_redis,
            warnings=self.warnings,
            handler=handler or self.handler,
            in_body=in_body or self.in_body,
        )
