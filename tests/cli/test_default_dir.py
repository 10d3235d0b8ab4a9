"""Parts of `edge start` that need no run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge.cli.main import run
from edge.cli.start import with_default_dir
from edge.workflow.model import DAG


# spec 10 section 6.3: an explicit directory beats the default one
@pytest.mark.parametrize(
    ("own", "given", "found"),
    [
        ("", "/w", "/w"),
        ("/own", "/w", "/own"),
        ("", "", ""),
        ("", "rel", os.path.abspath("rel")),
        ("", "~/w", os.path.expanduser("~/w")),
    ],
)
def test_default_directory(own: str, given: str, found: str) -> None:
    assert with_default_dir(DAG(name="t", working_dir=own), given).working_dir == found


def test_a_directory_does_not_go_to_a_worker(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """spec 10 section 6.3: the directory is one of this host."""
    words = ["start", "--dispatch", "--default-working-dir", "/w", str(tmp_path / "t.yaml")]
    assert run(words) == 1
    assert (
        "--default-working-dir cannot be used together with --dispatch" in capsys.readouterr().err
    )
