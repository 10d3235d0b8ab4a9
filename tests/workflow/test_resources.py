from __future__ import annotations

import pytest

from edge.workflow.model import Artifacts, Foreach, Resources, Step
from edge.workflow.nodes import MapNode, Node, ScalarNode
from edge.workflow.problems import FaultError
from edge.workflow.resources import read_artifacts
from tests.workflow.helpers import load, refused

STEPS = "\nsteps: [{run: a}]\n"


# `resources.limits` of spec 10 section 11
@pytest.mark.parametrize(
    ("written", "resources"),
    [
        ("~", Resources()),
        ("{}", Resources()),
        ("{limits: ~}", Resources()),
        ("{limits: {cpu: '', memory: ''}}", Resources()),
        ("{limits: {cpu: 250m}}", Resources(cpu_millis=250)),
        ("{limits: {cpu: '1'}}", Resources(cpu_millis=1000)),
        ("{limits: {cpu: '0.5'}}", Resources(cpu_millis=500)),
        ("{limits: {cpu: '0.125'}}", Resources(cpu_millis=125)),
        ("{limits: {memory: '1024'}}", Resources(memory_bytes=1024)),
        ("{limits: {memory: 2Ki}}", Resources(memory_bytes=2048)),
        ("{limits: {memory: 256Mi}}", Resources(memory_bytes=256 * 2**20)),
        ("{limits: {memory: 1.5Gi}}", Resources(memory_bytes=3 * 2**29)),
        ("{limits: {memory: 1k}}", Resources(memory_bytes=1000)),
        ("{limits: {memory: 1K}}", Resources(memory_bytes=1000)),
        ("{limits: {memory: 2M}}", Resources(memory_bytes=2_000_000)),
        ("{limits: {memory: 1G}}", Resources(memory_bytes=10**9)),
        ("{limits: {memory: 1GB}}", Resources(memory_bytes=10**9)),
        ("{limits: {memory: '1e3'}}", Resources(memory_bytes=1000)),
    ],
)
def test_limits(written: str, resources: Resources) -> None:
    assert load(f"resources: {written}" + STEPS).resources == resources


# errors of spec 10 section 11
@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("{cpu: 1}", "'resources.limits.cpu' expected type 'string', got unconvertible type"),
        ("{memory: 1}", "'resources.limits.memory' expected type 'string'"),
        ("{cpu: '0.0005'}", "cpu precision must be no finer than 1m"),
        ("{cpu: 0.5m}", "cpu precision must be no finer than 1m"),
        ("{cpu: '0'}", 'invalid cpu limit "0": value must be greater than zero'),
        ("{cpu: '-1'}", 'invalid cpu limit "-1": value must be greater than zero'),
        ("{cpu: two}", 'invalid cpu limit "two": '),
        ("{cpu: '1e9'}", 'invalid cpu limit "1e9": '),
        ("{cpu: '99999999999'}", "value is too large"),
        ("{memory: '0'}", 'invalid memory limit "0": value must be greater than zero'),
        ("{memory: -1Mi}", "value must be greater than zero"),
        ("{memory: 1i}", 'invalid memory limit "1i": '),
        ("{memory: much}", 'invalid memory limit "much": '),
        ("{memory: '1e99'}", "value is too large"),
        ("{memory: '" + "9" * 90 + "'}", "invalid memory limit"),
        ("{disk: 1G}", "'resources.limits' has invalid keys: disk"),
    ],
)
def test_limit_errors(written: str, message: str) -> None:
    error = refused(f"resources: {{limits: {written}}}" + STEPS)
    assert message in error.message
    assert error.problems[0].field.startswith("resources.limits.")


def test_both_limits_are_reported() -> None:
    error = refused("resources: {limits: {cpu: x, memory: y}}" + STEPS)
    assert [problem.field for problem in error.problems] == [
        "resources.limits.cpu",
        "resources.limits.memory",
    ]


# `artifacts` of spec 10 section 11: on by itself where the document needs them
@pytest.mark.parametrize(
    ("text", "artifacts"),
    [
        ("steps: [{run: a}]", Artifacts()),
        ("artifacts: {dir: d}\nsteps: [{run: a}]", Artifacts(dir="d")),
        ("artifacts: {enabled: true}\nsteps: [{run: a}]", Artifacts(enabled=True)),
        ("artifacts: {enabled: false}\nsteps: [{run: a}]", Artifacts(enabled=False)),
        ("steps: [{run: 'cp x $DAG_RUN_ARTIFACTS_DIR'}]", Artifacts(enabled=True)),
        ("steps: [{run: 'ls ${context.paths.artifacts_dir}'}]", Artifacts(enabled=True)),
        ("steps: [{run: 'ls ${ paths.artifacts_dir }'}]", Artifacts(enabled=True)),
        ("env: [D=$DAG_RUN_ARTIFACTS_DIR]\nsteps: [{run: a}]", Artifacts(enabled=True)),
        (
            "handler_on: {exit: {run: 'ls $DAG_RUN_ARTIFACTS_DIR'}}\nsteps: [{run: a}]",
            Artifacts(enabled=True),
        ),
        (
            "artifacts: {enabled: false}\nsteps: [{run: 'ls $DAG_RUN_ARTIFACTS_DIR'}]",
            Artifacts(enabled=False),
        ),
        ("steps: [{run: 'ls $MY_ARTIFACTS_DIR'}]", Artifacts()),
    ],
)
def test_artifacts(text: str, artifacts: Artifacts) -> None:
    assert load(text).artifacts == artifacts


def artifacts_of(enabled: bool | None, step: Step) -> Artifacts:
    entries: dict[str, Node] = {}
    if enabled is not None:
        inner: dict[str, Node] = {"enabled": ScalarNode(3, 9, enabled)}
        entries["artifacts"] = MapNode(3, 1, inner, {"enabled": (3, 3)})
    return read_artifacts(MapNode(1, 1, entries, {}), [step])


_USERS = [
    (Step(name="a", action="artifact.write", type="artifact"), "artifact actions"),
    (Step(name="a", stdout_artifact="x.txt"), "artifact outputs"),
    (Step(name="a", stderr_artifact="x.txt"), "artifact outputs"),
    (
        Step(
            name="a",
            foreach=Foreach(items="x", steps=(Step(name="b", stdout_artifact="x.txt"),)),
        ),
        "artifact outputs",
    ),
]


# steps that cannot be without artifacts: spec 10 section 11
@pytest.mark.parametrize(("step", "what"), _USERS)
def test_steps_that_need_artifacts(step: Step, what: str) -> None:
    assert artifacts_of(None, step).enabled is True
    assert artifacts_of(True, step).enabled is True
    with pytest.raises(FaultError) as caught:
        artifacts_of(False, step)
    (fault,) = caught.value.faults
    assert fault.message == f"{what} require artifacts.enabled to be true"
    assert (fault.line, fault.field) == (3, "artifacts.enabled")


def test_an_artifact_action_of_a_file_turns_them_on() -> None:
    """spec 10 section 11"""
    step = "\nsteps: [{action: artifact.list}]\n"
    assert load(step).artifacts == Artifacts(enabled=True)
    error = refused("artifacts: {enabled: false}" + step)
    assert "artifact actions require artifacts.enabled to be true" in error.message
