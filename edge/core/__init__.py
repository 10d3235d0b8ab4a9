"""Ids, statuses, errors, the run record. Pure."""
