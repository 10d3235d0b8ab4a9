"""What a step of a record carries out, as text for a page or a terminal. Pure."""

from __future__ import annotations

from edge.core.jsontypes import JsonObject, JsonValue

__all__ = ["execution_summary", "execution_text"]

#: inputs of actions that say what they are about, in the order they are shown
_TARGETS = ("method", "url", "host", "image", "container_name", "bucket", "source", "path", "to")


def execution_text(step: JsonObject) -> str:
    """Return what a step runs: commands or script, behind the action that is no local shell.

    A step without a command tells its target: the sub-DAG, the loop's body, the router's value.
    """
    task = step.get("humanTask")
    if isinstance(task, dict):
        return f"human.task {_text(task.get('prompt'))}".rstrip()
    lines = _lines(step)
    config = step.get("executorConfig")
    action = _text(config.get("type")) if isinstance(config, dict) else ""
    if not action:
        return "\n".join(lines)
    head = [action]
    options = config.get("config") if isinstance(config, dict) else None
    if isinstance(options, dict):
        head += [text for key in _TARGETS if (text := _text(options.get(key)))]
    if len(lines) == 1:
        head[1:1] = lines
        lines = []
    return "\n".join([" ".join(head), *lines])


def execution_summary(text: str) -> str:
    """Return the line that tells most of a longer text: the first that is no shebang or comment."""
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#") and line.strip() != "set -eu":
            return line.strip()[:70]
    return text.strip()[:70]


def _lines(step: JsonObject) -> list[str]:
    script = _text(step.get("script"))
    if script:
        return [script.rstrip("\n")]
    lines = []
    for item in _list(step.get("commands")):
        if not isinstance(item, dict):
            continue
        whole = _text(item.get("cmdWithArgs"))
        if not whole:
            args = [_text(arg) for arg in _list(item.get("args"))]
            whole = " ".join([_text(item.get("command")), *args])
        lines.append(whole)
    child, loop, router = (step.get(key) for key in ("childDag", "foreach", "router"))
    if not lines and isinstance(child, dict):
        lines.append(f"{_text(child.get('name'))} {_text(child.get('params'))}".strip())
    if not lines and isinstance(loop, dict):
        body = [item for item in _list(loop.get("steps")) if isinstance(item, dict)]
        lines.append(", ".join(_text(item.get("name")) for item in body))
    if not lines and isinstance(router, dict):
        lines.append(_text(router.get("value")))
    return [line for line in lines if line]


def _text(value: JsonValue) -> str:
    """Return a scalar as text; lists and maps tell nothing in one line."""
    if value is None or isinstance(value, list | dict):
        return ""
    return value if isinstance(value, str) else str(value)


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []
