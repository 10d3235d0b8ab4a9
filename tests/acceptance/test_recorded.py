"""The recorded invocations of the reference, in their order: exit code, stdout and stderr."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.acceptance.edge_home import Edge
from tests.acceptance.recorded import CONFIGS, DIFFERENT, NOT_BUILT, Recorded, load, matches

_DATA = Path(__file__).parents[1] / "data/cli"
_ALL = load()

#: they show what earlier ones did: run in one home, in this order
_HISTORY = [
    *(17, 18, 19, 20, 21, 22, 23, 25, 27, 28, 29, 30, 32, 107),
    *(41, 51, 52, 55, 65, 89, 91, 93, 97, 98, 99, 100, 101, 102, 103, 36),
]
#: runs that `_HISTORY` lacks are listed, or a run that is alive is meant; test_start.py has those
_LEFT_OUT = {
    40: "r1copy and lab1 started in the same second; lab1 is the newer one",
    53: "lists runs of invocations that are not recorded",
    54: "lists r1copy, which needs --from-run-id",
    60: "the newest run is one that is not recorded",
    64: "lists runs of invocations that are not recorded",
    73: "a queued run: a later issue",
    74: "queued runs: a later issue",
    86: "a live run: test_start.py",
    87: "a live run: test_start.py",
    88: "a live run: test_start.py",
    90: "a live run: test_start.py",
    94: "the newest run was stopped in an invocation left out; test_retry.py",
    105: "a configured queue: a later issue",
    108: "a queued run: a later issue",
    157: "any auth.mode but none is refused by the services only (issue 3)",
    158: "only the services look at auth.mode until access control is there (issue 3)",
    160: "any auth.mode but none is refused by the services only (issue 3)",
    168: "TLS of the page is a later issue",
}
_ALONE = sorted(set(_ALL) - set(_HISTORY) - set(_LEFT_OUT))


def _home(edge: Edge) -> Edge:
    shutil.copytree(_DATA / "dags", edge.home / "dags", dirs_exist_ok=True)
    shutil.copyfile(_DATA / "config.yaml", edge.home / "config.yaml")
    return edge


def _differences(edge: Edge, items: Iterable[Recorded]) -> list[str]:
    """Run the invocations; tell each text and code that is not as recorded."""
    found = []
    for item in items:
        argv = [word.replace("<ROOT>", str(edge.root)) for word in item.argv]
        done = edge(*argv, env={"TZ": "UTC"} | item.env)
        if done.code != item.code:
            found.append(f"{item.n} {item.argv}: exit {done.code}, recorded {item.code}")
        for name, ours, theirs in (("out", done.out, item.out), ("err", done.err, item.err)):
            if not matches(theirs, ours, edge.root):
                found.append(f"{item.n} {item.argv} {name}:\n{ours}\nrecorded:\n{theirs}")
    return found


def _assert_none(differences: list[str]) -> None:
    # pytest would show the first lines of a long text only.
    if differences:
        pytest.fail("\n".join(differences), pytrace=False)


@pytest.fixture
def edge(tmp_path: Path) -> Edge:
    return _home(Edge(tmp_path))


def test_runs_and_what_is_told_about_them(edge: Edge) -> None:
    _assert_none(_differences(edge, [_ALL[n] for n in _HISTORY]))


@pytest.mark.parametrize("n", _ALONE)
def test_alone(n: int, edge: Edge) -> None:
    item = _ALL[n]
    if item.note.startswith("config file: "):
        named = item.note.removeprefix("config file: ")
        auth = "" if "auth" in named else "auth: {mode: none}"
        (edge.work / "alt.yaml").write_text(f"skip_examples: true\n{auth}\n{CONFIGS[named]}\n")
    _assert_none(_differences(edge, [item]))


def test_every_exception_is_still_one() -> None:
    assert set(DIFFERENT) <= set(_ALL)
    assert not [n for n in DIFFERENT if _ALL[n].argv and _ALL[n].argv[0] in NOT_BUILT]
