"""`edge validate`: check a workflow file; runs nothing (spec 10 section 14)."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.flags import Command, Flag, Parsed
from edge.core.errors import UserError

if TYPE_CHECKING:
    from edge.workflow.problems import Notice

__all__ = ["command", "run"]


def command(name: str) -> Command:
    """Return the arguments of the command."""
    return Command(
        name,
        "<DAG definition>",
        "Check a workflow file. Prints nothing when it is valid.",
        (
            Flag("show-unresolved", "", "bool", "also references that only a run can resolve"),
            Flag("json", "", "bool", "findings as JSON on stdout"),
            Flag("managed", "", "bool", "also the rules of a managed server", hidden=True),
        ),
        1,
        1,
    )


def run(parsed: Parsed) -> int:
    """Return 0 for a valid file, 1 for a faulty one."""
    if parsed.flag("managed"):
        raise UserError("validate --managed is not available in this version of edge yet")
    from edge.config.dagfiles import load_options, read_base, read_text, resolve_dag_file
    from edge.config.log import get_logger
    from edge.workflow.load import validate_text

    settings = parsed.settings()
    argument = parsed.positionals[0]
    path = resolve_dag_file(argument, settings)
    as_json = parsed.flag("json")
    try:
        text = read_text(path)
    except UserError as exc:
        if as_json:
            _print_json([_finding(path, 0, 0, "", "error", exc.message)])
        else:
            _print_failure(argument, [exc.message])
        return 1
    base = read_base(settings)
    options = load_options(settings)
    shown = argument
    # A file that is named by its path is checked raw first, one found by name after loading.
    by_name = not Path(argument).exists()
    report = validate_text(
        text,
        source_file=str(path),
        base_text=base,
        default_name=path.stem,
        raw_checks=not by_name,
        options=options,
    )
    if by_name and not report.errors:
        shown = str(path)
        report = validate_text(
            text,
            source_file=str(path),
            base_text=base,
            default_name=path.stem,
            options=options,
        )
    if as_json:
        findings = [
            _finding(path, item.line, item.column, item.field, "error", item.message)
            for item in report.errors
        ]
        findings += [_finding(path, 0, 0, "", "warning", text) for text in report.warnings]
        findings += [
            _finding(path, item.line, item.column, item.field, "notice", item.message)
            for item in _shown(report.notices, parsed)
        ]
        _print_json(findings)
        return 1 if report.errors else 0
    if report.errors:
        places = [f"{path}:{item}" for item in report.errors if item.line]
        _print_failure(shown, [*report.bullets], places)
        return 1
    log = get_logger().bind(file=argument)
    for warning in report.warnings:
        log.warning(warning)
    for notice in _shown(report.notices, parsed):
        reason = {"reason": notice.reason} if notice.reason else {}
        tell = log.warning if notice.kind == "defect" else log.info
        tell(notice.message, **reason)
    return 0


def _shown(notices: Iterable[Notice], parsed: Parsed) -> list[Notice]:
    """Leave out what only a run can resolve, unless it is asked for."""
    everything = parsed.flag("show-unresolved")
    return [notice for notice in notices if everything or notice.kind == "defect"]


def _print_failure(shown: str, bullets: list[str], places: list[str] | None = None) -> None:
    print(f"Error: Validation failed for {shown}", file=sys.stderr)
    for bullet in bullets:
        print("- " + bullet.replace("\n", "\n  "), file=sys.stderr)
    for place in places or ():
        print(f"  {place}", file=sys.stderr)


def _finding(
    path: Path, line: int, column: int, field: str, severity: str, message: str
) -> dict[str, str | int]:
    return {
        "file": str(path),
        "line": line,
        "column": column,
        "field": field,
        "severity": severity,
        "message": message,
    }


def _print_json(findings: list[dict[str, str | int]]) -> None:
    print(json.dumps(findings, indent=2, ensure_ascii=False))
