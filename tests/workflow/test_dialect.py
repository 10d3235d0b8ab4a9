"""The language of Dagu 1.30 in front of ours."""

from __future__ import annotations

from textwrap import dedent

import pytest

from edge.workflow.dialect import is_v1, normalise
from edge.workflow.dialect_keys import RENAMED, snake
from edge.workflow.load import LoadOptions, validate_text
from edge.workflow.model import DAGType, Precondition
from edge.workflow.nodes import MapNode, json_of
from edge.workflow.yaml_reader import read_documents
from tests.workflow.helpers import load, refused

STRICT = LoadOptions(v1_compat=False)


def root_of(text: str) -> MapNode:
    node = read_documents(dedent(text))[0].root
    assert isinstance(node, MapNode)
    return node


def rewritten(text: str) -> object:
    return json_of(normalise(root_of(text)).root)


def told(text: str) -> list[str]:
    return normalise(root_of(text)).warnings


@pytest.mark.parametrize(
    ("text", "is_old"),
    [
        # spec 10 section 13.1: what makes a document one of Dagu 1.30
        ("maxActiveSteps: 5\nsteps: [{command: a}]", True),
        ("handlerOn: {exit: {command: a}}\nsteps: []", True),
        ("steps: [{command: a, retryPolicy: {limit: 1}}]", True),
        ("steps: [{command: a, retry_policy: {intervalSec: 1}}]", True),
        ("steps: [[{command: a, dir: x}]]", True),
        ("steps: {a: {command: a, executor: ssh}}", True),
        ("steps: [{precondition: x, run: a}]", True),
        ("precondition: x\nsteps: []", True),
        ("dir: /x\nsteps: []", True),
        ("handler_on: {cancel: {run: a}}\nsteps: []", True),
        ("handler_on: {exit: {run: a, dir: /}}\nsteps: []", True),
        ("defaults: {retryPolicy: {limit: 1}}\nsteps: []", True),
        ("steps: [{foreach: {items: [1], steps: [{run: a, dir: x}]}}]", True),
        ("enableArtifact: true\nsteps: []", True),
        # no marker, although every step is of the old form
        ("steps: [{command: a}, b, {script: c}, {call: d}]", False),
        ("tags: a\nsteps: [{type: ssh, config: {knownHostFile: x}}]", False),
        # the same words where they are data
        ("env: {maxActiveSteps: 1, dir: x}\nsteps: [{run: a, env: {executor: b}}]", False),
        ("params: {retryPolicy: 1}\nlabels: {dir: a}\nsteps: []", False),
        ("steps: [{action: http.request, with: {body: {timeoutSec: 1}}}]", False),
        ("steps: [{run: a, output: {dir: x}}]", False),
        ("steps: [dir, executor]", False),
        ("continueOn: failed\nsteps: []", False),
        ("steps: dir", False),
        ("handler_on: cancel\nsteps: 5", False),
    ],
)
def test_a_document_is_of_1_30_by_its_keys(text: str, is_old: bool) -> None:
    assert is_v1(root_of(text)) is is_old


#: spec 10 section 13.2: context of a key -> the mapping it is tried in
_WRAPPED = {
    "root": "{%s: 1}",
    "step": "{steps: [{%s: 1}]}",
    "defaults": "{defaults: {%s: 1}}",
    "policy": "{steps: [{repeat_policy: {%s: 1}}]}",
    "continue_on": "{steps: [{continue_on: {%s: 1}}]}",
    "parallel": "{steps: [{parallel: {%s: 1}}]}",
    "foreach": "{steps: [{foreach: {%s: 1}}]}",
    "run_config": "{run_config: {%s: 1}}",
    "mail": "{error_mail: {%s: 1}}",
    "webhook": "{webhook: {%s: 1}}",
    "container": "{container: {%s: 1}}",
    "healthcheck": "{steps: [{container: {healthcheck: {%s: 1}}}]}",
    "ssh": "{ssh: {%s: 1}}",
    "s3": "{s3: {%s: 1}}",
    "redis": "{redis: {%s: 1}}",
    "llm": "{steps: [{llm: {%s: 1}}]}",
    "thinking": "{llm: {thinking: {%s: 1}}}",
    "handler_on": "{handler_on: {%s: 1}}",
}


@pytest.mark.parametrize(
    ("context", "old", "new"),
    [
        (context, old, new)
        for context, pairs in RENAMED.items()
        for old, new in pairs.items()
        if old not in ("executor", "precondition")
    ],
)
def test_each_key_gets_the_new_spelling(context: str, old: str, new: str) -> None:
    """spec 10 section 13.2"""
    text = _WRAPPED[context]
    assert rewritten(text % old) == rewritten(text % new)
    assert is_v1(root_of(text % old))
    (warning,) = told(text % old)
    assert warning.endswith(f".{old} is Dagu 1.30 spelling; use {new}") or warning == (
        f"{old} is Dagu 1.30 spelling; use {new}"
    )


_LISTED = """
workingDir skipIfSuccessful catchupWindow overlapPolicy logDir logOutput handlerOn mailOn errorMail
infoMail waitMail timeoutSec delaySec restartWaitSec histRetentionDays histRetentionRuns
maxActiveRuns maxActiveSteps maxCleanUpTimeSec maxOutputSize runConfig workerSelector registryAuths
shellPackages continueOn retryPolicy repeatPolicy mailOnError signalOnStop intervalSec exitCode
maxIntervalSec markSuccess maxConcurrent disableParamEdit disableRunIdEdit attachLogs pullPolicy
keepContainer waitFor logPattern restartPolicy startPeriod strictHostKey knownHostFile accessKeyId
secretAccessKey sessionToken forcePathStyle disableSSL tlsSkipVerify sentinelMaster sentinelAddrs
clusterAddrs maxRetries budgetTokens includeInOutput maxTokens topP baseURL apiKeyName
maxToolIterations shellArgs forwardHeaders
"""


@pytest.mark.parametrize("old", _LISTED.split())
def test_every_listed_key_is_known_somewhere(old: str) -> None:
    """spec 10 section 13.2"""
    assert any(old in pairs for pairs in RENAMED.values())


@pytest.mark.parametrize(
    ("text", "new"),
    [
        # spec 10 section 13.2: keys that moved
        ("artifactDir: /a", "artifacts: {dir: /a}"),
        ("enableArtifact: true\nartifacts: {dir: b}", "artifacts: {dir: b, enabled: true}"),
        ("forwardHeaders: [x-a]", "webhook: {forward_headers: [x-a]}"),
        # spec 10 section 13.3: forms of steps
        ("steps: [{executor: ssh}]", "steps: [{type: ssh}]"),
        (
            "steps: [{executor: {type: s3, config: {accessKeyId: a}}}]",
            "steps: [{type: s3, with: {access_key_id: a}}]",
        ),
        ("steps: [{executor: {type: http}}]", "steps: [{type: http}]"),
        ("steps: [{executor: null, run: a}]", "steps: [{run: a}]"),
        ("steps: [{executor: '', run: a}]", "steps: [{executor: null, run: a}]"),
        # only the options themselves are respelled, not what they hold
        (
            "steps: [{executor: {type: http, config: {headers: {topP: a}, skipTLSVerify: 1}}}]",
            "steps: [{type: http, with: {headers: {topP: a}, skip_tls_verify: 1}}]",
        ),
        (
            "steps: [{type: own, dir: x, config: {fooBar: 1}}]",
            "steps: [{type: own, working_dir: x, config: {fooBar: 1}}]",
        ),
        ("steps: [{dir: a, working_dir: b}]", "steps: [{working_dir: b}]"),
        ("steps: [{working_dir: b, dir: a}]", "steps: [{working_dir: b}]"),
        ("precondition: x", "preconditions: x"),
        ("precondition: x\npreconditions: [y]", "preconditions: [x, y]"),
        ("preconditions: y\nprecondition: [x]", "preconditions: [x, y]"),
        ("precondition: null\npreconditions: y", "preconditions: y"),
        ("precondition: {command: a, expected: b}", "preconditions: [{condition: a, expected: b}]"),
        ("precondition: [{Command: a}]", "preconditions: [{condition: a}]"),
        (
            "precondition: [{command: a, condition: b}]",
            "preconditions: [{command: a, condition: b}]",
        ),
        (
            "handlerOn: {cancel: {command: a, dir: b}}",
            "handler_on: {abort: {command: a, working_dir: b}}",
        ),
    ],
)
def test_each_form_gets_the_new_form(text: str, new: str) -> None:
    assert rewritten(text) == json_of(root_of(new)) or rewritten(text) == rewritten(new)


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        # spec 10 section 13.1: one key in both spellings is an error
        ("logDir: a\nlog_dir: b", "'logDir' is the same as 'log_dir'", (1, 1)),
        (
            "steps:\n- retryPolicy: {limit: 1}\n  retry_policy: {limit: 2}\n  run: a",
            "'steps[0].retryPolicy' is the same as 'steps[0].retry_policy'",
            (2, 3),
        ),
        (
            "handlerOn: {cancel: {run: a}, abort: {run: b}}",
            "'handlerOn.cancel' is the same as 'handlerOn.abort'",
            (1, 13),
        ),
        (
            "artifactDir: a\nartifacts: {dir: b}",
            "'artifactDir' is the same as 'artifacts.dir'",
            (1, 1),
        ),
        (
            "steps: [{executor: ssh, type: ssh}]",
            "'steps[0].executor.type' is the same as 'type'",
            (1, 10),
        ),
        (
            "steps: [{executor: {type: ssh, config: {a: 1}}, with: {b: 1}}]",
            "'steps[0].executor.config' is the same as 'with'",
            (1, 10),
        ),
        (
            "steps: [{executor: {type: s3, config: {accessKeyId: a, access_key_id: b}}}]",
            "'steps[0].with.accessKeyId' is the same as 'steps[0].with.access_key_id'",
            (1, 40),
        ),
        ("steps: [{executor: 5}]", "'steps[0].executor' must be a string or an object", (1, 20)),
        (
            "steps: [{executor: {type: a, retries: 1}}]",
            "'steps[0].executor' has invalid keys: retries",
            (1, 30),
        ),
    ],
)
def test_two_spellings_are_refused(text: str, message: str, place: tuple[int, int]) -> None:
    error = refused(text)
    assert message in error.message
    assert error.message.startswith("failed to process document 0: decoding failed")
    assert (error.problems[0].line, error.problems[0].column) == place


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        # spec 10 section 1.2: the hints, when 1.30 is not accepted
        (
            "maxActiveSteps: 1\nsteps: []",
            "use snake_case keys (maxActiveSteps -> max_active_steps)",
        ),
        ("precondition: a", '"precondition" is no longer supported; use "preconditions"'),
        ("dir: a", '"dir" is no longer supported; use "working_dir"'),
        (
            "steps: [{executor: ssh}]",
            '"executor" has been removed; use "action" and pass executor options under "with"',
        ),
        ("handler_on: {cancel: {run: a}}", "'handler_on' has invalid keys: cancel"),
    ],
)
def test_without_compatibility_old_keys_are_refused(text: str, hint: str) -> None:
    assert hint in refused(text, how=STRICT).message


def test_default_type_is_chain_whatever_the_base_says() -> None:
    """spec 10 section 13.1"""
    old = "dir: /x\nsteps: [{run: a}, {run: b}]"
    assert load(old).type is DAGType.CHAIN
    assert load(old, base_text="type: graph").type is DAGType.CHAIN
    assert load("type: graph\n" + old).type is DAGType.GRAPH
    assert load("type: ''\n" + old).type is DAGType.CHAIN
    assert load(old).dialect == "v1"
    assert load("steps: [{run: a}]").dialect == "v2"
    # a base in the old language says nothing about a document in the new one
    mixed = load("steps: [{run: a}, {run: b}]", base_text="logDir: /logs\nhandlerOn: {}")
    assert (mixed.type, mixed.dialect, mixed.log_dir) == (DAGType.GRAPH, "v2", "/logs")


def test_depends_adds_to_the_implied_order_of_a_chain() -> None:
    """spec 10 section 13.1"""
    dag = load(
        """
        maxActiveSteps: 2
        steps:
          - {name: a, run: a}
          - {name: b, run: b}
          - {name: c, run: c, depends: a}
          - {name: d, run: d, depends: []}
          - {name: e, run: e, depends: null}
        """
    )
    assert {step.name: step.depends for step in dag.steps} == {
        "a": (),
        "b": ("a",),
        "c": ("b", "a"),
        "d": (),
        "e": ("d",),
    }


@pytest.mark.parametrize(
    ("step", "message"),
    [
        # spec 10 section 13.1: names and ids of steps
        ("{id: a-b, run: a}", ""),
        (f"{{id: {'a' * 60}, run: a, name: x}}", ""),
        ("{id: 1a, run: a}", "invalid step ID format"),
        ("{id: stdout, run: a}", "is a reserved word"),
        (f"{{name: {'n' * 40}, run: a}}", ""),
        (f"{{name: {'n' * 41}, run: a}}", "step name must be at most 40 characters"),
    ],
)
def test_names_of_old_steps(step: str, message: str) -> None:
    text = f"logDir: /x\nsteps: [{step}]"
    if message:
        assert message in refused(text).message
    else:
        assert load(text).steps


def test_old_preconditions() -> None:
    """spec 10 section 13.1"""
    dag = load(
        "precondition: {command: 'test -f a'}\nsteps: [{run: a, preconditions: {condition: b}}]"
    )
    assert dag.preconditions == (Precondition(condition="test -f a"),)
    assert dag.steps[0].preconditions == (Precondition(condition="b"),)
    assert (
        "precondition must be a string or an array"
        in refused("steps: [{run: a, preconditions: {condition: b}}]").message
    )


@pytest.mark.parametrize(
    ("text", "is_env"),
    [
        # spec 10 section 13.1: names of variables and labels are not checked
        ("logDir: a\nenv: {a-b: 1, 1A: 2}\nsteps: [{run: a}]", True),
        ("logDir: a\nenv: [a-b=1, 1A=2]\nsteps: [{run: a}]", True),
        ("logDir: a\ntags: a b\nsteps: [{run: a}]", False),
    ],
)
def test_names_of_old_variables_and_labels(text: str, is_env: bool) -> None:
    dag = load(text)
    if is_env:
        assert [(item.name, item.value) for item in dag.env] == [("a-b", "1"), ("1A", "2")]
    else:
        assert dag.labels == ("a b",)
    refused(text.replace("logDir", "log_dir"))


@pytest.mark.parametrize(
    "name",
    # spec 10 section 13.1: what no process can be given
    ["''", '"a=b"'],
)
def test_impossible_variables_are_refused(name: str) -> None:
    assert (
        "invalid environment variable name"
        in refused(f"logDir: a\nenv: {{{name}: 1}}\nsteps: [{{run: a}}]").message
    )


@pytest.mark.parametrize(
    "text",
    [
        # spec 10 section 13.1: raw rules of `validate` that an old document does not have
        "name: x\nlogDir: a\nsteps: [{run: a}]",
        "logDir: a\nsteps: {s: {run: a}}",
        "logDir: a",
        "logDir: a\nsteps: [{run: a}]\n---\n",
        "---\n# nothing\n---\nlogDir: a\nsteps: [{run: a}]",
    ],
)
def test_validate_accepts_what_1_30_had(text: str) -> None:
    assert not validate_text(text, source_file="x.yaml").errors
    assert validate_text(text, source_file="x.yaml", options=STRICT).errors


def test_each_old_key_warns_once_with_its_path() -> None:
    """spec 10 section 13.1"""
    report = validate_text(
        dedent(
            """
            handlerOn: {cancel: {command: rm}}
            steps:
              - name: pull
                dir: /x
                retryPolicy: {limit: 2, intervalSec: 5}
                command: a
            """
        ),
        source_file="x.yaml",
    )
    assert not report.errors
    assert [text for text in report.warnings if "1.30" in text] == [
        "handlerOn is Dagu 1.30 spelling; use handler_on",
        "handlerOn.cancel is Dagu 1.30 spelling; use abort",
        "steps[0].dir is Dagu 1.30 spelling; use working_dir",
        "steps[0].retryPolicy is Dagu 1.30 spelling; use retry_policy",
        "steps[0].retryPolicy.intervalSec is Dagu 1.30 spelling; use interval_sec",
    ]


def test_places_are_those_of_the_file() -> None:
    error = refused("dir: /x\nsteps:\n  - run: a\n    retryPolicy: {limit: 1, intervalSec: []}\n")
    (problem,) = error.problems
    assert (problem.line, problem.field) == (4, "steps[0].retry_policy.interval_sec")


def test_run_that_names_a_dag_warns() -> None:
    """spec 10 section 13.1"""
    text = "dir: /x\nsteps: [{run: child}, {run: other}, {run: ls -l}]\n---\nname: child\n"
    found = load(text, how=LoadOptions(is_dag=lambda name: name == "other"))
    assert [line.partition(" is")[0] for line in found.warnings] == ["steps[0].run", "steps[1].run"]
    assert load("steps: [{run: child}]\n---\nname: child\n").warnings == ()


def test_spelling_of_options() -> None:
    assert snake("disableSSL") == "disable_ssl"
    assert snake("skipTLSVerify") == "skip_tls_verify"
    assert snake("tlsSkipVerify") == "tls_skip_verify"
    assert snake("PATH") == "PATH"
    assert snake("a_b") == "a_b"
