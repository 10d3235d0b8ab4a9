"""`secrets`: which values a run fetches before its first step (spec 10 section 11).

Only declared here; providers are asked when a run starts. All texts are literal.
"""

from __future__ import annotations

import re

from edge.workflow.decode import Decoded
from edge.workflow.model import Secret
from edge.workflow.nodes import ListNode, MapNode, Node, ScalarNode
from edge.workflow.problems import FaultError, Findings
from edge.workflow.shapes import fail
from edge.workflow.words import is_env_name

__all__ = ["MANAGED_NAMES", "read_secrets"]

#: names that the engine sets itself (spec 11 section 9)
MANAGED_NAMES = frozenset(
    [
        "DAG_NAME",
        "DAG_RUN_ID",
        "DAG_RUN_LOG_FILE",
        "DAG_RUN_STEP_NAME",
        "DAG_RUN_STEP_STDOUT_FILE",
        "DAG_RUN_STEP_STDERR_FILE",
        "DAG_RUN_STATUS",
        "DAG_WIKI_DIR",
        "DAG_DOCS_DIR",
        "DAG_PARAMS_JSON",
        "DAG_RUN_WORK_DIR",
        "DAG_RUN_ARTIFACTS_DIR",
        "DAG_PUSHBACK",
        "DAG_PUSHBACK_ITERATION",
        "DAG_PUSHBACK_PREVIOUS_STDOUT_FILE",
    ]
)
_REF = r"[a-z0-9][a-z0-9-]*(/[a-z0-9][a-z0-9-]*)*"


def read_secrets(node: Node | None) -> tuple[Secret, ...]:
    """Return the entries of a list that passed the table.

    Raises: FaultError with the first fault of every entry.
    """
    if not isinstance(node, ListNode):
        return ()
    found = Findings()
    secrets: list[Secret] = []
    names: set[str] = set()
    for index, item in enumerate(node.items):
        if not isinstance(item, MapNode):
            continue
        try:
            secret = _secret(Decoded(item), f"secrets[{index}]", names)
        except FaultError as exc:
            found.errors.append(exc)
            continue
        names.add(secret.name)
        secrets.append(secret)
    found.raise_any()
    return tuple(secrets)


def _secret(fields: Decoded, path: str, taken: set[str]) -> Secret:
    options = fields.get("options")
    secret = Secret(
        name=fields.text("name"),
        provider=fields.text("provider"),
        key=fields.text("key"),
        ref=fields.text("ref"),
        options=_options(options) if isinstance(options, MapNode) else {},
    )
    _check_name(fields, path, secret, taken)
    value = _go_struct(secret)
    if secret.ref:
        if secret.provider or secret.key:
            _fail_source(fields, path, value)
        if options is not None:
            message = "'options' cannot be used with registry ref"
            fail(options, f"{path}.options", message, value, said="secrets")
        if not re.fullmatch(_REF, secret.ref, re.ASCII):
            message = "registry ref must be a slash-separated lowercase slug path"
            fail(fields.at("ref"), f"{path}.ref", message, value, said="secrets")
    elif not secret.provider or not secret.key:
        _fail_source(fields, path, value)
    return secret


def _check_name(fields: Decoded, path: str, secret: Secret, taken: set[str]) -> None:
    name = secret.name
    if not name:
        message = "'name' field is required"
    elif not is_env_name(name):
        message = f'secret name "{name}" must be a valid environment variable name'
    elif name.startswith("DAGU_"):
        message = f'secret "{name}" must not start with DAGU_'
    elif name in MANAGED_NAMES:
        message = f'secret "{name}" collides with Dagu-managed runtime environment variable'
    elif name in taken:
        message = f'duplicate secret name "{name}"'
    else:
        return
    fail(fields.at("name"), f"{path}.name", message, _go_struct(secret), said="secrets")


def _fail_source(fields: Decoded, path: str, value: str) -> None:
    message = "exactly one of 'ref' or 'provider' plus 'key' is required"
    fail(fields.node, path, message, value, said="secrets")


def _options(node: MapNode) -> dict[str, str]:
    return {
        key: value.value
        for key, value in node.entries.items()
        if isinstance(value, ScalarNode) and isinstance(value.value, str)
    }


def _go_struct(secret: Secret) -> str:
    """Return the entry as the error texts show it."""
    options = " ".join(f"{key}:{value}" for key, value in sorted(secret.options.items()))
    return (
        f"{{Name:{secret.name} Ref:{secret.ref} Provider:{secret.provider} Key:{secret.key}"
        f" Options:map[{options}]}}"
    )
