"""The status tree, held against recorded ones (spec 30 section 1.8)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from edge.cli.tree import render_tree
from edge.core.clock import format_rfc3339
from edge.core.record import NodeRecord, RunRecord
from edge.core.status import NodeStatus, RunStatus
from edge.core.subruns import SubRun
from tests.cli.records import T0, node, run

_DATA = Path(__file__).parents[1] / "data"
_LOGS = "<ROOT>/home/logs"


@cache
def recorded(number: int) -> str:
    """Return the tree of a recorded invocation, without the blank line of `start`."""
    for line in (_DATA / "cli/invocations.jsonl").read_text().splitlines():
        item = json.loads(line)
        if item["n"] == number:
            text: str = item["stdout"]
            return text.removesuffix("\n\n") + ("\n" if text.endswith("\n\n") else "")
    raise AssertionError(number)


def tree(record: RunRecord, logs: Mapping[str, str] = {}, **options: bool) -> str:
    text = render_tree(
        record, now_ms=T0 + 2600, read_log=lambda path: logs.get(path, ""), **options
    )
    return text.replace(format_rfc3339(T0), "<TIME>", 1)


def named(record: RunRecord, name: str, run_id: str, end_s: float | None = 0.2) -> RunRecord:
    record.name, record.run_id = name, run_id
    record.log = f"{_LOGS}/{name}/dag-run_<TIME>_{run_id}/dag-run_<TIME>.<ID>.log"
    record.finished_ms = None if end_s is None else T0 + int(end_s * 1000)
    return record


def stream(name: str, run_id: str, step: str, kind: str = "out") -> str:
    return f"{_LOGS}/{name}/dag-run_<TIME>_{run_id}/run_<TIME>_<ID>/{step}.<TIME>.<ID>.{kind}"


def commands(item: NodeRecord, *texts: str) -> NodeRecord:
    item.step["commands"] = [{"cmdWithArgs": text} for text in texts]
    return item


def hello(run_id: str = "r1") -> tuple[RunRecord, dict[str, str]]:
    out = [stream("hello", run_id, step) for step in ("greet", "count")]
    greet = node("greet", NodeStatus.SUCCEEDED, 0, 0.1, stdout=out[0], stderr="/none")
    count = node("count", NodeStatus.SUCCEEDED, 0.1, 0.2, stdout=out[1], stderr="/none")
    count.step["script"] = "echo one\necho two\n"
    record = run(commands(greet, 'echo "hello from the field"'), count, status=RunStatus.SUCCEEDED)
    logs = {out[0]: "hello from the field\n", out[1]: "one\ntwo\n"}
    return named(record, "hello", run_id), logs


def test_a_run_that_succeeded() -> None:
    assert tree(*hello()) == recorded(17)


def test_status_ends_without_the_blank_line_of_start() -> None:
    assert tree(*hello("r1copy")) == recorded(40)


def test_a_run_that_failed() -> None:
    out, err = (stream("boom", "f1", "boom", kind) for kind in ("out", "err"))
    boom = node("boom", NodeStatus.FAILED, 0, 0.1, stdout=out, stderr=err)
    boom.error = "exit status 7\nrecent stderr (tail):\nwent wrong\n"
    boom.step["script"] = "..."
    record = run(boom, node("after", NodeStatus.ABORTED), status=RunStatus.FAILED)
    logs = {out: "before\n", err: "went wrong\n"}
    assert tree(named(record, "boom", "f1"), logs) == recorded(20)


def test_a_run_that_succeeded_in_part() -> None:
    shaky = commands(node("shaky", NodeStatus.FAILED, 0, 0.1, stdout="/none"), "false")
    shaky.error = "exit status 1"
    fine = commands(node("fine", NodeStatus.SUCCEEDED, 0.1, 0.2, stdout="/none"), "true")
    record = run(shaky, fine, status=RunStatus.PARTIALLY_SUCCEEDED)
    assert tree(named(record, "soft", "<ID>")) == recorded(27)


def test_a_run_whose_condition_was_not_met() -> None:
    record = run(commands(node("x"), "true"), status=RunStatus.ABORTED)
    assert tree(named(record, "gate", "<ID>")) == recorded(28)


def test_a_run_without_steps() -> None:
    assert tree(named(run(status=RunStatus.SUCCEEDED), "nosteps", "<ID>")) == recorded(32)


def test_a_run_that_was_stopped() -> None:
    doze = commands(node("doze", NodeStatus.ABORTED, 0, 2, stdout="/none"), "sleep 60")
    record = named(run(doze, status=RunStatus.ABORTED), "nap", "sig1", end_s=2.0)
    assert tree(record) == recorded(38)


def test_a_run_that_goes_on() -> None:
    doze = commands(node("doze", NodeStatus.RUNNING, 0, stdout="/none"), "sleep 60")
    assert tree(named(run(doze), "nap", "n1", end_s=None)) == recorded(86)


def test_a_dry_run() -> None:
    greet = commands(node("greet", NodeStatus.SUCCEEDED, 0, 0), 'echo "hello from the field"')
    record = run(greet, node("count", NodeStatus.SUCCEEDED, 0, 0), status=RunStatus.SUCCEEDED)
    assert tree(named(record, "hello", "<ID>"), with_durations=False) == recorded(51)


def test_an_action_without_a_command_shows_what_it_does() -> None:
    """spec 30 section 1.8"""
    loop = node("each", NodeStatus.SUCCEEDED)
    loop.step["executorConfig"] = {"type": "foreach"}
    loop.step["foreach"] = {"steps": [{"name": "read"}, {"name": "send"}]}
    call = node("call", NodeStatus.SUCCEEDED)
    call.step["executorConfig"] = {"type": "http", "config": {"method": "GET", "url": "http://gw"}}
    script = node("script", NodeStatus.SUCCEEDED)
    script.step["script"] = "secret\nlines\n"
    text = tree(run(loop, call, script, status=RunStatus.SUCCEEDED))
    assert "└─foreach read, send\n" in text
    assert "└─http GET http://gw\n" in text
    assert "secret" not in text


def test_handlers_stand_around_the_steps() -> None:
    record = run(node("a", NodeStatus.SUCCEEDED, 0, 1), status=RunStatus.SUCCEEDED)
    for key in ("onExit", "onInit", "onSuccess"):
        record.handlers[key] = node(key, NodeStatus.SUCCEEDED, 0, 1)
    lines = [line for line in tree(record).splitlines() if line[:2] in ("├─", "└─")]
    assert [re.sub(r"\W*(\w+).*", r"\1", line) for line in lines] == [
        "onInit",
        "a",
        "onSuccess",
        "onExit",
    ]
    assert lines[-1].startswith("└─")


def _text_below(text: str) -> list[str]:
    item = node("a", NodeStatus.SUCCEEDED, 0, 1, stdout="/log")
    record = run(item, status=RunStatus.SUCCEEDED)
    lines = tree(record, {"/log": text}).splitlines()
    at = next(i for i, line in enumerate(lines) if line.endswith("stdout: /log"))
    return [line.strip() for line in lines[at + 1 :] if line.startswith("      ")]


def test_long_lines_are_wrapped_and_long_words_cut() -> None:
    words = " ".join(["word"] * 30)
    lines = _text_below(words + "\n" + "x" * 170 + "\n\n   trimmed   \n")
    assert lines[0] == " ".join(["word"] * 16)
    assert lines[2:] == ["x" * 80, "x" * 80, "x" * 10, "trimmed"]
    assert max(map(len, lines)) == 80


def test_only_the_end_of_a_long_log_is_shown() -> None:
    lines = _text_below("".join(f"line {i}\n" for i in range(60)))
    assert lines[0] == "... (10 more lines)"
    assert lines[1:] == [f"line {i}" for i in range(10, 60)]


def test_a_log_does_not_repaint_the_terminal() -> None:
    assert _text_below("a\x1b[2Jb\x07c\n") == ["a\ufffd[2Jb\ufffdc"]


def test_colour_only_on_request() -> None:
    record, logs = hello()
    assert "\x1b" not in tree(record, logs)
    painted = tree(record, logs, color=True)
    assert re.sub(r"\x1b\[\d+m", "", painted) == tree(record, logs)
    assert "\x1b[32mSucceeded\x1b[0m" in painted


@pytest.mark.parametrize("status", list(RunStatus))
def test_every_status_has_its_label(status: RunStatus) -> None:
    last = tree(run(status=status)).splitlines()[-1]
    key, _, label = last.partition(": ")
    assert key == ("Status" if status is RunStatus.RUNNING else "Result")
    assert label.lower().replace(" ", "_") == status.word


def test_a_step_with_a_child_run() -> None:
    """spec 30 section 1.8: `subdag: <run id>` in the place of a command; recorded."""
    out = f"{_LOGS}/outer/dag-run_<TIME>_out1/run_<TIME>_<ID>/call.<TIME>.out1.out"
    call = node("call", NodeStatus.SUCCEEDED, 0, 0.1, stdout=out, stderr="/none")
    call.step["childDag"] = {"name": "hello"}
    call.children = (SubRun(run_id="<ID>", name="hello"),)
    record = named(run(call, status=RunStatus.SUCCEEDED), "outer", "out1")
    record.log = f"{_LOGS}/outer/dag-run_<TIME>_out1/dag-run_<TIME>.out1.log"
    result = '{\n"name": "hello",\n"dagRunId": "<ID>",\n"outputs": {},\n"status": "succeeded"\n}\n'
    assert tree(record, {out: result}) == recorded(35)


def test_children_of_a_fan_out_and_an_error() -> None:
    """spec 30 section 1.8: a child is `subdag: <id> [<params>]`."""
    call = node("call", NodeStatus.FAILED, 0, 0.1, error="it failed")
    call.step["childDag"] = {"name": "kid"}
    call.children = (SubRun(run_id="c1", params='V="1"'), SubRun(run_id="c2", params='V="2"'))
    text = tree(named(run(call, status=RunStatus.FAILED), "t", "r"))
    assert '  ├─subdag: c1 [V="1"]\n  ├─subdag: c2 [V="2"]\n  │\n  └─error: it failed\n' in text
