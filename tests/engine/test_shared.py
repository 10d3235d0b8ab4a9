"""What the steps of a run share (spec 13 sections 1.7, 4.4 and 5, spec 12 section 3)."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from edge.core.status import NodeStatus, RunStatus
from edge.engine.runner import Runner
from tests.actions.fake_engine import FakeEngine, Send, frame
from tests.engine.helpers import make_runner, read, run_to_end


@pytest.fixture
async def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeEngine]:
    made = FakeEngine()
    made.images["alpine"] = {}
    async with made.serve(tmp_path / "s.sock") as url:
        monkeypatch.setenv("DOCKER_HOST", url)
        yield made


async def _echo(words: list[str], send: Send, stopped: trio.Event) -> int:
    await send(frame(" ".join(words).encode()))
    return 0


_TEXT = """
container: {image: alpine, name: n, env: [A: "1"], working_dir: /w}
handler_on: {exit: {run: last}}
steps:
  - {id: a, run: one two}
  - {id: b, run: three, depends: [a], env: [B: "2"]}
  - {id: c, action: noop, depends: [b]}
"""


async def test_steps_run_in_the_container_of_the_run(engine: FakeEngine, tmp_path: Path) -> None:
    """spec 13 section 4.4: made before the first step, removed after the handlers."""
    engine.exec_program = _echo
    runner = make_runner(_TEXT, tmp_path)
    result = await run_to_end(runner)
    assert (result.status, result.error) == (RunStatus.SUCCEEDED, "")
    assert [read(node.stdout) for node in runner.record.nodes] == ["one two", "three", ""]
    assert read(runner.record.handlers["onExit"].stdout) == "last"
    create = next(body for _, path, _, body in engine.calls if path.endswith("/create"))
    assert create["HostConfig"]["Init"] is True
    assert engine.execs["e1"][1]["Env"][:-1] == ["A=1"]
    assert engine.execs["e1"][1]["WorkingDir"] == "/w"
    assert [path.split()[0] for path in engine.paths()].count("DELETE") == 1
    assert engine.containers == {}


async def test_a_kept_container_stays(engine: FakeEngine, tmp_path: Path) -> None:
    """spec 13 section 4.3: `keep_container`."""
    text = _TEXT.replace("name: n,", "name: n, keep_container: true,")
    await run_to_end(make_runner(text, tmp_path))
    assert list(engine.containers) == ["c0"]


async def _failure(runner: Runner) -> str:
    result = await run_to_end(runner)
    assert result.status is RunStatus.FAILED
    assert {node.status for _, node in runner.record.all_nodes()} == {NodeStatus.NOT_STARTED}
    assert runner.record.error == ""
    return result.error


@pytest.mark.parametrize(
    ("status", "ending"),
    [("running", " already exists and is running"), ("exited", " already exists")],
)
async def test_a_name_that_is_taken_fails_the_run(
    engine: FakeEngine, tmp_path: Path, status: str, ending: str
) -> None:
    """spec 13 section 4.4: an existing container of that name."""
    engine.add("n", status)
    error = await _failure(make_runner(_TEXT, tmp_path))
    assert error == f'failed to initialize container client: container with name "n"{ending}'


async def test_no_engine_fails_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """spec 13 section 4.2 and spec 12 section 3: before any step, no handler runs."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    error = await _failure(make_runner(_TEXT, tmp_path))
    assert error.startswith("failed to initialize container client: failed to get current docker")


async def test_a_container_that_ends_at_once_says_what_to_do(
    engine: FakeEngine, tmp_path: Path
) -> None:
    """spec 13 section 4.4: an image without `sh`."""
    engine.refuses["/containers/c0/start"] = (400, 'exec: "sh": not found')
    error = await _failure(make_runner(_TEXT, tmp_path))
    assert error.endswith("an image without `sh` needs startup: entrypoint or command")
    assert engine.containers == {}


async def test_a_stop_does_not_wait_for_an_image(engine: FakeEngine, tmp_path: Path) -> None:
    """spec 12 section 10: a stop while the container is made."""
    engine.images.clear()
    engine.pull_blocks = True
    runner = make_runner(_TEXT, tmp_path)

    async def stop() -> None:
        await engine.has_pulled.wait()
        runner.request_stop(signal.SIGTERM, allow_override=False)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(stop)
        result = await run_to_end(runner)
    assert result.status is RunStatus.ABORTED
    assert engine.execs == {}


async def test_the_known_hosts_of_the_root_must_be_there(tmp_path: Path) -> None:
    """spec 13 section 5: a missing `known_host_file` fails the run before any step."""
    text = "ssh: {host: h, user: u, password: p, known_host_file: /nonexistent/k}\n"
    text += "steps: [{id: a, action: noop}]\n"
    error = await _failure(make_runner(text, tmp_path))
    assert error.startswith(
        "failed to create ssh client: failed to setup host key verification: open /nonexistent/k:"
        " no such file or directory"
    )


async def test_the_key_of_the_root_must_be_there(tmp_path: Path) -> None:
    """spec 13 section 1.7: a bad `ssh` key file fails the run, not the step."""
    text = "ssh: {host: h, key: /nonexistent/k}\nsteps: [{id: a, action: noop}]\n"
    error = await _failure(make_runner(text, tmp_path))
    assert error.startswith("failed to create ssh client: failed to load SSH key from /nonexistent")
