"""`mail.send` against a mail server of the test (spec 13 section 6)."""

from __future__ import annotations

import base64
import datetime as dt
import email
import email.message
import email.policy
import ipaddress
import ssl
from pathlib import Path

import pytest

from edge.actions.base import ActionError, Outcome
from edge.actions.mail_message import (
    Mail,
    envelope_address,
    html_body,
    mail_bytes,
    one_line,
)
from edge.actions.mail_server import MailServer, read_server, send_mail
from edge.core.jsontypes import JsonObject
from edge.workflow.model import DAG, SMTP
from edge.workflow.values import Scope
from tests.actions.context import Context
from tests.actions.smtpd import MailSink, mail_sink

_OPTIONS: JsonObject = {
    **{"from": "me@a.example", "to": ["x@b.example", "y@b.example"]},
    **{"subject": "Disk", "message": "one\ntwo"},
}


async def _send(
    sink: MailSink, options: JsonObject, *, cwd: Path | str = "/", **smtp: str
) -> tuple[Outcome, str, str]:
    server = SMTP(host="127.0.0.1", port=str(sink.port), **smtp)
    context = Context("mail.send", options, cwd=cwd, dag=DAG(name="t", smtp=server))
    outcome = await context.run()
    assert context.ignores_stop
    return outcome, context.out.decode(), context.err.decode()


def _parsed(sink: MailSink) -> email.message.EmailMessage:
    found = email.message_from_bytes(sink.data, policy=email.policy.default)
    assert isinstance(found, email.message.EmailMessage)
    return found


async def test_a_mail_without_credentials() -> None:
    """spec 13 section 6: no EHLO, no STARTTLS, no AUTH; what is printed; the head."""
    async with mail_sink(offers=("STARTTLS", "AUTH LOGIN PLAIN")) as sink:
        outcome, out, err = await _send(sink, _OPTIONS)
    assert (outcome, err) == (Outcome(0), "")
    assert out == (
        "sending email\n-----\nfrom: me@a.example\nto: x@b.example, y@b.example\nsubject: Disk\n"
        "message: one\ntwo\n-----\nsending email succeed."
    )
    assert [line.partition(" ")[0] for line in sink.lines] == [
        *("HELO", "MAIL", "RCPT", "RCPT", "DATA", "QUIT")
    ]
    mail = _parsed(sink)
    assert mail["To"] == "x@b.example,y@b.example" or mail["To"] == "x@b.example, y@b.example"
    assert (mail["From"], mail["Subject"]) == ("me@a.example", "Disk")
    assert mail.get_content_type() == "multipart/mixed"
    assert mail["Date"]
    assert mail["Message-ID"]
    body = mail.get_payload()[0]
    assert body["Content-Type"] == 'text/html; charset="UTF-8"'
    assert body["Content-Transfer-Encoding"] == "base64"
    assert body.get_payload(decode=True) == b"one<br />two"


# spec 13 section 6: body
@pytest.mark.parametrize(
    ("message", "body"),
    [
        ("a\r\nb\\nc", "a<br />b<br />c"),
        ("<!DOCTYPE html>\n<p>\\n", "<!DOCTYPE html>\n<p>\\n"),
        ("", ""),
    ],
)
def test_bodies(message: str, body: str) -> None:
    assert html_body(message) == body


# spec 13 section 6: headers
@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("a\r\nBcc: x", 0, "aBcc: x"),
        ("a%0aB%0D%0AC", 0, "aBC"),
        ("x" * 300, 256, "x" * 256),
        ("é" * 200, 256, "é" * 128),
    ],
)
def test_headers_are_one_line(text: str, limit: int, shown: str) -> None:
    assert one_line(text, limit) == shown


def test_a_header_beyond_ascii_is_encoded() -> None:
    """spec 13 section 6: non-ASCII headers are encoded properly."""
    mail = Mail(sender="Jürg <j@a.example>", to=("b@b.example",), subject="Füllstand", message="")
    data = mail_bytes(mail, now_s=0)
    assert data.isascii()
    parsed = email.message_from_bytes(data, policy=email.policy.default)
    assert (parsed["Subject"], parsed["From"]) == ("Füllstand", "Jürg <j@a.example>")


@pytest.mark.parametrize(
    ("text", "address"),
    [("A <a@b>", "a@b"), ("a@b", "a@b"), ("", ""), ("a@b\r\nRCPT TO:<c@d>", "a@bRCPT TO:<c@d>")],
)
def test_envelope_addresses(text: str, address: str) -> None:
    """spec 13 section 6: MAIL and RCPT take the bare address, on one line."""
    assert "\n" not in envelope_address(text)
    assert envelope_address(text) == address or "\r" not in address


async def test_attachments_are_text_parts(tmp_path: Path) -> None:
    """spec 13 section 6: base name, base64; unreadable and empty files are left out."""
    (tmp_path / "r.csv").write_bytes(b"a,b\n")
    (tmp_path / "empty").touch()
    async with mail_sink() as sink:
        files: JsonObject = {"attachments": ["r.csv", "empty", "missing"]}
        outcome, _, _ = await _send(sink, {**_OPTIONS, **files}, cwd=tmp_path)
    assert outcome == Outcome(0)
    _, part = _parsed(sink).get_payload()
    assert part.get_content_type() == "text/plain"
    assert part.get_filename() == "r.csv"
    assert part.get_payload(decode=True) == b"a,b\n"


async def test_missing_texts_are_sent_empty() -> None:
    """spec 13 section 6: `MAIL FROM:<>`; a string `to` is one address."""
    async with mail_sink() as sink:
        outcome, _, _ = await _send(sink, {"to": "a@b.example"})
    assert outcome == Outcome(0)
    assert sink.lines[1:3] == ["MAIL FROM:<>", "RCPT TO:<a@b.example>"]


# spec 13 section 6: failures name the phase
@pytest.mark.parametrize(
    ("options", "refuses", "error", "has_block"),
    [
        ({}, {}, "no valid recipients specified", False),
        ({"to": ["", " "]}, {}, "no valid recipients specified", False),
        (_OPTIONS, {"MAIL": "550 no"}, 'MAIL FROM failed: 550 "no"', True),
        (_OPTIONS, {"RCPT": "553 who"}, 'RCPT TO failed: 553 "who"', True),
        (_OPTIONS, {"DATA": "451 later"}, 'DATA failed: 451 "later"', True),
        (_OPTIONS, {"HELO": "500 what"}, 'HELO failed: 500 "what"', True),
    ],
)
async def test_failures(
    options: JsonObject, refuses: dict[str, str], error: str, has_block: bool
) -> None:
    async with mail_sink(refuses=refuses) as sink:
        outcome, out, err = await _send(sink, options)
    assert (outcome, err) == (Outcome(1, error), "error occurred.")
    assert out.startswith("sending email\n") is has_block
    assert "succeed" not in out


async def test_no_server_is_a_plain_failure() -> None:
    """spec 13 section 6: none configured; none that listens."""
    outcome = await Context("mail.send", _OPTIONS).run()
    assert outcome == Outcome(
        1, "mail: no server is configured; set `smtp` at the root of the workflow"
    )
    dag = DAG(name="t", smtp=SMTP(host="127.0.0.1", port="1"))
    outcome = await Context("mail.send", _OPTIONS, dag=dag).run()
    assert outcome == Outcome(1, "dial tcp 127.0.0.1:1: connect: connection refused")


@pytest.mark.parametrize(
    ("smtp", "error"),
    [
        (SMTP(host="h", port="x"), 'mail: invalid port "x"'),
        (
            SMTP(host="h", username="u", oauth={"a": "b"}),
            "smtp.oauth is not available in this build of edge",
        ),
    ],
)
def test_servers_that_cannot_be_used(smtp: SMTP, error: str) -> None:
    """spec 13 section 1.7: `smtp` is the only source."""
    with pytest.raises(ActionError, match=error):
        read_server(smtp, Scope())


def test_the_root_block_is_resolved() -> None:
    """spec 13 section 1.7: root blocks are value-resolved."""
    smtp = SMTP(host="${params.H}", port="", username="u", password="$P")
    found = read_server(smtp, Scope(params={"H": "mail", "P": "secret"}))
    assert (found.host, found.port, found.has_credentials) == ("mail", 25, True)


# spec 13 section 6: credentials
@pytest.mark.parametrize(
    ("offers", "refuses", "words", "error"),
    [
        (("AUTH PLAIN LOGIN",), {}, ["EHLO", "AUTH", "MAIL"], ""),
        (("AUTH PLAIN",), {}, ["EHLO", "AUTH", "MAIL"], ""),
        ((), {}, ["EHLO", "MAIL"], ""),
        (("AUTH PLAIN",), {"AUTH": "535 no"}, ["EHLO", "AUTH"], 'authentication failed: 535 "no"'),
        (
            ("AUTH NTLM",),
            {},
            ["EHLO"],
            "authentication failed: the server offers neither LOGIN nor PLAIN",
        ),
    ],
)
async def test_logging_in(
    offers: tuple[str, ...], refuses: dict[str, str], words: list[str], error: str
) -> None:
    async with mail_sink(offers=offers, refuses=refuses) as sink:
        outcome, _, _ = await _send(sink, _OPTIONS, username="u", password="p")
    seen = [line.partition(" ")[0] for line in sink.lines]
    known = [word for word in seen if word in ("EHLO", "AUTH", "MAIL")]
    assert (outcome.error, known[: len(words)]) == (error, words)
    assert sink.lines[0] == "EHLO localhost"


async def test_login_comes_before_plain() -> None:
    """spec 13 section 6: AUTH LOGIN, then PLAIN."""
    async with mail_sink(offers=("AUTH PLAIN LOGIN",)) as sink:
        await _send(sink, _OPTIONS, username="u", password="p")
    logins = [line for line in sink.lines if line.startswith("AUTH")]
    assert logins[0].startswith("AUTH LOGIN")
    assert base64.b64encode(b"p").decode() in sink.lines


def _certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return contexts for a server with a new certificate, and for who trusts it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    cert, secret = folder / "c.pem", folder / "k.pem"
    cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert, secret)
    return server, ssl.create_default_context(cafile=str(cert))


_MAIL = Mail(sender="a@b", to=("c@d",), subject="s", message="m")


async def test_starttls_is_used_and_verified(tmp_path: Path) -> None:
    """spec 13 section 6: STARTTLS if offered, the certificate verified."""
    tls, trust = _certificate(tmp_path)
    async with mail_sink(offers=("STARTTLS", "AUTH LOGIN"), tls=tls) as sink:
        server = MailServer(host="127.0.0.1", port=sink.port, username="u", password="p")
        await send_mail(server, _MAIL, trust=trust)
        words = [line.partition(" ")[0] for line in sink.lines]
        assert words[:4] == ["EHLO", "STARTTLS", "EHLO", "AUTH"]
        with pytest.raises(ActionError, match="certificate verify failed"):
            await send_mail(server, _MAIL)


async def test_a_login_needs_tls_or_the_same_machine() -> None:
    """spec 13 section 6: LOGIN without TLS only to localhost."""
    # 127.0.0.2 is no name of the machine's own that the rule knows
    async with mail_sink(host="127.0.0.2", offers=("AUTH LOGIN",)) as sink:
        server = MailServer(host="127.0.0.2", port=sink.port, username="u", password="p")
        with pytest.raises(ActionError, match="authentication failed: the connection is not"):
            await send_mail(server, _MAIL)
    assert "AUTH" not in "".join(sink.lines)


async def test_the_answer_to_quit_does_not_matter() -> None:
    """spec 13 section 6: a mail that the server has taken is sent."""
    async with mail_sink(refuses={"QUIT": "500 no"}) as sink:
        outcome, _, _ = await _send(sink, _OPTIONS)
    assert outcome == Outcome(0)


async def test_a_silent_server_ends_after_30_s(monkeypatch: pytest.MonkeyPatch) -> None:
    """spec 13 section 6: 30 s from dial to QUIT, shortened here."""
    monkeypatch.setattr("edge.actions.mail_server._LIMIT_S", 0.2)
    async with mail_sink(is_silent=True) as sink:
        with pytest.raises(ActionError, match="did not take the mail within"):
            await send_mail(MailServer(host="127.0.0.1", port=sink.port), _MAIL)
