"""In-memory twins of the I/O shells, for tests."""
