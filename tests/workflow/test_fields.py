from __future__ import annotations

import json
import time
from typing import Any

import pytest

from edge.workflow.fields import CONTEXTS, describe, hint_for, suggestion
from edge.workflow.jsonschema import dag_schema
from tests.workflow.helpers import refused


def test_schema_lists_exactly_the_fields() -> None:
    schema: Any = dag_schema()
    for name, fields in CONTEXTS.items():
        if name == "root":
            found = schema
        else:
            found = schema["$defs"][name]
        assert set(found["properties"]) == set(fields)
        assert found["additionalProperties"] is False
    assert json.loads(json.dumps(schema)) == schema


def test_every_reference_of_the_schema_exists() -> None:
    schema: Any = dag_schema()
    text = json.dumps(schema)
    for part in text.split('"$ref": "')[1:]:
        name = part.partition('"')[0].removeprefix("#/$defs/")
        assert name in schema["$defs"]


@pytest.mark.parametrize("context", sorted(CONTEXTS))
def test_every_field_has_a_help_line(context: str) -> None:
    text = describe(context)
    for field in CONTEXTS[context].values():
        assert field.name in text
        assert field.help


def test_hints() -> None:
    assert hint_for(["maxActiveSteps", "x", "timeoutSec"]) == (
        "use snake_case keys (maxActiveSteps -> max_active_steps, timeoutSec -> timeout_sec)"
    )
    assert 'use "working_dir"' in hint_for(["dir"])
    assert hint_for(["zeta"]) == ""
    known = list(CONTEXTS["root"])
    assert suggestion("enviroment", known) == ""
    assert suggestion("shedule", known) == "schedule"
    assert suggestion("Max-Active-Steps", known) == "max_active_steps"


def test_thousands_of_unknown_keys_are_refused_soon() -> None:
    """spec 10 section 1.2; for the first ones only, the key that was meant is looked for"""
    text = "".join(f"k{index}: v\n" for index in range(20_000))
    begin = time.process_time()
    error = refused(f"shedule: x\n{text}steps: [{{run: a}}]\n")
    assert time.process_time() - begin < 2.0
    assert len(error.problems) == 20_001
