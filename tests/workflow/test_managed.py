from __future__ import annotations

from dataclasses import replace

import pytest

from edge.workflow.load import load_dag
from edge.workflow.managed import Boundary, blocked
from edge.workflow.model import SSH, Container

HERE = Boundary(folders=("/srv/i/dags", "/srv/i/work"), credentials="/run/cred", shell="/bin/bash")


def told(text: str) -> list[str]:
    tail = " does not run in a managed server; add worker_selector to run it on a hybrid worker"
    found = [message for _, message in blocked(load_dag(text, default_name="d"), HERE)]
    assert all(message.endswith(tail) for message in found)
    return [message.removesuffix(tail) for message in found]


@pytest.mark.parametrize(
    ("step", "what"),
    [
        # spec 40 section 7: blocked on the server itself
        ("{id: s, run: x, container: {image: alpine}}", ["step s: container"]),
        ("{id: s, action: docker.run, with: {image: a, command: x}}", ["step s: docker.run"]),
        ("{id: s, action: exec, with: {command: ls}}", ["step s: exec"]),
        ("{id: s, run: x, with: {shell: zsh}}", ["step s: shell zsh"]),
        ("{id: s, run: x, with: {shell: direct}}", ["step s: shell direct"]),
        ("{id: s, run: x, working_dir: /etc}", ["step s: working_dir /etc"]),
        ("{id: s, run: x, working_dir: /srv/i/work/../../x}", None),
        (
            "{id: s, action: file.read, with: {path: /etc/passwd}}",
            ["step s: file.read with path /etc/passwd"],
        ),
        (
            "{id: s, action: http.request, with: {method: GET, url: 'http://169.254.169.254/x'}}",
            ["step s: http.request to 169.254.169.254"],
        ),
        (
            "{id: s, action: http.request, with: {method: GET, url: 'http://[fe80::1]/'}}",
            ["step s: http.request to fe80::1"],
        ),
        (
            "{id: s, action: http.request, with: {method: GET, url: 'http://10.0.0.1/'}}",
            ["step s: http.request to 10.0.0.1"],
        ),
        # still works there
        ("{id: s, run: x}", []),
        ("{id: s, run: x, with: {shell: bash}}", []),
        ("{id: s, run: x, working_dir: /srv/i/work/a}", []),
        ("{id: s, action: file.read, with: {path: data/x}}", []),
        ("{id: s, action: file.read, with: {path: /srv/i/dags/x}}", []),
        ("{id: s, action: http.request, with: {method: GET, url: 'https://example.org/'}}", []),
        ("{id: s, action: http.request, with: {method: GET, url: 'http://[x'}}", []),
        ("{id: s, action: jq.filter, with: {filter: '.', data: {}}}", []),
    ],
)
def test_the_boundary(step: str, what: list[str] | None) -> None:
    expected = ["step s: working_dir /srv/i/work/../../x"] if what is None else what
    assert told(f"steps: [{step}]") == expected


def test_a_dag_for_a_worker_is_dispatched() -> None:
    """spec 40 section 7: with a worker_selector nothing is blocked."""
    text = "worker_selector: {zone: a}\nsteps: [{id: s, action: exec, with: {command: ls}}]"
    assert told(text) == []


def test_handlers_and_the_whole_document_count() -> None:
    """spec 40 section 7: the root container, and ssh identities outside of the credentials."""
    text = (
        "shell: zsh\nsteps: [{run: x, name: one}]\n"
        "handler_on: {exit: {action: exec, with: {command: ls}}}"
    )
    assert told(text) == ["step one: shell zsh", "step onExit: exec"]
    dag = load_dag("steps: [{id: s, run: x}]", default_name="d")
    found = blocked(replace(dag, container=Container(image="a")), HERE)
    assert found[0][1].startswith("step s: container does not run")


@pytest.mark.parametrize(
    ("key", "is_blocked"),
    # spec 40 section 7: `ssh` identities outside the credentials directory
    [("/home/u/.ssh/id", True), ("~/.ssh/id", True), ("/run/cred/id", False), ("", False)],
)
def test_ssh_identities(key: str, is_blocked: bool) -> None:
    dag = load_dag("steps: [{id: s, run: x}]", default_name="d")
    steps = (replace(dag.steps[0], type="ssh", run=None),)
    found = blocked(replace(dag, steps=steps, ssh=SSH(key=key)), HERE)
    assert bool(found) is is_blocked
