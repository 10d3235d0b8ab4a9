"""Steps that wait for people: `approval` and the action `human.task` (spec 13 section 16)."""

from __future__ import annotations

from edge.core.jsontypes import JsonObject
from edge.workflow.decode import Decoded
from edge.workflow.forms import read_form
from edge.workflow.model import Approval, OutputDecl
from edge.workflow.nodes import MapNode, Node, ScalarNode, go_text
from edge.workflow.problems import Fault, FaultError, Findings
from edge.workflow.runs import LEGACY
from edge.workflow.shapes import fail

__all__ = ["HUMAN_TASK", "HumanTask", "is_human_task", "read_approval", "read_human_task"]

HUMAN_TASK = "human.task"
#: refused by presence, even empty or null
_FORBIDDEN = (
    "approval",
    "container",
    "foreach",
    "log_output",
    "mail_on_error",
    "output",
    "output_schema",
    "parallel",
    "repeat_policy",
    "retry_policy",
    "signal_on_stop",
    "stderr",
    "stdout",
    "timeout_sec",
    "worker_selector",
)


class HumanTask:
    """Prompt and form of a human task, and the outputs that the form declares."""

    __slots__ = ("options", "outputs")

    def __init__(self, options: JsonObject, outputs: tuple[OutputDecl, ...]) -> None:
        self.options = options
        self.outputs = outputs


def read_approval(node: Node | None) -> Approval | None:
    """Return the approval; None when absent. Its keys and types were checked.

    `rewind_to` stays as written until the names are settled. Raises: FaultError.
    """
    if not isinstance(node, MapNode):
        return None
    fields = Decoded(node)
    given, required = fields.texts("input"), fields.texts("required")
    for name in required:
        if name not in given:
            at = fields.at("required")
            fail(at, "approval", f'required field "{name}" is not in input list')
    return Approval(
        prompt=fields.text("prompt"),
        input=given,
        required=required,
        rewind_to=fields.text("rewind_to").strip(),
    )


def is_human_task(fields: Decoded) -> bool:
    """Return whether the step is a human task."""
    return fields.text("action").strip() == HUMAN_TASK


def read_human_task(fields: Decoded, handler: str) -> HumanTask:
    """Read a human task; `handler` is the event of the handler it stands in, "" = a step.

    Raises: FaultError with every fault.
    """
    action = fields.at("action")
    if handler:
        message = f"action {HUMAN_TASK} cannot be used in handler_on.{handler}"
        raise FaultError([Fault(action.line, action.column, "action", message, bullet=message)])
    if fields.has("run"):
        fail(action, "action", "run cannot be used together with action", HUMAN_TASK)
    for key in LEGACY:
        if fields.has(key):
            message = f"action cannot be used together with {key}"
            fail(action, "action", message, HUMAN_TASK)
    found = Findings()
    if not fields.text("id").strip():
        message = f"action {HUMAN_TASK} requires an explicit id"
        found.read(lambda: fail(fields.at("id"), "id", message), None)
    for key in _FORBIDDEN:
        if fields.has(key):
            found.errors.append(_refused(fields, key, f"does not support {key}"))
    if fields.has("outputs"):
        found.errors.append(_refused(fields, "outputs", "derives outputs from its form"))
    made = found.read(lambda: _options(fields), None)
    found.raise_any()
    assert made is not None
    return made


def _refused(fields: Decoded, key: str, reason: str) -> FaultError:
    line, column = fields.node.keys[key]
    return FaultError([Fault(line, column, key, f"action {HUMAN_TASK} {reason}")])


def _options(fields: Decoded) -> HumanTask:
    if not fields.has("with"):
        fail(fields.node, "with.prompt", "with.prompt is required")
    node = fields.at("with")
    if not isinstance(node, MapNode):
        fail(node, "with", "with must be an object", go_text(node))
    for key, value in node.entries.items():
        if key not in ("prompt", "form"):
            fail(value, "with", f"{HUMAN_TASK} does not support with.{key}")
    prompt = node.entries.get("prompt")
    if prompt is None:
        fail(node, "with.prompt", "with.prompt is required")
    text = prompt.value if isinstance(prompt, ScalarNode) else None
    if not isinstance(text, str) or not text.strip():
        fail(prompt, "with.prompt", "with.prompt must be a non-empty string", go_text(prompt))
    options: JsonObject = {"prompt": text}
    outputs: tuple[OutputDecl, ...] = ()
    if "form" in node.entries:
        form = read_form(node.entries["form"])
        options["form"] = form
        properties = form.get("properties")
        assert isinstance(properties, dict)
        outputs = tuple(OutputDecl(name, _kind(schema)) for name, schema in properties.items())
    return HumanTask(options, outputs)


def _kind(schema: object) -> str:
    """Return the type of the output of a form's property: text stays text, the rest is JSON."""
    assert isinstance(schema, dict)
    kind = schema.get("type")
    if kind is None:
        values = schema.get("enum") or [item["const"] for item in schema["oneOf"]]
        return "string" if all(isinstance(value, str) for value in values) else "json"
    return "string" if kind == "string" else "json"
