"""Log lines on stderr: one event text plus key-values, as text or JSON (spec 30 section 2.10)."""

from __future__ import annotations

import json
import sys
import time
from typing import TextIO

__all__ = ["Logger", "configure", "format_json", "format_text", "get_logger"]

_LEVELS = {"DEBUG": 10, "INFO": 20, "WARN": 30, "ERROR": 40}
#: journald priorities (sd-daemon(3)), used when stderr is the journal
_PRIORITIES = {"DEBUG": 7, "INFO": 6, "WARN": 4, "ERROR": 3}


class _Sink:
    """Where lines go; one per process, set by `configure`."""

    def __init__(self) -> None:
        self.level = _LEVELS["INFO"]
        self.fmt = "text"
        self.stream: TextIO | None = None
        self.journal = False


_sink = _Sink()


def configure(
    *,
    fmt: str = "text",
    debug: bool = False,
    quiet: bool = False,
    stream: TextIO | None = None,
    journal: bool = False,
) -> None:
    """Set format (`text`, else JSON), level and stream for the whole process.

    `quiet` silences every line; `stream` None means stderr as it is at the time of each line.
    `journal` puts the priority prefix of sd-daemon(3) before each line.
    """
    _sink.level = 100 if quiet else _LEVELS["DEBUG" if debug else "INFO"]
    _sink.fmt = fmt
    _sink.stream = stream
    _sink.journal = journal


class Logger:
    """Writes events with the fields bound to it."""

    __slots__ = ("_fields",)

    def __init__(self, fields: dict[str, object] | None = None) -> None:
        self._fields = fields or {}

    def bind(self, **fields: object) -> Logger:
        """Return a logger that adds `fields` to each line."""
        return Logger({**self._fields, **fields})

    def debug(self, msg: str, **fields: object) -> None:
        self._write("DEBUG", msg, fields)

    def info(self, msg: str, **fields: object) -> None:
        self._write("INFO", msg, fields)

    def warning(self, msg: str, **fields: object) -> None:
        self._write("WARN", msg, fields)

    def error(self, msg: str, **fields: object) -> None:
        self._write("ERROR", msg, fields)

    def _write(self, level: str, msg: str, fields: dict[str, object]) -> None:
        if _LEVELS[level] < _sink.level:
            return
        merged = {**self._fields, **fields}
        make = format_text if _sink.fmt == "text" else format_json
        line = make(time.time_ns(), level, msg, merged)
        if _sink.journal:
            line = f"<{_PRIORITIES[level]}>{line}"
        stream = _sink.stream or sys.stderr
        try:
            stream.write(line + "\n")
            stream.flush()
        except (OSError, ValueError):
            # A log that cannot be written must not end a run: the reader of our stderr is gone.
            pass


_root = Logger()


def get_logger() -> Logger:
    """Return the logger without bound fields."""
    return _root


def format_text(time_ns: int, level: str, msg: str, fields: dict[str, object]) -> str:
    """Return `time=... level=... msg=... key=value ...`; values are quoted when needed."""
    seconds, ns = divmod(time_ns, 1_000_000_000)
    local = time.localtime(seconds)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", local) + f".{ns // 1_000_000:03d}" + _offset(local)
    parts = [f"time={stamp}", f"level={level}", f"msg={_quoted(msg)}"]
    parts += [f"{key.replace('_', '-')}={_quoted(_text(value))}" for key, value in fields.items()]
    return " ".join(parts)


def format_json(time_ns: int, level: str, msg: str, fields: dict[str, object]) -> str:
    """Return one JSON object; `time` in UTC with nanoseconds."""
    seconds, ns = divmod(time_ns, 1_000_000_000)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{ns:09d}Z"
    data: dict[str, object] = {"time": stamp, "level": level, "msg": msg}
    for key, value in fields.items():
        plain = value if isinstance(value, (str, int, float, bool, list)) else str(value)
        data[key.replace("_", "-")] = plain
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def _offset(local: time.struct_time) -> str:
    seconds = local.tm_gmtoff
    if not seconds:
        return "Z"
    sign, seconds = ("-", -seconds) if seconds < 0 else ("+", seconds)
    return f"{sign}{seconds // 3600:02d}:{seconds // 60 % 60:02d}"


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return "[" + " ".join(_text(item) for item in value) + "]"
    if isinstance(value, dict):
        return ",".join(f"{key}={_text(item)}" for key, item in value.items())
    return str(value)


def _quoted(text: str) -> str:
    plain = text and text.isprintable() and not any(char in ' "=' for char in text)
    return text if plain else json.dumps(text, ensure_ascii=False)
