"""One DAG run: plan and state machine (pure), runner (trio), processes, logs."""
