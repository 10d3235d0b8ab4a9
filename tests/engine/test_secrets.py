"""Looking up secrets (spec 11 section 9)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge.engine.secrets import SecretError, resolve_secrets
from edge.workflow.model import Secret
from edge.workflow.values import Scope, Source


def _scope() -> Scope:
    scope = Scope(host={"HOSTED": "host", "BOTH": "host"})
    scope = scope.child([("PASSED", "process"), ("BOTH", "process")], Source.PROCESS)
    return scope.child([("ROOT", "root")], Source.DAG_ENV).child([("DOT", "dot")], Source.DOTENV)


# spec 11 section 9: provider env looks in root env, dotenv and process env
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("ROOT", "root"),
        ("DOT", "dot"),
        ("PASSED", "process"),
        ("BOTH", "process"),
        ("HOSTED", "host"),
    ],
)
def test_env(key: str, value: str) -> None:
    assert resolve_secrets([Secret(name="S", provider="env", key=key)], _scope(), ["/"]) == {
        "S": value
    }


def test_file_takes_the_whole_content(tmp_path: Path) -> None:
    """spec 11 section 9: final newline included; the first folder that has it."""
    second = tmp_path / "dags"
    second.mkdir()
    (second / "token").write_bytes(b"abc\n")
    folders = [str(tmp_path / "work"), str(second)]
    for key in ("token", str(second / "token")):
        secret = Secret(name="S", provider="file", key=key)
        assert resolve_secrets([secret], _scope(), folders) == {"S": "abc\n"}


# spec 11 section 9: failure texts
@pytest.mark.parametrize(
    ("secret", "reason"),
    [
        (Secret(name="S", provider="env", key="K"), 'environment variable "K" is not set'),
        (Secret(name="S", provider="vault", key="K"), "unknown secret provider: vault"),
        (
            Secret(name="S", provider="file", key="none"),
            'failed to read secret file "none": No such file or directory',
        ),
        (
            Secret(name="S", provider="file", key="big"),
            'secret file "big" is larger than 1048576 bytes',
        ),
        (
            Secret(name="S", provider="file", key="pipe"),
            'failed to read secret file "pipe": not a regular file',
        ),
        (Secret(name="S", provider="file", key="nul"), 'secret file "nul" holds a NUL byte'),
        (
            Secret(name="S", ref="plant/token"),
            'registry reference "plant/token": a secret registry is not available in this build'
            " of edge",
        ),
    ],
)
def test_failures(secret: Secret, reason: str, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * (1 << 20) + b"x")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "nul").write_bytes(b"a\0b")
    with pytest.raises(SecretError) as caught:
        resolve_secrets([secret], _scope(), [str(tmp_path)])
    assert str(caught.value) == f'failed to resolve secrets: secret "S": {reason}'
