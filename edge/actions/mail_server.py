"""Handing a mail to a server (spec 13 section 6). The thread owns the connection."""

from __future__ import annotations

import smtplib
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import trio

from edge.actions.base import ActionError
from edge.actions.inprocess import in_thread
from edge.actions.mail_message import Mail, envelope_address, mail_bytes
from edge.actions.net_errors import DialError, blocking_socket, dial
from edge.workflow.field_policy import policy_of
from edge.workflow.model import SMTP
from edge.workflow.values import Scope, resolve

__all__ = ["MailServer", "read_server", "send_mail"]

#: from dial to QUIT
_LIMIT_S = 30.0
_IMPLICIT_TLS_PORT = 465
_DEFAULT_PORT = 25
_LOCAL = ("localhost", "127.0.0.1", "::1")
_NAME = "localhost"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """The server of the root's `smtp`, resolved."""

    host: str
    port: int
    username: str = ""
    password: str = ""

    @property
    def has_credentials(self) -> bool:
        """Return whether the mails go out as a user."""
        return bool(self.username or self.password)


def read_server(smtp: SMTP | None, scope: Scope) -> MailServer:
    """Return the server. Raises: ActionError when there is none that can be used."""
    if smtp is None or not smtp.host:
        raise ActionError("mail: no server is configured; set `smtp` at the root of the workflow")
    if smtp.oauth is not None:
        raise ActionError("smtp.oauth is not available in this build of edge")

    def text(value: str) -> str:
        return resolve(value, policy_of("steps[].with"), scope)

    port = text(smtp.port).strip()
    if port and not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65_536):
        raise ActionError(f'mail: invalid port "{port}"')
    return MailServer(
        host=text(smtp.host).strip(),
        port=int(port) if port else _DEFAULT_PORT,
        username=text(smtp.username),
        password=text(smtp.password),
    )


async def send_mail(server: MailServer, mail: Mail, *, trust: ssl.SSLContext | None = None) -> None:
    """Deliver one mail within 30 s. Raises: ActionError naming the phase.

    `trust`: certificates to verify the server by, those of the system by default.
    """
    with trio.move_on_after(_LIMIT_S) as limit:
        try:
            stream = await dial(server.host, server.port, timeout_s=_LIMIT_S)
        except DialError as exc:
            raise ActionError(str(exc)) from exc
        line = blocking_socket(stream)
        # closing one of two handles never blocks
        stream.socket.close()
        await in_thread(_deliver, server, mail, line, trust, interrupt=lambda: _shut(line))
    if limit.cancelled_caught:
        raise ActionError(f"mail: {server.host} did not take the mail within {_LIMIT_S:.0f} s")


def _shut(line: socket.socket) -> None:
    try:
        line.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


def _deliver(
    server: MailServer, mail: Mail, line: socket.socket, trust: ssl.SSLContext | None
) -> None:
    is_secure = server.port == _IMPLICIT_TLS_PORT
    try:
        line.settimeout(_LIMIT_S)
        if is_secure:
            line = _tls(trust).wrap_socket(line, server_hostname=server.host)
        with line:
            smtp = _Smtp(server, line)
            try:
                _greet(smtp, server, is_secure, trust)
                _hand_over(smtp, mail)
                _leave(smtp)
            finally:
                smtp.close()
    except smtplib.SMTPServerDisconnected as exc:
        raise ActionError(f"mail: the server closed the connection: {exc}") from exc
    except smtplib.SMTPResponseException as exc:
        raise ActionError(f"mail: {_reply(exc.smtp_code, exc.smtp_error)}") from exc
    except (smtplib.SMTPException, OSError, ValueError) as exc:
        raise ActionError(f"mail: {exc}") from exc


def _tls(trust: ssl.SSLContext | None) -> ssl.SSLContext:
    context = trust or ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class _Smtp(smtplib.SMTP):
    """A session over a connection that is already there."""

    def __init__(self, server: MailServer, line: socket.socket) -> None:
        self._line = line
        super().__init__(server.host, server.port, local_hostname=_NAME, timeout=_LIMIT_S)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return self._line


def _greet(
    smtp: smtplib.SMTP, server: MailServer, is_secure: bool, trust: ssl.SSLContext | None
) -> None:
    if not server.has_credentials:
        _check("HELO", *smtp.helo(_NAME))
        return
    _check("EHLO", *smtp.ehlo(_NAME))
    if not is_secure and smtp.has_extn("starttls"):
        _check("STARTTLS", *smtp.starttls(context=_tls(trust)))
        _check("EHLO", *smtp.ehlo(_NAME))
        is_secure = True
    if not smtp.has_extn("auth"):
        return
    if not is_secure and server.host not in _LOCAL:
        raise ActionError("authentication failed: the connection is not encrypted")
    smtp.user, smtp.password = server.username, server.password
    offered = smtp.esmtp_features["auth"].upper().split()
    last = "the server offers neither LOGIN nor PLAIN"
    for name, answer in (("LOGIN", smtp.auth_login), ("PLAIN", smtp.auth_plain)):
        if name not in offered:
            continue
        try:
            smtp.auth(name, answer)
        except smtplib.SMTPAuthenticationError as exc:
            last = _reply(exc.smtp_code, exc.smtp_error)
        else:
            return
    raise ActionError(f"authentication failed: {last}")


def _hand_over(smtp: smtplib.SMTP, mail: Mail) -> None:
    sender = envelope_address(mail.sender)
    recipients = [envelope_address(item) for item in mail.to]
    options: Sequence[str] = ()
    if not all(item.isascii() for item in (sender, *recipients)):
        if not smtp.has_extn("smtputf8"):
            raise ActionError("MAIL FROM failed: the server takes ASCII addresses only")
        smtp.command_encoding = "utf-8"
        options = ("SMTPUTF8",)
    _check("MAIL FROM", *smtp.mail(sender, options))
    for recipient in recipients:
        _check("RCPT TO", *smtp.rcpt(recipient))
    try:
        _check("DATA", *smtp.data(mail_bytes(mail, now_s=time.time())))
    except smtplib.SMTPDataError as exc:
        raise ActionError(f"DATA failed: {_reply(exc.smtp_code, exc.smtp_error)}") from exc


def _leave(smtp: smtplib.SMTP) -> None:
    """Say goodbye; the mail is with the server whatever it answers."""
    try:
        smtp.quit()
    except (smtplib.SMTPException, OSError):
        pass


def _check(phase: str, code: int, text: bytes) -> None:
    if not 200 <= code < 300:
        raise ActionError(f"{phase} failed: {_reply(code, text)}")


def _reply(code: int, text: Any) -> str:
    shown = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return f'{code} "{shown}"'
