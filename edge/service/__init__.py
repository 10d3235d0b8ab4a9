"""Which roles run in this process, under one nursery."""
