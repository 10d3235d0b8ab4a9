"""The step forms of old files: `command`, `script`, `exec`, `call`, `type` (spec 10 section 13.3).

Each becomes what its action of today would be: the same executor type, the same inputs. Loaded only
for a document that uses more than `command` and `script`.
"""

from __future__ import annotations

from collections.abc import Callable

from edge.workflow.action_table import OPERATIONS, TYPE_NAMES, type_of
from edge.workflow.actions import unknown_action
from edge.workflow.build import Build
from edge.workflow.capabilities import LOCAL, SUB_DAG, check_capabilities, infer_type
from edge.workflow.commands import ShellOptions
from edge.workflow.decode import Decoded
from edge.workflow.exec_arguments import read_exec
from edge.workflow.execution import Execution
from edge.workflow.model import CommandRun, Run, ScriptRun, SubDAG
from edge.workflow.nodes import MapNode, Node, ScalarNode, go_text, json_of
from edge.workflow.routers import read_router
from edge.workflow.shapes import fail, is_null
from edge.workflow.sub_dags import read_sub_params
from edge.workflow.with_checks import check_executor
from edge.workflow.with_schema import check_inputs

__all__ = ["read_call", "read_old_exec", "read_typed"]


def read_old_exec(fields: Decoded, build: Build) -> Execution:
    """Return the step key `exec`. Raises: FaultError."""
    node = fields.at("exec")
    if not isinstance(node, MapNode):
        fail(node, "exec", "exec must be an object", go_text(node))
    for key in ("command", "script", "shell", "shell_args", "shell_packages", "call"):
        if fields.get(key) is not None:
            fail(node, "exec", f"exec cannot be used together with {key}")
    for key, value in node.entries.items():
        if key not in ("command", "args"):
            fail(value, "exec", f"'exec' has invalid keys: {key}")
    written = fields.text("type").strip()
    type_ = written or infer_type(fields, build)
    if type_ not in LOCAL:
        fail(node, "exec", "exec is only supported for direct command execution", go_text(node))
    check_capabilities(fields, written, None, node, has_shell=False)
    return Execution(read_exec(node, "exec"), action="exec", prefix=written or "cmd")


def read_call(fields: Decoded, type_: str, inputs: MapNode) -> Execution:
    """Return `call` with `params`. Raises: FaultError."""
    node = fields.at("call")
    name = fields.text("call").strip()
    if not name:
        fail(node, "call", "call must be a non-empty string")
    action = "dag.enqueue" if type_ == "dag_enqueue" else "dag.run"
    if type_ in ("", "dag"):
        type_ = "parallel" if fields.get("parallel") is not None else "dag"
    run, place = _run_of(fields)
    check_capabilities(fields, type_, run, place, has_shell=_shell(fields).is_given, has_call=True)
    queue = inputs.entries.get("queue")
    target = SubDAG(
        name,
        read_sub_params(fields.get("params"), "params"),
        "" if queue is None or action == "dag.run" else go_text(queue).strip(),
    )
    return Execution(type=type_, action=action, sub_dag=target)


def read_typed(type_: str, fields: Decoded, inputs: MapNode, build: Build) -> Execution:
    """Return a step with `type`, its options in `with` or `config`. Raises: FaultError."""
    if type_ not in TYPE_NAMES:
        unknown_action(fields.at("type"), "type", type_, sorted(TYPE_NAMES))
    if type_ in SUB_DAG:
        if fields.get("call") is None:
            fail(fields.at("type"), "call", f"call is required for type {type_}")
        return read_call(fields, type_, inputs)
    run, place = _run_of(fields)
    shell = _shell(fields)
    check_capabilities(
        fields,
        type_,
        run,
        place,
        has_shell=shell.is_given,
        has_call=fields.get("call") is not None,
    )
    old = _Old(type_, fields, run, place, inputs)
    action, kept = _FORMS.get(type_, _reserved)(old)
    if type_ == "router":
        check_inputs(type_, inputs, build.warnings, action)
        router = read_router(fields.get("value"), fields.get("routes"), fields.at("type"), False)
        return Execution(type=type_, action=action, router=router)
    node = MapNode(inputs.line, inputs.column, old.entries, inputs.keys)
    check_inputs(type_, node, build.warnings, action)
    if type_ in OPERATIONS or type_ in ("log", "k8s", "kubernetes"):
        check_executor(type_, action.partition(".")[2], node, fields.at("type"))
    return Execution(
        kept,
        type=type_,
        action=action,
        options={key: json_of(value) for key, value in old.entries.items()},
        shell=shell.shell,
        shell_args=shell.shell_args,
        shell_packages=shell.shell_packages,
    )


def _run_of(fields: Decoded) -> tuple[Run, Node]:
    # the two modules need each other; this one is loaded late
    from edge.workflow.runs import read_old_run

    return read_old_run(fields)


def _shell(fields: Decoded) -> ShellOptions:
    from edge.workflow.runs import read_old_shell

    return read_old_shell(fields)


class _Old:
    """A typed step while its command and script become inputs (`entries`)."""

    def __init__(self, type_: str, fields: Decoded, run: Run, place: Node, inputs: MapNode) -> None:
        self.type = type_
        self.fields = fields
        self.run = run
        self.place = place
        self.entries: dict[str, Node] = dict(inputs.entries)

    @property
    def command(self) -> str:
        if isinstance(self.run, CommandRun):
            return self.run.commands[0]
        return self.run.command if isinstance(self.run, ScriptRun) else ""

    @property
    def script(self) -> str:
        return self.run.text if isinstance(self.run, ScriptRun) else ""

    def put(self, key: str, value: str) -> None:
        """Set an input, unless there is no value."""
        if value:
            self.entries[key] = ScalarNode(self.place.line, self.place.column, value)


_Form = tuple[str, Run]


def _http(old: _Old) -> _Form:
    method, _, url = old.command.strip().partition(" ")
    if old.script:
        # its text is the whole of the settings, once resolved
        old.entries.clear()
    old.put("method", method)
    old.put("url", url.strip())
    return "http.request", ScriptRun(old.script) if old.script else None


def _command(action: str) -> Callable[[_Old], _Form]:
    return lambda old: (action, old.run)


def _sftp(old: _Old) -> _Form:
    node = old.entries.get("direction")
    direction = "upload" if is_null(node) or node is None else go_text(node)
    old.put("direction", direction)
    return f"sftp.{direction}", None


def _jq(old: _Old) -> _Form:
    old.put("filter", old.command)
    old.put("data", old.script)
    return "jq.filter", None


def _sql(old: _Old) -> _Form:
    old.put("query", old.script or old.command)
    return f"{old.type}.{'import' if 'import' in old.entries else 'query'}", None


def _redis(old: _Old) -> _Form:
    node = old.entries.get("command")
    word = go_text(node) if node is not None and not is_null(node) else old.command.strip()
    old.put("script", old.script)
    alone = [key for key in ("pipeline", "script", "lock") if key in old.entries]
    if any(key in old.entries for key in ("script_file", "script_sha")):
        alone.append("script")
    name = f"redis.{word.lower() or (alone[0] if alone else '')}"
    if name == "redis.":
        fail(old.fields.at("type"), "type", "redis: command is required")
    if type_of(name) is None:
        fail(node or old.place, "type", f'unknown action "{name}"', word)
    old.put("command", word.upper())
    return name, None


def _operation(old: _Old) -> _Form:
    """Types whose command is the name of an operation."""
    known = OPERATIONS[old.type]
    words = old.command.split()
    if not words:
        names = ", ".join(known)
        message = f"{old.type}: command must name an operation: {names}"
        fail(old.fields.at("type"), "command", message)
    if words[0] not in known:
        fail(old.place, "type", f'unknown action "{old.type}.{words[0]}"', words[0])
    return f"{old.type}.{words[0]}", None


def _template(old: _Old) -> _Form:
    old.put("template", old.script.strip())
    if ("template" in old.entries) == ("template_ref" in old.entries):
        message = "template.render requires exactly one of with.template or with.template_ref"
        fail(old.fields.at("type"), "script", message)
    return "template.render", None


def _chat(old: _Old) -> _Form:
    model = old.fields.get("llm")
    if isinstance(model, MapNode):
        old.entries = {**model.entries, **old.entries}
    messages = old.fields.get("messages")
    if messages is not None:
        old.entries["messages"] = messages
    return "chat.completion", None


def _harness(old: _Old) -> _Form:
    old.put("prompt", old.command or old.script)
    if old.command:
        old.put("stdin", old.script)
    return "harness.run", None


def _reserved(old: _Old) -> _Form:
    """A name that no build executes: kept as it is."""
    return old.type, old.run


def _k8s(old: _Old) -> _Form:
    old.put("command", old.command)
    return f"{old.type}.run", None


_FORMS: dict[str, Callable[[_Old], _Form]] = {
    "http": _http,
    "ssh": _command("ssh.run"),
    "docker": _command("docker.run"),
    "container": _command("container.run"),
    "k8s": _k8s,
    "kubernetes": _k8s,
    "sftp": _sftp,
    "jq": _jq,
    "postgres": _sql,
    "sqlite": _sql,
    "redis": _redis,
    **dict.fromkeys(OPERATIONS, _operation),
    "mail": _command("mail.send"),
    "log": _command("log.write"),
    "noop": _command("noop"),
    "router": _command("router.route"),
    "template": _template,
    "chat": _chat,
    "harness": _harness,
}
