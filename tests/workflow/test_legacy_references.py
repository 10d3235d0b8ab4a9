from __future__ import annotations

import pytest

from edge.workflow.values import Policy, Scope, Source, StepView, resolve

J = '{"a":{"b":[1,{"c":"z"}]},"n":null,"big":1234567,"f":123456789.5,"t":true,"o":{"y":1,"x":"<"}}'


def scope(warnings: list[str] | None = None) -> Scope:
    root = Scope(
        params={"1": '{"k":"pos"}'},
        host={"HJ": '{"k":"host"}'},
        warn=None if warnings is None else warnings.append,
    )
    env = {"J": J, "S": "api", "both": '{"x":"var","stdout":"var"}', "N": "null", "L": "[[1,2]]"}
    steps = {
        "a": StepView(
            stdout=lambda: "/logs/aé.out",
            stderr=lambda: "/logs/a.err",
            exit_code=3,
            output='{"v":"1.2","n":{"k":[1,{"z":true}]},"big":1234567}',
            declared={"x": "1 2", "j": '{"q":1}', "h": "<&>"},
            published={"x": "shadowed"},
        ),
        "d": StepView(published={"n": 5, "m": "v", "o": {"k": [True]}}),
        "t": StepView(output="plain text"),
        "both": StepView(),
    }
    return root.child(env.items(), Source.DAG_ENV).with_steps(steps)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # spec 11 section 8.6, row by row
        ("${a.stdout} ${a.stderr} $a.stdout", "/logs/aé.out /logs/a.err /logs/aé.out"),
        ("${d.stdout} $d.stderr", None),
        ("${a.exit_code} ${a.exitCode} ${d.exit_code}", "3 3 0"),
        ("${t.output} ${a.output.v} ${a.output.n.k[1].z}", "plain text 1.2 true"),
        ('${a.output.["v"]} ${a.output["v"]} ${a.output.n.k[0]}', "1.2 1.2 1"),
        ("${d.output} ${d.output.x}", None),
        ("${a.output.big} ${a.output.none}", "1.234567e+06 <nil>"),
        ("${a.outputs.x} ${a.outputs.j} ${a.outputs.j.q}", '1 2 {"q":1} ${a.outputs.j.q}'),
        ("${a.outputs}", r'{"h":"\u003c\u0026\u003e","j":"{\"q\":1}","x":"1 2"}'),
        (
            "${d.outputs} ${d.outputs.n} ${d.outputs.o.k[0]}",
            '{"m":"v","n":5,"o":{"k":[true]}} 5 true',
        ),
        ("${t.outputs} ${t.outputs.k}", None),
        ("${a.stdout:1} ${a.stdout:1:4} ${a.stdout:7:1}", "logs/aé.out logs é"),
        ("${a.stdout:99} ${a.exit_code:0:9}", " 3"),
        ("${a.stdout:-1} ${a.stdout:x} ${a.stdout:0:-1}", None),
        ("${J.a.b[1].c} ${J.o} $J.t $1.k ${1.k}", 'z {"x":"<","y":1} true pos pos'),
        # results as text
        ("${J.a} ${J.a.b}", '{"b":[1,{"c":"z"}]} [1,{"c":"z"}]'),
        ("${J.n} ${J.missing} ${J.n.x} ${N.x}", "<nil> <nil> <nil> <nil>"),
        ("${J.big} ${J.f} ${L.[0].[1]}", "1.234567e+06 1.234567895e+08 2"),
        ("${J.a.b.c} ${J.a[0]}", None),
        # no dot, unknown words, other paths, no words
        ('${J["a"]} ${NOPE.a} $NOPE.a ${a.bogus} ${J.a | .b} ${env.J.a} ${.a}', None),
        # single quotes do not protect; the unbraced form runs to the next blank
        ("'${a.exit_code}' '${J.t}'", "'3' 'true'"),
        ("$a.exit_code, $J.t, $a.exit_code x", "$a.exit_code, $J.t, 3 x"),
        # then simple references in the same text still resolve
        ("out-$S.txt", "out-api.txt"),
        # a variable named like a step id loses, unless the step has no such property
        ("${both.exit_code} ${both.x} ${both.stdout}", "0 var var"),
        # escapes
        (r"\${a.exit_code} \\${a.exit_code} \$a.exit_code", r"${a.exit_code} \\3 $a.exit_code"),
        ("$HJ.k ${HJ.k}", None),
    ],
)
def test_dotted_references(text: str, expected: str | None) -> None:
    if text == "$a.exit_code, $J.t, $a.exit_code x":
        expected = f"$a.exit_code, {J}.t, 3 x"
    assert resolve(text, Policy.VALUE, scope()) == (text if expected is None else expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # spec 11 section 8.6: every value field, shell text included
        ("cat ${a.stdout} '${J.t}' $J.t", "cat /logs/aé.out 'true' true"),
        ("cp $S.txt ${S} $J", None),
        (r"echo \${a.exit_code} \$J.t", None),
    ],
)
def test_dotted_references_in_shell_text(text: str, expected: str | None) -> None:
    found = resolve(text, Policy.VALUE_SHELL, scope())
    assert found == (text if expected is None else expected)


def test_the_process_environment_only_where_the_field_reads_it() -> None:
    """spec 11 section 8.6: JSON variables of layers 2 to 14; the process only with E+os."""
    assert resolve("${HJ.k} $HJ.k", Policy.VALUE_OS, scope()) == "host host"


def test_log_files_are_asked_for_only_when_a_text_wants_them() -> None:
    """spec 11 section 8.6: resolving creates the file of an empty stream, nothing else does."""
    asked: list[str] = []

    def path() -> str:
        asked.append("stdout")
        return "/p"

    values = Scope().with_steps({"a": StepView(stdout=path)})
    assert resolve("${a.exit_code} ${a.stdout:x} ${a.stderr}", Policy.VALUE, values)
    assert asked == []
    assert resolve("${a.stdout}", Policy.VALUE, values) == "/p"
    assert asked == ["stdout"]


def test_what_is_no_json_gives_a_warning_without_the_value() -> None:
    """spec 11 section 8.6: the reference is kept, with a warning in the run's log."""
    warnings: list[str] = []
    text = "${S.x} ${J.a.b.c} ${t.output.x} ${a.outputs.j.q} ${NOPE.x}"
    assert resolve(text, Policy.VALUE, scope(warnings)) == text
    assert warnings == [
        "Failed to parse JSON: S.x: the value is no JSON",
        "Failed to parse JSON: J.a.b.c: expected an object but got: array",
        "Failed to parse JSON: t.output.x: the value is no JSON",
        "Failed to parse JSON: a.outputs.j.q: expected an object but got: string",
    ]


def test_huge_and_deep_values_do_no_harm() -> None:
    """spec 11 section 8.6: whatever a variable holds, the reference is kept at worst."""
    deep = "[" * 100_000 + "]" * 100_000
    values = Scope().child([("D", deep), ("S", "x")], Source.DAG_ENV)
    assert resolve("${D.a}", Policy.VALUE, values) == "${D.a}"
    long = "$S." + "y" * 5_000
    assert resolve(long, Policy.VALUE, values) == "x." + "y" * 5_000
