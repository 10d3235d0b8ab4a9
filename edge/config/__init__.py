"""Settings, paths, logging."""
