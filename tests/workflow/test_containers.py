"""The container object (spec 10 section 6.5; spec 13 section 4.3)."""

from __future__ import annotations

import pytest

from edge.workflow.containers import read_container
from edge.workflow.model import Container, EnvVar
from edge.workflow.model_steps import Healthcheck
from edge.workflow.nodes import MapNode
from edge.workflow.problems import FaultError
from edge.workflow.yaml_reader import read_documents


def read(value: str, field: str = "container") -> Container | None:
    root = read_documents(f"value: {value}\n")[0].root
    assert isinstance(root, MapNode)
    return read_container(root.entries["value"], field)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # spec 10 section 6.5: the string form works in a running container
        ("pump", Container(exec="pump")),
        ("' pump '", Container(exec="pump")),
        ("~", None),
        ("{exec: pump}", Container(exec="pump")),
        (
            "{exec: pump, user: 1000, working_dir: /w, env: {A: 1}, shell: [/bin/sh, -c]}",
            Container(
                exec="pump",
                user="1000",
                working_dir="/w",
                env=(EnvVar("A", "1"),),
                shell=("/bin/sh", "-c"),
            ),
        ),
        # empty values of other keys do not count as given
        ("{exec: pump, volumes: [], image: '', keep_container: false}", Container(exec="pump")),
        # weak typing
        ("{image: 3.20}", Container(image="3.2")),
        ("{image: i, volumes: a}", Container(image="i", volumes=("a",))),
        ("{image: i, ports: 8080}", Container(image="i", ports=("8080",))),
        (
            "{image: i, command: [sleep, 5, 1.5]}",
            Container(image="i", command=("sleep", "5", "1.5")),
        ),
        ("{image: i, keep_container: 'true'}", Container(image="i", keep_container=True)),
        ("{image: i, keep_container: 1}", Container(image="i", keep_container=True)),
        ("{image: i, name: ~}", Container(image="i")),
        (
            "{image: i, env: [A=1, {B: 2}]}",
            Container(image="i", env=(EnvVar("A", "1"), EnvVar("B", "2"))),
        ),
        # pull_policy
        ("{image: i, pull_policy: always}", Container(image="i", pull_policy="always")),
        ("{image: i, pull_policy: Missing}", Container(image="i", pull_policy="missing")),
        ("{image: i, pull_policy: never}", Container(image="i", pull_policy="never")),
        ("{image: i, pull_policy: fallback}", Container(image="i", pull_policy="fallback")),
        ("{image: i, pull_policy: true}", Container(image="i", pull_policy="always")),
        ("{image: i, pull_policy: 'false'}", Container(image="i", pull_policy="never")),
        # checked when the container starts
        (
            "{image: i, startup: maybe, wait_for: x, restart_policy: y, log_pattern: '('}",
            Container(
                image="i", startup="maybe", wait_for="x", restart_policy="y", log_pattern="("
            ),
        ),
        (
            "{image: i, healthcheck: {test: [CMD, x], interval: 5s, timeout: 1m, "
            "start_period: 1h2s, retries: '3'}}",
            Container(
                image="i",
                healthcheck=Healthcheck(
                    test=("CMD", "x"),
                    interval="5s",
                    timeout="1m",
                    start_period="1h2s",
                    retries=3,
                ),
            ),
        ),
        (
            "{image: i, healthcheck: {test: NONE}}",
            Container(image="i", healthcheck=Healthcheck(test=("NONE",))),
        ),
    ],
)
def test_container_forms(value: str, expected: Container | None) -> None:
    """spec 10 section 6.5, spec 13 section 4.3"""
    assert read(value) == expected


@pytest.mark.parametrize(
    ("value", "field", "message"),
    [
        ("''", "", "container name cannot be empty"),
        ("' '", "", "container name cannot be empty"),
        ("5", "", "container must be a string or object"),
        ("[a]", "", "container must be a string or object"),
        ("true", "", "container must be a string or object"),
        ("{}", "", "either 'exec' or 'image' must be specified"),
        ("{name: a}", "", "either 'exec' or 'image' must be specified"),
        ("{exec: a, image: b}", "", "'exec' and 'image' are mutually exclusive"),
        (
            "{exec: a, volumes: [v], name: n}",
            "",
            "fields [name volumes] cannot be used with 'exec'",
        ),
        (
            "{exec: a, keep_container: true}",
            "",
            "fields [keep_container] cannot be used with 'exec'",
        ),
        ("{exec: a, healthcheck: {}}", "", "fields [healthcheck] cannot be used with 'exec'"),
        ("{image: a, zeta: 1, alpha: 2}", "", "'container' has invalid keys: alpha, zeta"),
        ("{image: a, volume: x}", "", 'did you mean "volumes"?'),
        ("{image: a, pullPolicy: x}", "", "use snake_case keys (pullPolicy -> pull_policy)"),
        (
            "{image: [a]}",
            ".image",
            "expected type 'string', got unconvertible type '[]interface {}'",
        ),
        ("{image: a, volumes: [[x]]}", ".volumes[0]", "expected type 'string'"),
        ("{image: a, volumes: {x: y}}", ".volumes[0]", "expected type 'string'"),
        ("{image: a, keep_container: perhaps}", ".keep_container", "cannot parse value as 'bool'"),
        ("{image: a, keep_container: [x]}", ".keep_container", "expected type 'bool'"),
        ("{image: a, env: 5}", ".env", "env must be map or array, got uint64"),
        ("{image: a, env: {1X: a}}", ".env", 'invalid environment variable name "1X"'),
        (
            "{image: a, pull_policy: often}",
            ".pull_policy",
            "failed to parse pull policy as boolean",
        ),
        ("{image: a, healthcheck: x}", ".healthcheck", "expected a map"),
        ("{image: a, healthcheck: {tests: x}}", ".healthcheck", "invalid keys: tests"),
        (
            "{image: a, healthcheck: {test: [curl, x]}}",
            ".healthcheck.test",
            "test must start with NONE, CMD, or CMD-SHELL",
        ),
        ("{image: a, healthcheck: {interval: 5}}", ".healthcheck.interval", 'invalid interval "5"'),
        ("{image: a, healthcheck: {timeout: x}}", ".healthcheck.timeout", 'invalid timeout "x"'),
        (
            "{image: a, healthcheck: {start_period: 1w}}",
            ".healthcheck.start_period",
            'invalid start_period "1w"',
        ),
        ("{image: a, healthcheck: {retries: -1}}", ".healthcheck.retries", "must be >= 0"),
        ("{image: a, healthcheck: {retries: x}}", ".healthcheck.retries", "cannot parse value"),
    ],
)
def test_bad_containers(value: str, field: str, message: str) -> None:
    """spec 10 section 6.5"""
    with pytest.raises(FaultError) as caught:
        read(value, "container")
    (fault,) = caught.value.faults
    assert message in fault.text
    assert fault.field == f"container{field}"
    assert not caught.value.decoding
    assert (fault.line, fault.column > 7) == (1, True)


def test_every_fault_of_a_container_is_reported() -> None:
    """spec 10 section 6.5"""
    with pytest.raises(FaultError) as caught:
        read("{image: {}, pull_policy: x, env: 5}")
    assert [fault.field for fault in caught.value.faults] == [
        "container.image",
        "container.pull_policy",
        "container.env",
    ]
