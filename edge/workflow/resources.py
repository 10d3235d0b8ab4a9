"""`resources` and `artifacts` (spec 10 section 11)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from edge.workflow.decode import Decoded
from edge.workflow.model import Artifacts, Resources, Step
from edge.workflow.nodes import ListNode, MapNode, Node, ScalarNode
from edge.workflow.problems import Findings
from edge.workflow.shapes import fail

__all__ = ["read_artifacts", "read_resources"]

_NUMBER = r"([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))"
#: a quantity longer than this is no quantity; keeps the arithmetic small
_MAX_TEXT = 64
_MAX_MILLIS = 2**31
_MAX_BYTES = 2**63 - 1
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5, "e": 6}
_MENTIONS = ("DAG_RUN_ARTIFACTS_DIR", "context.paths.artifacts_dir", "{paths.artifacts_dir}")


def read_resources(node: Node | None) -> Resources:
    """Return the limits. Raises: FaultError with every bad one."""
    limits = Decoded(node).get("limits") if isinstance(node, MapNode) else None
    if not isinstance(limits, MapNode):
        return Resources()
    fields = Decoded(limits)
    found = Findings()
    resources = Resources(
        cpu_millis=found.read(lambda: _limit(fields, "cpu"), 0),
        memory_bytes=found.read(lambda: _limit(fields, "memory"), 0),
    )
    found.raise_any()
    return resources


def _limit(fields: Decoded, key: str) -> int:
    text = fields.text(key).strip()
    if not text:
        return 0
    try:
        return _cpu(text) if key == "cpu" else _memory(text)
    except ValueError as exc:
        message = f'invalid {key} limit "{text}": {exc}'
        fail(fields.at(key), f"resources.limits.{key}", message, text)


def _cpu(text: str) -> int:
    """Return thousandths of a core. Raises: ValueError."""
    match = re.fullmatch(_NUMBER + "(m?)", text[:_MAX_TEXT], re.ASCII)
    if match is None or len(text) > _MAX_TEXT:
        raise ValueError("must be a number of cores, such as 0.5 or 250m")
    from decimal import Decimal  # costs start-up time; most files have no limits

    millis = Decimal(match[1]) * (1 if match[2] else 1000)
    if millis <= 0:
        raise ValueError("value must be greater than zero")
    if millis != int(millis):
        raise ValueError("cpu precision must be no finer than 1m")
    if millis > _MAX_MILLIS:
        raise ValueError("value is too large")
    return int(millis)


def _memory(text: str) -> int:
    """Return bytes; a rest of a byte is cut. Raises: ValueError."""
    match = re.fullmatch(
        _NUMBER + r"(?:[eE]([+-]?[0-9]{1,2})|(?:([kKmMgGtTpPeE]?)(i?)[bB]?))",
        text[:_MAX_TEXT],
        re.A,
    )
    if match is None or len(text) > _MAX_TEXT or (match[4] and not match[3]):
        raise ValueError("must be a number of bytes, such as 268435456, 256Mi or 1G")
    from decimal import Decimal

    size = Decimal(match[1])
    if match[2]:
        size = size.scaleb(int(match[2]))
    elif match[3]:
        size *= (1024 if match[4] else 1000) ** _POWERS[match[3].lower()]
    if size <= 0:
        raise ValueError("value must be greater than zero")
    if size > _MAX_BYTES:
        raise ValueError("value is too large")
    return max(1, int(size))


def read_artifacts(document: MapNode, steps: Iterable[Step]) -> Artifacts:
    """Return where artifacts go, and whether the document needs them.

    A mention of the directory turns them on unless they are off explicitly; a step that reads or
    writes artifacts cannot be without. Raises: FaultError.
    """
    node = document.entries.get("artifacts")
    fields = Decoded(node if isinstance(node, MapNode) else MapNode(0, 0, {}, {}))
    written = fields.get("enabled")
    enabled = None if written is None else fields.flag("enabled")
    used = _use(steps)
    if used and written is not None and not enabled:
        fail(written, "artifacts.enabled", f"{used} require artifacts.enabled to be true")
    if enabled is None and (used or _is_mentioned(document)):
        enabled = True
    return Artifacts(enabled=enabled, dir=fields.text("dir"))


def _use(steps: Iterable[Step]) -> str:
    """Return what of the steps needs artifacts; "" for nothing."""
    outputs = False
    for step in _all_steps(steps):
        if step.type == "artifact" or step.action.startswith("artifact."):
            return "artifact actions"
        outputs = outputs or bool(step.stdout_artifact or step.stderr_artifact)
    return "artifact outputs" if outputs else ""


def _all_steps(steps: Iterable[Step]) -> Iterator[Step]:
    waiting = list(steps)
    while waiting:
        step = waiting.pop()
        yield step
        if step.foreach is not None:
            waiting.extend(step.foreach.steps)


def _is_mentioned(document: MapNode) -> bool:
    """Return whether any text names the directory."""
    waiting: list[Node] = [document]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ScalarNode):
            if isinstance(node.value, str) and _names_directory(node.value):
                return True
        elif isinstance(node, ListNode):
            waiting.extend(node.items)
        elif isinstance(node, MapNode):
            waiting.extend(node.entries.values())
    return False


def _names_directory(text: str) -> bool:
    return ("ARTIFACTS_DIR" in text or "artifacts_dir" in text) and any(
        mention in text.replace(" ", "").replace("\t", "") for mention in _MENTIONS
    )
