"""`edge approve`, `reject` and `push-back`: answer a step that waits (spec 12 section 14)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.cli.flags import Command, Flag, Parsed
from edge.core.errors import NotFoundError, UserError
from edge.core.ids import RunRef

if TYPE_CHECKING:
    from edge.engine.answers import Person

__all__ = ["check_step", "command", "person", "run"]

_HELP = {
    "approve": "Let a step that waits for approval count as a success.",
    "reject": "End a run whose step waits for approval.",
    "push-back": "Let a step that waits for approval run again.",
}


def command(name: str) -> Command:
    """Return the arguments of the command."""
    last = (
        Flag("reason", help="why")
        if name == "reject"
        else Flag("input", "", "list", "a value for the steps behind it, k=v (repeatable)")
    )
    flags = (
        Flag("run-id", "r", help="the run", required=True),
        Flag("step", help="name or id of the step", required=True),
        last,
    )
    return Command(name, "<DAG name>", _HELP[name], flags, 1, 1)


def run(parsed: Parsed) -> int:
    """Change the stored run; a service, or `edge retry`, takes it up again."""
    from edge.config.dagfiles import dag_name_of
    from edge.config.home import prepare_home
    from edge.engine.answers import approve, push_back, reject
    from edge.engine.human_answers import parse_inputs
    from edge.engine.resuming import load_run
    from edge.store import Store, StoredRecord
    from edge.store.host import this_host

    settings = parsed.settings()
    step, inputs = parsed.text("step"), parse_inputs(parsed.items("input"))
    ref = RunRef(dag_name_of(parsed.positionals[0], settings), parsed.text("run-id"))
    by = person()
    prepare_home(settings)
    store = Store.open(settings.paths.store_file, page_size=settings.storage.page_size)

    def change(record: StoredRecord) -> tuple[str, bool]:
        if parsed.command.name == "reject":
            reject(record, step, parsed.text("reason"), by)
            return f"Rejected step {step}; DAG-run rejected.", True
        if parsed.command.name == "push-back":
            assert stored is not None
            iteration = push_back(record, stored.dag, step, inputs, by)
            text = f"Pushed back step {step} (iteration {iteration})"
            return f"{text}; DAG-run queued for resume.", True
        if approve(record, step, inputs, by):
            return f"Approved step {step}; DAG-run queued for resume.", True
        return f"Approved step {step}; DAG-run remains waiting.", True

    try:
        stored = load_run(store, settings, this_host(), ref)
        if stored is None:
            raise NotFoundError(
                f"failed to find the record for dag-run ID {ref.run_id}: dag-run ID not found:"
                f" {ref.run_id}"
            )
        print(store.answer(ref, change))
    finally:
        store.close()
    return 0


def person() -> Person:
    """Return who runs this process."""
    import os
    import pwd

    from edge.core.clock import SystemClock
    from edge.engine.answers import Person

    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    return Person(name, f"os:{uid}", SystemClock().now_ms())


def check_step(parsed: Parsed) -> str:
    """Return the step that is meant. Raises: UserError for an empty one."""
    step = parsed.text("step").strip()
    if not step:
        raise UserError("--step must not be empty")
    return step
