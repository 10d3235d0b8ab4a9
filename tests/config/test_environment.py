"""What a step inherits (spec 11 section 7.6, spec 30 section 2.9)."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.config.environment import step_environment, user_environment
from edge.config.settings import Settings, load_settings


def _settings(home: Path, text: str = "") -> Settings:
    (home / "config.yaml").write_text(text)
    return load_settings(environ={"HOME": str(home)}, home=str(home))


def test_only_listed_names_and_prefixes_pass(tmp_path: Path) -> None:
    environ = {
        "PATH": "/bin",
        "LC_TIME": "C",
        "DAGU_X": "1",
        "DAG_Y": "2",
        "KUBERNETES_PORT": "3",
        "SECRET": "no",
        "PYTHONPATH": "no",
    }
    out = step_environment(environ, _settings(tmp_path))
    assert out.pop("DAGU_HOME") == str(tmp_path)
    assert out.pop("DAGU_CONFIG") == str(tmp_path / "config.yaml")
    assert out == {name: environ[name] for name in list(environ)[:5]}


@pytest.mark.parametrize(
    "name",
    [
        "_DAGU_INTERNAL_A",
        "DAGU_AUTH_TOKEN_SECRET",
        "DAGU_TUNNEL_TAILSCALE_AUTH_KEY",
        "EDGE_PORT",
    ],
)
def test_barred_names_never_pass(tmp_path: Path, name: str) -> None:
    settings = _settings(
        tmp_path, f"env_passthrough: [{name}]\nenv_passthrough_prefixes: [_DAGU, EDGE]\n"
    )
    assert name not in step_environment({name: "secret"}, settings)


def test_passthrough_zone_and_shell(tmp_path: Path) -> None:
    text = "env_passthrough: A\nenv_passthrough_prefixes: [B_]\ntz: Asia/Tokyo\n"
    settings = _settings(tmp_path, text + "default_shell: /bin/dash\n")
    out = step_environment({"A": "1", "B_2": "2", "C": "3", "TZ": "UTC"}, settings)
    assert (out["A"], out["B_2"], out["TZ"], out["SHELL"]) == ("1", "2", "Asia/Tokyo", "/bin/dash")
    assert "C" not in out


@pytest.mark.parametrize("left_behind", ["_PYI_APPLICATION_HOME_DIR", "_PYI_ARCHIVE_FILE"])
def test_a_frozen_program_gives_the_users_loader_path_back(left_behind: str) -> None:
    frozen = {"LD_LIBRARY_PATH": "/bundle", left_behind: "/bundle"}
    assert user_environment(frozen) == {}
    kept = user_environment(frozen | {"LD_LIBRARY_PATH_ORIG": "/usr/local/lib"})
    assert kept == {"LD_LIBRARY_PATH": "/usr/local/lib"}
    assert user_environment({"LD_LIBRARY_PATH": "/mine"}) == {"LD_LIBRARY_PATH": "/mine"}
