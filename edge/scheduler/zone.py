"""The zone in which schedules are read: the settings', else the process's, else the machine's."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from zoneinfo import ZoneInfo

from edge.core.errors import UserError

__all__ = ["schedule_zone"]

_LOCALTIME = "/etc/localtime"


def schedule_zone(name: str, environ: Mapping[str, str], localtime: str = _LOCALTIME) -> dt.tzinfo:
    """Return the zone. Raises: UserError when `name`, from the settings, is unknown.

    A TZ variable that names no zone is passed over, as libc does; the last resort is UTC.
    """
    if name:
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise UserError(f"unknown time zone {name}", hint="set tz to an IANA name") from None
    try:
        if text := environ.get("TZ", "").removeprefix(":"):
            return ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        pass
    try:
        with open(localtime, "rb") as file:
            return ZoneInfo.from_file(file, key="Local")
    except (OSError, ValueError):
        return dt.UTC
