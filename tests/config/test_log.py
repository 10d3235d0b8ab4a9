"""Lines of the log (spec 30 section 2.10)."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator

import pytest

from edge.config.log import configure, format_json, format_text, get_logger

_NOW_NS = 1_763_900_000_123_456_789


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()
    configure()


def test_text_quotes_when_needed_and_dashes_names() -> None:
    line = format_text(
        _NOW_NS, "INFO", "Step started", {"run_id": "r1", "params": "", "err": 'a "b"\nc', "n": 3}
    )
    assert line == (
        'time=2025-11-23T12:13:20.123Z level=INFO msg="Step started" run-id=r1 params=""'
        ' err="a \\"b\\"\\nc" n=3'
    )


def test_text_writes_lists_as_words() -> None:
    assert format_text(_NOW_NS, "INFO", "x", {"params": []}).endswith("params=[]")
    assert format_text(_NOW_NS, "INFO", "x", {"params": ["A=1", "B=2"]}).endswith(
        'params="[A=1 B=2]"'
    )


def test_json_has_nanoseconds_and_the_same_keys() -> None:
    data = json.loads(format_json(_NOW_NS, "WARN", "x", {"run_id": "r1", "port": 8080}))
    assert data == {
        "time": "2025-11-23T12:13:20.123456789Z",
        "level": "WARN",
        "msg": "x",
        "run-id": "r1",
        "port": 8080,
    }


def test_level_quiet_and_bound_fields() -> None:
    stream = io.StringIO()
    log = get_logger().bind(dag="d")
    configure(stream=stream)
    log.debug("hidden")
    log.info("shown", step="s")
    configure(stream=stream, quiet=True)
    log.error("silent")
    configure(stream=stream, debug=True, journal=True)
    log.debug("seen")
    first, second = stream.getvalue().splitlines()
    assert first.endswith("level=INFO msg=shown dag=d step=s")
    assert second.startswith("<7>time=")


def test_a_reader_that_is_gone_does_not_end_the_program() -> None:
    stream = io.StringIO()
    stream.close()
    configure(stream=stream)
    get_logger().info("nobody reads this")
