"""First start of a home directory (spec 30 section 2.3)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from edge.config.home import prepare_home
from edge.config.settings import Settings, load_settings
from edge.core.errors import UserError


def _settings(home: Path) -> Settings:
    return load_settings(environ={"HOME": str(home)}, home=str(home))


def test_creates_directories_and_a_commented_base(tmp_path: Path) -> None:
    home = tmp_path / "new" / "home"
    prepare_home(_settings(home))
    for name in ("dags", "data", "logs", "suspend"):
        assert (home / name).is_dir()
        assert (home / name).stat().st_mode & 0o027 == 0
    base = home / "base.yaml"
    assert base.stat().st_mode & 0o777 == 0o600
    assert yaml.safe_load(base.read_text()) == {
        "type": "graph",
        "overlap_policy": "skip",
        "log_output": "separate",
        "hist_retention_days": 30,
        "max_clean_up_time_sec": 5,
        "max_active_steps": 10,
        "max_output_size": 1048576,
        "catchup_window": "6h",
    }
    assert (home / ".base-config-created").exists()
    assert list((home / "dags").iterdir()) == []


def test_the_base_is_a_valid_base(tmp_path: Path) -> None:
    from edge.workflow.load import load_dag

    prepare_home(_settings(tmp_path))
    base = (tmp_path / "base.yaml").read_text()
    dag = load_dag('steps:\n  - run: "true"\n', default_name="x", base_text=base)
    assert (dag.max_active_steps, dag.hist_retention_days) == (10, 30)
    assert dag.warnings == ()


def test_keeps_a_persons_base_and_does_not_bring_a_deleted_one_back(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("type: chain\n")
    prepare_home(_settings(tmp_path))
    assert (tmp_path / "base.yaml").read_text() == "type: chain\n"
    (tmp_path / "base.yaml").unlink()
    (tmp_path / ".base-config-created").touch()
    prepare_home(_settings(tmp_path))
    assert not (tmp_path / "base.yaml").exists()


def test_a_file_in_the_way_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file")
    with pytest.raises(UserError, match=r"initialization error: .*logs: .*; that path is a file"):
        prepare_home(_settings(tmp_path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_home_names_the_way_out(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(UserError, match=r"permission denied; .*--dagu-home"):
            prepare_home(_settings(tmp_path))
    finally:
        tmp_path.chmod(0o700)
