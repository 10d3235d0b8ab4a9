"""Signals of a run in the foreground (spec 30 section 1.6)."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from edge.cli.foreground import ForegroundRun
from edge.config.home import prepare_home
from edge.config.settings import Settings, load_settings
from edge.core.ids import RunRef
from edge.core.status import RunStatus, TriggerType
from edge.engine.host import RunHost
from edge.store import Store
from edge.workflow.load import load_dag
from edge.workflow.params import parse_overrides, resolve_params

_TEXT = "steps:\n  - id: nap\n    run: sleep 60\n"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    text = "edge: {storage: {free_space_floor_mb: 0}}\n"
    (tmp_path / "config.yaml").write_text(text)
    settings = load_settings(environ={"HOME": str(tmp_path)}, home=str(tmp_path))
    prepare_home(settings)
    return settings


def _foreground(settings: Settings) -> ForegroundRun:
    dag = load_dag(_TEXT, default_name="nap")
    return ForegroundRun(
        settings,
        dag,
        resolve_params(dag, parse_overrides([])),
        run_id="r1",
        trigger_type=TriggerType.MANUAL,
        schedule_time="",
        labels=(),
        quiet=True,
        progress=False,
    )


def _status(settings: Settings) -> RunStatus:
    store = Store.open_reader(settings.paths.store_file)
    assert store is not None
    try:
        record = store.load_record(RunRef("nap", "r1"))
        assert record is not None
        return record.status
    finally:
        store.close()


@pytest.mark.parametrize(
    ("numbers", "code"),
    [
        pytest.param([signal.SIGTERM], 0, id="one"),
        pytest.param([signal.SIGHUP], 0, id="hang-up"),
        pytest.param([signal.SIGTERM, signal.SIGINT], 1, id="second"),
    ],
)
async def test_signals_before_the_first_step_are_kept(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, numbers: list[int], code: int
) -> None:
    foreground = _foreground(settings)
    original = RunHost.start

    async def start(host: RunHost, *args: Any, **options: Any) -> RunRef:
        for count, number in enumerate(numbers, 1):
            os.kill(os.getpid(), number)
            await wait_all_tasks_blocked(0.01)
            assert len(foreground._received) == count
        return await original(host, *args, **options)

    monkeypatch.setattr(RunHost, "start", start)
    with trio.fail_after(20):
        assert await foreground.run(None) == code
    assert _status(settings) is RunStatus.ABORTED
