"""SQLite: runs, attempts, nodes, slots, leases. The only package that knows SQL.

`writer` imports trio and is not imported here.
"""

from edge.store.rows import NodeRow, pack_nodes
from edge.store.store import Store
from edge.store.types import (
    ActiveRun,
    HostIdentity,
    LiveCheck,
    MissedSlot,
    ProcessGroup,
    RunFilter,
    RunSummary,
    SlotClaim,
    Snapshot,
    StoredRecord,
)

__all__ = [
    "ActiveRun",
    "HostIdentity",
    "LiveCheck",
    "MissedSlot",
    "NodeRow",
    "ProcessGroup",
    "RunFilter",
    "RunSummary",
    "SlotClaim",
    "Snapshot",
    "Store",
    "StoredRecord",
    "pack_nodes",
]
