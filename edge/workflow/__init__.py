"""The workflow language: YAML text to a validated, immutable DAG. Pure."""
