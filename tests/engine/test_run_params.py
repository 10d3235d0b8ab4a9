"""Parameters at the start of a run: evaluated texts and schema files."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.core.errors import UserError
from edge.engine import evaluation
from edge.engine.processes import Spawner
from edge.engine.run_params import settle_params
from edge.workflow.params import parse_overrides
from tests.engine.helpers import make_dag

STEPS = "\nsteps: [{run: a}]\n"


@pytest.fixture
def spawner() -> Iterator[Spawner]:
    made = Spawner(None)
    yield made
    made.close()


async def settled(
    spawner: Spawner, params: str, *words: str, evaluate: bool = True, **environ: str
) -> dict[str, str]:
    found = await settle_params(
        make_dag(f"params: {params}{STEPS}"),
        parse_overrides(words),
        spawner=spawner,
        environ={"PATH": os.environ["PATH"], **environ},
        default_shell="/bin/sh",
        evaluate_texts=evaluate,
    )
    return found.as_dict()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # spec 11 section 11: order, delimiters and results of dynamic evaluation
        ("`printf %s-b ${params.a}` $(printf x) $a ${NOPE} '$a'", "A1-b x A1 ${NOPE} '$a'"),
        ("${env.HOST} $HOST ${params.later} ${consts.c}", "h h ${params.later} ${consts.c}"),
        ("$(printf '  x y \\n\\n')", "x y"),
        ('$(echo $a; echo "$HOST")', "A1\nh"),
        ("$(echo out; echo err >&2)", "out"),
        ("\\`date\\` \\$(date) `` unclosed `date", "\\`date\\` \\$(date) `` unclosed `date"),
        # spec 11 section 1: an inserted value is data; nothing in it runs
        ("${params.evil} $evil", "$(echo ran) `echo ran` $(echo ran) `echo ran`"),
        ("$(echo '${params.none}')", "${params.none}"),
        ("$(printf '%s' '`echo x`')", None),
    ],
)
async def test_evaluation(spawner: Spawner, text: str, expected: str | None) -> None:
    params = json.dumps(
        [
            {"name": "a", "default": "A1"},
            {"name": "evil", "default": "x"},
            {"name": "b", "eval": text, "default": "failed"},
            {"name": "later", "default": "L"},
        ]
    )
    evil = "evil=$(echo ran) `echo ran`"
    found = await settled(spawner, params, evil, HOST="h")
    assert found["b"] == (expected if expected is not None else "failed")


async def test_failure_names_command_status_and_stderr(spawner: Spawner) -> None:
    """spec 11 section 5: the failure text, with the command's stderr."""
    with pytest.raises(UserError) as caught:
        await settled(spawner, "[{name: n, eval: '$(echo why >&2; exit 3)'}]")
    assert caught.value.message == (
        'invalid parameter value: parameter "n" eval failed: phase substitute: failed to execute'
        ' command "echo why >&2; exit 3": exit status 3\nstderr=why\n'
    )


@pytest.mark.parametrize(
    ("item", "found"),
    [
        # spec 11 section 5: on failure the default literally
        ("eval: $(exit 3), default: 'kept $a `x`'", "kept $a `x`"),
        ("eval: '$(echo `nested`)', default: nested", "nested"),
        ("type: integer, eval: $(echo 05)", "5"),
    ],
)
async def test_default_on_failure(spawner: Spawner, item: str, found: str) -> None:
    assert await settled(spawner, f"[{{name: n, {item}}}]") == {"n": found}


async def test_a_misfit_fails_even_with_a_default(spawner: Spawner) -> None:
    """spec 11 section 5: a result that does not fit the type."""
    params = "[{name: n, type: integer, eval: $(echo x), default: 5}]"
    with pytest.raises(UserError, match='n: cannot coerce "x" to integer'):
        await settled(spawner, params)


async def test_an_override_is_literal_and_runs_nothing(spawner: Spawner, tmp_path: Path) -> None:
    """spec 11 section 3: `eval` counts only if the caller gave no value."""
    mark = tmp_path / "ran"
    params = json.dumps([{"name": "a", "eval": f"$(touch {mark})"}])
    given = f"$(touch {mark}) `x` $HOME"
    assert await settled(spawner, params, f"a={given}") == {"a": given}
    assert await settled(spawner, params, evaluate=False) == {}
    assert not mark.exists()
    assert await settled(spawner, params) == {"a": ""}
    assert mark.exists()


async def test_a_command_has_two_seconds(spawner: Spawner, monkeypatch: pytest.MonkeyPatch) -> None:
    """spec 11 section 11: the limit, and the whole group is killed."""
    assert evaluation._LIMIT_S == 2
    monkeypatch.setattr(evaluation, "_LIMIT_S", 0.1)
    with pytest.raises(UserError, match=r'command "sleep 60 \| cat": timed out after 0.1s'):
        await settled(spawner, "[{name: n, eval: '$(sleep 60 | cat)'}]")


async def test_commands_run_in_the_current_directory(
    spawner: Spawner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """spec 10 section 9: commands run in the engine's current directory."""
    monkeypatch.chdir(tmp_path)
    assert await settled(spawner, "[{name: n, eval: $(pwd -P)}]") == {"n": os.getcwd()}


async def test_a_schema_file_is_read_at_the_start(
    spawner: Spawner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """spec 10 section 9: an external schema checks and fills the values."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.json").write_text(
        '{"type": "object", "properties": {"n": {"type": "integer"}, "d": {"default": "x"}}}'
    )
    assert await settled(spawner, "{schema: ./s.json, values: {n: 2}}") == {"n": "2", "d": "x"}
    assert await settled(spawner, "{schema: ./s.json}", "n=07") == {"n": "7", "d": "x"}
    with pytest.raises(UserError, match='n: cannot coerce "y" to integer'):
        await settled(spawner, "{schema: ./s.json}", "n=y")
