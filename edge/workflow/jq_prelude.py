"""jq's functions that are written in jq; each uses only those above it (spec 13 section 7)."""

from __future__ import annotations

__all__ = ["PRELUDE"]

PRELUDE = """
def map(f): [.[] | f];
def select(f): if f then . else empty end;
def values: select(. != null);
def nulls: select(. == null);
def booleans: select(type == "boolean");
def numbers: select(type == "number");
def strings: select(type == "string");
def arrays: select(type == "array");
def objects: select(type == "object");
def iterables: select(type == "array" or type == "object");
def scalars: select(type != "array" and type != "object");
def to_entries: [keys[] as $k | {key: $k, value: .[$k]}];
def from_entries: reduce .[] as $x ({}; . + {($x | if type == "object"
    then (if has("key") then .key elif has("k") then .k elif has("name") then .name
          elif has("Name") then .Name elif has("Key") then .Key else .K end)
    else . end | if type == "string" then . elif . == null then "null" else tojson end):
    ($x | if has("value") then .value elif has("v") then .v elif has("Value") then .Value
          else .V end)});
def with_entries(f): to_entries | map(f) | from_entries;
def map_values(f): .[] |= f;
def recurse(f; c): def r: ., (f | select(c) | r); r;
def isempty(g): label $go | (g | false, break $go), true | ., break $go;
def any: reduce .[] as $x (false; . or $x);
def all: reduce .[] as $x (true; . and $x);
def any(g; c): isempty(first(g | c | select(.))) | not;
def all(g; c): isempty(first(g | c | select(. | not)));
def any(c): any(.[]; c);
def all(c): all(.[]; c);
def add(f): reduce f as $x (null; . + $x);
def last(f): reduce f as $x (null; $x);
def nth($n): .[$n];
def nth($n; f): if $n < 0 then error("Out of bounds negative array index")
    else last(limit($n + 1; f)) end;
def in(o): . as $k | o | has($k);
def inside(b): . as $a | b | contains($a);
def paths: path(..) | select(length > 0);
def paths(f): path(.. | select(f)) | select(length > 0);
def leaf_paths: paths(scalars);
def combinations: if length == 0 then [] else .[0][] as $x | (.[1:] | combinations) as $w
    | [$x] + $w end;
def combinations(n): . as $d | [range(n)] | map($d) | combinations;
def walk(f): def w: if type == "object" then map_values(w) elif type == "array" then map(w)
    else . end | f; w;
def first: .[0];
def last: .[-1];
def finites: select(isinfinite or isnan | not);
def normals: select(isnormal);
def match(re; fl): _match(re; fl)[];
def capture(re; fl): match(re; fl) | [.captures[] | select(.name != null)
    | {key: .name, value: .string}] | from_entries;
def scan(re; fl): match(re; "g" + fl) | if (.captures | length) > 0
    then [.captures[].string] else .string end;
def splits(re; fl): split(re; fl)[];
def sub(re; s; fl): . as $in | [_match(re; fl)[]] as $m
    | reduce range($m | length) as $i ({at: 0, out: [""]};
        ($m[$i]) as $one | ([$one.captures[] | select(.name != null)
            | {key: .name, value: .string}] | from_entries) as $c
        | .at as $at | .out = [.out[] as $o | ($c | s) as $t
            | $o + $in[$at:$one.offset] + $t]
        | .at = $one.offset + $one.length)
    | .at as $at | .out[] | . + $in[$at:];
def gsub(re; s): sub(re; s; "g");
def gsub(re; s; fl): sub(re; s; fl + "g");
def match(re): match(re; null);
def test(re): test(re; null);
def capture(re): capture(re; null);
def scan(re): scan(re; null);
def splits(re): splits(re; null);
def sub(re; s): sub(re; s; "");
.
"""
