from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from edge.config.keys import KEYS
from edge.config.schema import config_schema

SCHEMA: Any = config_schema()


def test_every_key_is_in_it() -> None:
    """spec 30 section 2"""
    for name in KEYS:
        node = SCHEMA
        for part in name.split("."):
            node = node["properties"][part]
        assert "EDGE_" in node["description"]


@pytest.mark.parametrize(
    ("config", "is_valid"),
    [
        # spec 30 section 2: types, and what is unknown
        ({"port": 8080, "paths": {"dags_dir": "/d"}}, True),
        ({"port": 70000}, False),
        ({"default_execution_mode": "remote"}, False),
        ({"whatever": {"a": 1}}, True),
        ({"edge": {"v1_compat": False}}, True),
        ({"edge": {"v2_compat": False}}, False),
        ({"worker": {"labels": {"a": "b"}, "coordinators": ["c"]}}, True),
        ({"dags": "/d", "ui": {"navbar_title": "x", "navbar_color": "y"}}, True),
    ],
)
def test_what_fits(config: dict[str, object], is_valid: bool) -> None:
    assert Draft202012Validator(SCHEMA).is_valid(config) is is_valid


def test_the_recorded_configuration_fits() -> None:
    """spec 30 section 2"""
    import yaml

    path = Path(__file__).parent.parent / "data" / "cli" / "config.yaml"
    assert Draft202012Validator(SCHEMA).is_valid(yaml.safe_load(path.read_text()))
