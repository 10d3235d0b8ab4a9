"""The parameters of a run at its start: schema file, evaluated texts, checks (spec 11 section 5).

The one way from what a caller gave to the parameters of a new run, for the command line, the pages
and the scheduler, local and dispatched runs alike. Done once, before there is a record: a retry and
a worker take the stored list.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from edge.engine.check_command import CheckCommand
from edge.engine.evaluation import CommandRunner, evaluate
from edge.engine.substitution import SubstitutionError
from edge.workflow.field_policy import policy_of
from edge.workflow.params import ParamEval, ParamOverrides, ParamResolution, ResolvedParams
from edge.workflow.values import Scope, Source
from edge.workflow.words import split_words

if TYPE_CHECKING:
    from edge.core.jsontypes import JsonObject
    from edge.engine.processes import Spawner
    from edge.workflow.model import DAG

__all__ = ["settle_params"]

#: what the watcher knows the commands by; there is no run yet
_RUN_ID = "run-input"


async def settle_params(
    dag: DAG,
    overrides: ParamOverrides,
    *,
    spawner: Spawner,
    environ: Mapping[str, str],
    default_shell: str = "",
    evaluate_texts: bool = True,
) -> ResolvedParams:
    """Return the parameters of a new run; commands run in the engine's current directory.

    `environ` is the engine's own. Raises: UserError, before anything ran where it can be told.
    """
    resolution = ParamResolution(
        dag, overrides, evaluate=evaluate_texts, document=await _document(dag)
    )
    while (item := resolution.next_eval()) is not None:
        cwd = os.getcwd()
        names = {name: text for name, text in item.values.items() if not name.isdigit()}
        run = CheckCommand(spawner, _RUN_ID, {**environ, **names}, cwd)
        try:
            text = await _evaluated(item, environ, names, default_shell, cwd, run)
        except SubstitutionError as exc:
            resolution.failed(f"phase substitute: {exc}")
        else:
            resolution.evaluated(text)
    return resolution.finish()


async def _evaluated(
    item: ParamEval,
    environ: Mapping[str, str],
    names: Mapping[str, str],
    default_shell: str,
    cwd: str,
    run: CommandRunner,
) -> str:
    root = Scope(params=item.values, host=environ)
    scope = root.child(environ.items(), Source.PROCESS).child(names.items(), Source.PARAM)
    words = split_words(default_shell) or [environ.get("SHELL") or "sh"]
    policy = policy_of("params[].eval")
    return await evaluate(item.text, scope, policy, shell=words[0], cwd=cwd, run=run)


async def _document(dag: DAG) -> JsonObject | None:
    schema = dag.params_schema
    if schema is None or schema.inline is not None:
        return None
    # most workflows have no schema file, and an HTTP client is a heavy import
    from edge.engine.schema_source import read_schema

    return await read_schema(schema.reference, dag)
