"""What a step inherits from edge's own environment (spec 11 section 7.6, spec 30 section 2.9)."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping

from edge.config.settings import Settings

__all__ = ["engine_environment", "step_environment", "user_environment"]

_NAMES = frozenset(
    "PATH HOME USER SHELL TMPDIR TERM EDITOR VISUAL LANG LC_ALL LC_CTYPE TZ LD_LIBRARY_PATH"
    " XDG_CONFIG_HOME XDG_DATA_HOME XDG_CACHE_HOME XDG_STATE_HOME DOCKER_HOST DOCKER_TLS_VERIFY"
    " DOCKER_CERT_PATH DOCKER_API_VERSION".split()
)
_PREFIXES = ("DAGU_", "DAG_", "LC_", "KUBERNETES_")
#: never, whatever the passthrough says
_BARRED = ("_DAGU_INTERNAL_*", "_DAGU_PRESOLVED_*", "DAGU_AUTH_*", "*_TUNNEL_*AUTH_KEY", "EDGE_*")
#: what PyInstaller's loader leaves behind: the one-dir form has the first only
_FROZEN = ("_PYI_ARCHIVE_FILE", "_PYI_APPLICATION_HOME_DIR")


def user_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return `environ` as the user had it: a frozen edge runs with a loader path of its own."""
    out = dict(environ)
    if "LD_LIBRARY_PATH_ORIG" in out:
        out["LD_LIBRARY_PATH"] = out.pop("LD_LIBRARY_PATH_ORIG")
    elif not out.keys().isdisjoint(_FROZEN):
        out.pop("LD_LIBRARY_PATH", None)
    return {name: value for name, value in out.items() if not name.startswith("_PYI_")}


def step_environment(environ: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """Return layer 1 of a step's environment (spec 11 section 7.1)."""
    prefixes = _PREFIXES + settings.env_passthrough_prefixes
    out = {
        name: value
        for name, value in user_environment(environ).items()
        if (name in _NAMES or name in settings.env_passthrough or name.startswith(prefixes))
        and not _is_barred(name)
    }
    if settings.home is not None:
        out["DAGU_HOME"] = str(settings.home)
    if settings.paths.config_file is not None:
        out["DAGU_CONFIG"] = str(settings.paths.config_file)
    if settings.tz:
        out["TZ"] = settings.tz
    if settings.default_shell:
        out["SHELL"] = settings.default_shell
    return out


def engine_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what `${env.X}` and `eval` may read of edge's own environment.

    Everything but what is barred from steps (DESIGN section 10).
    """
    return {
        name: value for name, value in user_environment(environ).items() if not _is_barred(name)
    }


def _is_barred(name: str) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in _BARRED)
