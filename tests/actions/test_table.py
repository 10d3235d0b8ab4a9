"""Which actions are built, and what they need (spec 13 sections 1.1 and 25)."""

from __future__ import annotations

import pytest

from edge.actions.table import is_built, missing_library
from edge.engine.support import missing_of_step
from edge.workflow.model import Step


# spec 13 section 25: a missing library disables one action only, which names the extra
@pytest.mark.parametrize(
    ("type_", "action", "extra"),
    [
        ("http", "http.request", "http"),
        ("wait", "wait.http", "http"),
        ("ssh", "ssh.run", "ssh"),
        ("sftp", "sftp.upload", "ssh"),
        ("wait", "wait.file", ""),
        ("mail", "mail.send", ""),
        ("docker", "docker.run", ""),
        ("git", "git.checkout", ""),
    ],
)
def test_a_missing_library_is_named(
    type_: str, action: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Step(name="a", type=type_, action=action)
    assert is_built(step)
    assert missing_library(step) == ""
    monkeypatch.setattr("edge.actions.table.find_spec", lambda name: None)
    text = (
        f'action "{action}" needs the extra "{extra}", which is not installed:'
        f" pip install 'edge-workflows[{extra}]'"
    )
    assert missing_of_step(step) == (text if extra else "")
