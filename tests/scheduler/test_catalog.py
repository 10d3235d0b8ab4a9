"""The DAGs directory: changes are seen, broken files keep their schedule (spec 30 section 3.8)."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trio
import trio.testing

from edge.config.settings import load_settings
from edge.core.errors import UserError
from edge.scheduler.catalog import Catalog, suspend_flag_name
from edge.workflow.model import DAG


class Home:
    """A DAGs directory and a loader that counts: a file's text is the DAG's name."""

    def __init__(self, tmp_path: Path) -> None:
        self.dags = tmp_path / "dags"
        self.flags = tmp_path / "suspend"
        self.base = tmp_path / "base.yaml"
        self.dags.mkdir()
        self.flags.mkdir()
        self.loaded: list[str] = []
        self.lines: list[tuple[str, dict[str, object]]] = []
        paths = SimpleNamespace(
            dags_dir=self.dags,
            suspend_flags_dir=self.flags,
            base_config=self.base,
            workspaces_dir=tmp_path / "workspaces",
        )
        settings: Any = SimpleNamespace(paths=paths)
        log: Any = SimpleNamespace(info=self.log, warning=self.log, error=self.log)
        self.catalog = Catalog(settings, load=self.load, log=log)

    def load(self, path: Path, settings: object) -> DAG:
        self.loaded.append(path.name)
        text = path.read_text()
        if text.startswith("!"):
            raise UserError(f"{path.name}:1:1: {text}")
        return DAG(name=text)

    def log(self, msg: str, **fields: object) -> None:
        self.lines.append((msg, fields))

    def write(self, name: str, text: str) -> Path:
        path = self.dags / name
        path.write_text(text)
        return path


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


async def test_files_come_in_name_order_and_only_yaml(home: Home) -> None:
    for name in ("b.yaml", "a.yml", "c.txt", ".hidden.yaml"):
        home.write(name, name[0])
    (home.dags / "dir.yaml").mkdir()
    assert await home.catalog.refresh()
    assert [entry.file_name for entry in home.catalog.entries()] == ["a", "b"]
    assert home.catalog.get("c") is None


async def test_only_changed_files_are_read_again(home: Home) -> None:
    home.write("a.yaml", "a")
    path = home.write("b.yaml", "b")
    await home.catalog.refresh()
    version = home.catalog.version
    assert not await home.catalog.refresh()
    assert home.catalog.version == version
    assert home.loaded == ["a.yaml", "b.yaml"]
    path.write_text("b2")
    assert await home.catalog.refresh()
    assert home.loaded == ["a.yaml", "b.yaml", "b.yaml"]
    assert home.catalog.version == version + 1
    entry = home.catalog.get("b")
    assert entry is not None
    assert entry.dag is not None
    assert entry.dag.name == "b2"


async def test_same_size_and_mtime_is_still_seen(home: Home) -> None:
    path = home.write("a.yaml", "one")
    stat = os.stat(path)
    await home.catalog.refresh()
    path.write_text("two")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert await home.catalog.refresh()
    entry = home.catalog.get("a")
    assert entry is not None
    assert entry.dag is not None
    assert entry.dag.name == "two"


async def test_broken_file_keeps_the_old_definition_and_is_logged_once(home: Home) -> None:
    path = home.write("a.yaml", "good")
    await home.catalog.refresh()
    path.write_text("!bad")
    await home.catalog.refresh()
    entry = home.catalog.get("a")
    assert entry is not None
    assert entry.error == "a.yaml:1:1: !bad"
    assert entry.dag is not None
    assert entry.dag.name == "good"
    await home.catalog.refresh()
    assert [msg for msg, _ in home.lines] == ["DAG load failed"]
    path.write_text("fixed")
    await home.catalog.refresh()
    assert [msg for msg, _ in home.lines] == ["DAG load failed", "DAG loads again"]


async def test_a_file_that_was_never_good_has_no_dag(home: Home) -> None:
    home.write("a.yaml", "!bad")
    await home.catalog.refresh()
    entry = home.catalog.get("a")
    assert entry is not None
    assert (entry.dag, entry.error) == (None, "a.yaml:1:1: !bad")


async def test_removed_file_disappears(home: Home) -> None:
    home.write("a.yaml", "a").unlink()
    path = home.write("b.yaml", "b")
    await home.catalog.refresh()
    path.unlink()
    assert await home.catalog.refresh()
    assert home.catalog.entries() == []


async def test_base_configuration_reloads_everything(home: Home) -> None:
    home.write("a.yaml", "a")
    await home.catalog.refresh()
    home.base.write_text("env: []")
    await home.catalog.refresh()
    assert home.loaded == ["a.yaml", "a.yaml"]


async def test_suspend_flags(home: Home) -> None:
    home.write("my dag.yaml", "a")
    home.write("b.yaml", "b")
    flag = home.flags / "my-dag.suspend"
    flag.write_text("")
    await home.catalog.refresh()
    assert [entry.suspended for entry in home.catalog.entries()] == [False, True]
    flag.unlink()
    assert await home.catalog.refresh()
    assert not any(entry.suspended for entry in home.catalog.entries())
    assert home.loaded == ["b.yaml", "my dag.yaml"]
    assert suspend_flag_name('a b:c/"d') == "a-b-c--d.suspend"


async def test_unreadable_flags_suspend_everything(home: Home) -> None:
    home.write("a.yaml", "a")
    home.flags.rmdir()
    home.flags.write_text("a file in the way")
    await home.catalog.refresh()
    assert [entry.suspended for entry in home.catalog.entries()] == [True]


async def test_two_files_of_one_name_schedule_the_last_and_warn(home: Home) -> None:
    for name in ("a.yaml", "b.yaml"):
        home.write(name, "same")
    await home.catalog.refresh()
    assert [entry.is_shadowed for entry in home.catalog.entries()] == [True, False]
    await home.catalog.refresh()
    assert [fields["file"] for _, fields in home.lines] == [str(home.dags / "a.yaml")]
    (home.dags / "b.yaml").unlink()
    await home.catalog.refresh()
    assert [entry.is_shadowed for entry in home.catalog.entries()] == [False]


async def test_yml_beside_yaml_of_the_same_stem_is_not_read(home: Home) -> None:
    home.write("a.yml", "second")
    home.write("a.yaml", "first")
    await home.catalog.refresh()
    assert home.loaded == ["a.yaml"]


async def test_huge_and_dangling_files_are_no_crash(home: Home) -> None:
    home.write("huge.yaml", "x" * (4 * 1024 * 1024 + 1))
    (home.dags / "gone.yaml").symlink_to(home.dags / "nowhere")
    await home.catalog.refresh()
    assert [entry.file_name for entry in home.catalog.entries()] == ["huge"]
    assert "larger than 4 MiB" in home.catalog.entries()[0].error


async def test_missing_directory_is_empty(home: Home) -> None:
    home.dags.rmdir()
    assert not await home.catalog.refresh()
    assert home.catalog.entries() == []


async def test_watch_tells_of_changes(home: Home, mock_clock: trio.testing.MockClock) -> None:
    mock_clock.rate = 200  # not autojump: it would jump while a thread reads the directory
    async with trio.open_nursery() as nursery:
        await nursery.start(home.catalog.watch)
        home.write("a.yaml", "a")
        with trio.fail_after(2000):
            await home.catalog.changed()
        assert home.catalog.get("a") is not None
        nursery.cancel_scope.cancel()


class Real:
    """A catalog of real files with the real loader."""

    def __init__(self, tmp_path: Path) -> None:
        self.settings = load_settings(environ={"DAGU_HOME": str(tmp_path), "HOME": str(tmp_path)})
        self.settings.paths.dags_dir.mkdir(parents=True)
        self.catalog = Catalog(self.settings)

    def write(self, name: str, text: str) -> None:
        (self.settings.paths.dags_dir / f"{name}.yaml").write_text(text)


@pytest.fixture
def real(tmp_path: Path) -> Real:
    return Real(tmp_path)


async def test_base_of_a_workspace_reloads_everything(real: Real) -> None:
    """spec 10 section 5"""
    real.write("a", "labels: [workspace=ops]\nsteps: [{run: a}]\n")
    await real.catalog.refresh()
    base = real.settings.paths.workspaces_dir / "ops" / "base.yaml"
    base.parent.mkdir(parents=True)
    base.write_text("queue: fast\n")
    assert await real.catalog.refresh()
    entry = real.catalog.get("a")
    assert entry is not None
    assert entry.dag is not None
    assert entry.dag.queue == "fast"


async def test_schedules_of_the_base_are_not_those_of_a_file(real: Real) -> None:
    """spec 10 section 3"""
    real.settings.paths.base_config.write_text('schedule: "0 1 * * *"\nqueue: q\n')
    real.write("a", "steps: [{run: a}]\n")
    await real.catalog.refresh()
    entry = real.catalog.get("a")
    assert entry is not None
    assert entry.dag is not None
    assert (entry.dag.schedule.start, entry.dag.queue) == ((), "q")


async def test_a_thousand_files_are_listed_soon(real: Real) -> None:
    """spec 10 section 3"""
    text = "description: d\nschedule: '0 1 * * *'\nlabels: [a=b]\nsteps:\n" + "".join(
        f"  - id: s{n}\n    run: echo {n}\n" for n in range(6)
    )
    for number in range(1000):
        real.write(f"d{number}", text)
    times = []
    for _ in range(4):
        begin = time.process_time()
        await real.catalog.refresh()
        times.append(time.process_time() - begin)
    assert len(real.catalog.entries()) == 1000
    # 1.2 s and 12 ms on an idle machine; the budgets are 2 s and 50 ms
    assert times[0] < 8
    assert min(times[1:]) < 0.15
