"""How the values of the configuration are found and read (spec 30 sections 2.1, 2.8)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edge.config.keys import FLAT, KEYS, Key, Value, is_inert, is_missed_guard, is_read_by
from edge.core.durations import parse_go_duration
from edge.core.errors import UserError

__all__ = ["read_values"]

#: commands that would serve a page with less protection than the file asks for
_SERVES_PAGES = ("server", "start-all")
_TRUE, _FALSE = ("1", "t", "true"), ("0", "f", "false")


class _RangeError(UserError):
    """A value of the right type that is out of range."""


def read_values(
    file: Path | None, environ: Mapping[str, str], flags: Mapping[str, str], section: str = "all"
) -> tuple[dict[str, Value], list[str]]:
    """Return (key -> value for every key that somebody set, warnings).

    `section` names the command that asks: a key that it does not read is checked for its type
    only and has no effect. Raises: UserError naming the file and line, the variable or the flag.
    """
    values: dict[str, Value] = {}
    warnings: list[str] = []
    last: dict[str, Value] = {}

    def take(target: dict[str, Value], name: str, raw: object, source: str) -> None:
        is_read = is_read_by(name, section)
        try:
            value = _value(name, raw, source)
        except _RangeError:
            if is_read:
                raise
            return
        if value is None:
            if is_read:
                warnings.append(f"Invalid {name} value: {raw}")
        elif is_read:
            target[name] = value

    if file is not None:
        from edge.config.file import read_file

        entries = read_file(file)
        _check_names([(entry.key, entry.line) for entry in entries], warnings, file)
        for entry in entries:
            folded = entry.key.lower()
            if section in _SERVES_PAGES and is_missed_guard(folded, entry.value):
                raise UserError(
                    f"failed to build config: {file}:{entry.line}: {folded} is not available in"
                    " this version of edge yet",
                    hint="remove it; the page is served on loopback only",
                )
            name = FLAT.get(folded, folded)
            if name in KEYS:
                target = last if folded in FLAT else values
                take(target, name, entry.value, f"{file}:{entry.line}")
    for name, key in KEYS.items():
        found = _from_environment(environ, key)
        if found is not None:
            variable, text = found
            take(values, name, text, variable)
    values |= last
    for name, text in flags.items():
        value = _value(name, text, f"--{name}")
        if value is not None:
            values[name] = value
    return values, warnings


def _from_environment(environ: Mapping[str, str], key: Key) -> tuple[str, str] | None:
    for prefix in ("EDGE_", "DAGU_"):
        for name in key.env:
            if environ.get(prefix + name):
                return prefix + name, environ[prefix + name]
    return None


def _check_names(names: list[tuple[str, int]], warnings: list[str], file: Path) -> None:
    unknown = [(name, line) for name, line in names if name.lower() not in KEYS | FLAT]
    legacy = {
        name: _snake(name)
        for name, _ in unknown
        if _snake(name) != name.lower() and _is_known(_snake(name))
    }
    if legacy:
        raise UserError(
            f"{file}: config file uses legacy camelCase keys; migrate to snake_case: "
            + ", ".join(f"{old.lower()} -> {new}" for old, new in legacy.items())
        )
    for name, line in unknown:
        folded = name.lower()
        if is_inert(folded) or folded.startswith("worker.labels."):
            continue
        near = _nearest(folded)
        if folded.startswith("edge."):
            raise UserError(f"{file}:{line}: unknown key {name}{near}")
        warnings.append(f"{file}:{line}: unknown key {name} is ignored{near}")


def _is_known(name: str) -> bool:
    return name in KEYS or name in FLAT or is_inert(name)


def _nearest(name: str) -> str:
    import difflib

    match = difflib.get_close_matches(name, list(KEYS), n=1, cutoff=0.6)
    return f"; did you mean {match[0]}?" if match else ""


def _snake(name: str) -> str:
    return "".join(
        f"_{char.lower()}" if char.isupper() and i and name[i - 1] not in "._" else char.lower()
        for i, char in enumerate(name)
    )


def _value(name: str, raw: object, source: str) -> Value | None:
    """Return the value; None for a duration that cannot be read: it warns and has no effect."""
    kind = KEYS[name].kind
    fail = f"failed to unmarshal config: {source}: '{name}' cannot parse value as"
    if kind in ("count", "port"):
        number = _int(raw)
        if number is None:
            raise UserError(f"{fail} 'int' (value: {raw})")
        if kind == "port" and not 0 <= number <= 65535:
            what = "port number" if name == "port" else name
            raise _RangeError(f"failed to build config: {source}: invalid {what}: {number}")
        if number < 0:
            raise _RangeError(f"failed to build config: {source}: {name} must be >= 0")
        return number
    if kind == "bool":
        text = str(raw).lower()
        if text not in _TRUE + _FALSE:
            raise UserError(f"{fail} 'bool' (value: {raw})")
        return text in _TRUE
    if kind == "seconds":
        seconds = _seconds(raw)
        if seconds is not None and seconds < 0:
            raise _RangeError(f"failed to build config: {source}: {name} must be >= 0")
        return seconds
    if kind == "list":
        items = raw if isinstance(raw, list) else str(raw).split(",")
        return tuple(str(item).strip() for item in items if str(item).strip())
    if kind == "pairs":
        return _pairs(raw)
    if isinstance(raw, (dict, list)):
        raise UserError(f"{fail} 'string'")
    text = str(raw)
    if "|" in kind and text not in kind.split("|"):
        raise _RangeError(
            f"failed to build config: {source}: invalid {name}: {text}"
            f" (must be one of: {', '.join(kind.split('|'))})"
        )
    if kind == "zone":
        _check_zone(text, source)
    return text


def _int(raw: object) -> int | None:
    if isinstance(raw, bool):
        return None
    try:
        return int(raw) if isinstance(raw, (int, str)) else None
    except ValueError:
        return None


def _seconds(raw: object) -> float | None:
    if isinstance(raw, (int, float)) and not isinstance(raw, bool):
        return float(raw)
    text = str(raw)
    try:
        return float(text) if text.replace(".", "", 1).isdigit() else parse_go_duration(text)
    except ValueError:
        return None


def _pairs(raw: object) -> dict[str, str]:
    if isinstance(raw, dict):
        return {str(key): value for key, value in raw.items() if isinstance(value, str)}
    items = raw if isinstance(raw, list) else str(raw).split(",")
    split = (str(item).partition("=") for item in items)
    return {key.strip(): value.strip() for key, sign, value in split if sign and key.strip()}


def _check_zone(text: str, source: str) -> None:
    from zoneinfo import ZoneInfo

    if not text:
        return
    try:
        ZoneInfo(text)
    except (OSError, ValueError, KeyError) as exc:
        raise UserError(
            f"failed to build config: {source}: failed to set timezone: failed to load timezone:"
            f" unknown time zone {text}"
        ) from exc
