"""Connection defaults of the root: ssh, smtp, redis, s3, kubernetes, registries (spec 13, 1.7).

Texts may hold value references and stay as written; they are resolved once, when a run starts.
"""

from __future__ import annotations

from collections.abc import Mapping

from edge.core.jsontypes import JsonValue
from edge.workflow.decode import Decoded
from edge.workflow.model import SMTP, SSH
from edge.workflow.model_root import Bastion
from edge.workflow.nodes import ListNode, MapNode, Node, ScalarNode, go_text, json_of
from edge.workflow.shapes import fail, is_null, read_port, read_shell

__all__ = ["read_connection", "read_registry_auths", "read_smtp", "read_ssh"]


def read_ssh(node: Node | None) -> SSH | None:
    """Return the connection of `ssh.run`; None when there is none."""
    if not isinstance(node, MapNode):
        return None
    fields = Decoded(node)
    bastion = fields.get("bastion")
    shell = fields.get("shell")
    return SSH(
        host=fields.text("host"),
        port=_ssh_port(fields),
        user=fields.text("user"),
        key=fields.text("key"),
        password=fields.text("password"),
        strict_host_key=fields.get("strict_host_key") is None or fields.flag("strict_host_key"),
        known_host_file=fields.text("known_host_file"),
        shell=() if shell is None else read_shell(shell, "ssh.shell"),
        timeout=fields.text("timeout"),
        bastion=_bastion(Decoded(bastion)) if isinstance(bastion, MapNode) else None,
    )


def _bastion(fields: Decoded) -> Bastion:
    return Bastion(
        host=fields.text("host"),
        port=_ssh_port(fields),
        user=fields.text("user"),
        key=fields.text("key"),
        password=fields.text("password"),
    )


def _ssh_port(fields: Decoded) -> str:
    node = fields.get("port")
    port = "" if node is None else read_port(node).strip()
    return "22" if port in ("", "0") else port


def read_smtp(node: Node | None) -> SMTP | None:
    """Return the mail server; None when there is none. Raises: FaultError."""
    if not isinstance(node, MapNode):
        return None
    fields = Decoded(node)
    port = fields.get("port")
    oauth = fields.get("oauth")
    smtp = SMTP(
        host=fields.text("host"),
        port="" if port is None else read_port(port),
        username=fields.text("username"),
        password=fields.text("password"),
        oauth=_object(oauth, "smtp.oauth", "smtp oauth must be a map", "smtp"),
    )
    if smtp.oauth is not None and smtp.password:
        message = "smtp password and oauth are mutually exclusive"
        fail(fields.at("oauth"), "smtp.oauth", message, said="smtp")
    if smtp.oauth is not None and not smtp.username:
        message = "smtp oauth requires username"
        fail(fields.at("oauth"), "smtp.username", message, said="smtp")
    return smtp


def read_connection(node: Node | None, field: str) -> Mapping[str, JsonValue]:
    """Return the defaults of `redis`, `s3` or `kubernetes` as written. Raises: FaultError."""
    return _object(node, field, f"{field} must be a map") or {}


def _object(
    node: Node | None, field: str, message: str, said: str = ""
) -> dict[str, JsonValue] | None:
    if node is None or is_null(node):
        return None
    if not isinstance(node, MapNode):
        fail(node, field, message, go_text(node), said=said)
    return {key: json_of(value) for key, value in node.entries.items() if not is_null(value)}


def read_registry_auths(node: Node | None) -> Mapping[str, JsonValue] | str:
    """Return registry host to credentials, or the text of such a JSON object.

    Values are texts or `{username, password, auth}`; references in them are resolved when a run
    starts. Raises: FaultError.
    """
    field = "registry_auths"
    if node is None or is_null(node):
        return {}
    if isinstance(node, ScalarNode) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, MapNode):
        fail(node, field, "registry_auths must be a map or a JSON string", go_text(node))
    found: dict[str, JsonValue] = {}
    for host, value in node.entries.items():
        if is_null(value):
            continue
        if isinstance(value, ListNode):
            message = "must be a text, or a map of username, password and auth"
            fail(value, f"{field}.{host}", message, go_text(value), said=field)
        found[host] = _auth(value) if isinstance(value, MapNode) else go_text(value)
    return found


def _auth(node: MapNode) -> dict[str, JsonValue]:
    return {
        key: go_text(node.entries[key])
        for key in ("username", "password", "auth")
        if isinstance(node.entries.get(key), ScalarNode) and not is_null(node.entries[key])
    }
