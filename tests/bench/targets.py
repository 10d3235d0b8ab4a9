"""The two programs under measurement: edge, and the real binary where it is installed."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench.page import PageClient
from tests.bench.probe import Tree, free_port, running, wait_until

__all__ = ["Dagu", "Edge", "Server", "Target", "find_dagu"]

_STEP_V2 = "  - name: s{n}\n    run: {command}\n"
_STEP_V1 = "  - name: s{n}\n    command: {command}\n"


def find_dagu() -> str | None:
    """Return the real binary: EDGE_DAGU_BINARY, else `dagu` of the PATH."""
    named = os.environ.get("EDGE_DAGU_BINARY")
    return named or shutil.which("dagu")


class Target:
    """One program with a home directory of its own."""

    name = ""
    step = ""
    head = ""

    def __init__(self, command: Sequence[str], home: Path) -> None:
        self.command = list(command)
        self.home = home
        self.dags = home / "dags"
        self.dags.mkdir(parents=True, exist_ok=True)
        kept = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("EDGE_", "DAGU_", "DAG_"))
        }
        self.env = {**kept, "DAGU_HOME": str(home), "XDG_RUNTIME_DIR": str(home / "run")}
        (home / "run").mkdir(mode=0o700, exist_ok=True)
        self.env["DAGU_AUTH_MODE"] = "none"

    def argv(self, *words: str) -> list[str]:
        return [*self.command, *words]

    def write(self, name: str, command: str, steps: int = 1, head: str = "") -> Path:
        """Write a DAG of `steps` sequential steps."""
        path = self.dags / f"{name}.yaml"
        body = "".join(self.step.format(n=n, command=json.dumps(command)) for n in range(steps))
        path.write_text(f"type: chain\n{self.head}{head}steps:\n{body}")
        return path

    def version(self) -> str:
        done = subprocess.run(
            self.argv("version"), env=self.env, capture_output=True, text=True, check=True
        )
        return (done.stdout or done.stderr).strip()

    def server(self) -> contextlib.AbstractContextManager[Server]:
        raise NotImplementedError


class Server:
    """A running service: where it listens, and its process tree."""

    def __init__(self, pid: int, port: int, coordinator_port: int) -> None:
        self.tree = Tree(pid)
        self.port = port
        self.coordinator_port = coordinator_port

    def start(self, dag: str) -> str:
        """Start a run; return its id."""
        raise NotImplementedError

    def start_many(self, dag: str, count: int, threads: int = 4) -> None:
        """Start `count` runs, from several connections at once."""
        left = list(range(count))
        faults: list[BaseException] = []

        def work() -> None:
            try:
                while left:
                    with contextlib.suppress(IndexError):
                        left.pop()
                        self.start(dag)
            except BaseException as exc:
                faults.append(exc)

        workers = [threading.Thread(target=work) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        if faults:
            raise faults[0]


class Edge(Target):
    """edge, from source or frozen."""

    name = "edge"
    step = _STEP_V2

    def __init__(self, command: str | None, home: Path) -> None:
        words = shlex.split(command) if command else [sys.executable, "-m", "edge"]
        super().__init__(words, home)

    @contextlib.contextmanager
    def server(self) -> Iterator[Server]:
        port, coordinator = free_port(), free_port()
        argv = self.argv("start-all", f"--port={port}", f"--coordinator.port={coordinator}")
        log = self.home / "server.log"
        with running(argv, self.env, self.home, log) as process:
            server = _EdgeServer(process.pid, port, coordinator)
            if not wait_until(lambda: server.is_up() or process.poll() is not None, 30):
                raise RuntimeError(f"the server did not come up: {log.read_text()}")
            if process.poll() is not None:
                raise RuntimeError(f"the server ended: {log.read_text()}")
            yield server

    @contextlib.contextmanager
    def worker(self, server: Server, labels: str) -> Iterator[Tree]:
        """Run a worker in a home of its own."""
        home = self.home / "worker"
        home.mkdir(exist_ok=True)
        argv = self.argv(
            "worker",
            f"--worker.coordinators=127.0.0.1:{server.coordinator_port}",
            f"--worker.labels={labels}",
            "--worker.health-port=0",
        )
        env = {**self.env, "DAGU_HOME": str(home)}
        with running(argv, env, home, home / "worker.log") as process:
            yield Tree(process.pid)


class _EdgeServer(Server):
    """Starts runs by the form of the page, as a person does."""

    def __init__(self, pid: int, port: int, coordinator_port: int) -> None:
        super().__init__(pid, port, coordinator_port)
        self.page = PageClient(port)

    def is_up(self) -> bool:
        return self.page.is_up()

    def start(self, dag: str) -> str:
        return self.page.start(dag)


class Dagu(Target):
    """The real binary, version 1.30.2."""

    name = "dagu"
    step = _STEP_V1
    head = "maxActiveRuns: 1000\n"

    def __init__(self, binary: str, home: Path) -> None:
        super().__init__([binary], home)

    @contextlib.contextmanager
    def server(self) -> Iterator[Server]:
        port, coordinator = free_port(), free_port()
        argv = self.argv("start-all", "--port", str(port), "--coordinator.port", str(coordinator))
        env = {**self.env, "DAGU_SCHEDULER_PORT": "0"}
        with running(argv, env, self.home, self.home / "server.log") as process:
            server = _DaguServer(process.pid, port, coordinator)
            if not wait_until(server.is_up, 30):
                raise RuntimeError("the real server did not come up")
            yield server


class _DaguServer(Server):
    """Starts runs by the REST API of 1.30."""

    def is_up(self) -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self._ask("GET", "/api/v2/health", "")[0] == 200
        return False

    def start(self, dag: str) -> str:
        status, text = self._ask("POST", f"/api/v2/dags/{dag}/start", "{}")
        if status != 200:
            raise RuntimeError(f"start of {dag}: HTTP {status}: {text[:500]}")
        return str(json.loads(text)["dagRunId"])

    def _ask(self, method: str, path: str, body: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body or None, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()
