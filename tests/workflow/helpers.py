"""Small helpers of the language tests."""

from __future__ import annotations

from textwrap import dedent

import pytest

from edge.workflow.load import LoadOptions, load_dag
from edge.workflow.model import DAG, CommandRun, ScriptRun, Step
from edge.workflow.problems import DAGError


def load(text: str, *, how: LoadOptions | None = None, **options: str) -> DAG:
    options.setdefault("default_name", "sample")
    return load_dag(dedent(text), options=how or LoadOptions(), **options)


def refused(text: str, *, how: LoadOptions | None = None, **options: str) -> DAGError:
    """Return the error of a text that must not load."""
    with pytest.raises(DAGError) as caught:
        load(text, how=how, **options)
    return caught.value


def step(text: str) -> Step:
    """Return the only step of a document given by the fields of the step in flow form."""
    (only,) = load(f"steps:\n  - {text}\n").steps
    return only


def commands(found: Step) -> tuple[str, ...]:
    assert isinstance(found.run, CommandRun)
    return found.run.commands


def script(found: Step) -> str:
    assert isinstance(found.run, ScriptRun)
    return found.run.text
