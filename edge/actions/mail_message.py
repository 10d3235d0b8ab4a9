"""What a mail looks like on the wire (spec 13 section 6)."""

from __future__ import annotations

import email.utils
import re
from collections.abc import Sequence
from dataclasses import dataclass
from email import encoders
from email.header import Header
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.policy import SMTP

__all__ = ["Attachment", "Mail", "envelope_address", "html_body", "mail_bytes", "one_line"]

_BREAKS = re.compile(r"\r\n|\r|\n|\\n")
_HEADER_BREAKS = re.compile(r"[\r\n]|%0[ad]", re.IGNORECASE)
_HEADER_MAX_BYTES = 256


@dataclass(frozen=True, slots=True)
class Attachment:
    """One file of a mail."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail, its texts as they were given."""

    sender: str
    to: tuple[str, ...]
    subject: str
    message: str
    attachments: tuple[Attachment, ...] = ()


def one_line(text: str, limit_bytes: int = 0) -> str:
    """Return a header's text without what would start another header; cut when a limit is given."""
    text = _HEADER_BREAKS.sub("", text)
    if not limit_bytes:
        return text
    return text.encode("utf-8", "replace")[:limit_bytes].decode("utf-8", "ignore")


def html_body(message: str) -> str:
    """Return the HTML of a message; a text that is no HTML document keeps its lines."""
    if message.lower().startswith("<!doctype html"):
        return message
    return _BREAKS.sub("<br />", message)


def envelope_address(text: str) -> str:
    """Return the bare address of `Name <a@b>`, for MAIL and RCPT."""
    text = one_line(text).strip()
    _, address = email.utils.parseaddr(text)
    return address or text


def mail_bytes(mail: Mail, *, now_s: float) -> bytes:
    """Return the whole mail: headers, the HTML part, attachments."""
    whole = MIMEMultipart("mixed", policy=SMTP.clone(max_line_length=None))
    whole["To"] = _addresses(mail.to)
    whole["From"] = _addresses((one_line(mail.sender, _HEADER_MAX_BYTES),))
    whole["Subject"] = _encoded(one_line(mail.subject, _HEADER_MAX_BYTES))
    whole["Date"] = email.utils.formatdate(now_s)
    whole["Message-ID"] = email.utils.make_msgid(domain="edge.localdomain")
    body = html_body(mail.message).encode("utf-8", "replace")
    whole.attach(_part("text", "html", body, charset="UTF-8"))
    for item in mail.attachments:
        part = _part("text", "plain", item.data)
        part.add_header("Content-Disposition", "attachment", filename=one_line(item.name))
        whole.attach(part)
    return whole.as_bytes()


def _part(main: str, sub: str, data: bytes, charset: str = "") -> MIMEBase:
    part = MIMEBase(main, sub)
    if charset:
        part.set_param("charset", charset)
    part.set_payload(data)
    encoders.encode_base64(part)
    return part


def _addresses(texts: Sequence[str]) -> str:
    found = []
    for text in texts:
        name, address = email.utils.parseaddr(one_line(text))
        if name and not text.isascii() and address.isascii():
            found.append(email.utils.formataddr((name, address), "utf-8"))
        else:
            found.append(_encoded(one_line(text)))
    return ",".join(found)


def _encoded(text: str) -> str:
    """Return a header's text in ASCII (RFC 2047)."""
    if text.isascii():
        return text
    return Header(text.encode("utf-8", "replace").decode(), "utf-8", maxlinelen=998).encode()
