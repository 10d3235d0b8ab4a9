"""Where the files of an installation lie (spec 30 section 2.2)."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Home", "Paths", "default_paths", "expand", "find_home"]

#: `$NAME` or `${NAME}`; one that is not set stays as it is written
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")
_SYSTEM_CONFIG = Path("/etc/edge/config.yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """Absolute paths of one installation; `config_file` None = there is none."""

    config_file: Path | None
    dags_dir: Path
    base_config: Path
    data_dir: Path
    log_dir: Path
    suspend_flags_dir: Path
    artifact_dir: Path
    work_dir: Path
    #: holds `<workspace>/base.yaml` (spec 10 section 5)
    workspaces_dir: Path

    @property
    def store_file(self) -> Path:
        return self.data_dir / "edge.db"


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Where to look first: one directory for all, or configuration and data apart."""

    config_dir: Path
    #: None: the XDG layout
    unified: Path | None
    data: Path


def find_home(environ: Mapping[str, str], home: str | None) -> Home:
    """Resolve the home directory: flag, EDGE_HOME or DAGU_HOME, ~/.dagu, XDG."""
    user = Path(environ.get("HOME") or os.path.expanduser("~"))
    named = home or environ.get("EDGE_HOME") or environ.get("DAGU_HOME")
    if named:
        path = expand(named, environ)
        return Home(config_dir=path, unified=path, data=path / "data")
    if _SYSTEM_CONFIG.is_file():
        system = Path("/var/lib/edge")
        return Home(config_dir=_SYSTEM_CONFIG.parent, unified=system, data=system / "data")
    old = user / ".dagu"
    if old.is_dir():
        return Home(config_dir=old, unified=old, data=old / "data")
    share = environ.get("XDG_DATA_HOME") or str(user / ".local/share")
    return Home(config_dir=user / ".config/dagu", unified=None, data=Path(share) / "dagu")


def default_paths(home: Home) -> dict[str, Path]:
    """Return the defaults of the `paths` keys, by key."""
    if home.unified is not None:
        top, data = home.unified, home.unified / "data"
        dags, base = top / "dags", home.config_dir / "base.yaml"
    else:
        top, data = home.data, home.data / "data"
        dags, base = home.config_dir / "dags", home.config_dir / "base.yaml"
    return {
        "dags_dir": dags,
        "base_config": base,
        "data_dir": data,
        "log_dir": top / "logs",
        "suspend_flags_dir": top / "suspend",
        "artifact_dir": data / "artifacts",
        "dag_run_work_dir": data / "dag-run-work",
        "workspaces_dir": data / "workspaces",
    }


def expand(text: str, environ: Mapping[str, str]) -> Path:
    """Trim, expand `$VAR` and `~`, make absolute against the working directory, clean."""
    value = text.strip()
    if "$" in value:
        value = _VARIABLE.sub(lambda found: environ.get(found[1] or found[2], found[0]), value)
    if value == "~" or value.startswith("~/"):
        value = (environ.get("HOME") or os.path.expanduser("~")) + value[1:]
    return Path(os.path.abspath(value))
