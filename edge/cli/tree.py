"""The status tree that `start`, `status` and `dry` print (spec 30 section 1.8)."""

from __future__ import annotations

from collections.abc import Callable

from edge.core.clock import format_rfc3339
from edge.core.durations import summary_duration
from edge.core.execution import execution_text
from edge.core.jsontypes import JsonObject
from edge.core.record import NodeRecord, RunRecord
from edge.core.status import NodeStatus, RunStatus, display_status
from edge.core.subruns import SubRun

__all__ = ["render_tree"]

_WIDTH = 80
_MAX_LINES = 50
_COLORS = {
    NodeStatus.SUCCEEDED: "32",
    NodeStatus.PARTIALLY_SUCCEEDED: "33",
    NodeStatus.FAILED: "31",
    NodeStatus.REJECTED: "31",
    NodeStatus.ABORTED: "33",
    NodeStatus.RUNNING: "36",
    NodeStatus.WAITING: "33",
    NodeStatus.RETRYING: "33",
    NodeStatus.SKIPPED: "2",
}
_RUN_COLORS = {
    RunStatus.SUCCEEDED: "32",
    RunStatus.PARTIALLY_SUCCEEDED: "33",
    RunStatus.FAILED: "31",
    RunStatus.REJECTED: "31",
    RunStatus.ABORTED: "33",
    RunStatus.RUNNING: "36",
}
#: handlers before the steps, then those after them
_FIRST, _LAST = ("onInit",), ("onWait", "onSuccess", "onFailure", "onAbort", "onExit")


def render_tree(
    record: RunRecord,
    *,
    now_ms: int,
    read_log: Callable[[str], str],
    color: bool = False,
    with_durations: bool = True,
) -> str:
    """Return the tree, without the blank line that `start` adds at its end.

    `read_log` returns the text of a log path, "" for one that has no file. `with_durations` is
    off for `dry`.
    """
    label = display_status(record.status.word)
    began = format_rfc3339(record.started_ms or record.queued_ms or record.created_ms)
    painted = _paint(label, _RUN_COLORS.get(record.status, ""), color)
    lines = [f"{painted} - {began}", "", f"dag: {record.name}{_run_duration(record, now_ms)}"]
    nodes = [record.handlers[key] for key in _FIRST if key in record.handlers]
    nodes += record.nodes
    nodes += [record.handlers[key] for key in _LAST if key in record.handlers]
    if record.log:
        lines.append(f"{'├' if nodes else '└'}─log: {record.log}")
        if nodes:
            lines.append("│")
    for at, node in enumerate(nodes):
        is_last = at == len(nodes) - 1
        duration = _node_duration(node, now_ms) if with_durations else ""
        state = ""
        if node.status is not NodeStatus.NOT_STARTED:
            word = _paint(f"[{node.status.word}]", _COLORS.get(node.status, ""), color)
            state = f" {word}"
        lines.append(f"{'└' if is_last else '├'}─{_one_line(node.name)}{duration}{state}")
        stem = "  " if is_last else "│ "
        lines += [stem + line for line in _details(node, read_log)]
        if not is_last:
            lines.append("│ ")
    key = "Status" if record.status is RunStatus.RUNNING else "Result"
    return "\n".join([*lines, "", f"{key}: {painted}"]) + "\n"


def _run_duration(record: RunRecord, now_ms: int) -> str:
    if record.started_ms is None:
        return ""
    end = record.finished_ms if record.finished_ms is not None else now_ms
    return f" ({summary_duration(max(0, end - record.started_ms) / 1000)})"


def _node_duration(node: NodeRecord, now_ms: int) -> str:
    shown = (
        NodeStatus.SUCCEEDED,
        NodeStatus.FAILED,
        NodeStatus.RUNNING,
        NodeStatus.PARTIALLY_SUCCEEDED,
    )
    if node.started_ms is None or node.status not in shown:
        return ""
    end = node.finished_ms if node.finished_ms is not None else now_ms
    return f" ({summary_duration(max(0, end - node.started_ms) / 1000)})"


def _details(node: NodeRecord, read_log: Callable[[str], str]) -> list[str]:
    """Return the lines below a node: commands, streams, error."""
    if node.status is NodeStatus.NOT_STARTED or node.status is NodeStatus.SKIPPED:
        return []
    groups: list[list[str]] = []
    if node.status is not NodeStatus.ABORTED:
        commands = [line for command in _commands(node.step) for line in _wrap(command)]
        if commands:
            groups.append(commands)
    streams: list[list[str]] = []
    for name, path in (("stdout", node.stdout), ("stderr", node.stderr)):
        if path and (name == "stdout" or path != node.stdout):
            text = _text_lines(read_log(path))
            if text:
                streams.append([f"{name}: {path}", *text])
    error = _error_lines(node.error) if node.status is NodeStatus.FAILED else []
    children = [_child(child) for child in node.children]
    out: list[str] = []
    if groups:
        is_last = not streams and not children and not error
        out += [("└─" if is_last and i == len(groups[0]) - 1 else "├─") + line
                for i, line in enumerate(groups[0])]  # fmt: skip
        if not is_last:
            out.append("│")
    for at, stream in enumerate(streams):
        is_last = at == len(streams) - 1 and not children and not error
        out.append(("└─" if is_last else "├─") + stream[0])
        out += [("    " if is_last else "│   ") + line for line in stream[1:]]
    if streams and children:
        out.append("│")
    for at, line in enumerate(children):
        is_last = at == len(children) - 1 and not error
        out.append(("└─" if is_last else "├─") + line)
    if error:
        if streams or children:
            out.append("│")
        out.append(f"└─error: {error[0]}")
        out += [f"    {line}" for line in error[1:]]
    return out


def _child(child: SubRun) -> str:
    """Return the line of a child run, cut where its parameters are long."""
    line = f"subdag: {child.run_id}" + (f" [{child.params}]" if child.params else "")
    return _wrap(_one_line(line))[0]


def _commands(step: JsonObject) -> list[str]:
    commands = step.get("commands")
    if isinstance(commands, list):
        texts = [item.get("cmdWithArgs") for item in commands if isinstance(item, dict)]
        return [text for text in texts if isinstance(text, str)]
    if isinstance(step.get("script"), str) or "childDag" in step:
        return []
    # an action without a command: its name and target
    return execution_text(step).splitlines()


def _error_lines(error: str) -> list[str]:
    # The tail of stderr stands above already.
    first = error.split("\nrecent stderr (tail):", 1)[0]
    return [line for part in first.splitlines() for line in _wrap(part)]


def _text_lines(text: str) -> list[str]:
    lines = [line for part in text.splitlines() for line in _wrap(part)]
    if len(lines) > _MAX_LINES:
        return [f"... ({len(lines) - _MAX_LINES} more lines)", *lines[-_MAX_LINES:]]
    return lines


def _wrap(text: str) -> list[str]:
    """Wrap at 80 columns, words that are longer cut hard; trimmed, blank lines dropped."""
    out: list[str] = []
    line = ""
    for word in _clean(text).split():
        rest = word
        while len(rest) > _WIDTH:
            if line:
                out.append(line)
                line = ""
            out.append(rest[:_WIDTH])
            rest = rest[_WIDTH:]
        if line and len(line) + 1 + len(rest) > _WIDTH:
            out.append(line)
            line = rest
        else:
            line = f"{line} {rest}" if line else rest
    stripped = _clean(text).strip()
    if len(stripped) <= _WIDTH:
        return [stripped] if stripped else []
    return [*out, line] if line else out


def _clean(text: str) -> str:
    """Replace what would move the cursor: a log must not repaint the terminal."""
    return "".join(char if char.isprintable() or char == "\t" else "\ufffd" for char in text)


def _one_line(text: str) -> str:
    return _clean(text.replace("\n", " "))


def _paint(text: str, code: str, color: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if color and code else text
