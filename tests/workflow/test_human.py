"""Steps that wait for people: `approval` and `human.task`."""

from __future__ import annotations

import pytest

from edge.core.jsontypes import JsonObject
from edge.workflow.model import Approval, OutputDecl
from tests.workflow.helpers import load, refused, step


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("{}", Approval()),
        ("~", None),
        (
            "{prompt: 'ok ${x}?', input: [who, why], required: [why]}",
            Approval(prompt="ok ${x}?", input=("who", "why"), required=("why",)),
        ),
        ("{rewind_to: a}", Approval(rewind_to="a")),
    ],
)
def test_approval(value: str, expected: Approval | None) -> None:
    """spec 10 section 6.4, spec 12 section 14"""
    assert step(f"{{name: a, run: x, approval: {value}}}").approval == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            "{input: [who], required: [why]}",
            "field 'steps': field 'approval': required field \"why\" is not in input list",
        ),
        ("{required: [why]}", 'required field "why" is not in input list'),
        ("{inputs: [a]}", "'approval' has invalid keys: inputs"),
        ("{prompt: 5}", "'approval.prompt' expected type 'string'"),
        ("{input: who}", "'approval.input' source data must be an array or slice"),
        ("true", "'approval' expected a map or struct, got \"bool\""),
    ],
)
def test_bad_approval(value: str, message: str) -> None:
    """spec 10 section 6.4, spec 12 section 14"""
    assert message in refused(f"steps: [{{run: x, approval: {value}}}]\n").message


def test_rewind_target_is_the_step_or_before_it() -> None:
    """spec 10 section 6.4"""
    dag = load(
        """
        steps:
          - {id: one, name: first, run: x}
          - {name: second, run: x, depends: one}
          - {name: third, run: x, depends: second, approval: {rewind_to: one}}
        """
    )
    assert dag.steps[2].approval == Approval(rewind_to="first")
    chain = load("type: chain\nsteps: [{name: a, run: x}, {run: x, approval: {rewind_to: a}}]\n")
    assert chain.steps[1].approval == Approval(rewind_to="a")


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("ghost", "rewind_to references non-existent step ghost"),
        ("other", "rewind_to must reference the step itself or an upstream dependency"),
        ("after", "rewind_to must reference the step itself or an upstream dependency"),
    ],
)
def test_bad_rewind_target(target: str, message: str) -> None:
    """spec 10 section 6.4"""
    error = refused(
        f"steps: [{{name: a, run: x, approval: {{rewind_to: {target}}}}}, {{name: other, run: x}},"
        " {name: after, run: x, depends: a}]\n"
    )
    assert error.bullets == (f"field 'approval': {message} (value: {target}) (steps[0])",)


def test_approvals_stay_on_this_machine() -> None:
    """spec 10 section 6.4"""
    text = "worker_selector: %s\nsteps: [{run: x, approval: {}}]\n"
    message = "DAG with approval steps cannot be dispatched to workers"
    assert message in refused(text % "{zone: a}").message
    assert load(text % "local").steps[0].approval == Approval()
    task = "worker_selector: {a: b}\nsteps: [{id: h, action: human.task, with: {prompt: p}}]\n"
    assert load(task).steps[0].action == "human.task"


_FORM = "{type: object, properties: {s: {type: string}, n: {type: integer, default: 3}}}"


def test_human_task() -> None:
    """spec 13 section 16"""
    found = step(
        "{id: h, action: human.task, with: {prompt: 'ok ${x}?', form: "
        + _FORM
        + "}, env: {A: b}, working_dir: /w, dependencies: f, description: d, preconditions: p,"
        " continue_on: failed}"
    )
    assert (found.type, found.run, found.action, found.name) == ("", None, "human.task", "h")
    assert found.options == {
        "prompt": "ok ${x}?",
        "form": {
            "type": "object",
            "properties": {"n": {"type": "integer", "default": 3}, "s": {"type": "string"}},
            "additionalProperties": False,
        },
    }
    # each property is an output: text stays text, the rest is JSON
    assert found.outputs == (OutputDecl("n", "json"), OutputDecl("s", "string"))


def test_human_task_takes_few_defaults() -> None:
    """spec 10 section 7.5"""
    dag = load(
        """
        defaults:
          continue_on: failed
          retry_policy: {limit: 1, interval_sec: 1}
          repeat_policy: {repeat: true}
          timeout_sec: 5
          mail_on_error: true
          signal_on_stop: SIGINT
          env: {A: b}
          preconditions: p
        steps: [{id: h, action: human.task, with: {prompt: p}}]
        """
    )
    found = dag.steps[0]
    assert found.continue_on.failed
    assert [item.name for item in found.env] == ["A"]
    assert [item.condition for item in found.preconditions] == ["p"]
    assert (found.retry_policy, found.repeat_policy, found.timeout_s) == (None, None, 0)
    assert (found.mail_on_error, found.signal_on_stop) == (False, "")


@pytest.mark.parametrize(
    "key",
    [
        "approval",
        "container",
        "foreach",
        "log_output",
        "mail_on_error",
        "output",
        "output_schema",
        "parallel",
        "repeat_policy",
        "retry_policy",
        "signal_on_stop",
        "stderr",
        "stdout",
        "timeout_sec",
        "worker_selector",
    ],
)
def test_fields_a_human_task_refuses_by_presence(key: str) -> None:
    """spec 13 section 16, spec 10 section 6.7"""
    error = refused(f"steps: [{{id: h, action: human.task, with: {{prompt: p}}, {key}: ~}}]\n")
    assert f"field '{key}': action human.task does not support {key}" in error.message
    assert error.problems[0].field == f"steps[0].{key}"


_TASK = "id: h, action: human.task"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            "action: human.task, with: {prompt: p}",
            "'id': action human.task requires an explicit id",
        ),
        (f"{_TASK}, with: {{prompt: p}}, outputs: ~", "derives outputs from its form"),
        (_TASK, "field 'with.prompt': with.prompt is required"),
        (f"{_TASK}, with: {{}}", "field 'with.prompt': with.prompt is required"),
        (f"{_TASK}, with: {{prompt: ' '}}", "with.prompt must be a non-empty string"),
        (f"{_TASK}, with: {{prompt: ~}}", "with.prompt must be a non-empty string"),
        (f"{_TASK}, with: {{prompt: 5}}", "with.prompt must be a non-empty string"),
        (f"{_TASK}, with: ~", "with must be an object"),
        (f"{_TASK}, with: [a]", "with must be an object"),
        (
            f"{_TASK}, with: {{prompt: p, x: 1}}",
            "field 'with': human.task does not support with.x",
        ),
        (f"{_TASK}, run: x", "field 'action': run cannot be used together with action"),
        (f"{_TASK}, command: x", "field 'action': action cannot be used together with command"),
        (f"{_TASK}, type: ssh", "field 'action': action cannot be used together with type"),
    ],
)
def test_bad_human_task(fields: str, message: str) -> None:
    """spec 13 section 16, spec 10 section 6.7"""
    assert message in refused(f"steps: [{{{fields}}}]\n").message


def test_no_human_task_in_a_handler() -> None:
    """spec 10 section 7.6, spec 13 section 16"""
    error = refused(
        "handler_on: {exit: {id: h, action: human.task, with: {prompt: p}}}\nsteps: [{run: a}]\n"
    )
    assert error.bullets[0].startswith(
        "field 'handlers': action human.task cannot be used in handler_on.exit"
    )
    assert error.problems[0].field == "handler_on.exit.action"


def form(value: str) -> JsonObject:
    found = step(f"{{{_TASK}, with: {{prompt: p, form: {value}}}}}").options["form"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("value", "kinds"),
    [
        ("{a: {type: string}}", ["string"]),
        ("{a: {type: integer}, b: {type: number}, c: {type: boolean}}", ["json"] * 3),
        ("{a: {enum: [x, y]}}", ["string"]),
        ("{a: {enum: [1, 2]}}", ["json"]),
        ("{a: {oneOf: [{const: x, title: X}, {const: y}]}}", ["string"]),
        # constants of an integer count as such
        ("{a: {type: integer, oneOf: [{const: 1}, {const: 2, type: integer}]}}", ["json"]),
        ("{a: {type: string, minLength: 1, maxLength: 2, pattern: '^x', default: x}}", ["string"]),
        # not checked: enum against type, limits of another type, minimum above maximum
        ("{a: {type: string, enum: [1]}}", ["string"]),
        ("{a: {type: string, minimum: 1}}", ["string"]),
        ("{a: {type: integer, minimum: 5, maximum: 1}}", ["json"]),
        ("{a: {type: string, oneOf: [{const: x}, {const: x}]}}", ["string"]),
    ],
)
def test_form_properties_are_outputs(value: str, kinds: list[str]) -> None:
    """spec 13 section 16"""
    found = step(f"{{{_TASK}, with: {{prompt: p, form: {{type: object, properties: {value}}}}}}}")
    assert [item.type for item in found.outputs] == kinds


def test_normalised_form() -> None:
    """spec 13 section 16, spec 12 section 14"""
    found = form(
        "{additionalProperties: true, required: [b], description: d, title: t,"
        " properties: {b: {type: string}, a: {type: string}}, type: object}"
    )
    assert found == {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
        "title": "t",
        "description": "d",
        "required": ["b"],
        "additionalProperties": True,
    }
    assert list(found)[:2] == ["type", "properties"]
    assert form("{type: object}") == {
        "type": "object",
        "properties": {},
        "additionalProperties": False,
    }


# spec 13 section 16: one row for each text of the table
_P = "{type: object, properties: {a: %s}}"
_FAULTS = [
    ("~", "with.form must be an object schema"),
    ("text", "form must be an object schema"),
    ("{type: object, x: 1, b: 2}", 'unsupported form schema field "b"'),
    ("{}", "form type must be object"),
    ("{type: string}", "form type must be object"),
    ("{type: object, title: 5}", "form title must be a string"),
    ("{type: object, description: 5}", "form description must be a string"),
    ("{type: object, properties: [a]}", "form properties must be an object"),
    ("{type: object, additionalProperties: x}", "form additionalProperties must be a boolean"),
    ("{type: object, required: a}", "form required must be an array of property names"),
    ("{type: object, required: [1]}", "form required must contain property names"),
    ("{type: object, required: [b]}", 'required form property "b" is not declared'),
    (
        "{type: object, properties: {b: {type: string}}, required: [b, b]}",
        'required form property "b" is duplicated',
    ),
    (
        "{type: object, properties: {a-b: {type: string}}}",
        'form property name "a-b" must match "^[A-Za-z][A-Za-z0-9_]*$"',
    ),
    (_P % "text", 'form property "a" must be an object'),
    (_P % "{type: string, x: 1}", 'form property "a" uses unsupported schema field "x"'),
    (_P % "{title: t}", 'form property "a" must define type, enum, or oneOf'),
    (_P % "{type: array}", 'form property "a" type must be string, integer, number, or boolean'),
    (_P % "{type: [string]}", 'form property "a" type must be a scalar type'),
    (_P % "{type: string, title: 5}", 'form property "a" title must be a string'),
    (_P % "{type: string, description: 5}", 'form property "a" description must be a string'),
    (_P % "{type: string, pattern: 5}", 'form property "a" pattern must be a string'),
    (_P % "{type: string, default: [x]}", 'form property "a" default must be a scalar value'),
    (_P % "{type: integer, minimum: x}", 'form property "a" minimum must be a number'),
    (_P % "{type: integer, maximum: true}", 'form property "a" maximum must be a number'),
    (
        _P % "{type: string, minLength: -1}",
        'form property "a" minLength must be a non-negative integer',
    ),
    (
        _P % "{type: string, maxLength: 1.5}",
        'form property "a" maxLength must be a non-negative integer',
    ),
    (_P % "{enum: []}", 'form property "a" enum must be a non-empty array'),
    (_P % "{enum: [x, [y]]}", 'form property "a" enum[1] must be a scalar value'),
    (_P % "{enum: [x, x]}", 'form property "a" enum contains duplicate value "x"'),
    (_P % "{oneOf: []}", 'form property "a" oneOf must be a non-empty array'),
    (_P % "{oneOf: [x]}", 'form property "a" oneOf[0] must be an object'),
    (
        _P % "{oneOf: [{const: 1, x: 1}]}",
        'form property "a" oneOf[0] uses unsupported schema field "x"',
    ),
    (_P % "{oneOf: [{title: t}]}", 'form property "a" oneOf[0].const is required'),
    (_P % "{oneOf: [{const: 1, type: array}]}", 'form property "a" oneOf[0] type must be'),
    (
        _P % "{oneOf: [{const: x, type: integer}]}",
        'form property "a" oneOf[0].const does not match its type',
    ),
    (
        _P % "{type: integer, oneOf: [{const: x}]}",
        'form property "a" oneOf values do not match type integer',
    ),
    (_P % "{type: integer, default: x}", "resolve form schema: "),
    (_P % "{enum: [x], default: y}", "resolve form schema: "),
    (_P % "{type: string, minLength: 2, default: x}", "resolve form schema: "),
    (_P % "{type: string, maxLength: 1, default: xyz}", "resolve form schema: "),
    (_P % "{type: string, pattern: '^y', default: x}", "resolve form schema: "),
    (_P % "{type: integer, maximum: 1, default: 2}", "resolve form schema: "),
    (_P % "{type: string, pattern: '('}", "resolve form schema: "),
    (
        _P % "{enum: [x, 1]}",
        "form must use flat scalar fields supported by Dagu forms",
    ),
    (
        _P % "{oneOf: [{const: x}, {const: true}]}",
        "form must use flat scalar fields supported by Dagu forms",
    ),
]


@pytest.mark.parametrize(("value", "message"), _FAULTS)
def test_bad_form(value: str, message: str) -> None:
    """spec 13 section 16"""
    error = refused(f"steps: [{{{_TASK}, with: {{prompt: p, form: {value}}}}}]\n")
    assert f"field 'with.form': {message}" in error.message
    assert error.problems[0].field == "steps[0].with.form"
