"""The zone of schedules."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from edge.core.errors import UserError
from edge.scheduler.zone import schedule_zone


def test_settings_come_first_then_the_environment_then_the_machine(tmp_path: Path) -> None:
    missing = str(tmp_path / "localtime")
    assert str(schedule_zone("Asia/Tokyo", {"TZ": "Europe/Berlin"})) == "Asia/Tokyo"
    assert str(schedule_zone("", {"TZ": ":Europe/Berlin"})) == "Europe/Berlin"
    assert schedule_zone("", {"TZ": "Nowhere/City"}, missing) is dt.UTC
    assert schedule_zone("", {}, missing) is dt.UTC
    (tmp_path / "localtime").write_bytes(b"no zone")
    assert schedule_zone("", {}, missing) is dt.UTC


@pytest.mark.parametrize("name", ["Nowhere/City", "../etc/passwd", "/etc/passwd"])
def test_an_unknown_zone_in_the_settings_is_an_error(name: str) -> None:
    with pytest.raises(UserError, match="unknown time zone"):
        schedule_zone(name, {})
