"""Texts made to hurt a YAML loader, and pieces to spoil good ones with."""

from __future__ import annotations

import random
from collections.abc import Callable

__all__ = ["TOKENS", "VALUES", "hostile"]

#: pieces of YAML, of references and of broken encodings
TOKENS = [
    *b"- |: |&a |*a |{|}|[|]|'|\"|`|#|? |\t".split(b"|"),
    *b"null|~|true|-1|1e999|0x|.nan|.inf|\\|\\\\$|${|$(|${{".split(b"|"),
    *b"${env.X}|${steps.a.outputs.b}|${params.x:-${params.y}}|{{ .input }}|{{ range }}".split(b"|"),
    *b"99999999999999999999|10000000000|<<: *a|!!map |!foo |%YAML 1.2|\x00|\xff\xfe".split(b"|"),
    *b"\xef\xbb\xbf|\xc3|\xe2\x80\xa8|steps: |run: |action: |with: |params: |env: ".split(b"|"),
    *b"depends: |type: |foreach: |parallel: |schedule: |actions: |handler_on: ".split(b"|"),
    *b"handlerOn: |executor: |container: |outputs: |output: |retry_policy: ".split(b"|"),
    *b"repeat_policy: |preconditions: |secrets: ".split(b"|"),
    *(b"\n", b"\r\n", b":\n", b"\n  ", b"\n    - ", b"---\n", b"...\n", b"|\n", b">-\n"),
]
#: values of every kind for any key
VALUES = [
    *b"|null|[]|{}|1|-1|1.5|true|''|' '|x|[x]|{a: b}|[[a]]|[{a: [b]}]|.nan|yes".split(b"|"),
    *b"9999999999999999999999|2024-01-02|12:30:00|'${env.A}'|'$(id)'|'`id`'|[null]".split(b"|"),
    *b"\xc3\xa9\xe4\xb8\xad|{name: a, id: a}|[1, true, x]|&x [*x]|'re:('|'re:'|local".split(b"|"),
    *b"'@daily'|'* * * * *'|http://127.0.0.1:1/x|/etc/passwd".split(b"|"),
]


def hostile(rng: random.Random) -> bytes:
    """Return a text that grows, nests or loops."""
    n = rng.choice((10, 1000, 30_000, 100_000, 400_000))
    width = rng.choice((2, 10, 100))
    makers: tuple[Callable[[], bytes], ...] = (
        lambda: b"steps: " + b"[" * n,
        lambda: b"steps: " + b"[" * n + b"]" * n,
        lambda: b"env: " + b"{a: " * n,
        lambda: b"".join(b" " * i + b"a:\n" for i in range(min(n, 1400))),
        lambda: b"- " * n,
        lambda: _laughs(rng.choice((3, 6, 9, 30)), width),
        lambda: _merges(rng.choice((3, 6, 9, 30)), width),
        lambda: b"steps: [{run: '" + b"x" * n * 2 + b"'}]",
        lambda: (
            b"steps: [{run: '"
            + rng.choice((b"${env.A}", b"$X ", b"${", b"\\$", b"$(a) `b` ", b'"${A}" '))
            * min(n, 100_000)
            + b"'}]"
        ),
        lambda: b"steps: [{run: a, env: [" + b"'A=$A'," * min(n, 100_000) + b"]}]",
        lambda: (
            b"params: '"
            + rng.choice((b"a=1 ", b'"', b"`", b"{", b"[")) * n
            + b"'\nsteps: [{run: a}]"
        ),
        lambda: (
            b"steps:\n"
            + b"".join(
                b"  - {id: s%d, run: a, depends: s%d}\n" % (i, (i + 1) % min(n, 9_990))
                for i in range(min(n, 9_990))
            )
        ),
        lambda: b"steps:\n" + b"  - {run: a}\n" * min(n, 60_000),
        lambda: b"".join(b"k%d: v\n" % i for i in range(min(n, 80_000))),
        lambda: b"labels: '" + b"a=b," * min(n, 200_000) + b"'\nsteps: [{run: a}]",
        lambda: b"schedule: '" + b"*/7 " * min(n, 200_000) + b"'\nsteps: [{run: a}]",
        lambda: b"a: b\n---\n" * min(n, 60_000),
        lambda: b"steps: [{run: a}]\n" + b"---\nname: x\nsteps: [{run: b}]\n" * min(n, 20_000),
        lambda: (
            b"preconditions: [{condition: x, expected: 're:" + b"(a+)+" * min(n, 20_000) + b"'}]"
        ),
        lambda: b"x: " + b"9" * n,
        lambda: b"x: 0x" + b"f" * n,
        lambda: b"x: " + b"1_" * n + b".5",
        lambda: b"'" + b"''" * n,
        lambda: b"\xef\xbb\xbf" * min(n, 1000) + b"a: b",
        lambda: bytes(rng.randrange(256) for _ in range(min(n, 30_000))),
        lambda: (
            b"actions: {a: {input_schema: {type: object}, template: {run: '"
            + b"{{" * min(n, 100_000)
            + b"'}}}\nsteps: [{action: a}]"
        ),
        lambda: (
            b"actions: {a: {input_schema: {type: object}, template: {run: '"
            + b"{{if true}}" * min(n, 50_000)
            + b"'}}}\nsteps: [{action: a}]"
        ),
        lambda: b"steps:\n" + _nested_foreach(min(n, 200)),
    )
    return rng.choice(makers)()


def _laughs(levels: int, width: int) -> bytes:
    lines = [b"a0: &a0 [x]"]
    for level in range(1, levels):
        lines.append(b"a%d: &a%d [%s]" % (level, level, b",".join([b"*a%d" % (level - 1)] * width)))
    return b"\n".join([*lines, b"steps: *a%d" % (levels - 1)])


def _merges(levels: int, width: int) -> bytes:
    lines = [b"a0: &a0 {k0: v}"]
    for level in range(1, levels):
        merged = b",".join([b"*a%d" % (level - 1)] * width)
        lines.append(b"a%d: &a%d {<<: [%s], k%d: v}" % (level, level, merged, level))
    return b"\n".join([*lines, b"env:", b"  <<: *a%d" % (levels - 1)])


def _nested_foreach(depth: int) -> bytes:
    lines = []
    for level in range(depth):
        pad = b"  " * (2 * level)
        lines.append(pad + b"- foreach:\n" + pad + b"    items: [1]\n" + pad + b"    steps:")
    lines.append(b"  " * (2 * depth) + b"- run: a")
    return b"\n".join(lines)
