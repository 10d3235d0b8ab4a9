"""SQLite: runs, attempts, nodes, slots, leases. The only package that knows SQL."""
