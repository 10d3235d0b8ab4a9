"""Custom actions (spec 10 section 10, spec 13 section 18)."""

from __future__ import annotations

import pytest

from edge.workflow.model import CommandRun, ContinueOn, EnvVar, Precondition, ScriptRun
from tests.workflow.helpers import commands, load, refused

GREET = """
actions:
  greet:
    description: says hello
    input_schema:
      type: object
      required: [who]
      properties:
        who: {type: string}
        times: {type: integer, default: 1, maximum: 5}
        mood: {enum: [glad, sad], default: glad}
        tags: {type: array, items: {type: string}, default: []}
        opts: {type: object, default: {a: {b: [x, 5]}}}
    template:
      action: log.write
      with: {message: "hi {{ .input.who }} x{{ .input.times }} {{ .input.mood }}"}
"""


def _call(rest: str, actions: str = GREET) -> str:
    return f"{actions}\nsteps:\n  - {{{rest}}}\n"


def _action(template: str, schema: str = "{type: object}", more: str = "") -> str:
    return f"actions: {{a: {{input_schema: {schema}, template: {template}{more}}}}}"


def test_call_becomes_the_step_of_the_template() -> None:
    """spec 13 section 18.1"""
    (found,) = load(_call("action: greet, with: {who: pump-3, times: 2}")).steps
    assert found.action == "log.write"
    assert found.type == "log"
    assert found.options == {"message": "hi pump-3 x2 glad"}
    assert found.custom_action == "greet"
    assert found.name == "greet_1"
    assert found.description == "says hello"


def test_dotted_name_and_run_form() -> None:
    """spec 10 section 10"""
    dag = load(
        """
        actions:
          gauge.read-all:
            input_schema: {type: object, properties: {port: {type: string}}}
            template: {run: "echo {{ json .input.port }}\\nsleep 1", with: {shell: bash}}
        steps:
          - {action: gauge.read-all, with: {port: "a b"}}
        """
    )
    assert dag.steps[0].run == ScriptRun('echo "a b"\nsleep 1')
    assert dag.steps[0].shell is not None


# spec 10 section 10: what a call sets wins, but for `with`; env and preconditions are appended
def test_keys_of_the_call_win() -> None:
    """spec 10 section 10"""
    template = (
        "{run: a, env: [A=1], preconditions: [x], timeout_sec: 5, continue_on: failed,"
        " output: X, working_dir: /t, description: own}"
    )
    call = (
        "id: s, name: n, description: d, action: a, timeout_sec: 9, output: Y, env: {B: 2},"
        " preconditions: y, continue_on: skipped, depends: [], with: {}"
    )
    (found,) = load(_call(call, _action(template))).steps
    assert (found.name, found.id, found.description) == ("n", "s", "d")
    assert found.timeout_s == 9
    assert found.env == (EnvVar("A", "1"), EnvVar("B", "2"))
    assert found.preconditions == (Precondition(condition="x"), Precondition(condition="y"))
    assert found.continue_on == ContinueOn(skipped=True)
    assert found.working_dir == "/t"
    (found,) = load(_call("action: a", _action(template, more=", description: of action"))).steps
    assert found.description == "own"
    assert found.timeout_s == 5


def test_defaults_of_the_document_come_first() -> None:
    """spec 10 section 7.5"""
    text = "defaults: {timeout_sec: 7, env: [D=0]}\n" + _action("{run: a, env: [A=1]}")
    (found,) = load(_call("action: a, env: [B=2]", text)).steps
    assert found.timeout_s == 7
    assert found.env == (EnvVar("D", "0"), EnvVar("A", "1"), EnvVar("B", "2"))


# spec 13 section 18.1: `$input` gives the value with its type
@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("times", 1),
        ("tags", []),
        ("opts.a.b.0", "x"),
        ("opts.a.b.1", 5),
        ("opts", {"a": {"b": ["x", 5]}}),
    ],
)
def test_input_is_injected_with_its_type(path: str, value: object) -> None:
    """spec 13 section 18.1"""
    actions = GREET.replace(
        "action: log.write",
        f"action: outputs.write\n      with: {{values: {{v: {{$input: {path}}}}}}}",
    ).replace(
        '      with: {message: "hi {{ .input.who }} x{{ .input.times }} {{ .input.mood }}"}\n', ""
    )
    (found,) = load(_call("action: greet, with: {who: a}", actions)).steps
    assert found.options == {"values": {"v": value}}


# spec 13 section 18.1: inputs are checked; a reference may stand for a value
@pytest.mark.parametrize(
    "inputs",
    [
        "{who: a, times: '${params.n}'}",
        "{who: a, times: $N}",
        "{who: a, times: '`nproc`'}",
        "{who: a, mood: '${params.m}'}",
        "{who: 'x ${params.n}'}",
        "{who: a, tags: ['${params.n}', b]}",
        "{who: a, tags: '${params.list}'}",
        "{who: a, opts: '${params.map}'}",
    ],
)
def test_reference_stands_for_a_typed_value(inputs: str) -> None:
    """spec 13 section 18.1"""
    assert load(_call(f"action: greet, with: {inputs}")).steps[0].action == "log.write"


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ("{}", "required: missing properties"),
        ("{who: 5}", 'has type "integer", want "string"'),
        ("{who: a, times: '5'}", 'has type "string", want "integer"'),
        ("{who: a, times: 6}", "maximum: 6 is greater than 5"),
        ("{who: a, times: 'x ${params.n}'}", 'want "integer"'),
        ("{who: a, mood: angry}", "enum: angry"),
        ("{who: a, mood: 'so ${params.m}'}", "enum"),
        ("{who: a, tags: [1]}", 'want "string"'),
    ],
)
def test_bad_inputs_are_refused(inputs: str, message: str) -> None:
    """spec 13 section 18.1"""
    error = refused(_call(f"action: greet, with: {inputs}"))
    assert "field 'with': invalid \"greet\" input: " in error.message
    assert message in error.message
    assert error.problems[0].field == "steps[0].with"


def test_value_of_a_reference_is_text_for_the_template() -> None:
    """spec 10 section 10: functions see an unresolved reference as its text"""
    (found,) = load(_call("action: greet, with: {who: '${params.w}', times: $N}")).steps
    assert found.options == {"message": "hi ${params.w} x$N glad"}


# spec 10 section 10: what a call may not set
@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("working_dir: /x", 'field "working_dir" is not allowed'),
        ("container: c", 'field "container" is not allowed'),
        ("parallel: [1]", 'field "parallel" is not allowed'),
        ("foreach: {items: [1], steps: [{run: a}]}", 'field "foreach" is not allowed'),
        ("run: a", "run cannot be used together with action"),
        ("command: a", "action cannot be used together with command"),
        ("script: a", "action cannot be used together with script"),
        ("type: ssh", "action cannot be used together with type"),
        ("with: ~", "with must be an object"),
        ("with: [a]", "with must be an object"),
    ],
)
def test_what_a_call_may_not_set(rest: str, message: str) -> None:
    """spec 10 section 10"""
    assert message in refused(_call(f"action: a, {rest}", _action("{run: a}"))).message


@pytest.mark.parametrize(
    "rest",
    [
        "output: X",
        "stdout: f",
        "retry_policy: {limit: 1, interval_sec: 1}",
        "continue_on: failed",
        "log_output: merged",
        "signal_on_stop: SIGINT",
    ],
)
def test_what_a_call_may_set(rest: str) -> None:
    """spec 10 section 10"""
    (found,) = load(_call(f"action: a, {rest}", _action("{run: a}"))).steps
    assert found.run == CommandRun(("a",))


# spec 10 section 10, spec 13 section 18.1: declarations
@pytest.mark.parametrize(
    ("actions", "field", "message"),
    [
        ("actions: [a]", "actions", "actions must be a map"),
        ("actions: {a: 5}", "actions.a", "a custom action must be an object"),
        (
            "actions: {a: {template: {run: b}}}",
            "actions.a.input_schema",
            "input_schema is required",
        ),
        (
            "actions: {a: {input_schema: {type: object}}}",
            "actions.a.template",
            "template is required",
        ),
        (_action("{run: a}", "{}"), "actions.a.input_schema", "must resolve to an object schema"),
        (
            _action("{run: a}", "{type: string}"),
            "actions.a.input_schema",
            "must resolve to an object",
        ),
        (_action("{run: a}", "text"), "actions.a.input_schema", "must be an inline JSON Schema"),
        (_action("{run: a}", "{type: 5}"), "actions.a.input_schema", "invalid input_schema: "),
        (
            *(_action("{run: a}", more=", output_schema: {}"), "actions.a.output_schema"),
            "output_schema must resolve to an object schema",
        ),
        (_action("text"), "actions.a.template", "template must be an object"),
        (
            *(_action("{env: {A: b}}"), "actions.a.template"),
            "custom action template must define exactly one of run or action",
        ),
        (
            *(_action("{run: a, action: noop}"), "actions.a.template"),
            "custom action template must define exactly one of run or action",
        ),
        (
            *(_action("{run: a, script: b, command: c}"), "actions.a.template"),
            "template contains deprecated execution keys: [command script]",
        ),
        (_action("{run: a, type: ssh}"), "actions.a.template", "type is not supported"),
        (
            *(_action("{run: a}", more=", type: ssh"), "actions.a.type"),
            "type is not supported for actions",
        ),
        (_action("{run: a}", more=", colour: red"), "actions.a", "has invalid keys: colour"),
        (_action("{run: a}", more=", description: 5"), "actions.a.description", "must be a string"),
        ("actions: {1a: {}}", "actions.1a", "custom action names must match ^"),
        ("actions: {a..b: {}}", "actions.a..b", "custom action names must match ^"),
        ("actions: {log.write: {}}", "actions.log.write", "conflicts with a builtin action"),
        ("actions: {redis.get: {}}", "actions.redis.get", "conflicts with a builtin action"),
        ("actions: {exec: {}}", "actions.exec", "conflicts with a builtin action"),
        ("step_types: {ssh: {}}", "step_types.ssh", "conflicts with a builtin action"),
        (
            *("step_types: {a: {input_schema: {type: object}, template: {}}}", "step_types.a.type"),
            "type is required",
        ),
        (
            "step_types: {a: {type: b, input_schema: {type: object}, template: {}}}",
            *("step_types.a.type", 'unknown action "b"'),
        ),
    ],
)
def test_bad_declarations(actions: str, field: str, message: str) -> None:
    """spec 13 section 18.1 and spec 10 section 10"""
    error = refused(f"{actions}\nsteps: [{{run: a}}]\n")
    assert message in error.message
    assert error.message.startswith(f"failed to process document 0: field '{field}': ")
    assert error.problems[0].field == field
    assert error.problems[0].line == 1


@pytest.mark.parametrize("name", ["ssh", "command", "template", "a-b.c_d.E1"])
def test_plain_words_are_free_names(name: str) -> None:
    """spec 10 section 10"""
    text = _action("{run: a}").replace("{a: ", f"{{{name}: ", 1)
    assert load(_call(f"action: {name}", text)).steps[0].custom_action == name


def test_templates_that_fail_say_which() -> None:
    """spec 10 section 10: a missing key is an error even inside `if`"""
    schema = "{type: object, properties: {x: {type: string}}}"
    error = refused(_call("action: a", _action("{run: 'a {{ if .input.x }}b{{ end }}'}", schema)))
    assert 'map has no entry for key "x"' in error.message
    assert error.problems[0].field == "steps[0].actions.a.template"
    error = refused(_call("action: a", _action("{run: 'a {{ now }}'}")))
    assert 'function "now" not defined' in error.message
    error = refused(_call("action: a", _action("{run: {$input: x.y}}")))
    assert '$input path "x.y" has no value at "x"' in error.message


def test_what_the_template_makes_is_checked_like_any_step() -> None:
    """spec 10 section 10: normal step build"""
    assert (
        "has invalid keys: colour"
        in refused(_call("action: a", _action("{run: a, colour: red}"))).message
    )
    assert 'unknown action "nope"' in refused(_call("action: a", _action("{action: nope}"))).message


def test_actions_may_use_others_but_not_themselves() -> None:
    """spec 13 section 18.1"""
    actions = (
        "actions:\n"
        "  a:\n    input_schema: {type: object}\n"
        "    template: {action: b, with: {m: '{{ len .input }}'}}\n"
        "  b: {input_schema: {type: object}, template: {run: 'echo {{ .input.m }}'}}\n"
    )
    (found,) = load(_call("action: a", actions)).steps
    assert commands(found) == ("echo 0",)
    assert found.custom_action == "a"
    circle = actions.replace("{run: 'echo {{ .input.m }}'}", "{action: a}")
    assert load(_call("run: x", circle)).steps[0].name == "cmd_1"
    error = refused(_call("action: a", circle))
    assert "recursive custom action reference: a -> b -> a" in error.message


def test_output_schema_of_an_action_becomes_that_of_the_step() -> None:
    """spec 13 section 18.1"""
    schema = "{type: object, properties: {a: {type: string}}}"
    text = _action("{run: a}", more=f", output_schema: {schema}")
    assert refused(_call("action: a, with: 5", text)).problems[0].field == "steps[0].with"
    assert load(_call("action: a", text)).steps[0].custom_action == "a"


def test_handlers_and_bases_may_use_actions() -> None:
    """spec 10 section 5 and section 10"""
    dag = load(
        "handler_on: {exit: {action: a}}\nsteps: [{action: a}]\n", base_text=_action("{run: base}")
    )
    assert dag.handlers.exit is not None
    assert dag.handlers.exit.custom_action == "a"
    assert commands(dag.steps[0]) == ("base",)


# spec 10 section 10 (end): step types of older files
def test_step_types_are_the_same_in_old_form() -> None:
    """spec 10 section 10"""
    dag = load(
        """
        step_types:
          fetch:
            type: http
            input_schema: {type: object, required: [path], properties: {path: {type: string}}}
            template: {command: "GET https://h/{{ .input.path }}", with: {silent: true}}
        steps:
          - {type: fetch, with: {path: a}}
          - {type: fetch, config: {path: b}, timeout_sec: 3}
        """
    )
    first, second = dag.steps
    assert first.action == "http.request"
    assert first.options == {"silent": True, "method": "GET", "url": "https://h/a"}
    assert first.custom_action == "fetch"
    assert second.options["url"] == "https://h/b"
    assert second.timeout_s == 3


@pytest.mark.parametrize(
    "key",
    [
        *("call: x", "command: a", "container: c", "exec: {command: a}", "llm: {}", "messages: []"),
        *("parallel: [1]", "params: a", "routes: {}", "script: a", "shell: sh"),
        *("shell_args: [a]", "shell_packages: [a]", "value: v", "working_dir: /x"),
    ],
)
def test_what_a_step_of_a_step_type_may_not_set(key: str) -> None:
    """spec 13 section 18.1"""
    name = key.partition(":")[0]
    error = refused(
        "step_types: {t: {type: log, input_schema: {type: object}, template: {with: {message: a}}}}"
        f"\nsteps: [{{type: t, {key}}}]\n"
    )
    assert (
        f'field "{name}" is not allowed when using a legacy step_types definition' in error.message
    )
