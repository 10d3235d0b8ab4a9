"""Writing `outputs.json` beside the step logs of an attempt (spec 12 section 11)."""

from __future__ import annotations

import json
import os
from pathlib import Path

from edge.core.jsontypes import JsonObject
from edge.engine.run_outputs import PUBLISHED_WARN_BYTES

__all__ = ["write_outputs"]


def write_outputs(path: Path, attempt_id: str, document: JsonObject) -> list[str]:
    """Write the document at once or not at all; return the warnings for the run's log."""
    warnings = []
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    data = text.encode("utf-8", "replace")
    if len(data) > PUBLISHED_WARN_BYTES:
        warnings.append(f"the outputs of the run are large: {len(data)} bytes")
    part = path.with_name(f"{path.name}.{attempt_id}.part")
    try:
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
        part.replace(path)
    except OSError as exc:
        warnings.append(f"failed to write {path}: {exc.strerror}")
    return warnings
