"""`edge human-task complete`: answer a human task (spec 12 section 14)."""

from __future__ import annotations

from edge.cli.flags import Command, Flag, Parsed
from edge.core.errors import UserError
from edge.core.ids import RunRef

__all__ = ["command", "run"]


def command(name: str) -> Command:
    """Return the arguments of the command."""
    return Command(
        name,
        "complete <DAG name>",
        "Complete a human task of a waiting run.",
        (
            Flag("run-id", "r", help="the run", required=True),
            Flag("step", help="id of the step", required=True),
            Flag("input", "", "list", "a value of the form, k=v (repeatable)"),
            Flag("inputs-json", help="all values as one JSON object"),
        ),
        1,
        2,
    )


def run(parsed: Parsed) -> int:
    """Complete the task; print what became of the run."""
    if parsed.positionals[0] != "complete":
        raise UserError(f'unknown command "{parsed.positionals[0]}" for "edge human-task"')
    count = len(parsed.positionals) - 1
    if count != 1:
        raise UserError(f"accepts 1 arg(s), received {count}")
    if parsed.has("context") and parsed.text("context") != "local":
        raise UserError(
            'initialization error: command "human-task complete" only supports the local context'
        )
    from edge.cli.answer import check_step, person
    from edge.engine.human_answers import complete, parse_inputs, parse_json_input, task_input

    step = check_step(parsed)
    if parsed.has("input") and parsed.has("inputs-json"):
        raise UserError("--input and --inputs-json cannot be used together")
    texts = parse_inputs(parsed.items("input"))
    values = parse_json_input(parsed.text("inputs-json")) if parsed.has("inputs-json") else None
    from edge.config.home import prepare_home
    from edge.engine.resuming import load_run
    from edge.store import Store
    from edge.store.host import this_host

    settings = parsed.settings()
    ref = RunRef(parsed.positionals[1], parsed.text("run-id"))
    missing = f'failed to find DAG-run "{ref.name}" with run ID "{ref.run_id}": '
    if not ref.run_id:
        raise UserError(missing + "dag-run ID is empty")
    by = person()
    prepare_home(settings)
    store = Store.open(settings.paths.store_file, page_size=settings.storage.page_size)
    try:
        stored = load_run(store, settings, this_host(), ref)
        if stored is None:
            raise UserError(f"{missing}dag-run ID not found: {ref.run_id}")
        given = task_input(stored.dag, step, texts=texts, values=values)
        print(store.answer(ref, lambda record: complete(record, step, given, by)))
    finally:
        store.close()
    return 0
