"""Mails about runs, and the headers a webhook hands on (spec 10 section 4)."""

from __future__ import annotations

import re

from edge.workflow.decode import Decoded
from edge.workflow.model import Mail, MailOn
from edge.workflow.nodes import ListNode, MapNode, Node, go_text
from edge.workflow.problems import FaultError, Findings
from edge.workflow.shapes import fail, read_texts

__all__ = ["read_mail", "read_mail_on", "read_webhook_headers"]

#: a token of RFC 9110, section 5.6.2
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
#: would give a run the caller's credentials, or let the caller choose the run's profile
_WITHHELD = ("authorization", "x-dagu-profile")


def read_mail_on(node: Node | None) -> MailOn:
    """Return the events that send a mail."""
    if not isinstance(node, MapNode):
        return MailOn()
    fields = Decoded(node)
    return MailOn(
        failure=fields.flag("failure"), success=fields.flag("success"), wait=fields.flag("wait")
    )


def read_mail(node: Node | None) -> Mail | None:
    """Return the addresses of one kind of mail; None when there are none."""
    if not isinstance(node, MapNode):
        return None
    fields = Decoded(node)
    to = fields.get("to")
    return Mail(
        sender=fields.text("from"),
        to=() if to is None else tuple(text for text in read_texts(to, "to") if text),
        prefix=fields.text("prefix"),
        attach_logs=fields.flag("attach_logs"),
    )


def read_webhook_headers(node: Node | None) -> tuple[str, ...]:
    """Return the names in lower case, each once. Raises: FaultError with every bad name."""
    listed = Decoded(node).get("forward_headers") if isinstance(node, MapNode) else None
    if not isinstance(listed, ListNode):
        return ()
    found = Findings()
    names: list[str] = []
    for index, item in enumerate(listed.items):
        try:
            names.append(_header(item, f"webhook.forward_headers[{index}]"))
        except FaultError as exc:
            found.errors.append(exc)
    found.raise_any()
    return tuple(dict.fromkeys(names))


def _header(node: Node, field: str) -> str:
    written = go_text(node)
    name = written.strip().lower()
    if not name:
        fail(node, field, "header name cannot be empty", written)
    if not re.fullmatch(_TOKEN, name):
        fail(node, field, f'invalid HTTP header name "{written}"', written)
    if name in _WITHHELD:
        fail(node, field, f"{name} header cannot be forwarded", written)
    return name
