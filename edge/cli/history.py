"""`edge history`: a list of runs (spec 30 section 1.8)."""

from __future__ import annotations

import datetime as dt
import json
import re
import sys
import time

from edge.cli.flags import Command, Flag, Parsed
from edge.core.clock import format_rfc3339, from_ms
from edge.core.errors import UserError
from edge.core.status import RunStatus, display_status
from edge.store.types import RunFilter, RunSummary

__all__ = ["command", "history_duration", "parse_statuses", "run"]

_COLUMNS = ("DAG NAME", "RUN ID", "STATUS", "STARTED (UTC)", "DURATION", "PARAMS")
_WORDS = {status.word: status for status in RunStatus}
_ALIASES = {
    "notstarted": "not_started",
    "success": "succeeded",
    "partiallysucceeded": "partially_succeeded",
    "failure": "failed",
    "canceled": "aborted",
    "cancelled": "aborted",
    "cancel": "aborted",
}
_DAY_MS = 86_400_000
_LAST = re.compile(r"(\d+)([hdw])")


def command(name: str) -> Command:
    """Return the arguments of the command."""
    return Command(
        name,
        "[DAG name]",
        "List runs, newest first; without a time those of the last 30 days.",
        (
            Flag("from", help="earliest start: YYYY-MM-DD or RFC 3339"),
            Flag("to", help="latest start: YYYY-MM-DD or RFC 3339"),
            Flag("last", help="7d, 24h, 1w"),
            Flag("status", help="statuses, separated by commas"),
            Flag("run-id", help="part of the run id"),
            Flag("labels", help="labels that a run must have, separated by commas"),
            Flag("tags", help="old name of --labels", hidden=True),
            Flag("format", "f", help="table (default), json or csv"),
            Flag("limit", "l", help="at most so many (100)"),
            Flag("json", "", "bool", "same as --format json"),
        ),
        0,
        1,
    )


def run(parsed: Parsed) -> int:
    """Print the list on stdout; an empty one says so on stderr."""
    fmt = "json" if parsed.flag("json") else parsed.text("format", "table")
    if fmt not in ("table", "json", "csv"):
        raise UserError(f"invalid format '{fmt}'. Valid formats: table, json, csv")
    now_ms = time.time_ns() // 1_000_000
    since_ms, until_ms = _window(parsed, now_ms)
    labels = [item for item in _labels(parsed).split(",") if item]
    limit, statuses = _limit(parsed), parse_statuses(parsed.text("status"))
    from edge.cli.output import no_runs_store
    from edge.config.dagfiles import dag_name_of
    from edge.store.host import this_host
    from edge.store.view import as_seen

    settings = parsed.settings()
    name = dag_name_of(parsed.positionals[0], settings) if parsed.positionals else ""
    store = no_runs_store(settings)
    rows: list[RunSummary] = []
    if store is not None:
        wanted = RunFilter(
            name=name,
            # A dead run is stored as running and shown as failed: ask for it with the failed.
            statuses=statuses | {RunStatus.RUNNING} if RunStatus.FAILED in statuses else statuses,
            since_ms=since_ms,
            until_ms=until_ms,
            run_id_contains=parsed.text("run-id"),
            labels=labels,
            limit=limit,
        )
        host = this_host()
        try:
            rows = [as_seen(row, host) for row in store.find_runs(wanted)]
        finally:
            store.close()
        rows = [row for row in rows if not statuses or row.status in statuses]
    if not rows:
        print("No DAG runs found matching the specified filters.", file=sys.stderr)
    if fmt == "json":
        text = json.dumps([_as_json(row, now_ms) for row in rows], indent=2, ensure_ascii=False)
        print(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))
    elif fmt == "csv":
        import csv

        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerows([_COLUMNS, *(_cells(row, now_ms) for row in rows)])
    elif rows:
        _print_table([_COLUMNS, *(_cells(row, now_ms, cut=40) for row in rows)])
    return 0


def _window(parsed: Parsed, now_ms: int) -> tuple[int | None, int | None]:
    last, since, until = parsed.text("last"), parsed.text("from"), parsed.text("to")
    if last:
        if since or until:
            raise UserError(
                "cannot use --last with --from or --to (conflicting time range specifications)"
            )
        match = _LAST.fullmatch(last)
        if match is None:
            raise UserError(
                f"invalid --last value '{last}': invalid format (expected: 7d, 24h, 1w)."
                " Valid formats: 7d, 24h, 1w, 30d"
            )
        unit_ms = {"h": 3_600_000, "d": _DAY_MS, "w": 7 * _DAY_MS}[match[2]]
        return now_ms - int(match[1]) * unit_ms, None
    first = _date("from", since) if since else None
    end = _date("to", until) if until else None
    if first is None and end is None:
        return now_ms - 30 * _DAY_MS, None
    return first, end


def _date(flag: str, text: str) -> int:
    for pattern in ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"):
        try:
            value = dt.datetime.strptime(text, pattern).replace(tzinfo=dt.UTC)
            return int(value.timestamp()) * 1000
        except ValueError:
            continue
    try:
        value = dt.datetime.fromisoformat(text)
    except ValueError:
        value = dt.datetime.min
    if value.tzinfo is None:
        raise UserError(
            f"invalid --{flag} date '{text}': unsupported date format. Expected format: 2006-01-02"
            " or 2006-01-02T15:04:05Z"
        )
    return int(value.timestamp() * 1000)


def _labels(parsed: Parsed) -> str:
    if parsed.text("labels") and parsed.text("tags"):
        raise UserError("labels and deprecated tags cannot both be set")
    return parsed.text("labels") or parsed.text("tags")


def _limit(parsed: Parsed) -> int:
    text = parsed.text("limit", "100")
    if not text.isdigit() or int(text) < 1:
        raise UserError(f"invalid --limit value '{text}': must be a positive integer")
    if int(text) > 1000:
        print(f"Warning: limit capped at 1000 (requested: {text})", file=sys.stderr)
    return min(int(text), 1000)


def parse_statuses(text: str) -> frozenset[RunStatus]:
    """Return the statuses of a comma list, aliases included. Raises: UserError."""
    found = set()
    for word in filter(None, (part.strip().lower() for part in text.split(","))):
        name = _ALIASES.get(word, word)
        if name not in _WORDS:
            raise UserError(
                f"invalid status '{word}'. Valid values: running, succeeded, failed, aborted,"
                " queued, waiting, rejected, not_started, partially_succeeded"
            )
        found.add(_WORDS[name])
    return frozenset(found)


def history_duration(seconds: float) -> str:
    """Return `< 1s`, `42s`, `3m5s`, `2h`, `1d4h`: two units at most."""
    whole = int(seconds)
    if whole < 1:
        return "< 1s"
    parts: list[tuple[int, str]] = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, whole = divmod(whole, size)
        if count or parts:
            parts.append((count, unit))
    return "".join(f"{count}{unit}" for count, unit in parts[:2] if count)


def _duration(row: RunSummary, now_ms: int) -> str:
    if row.started_ms is None or row.status is RunStatus.QUEUED:
        return "-"
    end = row.finished_ms if row.finished_ms is not None else now_ms
    return history_duration(max(0, end - row.started_ms) / 1000)


def _cells(row: RunSummary, now_ms: int, cut: int = 0) -> tuple[str, ...]:
    started = "-"
    if row.started_ms is not None and row.status is not RunStatus.QUEUED:
        started = from_ms(row.started_ms, dt.UTC).strftime("%Y-%m-%d %H:%M:%S")
    params = row.params or "-"
    if cut and len(params) > cut:
        params = params[: cut - 3] + "..."
    status = display_status(row.status.word)
    return (row.name, row.run_id, status, started, _duration(row, now_ms), params)


def _as_json(row: RunSummary, now_ms: int) -> dict[str, object]:
    data: dict[str, object] = {
        "name": row.name,
        "dagRunId": row.run_id,
        "status": row.status.word,
        "startedAt": format_rfc3339(row.started_ms, dt.UTC),
        "finishedAt": format_rfc3339(row.finished_ms, dt.UTC),
        "duration": _duration(row, now_ms),
        "params": row.params,
        "labels": list(row.labels),
        "workerId": row.worker_id,
        "error": row.error,
    }
    return {key: value for key, value in data.items() if value}


def _print_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[at]) for row in rows) for at in range(len(_COLUMNS))]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        print("  ".join(cells).rstrip())
