"""`sftp.upload` and `sftp.download` against the machine's sshd (spec 13 section 5)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.actions.base import Outcome
from edge.workflow.model import DAG, SSH
from tests.actions.context import Context
from tests.actions.sshd import Sshd, running_sshd


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running_sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server


async def _sftp(
    sshd: Sshd, word: str, cwd: Path, source: str, destination: str, **more: Any
) -> tuple[Outcome, str]:
    values = {**sshd.options, "source": source, "destination": destination, **more}
    context = Context(f"sftp.{word}", {**values, "direction": word}, cwd=cwd)  # type: ignore[dict-item]
    return await context.run(), context.out.decode()


async def test_a_file_goes_up(sshd: Sshd, tmp_path: Path) -> None:
    """spec 13 section 5: remote parents, the mode, the old file replaced, nothing left over."""
    (tmp_path / "f").write_bytes(b"x" * 100_000)
    (tmp_path / "f").chmod(0o640)
    to = tmp_path / "new" / "deep" / "g"
    for _ in range(2):
        outcome, out = await _sftp(sshd, "upload", tmp_path, "f", str(to))
        assert (outcome, out) == (
            Outcome(0),
            f"Uploaded {tmp_path}/f (100000 bytes) to {to}\n",
        )
    assert to.read_bytes() == b"x" * 100_000
    assert to.stat().st_mode & 0o777 == 0o640
    assert [item.name for item in to.parent.iterdir()] == ["g"]


async def test_directories_go_both_ways(sshd: Sshd, tmp_path: Path) -> None:
    """spec 13 section 5: whole directories; one line a file, whole paths."""
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "a").write_text("A")
    (tree / "sub" / "b").write_text("BB")
    up, down = tmp_path / "up", tmp_path / "down"
    outcome, out = await _sftp(sshd, "upload", tmp_path, "tree", str(up))
    assert outcome == Outcome(0)
    assert sorted(out.splitlines()) == [
        f"Uploaded {tree}/a (1 bytes) to {up}/a",
        f"Uploaded {tree}/sub/b (2 bytes) to {up}/sub/b",
    ]
    (up / "a").chmod(0o600)
    outcome, out = await _sftp(sshd, "download", tmp_path, str(up), "down")
    assert outcome == Outcome(0)
    assert f"Downloaded {up}/sub/b (2 bytes) to {down}/sub/b" in out.splitlines()
    assert (down / "sub" / "b").read_text() == "BB"
    assert (down / "a").stat().st_mode & 0o777 == 0o600


# spec 13 section 5: what cannot be copied
@pytest.mark.parametrize(
    ("word", "source", "destination", "error"),
    [
        ("upload", "", "/x", "failed to set up step: source path is required for sftp step"),
        ("download", "/x", "", "failed to set up step: destination path is required for sftp step"),
        (
            "download",
            "/nonexistent/f",
            "f",
            "failed to stat remote /nonexistent/f: file does not exist",
        ),
        (
            "upload",
            "nonexistent",
            "/x",
            "failed to open local open {cwd}/nonexistent: no such file or directory",
        ),
    ],
)
async def test_errors(
    sshd: Sshd, tmp_path: Path, word: str, source: str, destination: str, error: str
) -> None:
    outcome, _ = await _sftp(sshd, word, tmp_path, source, destination)
    assert outcome == Outcome(1, error.format(cwd=tmp_path))


async def test_the_connection_of_the_root(sshd: Sshd, tmp_path: Path) -> None:
    """spec 13 section 1.7: sftp inherits the connection when the step gives no `host`."""
    (tmp_path / "f").write_text("x")
    root = SSH(
        host="127.0.0.1",
        port=str(sshd.port),
        user=sshd.user,
        key=str(sshd.key),
        known_host_file=str(sshd.known_hosts),
    )
    context = Context(
        "sftp.upload",
        {"source": "f", "destination": str(tmp_path / "g"), "direction": "upload"},
        cwd=tmp_path,
        dag=DAG(name="t", ssh=root),
    )
    assert await context.run() == Outcome(0)
    assert (tmp_path / "g").read_text() == "x"
