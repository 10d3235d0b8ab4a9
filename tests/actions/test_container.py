"""`docker.run`, `container.run` and `container:` over the protocol (spec 13 section 4)."""

from __future__ import annotations

import base64
import dataclasses
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from edge.actions.base import Outcome
from edge.core.jsontypes import JsonObject
from edge.workflow.model import DAG, CommandRun, Container, EnvVar, Resources, Run
from edge.workflow.values import Scope, Source
from tests.actions.context import Context
from tests.actions.fake_engine import FakeEngine, Send, frame


@dataclasses.dataclass
class Bench:
    """A fake engine with its address, and steps that run on it."""

    engine: FakeEngine
    url: str
    folder: Path

    def context(
        self,
        run: tuple[str, ...] = (),
        options: JsonObject | None = None,
        *,
        dag: DAG | None = None,
        env: dict[str, str] | None = None,
        **members: Any,
    ) -> _Step:
        return _Step(self, CommandRun(run) if run else None, options or {}, dag, env or {}, members)


class _Step(Context):
    def __init__(
        self,
        bench: Bench,
        run: Run,
        options: JsonObject,
        dag: DAG | None,
        env: dict[str, str],
        members: dict[str, Any],
    ) -> None:
        self_id = members.pop("container_id", "")
        host = members.pop("host", {})
        super().__init__("docker.run", options, cwd=bench.folder, dag=dag)
        self.step = dataclasses.replace(self.step, run=run, **members)
        self.container_id = self_id
        self.warnings: list[str] = []
        self.scope = Scope(
            params={"P": "p"},
            host={"DOCKER_HOST": bench.url, "HOME": "/home/u", **host},
            warn=self.warnings.append,
        ).child(env.items(), Source.STEP_ENV)
        self.commands: list[str] = []

    def note_command(self, number: int, text: str, *_: object) -> None:
        self.commands.append(text)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    engine = FakeEngine()
    engine.images["alpine:3"] = {"Os": "linux", "Architecture": "amd64"}
    engine.images["alpine"] = {"Os": "linux", "Architecture": "amd64"}
    async with engine.serve(tmp_path / "s.sock") as url:
        yield Bench(engine, url, tmp_path)


def _prints(out: bytes, err: bytes = b"", code: int = 0) -> Any:
    async def program(words: list[str], send: Send, stopped: trio.Event) -> int:
        data = frame(out) + (frame(err, 2) if err else b"")
        # cut where no frame ends
        await send(data[:5])
        await send(data[5:])
        return code

    return program


async def _hangs(words: list[str], send: Send, stopped: trio.Event) -> int:
    await send(frame(b"begun\n"))
    await stopped.wait()
    await send(frame(b"bye\n"))
    return 143


# -- modes (spec 13 section 4.4)


async def test_one_command_in_a_new_container(bench: Bench) -> None:
    """spec 13 section 4.4: create and start with that Cmd, logs into the streams, wait."""
    bench.engine.program = _prints(b"out\n", b"err\n")
    step = bench.context(("echo 'a b' ${params.P}",), {"image": "alpine:3"})
    assert await step.run() == Outcome(0)
    assert (step.out, step.err) == (b"out\n", b"err\n")
    assert step.commands == ["echo 'a b' p"]
    body = bench.engine.containers["c0"].body
    assert (body["Image"], body["Cmd"]) == ("alpine:3", ["echo", "a b", "p"])
    assert "Entrypoint" not in body
    assert [path.rpartition("/")[2] for path in bench.engine.paths()] == [
        *("info", "json", "create", "start", "json", "logs", "wait")
    ]


async def test_no_command_runs_what_the_image_says(bench: Bench) -> None:
    """spec 13 section 4.2: `command` default is the image's."""
    assert await bench.context((), {"image": "alpine:3"}).run() == Outcome(0)
    assert "Cmd" not in bench.engine.containers["c0"].body


async def test_the_exit_code_passes_through(bench: Bench) -> None:
    """spec 13 sections 4.4 and 26: exit code the container's, the stderr tail as in section 2."""
    bench.engine.program = _prints(b"", b"bad\n", 7)
    outcome = await bench.context(("x",), {"image": "alpine:3"}).run()
    assert outcome == Outcome(7, "exit status 7", shows_stderr=True)


async def test_several_commands_are_run_in_turn(bench: Bench) -> None:
    """spec 13 section 4.4: keepalive, exec each, stop at the first failure."""
    codes = {"a": 0, "b": 3, "c": 0}

    async def program(words: list[str], send: Send, stopped: trio.Event) -> int:
        await send(frame(words[0].encode()))
        return codes[words[0]]

    bench.engine.exec_program = program
    step = bench.context(("a", "b", "c"), {"image": "alpine:3", "auto_remove": True})
    outcome = await step.run()
    assert (outcome.code, outcome.error) == (3, "command 2 failed: exec failed with exit code: 3")
    assert step.out == b"ab"
    create = next(body for _, path, _, body in bench.engine.calls if path.endswith("/create"))
    assert create["Entrypoint"] == []
    assert create["Cmd"] == ["sh", "-c", "while true; do sleep 86400; done"]
    assert bench.engine.containers == {}


async def test_a_command_in_an_existing_container(bench: Bench) -> None:
    """spec 13 section 4.2: `container_name` alone: exec into it; section 4.4: the token."""
    bench.engine.add("web")
    bench.engine.exec_program = _prints(b"hi", code=4)
    options: JsonObject = {
        "container_name": "web",
        "exec": {"user": "u", "working_dir": "/w", "Env": ["A=1"], "tty": False},
    }
    step = bench.context(("ls",), options)
    outcome = await step.run()
    assert (outcome.code, outcome.error, step.out) == (4, "exec failed with exit code: 4", b"hi")
    body = bench.engine.execs["e0"][1]
    assert (body["User"], body["WorkingDir"], body["Cmd"]) == ("u", "/w", ["ls"])
    assert body["Env"][0] == "A=1"
    name, _, token = body["Env"][1].partition("=")
    assert (name, len(bytes.fromhex(token))) == ("DAGU_EXEC_TOKEN", 8)
    assert "web" in [item.name for item in bench.engine.containers.values()]


async def test_a_named_container_that_runs_is_used(bench: Bench) -> None:
    """spec 13 section 4.2: with `image`: a running one is exec'ed into."""
    bench.engine.add("n")
    options: JsonObject = {"image": "alpine:3", "container_name": "n"}
    dag = DAG(name="t", resources=Resources(memory_bytes=1))
    step = bench.context(("ls",), options, dag=dag)
    assert await step.run() == Outcome(0)
    assert len(bench.engine.containers) == 1
    assert step.warnings == ["resource limits do not reach a container that runs already"]


async def test_a_named_container_that_stands_is_made_anew(bench: Bench) -> None:
    """spec 13 section 4.2: with `image`: a stopped one is removed first."""
    bench.engine.add("n", "exited")
    bench.engine.program = _prints(b"new")
    options: JsonObject = {"image": "alpine:3", "container_name": "n"}
    assert await bench.context(("ls",), options).run() == Outcome(0)
    assert [(c.name, c.status) for c in bench.engine.containers.values()] == [("n", "exited")]
    assert "POST /containers/create" in bench.engine.paths()


async def test_a_shared_container_is_exec_ed_into(bench: Bench) -> None:
    """spec 13 section 1.7: neither settings nor a step container: that of the run."""
    made = bench.engine.add("shared")
    root = Container(image="alpine", user="u", working_dir="/w", env=(EnvVar("A", "${params.P}"),))
    step = bench.context(
        ("ls",), dag=DAG(name="t", container=root), container_id=made.ident, env={"S": "no"}
    )
    assert await step.run() == Outcome(0)
    body = bench.engine.execs["e0"][1]
    assert (body["User"], body["WorkingDir"], body["Env"][0]) == ("u", "/w", "A=p")
    assert len(body["Env"]) == 2


async def test_settings_must_come_from_somewhere(bench: Bench) -> None:
    """spec 13 section 4.2: `docker step configuration is required`."""
    outcome = await bench.context(("ls",)).run()
    assert (outcome.code, outcome.error) == (1, "docker step configuration is required")


async def test_the_step_form(bench: Bench) -> None:
    """spec 13 section 4.3: the object, evaluated; env in order, after the step's; removed."""
    made = Container(
        image="alpine:${params.TAG}",
        name="n${params.P}",
        user="1000",
        working_dir="/app",
        network="lan",
        env=(EnvVar("A", "1"), EnvVar("B", "${env.A}2"), EnvVar("S", "own")),
        volumes=("./data:/data:ro", "cache:/cache", "$VOL:/v"),
        ports=("8080:80", "127.0.0.1:53:53/udp", "9"),
        restart_policy="unless-stopped",
        shell=("/bin/sh", "-e"),
    )
    bench.engine.images["alpine:3"] = {}
    dag = DAG(name="t", resources=Resources(cpu_millis=500, memory_bytes=1024))
    step = bench.context(
        ("echo ${env.B}",), container=made, dag=dag, env={"S": "step", "T": "t"}, host={"VOL": "/h"}
    )
    step.scope.params = {"P": "p", "TAG": "3"}
    assert await step.run() == Outcome(0)
    body = next(body for _, path, _, body in bench.engine.calls if path.endswith("/create"))
    assert body == {
        "Image": "alpine:3",
        "User": "1000",
        "WorkingDir": "/app",
        "Env": ["S=own", "T=t", "A=1", "B=12"],
        "Cmd": ["/bin/sh", "-e", "-c", "echo 12"],
        "ExposedPorts": {"80/tcp": {}, "53/udp": {}, "9/tcp": {}},
        "HostConfig": {
            "Binds": [f"{bench.folder}/data:/data:ro", "cache:/cache:rw", "/h:/v:rw"],
            "PortBindings": {
                "80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}],
                "53/udp": [{"HostIp": "127.0.0.1", "HostPort": "53"}],
            },
            "NetworkMode": "lan",
            "RestartPolicy": {"Name": "unless-stopped"},
            "NanoCpus": 500_000_000,
            "Memory": 1024,
        },
        "NetworkingConfig": {"EndpointsConfig": {"lan": {}}},
    }
    assert bench.engine.containers == {}


async def test_keep_container(bench: Bench) -> None:
    """spec 13 section 4.3: `keep_container`."""
    made = Container(image="alpine", keep_container=True)
    assert await bench.context(("x",), container=made).run() == Outcome(0)
    assert list(bench.engine.containers) == ["c0"]


# -- the engine (spec 13 section 4.1)


async def test_no_engine_is_a_failure_of_the_set_up(tmp_path: Path) -> None:
    """spec 13 section 4.2: no engine reachable."""
    bench = Bench(FakeEngine(), f"unix://{tmp_path}/none.sock", tmp_path)
    outcome = await bench.context(("x",), {"image": "i"}).run()
    assert outcome.code == 1
    assert outcome.error.startswith(
        "failed to setup container: failed to get current docker host info: failed to connect to"
        f" the docker API at unix://{tmp_path}/none.sock; "
    )
    assert outcome.error.endswith("connect: no such file or directory")


async def test_a_refusal_of_the_engine_is_the_step_s_error(bench: Bench) -> None:
    """spec 13 section 4.1: the engine's text."""
    bench.engine.refuses["/containers/create"] = (500, "no space")
    outcome = await bench.context(("x",), {"image": "alpine:3"}).run()
    assert outcome.error == "Error response from daemon: no space"


# -- images (spec 13 section 4.5)


@pytest.mark.parametrize(
    ("options", "local", "pulls"),
    [
        ({}, True, 0),
        ({}, False, 1),
        ({"pull": "missing", "platform": "linux/amd64"}, True, 0),
        ({"pull": "missing", "platform": "linux/arm64"}, True, 1),
        ({"pull": "always"}, True, 1),
        ({"pull": True}, True, 1),
        ({"pull": "never"}, False, 0),
        ({"pull": "false"}, False, 0),
        ({"pull": "fallback"}, True, 1),
    ],
)
async def test_pull_policies(bench: Bench, options: JsonObject, local: bool, pulls: int) -> None:
    if not local:
        bench.engine.images.clear()
    assert await bench.context(("x",), {"image": "alpine:3", **options}).run() == Outcome(0)
    found = [query for _, path, query, _ in bench.engine.calls if path == "/images/create"]
    assert len(found) == pulls
    if found:
        assert (found[0]["fromImage"], found[0]["tag"]) == ("alpine", "3")
        assert found[0].get("platform", "") == options.get("platform", "")


@pytest.mark.parametrize(
    ("policy", "local", "error"),
    [
        ("always", True, "failed to setup container: image pull error: manifest unknown"),
        ("fallback", True, ""),
        (
            "fallback",
            False,
            "failed to setup container: image pull failed and no local image available",
        ),
    ],
)
async def test_a_pull_that_fails(bench: Bench, policy: str, local: bool, error: str) -> None:
    """spec 13 section 4.5: the stream's `error` member is honoured."""
    bench.engine.pull = [{"status": "x"}, {"error": "manifest unknown"}, {"status": "y"}]
    name = "alpine:3" if local else "other/image:3"
    if not local:
        bench.engine.pull_status = 404
    outcome = await bench.context(("x",), {"image": name, "pull": policy}).run()
    assert outcome.error == error


async def test_a_bad_policy_fails_at_set_up(bench: Bench) -> None:
    """spec 13 section 4.2: the text of a bad `pull`."""
    outcome = await bench.context(("x",), {"image": "alpine:3", "pull": "often"}).run()
    assert outcome.error.startswith(
        "failed to set up step: failed to load container config: failed to parse pull policy as"
        " boolean: "
    )


async def test_credentials_go_with_the_pull(bench: Bench) -> None:
    """spec 13 section 4.5: base64url JSON in X-Registry-Auth, references resolved."""
    auths: JsonObject = {"reg.example:5000": {"username": "u", "password": "${params.P}"}}
    dag = DAG(name="t", registry_auths=auths)
    options: JsonObject = {"image": "reg.example:5000/a/b"}
    assert await bench.context(("x",), options, dag=dag).run() == Outcome(0)
    sent = json.loads(base64.urlsafe_b64decode(bench.engine.auths[0]))
    assert (sent["username"], sent["password"]) == ("u", "p")
    query = next(query for _, path, query, _ in bench.engine.calls if path == "/images/create")
    assert (query["fromImage"], query["tag"]) == ("reg.example:5000/a/b", "latest")


# -- readiness (spec 13 sections 4.3 and 4.4)


async def test_a_container_that_never_runs_times_out(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """spec 13 section 4.4: 120 s, shortened here."""
    monkeypatch.setattr("edge.actions.container_engine._READY_S", 0.2)
    monkeypatch.setattr("edge.actions.container_engine._POLL_S", 0.02)
    bench.engine.add("web", "paused")
    outcome = await bench.context(("x",), {"container_name": "web"}).run()
    assert outcome.error == (
        "timed out waiting for container to be running (current status: paused)"
    )


async def test_a_container_that_is_not_there(bench: Bench) -> None:
    """spec 13 section 4.2: exec into an unknown one."""
    outcome = await bench.context(("x",), {"container_name": "web"}).run()
    assert outcome.error == "failed to inspect container: No such container: web"


async def test_wait_for_healthy_and_a_line(bench: Bench) -> None:
    """spec 13 section 4.3: `wait_for: healthy`, then `log_pattern`."""
    bench.engine.program = _prints(b"starting\nready on 80\n")
    made = Container(image="alpine", wait_for="healthy", log_pattern=r"ready on \d+")
    step = bench.context(("a", "b"), container=made)
    assert await step.run() == Outcome(0)
    assert step.warnings == ["container has no health check; waited for it to run only"]
    made = dataclasses.replace(made, log_pattern="never said")
    outcome = await bench.context(("a", "b"), container=made).run()
    assert outcome.error == "container ended before a line of its log matched never said"


# -- the end (spec 13 sections 4.4 and 26)


async def _stopped(step: _Step, bench: Bench, path: str) -> Outcome:
    """Stop a step once its program runs; return how it ended."""
    found: list[Outcome] = []

    async def run() -> None:
        found.append(await step.run())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        with trio.fail_after(5):
            while step.out != b"begun\n":
                await trio.lowlevel.checkpoint()
        step.stop()
    return found[0]


async def test_a_stop_stops_the_container(bench: Bench) -> None:
    """spec 13 section 4.4: the signal through /stop, what it still prints, removal."""
    bench.engine.program = _hangs
    made = Container(image="alpine")
    step = bench.context(("x",), container=made, signal_on_stop="SIGINT")
    began = time.monotonic()
    outcome = await _stopped(step, bench, "logs")
    assert time.monotonic() - began < 10
    assert (outcome.code, outcome.error) == (1, "context canceled")
    assert step.out == b"begun\nbye\n"
    query = next(query for _, path, query, _ in bench.engine.calls if path.endswith("/stop"))
    assert query == {"signal": "SIGINT", "t": "5"}
    assert bench.engine.containers == {}


async def test_a_stop_ends_an_exec_by_its_token(bench: Bench) -> None:
    """spec 13 section 4.4: TERM, then KILL to what has the token; the container stays."""
    bench.engine.add("web")

    async def program(words: list[str], send: Send, stopped: trio.Event) -> int:
        if words[0] != "sh":
            await send(frame(b"begun\n"))
            await trio.sleep_forever()
        return 0

    bench.engine.exec_program = program
    step = bench.context(("serve",), {"container_name": "web"})
    outcome = await _stopped(step, bench, "exec")
    assert outcome.error == "context canceled"
    token = bench.engine.execs["e0"][1]["Env"][-1]
    killer = bench.engine.execs["e1"][1]
    assert killer["Cmd"][:2] == ["sh", "-c"]
    assert killer["Cmd"][2].count(token) == 2
    assert "kill -TERM" in killer["Cmd"][2]
    assert "kill -KILL" in killer["Cmd"][2]
    assert "Env" not in killer
    assert bench.engine.find("web") is not None
