"""Cron ticks to runs: a pure planner and its trio shell."""
