"""The runtime directory (DESIGN section 4)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge.config.runtime import control_socket, runtime_dir
from edge.core.errors import UserError


def test_order_of_places_and_mode(tmp_path: Path) -> None:
    unit, session = tmp_path / "unit", tmp_path / "session"
    environ = {"RUNTIME_DIRECTORY": f"{unit}:/other", "XDG_RUNTIME_DIR": str(session)}
    assert runtime_dir(environ) == unit
    del environ["RUNTIME_DIRECTORY"]
    assert runtime_dir(environ) == session / "edge"
    assert (session / "edge").stat().st_mode & 0o777 == 0o700
    assert control_socket(unit, 42) == unit / "edge-42.sock"


def test_a_link_or_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "edge").symlink_to(tmp_path / "real")
    with pytest.raises(UserError, match="belongs to another user"):
        runtime_dir({"XDG_RUNTIME_DIR": str(tmp_path)})
    (tmp_path / "edge").unlink()
    (tmp_path / "edge").write_text("")
    with pytest.raises(UserError, match="cannot be used"):
        runtime_dir({"XDG_RUNTIME_DIR": str(tmp_path)})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_another_users_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "edge").mkdir()
    os.chown(tmp_path / "edge", 12345, 12345)
    with pytest.raises(UserError, match="belongs to another user"):
        runtime_dir({"XDG_RUNTIME_DIR": str(tmp_path)})
