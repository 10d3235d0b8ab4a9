"""What a run as a whole publishes: `outputs.json` (spec 11 section 8.4, spec 12 section 11). Pure.

It is made from the record, so a run of a worker has it as well, and its secrets are masked already.
"""

from __future__ import annotations

import json

from edge.core.clock import format_rfc3339
from edge.core.jsontypes import JsonObject
from edge.core.record import RunRecord

__all__ = ["PUBLISHED_WARN_BYTES", "camel_case", "outputs_document", "run_outputs"]

#: a total above this is worth a warning (spec 11 section 8.3)
PUBLISHED_WARN_BYTES = 1 << 20

_BEFORE = ("onInit",)
_AFTER = ("onWait", "onSuccess", "onFailure", "onAbort", "onExit")
#: verdicts that stand beside the variables of a record (spec 12 section 7)
_VERDICT = "DAGU_CONTINUE_ON."


def run_outputs(record: RunRecord) -> dict[str, str]:
    """Return key -> text over init, steps and final handlers; the last of a key wins."""
    nodes = [record.handlers[key] for key in _BEFORE if key in record.handlers]
    nodes += record.nodes
    nodes += [record.handlers[key] for key in _AFTER if key in record.handlers]
    found: dict[str, str] = {}
    for node in nodes:
        for name, pair in node.output_variables.items():
            if not name.startswith(_VERDICT):
                found[camel_case(name)] = pair.removeprefix(f"{name}=")
        found.update(_published(node.outputs_value))
    return found


def _published(text: str) -> dict[str, str]:
    try:
        members = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    if not isinstance(members, dict):
        return {}
    return {
        key: value if isinstance(value, str) else _compact(value) for key, value in members.items()
    }


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def camel_case(name: str) -> str:
    """Return `imageTag` for `IMAGE_TAG`; only underscores part words."""
    words = [word.lower() for word in name.split("_") if word]
    if not words:
        return name
    return words[0] + "".join(word[:1].upper() + word[1:] for word in words[1:])


def outputs_document(record: RunRecord) -> JsonObject | None:
    """Return the content of `outputs.json`; None when nothing was published."""
    outputs = run_outputs(record)
    if not outputs:
        return None
    metadata: JsonObject = {
        "dagName": record.name,
        "dagRunId": record.run_id,
        "attemptId": record.attempt_id,
        "status": record.status.word,
        "completedAt": format_rfc3339(record.finished_ms),
    }
    if record.params_list:
        metadata["params"] = json.dumps(
            record.params_list, ensure_ascii=False, separators=(",", ":")
        )
    return {"metadata": metadata, "outputs": dict(outputs)}
