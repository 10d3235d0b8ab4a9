"""Step processes: groups, inherited things, waiting, leaks."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator

import pytest
import trio

from edge.engine.processes import Spawner, SpawnSpec, StepProcess
from tests.processes import open_files


@pytest.fixture
def spawner() -> Iterator[Spawner]:
    made = Spawner(None)
    yield made
    made.close()


def _spec(command: str, *, cwd: str = "/", capture: bool = True) -> SpawnSpec:
    env = {"PATH": os.environ["PATH"]}
    return SpawnSpec(("sh", "-c", command), cwd, env, "r", capture=capture)


async def _output(process: StepProcess) -> tuple[int, str]:
    assert process.stdout is not None
    text = b""
    while data := await process.stdout.receive_some():
        text += data
    status = await process.wait()
    await process.close()
    return status, text.decode()


async def test_a_step_leads_a_group_in_the_session_of_its_parent(spawner: Spawner) -> None:
    process = spawner.spawn(_spec("ps -o pid=,pgid=,sid= -p $$"))
    _, text = await _output(process)
    pid, pgid, sid = map(int, text.split())
    assert pid == pgid == process.pid
    assert sid == os.getsid(0)


async def test_a_step_reads_nothing_and_inherits_no_file(spawner: Spawner) -> None:
    fd = os.open("/etc/passwd", os.O_RDONLY)
    os.set_inheritable(fd, True)
    try:
        process = spawner.spawn(_spec("readlink /proc/self/fd/0; ls /proc/$$/fd"))
        _, text = await _output(process)
    finally:
        os.close(fd)
    null, *fds = text.split()
    assert null == "/dev/null"
    assert set(fds) - {"0", "1", "2"} in (set(), {"10"})  # dash keeps a copy of its own


async def test_a_step_has_the_file_limit_that_we_had(spawner: Spawner) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert before[0] > 1024 or before[0] == before[1]
    _, text = await _output(spawner.spawn(_spec("sleep 0.05; ulimit -Sn")))
    if spawner._child_limit is not None:
        assert int(text) == spawner._child_limit[0]


@pytest.mark.parametrize(
    ("command", "status"),
    [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", -15), ("kill -9 $$", -9)],
)
async def test_wait_returns_the_exit_status(spawner: Spawner, command: str, status: int) -> None:
    process = spawner.spawn(_spec(command))
    assert await process.wait() == status
    assert await process.wait() == status
    assert process.is_over
    await process.close()
    await process.close()


async def test_a_signal_reaches_every_process_of_the_group(spawner: Spawner) -> None:
    process = spawner.spawn(_spec("sh -c 'sleep 60 & echo up; wait' & wait"))
    assert process.stdout is not None
    assert await process.stdout.receive_some() == b"up\n"
    process.signal_group(signal.SIGKILL)
    with trio.fail_after(30):
        # End of file: nobody of the group holds the pipe any more.
        assert await process.stdout.receive_some() == b""
        assert await process.wait() == -signal.SIGKILL
    process.signal_group(signal.SIGKILL)
    await process.close()


async def test_a_program_that_cannot_start_raises_and_leaks_nothing(spawner: Spawner) -> None:
    before = open_files()
    for spec in (
        SpawnSpec(("/nonexistent",), "/", {}, "r"),
        SpawnSpec(("true",), "/nonexistent", {"PATH": os.environ["PATH"]}, "r"),
    ):
        with pytest.raises(FileNotFoundError):
            spawner.spawn(spec)
    assert open_files().items() <= before.items()


async def test_no_descriptor_is_left_behind(spawner: Spawner) -> None:
    before = open_files()
    for capture in (True, False):
        for _ in range(10):
            process = spawner.spawn(_spec("echo x", capture=capture))
            await process.wait()
            await process.close()
    assert open_files().items() <= before.items()


async def test_the_watcher_is_told_of_birth_and_end() -> None:
    lines: list[str] = []

    class Watch:
        is_alive = True

        def expect(self, run_id: str) -> None:
            lines.append(f"expect {run_id}")

        def give_up(self, run_id: str) -> None:
            lines.append(f"give up {run_id}")

        def add(self, pgid: int, run_id: str) -> None:
            lines.append(f"add {run_id}")

        def forget(self, pgid: int) -> None:
            lines.append("forget")

    spawner = Spawner(Watch())  # type: ignore[arg-type]
    process = spawner.spawn(_spec("exit 0"))
    await process.wait()
    assert lines == ["expect r", "add r"]
    await process.close()
    assert lines.pop() == "forget"
    with pytest.raises(FileNotFoundError):
        spawner.spawn(SpawnSpec(("/nonexistent",), "/", {}, "r"))
    assert lines == ["expect r", "add r", "expect r", "give up r"]
    spawner.close()
