"""jq's language, as far as edge has it (spec 13 section 7)."""

from __future__ import annotations

import json

import pytest

from edge.core.gojson import go_json
from edge.core.jsontypes import JsonValue
from edge.workflow.jq import JqError, JqSyntaxError, Program


# spec 13 section 7: what filters give, by the manual of jq
@pytest.mark.parametrize(
    ("text", "value", "results"),
    [
        (".", {"a": 1}, ['{"a":1}']),
        (".a, .b", {"a": 1, "b": 2}, ["1", "2"]),
        (".a[1:]", {"a": [1, 2, 3]}, ["[2,3]"]),
        ("[.[] | select(. > 1)]", [1, 2, 3], ["[2,3]"]),
        ("map(.x) | add", [{"x": 1}, {"x": 2}], ["3"]),
        ("to_entries", {"a": 1}, ['[{"key":"a","value":1}]']),
        ("with_entries(.value += 1)", {"a": 1}, ['{"a":2}']),
        ('"x\\(.a)y"', {"a": 1}, ['"x1y"']),
        ("reduce .[] as $x (0; . + $x)", [1, 2], ["3"]),
        ("[foreach .[] as $x (0; . + $x; [$x, .])]", [1, 2], ["[[1,1],[2,3]]"]),
        (".a.b |= . + 1", {"a": {"b": 1}}, ['{"a":{"b":2}}']),
        ("del(.a, .b)", {"a": 1, "b": 2, "c": 3}, ['{"c":3}']),
        ("[paths]", {"a": [1]}, ['[["a"],["a",0]]']),
        ("group_by(.a) | map(length)", [{"a": 1}, {"a": 2}, {"a": 1}], ["[2,1]"]),
        ('try error("x") catch .', None, ['"x"']),
        (".a?", [1], []),
        ('if . > 1 then "b" elif . == 1 then "c" else "d" end', 1, ['"c"']),
        ("[limit(3; range(10))]", None, ["[0,1,2]"]),
        ("[.[] | tostring]", [1, "a", None, {"b": 1.5}], ['["1","a","null","{\\"b\\":1.5}"]']),
        ("def f(x): x * 2; f(.)", 3, ["6"]),
        ("def f($a; $b): $a + $b; f(1; 2)", 3, ["3"]),
        (". as {a: $x, b: [$y]} | $x + $y", {"a": 1, "b": [2]}, ["3"]),
        ("[..]", [[1]], ["[[[1]],[1],1]"]),
        ('test("a.c"; "i")', "xABCx", ["true"]),
        ('[match("(?<n>b)").captures[0].name]', "abc", ['["n"]']),
        ('[match("a"; "g").offset]', "aba", ["[0,2]"]),
        ('gsub("(?<x>[a-z])"; "<\\(.x)>")', "ab1", ['"<a><b>1"']),
        ('sub("a"; "b")', "aa", ['"ba"']),
        ('capture("(?<y>\\\\d+)-(?<m>\\\\d+)")', "2024-05", ['{"m":"05","y":"2024"}']),
        ('[scan("[a-z]")]', "a1b", ['["a","b"]']),
        ("@csv", [1, 'a"b'], ['"1,\\"a\\"\\"b\\""']),
        ("@tsv", ["a\tb", None], ['"a\\\\tb\\t"']),
        ("@sh", ["a b", 1], ["\"'a b' 1\""]),
        ("@uri", "a b&", ['"a%20b%26"']),
        ("@html", "<&'", ['"&lt;&amp;&#39;"']),
        ('@base64 "x\\(.)"', "hi", ['"xaGk="']),
        ("@base64d", "aGk", ['"hi"']),
        ('@json "v=\\([1,2])"', None, ['"v=[1,2]"']),
        ('[splits(", *")]', "a, b,c", ['["a","b","c"]']),
        ("label $out | .[] | if . == 2 then break $out else . end", [1, 2, 3], ["1"]),
        ("[.[] | (.a, .b) = 9]", [{"a": 1}], ['[{"a":9,"b":9}]']),
        ("any, all", [True, False], ["true", "false"]),
        ("any(. > 1), all(. > 1)", [1, 2], ["true", "false"]),
        ('walk(if type == "number" then . + 1 else . end)', [1, {"a": 2}], ['[2,{"a":3}]']),
        ("[recurse(if . < 3 then . + 1 else empty end)]", 0, ["[0,1,2,3]"]),
        ("[while(. < 100; . * 2)]", 1, ["[1,2,4,8,16,32,64]"]),
        ("until(. > 100; . * 2)", 1, ["128"]),
        ("{a: (1, 2)}", None, ['{"a":1}', '{"a":2}']),
        (
            '{a, "b": 2, "c\\(1)": 3, ("d"): 4, @base64 "e": 5}',
            {"a": 1},
            ['{"a":1,"b":2,"c1":3,"d":4,"e":5}'],
        ),
        ("1 as $x | {$x}", None, ['{"x":1}']),
        (".[] as [$a] | $a", [[1], [2]], ["1", "2"]),
        ("isempty(empty), isempty(1, error)", None, ["true", "false"]),
        ("first(range(5)), [range(0; 10; 3)], [range(2; 4)]", None, ["0", "[0,3,6,9]", "[2,3]"]),
        ("-(1 + 2) * 3 - 1", None, ["-10"]),
        (".a.b.c", None, ["null"]),
        ("sort_by(-.)", [3, 1, 2], ["[3,2,1]"]),
        (
            "sort",
            [{"a": 1}, [1], "a", 2, None, True, False],
            ['[null,false,true,2,"a",[1],{"a":1}]'],
        ),
        ("min_by(.a), max_by(.a)", [{"a": 2}, {"a": 1}], ['{"a":1}', '{"a":2}']),
        ("unique, unique_by(. % 2)", [3, 1, 1], ["[1,3]", "[3]"]),
        ("[1, 2] - [2]", None, ["[1]"]),
        ('"a,b" / ","', None, ['["a","b"]']),
        ('"ab" * 2, "ab" * 0', None, ['"abab"', "null"]),
        ("{a: {b: 1}} * {a: {c: 2}}", None, ['{"a":{"b":1,"c":2}}']),
        ("5 % 3, -5 % 3", None, ["2", "-2"]),
        ("{} | .a.b[2] = 1", None, ['{"a":{"b":[null,null,1]}}']),
        ('.a // "d"', {"a": False}, ['"d"']),
        ('(.a, .b) // "d"', {"a": None, "b": 2}, ["2"]),
        (".a //= 3 | .b += 1 | .c -= 1", {"a": None, "b": 1, "c": 1}, ['{"a":3,"b":2,"c":0}']),
        (".a |= empty", {"a": 1, "b": 2}, ['{"b":2}']),
        (".[1:] = [9]", [1, 2, 3], ["[1,9]"]),
        ('ltrimstr("a"), rtrimstr("c"), trim', "abc", ['"bc"', '"ab"', '"abc"']),
        ("tojson, (tojson | fromjson)", {"a": 1.0}, ['"{\\"a\\":1}"', '{"a":1}']),
        ("[combinations]", [[1, 2], [3]], ["[[1,3],[2,3]]"]),
        ('getpath(["a","b"])', {"a": {"b": 1}}, ["1"]),
        ('setpath(["a",0]; 1), delpaths([["b"]])', {"b": 2}, ['{"a":[1],"b":2}', "{}"]),
        ("[range(100000)] | length", None, ["100000"]),
        ("reduce range(100000) as $i (0; . + 1)", None, ["100000"]),
        ('"\\u00e9\\ud83d\\ude00"', None, ['"é😀"']),
        ("ascii_downcase, ascii_upcase", "aÉ", ['"aÉ"', '"AÉ"']),
        (".[-1:], .[:1], .[-1]", [1, 2, 3], ["[3]", "[1]", "3"]),
        ("[.[] | if . then 1 end]", [True, False], ["[1,false]"]),
        ("inside([1, 2]), contains([1])", [1], ["true", "true"]),
        ('index("b"), rindex("b"), indices("b")', "abb", ["1", "2", "[1,2]"]),
        ("flatten, flatten(1)", [[1, [2]]], ["[1,2]", "[1,[2]]"]),
        ('join("-")', ["a", 1, None], ['"a-1-"']),
        ("from_entries", [{"name": "a", "value": 1}, {"k": "b", "v": 2}], ['{"a":1,"b":2}']),
        ("transpose", [[1], [2, 3]], ["[[1,2],[null,3]]"]),
        ('keys, length, has("a")', {"b": 1, "a": 2}, ['["a","b"]', "2", "true"]),
        ("[.[] | length]", ["é", None, -5, [1]], ["[1,0,5,1]"]),
        ("explode, (explode | implode)", "aé", ["[97,233]", '"aé"']),
        ("floor, ceil, round, sqrt", 6.25, ["6", "7", "6", "2.5"]),
        (
            "[.[] | type]",
            [None, True, 1, "a", [], {}],
            ['["null","boolean","number","string","array","object"]'],
        ),
        ("map(values), map(numbers), map(scalars)", [1, None, [2]], ["[1,[2]]", "[1]", "[1,null]"]),
        ('.a."b c".d, ."b", .["x"]', {"a": {"b c": {"d": 1}}, "b": 2, "x": 3}, ["1", "2", "3"]),
        (
            "nth(1), first, last, nth(2; range(9)), last(range(3))",
            [1, 2],
            ["2", "1", "2", "2", "2"],
        ),
        ("limit(1; .[]), [.[] | not]", [5, False], ["5", "[false,true]"]),
        ("path(.a[0]), [path(..)]", {"a": [1]}, ['["a",0]', '[[],["a"],["a",0]]']),
        ("tonumber, (tonumber | tostring)", "1.50", ["1.5", '"1.5"']),
        ("1 # note\n+ 1", None, ["2"]),
        ("map_values(. + 1), map_values(empty)", {"a": 1}, ['{"a":2}', "{}"]),
        ("try error catch .a", {"a": 1}, ["1"]),
        ('[.[] | try tonumber catch "x"]', ["1", "b"], ['[1,"x"]']),
        ('reverse, ("ab" | reverse)', [1, 2], ["[2,1]", '"ba"']),
        ('startswith("a"), endswith("a")', "ab", ["true", "false"]),
        ("infinite > 1, (nan < nan), (nan | isnan)", None, ["true", "true", "true"]),
        ("1, 2 as $x | [$x]", None, ["1", "[2]"]),
        ("[1 + 2 as $x | $x * 10]", None, ["[21]"]),
        ("reduce (1, 2) as $x (0; . + $x) | . as $y | $y + 1", None, ["4"]),
    ],
)
def test_filters(text: str, value: JsonValue, results: list[str]) -> None:
    found = [go_json(item) for item in Program(text).run(value)]
    assert [json.loads(item) for item in found] == [json.loads(item) for item in results]


# spec 13 section 7: what this build has not is refused by name, before anything runs
@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("input", 'function "input/0" is not available in this build of edge'),
        ("env", 'function "env/0" is not available in this build of edge'),
        ('import "a" as b; .', '"import" is not available in this build of edge'),
        ("$__loc__", '"$__loc__" is not available in this build of edge'),
        (". as [$a] ?// $b | $a", '"?//" is not available in this build of edge'),
        ("foo", "function not defined: foo/0"),
        ("def f(x): x; f", "function not defined: f/0"),
        ("$x", "variable not defined: $x"),
        (". as $x | $y", "variable not defined: $y"),
        ("break $x", "label not defined: $x"),
        ("", "unexpected EOF"),
        ("(1", "unexpected EOF"),
        ("1 2", 'unexpected token "2"'),
        ("if 1 then 2", "unexpected EOF"),
        ('"a', "unexpected end of a string"),
        ('"\\q"', "invalid escape"),
        ("1 < 2 < 3", 'unexpected token "<"'),
        ("{a b}", 'unexpected token "b"'),
        ("é", 'unexpected token "é"'),
        ("[" * 5000, "nested too deeply"),
        ("(" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_refused(text: str, error: str) -> None:
    with pytest.raises(JqSyntaxError) as caught:
        Program(text)
    assert error in str(caught.value)


# spec 13 section 7: errors while a filter runs
@pytest.mark.parametrize(
    ("text", "value", "error"),
    [
        (".a", 5, 'cannot index number with "a"'),
        (".[0]", {}, "cannot index object with number"),
        (".[]", 5, "cannot iterate over number (5)"),
        (".[]", None, "cannot iterate over null"),
        ("1 / 0", None, "cannot be divided because the divisor is zero"),
        ("{} - 1", None, "object ({}) and number (1) cannot be subtracted"),
        ('error("x")', None, "x"),
        ("error({a: 1})", None, '{"a":1} (not a string)'),
        ("error(null)", None, "null (not a string)"),
        ("path(1)", None, "invalid path expression"),
        ("(1 | .a) = 2", None, "invalid path expression"),
        ("tonumber", "x", "cannot be parsed as a number"),
        ("fromjson", "{", "cannot be parsed as JSON"),
        ('test("(")', "x", "is not a valid regex"),
        ("@foo", None, "foo is not a valid format"),
        ("def f: f; f", None, "nested too deeply"),
        (".[1e9] = 1", None, "array index too large"),
        (".[-5] = 1", [1], "out of bounds negative array index"),
        ('"x" * 1e12', None, "the result is too large"),
        ("implode", ["x"], "implode input must be"),
        ("{(1): 2}", None, "object keys must be strings"),
        ("[range(3)] | .[0:1] = 5", None, "can only be assigned another array"),
    ],
)
def test_errors(text: str, value: JsonValue, error: str) -> None:
    with pytest.raises(JqError) as caught:
        list(Program(text).run(value))
    assert error in str(caught.value)


def test_the_caller_may_end_it() -> None:
    """spec 13 section 1.4: `tick` is called as work goes on."""

    class Ended(Exception):
        pass

    def tick() -> None:
        raise Ended

    for text in ("last(repeat(1))", "[range(1e18)]", "last(range(0; 1; 0.0000001))"):
        with pytest.raises(Ended):
            list(Program(text).run(None, tick))
