"""Routers at run time (spec 12 section 12 and spec 13 section 15)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.helpers import make_runner, read, run_to_end

ROUTES = """
params: [{{V: "{value}"}}]
steps:
  - {{id: r, action: router.route, with: {{value: "${{params.V}}", routes: {{{routes}}}}}}}
  - {{id: a, run: echo a}}
  - {{id: b, run: echo b}}
  - {{id: after, run: echo after, depends: [a, b]}}
"""


# spec 13 section 15: a whole line equals the pattern, or `re:` is found in one; all that match run
@pytest.mark.parametrize(
    ("value", "routes", "run"),
    [
        ("x", "x: [a], y: [b]", "a"),
        ("x", "x: [a], 're:.*': [b]", "a b"),
        ("xx", "x: [a], 're:x': [b]", "b"),
        ("", "x: [a], 're:^$': [b]", "b"),
        ("q", "x: [a], y: [b]", ""),
        ("x", "x: [a, b]", "a b"),
    ],
)
async def test_every_matching_route_runs(value: str, routes: str, run: str, tmp_path: Path) -> None:
    """spec 12 section 12: targets that do not match are skipped, what follows them runs."""
    runner = make_runner(ROUTES.format(value=value, routes=routes), tmp_path)
    result = await run_to_end(runner)
    words = {node.name: node.status.word for node in runner.record.nodes}
    wanted = {name: "succeeded" if name in run.split() else "skipped" for name in "ab"}
    assert words == {"r": "succeeded", **wanted, "after": "succeeded"}
    assert (result.status.word, result.exit_code) == ("succeeded", 0)


async def test_it_prints_its_routes_and_resolves_nothing(tmp_path: Path) -> None:
    """spec 13 section 15: the value as written; exact sorted, regex sorted, `re:.*` last."""
    routes = "'re:.*': [a], 're:b': [b], z: [after]"
    runner = make_runner(ROUTES.format(value="x", routes=routes), tmp_path)
    await run_to_end(runner)
    assert read(runner.record.nodes[0].stdout) == (
        "Router evaluating: ${params.V}\n  z -> [after]\n  re:b -> [b]\n  re:.* -> [a]\n"
    )
