"""`mail.send` (spec 13 section 6)."""

from __future__ import annotations

import os

from edge.actions.base import ActionContext, ActionError, Outcome
from edge.actions.inprocess import go_error, in_thread, run_in_process
from edge.actions.inputs import Inputs, resolve_path
from edge.actions.mail_message import Attachment, Mail
from edge.actions.mail_server import read_server, send_mail

__all__ = ["read_attachments", "run_mail"]

_RULE = "-----"
#: of all attachments together; they are held in memory
_ATTACHED_MAX_BYTES = 64 * 1024 * 1024


async def run_mail(context: ActionContext) -> Outcome:
    """Send the mail once. Short, so that a stop waits for it."""
    return await run_in_process(context, _send, ignores_stop=True)


async def _send(context: ActionContext, inputs: Inputs) -> None:
    try:
        await _deliver(context, inputs)
    except ActionError:
        context.write_stderr(b"error occurred.")
        raise
    context.write_stdout(b"sending email succeed.")


async def _deliver(context: ActionContext, inputs: Inputs) -> None:
    server = read_server(context.dag.smtp, context.scope)
    to = tuple(text for text in inputs.texts("to") if text.strip())
    if not to:
        raise ActionError("no valid recipients specified")
    paths = [resolve_path(context, text) for text in inputs.texts("attachments") if text]
    files, skipped = await in_thread(read_attachments, paths)
    if context.scope.warn is not None:
        for text in skipped:
            context.scope.warn(f"mail: attachment left out: {text}")
    mail = Mail(
        sender=inputs.text("from"),
        to=to,
        subject=inputs.text("subject"),
        message=inputs.text("message"),
        attachments=files,
    )
    lines = (
        "sending email",
        _RULE,
        f"from: {mail.sender}",
        f"to: {', '.join(to)}",
        f"subject: {mail.subject}",
        f"message: {mail.message}",
        _RULE,
    )
    text = "".join(f"{line}\n" for line in lines)
    context.write_stdout(text.encode("utf-8", "surrogateescape"))
    await send_mail(server, mail)


def read_attachments(paths: list[str]) -> tuple[tuple[Attachment, ...], list[str]]:
    """Return the files, and why others are left out. Raises: ActionError for too much of them."""
    found: list[Attachment] = []
    skipped: list[str] = []
    room = _ATTACHED_MAX_BYTES
    for path in paths:
        try:
            with open(path, "rb") as file:
                data = file.read(room + 1)
        except OSError as exc:
            skipped.append(go_error("open", exc, path))
            continue
        if len(data) > room:
            raise ActionError(f"mail: the attachments are larger than {_ATTACHED_MAX_BYTES} bytes")
        room -= len(data)
        if data:
            found.append(Attachment(os.path.basename(path), data))
        else:
            skipped.append(f"{path} is empty")
    return tuple(found), skipped
