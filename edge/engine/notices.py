"""Mails about runs: on failure, success and waiting, and of failed steps (spec 12 section 9).

What is sent is decided and written here; a mail that cannot be sent never changes how a run ends.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge.core.record import NodeRecord, RunRecord
from edge.core.status import NodeStatus, RunStatus
from edge.workflow.field_policy import policy_of
from edge.workflow.model import DAG, Mail
from edge.workflow.values import Scope, resolve

__all__ = ["Notice", "run_notice", "send_notice", "step_notice"]

_COLUMNS = ("Step", "Status", "Started", "Finished", "Error")
_RUN_ERROR_MAX = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One mail about a run, its texts resolved."""

    sender: str
    to: tuple[str, ...]
    subject: str
    body: str
    #: log files
    attachments: tuple[str, ...] = ()


def run_notice(dag: DAG, record: RunRecord, error: str, scope: Scope) -> Notice | None:
    """Return the mail about the end of a run; None when nobody wants one."""
    on, status = dag.mail_on, record.status
    mail: Mail | None = None
    if status is RunStatus.WAITING:
        mail = dag.wait_mail if on.wait else None
    elif status is RunStatus.FAILED or (error and status is not RunStatus.ABORTED):
        mail = dag.error_mail if on.failure else None
    elif status.is_success:
        mail = dag.info_mail if on.success else None
    nodes = [node for _, node in record.all_nodes()]
    return _notice(dag, mail, status.word, nodes, error, scope)


def step_notice(dag: DAG, node: NodeRecord, scope: Scope) -> Notice | None:
    """Return the mail about a step that failed (`mail_on_error`); None when it did not."""
    if node.status is not NodeStatus.FAILED:
        return None
    return _notice(dag, dag.error_mail, f"{node.name} failed", [node], node.error, scope)


def _notice(
    dag: DAG, mail: Mail | None, word: str, nodes: Sequence[NodeRecord], error: str, scope: Scope
) -> Notice | None:
    if mail is None or not mail.to:
        return None

    def text(value: str) -> str:
        return resolve(value, policy_of("steps[].with"), scope)

    logs = [path for node in nodes for path in (node.stdout, node.stderr) if path]
    return Notice(
        sender=text(mail.sender),
        to=tuple(map(text, mail.to)),
        subject=f"{text(mail.prefix)} {dag.name} ({word})".strip(),
        body=_body(dag.name, word, nodes, error),
        # a merged log is the file of both streams
        attachments=tuple(dict.fromkeys(logs)) if mail.attach_logs else (),
    )


def _body(name: str, word: str, nodes: Sequence[NodeRecord], error: str) -> str:
    """Return a HTML document, as every mail is one (spec 13 section 6)."""
    rows = [_row("th", _COLUMNS)]
    rows += [
        _row(
            "td",
            (
                node.name,
                node.status.word,
                _time(node.started_ms),
                _time(node.finished_ms),
                node.error,
            ),
        )
        for node in nodes
    ]
    shown = f"<p>{html.escape(error[:_RUN_ERROR_MAX])}</p>" if error else ""
    return (
        f"<!DOCTYPE html><html><body><h3>{html.escape(name)}: {html.escape(word)}</h3>{shown}"
        f'<table border="1" cellpadding="4">{"".join(rows)}</table></body></html>'
    )


def _row(tag: str, cells: Sequence[str]) -> str:
    inner = "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells)
    return f"<tr>{inner}</tr>"


def _time(at_ms: int | None) -> str:
    from edge.core.clock import format_rfc3339

    return format_rfc3339(at_ms) if at_ms else ""


async def send_notice(notice: Notice, dag: DAG, scope: Scope, warn: Callable[[str], None]) -> None:
    """Send a mail; what goes wrong is a warning. Bounded at 30 s."""
    from edge.actions.base import ActionError
    from edge.actions.inprocess import in_thread
    from edge.actions.mail import read_attachments
    from edge.actions.mail_message import Mail as Message
    from edge.actions.mail_server import read_server, send_mail

    try:
        server = read_server(dag.smtp, scope)
        files, skipped = await in_thread(read_attachments, list(notice.attachments))
        for text in skipped:
            warn(f"mail: attachment left out: {text}")
        message = Message(
            sender=notice.sender,
            to=notice.to,
            subject=notice.subject,
            message=notice.body,
            attachments=files,
        )
        await send_mail(server, message)
    except ActionError as exc:
        warn(f"failed to send mail: {exc}")
