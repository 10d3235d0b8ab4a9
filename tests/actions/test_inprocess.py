"""The common ground of actions that run inside this process (spec 13 section 1)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from edge.actions.base import ActionError, Outcome
from edge.actions.inprocess import (
    check_stop,
    error_code,
    go_error,
    in_thread,
    print_from_thread,
    run_in_process,
)
from edge.actions.inputs import Inputs, resolve_inputs, resolve_path
from edge.core.jsontypes import JsonObject, JsonValue
from edge.workflow.values import Scope
from tests.actions.context import Context


async def _with(
    work: Callable[[Inputs], object], options: JsonObject, action: str = "file.stat"
) -> Outcome:
    async def carry_out(_: object, inputs: Inputs) -> None:
        work(inputs)

    return await run_in_process(Context(action, {"path": "p", **options}), carry_out)


# spec 13 section 1.3: string leaves are resolved, then decoded weakly
@pytest.mark.parametrize(
    ("key", "value", "read", "found"),
    [
        ("max_bytes", "5", Inputs.integer, 5),
        ("max_bytes", "", Inputs.integer, 0),
        ("overwrite", 1, Inputs.flag, True),
        ("overwrite", "true", Inputs.flag, True),
        ("overwrite", "F", Inputs.flag, False),
        ("content", 7, Inputs.text, "7"),
        ("content", 1.5, Inputs.text, "1.5"),
        ("content", True, Inputs.text, "1"),
        ("content", "$S-${params.P}", Inputs.text, "api-p"),
        ("content", None, Inputs.text, ""),
    ],
)
async def test_weak_values(
    key: str, value: JsonValue, read: Callable[[Inputs, str], object], found: object
) -> None:
    seen: list[object] = []
    outcome = await _with(lambda inputs: seen.append(read(inputs, key)), {key: value})
    assert (outcome, seen) == (Outcome(0), [found])


async def test_a_scalar_is_a_list_of_one() -> None:
    """spec 13 section 1.3."""
    seen: list[object] = []
    options: JsonObject = {"source": "s", "include": "*.txt", "exclude": ["a", 5]}
    for key in ("include", "exclude"):
        await _with(lambda inputs, key=key: seen.append(inputs.texts(key)), options, "archive.list")
    assert seen == [["*.txt"], ["a", "5"]]


async def test_only_values_are_resolved() -> None:
    """spec 13 section 1.3: leaves, however deep; keys and literal inputs stay."""
    scope = Scope(params={"P": "p"})
    value: JsonObject = {"${params.P}": [{"k": "${params.P}"}, 1], "t": "${params.P}"}
    found = resolve_inputs(value, scope, literal=("t",))
    assert found == {"${params.P}": [{"k": "p"}, 1], "t": "${params.P}"}


# spec 13 section 1.3: what a reference kept from being checked at load is checked now
@pytest.mark.parametrize(
    ("action", "options", "reason"),
    [
        ("file.read", {"format": "${params.P}"}, "enum: p does not equal any of: [raw json]"),
        ("file.read", {"max_bytes": "x"}, 'invalid file config: max_bytes: "x" is not an integer'),
        ("file.read", {"max_bytes": -1}, "minimum: -1 is less than 0"),
        ("file.read", {"max_bytes": []}, "is not an integer"),
        ("file.read", {"missing_ok": "maybe"}, 'missing_ok: "maybe" is not a boolean'),
        ("file.write", {"content": {"a": 1}}, "content: expected a string"),
        ("file.write", {"content": "c", "mode": "$S"}, "mode must be an octal text"),
        ("file.stat", {"path": "$EMPTY"}, "file: configuration error: path is required for stat"),
    ],
)
async def test_bad_values_fail_the_set_up(action: str, options: JsonObject, reason: str) -> None:
    context = Context(action, {"path": "p", **options}, env={"EMPTY": ""})
    outcome = await _refused(context)
    assert outcome.code == 1
    assert outcome.error.startswith("failed to set up step: ")
    assert reason in outcome.error


async def _refused(context: Context) -> Outcome:
    async def never(_: object, __: Inputs) -> None:
        raise AssertionError("the work must not start")

    return await run_in_process(context, never)


# spec 13 section 1.4: exit codes
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ActionError("broken"), 1),
        (ActionError("ssh: exit status 3"), 3),
        (ActionError("exit status 3, then exit status 4"), 4),
        (ActionError("signal: killed"), -1),
        (ActionError("exit status 3", code=14), 14),
        (FileNotFoundError(2, "No such file or directory", "/x"), 1),
        (RecursionError(), 1),
    ],
)
async def test_exit_codes(error: Exception, code: int) -> None:
    def fail(_: Inputs) -> None:
        raise error

    outcome = await _with(fail, {})
    assert outcome.code == code
    assert outcome.error


def test_texts_of_system_errors() -> None:
    """spec 13 section 9: `open <p>: file exists`."""
    error = FileExistsError(17, "File exists", "/p")
    assert go_error("open", error) == "open /p: file exists"
    assert go_error("lstat", error, "/q") == "lstat /q: file exists"
    assert error_code("no code") == 1


# spec 13 section 1.6
@pytest.mark.parametrize(
    ("text", "home", "path"),
    [
        ("a/b", False, "/srv/a/b"),
        ("./a/../b", False, "/srv/b"),
        ("/x", False, "/x"),
        ("~/a", True, "/home/me/a"),
        ("~", True, "/home/me"),
        ("~/a", False, "/srv/~/a"),
        ("~you", True, "/srv/~you"),
    ],
)
def test_paths(text: str, home: bool, path: str) -> None:
    context = Context("file.stat", cwd="/srv", env={"HOME": "/home/me"})
    assert resolve_path(context, text, expand_home=home) == path


def test_a_path_with_a_nul() -> None:
    """spec 13 section 1.6: no file can have it."""
    with pytest.raises(ActionError):
        resolve_path(Context("file.stat"), "a\0b")


async def test_a_stop_ends_a_thread_at_its_next_safe_point() -> None:
    """spec 13 section 1.4: the thread is waited for, never abandoned."""
    context = Context("file.stat", {"path": "p"})
    steps: list[str] = []
    entered = trio.Event()

    def block(go: threading.Event) -> None:
        trio.from_thread.run_sync(entered.set)
        go.wait(5)
        steps.append("woken")
        check_stop()
        steps.append("went on")

    async def work(_: object, __: Inputs) -> None:
        go = threading.Event()
        await in_thread(block, go, interrupt=go.set)

    async def stop() -> None:
        await entered.wait()
        context.stop()

    with trio.fail_after(2):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stop)
            outcome = await run_in_process(context, work)
    assert outcome == Outcome(1, "context canceled")
    assert steps == ["woken"]


async def test_a_stop_before_the_work() -> None:
    """spec 13 section 1.4."""
    context = Context("file.stat", {"path": "p"})
    context.stop()
    assert await _refused(context) == Outcome(1, "context canceled")


async def test_errors_and_output_of_a_thread() -> None:
    """spec 13 section 1.4: an error of the thread is the action's."""
    context = Context("file.stat", {"path": "p"})

    def fail() -> None:
        print_from_thread(context.write_stdout, b"half")
        raise ActionError("broken")

    async def work(_: object, __: Inputs) -> None:
        await in_thread(fail, interrupt=lambda: None)

    assert await run_in_process(context, work) == Outcome(1, "broken")
    assert context.out == b"half"


def test_a_text_that_is_no_utf_8_is_printed_as_it_came(tmp_path: Path) -> None:
    """spec 13 section 1.6: paths are bytes."""
    assert resolve_path(Context("file.stat", cwd=tmp_path), "\udcff").endswith("\udcff")
