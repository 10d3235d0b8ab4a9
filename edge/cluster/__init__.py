"""Coordinator, worker, leases, transport: the distributed side."""
