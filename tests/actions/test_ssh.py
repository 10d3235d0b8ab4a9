"""`ssh.run` against the real sshd of the machine (spec 13 section 5)."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
import trio.testing

from edge.actions.base import Outcome
from edge.core.jsontypes import JsonObject
from edge.workflow.model import DAG, SSH, CommandRun, Run, ScriptRun, Shell
from tests.actions.context import Context
from tests.actions.sshd import Sshd, running_sshd
from tests.engine.helpers import make_runner, read, run_to_end


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running_sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server


class _Ssh(Context):
    """A step that runs something on the test's server."""

    def __init__(self, run: Run, options: JsonObject, **more: object) -> None:
        dag = more.pop("dag", None)
        assert dag is None or isinstance(dag, DAG)
        super().__init__("ssh.run", options, dag=dag)
        self.step = dataclasses.replace(self.step, run=run, **more)  # type: ignore[arg-type]
        self.commands: list[str] = []

    def note_command(self, number: int, text: str, *_: object) -> None:
        self.commands.append(text)


async def _run(
    sshd: Sshd, run: Run, options: JsonObject | None = None, **more: object
) -> tuple[Outcome, str, str]:
    context = _Ssh(run, {**sshd.options, **(options or {})}, **more)  # type: ignore[dict-item]
    outcome = await context.run()
    return outcome, context.out.decode(), context.err.decode()


# spec 13 section 5: execution
@pytest.mark.parametrize(
    ("run", "members", "options", "out"),
    [
        (CommandRun(("echo hi", "echo ${params.P}")), {}, {}, "hi\np\n"),
        (
            ScriptRun("read x || echo 'no input'\necho \"$HOME_X$0\"\n"),
            {},
            {},
            "no input\n/bin/sh\n",
        ),
        (CommandRun(("pwd",)), {"working_dir": "/usr"}, {}, "/usr\n"),
        (
            CommandRun(("echo $0",)),
            {},
            {"shell": "/bin/bash -e", "shell_args": ["-u"]},
            "/bin/bash\n",
        ),
        (CommandRun(("echo $0",)), {"shell": Shell(("bash",))}, {}, "bash\n"),
        (CommandRun(("echo $0",)), {"shell": Shell(("bash",))}, {"shell": "sh"}, "sh\n"),
    ],
)
async def test_what_runs_there(
    sshd: Sshd, run: Run, members: dict[str, object], options: JsonObject, out: str
) -> None:
    outcome, printed, err = await _run(sshd, run, options, **members)
    assert (outcome, printed, err) == (Outcome(0), out, "")


async def test_streams_are_apart_and_commands_are_noted(sshd: Sshd) -> None:
    """spec 13 section 5: stdout and stderr are streamed apart."""
    context = _Ssh(CommandRun(("echo o; echo e >&2", "echo $S")), dict(sshd.options))  # type: ignore[arg-type]
    assert await context.run() == Outcome(0)
    assert (context.out, context.err) == (b"o\napi\n", b"e\n")
    assert context.commands == ["echo o; echo e >&2", "echo api"]


async def test_much_output_arrives_whole(sshd: Sshd) -> None:
    """spec 13 section 5: streamed, whatever the windows of the protocol."""
    _, out, err = await _run(sshd, CommandRun(("seq 200000; seq 100000 >&2",)))
    assert (len(out.split()), len(err.split())) == (200_000, 100_000)


# spec 13 sections 5 and 26: the exit code is always 1, the first failure ends it
@pytest.mark.parametrize(
    ("commands", "status", "out"), [(("exit 7",), 7, ""), (("false", "echo no"), 1, "")]
)
async def test_a_failure_has_code_1(
    sshd: Sshd, commands: tuple[str, ...], status: int, out: str
) -> None:
    outcome, printed, _ = await _run(sshd, CommandRun(commands))
    error = f"ssh execution failed: Process exited with status {status}"
    assert (outcome, printed) == (Outcome(1, error), out)


async def test_a_missing_directory_fails(sshd: Sshd) -> None:
    """spec 13 section 5: `cd <dir> || return 1`."""
    outcome, _, err = await _run(sshd, CommandRun(("echo no",)), working_dir="/nonexistent 1")
    assert outcome.code == 1
    assert "/nonexistent 1" in err


async def test_no_command_succeeds_at_once() -> None:
    """spec 13 section 5: no command and no script."""
    options: JsonObject = {"host": "127.0.0.1", "port": 1, "password": "x"}
    assert await _Ssh(None, options).run() == Outcome(0)


async def test_the_root_block_is_used_without_a_host(sshd: Sshd) -> None:
    """spec 13 section 1.7: each missing key comes from the root when the step has no host."""
    root = SSH(
        host="127.0.0.1",
        port=str(sshd.port),
        user="${params.NOBODY}",
        key=str(sshd.key),
        known_host_file=str(sshd.known_hosts),
    )
    context = _Ssh(CommandRun(("echo root",)), {"user": sshd.user}, dag=DAG(name="t", ssh=root))
    assert (await context.run(), context.out) == (Outcome(0), b"root\n")


async def test_through_a_bastion(sshd: Sshd) -> None:
    """spec 13 section 5: `bastion`, a second handshake with the same host-key rules."""
    hop: JsonObject = {key: sshd.options[key] for key in ("host", "port", "user", "key")}  # type: ignore[misc]
    outcome, out, _ = await _run(sshd, CommandRun(("echo through",)), {"bastion": hop})
    assert (outcome, out) == (Outcome(0), "through\n")
    outcome, _, _ = await _run(sshd, CommandRun(("echo",)), {"port": 1, "bastion": hop})
    assert outcome.error.startswith(
        "failed to create SSH session: failed to dial target through bastion: "
    )
    outcome, _, _ = await _run(sshd, CommandRun(("echo",)), {"bastion": {**hop, "port": 1}})
    assert outcome.error == (
        "failed to create SSH session: failed to connect to bastion host:"
        " dial tcp 127.0.0.1:1: connect: connection refused"
    )


async def test_an_unknown_host_key_is_refused(sshd: Sshd, tmp_path: Path) -> None:
    """spec 13 section 5, the trap: the error names host, file and `strict_host_key: false`."""
    empty = tmp_path / "known_hosts"
    empty.write_text("")
    options: JsonObject = {"known_host_file": str(empty)}
    outcome, _, _ = await _run(sshd, CommandRun(("echo",)), options)
    for part in (f"127.0.0.1:{sshd.port} is not known", str(empty), "`strict_host_key: false`"):
        assert part in outcome.error
    outcome, out, _ = await _run(
        sshd, CommandRun(("echo any",)), {**options, "strict_host_key": False}
    )
    assert (outcome, out) == (Outcome(0), "any\n")


async def test_a_changed_host_key_is_refused(sshd: Sshd, tmp_path: Path) -> None:
    """spec 13 section 5: `known_host_file`."""
    other = tmp_path / "known_hosts"
    key = sshd.key.with_suffix(".pub").read_text()
    other.write_text(f"[127.0.0.1]:{sshd.port} {key}")
    outcome, _, _ = await _run(sshd, CommandRun(("echo",)), {"known_host_file": str(other)})
    assert "has changed" in outcome.error
    assert outcome.code == 1


async def test_hashed_host_names_are_read(sshd: Sshd, tmp_path: Path) -> None:
    """spec 13 section 5: OpenSSH format including hashed names."""
    hashed = tmp_path / "known_hosts"
    hashed.write_text(sshd.known_hosts.read_text())
    await trio.run_process(
        ["ssh-keygen", "-q", "-H", "-f", str(hashed)], capture_stdout=True, capture_stderr=True
    )
    assert "127.0.0.1" not in hashed.read_text()
    outcome, _, _ = await _run(sshd, CommandRun(("true",)), {"known_host_file": str(hashed)})
    assert outcome == Outcome(0)


# spec 13 section 5: what is wrong before a connection
@pytest.mark.parametrize(
    ("options", "error"),
    [
        (
            {"key": "/nonexistent/k"},
            "failed to set up step: failed to set up ssh step: failed to load SSH key from"
            " /nonexistent/k: open /nonexistent/k: no such file or directory",
        ),
        (
            {"known_host_file": "/nonexistent/k"},
            "failed to set up step: failed to set up ssh step: failed to setup host key"
            " verification: open /nonexistent/k: no such file or directory;"
            " `strict_host_key: false` accepts any host key",
        ),
        (
            {"timeout": "soon"},
            "failed to set up step: failed to set up ssh step: invalid timeout duration:"
            ' invalid duration "soon"',
        ),
        (
            {"port": 1},
            "failed to create SSH session: dial tcp 127.0.0.1:1: connect: connection refused",
        ),
        (
            {"port": "99999"},
            'failed to set up step: failed to set up ssh step: invalid port "99999"',
        ),
    ],
)
async def test_errors_without_a_session(sshd: Sshd, options: JsonObject, error: str) -> None:
    outcome, _, _ = await _run(sshd, CommandRun(("echo",)), options)
    assert outcome == Outcome(1, error)


async def test_a_file_that_is_no_key(sshd: Sshd, tmp_path: Path) -> None:
    """spec 13 section 5: an unreadable key."""
    path = tmp_path / "k"
    path.write_text("no key")
    outcome, _, _ = await _run(sshd, CommandRun(("echo",)), {"key": str(path)})
    prefix = f"failed to set up step: failed to set up ssh step: failed to load SSH key from {path}"
    assert outcome.error.startswith(prefix)


# spec 13 section 5: `key`: the forms that ssh-keygen writes; no passphrase support
@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("-t", "rsa", "-b", "2048", "-m", "PEM", "-N", ""), "ssh: handshake failed: "),
        (("-t", "ecdsa", "-N", ""), "ssh: handshake failed: "),
        (("-t", "ed25519", "-N", "secret"), "failed to load SSH key from "),
    ],
)
async def test_kinds_of_keys(
    sshd: Sshd, tmp_path: Path, words: tuple[str, ...], error: str
) -> None:
    path = tmp_path / "k"
    await trio.run_process(["ssh-keygen", "-q", *words, "-f", str(path)])
    outcome, _, _ = await _run(sshd, CommandRun(("echo",)), {"key": str(path)})
    assert error in outcome.error


async def test_a_wrong_key_is_not_let_in(sshd: Sshd, tmp_path: Path) -> None:
    """spec 13 section 5: `key`; `password` is used only when `key` is empty."""
    path = tmp_path / "k"
    await trio.run_process(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)])
    outcome, _, _ = await _run(sshd, CommandRun(("echo",)), {"key": str(path), "password": "p"})
    assert outcome.error.startswith("failed to create SSH session: ssh: handshake failed: ")


async def test_a_stop_signals_the_remote_command(sshd: Sshd, tmp_path: Path) -> None:
    """spec 13 sections 5 and 26: cancelled within 2 s; the remote process may live on.

    sshd hands the signal on to a command of any user but root, whose it refuses in its log.
    """
    pid_file = tmp_path / "pid"
    text = f"echo $$ > {pid_file}; echo; exec sleep 300"
    context = _Ssh(CommandRun((text,)), dict(sshd.options))  # type: ignore[arg-type]
    has_begun = trio.Event()
    context.write_stdout = lambda data: has_begun.set()  # type: ignore[method-assign]
    outcome: list[Outcome] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_keep, context, outcome)
        with trio.fail_after(10):
            await has_begun.wait()
        context.stop()
        began = time.monotonic()
    assert outcome == [Outcome(1, "context canceled")]
    assert time.monotonic() - began < 2
    pid = int(pid_file.read_text())
    try:
        assert await trio.to_thread.run_sync(_was_signalled, pid, sshd.log)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _was_signalled(pid: int, log: Path) -> bool:
    for _ in range(100):
        if not Path(f"/proc/{pid}").exists():
            return True
        if "session signalling requires privilege separation" in log.read_text():
            return True
        time.sleep(0.05)
    return False


async def _keep(context: Context, outcome: list[Outcome]) -> None:
    outcome.append(await context.run())


async def test_a_stop_ends_a_handshake_that_hangs() -> None:
    """spec 13 sections 5 and 26: a server that never speaks."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    options: JsonObject = {
        **{"host": "127.0.0.1", "port": port, "password": "p", "strict_host_key": False}
    }
    context = _Ssh(CommandRun(("echo",)), options)
    outcome: list[Outcome] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_keep, context, outcome)
        silent = await listeners[0].accept()
        await trio.testing.wait_all_tasks_blocked(0.05)
        context.stop()
        began = time.monotonic()
    assert outcome == [Outcome(1, "context canceled")]
    assert time.monotonic() - began < 2
    await silent.aclose()
    await listeners[0].aclose()


async def test_untyped_steps_run_on_the_host_of_the_root(sshd: Sshd, tmp_path: Path) -> None:
    """spec 13 section 1.1: a root `ssh` makes an untyped step one of it; section 1.7 its keys.

    The step's directory is one of the other machine, and none is made here.
    """
    text = f"""
ssh: {{host: 127.0.0.1, port: {sshd.port}, user: {sshd.user}, key: '{sshd.key}',
  known_host_file: '{sshd.known_hosts}'}}
env: [WORD: hi]
steps:
  - id: a
    run: echo $WORD $0 $SSH_CONNECTION
  - id: b
    run: |
      cd /usr
      pwd
  - {{id: c, run: echo no, working_dir: '{tmp_path}/remote'}}
"""
    runner = make_runner(text, tmp_path)
    await run_to_end(runner)
    first, second, third = runner.record.nodes
    assert read(first.stdout).startswith("hi /bin/sh 127.0.0.1 ")
    assert read(second.stdout) == "/usr\n"
    assert third.error == "ssh execution failed: Process exited with status 1"
    assert not (tmp_path / "remote").exists()
