"""Mails about runs and failed steps (spec 12 section 9, spec 10 section 4)."""

from __future__ import annotations

import email
import email.policy
from pathlib import Path

import pytest

from edge.core.record import NodeRecord, RunRecord
from edge.core.status import NodeStatus, RunStatus
from edge.engine.attempt import new_record
from edge.engine.notices import Notice, run_notice, step_notice
from edge.workflow.values import Scope
from tests.actions.smtpd import mail_sink
from tests.engine.helpers import make_dag, make_runner, make_spec, run_to_end

_MAILS = """
mail_on: {failure: true, success: true, wait: true}
error_mail: {from: 'me@${params.D}', to: e@x, prefix: '[Error]', attach_logs: true}
info_mail: {from: me, to: [i@x, j@x], prefix: '[Info]'}
wait_mail: {from: me, to: w@x}
steps: [{id: a, run: exit 1}]
"""


def _record(folder: Path, status: RunStatus) -> RunRecord:
    record = new_record(make_spec(make_dag(_MAILS), folder))
    record.status = status
    node = record.nodes[0]
    node.stdout, node.stderr, node.error = "/l/o", "/l/e", "<bad>"
    return record


# spec 12 section 9: which mail, by status
@pytest.mark.parametrize(
    ("status", "error", "to", "subject"),
    [
        (RunStatus.FAILED, "x", ("e@x",), "[Error] t (failed)"),
        (RunStatus.PARTIALLY_SUCCEEDED, "x", ("e@x",), "[Error] t (partially_succeeded)"),
        (RunStatus.SUCCEEDED, "", ("i@x", "j@x"), "[Info] t (succeeded)"),
        (RunStatus.PARTIALLY_SUCCEEDED, "", ("i@x", "j@x"), "[Info] t (partially_succeeded)"),
        (RunStatus.WAITING, "", ("w@x",), "t (waiting)"),
        (RunStatus.ABORTED, "x", (), ""),
    ],
)
def test_who_is_told(
    tmp_path: Path, status: RunStatus, error: str, to: tuple[str, ...], subject: str
) -> None:
    record = _record(tmp_path, status)
    notice = run_notice(make_dag(_MAILS), record, error, Scope(params={"D": "d"}))
    assert (notice.to, notice.subject) == (to, subject) if notice else to == ()


def test_nobody_is_told_without_mail_on(tmp_path: Path) -> None:
    """spec 12 section 9: each event by its own flag; without an address there is no mail."""
    record = _record(tmp_path, RunStatus.FAILED)
    for text in (_MAILS.replace("failure: true, ", ""), _MAILS.replace("to: e@x, ", "")):
        assert run_notice(make_dag(text), record, "x", Scope()) is None


def test_what_a_mail_says(tmp_path: Path) -> None:
    """spec 10 section 4: `from`, `prefix`, `attach_logs`; texts of a run are no markup."""
    record = _record(tmp_path, RunStatus.FAILED)
    notice = run_notice(make_dag(_MAILS), record, "<e>", Scope(params={"D": "d"}))
    assert isinstance(notice, Notice)
    assert notice.sender == "me@d"
    assert notice.attachments == ("/l/o", "/l/e")
    assert notice.body.startswith("<!DOCTYPE html>")
    assert "&lt;bad&gt;" in notice.body
    assert "<e>" not in notice.body


@pytest.mark.parametrize(
    ("status", "is_told"), [(NodeStatus.FAILED, True), (NodeStatus.SUCCEEDED, False)]
)
def test_a_failed_step_is_told_of(status: NodeStatus, is_told: bool) -> None:
    """spec 12 section 9: `mail_on_error` per failed node."""
    node = NodeRecord(step={"name": "a"}, status=status, error="no")
    notice = step_notice(make_dag(_MAILS), node, Scope())
    assert (notice is not None) is is_told
    assert notice is None or notice.subject == "[Error] t (a failed)"


async def test_a_run_sends_its_mails(tmp_path: Path) -> None:
    """spec 12 section 9 by a real run: the failed step's, then the run's, with logs."""
    async with mail_sink() as sink:
        text = _MAILS.replace(
            "steps: [{id: a, run: exit 1}]",
            f"smtp: {{host: 127.0.0.1, port: {sink.port}}}\n"
            "steps: [{id: a, run: echo printed; exit 1, mail_on_error: true}]",
        )
        runner = make_runner(text, tmp_path)
        result = await run_to_end(runner)
    assert result.status is RunStatus.FAILED
    assert [line for line in sink.lines if line.startswith("DATA")] == ["DATA", "DATA"]
    mail = email.message_from_bytes(sink.data, policy=email.policy.default)
    assert mail["Subject"] == "[Error] t (failed)"
    payload = [part.get_payload(decode=True) for part in mail.walk()]
    assert b"printed\n" in payload


async def test_a_mail_that_cannot_be_sent_changes_nothing(tmp_path: Path) -> None:
    """spec 12 section 9: the run ends as it did; its log has a warning."""
    text = _MAILS.replace("run: exit 1", "run: 'true'") + "smtp: {host: 127.0.0.1, port: 1}\n"
    runner = make_runner(text, tmp_path)
    result = await run_to_end(runner)
    assert result.status is RunStatus.SUCCEEDED
    assert "failed to send mail: dial tcp 127.0.0.1:1" in (tmp_path / "log" / "s.log").read_text()
