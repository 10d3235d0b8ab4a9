"""`edge start` as its user sees it: parameters, order, rules of steps, signals, exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.edge_home import Edge
from tests.processes import is_alive

#: only a limit; steps that are stopped sleep longer
_LIMIT_S = 40


@pytest.fixture
def edge(tmp_path: Path) -> Edge:
    return Edge(tmp_path)


@pytest.fixture
def spawned() -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that a failed test must not leave behind."""
    found: list[subprocess.Popen[str]] = []
    yield found
    for process in found:
        if process.poll() is None:
            process.kill()
        process.communicate()


def _wait(is_true: Callable[[], object]) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + _LIMIT_S
    while not is_true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def _record(edge: Edge, name: str, *words: str) -> dict[str, object]:
    done = edge("status", name, "--json", *words)
    assert done.code == 0, done.err
    record: dict[str, object] = json.loads(done.out)
    return record


def _states(edge: Edge, name: str) -> dict[str, int]:
    nodes = _record(edge, name)["nodes"]
    assert isinstance(nodes, list)
    return {node["step"]["name"]: node["status"] for node in nodes}


_FAILED, _ABORTED, _SUCCEEDED, _SKIPPED = 2, 3, 4, 5

_PARAMS = """\
params:
  - BEAN: arabica
  - CUPS: "2"
steps:
  - id: say
    run: printf '%s|' "${BEAN}" "${CUPS}"
    stdout: said.txt
working_dir: {work}
"""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "arabica|2|"),
        (["--", "CUPS=9"], "arabica|9|"),
        (["--", "BEAN=two words", "CUPS=3"], "two words|3|"),
        (["-p", 'CUPS=4 BEAN="a b"'], "a b|4|"),
        (["--params=CUPS=5"], "arabica|5|"),
        (["-p", "CUPS=1", "--", "CUPS=6"], "arabica|6|"),
        (["--", '{"CUPS": "7"}'], "arabica|7|"),
    ],
)
def test_parameters(edge: Edge, words: list[str], said: str) -> None:
    edge.dag("brew", _PARAMS.replace("{work}", str(edge.work)))
    done = edge("start", "brew", *words)
    assert done.code == 0, done.err
    assert (edge.work / "said.txt").read_text() == said


def test_parameters_by_position(edge: Edge) -> None:
    edge.dag(
        "plain",
        f"""\
steps:
  - id: say
    run: printf '%s|' "$1" "${{2}}"
    stdout: {edge.work}/said.txt
""",
    )
    assert edge("start", "-q", "plain", "--", "a", "b c").code == 0
    assert (edge.work / "said.txt").read_text() == "a|b c|"


@pytest.mark.parametrize(
    ("run", "code", "label"),
    [("'true'", 0, "Succeeded"), ("exit 7", 1, "Failed"), ("no-such-command-here", 1, "Failed")],
)
def test_the_exit_code_is_not_that_of_the_step(edge: Edge, run: str, code: int, label: str) -> None:
    edge.dag("one", f"steps:\n  - id: a\n    run: {run}\n")
    done = edge("start", "one")
    assert done.code == code
    assert done.out.endswith(f"Result: {label}\n\n")
    assert ("Error: failed to execute the dag-run one" in done.err) == bool(code)


def test_quiet_is_silent_also_when_it_fails(edge: Edge) -> None:
    edge.dag("one", "steps:\n  - id: a\n    run: exit 7\n")
    assert edge("start", "-q", "one") == (1, "", "")


def test_a_run_id_serves_once(edge: Edge) -> None:
    edge.dag("one", 'steps:\n  - id: a\n    run: "true"\n')
    assert edge("start", "-q", "one", "-r", "x1").code == 0
    done = edge("start", "-q", "one", "-r", "x1")
    assert done.code == 1
    assert done.err == (
        "Error: local execution already exists: dag-run ID x1 already exists for DAG one\n"
    )


_ORDER = """\
type: {type}
steps:
  - id: a
    run: sleep 0.3; echo a >>{file}
  - id: b
    run: echo b >>{file}
  - id: c
    depends: [a, b]
    run: echo c >>{file}
"""


@pytest.mark.parametrize(("kind", "order"), [("graph", "b a c"), ("chain", "a b c")])
def test_order(edge: Edge, kind: str, order: str) -> None:
    text = _ORDER
    if kind == "chain":
        text = text.replace("    depends: [a, b]\n", "")
    path = edge.work / "order.txt"
    edge.dag("order", text.format(type=kind, file=path))
    assert edge("start", "-q", "order").code == 0
    assert path.read_text().split() == order.split()


def test_lists_scripts_places_and_environment(edge: Edge) -> None:
    edge.dag(
        "parts",
        f"""\
working_dir: {edge.work}
env:
  - SITE: north
  - GREETING: hello ${{SITE}}
type: chain
steps:
  - id: list
    run:
      - echo first
      - echo second
    stdout: list.txt
  - id: script
    run: |
      #!/bin/sh -e
      echo "$0" | grep -q . && echo "script $GREETING"
    stdout: script.txt
  - id: errors
    run: echo oops >&2
    stderr: errors.txt
  - id: place
    working_dir: {edge.home}
    env:
      - SITE: south
    run: echo "$PWD $SITE"
    stdout: {edge.work}/place.txt
""",
    )
    done = edge("start", "parts")
    assert done.code == 0, done.err
    read = {path.stem: path.read_text() for path in edge.work.glob("*.txt")}
    assert read == {
        "list": "first\nsecond\n",
        "script": "script hello north\n",
        "errors": "oops\n",
        "place": f"{edge.home} south\n",
    }


def test_a_list_ends_with_its_first_failure(edge: Edge) -> None:
    path = edge.work / "after"
    edge.dag("list", f'steps:\n  - id: a\n    run: ["false", "touch {path}"]\n')
    assert edge("start", "-q", "list").code == 1
    assert not path.exists()


def test_retries_until_it_works(edge: Edge) -> None:
    tries = edge.work / "tries"
    edge.dag(
        "again",
        f"""\
steps:
  - id: a
    run: echo x >>{tries}; test $(wc -l <{tries}) -ge 3
    retry_policy: {{limit: 3, interval_sec: 0}}
""",
    )
    assert edge("start", "-q", "again").code == 0
    assert len(tries.read_text().split()) == 3
    nodes = _record(edge, "again")["nodes"]
    assert isinstance(nodes, list)
    assert nodes[0]["retryCount"] == 2


_HANDLERS = """\
handler_on:
  success: {{run: echo success >>{file}}}
  failure: {{run: echo failure >>{file}}}
  abort: {{run: echo abort >>{file}}}
  exit: {{run: echo exit >>{file}}}
steps:
  - id: a
    run: {run}
"""


@pytest.mark.parametrize(
    ("run", "code", "ran"), [("'true'", 0, "success exit"), ("'false'", 1, "failure exit")]
)
def test_handlers(edge: Edge, run: str, code: int, ran: str) -> None:
    path = edge.work / "ran"
    edge.dag("handled", _HANDLERS.format(file=path, run=run))
    assert edge("start", "-q", "handled").code == code
    assert path.read_text().split() == ran.split()


@pytest.mark.parametrize(
    ("rule", "code", "label"),
    [
        ("continue_on: failed", 1, "Partially Succeeded"),
        ("continue_on: {failure: true, mark_success: true}", 0, "Succeeded"),
        ("continue_on: {exit_code: [3], mark_success: true}", 0, "Succeeded"),
        ("continue_on: {exit_code: [4]}", 1, "Failed"),
    ],
)
def test_tolerated_failures(edge: Edge, rule: str, code: int, label: str) -> None:
    edge.dag(
        "soft",
        f"""\
steps:
  - id: shaky
    run: exit 3
    {rule}
  - id: fine
    run: "true"
    depends: shaky
""",
    )
    done = edge("start", "soft")
    assert done.code == code, done.out
    assert done.out.startswith(f"{label} - ")
    assert _states(edge, "soft")["fine"] == (_ABORTED if label == "Failed" else _SUCCEEDED)


def test_preconditions(edge: Edge) -> None:
    edge.dag(
        "gates",
        """\
steps:
  - id: open
    preconditions: "true"
    run: "true"
  - id: closed
    preconditions:
      - condition: "false"
    run: "true"
""",
    )
    assert edge("start", "-q", "gates").code == 0
    assert _states(edge, "gates") == {"open": _SUCCEEDED, "closed": _SKIPPED}


def test_a_timeout_of_a_step(edge: Edge) -> None:
    edge.dag("late", "steps:\n  - id: a\n    run: sleep 30\n    timeout_sec: 1\n")
    began = time.monotonic()
    assert edge("start", "-q", "late").code == 1
    assert time.monotonic() - began < 25
    assert _states(edge, "late") == {"a": _FAILED}


# -- signals, stop and status from another process


def _running(edge: Edge, spawned: list[subprocess.Popen[str]], text: str) -> tuple[int, int]:
    """Start `nap`, whose step writes its pid to `pid`; return (index in spawned, that pid)."""
    edge.dag("nap", text)
    spawned.append(edge.start("start", "nap", "-r", "n1"))
    path = edge.work / "pid"
    _wait(lambda: path.exists() and path.read_text().strip())
    return len(spawned) - 1, int(path.read_text())


def _nap(edge: Edge, body: str = "exec sleep 60", top: str = "", first: str = ":") -> str:
    return f"""\
{top}
handler_on:
  abort: {{run: echo abort >>{edge.work}/ran}}
steps:
  - id: doze
    run: |
      {first}
      echo $$ >{edge.work}/pid.new; mv {edge.work}/pid.new {edge.work}/pid
      {body}
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_aborts_the_run(
    edge: Edge, spawned: list[subprocess.Popen[str]], number: int
) -> None:
    at, pid = _running(edge, spawned, _nap(edge))
    spawned[at].send_signal(number)
    out, err = spawned[at].communicate(timeout=_LIMIT_S)
    assert spawned[at].returncode == 0, err
    assert out.startswith("Aborted - ")
    assert (edge.work / "ran").read_text() == "abort\n"
    assert not is_alive(pid)
    assert _states(edge, "nap") == {"doze": _ABORTED}


def _stubborn(edge: Edge, clean_up_s: int) -> str:
    """Return a DAG whose step notes each signal in the file `told` and goes on."""
    return _nap(
        edge,
        "while :; do sleep 0.1 || :; done",
        f"max_clean_up_time_sec: {clean_up_s}",
        f"trap 'echo told >>{edge.work}/told' TERM INT",
    )


def test_a_step_that_ignores_the_signal_is_killed(
    edge: Edge, spawned: list[subprocess.Popen[str]]
) -> None:
    at, pid = _running(edge, spawned, _stubborn(edge, 1))
    began = time.monotonic()
    spawned[at].terminate()
    out, err = spawned[at].communicate(timeout=_LIMIT_S)
    assert spawned[at].returncode == 0, err
    assert 0.9 < time.monotonic() - began < _LIMIT_S
    assert out.startswith("Aborted - ")
    assert not is_alive(pid)


def test_a_second_signal_kills_at_once(edge: Edge, spawned: list[subprocess.Popen[str]]) -> None:
    at, pid = _running(edge, spawned, _stubborn(edge, 60))
    spawned[at].terminate()
    _wait((edge.work / "told").exists)  # two signals at once would be one
    spawned[at].terminate()
    spawned[at].communicate(timeout=_LIMIT_S)
    assert spawned[at].returncode == 1
    assert not is_alive(pid)
    assert _record(edge, "nap")["status"] == _ABORTED


def test_kill_9_leaves_no_orphan_and_status_tells_the_truth(
    edge: Edge, spawned: list[subprocess.Popen[str]]
) -> None:
    at, pid = _running(edge, spawned, _nap(edge))
    spawned[at].kill()
    spawned[at].communicate(timeout=_LIMIT_S)
    _wait(lambda: not is_alive(pid))
    store = edge.home / "data/edge.db"
    before = store.stat().st_mtime_ns
    assert edge("status", "nap").out.startswith("Failed - ")
    assert store.stat().st_mtime_ns == before
    assert "Failed" in edge("history", "nap").out


def test_status_and_stop_from_another_process(
    edge: Edge, spawned: list[subprocess.Popen[str]]
) -> None:
    at, pid = _running(edge, spawned, _nap(edge))
    _wait(lambda: "[running]" in edge("status", "nap").out)
    seen = edge("status", "nap", "-r", "n1")
    assert seen.out.startswith("Running - ")
    assert seen.out.endswith("Status: Running\n")
    assert "Running" in edge("history", "--status", "running").out
    stopped = edge("stop", "nap")
    assert (stopped.code, stopped.out) == (0, "")
    out, err = spawned[at].communicate(timeout=_LIMIT_S)
    assert spawned[at].returncode == 0, err
    assert out.startswith("Aborted - ")
    assert not is_alive(pid)
    assert edge("stop", "nap", "-r", "n1").code == 0, "a run that is over can be stopped again"


def test_a_run_without_a_terminal_is_told_in_plain_lines(edge: Edge) -> None:
    edge.dag("one", 'steps:\n  - id: a\n    run: "true"\n')
    done = edge("start", "one")
    assert "\x1b" not in done.out + done.err
    assert len([line for line in done.err.splitlines() if line.startswith("time=")]) == 4


def test_a_terminal_shows_the_run_live_and_then_the_tree(edge: Edge) -> None:
    edge.dag("one", "steps:\n  - id: blink\n    run: sleep 0.5\n")
    master, slave = os.openpty()
    with subprocess.Popen(
        [edge.program, "start", "one"],
        cwd=edge.work,
        env=edge.environ({"TERM": "xterm"}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=slave,
        text=True,
    ) as process:
        os.close(slave)
        out = process.stdout.read() if process.stdout else ""
        shown = b""
        try:
            while chunk := os.read(master, 4096):
                shown += chunk
        except OSError:
            pass  # Linux says EIO at the end of a terminal
    os.close(master)
    assert process.returncode == 0
    assert out.startswith("Succeeded - ")
    assert b"running" in shown
    assert b"blink" in shown
    assert b"level=INFO" not in shown
    assert shown.endswith(b"\x1b[J")


def test_a_workflow_for_workers_runs_here_with_a_warning(edge: Edge) -> None:
    edge.dag(
        "labelled",
        "params: [SITE: demo]\nworker_selector: {site: '${params.SITE}'}\n"
        "steps: [{run: echo ran}]\n",
    )
    done = edge("start", "labelled", "--", "SITE=lab")
    assert done.code == 0, done.err
    assert "worker_selector is ignored" in done.err
    assert "site=lab" in done.err
