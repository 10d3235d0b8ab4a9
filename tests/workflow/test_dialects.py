"""One workflow, two dialects, one model (spec 10 sections 13, 13.1, 13.2 and 13.3)."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest

from edge.workflow.load import load_dag, validate_text
from edge.workflow.model import DAG
from tests.dialects import NAMES, text_of


def _load(name: str, dialect: str) -> DAG:
    return load_dag(text_of(name, dialect), default_name=name)


def _meaning(value: Any) -> Any:
    """Return a model without what tells of the text it was read from."""
    if isinstance(value, DAG):
        value = replace(value, dialect="", text="", base_text="", warnings=(), deprecations=())
    if is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: _meaning(getattr(value, field.name))
            for field in fields(value)
            if field.name != "line"
        }
    if isinstance(value, dict):
        return {key: _meaning(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_meaning(item) for item in value]
    return value


def test_there_are_twenty() -> None:
    assert len(NAMES) >= 20


@pytest.mark.parametrize("name", NAMES)
def test_both_dialects_give_the_same_model(name: str) -> None:
    assert _meaning(_load(name, "v1")) == _meaning(_load(name, "v2"))


@pytest.mark.parametrize("name", NAMES)
def test_the_dialect_is_told_by_the_spelling(name: str) -> None:
    old, new = _load(name, "v1"), _load(name, "v2")
    assert (old.dialect, new.dialect) == ("v1", "v2")
    report = validate_text(text_of(name, "v1"), source_file=f"{name}.yaml", default_name=name)
    assert not report.errors
    assert any("is Dagu 1.30 spelling; use" in text for text in report.warnings)


@pytest.mark.parametrize("name", NAMES)
def test_the_new_spelling_is_valid_without_a_word(name: str) -> None:
    report = validate_text(text_of(name, "v2"), source_file=f"{name}.yaml", default_name=name)
    assert (report.errors, report.warnings) == ((), ())
