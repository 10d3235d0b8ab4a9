"""Go templates (spec 13 section 11)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge.core.jsontypes import JsonValue
from edge.workflow.gotemplate import TemplateError, render_template

_LINES = [
    json.loads(line)
    for line in (Path(__file__).parent.parent / "data" / "gotemplate" / "recorded.jsonl")
    .read_text(encoding="utf-8")
    .splitlines()
]
DATA: JsonValue = _LINES[0]["data"]
RECORDED = _LINES[1:]


@pytest.mark.parametrize("line", RECORDED, ids=lambda line: line["template"])
def test_templates_do_what_go_does(line: dict[str, str]) -> None:
    """spec 13 section 11: recorded from Go itself"""
    if "text" in line:
        assert render_template(line["template"], DATA) == line["text"]
        return
    with pytest.raises(TemplateError) as caught:
        render_template(line["template"], DATA)
    assert caught.value.is_syntax is ("syntax" in line)


# spec 13 section 11, overrides: where the reference changes slim-sprig
OVERRIDES = [
    ('{{split "," "a,b"}}', "[a b]"),
    ('{{split "" "ab"}}', "[a b]"),
    ("{{count nil}} {{count .l}}", "0 3"),
    ('{{join "-" nil}}|{{join "-" .l}}', "|1-2-x"),
    ('{{default "d" .z}}', "d"),
    ("{{json .m}}", '{"a":1,"b":{"c":"deep"}}'),
    ('{{json "<a>"}}', '"\\u003ca\\u003e"'),
    # numbers of a template and of the data are of one kind
    ("{{range .l}}{{if eq . 2}}{{break}}{{end}}{{.}}{{end}}", "1"),
    ('{{printf "%s" .l}}', "[%!s(int=1) %!s(int=2) x]"),
    # `now` and its like have no meaning here, but a key of that name has
    ('{{with dict "now" 1}}{{.now}}{{end}}', "1"),
]


@pytest.mark.parametrize(("template", "text"), OVERRIDES)
def test_functions_that_differ_from_slim_sprig(template: str, text: str) -> None:
    """spec 13 section 11"""
    assert render_template(template, DATA) == text


# spec 13 section 11: errors say where
@pytest.mark.parametrize(
    ("template", "message"),
    [
        (
            "a\n{{.nope}}",
            'template: t:2:2: executing "t" at <.nope>: map has no entry for key "nope"',
        ),
        ("{{if .nope}}x{{end}}", 'map has no entry for key "nope"'),
        ("{{.s.x}}", "can't evaluate field x in type interface {}"),
        ("{{.z.x}}", "nil pointer evaluating interface {}.x"),
        ("a\n\n{{if}}", "template: t:3: missing value for if"),
        ("{{now}}", 'function "now" not defined'),
        ('{{env "HOME"}}', 'function "env" not defined'),
        ("{{uuidv4}}", 'function "uuidv4" not defined'),
        ("{{randInt 1 2}}", 'function "randInt" not defined'),
        ("{{ago 1}}", 'function "ago" not defined'),
        ('{{toDate "a" "b"}}', 'function "toDate" not defined'),
        ('{{getHostByName "a"}}', 'function "getHostByName" not defined'),
        ('{{mustFromJson "{"}}', "error calling mustFromJson: "),
        ("{{chunk 0 .l}}", "the size of a chunk must be positive"),
        ("{{ceil 1e999}}", ""),
        ('{{floor (float64 "1e400")}}', ""),
        ('{{add "1" 2}}', "add: unsupported type string"),
        ("{{add 1.5 2}}", "add: unsupported type float64"),
        ('{{join "-" 5}}', "join: unsupported type int"),
        ("{{upper 5}}", "error calling upper: expected string; got int"),
        ('{{upper "a" "b"}}', "wrong number of args for upper: want 1 got 2"),
        ("{{join}}", "wrong number of args for join: want 2 got 0"),
        ("{{eq 1}}", "missing argument for comparison"),
        ("{{fail .s}}", "error calling fail: hello world"),
        ('{{regexMatch "(" .s}}', "error calling regexMatch: regexp: "),
        ('{{template "zz"}}', 'template "zz" not defined'),
        ("{{div 1 0}}", "integer divide by zero"),
        ("{{.s 1}}", "can't give argument to non-function"),
    ],
)
def test_errors_of_templates_say_what_and_where(template: str, message: str) -> None:
    """spec 13 section 11"""
    with pytest.raises(TemplateError) as caught:
        render_template(template, DATA, name="t")
    assert message in str(caught.value)
    assert str(caught.value).startswith("template: t:")


# a template comes from a file that others may write: it must neither hang nor break the process
@pytest.mark.parametrize(
    "template",
    [
        '{{define "r"}}{{template "r" .}}{{end}}{{template "r" .}}',
        "{{range 100000000}}{{end}}",
        "{{until 100000000}}",
        '{{repeat 1000000000 "a"}}',
        '{{printf "%1000000000d" 1}}{{repeat 99999999 "ab"}}',
        '{{indent 999999999 "a"}}',
        '{{$x := "aaaaaaaaaa"}}{{range 30}}{{$x = print $x $x}}{{end}}',
        '{{$d := dict "a" 1}}{{$_ := set $d "d" $d}}{{$d}}',
        "{{" + "(" * 3000 + "1" + ")" * 3000 + "}}",
        "{{if 1}}" * 3000 + "{{end}}" * 3000,
        "{{" + "index " * 3000 + "}}",
    ],
)
def test_templates_are_limited(template: str) -> None:
    """spec 13 section 11"""
    with pytest.raises(TemplateError):
        render_template(template, DATA)


def test_data_of_the_caller_is_never_changed() -> None:
    data: JsonValue = {"m": {"a": 1}}
    assert render_template('{{$_ := set .m "b" 2}}{{.m}}', data) == "map[a:1 b:2]"
    assert data == {"m": {"a": 1}}
