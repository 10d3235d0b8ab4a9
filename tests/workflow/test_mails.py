from __future__ import annotations

import pytest

from edge.workflow.model import Mail, MailOn
from tests.workflow.helpers import load, refused

STEPS = "\nsteps: [{run: a}]\n"


# `mail_on` of spec 10 section 4
@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("~", MailOn()),
        ("{}", MailOn()),
        ("{failure: true}", MailOn(failure=True)),
        ("{success: true, wait: true}", MailOn(success=True, wait=True)),
    ],
)
def test_mail_on(written: str, meant: MailOn) -> None:
    assert load(f"mail_on: {written}" + STEPS).mail_on == meant


# `error_mail`, `info_mail`, `wait_mail` of spec 10 section 4
@pytest.mark.parametrize("field", ["error_mail", "info_mail", "wait_mail"])
@pytest.mark.parametrize(
    ("written", "mail"),
    [
        ("~", None),
        ("{from: a@b, to: c@d}", Mail(sender="a@b", to=("c@d",))),
        ("{to: 'a@b, c@d'}", Mail(to=("a@b, c@d",))),
        ("{to: [a@b, c@d]}", Mail(to=("a@b", "c@d"))),
        ("{to: ''}", Mail()),
        ("{prefix: '[plant]', attach_logs: true}", Mail(prefix="[plant]", attach_logs=True)),
    ],
)
def test_mails(field: str, written: str, mail: Mail | None) -> None:
    assert getattr(load(f"{field}: {written}" + STEPS), field) == mail


# `webhook` of spec 10 section 4
@pytest.mark.parametrize(
    ("written", "headers"),
    [
        ("~", ()),
        ("{}", ()),
        ("{forward_headers: []}", ()),
        ("{forward_headers: [X-Request-Id, x-request-id, ETag]}", ("x-request-id", "etag")),
    ],
)
def test_webhook_headers(written: str, headers: tuple[str, ...]) -> None:
    assert load(f"webhook: {written}" + STEPS).webhook_headers == headers


# errors of spec 10 section 4
@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("[x, Authorization]", "[1]': authorization header cannot be forwarded"),
        ("[X-Dagu-Profile]", "[0]': x-dagu-profile header cannot be forwarded"),
        ("['']", "[0]': header name cannot be empty"),
        ("['  ']", "[0]': header name cannot be empty"),
        ("['a b']", "[0]': invalid HTTP header name"),
        ("['ä']", "[0]': invalid HTTP header name"),
        ("['a:']", "[0]': invalid HTTP header name"),
        ("[5]", "'webhook.forward_headers[0]' expected type 'string'"),
        ("x", "'webhook.forward_headers' source data must be an array or slice"),
    ],
)
def test_webhook_errors(written: str, message: str) -> None:
    error = refused(f"webhook: {{forward_headers: {written}}}" + STEPS)
    assert message in error.message
    assert error.problems[0].line == 1


def test_every_bad_header_is_reported() -> None:
    error = refused("webhook: {forward_headers: ['', ok, 'a b']}" + STEPS)
    assert [problem.field for problem in error.problems] == [
        "webhook.forward_headers[0]",
        "webhook.forward_headers[2]",
    ]


# wrong shapes: spec 10 section 1.2
@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("mail_on: {failure: 'yes'}", "'mail_on.failure' expected type 'bool'"),
        ("mail_on: {fail: true}", "'mail_on' has invalid keys: fail"),
        ("error_mail: {to: 5}", "'error_mail.to' failed to unmarshal from YAML"),
        ("info_mail: {subject: x}", "'info_mail' has invalid keys: subject"),
        ("webhook: {headers: []}", "'webhook' has invalid keys: headers"),
    ],
)
def test_wrong_shapes(written: str, message: str) -> None:
    assert message in refused(written + STEPS).message
