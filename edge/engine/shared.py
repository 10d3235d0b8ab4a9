"""What all steps of a run share: the root's container; and the check of its SSH settings.

Made before the first step and closed after the last handler (spec 13 section 4.4, spec 12 section
3). An error here fails the run, no handler runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from edge.workflow.model import DAG
from edge.workflow.values import Scope

if TYPE_CHECKING:
    from edge.actions.container_shared import SharedContainer

__all__ = ["SharedParts"]


class SharedParts:
    """Opened once; `container_id` is "" where the DAG has no container.

    Resource handling: leaving removes what `open` has made, also after a cancel.
    """

    def __init__(self, dag: DAG, scope: Scope, cwd: str, warn: Callable[[str], None]) -> None:
        self.container_id = ""
        self._dag = dag
        self._scope = scope
        self._cwd = cwd
        self._warn = warn
        self._container: SharedContainer | None = None

    async def __aenter__(self) -> SharedParts:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._container is not None:
            await self._container.close()

    async def open(self) -> str:
        """Make what the DAG asks for; return why that failed."""
        # The libraries behind these are of no use to a DAG that has neither.
        if self._dag.ssh is not None and (error := await self._check_ssh()):
            return error
        return await self._open_container() if self._dag.container is not None else ""

    async def _check_ssh(self) -> str:
        from edge.actions.base import ActionError
        from edge.actions.inprocess import in_thread
        from edge.actions.ssh_target import SET_UP_SSH, home_of, read_target, root_options
        from edge.actions.table import is_importable

        if not is_importable("paramiko") or not (self._dag.ssh and self._dag.ssh.host):
            return ""
        from edge.actions.ssh_session import check_files

        try:
            options = root_options(self._dag.ssh, self._scope)
            target = read_target({}, options, home_of(self._scope))
            await in_thread(check_files, target)
        except ActionError as exc:
            return f"failed to create ssh client: {str(exc).removeprefix(SET_UP_SSH)}"
        return ""

    async def _open_container(self) -> str:
        from edge.actions.base import ActionError
        from edge.actions.container_shared import SharedContainer

        self._container = SharedContainer(self._dag, self._scope, self._cwd, self._warn)
        try:
            self.container_id = await self._container.open()
        except ActionError as exc:
            return f"failed to initialize container client: {exc}"
        return ""
